//! Task defaults through the public command `ringfence defaults`.

// Kestra's cases, each in the profiles that it names.
mod cases;
// The holes of Kestra: open in the profile that has them, closed in `ringfence`.
mod holes;
// What is refused: invalid entries, endless ones, inputs beyond the limits.
mod limits;
// The lints.
mod lints;
// What is printed, and the exit status.
mod output;
// The two blocks of defaults that Kestra's page on worker isolation prints, as they stand there.
mod seed;
// The text of a flow: only what has to change does.
mod text;

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::artifacts;

/// A directory with a policy and flows, and the command run in it.
struct Kitchen {
    directory: TempDir,
}

/// What the command answered.
struct Answer {
    status: i32,
    out: String,
    err: String,
}

impl Kitchen {
    fn new() -> Self {
        Self { directory: TempDir::new().expect("a scratch directory") }
    }

    /// A kitchen with this text in `policy.yaml`.
    fn with_policy(text: &str) -> Self {
        let kitchen = Self::new();
        kitchen.file("policy.yaml", text);
        kitchen
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&artifacts().launcher);
        command.arg("defaults").current_dir(self.directory.path()).env_clear();
        command
    }

    /// Runs the command with these words and `-p policy.yaml`.
    fn run(&self, words: &[&str]) -> Answer {
        Self::answer(self.command().args(["-p", "policy.yaml"]).args(words))
    }

    /// Resolves one flow; nothing but what was printed, and the status.
    fn resolve(&self, flow: &str, words: &[&str]) -> Answer {
        self.file("flow.yaml", flow).run(&[words, &["flow.yaml"]].concat())
    }

    fn answer(command: &mut Command) -> Answer {
        let output = command.output().expect("the launcher runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Answer {
            status: output.status.code().expect("no signal ended it"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Answer {
    /// What was printed, when the command has answered with this status.
    #[track_caller]
    fn expect(&self, status: i32) -> &str {
        assert_eq!(self.status, status, "standard error:\n{}", self.err);
        &self.out
    }

    /// What was printed as YAML, whatever the command answered; but it has answered.
    #[track_caller]
    fn yaml(&self) -> serde_yaml::Value {
        assert!(matches!(self.status, 0 | 1), "status {}:\n{}", self.status, self.err);
        serde_yaml::from_str(&self.out).expect("YAML")
    }
}

/// The value at a JSON pointer.
fn at<'v>(value: &'v serde_yaml::Value, pointer: &str) -> Option<&'v serde_yaml::Value> {
    pointer.split('/').skip(1).try_fold(value, |value, step| match value {
        serde_yaml::Value::Sequence(items) => items.get(step.parse::<usize>().ok()?),
        _ => value.get(step.replace("~1", "/").replace("~0", "~")),
    })
}
