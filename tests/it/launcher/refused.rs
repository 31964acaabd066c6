//! Programs that the fence cannot hold, and commands that are not there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Launcher, executable};

#[track_caller]
fn expect(launcher: &Launcher, words: &[&str], status: i32, says: &str) {
    let outcome = launcher.run(words);
    assert_eq!(outcome.status.code(), Some(status), "{outcome:#?}");
    assert!(outcome.stderr.contains(says), "{outcome:#?}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// By another process: a program that is open for writing here would be busy in a child that
/// another test forks meanwhile.
fn copy_of_true(path: &Path) {
    assert!(Command::new("cp").arg("/bin/true").arg(path).status().expect("cp runs").success());
}

/// A copy of a program that succeeds.
fn program(launcher: &Launcher, name: &str) -> PathBuf {
    let path = launcher.scratch.path(name);
    copy_of_true(&path);
    path
}

#[test]
fn a_command_that_is_not_there_is_127() {
    let launcher = Launcher::new();
    expect(&launcher, &["no-such-command"], 127, "`no-such-command` was not found");
    expect(&launcher, &["/nonexistent/x"], 127, "`/nonexistent/x` was not found");
    expect(&launcher, &["-q", "true"], 0, "");
}

#[test]
fn a_command_that_cannot_be_started_is_126() {
    let launcher = Launcher::new();
    let file = launcher.scratch.text("twin");
    expect(&launcher, &[&file], 126, "Permission denied");
    expect(&launcher, &["/"], 126, "Permission denied");
    executable(&launcher.scratch.path("twin"));
    expect(&launcher, &[&file], 127, "twin: not found");
}

#[test]
fn a_command_that_the_policy_forbids_is_126_with_the_rule() {
    let launcher = Launcher::new();
    let twin = launcher.scratch.path("open/inner/true");
    let forbidden = launcher.scratch.path("closed/true");
    for path in [&twin, &forbidden] {
        copy_of_true(path);
    }
    expect(&launcher, &["-q", text(&twin)], 0, "");
    expect(&launcher, &[text(&forbidden)], 126, "files.forbidden");
    // Its name is free, the place that it leads to is not.
    let link = launcher.scratch.link("open/link", &forbidden);
    expect(&launcher, &[text(&link)], 126, "files.forbidden");
}

#[test]
fn a_static_program_is_refused() {
    let launcher = Launcher::new();
    let source = launcher.scratch.file("main.c", "int main(void) { return 0; }\n");
    let [fixed, shared] = ["static", "shared"].map(|name| launcher.scratch.path(name));
    for (path, options) in [(&fixed, &["-static"][..]), (&shared, &[])] {
        let status = Command::new("cc").args(options).arg("-o").arg(path).arg(&source).status();
        assert!(status.expect("cc runs").success());
    }
    expect(&launcher, &["-q", text(&shared)], 0, "");
    expect(&launcher, &[text(&fixed)], 125, "RF401");
    // A script is as good as what runs it.
    for (interpreter, status, says) in [(&fixed, 125, "RF401"), (&shared, 0, "")] {
        let script = launcher.scratch.file("script", &format!("#!{}\n", interpreter.display()));
        executable(&script);
        expect(&launcher, &["-q", text(&script)], status, says);
    }
}

#[test]
fn a_setuid_program_is_refused_where_it_would_gain_rights() {
    let launcher = Launcher::new();
    let path = program(&launcher, "setuid");
    fs::set_permissions(&path, Permissions::from_mode(0o4755)).expect("our own file");
    expect(&launcher, &["-q", text(&path)], 0, "");
    expect(&launcher, &["--allow-new-privs", text(&path)], 125, "RF402");
}

#[test]
fn a_program_of_another_libc_is_refused() {
    let launcher = Launcher::new();
    let path = program(&launcher, "other");
    expect(&launcher, &["-q", text(&path)], 0, "");
    let (glibc, musl) = (b"/lib64/ld-linux-x86-64.so.2\0", b"/lib/ld-musl-x86_64.so.1\0\0\0\0");
    let mut bytes = fs::read(&path).expect("our own file");
    let at = bytes.windows(glibc.len()).position(|window| window == glibc);
    let at = at.expect("a program names its loader");
    bytes[at..at + musl.len()].copy_from_slice(musl);
    fs::write(&path, bytes).expect("our own file");
    expect(&launcher, &[text(&path)], 125, "RF403");
}

#[test]
fn a_program_that_is_damaged_is_refused() {
    let launcher = Launcher::new();
    let path = program(&launcher, "damaged");
    let bytes = fs::read(&path).expect("our own file");
    fs::write(&path, &bytes[..100]).expect("our own file");
    expect(&launcher, &[text(&path)], 125, "RF401");
}
