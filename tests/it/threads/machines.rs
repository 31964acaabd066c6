//! What a JVM is told by options and by its environment, and programs that are no worker.

use super::page::{AUTHORIZED, FORBIDDEN};
use super::worker::{Task, Worker, as_without_a_fence, came_of};
use crate::harness::{Fence, Outcome, Scratch, fixture};
use crate::programs::Jdk;

/// Runs a class of the fixtures inside a fence, with options in the environment.
#[track_caller]
fn java(fence: &Fence, jdk: &Jdk, options: &[&str], environment: &str, class: &str) -> Outcome {
    let mut java = fence.command(jdk.java());
    java.env("JAVA_TOOL_OPTIONS", environment).args(options);
    java.arg("-cp").arg(fixture("java")).arg(class);
    fence.finish(&mut java)
}

/// A fence with a native policy's rules about threads.
fn fenced(scratch: &Scratch, rules: &str) -> Fence {
    let text = format!("ringfence:\n  version: 1\n  threads: {rules}\n");
    Fence::by_policies(&[&scratch.file("policy.yaml", &text)], &[])
}

/// A checkpoint brings back the fence that it was made in, and an archive of classes that is made
/// inside a fence does not hold.
#[test]
fn what_outlives_a_fence_is_refused() {
    let scratch = Scratch::new();
    let rules = fenced(&scratch, "{forbidden: [com.acme.evil]}");
    let jdk = Jdk::new(25);
    let archive = format!("-XX:AOTCacheOutput={}", scratch.text("cache.aot"));
    for (option, code) in [
        ("-XX:CRaCRestoreFrom=/nowhere", "RF408"),
        ("-XX:AOTMode=record", "RF409"),
        (archive.as_str(), "RF409"),
    ] {
        for (given, environment) in [(&[option][..], ""), (&[], option)] {
            let run = java(&rules, &jdk, given, environment, "com.acme.Plain");
            assert_eq!(run.status.code(), Some(125), "{option}: {run:#?}");
            assert!(run.stderr.contains(code) && run.stdout.is_empty(), "{option}: {run:#?}");
        }
    }
    let quoted = "-XX:CRaC\"Restore\"'From=/nowhere'";
    let run = java(&rules, &jdk, &[], quoted, "com.acme.Plain");
    assert!(run.stderr.contains("RF408"), "{run:#?}");
    // Without rules about classes it is the JVM's own affair.
    let open = java(&Fence::open(), &jdk, &[], "-Dname=value", "com.acme.Plain");
    assert_eq!(lines(&open), ["program: ran", "evil: ran", "evil by good: ran", "pool: ran"]);
}

fn lines(run: &Outcome) -> Vec<&str> {
    run.text().lines().collect()
}

/// Without `callers.subjects` every class of a program is a subject.
#[test]
fn a_plain_program_is_judged_class_by_class() {
    let scratch = Scratch::new();
    let forbids = fenced(&scratch, "{forbidden: [com.acme.evil]}");
    let others = Scratch::new();
    let authorizes = fenced(&others, "{authorized: [com.acme.Plain, com.acme.good]}");
    let refused =
        |line: &str| line.contains("ringfence: com.acme.evil.Evil may not create a thread");
    for jdk in Jdk::all() {
        // The fixtures are compiled for 17.
        if jdk.major < 17 {
            continue;
        }
        for fence in [&forbids, &authorizes] {
            let run = java(fence, &jdk, &[], "-Dname=value", "com.acme.Plain");
            let [program, evil, by_good, pool] = lines(&run)[..] else { panic!("{jdk}: {run:#?}") };
            assert_eq!((program, pool), ("program: ran", "pool: ran"), "{jdk}: {run:#?}");
            assert!(refused(evil) && refused(by_good), "{jdk}: {run:#?}");
            let run = java(fence, &jdk, &[], "-Dname=value", "com.acme.evil.Evil");
            assert!(refused(run.text()), "{jdk}: {run:#?}");
        }
    }
}

/// An agent that an option names: it is under the rules about files like any code, its threads
/// are the operator's, and the rules about classes hold beside it.
#[test]
fn an_agent_is_fenced() {
    let agent = format!("-agentpath:{}=/etc/hostname", fixture("libagent.so").display());
    let tasks = [
        Task::plugin("groovy-thread", "scripts.groovy.Eval", "new Thread({ }).start(); 'ran'"),
        Task::health(),
    ];
    for jdk in Jdk::all() {
        for (worker, is_fenced, opens) in [
            (Worker::open(jdk.clone()), false, "ok"),
            (Worker::fenced(jdk.clone(), AUTHORIZED), true, "EACCES"),
            (Worker::fenced(jdk.clone(), FORBIDDEN), true, "ok"),
        ] {
            let run = worker.with(&[&agent]).output(&tasks);
            let said: Vec<_> =
                lines(&run).into_iter().filter(|line| line.starts_with("agent: ")).collect();
            assert_eq!(
                said,
                [format!("agent: open {opens}").as_str(), "agent: thread 0"],
                "{jdk}: {run:#?}"
            );
            let came = came_of(&run);
            assert!(as_without_a_fence(&came[1]), "{jdk}: {}", came[1]);
            assert_eq!(came[0].refused(), is_fenced, "{jdk}: {}", came[0]);
        }
    }
}

/// An agent that a child's environment names, as a script may give it to the program that it starts.
#[test]
fn an_agent_that_the_environment_of_a_child_names_is_fenced() {
    let scratch = Scratch::new();
    let agent = |file| format!("-agentpath:{}={}", fixture("libagent.so").display(), file);
    let child = "JAVA_TOOL_OPTIONS=$1 exec \"$2\" -version";
    let text = "kestra: {ee: {javaSecurity: {enabled: true, forbiddenPaths: [/etc/hostname], \
                forbiddenClassPrefix: [io.kestra.plugin.scripts]}}}";
    let policy = scratch.file("policy.yaml", text);
    let twin = scratch.text("twin");
    for jdk in Jdk::all() {
        for (fence, file, opens) in [
            (Fence::open(), "/etc/hostname", "ok"),
            (Fence::by_policies(&[&policy], &[]), "/etc/hostname", "EACCES"),
            (Fence::by_policies(&[&policy], &[]), twin.as_str(), "ok"),
        ] {
            let mut sh = fence.command("sh");
            sh.args(["-c", child, "sh", &agent(file)]).arg(jdk.java());
            let run = fence.finish(&mut sh);
            let said: Vec<_> =
                lines(&run).into_iter().filter(|line| line.starts_with("agent: open")).collect();
            assert_eq!(said, [format!("agent: open {opens}")], "{jdk}: {run:#?}");
        }
    }
}
