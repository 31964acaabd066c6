//! Prepending the launcher changes nothing but the fence: pid, signals, streams, descriptors,
//! words, environment, exit status.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use super::{LIMIT, Launcher, executable, finish};
use crate::harness::run;

/// What a shell says about itself, in the fence and outside of it.
#[track_caller]
fn same(script: &str) -> String {
    let launcher = Launcher::new();
    let outside = finish(std::process::Command::new("/bin/sh").args(["-c", script]));
    let inside = launcher.run(&["-q", "/bin/sh", "-c", script]);
    assert_eq!(inside.stdout, outside.stdout, "{inside:#?}");
    assert_eq!(inside.status, outside.status, "{inside:#?}");
    assert_eq!(inside.stderr, "");
    inside.stdout
}

#[test]
fn the_worker_has_the_launchers_pid() {
    let launcher = Launcher::new();
    let mut command = launcher.command(["-q", "/bin/sh", "-c", "echo $$"]);
    let child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("our own child");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), pid.to_string());
}

#[test]
fn the_status_is_the_workers() {
    let launcher = Launcher::new();
    for status in [0, 1, 2, 77, 125] {
        let outcome = launcher.run(&["-q", "sh", "-c", &format!("exit {status}")]);
        assert_eq!(outcome.status.code(), Some(status));
    }
    let killed = launcher.run(&["-q", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.status.signal(), Some(15));
}

#[test]
fn signals_are_ignored_or_not_as_they_were() {
    same("grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status");
    let ignored = |text: &str| {
        let set = text.trim().strip_prefix("SigIgn:").map(str::trim);
        let set = set.and_then(|set| u64::from_str_radix(set, 16).ok()).expect("a signal set");
        // SIGHUP and SIGPIPE; the environment of the tests may ignore others.
        set & (1 << 0 | 1 << 12)
    };
    let said = same("grep ^SigIgn: /proc/self/status");
    assert_eq!(ignored(&said), 0);
    let launcher = Launcher::new();
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "trap '' PIPE HUP; exec \"$@\"", "sh"]);
    command.arg(&launcher.program).args(["run", "-q", "-p"]).arg(&launcher.policy);
    command.args(["grep", "^SigIgn", "/proc/self/status"]);
    assert_eq!(ignored(finish(&mut command).text()), 1 << 0 | 1 << 12);
}

#[test]
fn descriptors_are_those_that_were_open() {
    same("cd /proc/$$/fd && echo *");
}

#[test]
fn a_closed_stream_stays_closed() {
    let launcher = Launcher::new();
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "exec \"$@\" <&-", "sh"]);
    command.arg(&launcher.program).args(["run", "-q", "-p"]).arg(&launcher.policy);
    let open = "test -e /proc/$$/fd/0 && echo open || echo closed";
    let closed = finish(command.args(["sh", "-c", open]));
    assert_eq!(closed.text(), "closed");
    assert_eq!(launcher.run(&["-q", "sh", "-c", open]).text(), "open");
}

#[test]
fn standard_input_is_the_workers() {
    let launcher = Launcher::new();
    let outcome = run(&mut launcher.command(["-q", "cat"]), b"some bytes\n", LIMIT, "cat");
    assert_eq!(outcome.text(), "some bytes");
}

#[test]
fn all_after_the_first_word_belongs_to_the_command() {
    let launcher = Launcher::new();
    let echo = ["-q", "/bin/echo", "-q", "--mode", "off", "--", "--polcy"];
    assert_eq!(launcher.run(&echo).text(), "-q --mode off -- --polcy");
    let dashes = ["-q", "--", "/bin/echo", "--", "x"];
    assert_eq!(launcher.run(&dashes).text(), "-- x");
}

#[test]
fn the_first_word_stays_as_it_was_given() {
    let launcher = Launcher::new();
    assert_eq!(launcher.run(&["-q", "sh", "-c", "echo $0"]).text(), "sh");
    // A file that is neither a program nor says what runs it: a script for the shell.
    let script = launcher.scratch.file("script", "echo $0 $1\n");
    executable(&script);
    let script = script.to_str().expect("UTF-8");
    assert_eq!(launcher.run(&["-q", script, "word"]).text(), format!("{script} word"));
}

#[test]
fn the_environment_gains_the_fence_and_keeps_the_rest() {
    let launcher = Launcher::new();
    let mut command = launcher.command(["-q", "env"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("KEPT", "a b");
    command.env("RINGFENCE_IMAGE", "/nonexistent").env("LD_PRELOAD", "libc.so.6");
    let text = finish(&mut command).text().to_owned();
    let mut names: Vec<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    let expected = ["KEPT", "LD_PRELOAD", "PATH", "RINGFENCE_IMAGE", "RINGFENCE_RUN"];
    assert_eq!(names, expected, "each once: {text}");
    let preload = format!("LD_PRELOAD={}:libc.so.6", launcher.library().display());
    assert!(text.lines().any(|line| line == preload), "ours first: {text}");
    assert!(text.lines().any(|line| line == "KEPT=a b"), "{text}");
    assert!(!text.contains("/nonexistent"), "{text}");
}

#[test]
fn preloaded_libraries_of_the_options_come_last() {
    let launcher = Launcher::new();
    let words = ["-q", "--preload", "libm.so.6", "printenv", "LD_PRELOAD"];
    let outcome = finish(launcher.command(words).env("LD_PRELOAD", "libc.so.6"));
    let expected = format!("{}:libc.so.6:libm.so.6", launcher.library().display());
    assert_eq!(outcome.text(), expected);
}

#[test]
fn variables_by_which_libc_opens_a_forbidden_file_are_dropped() {
    let launcher = Launcher::new();
    let [secret, twin] = launcher.reads();
    let value = |path: &str| {
        let mut command = launcher.command(["-q", "sh", "-c", "echo ${LOCPATH-unset}"]);
        finish(command.env("LOCPATH", path))
    };
    let dropped = value(&secret);
    assert_eq!(dropped.text(), "unset");
    assert!(dropped.stderr.contains("`LOCPATH` is not passed on"), "{dropped:#?}");
    let kept = value(&twin);
    assert_eq!((kept.text(), kept.stderr.as_str()), (twin.as_str(), ""));
}

#[test]
fn no_new_privileges_unless_they_are_asked_for() {
    let launcher = Launcher::new();
    let ask = ["grep", "NoNewPrivs", "/proc/self/status"];
    let with = |options: &[&str]| launcher.run(&[options, &ask].concat()).text().to_owned();
    assert_eq!(with(&["-q"]), "NoNewPrivs:\t1");
    assert_eq!(with(&["-q", "--allow-new-privs"]), "NoNewPrivs:\t0");
}
