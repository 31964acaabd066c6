//! `ringfence doctor`: it finds what would leave a gap, and nothing where there is none.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::check::ringfence;
use crate::harness::{Outcome, Scratch, artifacts, fixture, run};

#[test]
fn a_machine_on_which_these_tests_run_has_no_gap() {
    let scratch = Scratch::new();
    let outcome = ringfence(&scratch, &["doctor", "cat", "--any", "words"], "");
    assert_eq!(outcome.status.code(), Some(0), "{outcome:#?}");
    for line in ["ok   openat2     answers\n", "ok   /proc       mounted", "/cat can be fenced\n"] {
        assert!(outcome.stdout.contains(line), "{line}: {outcome:#?}");
    }
    assert!(outcome.stdout.contains("\nno boundary here:\n"), "{outcome:#?}");
    assert!(outcome.stdout.lines().count() <= 24, "one page: {outcome:#?}");
}

/// The findings about one thing, as JSON.
#[track_caller]
fn about(outcome: &Outcome, what: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str::<Value>(line).expect("a JSON line");
    outcome.stdout.lines().map(parse).filter(|finding| finding["about"] == what).collect()
}

#[test]
fn a_command_that_cannot_be_fenced_is_a_gap() {
    let scratch = Scratch::new();
    for (command, says) in [
        (fixture("still").display().to_string(), "is a static program"),
        ("no-such-command".to_owned(), "was not found"),
    ] {
        let outcome = ringfence(&scratch, &["doctor", "--json", &command], "");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
        let found = about(&outcome, "command");
        assert_eq!(found[0]["level"], "gap", "{outcome:#?}");
        assert!(found[0]["says"].as_str().expect("text").contains(says), "{outcome:#?}");
        assert!(found[0]["help"].is_string(), "what to do: {outcome:#?}");
    }
}

#[test]
fn a_setuid_command_is_noted() {
    let scratch = Scratch::new();
    let path = scratch.path("setuid");
    assert!(Command::new("cp").arg("/bin/true").arg(&path).status().expect("cp").success());
    for (mode, findings) in [(0o755, 1), (0o4755, 2)] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("our own file");
        let words = ["doctor", "--json", path.to_str().expect("UTF-8")];
        let outcome = ringfence(&scratch, &words, "");
        assert_eq!(about(&outcome, "command").len(), findings, "{outcome:#?}");
        assert_eq!(outcome.status.code(), Some(0), "{outcome:#?}");
    }
}

#[test]
fn other_preloads_are_noted() {
    let scratch = Scratch::new();
    let library = fixture("libempty.so");
    let mut command = Command::new(&artifacts().launcher);
    command.args(["doctor", "--json"]).env("LD_PRELOAD", &library).current_dir(scratch.path(""));
    let outcome = run(&mut command, b"", Duration::from_secs(60), "doctor");
    let found = about(&outcome, "preloads");
    assert_eq!(found[0]["level"], "note", "{outcome:#?}");
    assert!(found[0]["says"].as_str().expect("text").contains("libempty.so"), "{outcome:#?}");
}

#[test]
fn a_missing_library_is_a_gap() {
    let scratch = Scratch::new();
    let copy = scratch.path("ringfence");
    assert!(
        Command::new("cp").arg(&artifacts().launcher).arg(&copy).status().expect("cp").success()
    );
    let outcome =
        run(Command::new(&copy).args(["doctor", "--json"]), b"", Duration::from_secs(60), "doctor");
    if std::path::Path::new("/usr/lib/ringfence/libringfence.so").exists() {
        // An installed one stands in for it.
        assert_eq!(about(&outcome, "library")[0]["level"], "ok", "{outcome:#?}");
        return;
    }
    assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
    assert_eq!(about(&outcome, "library")[0]["level"], "gap", "{outcome:#?}");
}
