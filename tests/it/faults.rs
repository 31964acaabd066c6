//! What goes wrong around a fence: it holds, or nothing starts, and nothing that was refused is lost.
//!
//! `docs/reliability.md` has a table of these, a line for each test. Nothing here waits by
//! the clock: what must happen in the middle of something is let in by a pipe or by ptrace.

mod exhausted;
mod files;
mod machine;
mod running;
mod start;

use std::process::Command;
use std::time::Duration;

use crate::harness::{Outcome, Scratch, artifacts, fixture, run};

const LIMIT: Duration = Duration::from_secs(60);

/// A tree with a policy for it, and links to its two files.
pub(crate) struct Place {
    pub(crate) scratch: Scratch,
}

impl Place {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        let list = format!("[{}, {}]", scratch.text("secret"), scratch.text("closed/"));
        scratch.file(
            "policy.yaml",
            &format!("ringfence: {{version: 1, files: {{forbidden: {list}}}}}\n"),
        );
        scratch.link("to-secret", "secret");
        scratch.link("to-twin", "twin");
        Self { scratch }
    }

    /// Runs a shell script in the tree. In it `@` is the tree, `%NAME` the fixture of that name,
    /// `fenced` what starts a command inside the fence, and `read-both` such a command, which is
    /// refused the secret and reads its twin.
    #[track_caller]
    pub(crate) fn script(&self, text: &str) -> Outcome {
        self.script_by(Command::new("sh"), text)
    }

    /// [`Place::script`] with namespaces of its own: `unshare` gets these options.
    #[track_caller]
    pub(crate) fn apart(&self, options: &[&str], text: &str) -> Outcome {
        let mut command = Command::new("unshare");
        command.args(options).arg("sh");
        let outcome = self.script_by(command, text);
        let missing = outcome.stderr.contains("unshare:") || outcome.stderr.contains("mount:");
        assert!(!missing, "this test needs namespaces and mounts in them: {outcome:#?}");
        outcome
    }

    #[track_caller]
    fn script_by(&self, mut command: Command, text: &str) -> Outcome {
        let launcher = artifacts().launcher.display().to_string();
        let policy = self.scratch.text("policy.yaml");
        let text = text
            .replace("read-both", "fenced cat @/secret @/twin")
            .replace("fenced", &format!("'{launcher}' run -p '{policy}' -q"))
            .replace('%', &format!("{}/", fixture("").display().to_string().trim_end_matches('/')))
            .replace('@', &self.scratch.text(""));
        command.args(["-c", &text]).current_dir(self.scratch.path("")).env("LC_ALL", "C.UTF-8");
        for name in ["RINGFENCE_POLICY", "RINGFENCE_MODE", "LD_PRELOAD", "XDG_RUNTIME_DIR"] {
            command.env_remove(name);
        }
        run(&mut command, b"", LIMIT, "the end of the script")
    }
}

/// The secret was refused, its twin beside it was read.
#[track_caller]
pub(crate) fn expect_fenced(outcome: &Outcome) {
    assert!(outcome.stderr.contains("secret: Permission denied"), "{outcome:#?}");
    assert_eq!(outcome.stdout, "twin\n", "{outcome:#?}");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
}

/// Nothing was started, and the message says why and what to do.
#[track_caller]
pub(crate) fn expect_unstarted(outcome: &Outcome, why: &str, remedy: &str) {
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
    assert!(outcome.stderr.contains(why), "{why}: {outcome:#?}");
    let help = outcome.stderr.lines().find(|line| line.starts_with("  = help: "));
    assert!(help.is_some_and(|help| help.contains(remedy)), "{remedy}: {outcome:#?}");
}
