//! What is asked of a container client, and what becomes of it when a signal comes in between. The
//! client is a script here, which notes its calls and stops at one of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use super::{Kitchen, LIMIT, POLICY, PROCESS, shell, status};
use crate::harness::run;

/// Notes the first four words of each call in `calls`. At the call that begins with `$STOP_AT` it makes the file `reached`,
/// and waits for the file `go`.
const CLIENT: &str = "#!/bin/sh
cd \"$(dirname \"$0\")\"
echo \"$1 $2 $3 $4\" >> calls
case \"$*\" in
  \"$STOP_AT\"*) : > reached; until [ -e go ]; do sleep 0.02; done;;
esac
case \"$1 $2\" in
  'image inspect') exit 1;;
  'create '*) echo the-container;;
  'inspect '*) echo exited 0;;
  'run '*) echo loaded;;
esac
";

/// A kitchen with a task for a container, and that client.
fn kitchen() -> Kitchen {
    let runner = "{type: io.kestra.plugin.scripts.runner.docker.Docker}";
    let task = shell("one", "containerImage: some/image", &["echo ran"]).replace(PROCESS, runner);
    let kitchen = Kitchen::new(POLICY, &task);
    kitchen.file("client", CLIENT);
    let executable = Permissions::from_mode(0o755);
    fs::set_permissions(kitchen.path("client"), executable).expect("our own file");
    kitchen
}

fn command(kitchen: &Kitchen, stop_at: &str) -> Command {
    let mut command = kitchen.command();
    command.env("RINGFENCE_CONTAINER_CLI", kitchen.path("client")).env("STOP_AT", stop_at);
    command.args(["-q", "flow.yaml"]);
    command
}

fn calls(kitchen: &Kitchen) -> Vec<String> {
    let calls = fs::read_to_string(kitchen.path("calls")).unwrap_or_default();
    calls.lines().map(str::to_owned).collect()
}

fn wait_for(file: &Path) {
    let begin = Instant::now();
    while !file.exists() {
        assert!(begin.elapsed() < LIMIT, "{} never came", file.display());
        thread::sleep(Duration::from_millis(5));
    }
}

fn interrupt(child: &Child) {
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
}

#[test]
fn a_client_is_asked_for_one_container_and_to_remove_it() {
    let kitchen = kitchen();
    let outcome = run(&mut command(&kitchen, "nothing"), b"", LIMIT, "the end of the task");
    assert_eq!(status(&outcome), 0, "{outcome:#?}");
    let calls = calls(&kitchen);
    let words: Vec<&str> =
        calls.iter().map(|call| call.split(' ').next().expect("a word")).collect();
    assert_eq!(words, ["image", "pull", "run", "create", "start", "inspect", "rm"], "{calls:#?}");
    assert_eq!(calls[6], "rm --force --volumes the-container");
    kitchen.assert_no_room_is_left();
}

#[test]
fn whoever_waits_for_an_image_is_told_so() {
    let kitchen = kitchen();
    let mut command = kitchen.command();
    command.env("RINGFENCE_CONTAINER_CLI", kitchen.path("client")).env("STOP_AT", "nothing");
    let outcome = run(command.arg("flow.yaml"), b"", LIMIT, "the end of the task");
    let line = "ringfence: pulling the image `some/image`";
    assert_eq!(outcome.stderr.lines().next(), Some(line), "{outcome:#?}");
}

#[test]
fn a_signal_ends_the_preparations_and_nothing_is_started() {
    // Whether the call is ended at once; another one is seen to its end.
    for (stop_at, at_once) in [("image inspect", true), ("pull", true), ("run", false)] {
        let kitchen = kitchen();
        let mut child = command(&kitchen, stop_at).spawn().expect("the launcher starts");
        wait_for(&kitchen.path("reached"));
        interrupt(&child);
        if !at_once {
            kitchen.file("go", "");
        }
        let ended = child.wait().expect("our own child");
        assert_eq!(ended.code(), Some(130), "{stop_at}");
        let calls = calls(&kitchen);
        assert!(!calls.iter().any(|call| call.starts_with("create")), "{stop_at}: {calls:#?}");
        kitchen.file("go", "");
        kitchen.assert_no_room_is_left();
    }
}

