//! Plugins and the host start programs, however the JVM launches them, before and after others were
//! refused.

use super::*;
use crate::check::ringfence;
use crate::programs::source;

/// What the plugin's programs give, by itself and by a library in C.
const PLUGIN: &str = "builder ok, pool ok, future ok, posix_spawn 0, posix_spawnp 0, system 0, popen 0, fork 0, \
                      fexecve 0, vfork 0, forkpty 0, syscall 0, clone 0, thread 0";

fn plugin() -> Task {
    let library = fixture("liblaunch.so");
    Task::plugin("gcp", "gcp.Run", library.to_str().expect("a path of ours is UTF-8"))
}

/// A script task's shell.
fn shell() -> Task {
    Task::plugin("shell", "scripts.shell.Commands", "echo ran")
}

/// The ways in which a JDK launches programs.
fn mechanisms(jdk: &Jdk) -> &'static [&'static str] {
    if jdk.major < 12 { &["FORK", "VFORK"] } else { &["FORK", "VFORK", "POSIX_SPAWN"] }
}

#[track_caller]
fn values(worker: &Worker, tasks: &[Task]) -> Vec<String> {
    let came = worker.run(tasks).into_iter();
    came.map(|came| if came.succeeded() { came.value } else { came.error }).collect()
}

/// Each before and after the script's shell was refused.
#[test]
fn plugins_and_the_host_start_programs_by_every_mechanism() {
    let tasks = [shell(), plugin(), host(), shell(), plugin(), host()];
    for jdk in Jdk::all() {
        for (number, mechanism) in mechanisms(&jdk).iter().enumerate() {
            let option = format!("-Djdk.lang.Process.launchMechanism={mechanism}");
            let what = format!("{jdk} by {mechanism}");
            let open = prepared(Worker::open(jdk.clone())).with(&[&option]);
            let all = ["ran 0", PLUGIN, HOST, "ran 0", PLUGIN, HOST];
            assert_eq!(values(&open, &tasks), all, "{what} without a fence");

            let (policy, why) = [
                (FORBIDDEN, "processes.forbidden io.kestra.plugin.scripts, "),
                (AUTHORIZED, "not in processes.authorized, "),
            ][number % 2];
            let fenced = prepared(Worker::fenced(jdk.clone(), policy)).with(&[&option]);
            let came = values(&fenced, &tasks);
            let refused = format!(
                "java.io.IOException: Cannot run program \"/bin/sh\": ringfence: \
                 io.kestra.plugin.scripts.shell.Commands may not start a program ({why}"
            );
            let [first, allowed @ .., second, third, fourth] = &came[..] else {
                panic!("{came:?}")
            };
            assert!(
                first.starts_with(&refused) && second.starts_with(&refused),
                "{what}: {came:?}"
            );
            let allowed: Vec<&String> = allowed.iter().chain([third, fourth]).collect();
            assert_eq!(allowed, [PLUGIN, HOST, PLUGIN, HOST], "{what} under {policy}");
        }
    }
}

/// A loop of the host's that a script came to first works for the host all the same, unless the
/// policy is strict.
#[test]
fn a_loop_that_a_script_came_to_first_is_the_hosts() {
    let begin = Task::new("begin", SCRIPT, "io.kestra.core.services.Loop.begin(); 'begun'");
    for jdk in [Jdk::new(17), Jdk::new(25)] {
        let came = values(&Worker::fenced(jdk.clone(), FORBIDDEN), &[begin.clone(), host()]);
        assert_eq!(came, ["begun", HOST], "{jdk}");
        let scratch = Scratch::new();
        let text = std::fs::read_to_string(source("policies").join(FORBIDDEN)).expect("a fixture");
        let strict = scratch.file("strict.yml", &format!("{text}    strict: true\n"));
        let came = values(&Worker::by(jdk.clone(), &strict), &[begin.clone(), host()]);
        let refused = "loop java.io.IOException: Cannot run program \"/bin/sh\": ringfence: \
                       io.kestra.plugin.scripts.groovy.Eval may not start a program (processes.forbidden";
        assert!(came[1].contains(refused), "{jdk}: {came:?}");
    }
}

/// In audit mode the program runs, and the audit file says who would have been refused it.
#[test]
fn audits_say_who_would_be_refused() {
    let jdk = Jdk::new(17);
    for (mode, value, event) in [("audit", "ran 0", "would_deny"), ("enforce", "", "deny")] {
        let scratch = Scratch::new();
        let text = std::fs::read_to_string(source("policies").join(FORBIDDEN)).expect("a fixture");
        let audit = scratch.path("audit.jsonl");
        let more = format!("  mode: {mode}\n  audit: {{to: '{}'}}\n", audit.display());
        let policy = scratch.file("policy.yml", &(text + &more));
        let came = Worker::by(jdk.clone(), &policy).run(&[shell()]);
        assert_eq!(came[0].value, value, "{}", came[0]);
        let lines = std::fs::read_to_string(&audit).expect("an audit file");
        let [line] = lines.lines().collect::<Vec<_>>()[..] else { panic!("one line: {lines}") };
        let line: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
        assert_eq!(line["event"], event);
        assert_eq!(line["op"], "process.start");
        assert_eq!(line["call"], "ProcessBuilder.start");
        assert_eq!(line["errno"], "EACCES");
        assert_eq!(line["caller"]["kind"], "java");
        assert_eq!(line["caller"]["name"], "io.kestra.plugin.scripts.shell.Commands");
        let nearest = &line["caller"]["frames"][0];
        assert_eq!(nearest, "io.kestra.plugin.scripts.shell.Commands.run");
    }
}

