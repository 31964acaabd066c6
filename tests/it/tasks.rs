//! Tasks of flows through the public command `ringfence task`.

// What a task gets and what it cannot reach.
mod isolation;
// Tasks in containers, by podman.
mod containers;
// How a container client is used, and signals at each of its calls.
mod clients;
// How tasks end: by themselves, by time, by a signal, after retries; and that nothing is left.
mod endings;
// The languages, files in and out.
mod scripts;
// Many tasks at a time.
mod many;
// `docs/tasks.md` is so.
mod page;
// What is refused before anything is started.
mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Outcome, artifacts, run};

/// How long a task may take, unless a test says otherwise.
const LIMIT: Duration = Duration::from_secs(120);
/// What makes a task a local process.
const PROCESS: &str = "{type: io.kestra.plugin.core.runner.Process}";
/// A policy that only gives a default: the built-in rules about files hold.
const POLICY: &str = "kestra: {plugins: {defaults: [{type: io.kestra.plugin.core.log.Log, values: {level: ERROR}}]}}";

/// A directory with a policy and a flow, and tasks started from it.
struct Kitchen {
    directory: TempDir,
}

impl Kitchen {
    /// A kitchen with this policy, and a flow of these tasks.
    fn new(policy: &str, tasks: &str) -> Self {
        let kitchen = Self { directory: TempDir::new().expect("a directory") };
        fs::create_dir(kitchen.path("tmp")).expect("our own directory");
        kitchen.file("policy.yaml", policy);
        kitchen.file("flow.yaml", &format!("id: flow\nnamespace: team\ntasks:\n{tasks}"));
        kitchen
    }

    /// A flow of one shell task that runs these commands as a local process.
    fn shell(commands: &[&str]) -> Self {
        Self::shell_with("", commands)
    }

    /// The same with further properties, a line each.
    fn shell_with(properties: &str, commands: &[&str]) -> Self {
        Self::new(POLICY, &shell("one", properties, commands))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().expect("it is there").join(name)
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("our own file");
    }

    /// `ringfence task` in an environment of which nothing but a secret concerns a task.
    fn command(&self) -> Command {
        // A signal that the tests' own environment ignores, as under nohup(1), would be ignored still.
        let mut command = Command::new("/usr/bin/env");
        command.arg("--default-signal=HUP,INT,TERM").arg(&artifacts().launcher);
        command.arg("task").current_dir(self.directory.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TMPDIR", self.path("tmp"));
        command.env("DATABASE_PASSWORD", "hunter2").args(["-p", "policy.yaml"]);
        command
    }

    /// Runs a task of the flow to its end.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = self.command();
        command.args(["-q", "flow.yaml"]).args(words);
        run(&mut command, b"", LIMIT, "the end of the task")
    }

    /// What directories of tasks are left: none.
    #[track_caller]
    fn assert_no_room_is_left(&self) {
        for rooms in fs::read_dir(self.path("tmp")).expect("our own directory").flatten() {
            let left: Vec<PathBuf> =
                fs::read_dir(rooms.path()).expect("listed").flatten().map(|e| e.path()).collect();
            assert_eq!(left, Vec::<PathBuf>::new(), "left behind");
        }
    }
}

/// A shell task that is a local process.
fn shell(id: &str, properties: &str, commands: &[&str]) -> String {
    let commands = serde_json::to_string(commands).expect("texts");
    let properties = properties.lines().fold(String::new(), |all, line| all + "    " + line + "\n");
    format!(
        "  - id: {id}\n    type: io.kestra.plugin.scripts.shell.Commands\n    taskRunner: {PROCESS}\n\
         {properties}    commands: {commands}\n"
    )
}

/// The exit status.
#[track_caller]
fn status(outcome: &Outcome) -> i32 {
    outcome.status.code().unwrap_or_else(|| panic!("ended by a signal: {outcome:#?}"))
}

/// Whether a process is there; one that has ended and that nobody has asked after is not.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    !stat.is_empty() && !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z"))
}