/// A client that is ended in the middle of this would leave a container of which nobody knows.
#[test]
fn a_container_that_is_being_made_when_a_signal_comes_is_removed() {
    let kitchen = kitchen();
    let mut child = command(&kitchen, "create").spawn().expect("the launcher starts");
    wait_for(&kitchen.path("reached"));
    interrupt(&child);
    kitchen.file("go", "");
    assert_eq!(child.wait().expect("our own child").code(), Some(130));
    let removed = "rm --force --volumes the-container";
    let calls = calls(&kitchen);
    assert!(calls.iter().any(|call| call == removed), "{calls:#?}");
    assert!(!calls.iter().any(|call| call.starts_with("start")), "{calls:#?}");
    kitchen.assert_no_room_is_left();
}

#[test]
fn a_client_whose_daemon_does_not_answer_is_not_taken_for_a_missing_image() {
    let kitchen = kitchen();
    kitchen.file("client", "#!/bin/sh\necho 'no daemon here' >&2\nexit 1\n");
    let outcome = run(&mut command(&kitchen, ""), b"", LIMIT, "the refusal");
    assert_eq!(status(&outcome), 125, "{outcome:#?}");
    for words in ["RF411", "`client` does not work", "no daemon here", "nothing was started"] {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
    kitchen.assert_no_room_is_left();
}

/// A client that gets no answer in time may have lost the status of what it ran, and offers 0 for it.
#[test]
fn a_status_is_the_containers_own_and_never_just_the_clients() {
    for (said, expected, words) in [
        ("exited 5", 5, ""),
        ("exited 0", 0, ""),
        ("running 0", 125, "the container cannot be seen to its end"),
        ("exited -1", 125, "the container cannot be seen to its end"),
    ] {
        let kitchen = kitchen();
        kitchen.file("client", &CLIENT.replace("exited 0", said));
        let outcome = run(&mut command(&kitchen, "nothing"), b"", LIMIT, "the end of the task");
        assert_eq!(status(&outcome), expected, "{said}: {outcome:#?}");
        assert!(outcome.stderr.contains(words), "{said}: {outcome:#?}");
        let calls = calls(&kitchen);
        assert_eq!(calls.last().map(String::as_str), Some("rm --force --volumes the-container"));
    }
}

/// A container is not called fenced because nothing was heard of it.
#[test]
fn a_fence_is_there_only_where_a_container_says_so() {
    for (said, fenced) in [("echo loaded", true), ("echo 'not loaded'", false), ("exit 1", false)] {
        let kitchen = kitchen();
        kitchen.file("client", &CLIENT.replace("echo loaded", said));
        let mut command = kitchen.command();
        command.env("RINGFENCE_CONTAINER_CLI", kitchen.path("client")).env("STOP_AT", "nothing");
        let outcome = run(command.arg("flow.yaml"), b"", LIMIT, "the end of the task");
        assert_eq!(status(&outcome), 0, "{said}: {outcome:#?}");
        assert_eq!(outcome.stderr.contains(" by client, fenced"), fenced, "{said}: {outcome:#?}");
    }
    let kitchen = kitchen();
    kitchen.file("client", &CLIENT.replace("echo loaded", ":"));
    let outcome = run(&mut command(&kitchen, "nothing"), b"", LIMIT, "the refusal");
    assert_eq!(status(&outcome), 125, "{outcome:#?}");
    assert!(outcome.stderr.contains("does not say what a container has printed"), "{outcome:#?}");
    assert!(!calls(&kitchen).iter().any(|call| call.starts_with("create")), "nothing was made");
}