/// Who may start programs and who may create threads are two questions.
#[test]
fn rules_about_threads_and_programs_are_apart() {
    let scratch = Scratch::new();
    let policy = |threads: &str, processes: &str| {
        let text = format!(
            "ringfence:\n  version: 1\n  threads: {{forbidden: [{threads}]}}\n  processes: \
             {{forbidden: [{processes}]}}\n  callers: {{subjects: [io.kestra.plugin]}}\n"
        );
        scratch.file(&format!("{threads}.yml"), &text)
    };
    let thread = Task::new("thread", SCRIPT, "def t = new Thread({ }); t.start(); t.join(); 'ran'");
    let program = Task::new("program", SCRIPT, "'/bin/echo ran'.execute().text.trim()");
    let tasks = [thread, program, plugin()];
    let jdk = Jdk::new(21);
    let library =
        Worker::by(jdk.clone(), &policy("io.kestra.plugin.scripts", "io.kestra.plugin.gcp"));
    let came = library.run(&tasks);
    assert!(came[0].refused() && came[1].ran(), "{} {}", came[0], came[1]);
    let message = "io.kestra.plugin.gcp.Run may not start a program (processes.forbidden io.kestra.plugin.gcp, ";
    assert!(came[2].error.contains(message), "{}", came[2]);
    let other = Worker::by(jdk, &policy("io.kestra.plugin.gcp", "io.kestra.plugin.scripts"));
    let came = other.run(&tasks);
    assert!(came[0].ran() && came[1].refused_program(), "{} {}", came[0], came[1]);
    assert!(came[2].refused(), "{}", came[2]);
}

/// What `ringfence explain` says is what becomes of the tasks.
#[test]
fn explain_says_what_the_fence_does() {
    let jdk = Jdk::new(17);
    for policy in [FORBIDDEN, AUTHORIZED] {
        for task in [shell(), plugin()] {
            let [came] =
                &prepared(Worker::fenced(jdk.clone(), policy)).run(std::slice::from_ref(&task))[..]
            else {
                panic!("one task")
            };
            let file = source("policies").join(policy);
            let words = ["explain", "-p", file.to_str().expect("UTF-8"), "--process", &task.class];
            let answer = ringfence(&Scratch::new(), &words, "");
            let status = if came.refused_program() { 1 } else { 0 };
            assert_eq!(answer.status.code(), Some(status), "{policy}: {came}: {answer:#?}");
        }
    }
}

/// A script's shutdown hook starts no program, be it the script's own code or nobody's.
#[test]
fn hooks_at_the_end_start_no_program() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let own = "Runtime.runtime.addShutdownHook(new Thread({
        try { println 'a hook: ' + '/bin/echo ran'.execute().text } catch (IOException refused) { println refused }
    }))
    'added'";
    let nobodys = format!(
        "import java.lang.invoke.*
        def start = MethodHandles.publicLookup().findVirtual(ProcessBuilder, 'start', MethodType.methodType(Process))
            .bindTo(new ProcessBuilder('/bin/echo', 'ran').redirectOutput(new File('{}')))
        Runtime.runtime.addShutdownHook(new Thread(MethodHandleProxies.asInterfaceInstance(Runnable, start.asType(MethodType.methodType(void)))))
        'added'",
        out.display()
    );
    let tasks = [Task::new("own", SCRIPT, own), Task::new("nobody's", SCRIPT, nobodys)];
    for jdk in [Jdk::new(17), Jdk::new(25)] {
        let open = Worker::open(jdk.clone()).output(&tasks);
        assert!(open.text().contains("a hook: ran"), "{jdk}: {open:#?}");
        assert!(out.exists(), "the other one ran too");
        for policy in [AUTHORIZED, FORBIDDEN] {
            std::fs::remove_file(&out).expect("the file of the run before");
            let fenced = Worker::fenced(jdk.clone(), policy).output(&tasks);
            let refusal =
                "ringfence: io.kestra.plugin.scripts.groovy.Eval may not start a program (";
            assert!(fenced.text().contains(refusal), "{jdk}: {fenced:#?}");
            assert!(!fenced.text().contains("a hook: ran"), "{jdk}: {fenced:#?}");
            // It is opened before the program is asked for.
            let printed = std::fs::read_to_string(&out).expect("the hook ran");
            assert_eq!(printed, "", "{jdk} under {policy}");
        }
    }
}

/// Thousands of refusals leave no descriptor behind, and no child.
#[test]
fn refusals_leave_nothing_behind() {
    let script = "def descriptors = { new File('/proc/self/fd').list().length }
        def refused = 0
        def ask = { try { new ProcessBuilder('/bin/true').start() } catch (IOException expected) { refused++ } }
        100.times { ask() }
        def before = descriptors()
        2000.times { ask() }
        // The JVM itself opens a few as it goes on.
        \"${refused} ${descriptors() - before < 100}\"";
    for jdk in [Jdk::new(11), Jdk::new(25)] {
        let worker = prepared(Worker::fenced(jdk.clone(), FORBIDDEN));
        let came = values(&worker, &[Task::new("refusals", SCRIPT, script), host()]);
        assert_eq!(came, ["2100 true", HOST], "{jdk}");
    }
}
