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

/// Without `callers.subjects` a forbidden class is one wherever it stands.
#[test]
fn a_plain_program_is_judged_class_by_class() {
    let scratch = Scratch::new();
    let forbids = fenced(&scratch, "{forbidden: [com.acme.evil]}");
    let others = Scratch::new();
    let authorizes = fenced(&others, "{authorized: [com.acme.Plain, com.acme.good]}");
    let refused =
        |line: &str| line.contains("ringfence: com.acme.evil.Evil may not create a thread");
    for jdk in modern() {
        for fence in [&forbids, &authorizes] {
            let run = java(fence, &jdk, &[], "-Dname=value", "com.acme.Plain");
            let [program, evil, by_good, pool] = lines(&run)[..] else { panic!("{jdk}: {run:#?}") };
            assert_eq!((program, pool), ("program: ran", "pool: ran"), "{jdk}: {run:#?}");
            assert!(refused(evil) && refused(by_good), "{jdk}: {run:#?}");
        }
        // As a main class it is the host only where no rule forbids it.
        let run = java(&forbids, &jdk, &[], "-Dname=value", "com.acme.evil.Evil");
        assert!(refused(run.text()), "{jdk}: {run:#?}");
        let run = java(&authorizes, &jdk, &[], "-Dname=value", "com.acme.evil.Evil");
        assert_eq!(run.text(), "main: ran", "{jdk}: {run:#?}");
    }
}

/// Those that the fixtures are compiled for.
fn modern() -> impl Iterator<Item = Jdk> {
    Jdk::all().into_iter().filter(|jdk| jdk.major >= 17)
}

/// Who ran, and who was refused with a message that has `denial` in it.
#[track_caller]
fn sorted<'a>(run: &'a Outcome, denial: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let mut ran = Vec::new();
    let mut refused = Vec::new();
    for line in run.text().lines() {
        let (who, came) = line.split_once(": ").expect("a colon");
        match came {
            "ran" | "0" => ran.push(who),
            _ if came.contains(denial) => refused.push(who),
            _ => panic!("{run:#?}"),
        }
    }
    (ran, refused)
}

/// Without `callers.subjects` the classes of a program but its main class are one subject: where one of
/// them is authorized on a stack, it answers for the libraries that it uses and for whoever calls it,
/// but not for a task of its caller's, nor for what its threads run.
#[test]
fn an_authorized_class_of_a_plain_program_answers_for_its_libraries() {
    let scratch = Scratch::new();
    let fence = fenced(&scratch, "{authorized: [com.acme.good]}");
    let refused = [
        "main for evil",
        "evil",
        "evil by good",
        "library",
        "library by evil",
        "evil by library by good",
        "evil on a shared pool",
        "evil on good's thread",
    ];
    for jdk in modern() {
        let open = java(&Fence::open(), &jdk, &[], "-Dname=value", "com.acme.Program");
        let (all, none) = sorted(&open, "ringfence");
        assert_eq!((all.len(), none.len()), (15, 0), "{jdk}: {open:#?}");
        let run = java(&fence, &jdk, &[], "-Dname=value", "com.acme.Program");
        let (ran, not) = sorted(&run, "may not create a thread (not in threads.authorized");
        assert_eq!(not, refused, "{jdk}: {run:#?}");
        assert_eq!(ran.len(), all.len() - refused.len(), "{jdk}: {run:#?}");
    }
}

/// The same of programs.
#[test]
fn an_authorized_class_of_a_plain_program_starts_programs_by_its_libraries() {
    let scratch = Scratch::new();
    let text = "ringfence:\n  version: 1\n  processes: {authorized: [com.acme.good]}\n";
    let fence = Fence::by_policies(&[&scratch.file("policy.yaml", text)], &[]);
    let run = |fence: &Fence, jdk: &Jdk| {
        let mut java = fence.command(jdk.java());
        java.arg("-cp").arg(fixture("java")).args(["com.acme.Program", "/bin/true"]);
        fence.finish(&mut java)
    };
    for jdk in modern() {
        let open = run(&Fence::open(), &jdk);
        let (all, none) = sorted(&open, "ringfence");
        assert_eq!((all.len(), none.len()), (8, 0), "{jdk}: {open:#?}");
        let fenced = run(&fence, &jdk);
        let (ran, not) = sorted(&fenced, "may not start a program (not in processes.authorized");
        let refused = ["evil", "library", "evil on a library's thread"];
        assert_eq!(not, refused, "{jdk}: {fenced:#?}");
        assert_eq!(ran.len(), all.len() - refused.len(), "{jdk}: {fenced:#?}");
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
