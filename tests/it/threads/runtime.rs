//! The threads of the runtime itself are never refused, whatever the JVM is told to do; and the
//! JVM is none the worse for what a script was refused.

use std::collections::BTreeSet;

use super::page::{AUTHORIZED, FORBIDDEN};
use super::scripts::SCRIPT;
use super::worker::{Came, Task, Worker, as_without_a_fence, expect_each};
use crate::harness::{Scratch, fixture};
use crate::programs::{Jdk, source};

/// The runtime's threads and the host's, after a script was refused one.
fn tasks(jdk: &Jdk) -> Vec<Task> {
    let jcmd = jdk.program("jcmd");
    let attach = format!("{} $PPID VM.uptime >/dev/null && echo attached", jcmd.display());
    vec![
        Task::plugin(
            "groovy-log",
            "scripts.groovy.Eval",
            "logger.info('from groovy'); (1..10).sum()",
        ),
        Task::plugin(
            "groovy-thread",
            "scripts.groovy.Eval",
            "def t = new Thread({ }); t.start(); t.join(); logger.info('after'); 'ran'",
        ),
        Task::plugin("http", "core.http.Request", ""),
        Task::plugin("gcp", "gcp.Publish", "a topic"),
        Task::plugin("attach", "scripts.shell.Commands", &attach),
        Task::health(),
    ]
}

/// Runs the tasks on every JDK with options of the JVM; `options` says which exist there.
#[track_caller]
fn expect_well(policy: &str, options: impl Fn(&Jdk) -> Vec<String>) {
    for jdk in Jdk::all() {
        let options = options(&jdk);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let worker = Worker::fenced(jdk.clone(), policy).with(&options);
        let what = format!("{jdk} with {options:?} under {policy}");
        expect_each(&what, &worker.run(&tasks(&jdk)), as_fenced);
    }
}

fn as_fenced(came: &Came) -> bool {
    if came.task == "groovy-thread" { came.refused() } else { as_without_a_fence(came) }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// A flight recording from the start, beans for other machines, a debugger's door where the runtime
/// has one, and a collector with threads of its own.
fn watched(jdk: &Jdk, scratch: &Scratch) -> Vec<String> {
    let recording = scratch.path(&format!("{}.jfr", jdk.major));
    let mut options = words(
        "-XX:+UseParallelGC -Dcom.sun.management.jmxremote.port=0 \
         -Dcom.sun.management.jmxremote.authenticate=false \
         -Dcom.sun.management.jmxremote.ssl=false",
    );
    options.push(format!("-XX:StartFlightRecording=filename={}", recording.display()));
    // PyPI's runtime for Java 11 has no debugger's library.
    if jdk.major > 11 {
        options.extend(words(
            "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0",
        ));
    }
    options
}

/// Another collector, one compiler, and an end of the JVM at the first error of memory: a refusal
/// is none.
fn brittle(jdk: &Jdk) -> Vec<String> {
    let experimental = if jdk.major < 15 { "-XX:+UnlockExperimentalVMOptions " } else { "" };
    words(&format!("{experimental}-XX:+UseZGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError"))
}

#[test]
fn what_watches_a_jvm_has_its_threads() {
    let scratch = Scratch::new();
    expect_well(FORBIDDEN, |jdk| watched(jdk, &scratch));
}

#[test]
fn a_jvm_that_ends_at_errors_of_memory_goes_on() {
    expect_well(AUTHORIZED, brittle);
}

#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn every_jvm_has_its_threads_under_both_blocks() {
    let scratch = Scratch::new();
    expect_well(AUTHORIZED, |jdk| watched(jdk, &scratch));
    expect_well(FORBIDDEN, brittle);
    for policy in [AUTHORIZED, FORBIDDEN] {
        expect_well(policy, |_| words("-Xint"));
    }
}

/// Archives of classes are used, which are made without a fence.
#[test]
fn archives_of_classes_are_used() {
    let scratch = Scratch::new();
    for (major, write, read) in [
        (17, "-XX:ArchiveClassesAtExit=", "-Xshare:on -XX:SharedArchiveFile="),
        (25, "-XX:AOTCacheOutput=", "-XX:AOTMode=on -XX:AOTCache="),
    ] {
        let jdk = Jdk::new(major);
        let archive = scratch.text(&format!("{major}.archive"));
        Worker::open(jdk.clone()).with(&[&format!("{write}{archive}")]).run(&tasks(&jdk));
        // With an archive that it cannot use the JVM does not start.
        let options = words(&format!("{read}{archive}"));
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let worker = Worker::fenced(jdk.clone(), AUTHORIZED).with(&options);
        expect_each(&format!("{jdk} with {options:?}"), &worker.run(&tasks(&jdk)), as_fenced);
    }
}

