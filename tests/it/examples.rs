//! Every file in `examples/` keeps the promise that its first lines make.
//!
//! A policy's header has lines such as `#   refused: cat /etc/passwd` and `#   allowed: ls /usr/`:
//! each command must do so inside a fence of that policy, and succeed outside of it. `options:`
//! gives the options of `ringfence run`. `refused task: CLASS ARGUMENT` and `allowed task:` say the same of a
//! task in the worker of [`crate::threads`]. A policy with tests of its own passes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Outcome, artifacts, run};
use crate::programs::Jdk;
use crate::threads::worker::{Task, Worker};

const LIMIT: Duration = Duration::from_secs(60);

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn policies() -> Vec<PathBuf> {
    let directory = fs::read_dir(examples().join("policies")).expect("examples/policies");
    let mut files: Vec<PathBuf> = directory.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// What the header promises, in the order of its lines: a key and a value each.
fn promises(policy: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(policy).expect("a policy is text");
    let header = text.lines().take_while(|line| line.starts_with('#'));
    header
        .filter_map(|line| line.strip_prefix("#   ")?.split_once(": "))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn launcher(subcommand: &str, arguments: &[&str], policy: &Path) -> Command {
    let mut command = Command::new(&artifacts().launcher);
    command.arg(subcommand).args(arguments).env_remove("RINGFENCE_POLICY");
    if subcommand == "run" {
        command.arg("--policy");
    }
    command.arg(policy);
    command
}

fn shell(mut command: Command, line: &str) -> Outcome {
    run(command.args(["sh", "-c", line]).env("LC_ALL", "C"), b"", LIMIT, line)
}

/// An example that no test knows would promise without being held to it.
#[test]
fn every_example_has_a_test() {
    let entries = fs::read_dir(examples()).expect("examples");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["home", "policies", "python-tasks", "vendor-library", "worker.sh"]);
}

#[test]
fn every_policy_is_accepted() {
    for policy in policies() {
        let outcome = run(&mut launcher("check", &[], &policy), b"", LIMIT, "the check");
        assert!(outcome.status.success(), "{}: {outcome:#?}", policy.display());
    }
}

#[test]
fn every_policy_keeps_its_promises() {
    for policy in policies() {
        let promises = promises(&policy);
        let value = |wanted: &str| promises.iter().find(|(key, _)| key == wanted).map(|(_, v)| v);
        let options = value("options").map_or("", String::as_str);
        for (key, line) in &promises {
            match key.as_str() {
                "options" => {}
                "refused" | "allowed" => keep(&policy, options, key == "allowed", line),
                "refused task" | "allowed task" => keep_task(&policy, key == "allowed task", line),
                _ => panic!("{}: no promise is called `{key}`", policy.display()),
            }
        }
    }
}

/// The command succeeds outside the fence; inside it succeeds too, or fails with EACCES.
fn keep(policy: &Path, options: &str, allowed: bool, line: &str) {
    let mut outside = Command::new("env");
    outside.arg("--");
    let control = shell(outside, line);
    assert!(control.status.success(), "outside the fence: {line}: {control:#?}");

    let mut command = launcher("run", &words(options), policy);
    command.arg("--");
    let outcome = shell(command, line);
    let refused = !outcome.status.success() && outcome.stderr.contains("Permission denied");
    let kept = if allowed { outcome.status.success() } else { refused };
    assert!(kept, "{}: {line}: {outcome:#?}", policy.display());
}

#[test]
fn the_service_has_of_its_library_what_it_was_bought_for() {
    expect_session("vendor-library", 5);
}

#[test]
fn what_users_wrote_in_python_makes_no_thread_and_no_program() {
    expect_session("python-tasks", 3);
}

/// The commands in the header of its policy print what stands below each of them there.
#[track_caller]
fn expect_session(name: &str, commands: usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let example = examples().join(name);
    let copied = Command::new("cp").arg("-r").arg(example.join(".")).arg(directory.path()).status();
    assert!(copied.expect("cp runs").success());
    let launcher = artifacts().launcher.parent().expect("a directory").display();
    let path = format!("{launcher}:{}", std::env::var("PATH").expect("a PATH"));

    let policy = fs::read_to_string(example.join("policy.yaml")).expect("it is text");
    let session = policy.lines().filter_map(|line| line.strip_prefix("#   ")).collect::<Vec<_>>();
    let steps = session.chunk_by(|_, next| !next.starts_with("$ "));
    let mut met = 0;
    for step in steps {
        let (command, expected) = step.split_first().expect("none is empty");
        let line = command.strip_prefix("$ ").expect("a command");
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&directory).env("PATH", &path).env("LC_ALL", "C");
        let outcome = run(command.env_remove("RINGFENCE_POLICY"), b"", LIMIT, line);
        let printed: Vec<&str> = outcome.stdout.lines().collect();
        assert_eq!(printed, expected, "{line}: {outcome:#?}");
        assert!(outcome.status.success(), "{line}: {outcome:#?}");
        met += 1;
    }
    assert_eq!(met, commands);
}

/// The task succeeds outside the fence; inside it succeeds too, or fails with the rule's refusal.
fn keep_task(policy: &Path, allowed: bool, line: &str) {
    let (class, argument) = line.split_once(' ').unwrap_or((line, ""));
    let task = [Task::new("task", class, argument)];
    let jdk = Jdk::new(17);
    let control = &Worker::open(jdk.clone()).run(&task)[0];
    assert!(control.succeeded(), "outside the fence: {line}: {control}");

    let came = &Worker::by(jdk, policy).run(&task)[0];
    let kept = if allowed { came.succeeded() } else { came.refused_program() || came.refused() };
    assert!(kept, "{}: {line}: {came}", policy.display());
}

#[test]
fn every_policy_passes_its_own_tests() {
    let text = |policy: &PathBuf| fs::read_to_string(policy).expect("a policy is text");
    let tested: Vec<PathBuf> =
        policies().into_iter().filter(|policy| text(policy).contains("\n  tests:\n")).collect();
    assert!(!tested.is_empty(), "there are examples of them");
    for policy in tested {
        let outcome = run(&mut launcher("test", &[], &policy), b"", LIMIT, "the tests");
        assert!(outcome.status.success(), "{}: {outcome:#?}", policy.display());
    }
}

/// The worker prints `granted` for each try outside a fence, and inside the built-in policy for
/// those alone that name nothing secret.
#[test]
fn the_worker_is_refused_what_is_secret_and_nothing_else() {
    let worker = examples().join("worker.sh");
    let home = examples().join("home");
    let run_it = |mut command: Command| {
        let outcome =
            run(command.arg(&worker).env("HOME", &home), b"", LIMIT, "the example worker");
        outcome.text().lines().map(str::to_owned).collect::<Vec<String>>()
    };

    let outside = run_it(Command::new("sh"));
    assert!(outside.iter().all(|line| line.starts_with("granted ")), "{outside:#?}");

    let mut fenced = Command::new(&artifacts().launcher);
    fenced.args(["run", "--quiet", "--"]).env_remove("RINGFENCE_POLICY");
    let inside = run_it(fenced);
    let (granted, refused) = inside.split_at(3);
    assert!(granted.iter().all(|line| line.starts_with("granted ")), "{inside:#?}");
    assert!(refused.iter().all(|line| line.starts_with("refused ")), "{inside:#?}");
    assert_eq!(inside.len(), outside.len(), "{inside:#?}");
}
