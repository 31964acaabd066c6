//! The launcher: what it says, what it leaves as it was, and when it does not start a worker.

mod closed;
mod kestra;

mod messages;
mod mounts;
mod refused;
mod unchanged;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Outcome, Scratch, artifacts, run};

/// How long a launcher and a small worker may take beside other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// A scratch tree with a policy for it, and the launcher to run commands under it.
struct Launcher {
    scratch: Scratch,
    policy: PathBuf,
    program: PathBuf,
}

impl Launcher {
    /// The launcher as it is built, with a policy that forbids `secret` and `closed/`.
    fn new() -> Self {
        let scratch = Scratch::new();
        let [secret, closed] = ["secret", "closed/"].map(|name| scratch.text(name));
        let text = format!(
            "ringfence:\n  version: 1\n  files:\n    forbidden:\n      - {secret}\n      - {closed}\n"
        );
        let policy = scratch.file("policy.yaml", &text);
        Self { scratch, policy, program: artifacts().launcher.clone() }
    }

    /// The same with another text for a policy.
    fn with_policy(text: &str) -> Self {
        let launcher = Self::new();
        fs::write(&launcher.policy, text).expect("our own file");
        launcher
    }

    /// Program and library copied to a directory of the tree, to be damaged there.
    fn copied(directory: &str) -> Self {
        let mut launcher = Self::new();
        let place = launcher.scratch.directory(directory);
        launcher.program = place.join("ringfence");
        // By another process: a program that is open for writing here would be busy in a child that
        // another test forks meanwhile.
        let mut copy = Command::new("cp");
        copy.arg(&artifacts().launcher).arg(&artifacts().library).arg(&place);
        assert!(copy.status().expect("cp runs").success());
        launcher
    }

    /// The library beside the program.
    fn library(&self) -> PathBuf {
        self.program.with_file_name("libringfence.so")
    }

    /// `ringfence WORDS...`, in the environment of the test without what is ours.
    fn plain<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).env("LC_ALL", "C.UTF-8").env_remove("LD_PRELOAD");
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"RINGFENCE_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// `ringfence run -p POLICY WORDS...`
    fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = self.plain(["run", "-p"]);
        command.arg(&self.policy).args(words);
        command
    }

    /// [`Launcher::command`] to its end.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Outcome {
        finish(&mut self.command(words))
    }

    /// `cat` of what is forbidden and of its twin, which tells whether a fence is up.
    fn reads(&self) -> [String; 2] {
        [self.scratch.text("secret"), self.scratch.text("twin")]
    }

    /// The fence is up around a worker started by this command's words: it is refused the secret
    /// with EACCES, and reads its twin.
    #[track_caller]
    fn expect_fenced(&self) {
        let [secret, twin] = self.reads();
        let outcome = self.run(&["cat", &secret, &twin]);
        assert_eq!(outcome.stdout, "twin\n", "{outcome:#?}");
        assert!(outcome.stderr.contains("Permission denied"), "{outcome:#?}");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
    }

    /// No worker was started: status 125, this code, and nothing was read, not even the twin.
    #[track_caller]
    fn expect_unstarted(&self, code: &str) -> Outcome {
        let [secret, twin] = self.reads();
        let outcome = self.run(&["cat", &secret, &twin]);
        assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
        assert_eq!(outcome.stdout, "", "{outcome:#?}");
        assert!(outcome.stderr.contains(code), "{outcome:#?}");
        outcome
    }
}

#[track_caller]
fn finish(command: &mut Command) -> Outcome {
    run(command, b"", LIMIT, "the end of the worker")
}

/// Makes a file executable, as a copy that another process wrote: what this one has had open for
/// writing may still be so in a child that another test forks, and then is busy.
fn executable(path: &Path) {
    let script = "cp \"$0\" \"$0.new\" && chmod 755 \"$0.new\" && mv \"$0.new\" \"$0\"";
    let status = Command::new("sh").args(["-c", script]).arg(path).status().expect("sh runs");
    assert!(status.success());
}