/// The JVM's own checks of native code find nothing that they do not find without a fence.
#[test]
fn checked_jni_has_nothing_to_say_of_refusals() {
    for jdk in Jdk::all() {
        let complaints = |worker: Worker| -> BTreeSet<String> {
            let run = worker.with(&["-Xcheck:jni"]).output(&tasks(&jdk));
            let said = run.text().lines().chain(run.stderr.lines());
            let of_jni = said.filter(|line| {
                line.starts_with("WARNING in native")
                    || line.starts_with("FATAL ERROR in native")
                    || line.starts_with("WARNING: JNI")
            });
            of_jni.map(str::to_owned).collect()
        };
        let open = complaints(Worker::open(jdk.clone()));
        let fenced = complaints(Worker::fenced(jdk.clone(), FORBIDDEN));
        let new: Vec<_> = fenced.difference(&open).collect();
        assert!(new.is_empty(), "{jdk}: {new:?}");
    }
}

/// A script's shutdown hook creates no thread, and the host's own runs.
#[test]
fn hooks_at_the_end_are_judged_and_run() {
    let hook = "Runtime.runtime.addShutdownHook(new Thread({
        try {
            def t = new Thread({ println 'a hook ran a thread' })
            t.start()
            t.join()
        } catch (SecurityException refused) {
            println refused
        }
    }))
    'added'";
    for jdk in Jdk::all() {
        // The harness asserts that the host's own hook ran.
        let task = Task::new("hook", SCRIPT, hook);
        let open = Worker::open(jdk.clone()).output(std::slice::from_ref(&task));
        assert!(open.text().contains("a hook ran a thread"), "{jdk}: {open:#?}");
        let fenced = Worker::fenced(jdk.clone(), AUTHORIZED).output(std::slice::from_ref(&task));
        assert!(!fenced.text().contains("a hook ran a thread"), "{jdk}: {fenced:#?}");
        let refusal = "ringfence: io.kestra.plugin.scripts.groovy.Eval may not create a thread";
        assert!(fenced.text().contains(refusal), "{jdk}: {fenced:#?}");
    }
}

/// A library in C is judged by the plugin that calls it.
#[test]
fn threads_of_native_libraries_are_their_callers() {
    for jdk in Jdk::all() {
        let scratch = Scratch::new();
        // A JVM loads a library once for each of its loaders, and needs a file for each.
        let (ours, theirs) = (fixture("libcreate.so"), scratch.path("libcreate.so"));
        std::fs::copy(&ours, &theirs).expect("our own directory");
        let script = format!(
            "new URLClassLoader([new File(System.getProperty('payload')).toURI().toURL()] as URL[], (ClassLoader) null)\
             .loadClass('com.google.cloud.Native').create('{}')",
            theirs.display()
        );
        let tasks = [
            Task::plugin("scan", "gcp.Scan", ours.to_str().expect("a path of ours is UTF-8")),
            Task::new("script", SCRIPT, script),
        ];
        let values = |worker: Worker| -> Vec<String> {
            worker.run(&tasks).into_iter().map(|came| came.value).collect()
        };
        assert_eq!(values(Worker::open(jdk.clone())), ["0", "0"], "{jdk} without a fence");
        let eperm = libc::EPERM.to_string();
        assert_eq!(values(Worker::fenced(jdk.clone(), AUTHORIZED)), ["0", &eperm], "{jdk}");
        assert_eq!(values(Worker::fenced(jdk.clone(), FORBIDDEN)), ["0", &eperm], "{jdk}");
    }
}

/// Libc itself, called by Java from 22 on; where the call leaves the thread inside Java, it is nobody's.
#[test]
fn threads_by_java_lang_foreign_are_refused() {
    let script = std::fs::read_to_string(source("threads/foreign.groovy")).expect("a fixture");
    let value = |worker: Worker| -> String {
        let tasks = [Task::new("foreign", SCRIPT, script.as_str()), Task::health()];
        let came = worker.run(&tasks);
        assert!(as_without_a_fence(&came[1]), "the host is none the worse: {}", came[1]);
        came[0].value.clone()
    };
    let (eperm, einval) = (libc::EPERM, libc::EINVAL);
    assert_eq!(value(Worker::open(Jdk::new(25))), format!("[0, 0, {einval}, 0]"));
    for policy in [AUTHORIZED, FORBIDDEN] {
        let fenced = value(Worker::fenced(Jdk::new(25), policy));
        assert_eq!(fenced, format!("[{eperm}, {eperm}, {eperm}, {eperm}]"), "{policy}");
    }
}
