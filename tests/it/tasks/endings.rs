//! Exit statuses, time limits, signals and retries; and that nothing is left.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use super::{Kitchen, POLICY, is_running, shell, status};

#[test]
fn the_exit_status_is_the_commands_own() {
    for (command, expected) in [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", 137), ("false", 1)]
    {
        let kitchen = Kitchen::shell(&[command, "exit 0"]);
        assert_eq!(status(&kitchen.run(&[])), expected, "{command}");
        kitchen.assert_no_room_is_left();
    }
    let kitchen = Kitchen::shell_with("failFast: false", &["false", "exit 7"]);
    assert_eq!(status(&kitchen.run(&[])), 7);
}

#[test]
fn each_stream_is_passed_on_as_it_is() {
    let kitchen = Kitchen::shell(&["echo out; echo err >&2; printf 'no end'"]);
    let outcome = kitchen.run(&[]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\nno end", "err\n"));
}

/// The task says a line and then waits for a file: where output came only at the end, the test
/// would never make that file.
#[test]
fn output_comes_while_the_task_runs() {
    let kitchen = Kitchen::shell(&[]);
    let file = kitchen.path("go").display().to_string();
    let wait = format!("echo begun; until [ -e {file} ]; do sleep 0.05; done; echo done");
    kitchen.file("flow.yaml", &format!("tasks:\n{}", shell("one", "", &[&wait])));
    let mut command = kitchen.command();
    command.args(["-q", "flow.yaml"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the launcher starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "begun\n");
    kitchen.file("go", "");
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    assert_eq!(rest, "done\n");
    assert!(child.wait().expect("our own child").success());
}

/// Commands that start a process in a session of its own, a child of that, and one that hears no
/// SIGTERM; each says its number. The shell itself then waits for ever.
const FAMILY: &str = "setsid sh -c 'echo $$; sleep 1000 & echo $!; wait' &
(trap '' TERM; exec sleep 1000) & echo $!
(setsid setsid sh -c 'echo $$; exec sleep 1000' &)
";

#[test]
fn a_time_limit_ends_everything_that_the_task_started() {
    let wait = format!("{FAMILY}echo $$\nwhile :; do sleep 1; done");
    // Long enough for a slow machine to start five processes, which the test then counts.
    let kitchen = Kitchen::shell_with("timeout: PT5S", &[&wait]);
    let outcome = kitchen.run(&[]);
    assert_eq!(status(&outcome), 124, "{outcome:#?}");
    let pids: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(pids.len(), 5, "{outcome:#?}");
    assert!(!pids.iter().any(|pid| is_running(pid)), "{pids:?}");
    kitchen.assert_no_room_is_left();
}

#[test]
fn what_a_task_leaves_running_ends_with_it() {
    let kitchen = Kitchen::shell(&["(setsid sh -c 'echo $$; exec sleep 1000' &)", "echo $$"]);
    let outcome = kitchen.run(&[]);
    let pids: Vec<&str> = outcome.text().lines().collect();
    assert!(!pids.iter().any(|pid| is_running(pid)), "{pids:?}");
    kitchen.assert_no_room_is_left();
}

#[test]
fn a_signal_ends_everything_and_cleans_up() {
    for (signal, expected) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let wait = format!("{FAMILY}wait");
        let kitchen = Kitchen::shell(&[&wait]);
        let mut command = kitchen.command();
        command.args(["-q", "flow.yaml"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the launcher starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let pids: Vec<String> = out.lines().take(4).map(|line| line.expect("a line")).collect();
        assert!(pids.iter().all(|pid| is_running(pid)), "{pids:?}");
        let kill = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(kill.expect("kill runs").success());
        let ended = child.wait().expect("our own child");
        assert_eq!(ended.code(), Some(expected), "{signal}");
        assert!(!pids.iter().any(|pid| is_running(pid)), "{pids:?}");
        kitchen.assert_no_room_is_left();
    }
}

#[test]
fn a_task_that_fails_is_tried_again_in_a_fresh_directory() {
    let kitchen = Kitchen::shell(&[]);
    let count = kitchen.path("count").display().to_string();
    let commands = [
        "ls -A",
        "touch left",
        &format!("echo x >> {count}"),
        &format!("[ $(wc -l < {count}) = 3 ]"),
    ];
    let retry = "retry: {type: constant, interval: PT0.01S, maxAttempts: 5}\ninputFiles: {in: x}";
    kitchen.file("flow.yaml", &format!("tasks:\n{}", shell("one", retry, &commands)));
    let outcome = kitchen.run(&[]);
    assert_eq!(outcome.text(), "in\nin\nin");
    kitchen.assert_no_room_is_left();
}

#[test]
fn retries_end() {
    for retry in [
        "{type: constant, interval: PT0.01S, maxAttempts: 3}",
        "{type: exponential, interval: PT0.01S, maxInterval: PT0.02S, maxAttempts: 3}",
        "{type: random, minInterval: PT0.01S, maxInterval: PT0.02S, maxAttempts: 3}",
    ] {
        let kitchen = Kitchen::shell_with(&format!("retry: {retry}"), &["echo try", "exit 4"]);
        let outcome = kitchen.run(&[]);
        assert_eq!((status(&outcome), outcome.stdout.as_str()), (4, "try\ntry\ntry\n"), "{retry}");
    }
}

#[test]
fn a_signal_ends_the_wait_between_two_attempts() {
    let retry = "retry: {type: constant, interval: P1D, maxAttempts: 2}";
    let kitchen = Kitchen::shell_with(retry, &["exit 4"]);
    let mut command = kitchen.command();
    command.args(["--json", "flow.yaml"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the launcher starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let retry = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"retry\"")));
    assert!(retry.is_some(), "it says that it will try again");
    let kill = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(child.wait().expect("our own child").code(), Some(143));
    kitchen.assert_no_room_is_left();
}

#[test]
fn a_program_is_told_in_json_lines() {
    let retry = "retry: {type: constant, interval: PT0.01S, maxAttempts: 2}";
    let kitchen = Kitchen::new(POLICY, &shell("one", retry, &["echo out; echo err >&2; exit 4"]));
    let mut command = kitchen.command();
    command.args(["--json", "flow.yaml", "one"]);
    let outcome = crate::harness::run(&mut command, b"", super::LIMIT, "the end of the task");
    assert_eq!(status(&outcome), 4);
    let events: Vec<serde_json::Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut kinds: Vec<&str> =
        events.iter().map(|event| event["event"].as_str().expect("a kind")).collect();
    assert_eq!((kinds.remove(0), kinds.pop()), ("begin", Some("end")));
    assert_eq!(kinds, ["output", "output", "retry", "output", "output"]);
    assert!(events.iter().any(|event| event["stream"] == "stderr" && event["line"] == "err"));
    let end = events.last().expect("the end");
    assert_eq!((&end["status"], &end["attempts"]), (&4.into(), &2.into()));
    assert_eq!((&end["outcome"], &end["task"]), (&"exited".into(), &"one".into()));
}

/// A reader that goes away ends the stream, as a pipe does; the task ends by it.
#[test]
fn a_task_whose_output_nobody_reads_is_told_so() {
    let kitchen = Kitchen::shell(&["yes"]);
    let mut command = kitchen.command();
    command.args(["-q", "flow.yaml"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the launcher starts");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "y\n");
    drop(out);
    assert_eq!(child.wait().expect("our own child").code(), Some(141), "by SIGPIPE");
    kitchen.assert_no_room_is_left();
}

#[test]
fn what_cannot_be_passed_on_is_no_success() {
    for form in [&["-q"][..], &["-q", "--json"]] {
        let kitchen = Kitchen::shell(&["echo lost"]);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let mut command = kitchen.command();
        command.args(form).arg("flow.yaml").stdout(full).stderr(Stdio::piped());
        let outcome = command.spawn().expect("the launcher starts").wait_with_output();
        let outcome = outcome.expect("our own child");
        let said = String::from_utf8_lossy(&outcome.stderr);
        assert_eq!(outcome.status.code(), Some(125), "{said}");
        assert!(said.contains("what the task prints cannot be passed on: No space left"), "{said}");
        kitchen.assert_no_room_is_left();
    }
}
