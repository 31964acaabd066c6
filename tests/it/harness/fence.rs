//! A policy in force around commands, by the launcher or by hand.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Outcome, Rules, artifacts, fixture, run};

/// How long any command may take, unless a test says otherwise: a fault if it is reached, so it leaves
/// room for a machine that has other work.
const LIMIT: Duration = Duration::from_secs(180);

/// A policy in force: each command made by [`Fence::command`] runs inside it.
pub(crate) struct Fence {
    way: Way,
    /// Other libraries to preload, in front of ours and after it.
    neighbours: (Vec<PathBuf>, Vec<PathBuf>),
    /// Holds policy, image and audit file.
    directory: tempfile::TempDir,
}

enum Way {
    /// No fence: the control.
    Open,
    /// `LD_PRELOAD` and `RINGFENCE_IMAGE` set by the caller.
    ByHand { image: PathBuf },
    /// `ringfence run -p POLICY... OPTIONS -q -- COMMAND`.
    Launcher { policies: Vec<PathBuf>, options: &'static [&'static str] },
}

impl Fence {
    /// No fence at all, in otherwise the same environment.
    pub(crate) fn open() -> Self {
        Self::new(|_| Way::Open)
    }

    /// A compiled image and the library, named in the environment.
    pub(crate) fn by_hand(rules: &Rules) -> Self {
        Self::new(|directory| {
            let policy = rules.policy(&directory.join("audit.jsonl"));
            let image = directory.join("policy.img");
            let bytes = ringfence_policy::compile(&policy).expect("the rules of a test compile");
            fs::write(&image, bytes).expect("our own directory");
            fs::set_permissions(&image, Permissions::from_mode(0o444)).expect("our own file");
            Way::ByHand { image }
        })
    }

    /// A policy file and the launcher.
    pub(crate) fn by_launcher(rules: &Rules) -> Self {
        Self::new(|directory| {
            let policy = directory.join("policy.yaml");
            let document = rules.document(&directory.join("audit.jsonl"));
            fs::write(&policy, document).expect("our own directory");
            Way::Launcher { policies: vec![policy], options: &[] }
        })
    }

    /// Policy files as they are, and the launcher with further options.
    pub(crate) fn by_policies(policies: &[&Path], options: &'static [&'static str]) -> Self {
        let policies = policies.iter().map(|policy| policy.to_path_buf()).collect();
        Self::new(|_| Way::Launcher { policies, options })
    }

    fn new(way: impl FnOnce(&Path) -> Way) -> Self {
        let directory = tempfile::Builder::new().prefix("fence-").tempdir().expect("a directory");
        let way = way(&directory.path().canonicalize().expect("it was just made"));
        Self { way, neighbours: (Vec::new(), Vec::new()), directory }
    }

    /// Preloads other libraries too, in front of ours and after it; the launcher keeps ours first.
    pub(crate) fn with_neighbours(mut self, before: &[PathBuf], after: &[PathBuf]) -> Self {
        self.neighbours = (before.to_vec(), after.to_vec());
        self
    }

    /// A command inside the fence, in the environment of the test without what is ours.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match &self.way {
            Way::Open | Way::ByHand { .. } => Command::new(program),
            Way::Launcher { policies, options } => {
                let mut launcher = Command::new(&artifacts().launcher);
                launcher.arg("run");
                for policy in policies {
                    launcher.arg("-p").arg(policy);
                }
                launcher.args(*options).args(["-q", "--"]).arg(program);
                launcher
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"RINGFENCE_") {
                command.env_remove(name);
            }
        }
        command.env_remove("LD_PRELOAD").env("LC_ALL", "C.UTF-8");
        let (before, after) = &self.neighbours;
        let ours = match &self.way {
            Way::ByHand { image } => {
                command.env("RINGFENCE_IMAGE", image);
                Some(&artifacts().library)
            }
            Way::Open | Way::Launcher { .. } => None,
        };
        let preloads: Vec<&OsStr> =
            before.iter().chain(ours).chain(after).map(|path| path.as_os_str()).collect();
        if !preloads.is_empty() {
            command.env("LD_PRELOAD", preloads.join(OsStr::new(":")));
        }
        command
    }

    /// Runs a program to its end.
    #[track_caller]
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Outcome {
        let mut command = self.command(program);
        self.finish(command.args(arguments))
    }

    /// Runs a command that [`Fence::command`] gave, to its end, with its audit lines.
    #[track_caller]
    pub(crate) fn finish(&self, command: &mut Command) -> Outcome {
        self.finish_with(command, b"", LIMIT, "the end of the command")
    }

    /// [`Fence::finish`] with standard input, a time limit and the name of what is waited for.
    #[track_caller]
    pub(crate) fn finish_with(
        &self,
        command: &mut Command,
        input: &[u8],
        limit: Duration,
        wait: &str,
    ) -> Outcome {
        let before = self.audit_lines().len();
        let mut outcome = run(command, input, limit, wait);
        outcome.audit = self.audit_lines().split_off(before);
        outcome
    }

    /// Makes calls by the `call` fixture in one process each, and gives a result for each case.
    ///
    /// A case is the words of a command line, see `tests/fixtures/c/call.c`.
    #[track_caller]
    pub(crate) fn calls<W: AsRef<OsStr>>(&self, cases: &[Vec<W>]) -> Vec<String> {
        self.calls_in(Path::new("/"), cases)
    }

    /// [`Fence::calls`] from this working directory.
    #[track_caller]
    pub(crate) fn calls_in<W: AsRef<OsStr>>(
        &self,
        directory: &Path,
        cases: &[Vec<W>],
    ) -> Vec<String> {
        let mut lines = Vec::new();
        for case in cases {
            for (index, word) in case.iter().enumerate() {
                if index > 0 {
                    lines.push(b'\t');
                }
                escape(word.as_ref(), &mut lines);
            }
            lines.push(b'\n');
        }
        let mut command = self.command(fixture("call"));
        command.arg("-").current_dir(directory);
        let outcome = self.finish_with(&mut command, &lines, LIMIT, "the last of the calls");
        let results: Vec<String> = outcome.text().lines().map(str::to_owned).collect();
        assert_eq!(results.len(), cases.len(), "a result for each case: {outcome:#?}");
        results
    }

    /// One case of [`Fence::calls`].
    #[track_caller]
    pub(crate) fn call<W: AsRef<OsStr>>(&self, words: &[W]) -> String {
        let case: Vec<&OsStr> = words.iter().map(AsRef::as_ref).collect();
        self.calls(&[case]).remove(0)
    }

    /// Every line of the audit file so far.
    fn audit_lines(&self) -> Vec<serde_json::Value> {
        // There is no file before the first denial.
        let text = fs::read_to_string(self.directory.path().join("audit.jsonl"));
        let parse = |line| serde_json::from_str(line).expect("an audit line is JSON");
        text.unwrap_or_default().lines().map(parse).collect()
    }
}

/// Writes a word so that the fixture reads it back, whatever bytes it has.
fn escape(word: &OsStr, to: &mut Vec<u8>) {
    for &byte in word.as_encoded_bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'\\' {
            to.push(byte);
        } else {
            to.extend(format!("\\x{byte:02x}").into_bytes());
        }
    }
}
