//! Debian's Groovy and Jython under the path rule of the worker isolation page: a script is refused
//! the forbidden file, and otherwise does its work. Its threads are another matter: both load
//! their classes by loaders of their own, which an authorized list never names.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Fence, Outcome, Scratch};
use crate::outcomes::{Came, expect_each, outcomes};
use crate::programs::{java_home, source};

/// Two language runtimes on a JVM each, beside other tests on two cores.
const LIMIT: Duration = Duration::from_secs(180);

/// A language's program and the script of its fixture.
struct Language {
    program: &'static str,
    script: &'static str,
    /// Where Debian keeps what the program itself must read, beneath the forbidden `/etc/`.
    own: &'static [&'static str],
}

const GROOVY: Language =
    Language { program: "groovy", script: "groovy/work.groovy", own: &["/etc/groovy/"] };

const JYTHON: Language =
    Language { program: "jython", script: "jython/work.py", own: &["/etc/jython/"] };

impl Language {
    /// The page's rule, with what an administrator adds for this language.
    fn fence(&self, scratch: &Scratch) -> Fence {
        let allowed: Vec<String> =
            self.own.iter().map(|path| format!("{{path: {path}, access: read}}")).collect();
        let text = format!(
            "ringfence:\n  version: 1\n  files:\n    forbidden: [/etc/]\n    allowed: [{}]\n",
            allowed.join(", ")
        );
        Fence::by_policies(&[&scratch.file("language.yaml", &text)], &[])
    }

    #[track_caller]
    fn run(&self, fence: &Fence, file: &Path) -> Outcome {
        let scratch = Scratch::new();
        let mut command: Command = fence.command(self.program);
        command.env("JAVA_HOME", java_home(17)).env("HOME", scratch.directory("home"));
        command.arg(source(self.script)).arg(file).arg(scratch.directory("empty"));
        fence.finish_with(&mut command, b"", LIMIT, "the end of the script")
    }
}

/// The lines of a script's own work: those that are no outcome of a way.
fn work(run: &Outcome) -> Vec<&str> {
    run.text().lines().filter(|line| !line.contains('\t')).collect()
}

#[track_caller]
fn expect_fenced(language: &Language) {
    let scratch = Scratch::new();
    let twin = scratch.file("own.py", "x = 1\n");
    let open = language.run(&Fence::open(), &twin);
    expect_each(&open, |_, came| matches!(came, Came::Got(_)));
    assert!(work(&open).len() > 5, "the script works: {open:#?}");

    let fence = language.fence(&scratch);
    let fenced = language.run(&fence, &twin);
    assert_eq!(outcomes(&fenced), outcomes(&open), "stderr: {}", fenced.stderr);
    assert_eq!(work(&fenced), work(&open));

    let refused = language.run(&fence, Path::new("/etc/passwd"));
    expect_each(&refused, |way, came| match way {
        // Jython asks Java whether there is such a file or directory before it opens one.
        "os.open" => came.failed_saying("No such file"),
        "os.listdir" => came.failed_saying("Not a directory"),
        // So does Groovy, before it compiles one.
        "GroovyShell of a file" => came.threw(&["java.io.FileNotFoundException"]),
        _ => came.failed_saying("ermission denied") || came.failed_saying("AccessDenied"),
    });
    assert_eq!(work(&refused), work(&open));
}

#[test]
fn groovy_scripts_are_fenced() {
    expect_fenced(&GROOVY);
}

#[test]
fn jython_scripts_are_fenced() {
    expect_fenced(&JYTHON);
}
