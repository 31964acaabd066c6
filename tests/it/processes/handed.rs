//! A script that gives libc the address of `system`, to be called when nothing of the script's is on any
//! stack: at the end of the process or of a thread, or as what a thread begins with.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Fence, Outcome, Scratch};
use crate::programs::Jdk;

const WAYS: [&str; 4] = ["exit", "halt", "thread", "key"];
const LIMIT: Duration = Duration::from_secs(180);

/// The class, compiled for the Java that has `java.lang.foreign`.
fn compile(jdk: &Jdk, to: &Path) {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/processes/Handed.java");
    let mut javac = Command::new(jdk.program("javac"));
    let status = javac.arg("-d").arg(to).arg(source).status().expect("javac runs");
    assert!(status.success(), "{source} is compiled");
}

fn run(fence: &Fence, jdk: &Jdk, classes: &Path, words: &[&str]) -> Outcome {
    let mut java = fence.command(jdk.java());
    java.args(["--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1", "-cp"]);
    java.arg(classes).arg("Handed").args(words);
    fence.finish_with(&mut java, b"", LIMIT, "the end of the JVM")
}

fn fence(scratch: &Scratch, name: &str, policy: &str) -> Fence {
    let policy = scratch.file(name, &format!("ringfence:\n  version: 1\n{policy}"));
    Fence::by_policies(&[&policy], &[])
}

#[test]
fn what_libc_is_handed_starts_no_program() {
    let scratch = Scratch::empty();
    let jdk = Jdk::new(25);
    let classes = scratch.directory("classes");
    compile(&jdk, &classes);
    let subjects = "  callers: {subjects: [Handed]}\n";
    let of = |lists: &str| fence(&scratch, "policy.yaml", &format!("{lists}{subjects}"));
    let forbidden = of("  processes: {forbidden: [Handed]}\n");
    let only_threads =
        fence(&scratch, "threads.yaml", &format!("  threads: {{forbidden: [Other]}}\n{subjects}"));
    let made = scratch.path("made");
    let command = format!("echo > {}", made.display());
    for way in WAYS {
        for (fence, starts) in [(&only_threads, true), (&forbidden, false)] {
            let outcome = run(fence, &jdk, &classes, &[way, "system", &command]);
            assert_eq!(outcome.status.code(), Some(0), "{way}: {outcome:#?}");
            assert_eq!(made.exists(), starts, "{way}: {outcome:#?}");
            let refused = outcome.stderr.contains("denied program by ");
            assert_eq!(refused, !starts, "{way}: a refusal is told: {outcome:#?}");
            let _ = std::fs::remove_file(&made);
        }
    }
}

/// What is the host's alone is not removed, nor handed on to a program, by what a script left with libc.
#[test]
fn what_libc_is_handed_is_not_the_hosts() {
    let scratch = Scratch::empty();
    let jdk = Jdk::new(25);
    let classes = scratch.directory("classes");
    compile(&jdk, &classes);
    let (closed, copy) = (scratch.directory("closed"), scratch.path("copy"));
    let file = scratch.file("closed/file", "SECRET\n");
    let twin = scratch.file("twin", "twin\n");
    let policy = format!(
        "  files:\n    forbidden: [{0}]\n    allowed: [{{path: {0}, callers: [host]}}]\n  \
         callers: {{subjects: [Handed]}}\n",
        closed.display()
    );
    let fence = fence(&scratch, "policy.yaml", &policy);
    for way in WAYS {
        for (path, is_theirs) in [(&twin, true), (&file, false)] {
            let command = format!("cat {} > {}", path.display(), copy.display());
            let outcome = run(&fence, &jdk, &classes, &[way, "system", &command]);
            let read = std::fs::read_to_string(&copy).expect("the shell made it");
            assert_eq!(!read.is_empty(), is_theirs, "{way}: {outcome:#?}");
            let outcome =
                run(&fence, &jdk, &classes, &[way, "unlink", &path.display().to_string()]);
            assert_eq!(!path.exists(), is_theirs, "{way}: {outcome:#?}");
        }
        std::fs::write(&twin, "twin\n").expect("our own file");
    }
}
