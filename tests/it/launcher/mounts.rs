//! The same place under other mounts, each made in a mount namespace of the test's own.

use std::process::Command;

use super::{Launcher, finish};
use crate::harness::Outcome;

/// Runs a shell script with `@` for the scratch tree in a fresh mount namespace, as root there;
/// `fenced` in it stands for the launcher with its policy.
#[track_caller]
fn script(launcher: &Launcher, text: &str) -> Outcome {
    let fenced =
        format!("'{}' run -q -p '{}' --", launcher.program.display(), launcher.policy.display());
    let text = text.replace("fenced", &fenced).replace('@', &launcher.scratch.text(""));
    let mut command = Command::new("unshare");
    let outcome = finish(command.args(["-r", "-m", "sh", "-e", "-c", &text]));
    assert!(!outcome.stderr.contains("unshare"), "a mount namespace can be made: {outcome:#?}");
    outcome
}

/// The secret was refused, its twin beside it was read.
#[track_caller]
fn expect_refused(outcome: &Outcome) {
    assert!(outcome.stderr.contains("Permission denied"), "{outcome:#?}");
    assert_eq!(outcome.stdout, "twin\n", "{outcome:#?}");
}

#[test]
fn a_bind_mount_of_a_directory_above_shows_nothing_forbidden() {
    let launcher = Launcher::new();
    launcher.scratch.directory("mnt");
    let text = "mount --bind @ @/mnt; fenced cat @/mnt/secret @/mnt/twin";
    expect_refused(&script(&launcher, text));
    let control = "mount --bind @ @/mnt; cat @/mnt/secret";
    assert_eq!(script(&launcher, control).text(), "SECRET");
}

#[test]
fn a_bind_mount_of_the_place_itself_is_forbidden() {
    let launcher = Launcher::new();
    launcher.scratch.directory("mnt");
    launcher.scratch.file("file", "");
    let text = "mount --bind @/closed @/mnt; fenced cat @/mnt/inner/secret @/twin";
    expect_refused(&script(&launcher, text));
    let text = "mount --bind @/secret @/file; fenced cat @/file @/twin";
    expect_refused(&script(&launcher, text));
}

#[test]
fn a_bind_mount_of_something_beneath_the_place_is_forbidden() {
    let launcher = Launcher::new();
    launcher.scratch.directory("mnt");
    let text = "mount --bind @/closed/inner @/mnt; fenced cat @/mnt/secret @/twin";
    expect_refused(&script(&launcher, text));
}

#[test]
fn what_is_mounted_beneath_the_place_is_forbidden_where_it_came_from() {
    let launcher = Launcher::new();
    let text = "mount --bind @/open @/closed/inner; fenced cat @/open/twin @/twin";
    expect_refused(&script(&launcher, text));
}

#[test]
fn an_overlay_and_its_layers_are_one_place() {
    let launcher = Launcher::new();
    launcher.scratch.directory("mnt");
    let mount = "mount -t tmpfs none @/mnt; cd @/mnt; mkdir upper work merged; \
                 mount -t overlay none -o lowerdir=@,upperdir=@/mnt/upper,workdir=@/mnt/work merged; \
                 cd /; ";
    let lower = format!("{mount} fenced cat @/mnt/merged/secret @/mnt/merged/twin");
    expect_refused(&script(&launcher, &lower));
    let control = format!("{mount} cat @/mnt/merged/secret");
    assert_eq!(script(&launcher, &control).text(), "SECRET");
}
