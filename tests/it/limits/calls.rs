//! Calls that do not do all that libc's own do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::r#async::{both, count};
use crate::harness::{Fence, Rules, Scratch, fixture};

/// A script without `#!` is run by libc's posix_spawn of before 2.15; ours is one function for all.
#[test]
fn an_old_posix_spawn_runs_no_script_without_a_first_line() {
    let scratch = Scratch::new();
    let script = scratch.file("script", "echo ran\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our own file");
    let printed = |fence: &Fence, way: &str| {
        fence.run(fixture("start"), [way.as_ref(), script.as_os_str()]).stdout
    };
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(printed(&Fence::open(), "spawn-old"), "ran\n");
    assert_eq!(printed(&fence, "spawn-old"), "-1 ENOEXEC\n");
    assert_eq!(printed(&fence, "spawn"), printed(&Fence::open(), "spawn"), "of today");
}

#[test]
fn a_spawn_into_a_control_group_answers_enotsup() {
    let fence = Fence::by_hand(&Rules::new().forbid("/nowhere/at/all"));
    let printed = |words: &[&str]| fence.run(fixture("start"), words).stdout;
    assert_eq!(printed(&["cgroup", "spawn", "/bin/echo", "ran"]), "-1 EOPNOTSUPP\n");
    assert_eq!(printed(&["spawn", "/bin/echo", "ran"]), "ran\n");
}

#[test]
fn a_handler_that_jumps_out_of_a_look_may_leave_its_descriptor_open() {
    // Looking takes an O_PATH descriptor for a moment. Blocking signals for that moment would cost
    // every stat two more calls of the kernel's; the object is one that the process may hold.
    let (fenced, open) = both("longjmp", "a handler that jumps out");
    assert!(count(&fenced, "descriptors") > 0, "{fenced}");
    assert_eq!(count(&open, "descriptors"), 0, "{open}");
}

#[test]
fn an_open_that_waits_is_no_cancellation_point() {
    // The program ends by its limit of time: the thread that waits for a FIFO is not cancelled.
    let (fenced, open) = both("cancelled", "the cancellation of an open of a FIFO");
    assert_eq!(fenced, "waits");
    assert_eq!(open, "cancelled");
}
