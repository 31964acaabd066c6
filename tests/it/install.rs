//! `ringfence install`: a directory whose two lines fence a worker without the launcher.
//!
//! Only root may install, and CI is root; where the tests run as somebody else, what they show is
//! that such an installation is refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::check::ringfence;
use crate::harness::{Outcome, Scratch, run};

/// A tree with a policy that forbids `secret`, and a place to install in.
fn tree() -> Scratch {
    let scratch = Scratch::new();
    scratch.file("policy.yaml", "ringfence: {version: 1, files: {forbidden: [~/secret]}}\n");
    fs::set_permissions(scratch.path(""), Permissions::from_mode(0o755)).expect("our own tree");
    scratch
}

#[track_caller]
fn install(scratch: &Scratch, words: &[&str]) -> Outcome {
    ringfence(scratch, &[&["install", "-p", "policy.yaml"], words].concat(), "")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("procfs").uid() == 0
}

/// Installs in `fence`; `None` where nobody may, which is shown then.
#[track_caller]
fn installed(scratch: &Scratch) -> Option<Vec<(String, String)>> {
    let outcome = install(scratch, &["fence"]);
    if !is_root() {
        assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
        assert!(outcome.stderr.contains("install as root"), "{outcome:#?}");
        return None;
    }
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').expect("NAME=value");
        (name.to_owned(), value.to_owned())
    };
    Some(outcome.text().lines().map(pair).collect())
}

/// Reads a file of the tree by `cat` with these variables and no launcher.
#[track_caller]
fn cat(scratch: &Scratch, lines: &[(String, String)], name: &str) -> Outcome {
    let mut command = Command::new("cat");
    command.arg(scratch.path(name)).env("LC_ALL", "C.UTF-8").envs(lines.iter().cloned());
    run(&mut command, b"", Duration::from_secs(60), "cat")
}

#[test]
fn the_two_lines_fence_a_worker() {
    let scratch = tree();
    let Some(lines) = installed(&scratch) else { return };
    let at = |name: &str| scratch.text(&format!("fence/{name}"));
    let expected = [("LD_PRELOAD", at("libringfence.so")), ("RINGFENCE_IMAGE", at("policy.img"))];
    assert_eq!(lines, expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(cat(&scratch, &lines, "twin").text(), "twin");
    let refused = cat(&scratch, &lines, "secret");
    assert!(refused.stderr.contains("Permission denied"), "{refused:#?}");
    assert_eq!(cat(&scratch, &[], "secret").text(), "SECRET", "the control");
    // What the fence stands on is out of its reach.
    let own = cat(&scratch, &lines, "fence/policy.img");
    assert!(own.stderr.contains("Permission denied"), "{own:#?}");
}

#[test]
fn everybody_reads_what_is_installed_and_nobody_writes_it() {
    let scratch = tree();
    if installed(&scratch).is_none() {
        return;
    }
    let mode = |name: &str| fs::metadata(scratch.path(name)).expect("installed").mode() & 0o7777;
    assert_eq!(mode("fence"), 0o755);
    assert_eq!(mode("fence/libringfence.so"), 0o444);
    assert_eq!(mode("fence/policy.img"), 0o444);
    let names = fs::read_dir(scratch.path("fence")).expect("installed").count();
    assert_eq!(names, 2, "nothing is left lying about");
}

#[test]
fn a_new_policy_takes_the_place_of_the_old_one_whole() {
    let scratch = tree();
    let Some(lines) = installed(&scratch) else { return };
    let inode = || fs::metadata(scratch.path("fence/policy.img")).expect("installed").ino();
    let before = inode();
    scratch.file("policy.yaml", "ringfence: {version: 1, files: {forbidden: [~/twin]}}\n");
    assert_eq!(installed(&scratch).as_ref(), Some(&lines));
    assert_ne!(inode(), before, "a file of its own, renamed over the old one");
    assert_eq!(cat(&scratch, &lines, "secret").text(), "SECRET");
    assert!(cat(&scratch, &lines, "twin").stderr.contains("Permission denied"));

    // What has mistakes changes nothing.
    let after = inode();
    scratch.file("policy.yaml", "ringfence: {version: 1, fils: {}}\n");
    assert_eq!(install(&scratch, &["fence"]).status.code(), Some(1));
    assert_eq!(inode(), after);
}

#[test]
fn a_setuid_program_is_not_started_without_the_launcher() {
    let scratch = tree();
    let Some(lines) = installed(&scratch) else { return };
    let copy = scratch.path("setuid");
    fs::copy("/bin/true", &copy).expect("our own tree");
    let start = |mode: u32| {
        fs::set_permissions(&copy, Permissions::from_mode(mode)).expect("our own file");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "\"$0\""]).arg(&copy).envs(lines.iter().cloned());
        run(&mut command, b"", Duration::from_secs(60), "the program")
    };
    assert_eq!(start(0o755).status.code(), Some(0), "the control");
    let refused = start(0o4755);
    assert_eq!(refused.status.code(), Some(126), "{refused:#?}");
}

#[test]
fn the_lines_are_written_for_who_reads_them() {
    let scratch = tree();
    if installed(&scratch).is_none() {
        return;
    }
    let image = scratch.text("fence/policy.img");
    for (format, line) in [
        ("docker", format!("ENV RINGFENCE_IMAGE={image}\n")),
        ("systemd", format!("Environment=RINGFENCE_IMAGE={image}\n")),
        ("shell", format!("export RINGFENCE_IMAGE='{image}'\n")),
    ] {
        let outcome = install(&scratch, &["-q", "--format", format, "fence"]);
        assert!(outcome.stdout.ends_with(&line), "{outcome:#?}");
        assert_eq!(outcome.stderr, "");
    }
}

/// Each directory in which somebody else could change the fence, or that is for other things.
#[test]
fn a_directory_that_a_worker_could_write_in_is_refused() {
    let scratch = tree();
    if installed(&scratch).is_none() {
        return;
    }
    let refused = |place: &str, says: &str| {
        let outcome = install(&scratch, &[place]);
        assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
        assert!(outcome.stderr.contains(says), "{place}: {outcome:#?}");
        assert!(outcome.stderr.contains("  = help: "), "{place}: {outcome:#?}");
    };
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own directory");
    };
    mode(&scratch.directory("shared"), 0o777);
    refused("shared", "others than root can write in");
    refused("shared/below", "others than root can write in");
    assert!(!scratch.path("shared/below").exists(), "what was made for nothing is taken away");
    let theirs = scratch.directory("theirs");
    std::os::unix::fs::chown(&theirs, Some(12345), None).expect("root may");
    refused("theirs", "its owner is 12345");
    refused("open", "holds something else: `");
    refused("a space", "a space or a colon");
    refused("it's", "a character that needs quotes");
    refused("none/below", "cannot make");
    mode(&scratch.directory("shared"), 0o755);
    assert_eq!(install(&scratch, &["shared"]).status.code(), Some(0), "the control");
}
