//! Calls from places where little is allowed: handlers, children of fork and vfork, small stacks,
//! before the first constructor and after the last destructor.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::harness::{Fence, Outcome, Scratch, fixture};

const LIMIT: Duration = Duration::from_secs(60);

fn tree() -> Scratch {
    let scratch = Scratch::new();
    scratch.link("to-secret", "secret");
    scratch.link("to-twin", "twin");
    let made = Command::new("mkfifo").arg(scratch.path("fifo")).status().expect("coreutils");
    assert!(made.success());
    scratch.link("to-fifo", "fifo");
    scratch
}

/// Runs a mode of the fixture `async`, inside a fence and without one.
#[track_caller]
pub(crate) fn both(mode: &str, wait: &str) -> (String, String) {
    let run = |fence: Fence, scratch: &Scratch| {
        let mut command = fence.command(fixture("async"));
        command.arg(mode).arg(scratch.path(""));
        fence.finish_with(&mut command, b"", LIMIT, wait).text().to_owned()
    };
    let scratch = tree();
    (run(Fence::by_hand(&scratch.rules()), &scratch), run(Fence::open(), &scratch))
}

/// The number behind `name=`.
#[track_caller]
pub(crate) fn count(text: &str, name: &str) -> u64 {
    let mut pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    let (_, number) = pairs.find(|(found, _)| *found == name).expect("the fixture counts it");
    number.parse().expect("a count")
}

#[test]
fn a_signal_handler_may_open_in_the_middle_of_an_open() {
    let (fenced, open) = both("handler", "a handler that opens");
    assert_eq!(count(&fenced, "wrong"), 0, "{fenced}");
    assert_eq!(count(&fenced, "refused"), count(&fenced, "read"), "{fenced}");
    assert!(count(&fenced, "refused") > 2_000, "each signal opened: {fenced}");
    assert_eq!(count(&open, "refused"), 0, "without a fence: {open}");
}

#[test]
fn a_handler_may_leave_a_hook_by_siglongjmp() {
    // No blocked signal and no half-made state stays behind; `limits` shows what may.
    let (fenced, open) = both("longjmp", "a handler that jumps out");
    let (_, rest) = fenced.split_once(' ').expect("the descriptors, then the rest");
    assert_eq!(rest, "blocked=0 refused=1 read=1 wrong=0");
    assert_eq!(count(&open, "refused"), 0, "without a fence: {open}");
}

#[test]
fn a_child_of_a_threaded_program_is_fenced_and_does_not_hang() {
    let (fenced, open) = both("fork", "a child forked while threads were in hooks");
    assert_eq!(fenced, "children=200 wrong=0");
    assert_eq!(count(&open, "children"), 0, "without a fence: {open}");
}

#[test]
fn a_vfork_child_is_fenced_and_leaves_its_parent_whole() {
    let (fenced, open) = both("vfork", "a vfork child");
    assert_eq!(fenced, "children=200 refused=600 read=600 wrong=0");
    assert_eq!(count(&open, "refused"), 0, "without a fence: {open}");
}

#[test]
fn a_thread_on_16_kib_of_stack_is_fenced() {
    let (fenced, open) = both("small-stack", "threads on small stacks");
    assert_eq!(fenced, "refused=100 read=100 wrong=0");
    assert_eq!(count(&open, "refused"), 0, "without a fence: {open}");
}

#[test]
fn destructors_of_thread_keys_and_functions_at_exit_are_fenced() {
    let (fenced, open) = both("endings", "the end of a thread");
    assert_eq!(fenced, "refused=2 read=2 wrong=0");
    assert_eq!(count(&open, "refused"), 0, "without a fence: {open}");
}

#[test]
fn a_function_before_every_constructor_is_fenced() {
    let (fenced, open) = both("preinit", "the preinit array");
    assert_eq!(fenced, "refused=1 read=1 wrong=0");
    assert_eq!(count(&open, "refused"), 0, "without a fence: {open}");
}

#[test]
fn a_blocking_open_is_interrupted_by_a_signal() {
    for mode in ["interrupted", "interrupted-link"] {
        let (fenced, open) = both(mode, "a signal to end an open of a FIFO");
        assert_eq!(fenced, "-1 EINTR", "{mode}");
        assert_eq!(open, fenced, "without a fence: {mode}");
    }
}

/// Runs a program with another preload that opens a file while the process starts.
fn start(scratch: &Scratch, fence: Fence, library: &str, first: bool, name: &str) -> Outcome {
    let library = [fixture(library)];
    let none: &[PathBuf] = &[];
    let fence = if first {
        fence.with_neighbours(&library, none)
    } else {
        fence.with_neighbours(none, &library)
    };
    let mut command = fence.command("ls");
    command.arg(scratch.path("open"));
    for variable in ["EARLY_FILE", "BOOT_FILE"] {
        command.env(variable, scratch.path(name));
    }
    fence.finish_with(&mut command, b"", LIMIT, "the start of a process")
}

#[test]
fn a_neighbours_constructor_is_fenced_before_ours_has_run() {
    let scratch = tree();
    for first in [true, false] {
        for (name, expected) in [
            ("secret", "early: EACCES\n"),
            ("to-secret", "early: EACCES\n"),
            ("twin", "early: twin\n"),
        ] {
            let fence = Fence::by_hand(&scratch.rules());
            let outcome = start(&scratch, fence, "libearly.so", first, name);
            assert!(outcome.stderr.contains(expected), "{name}, first {first}: {outcome:#?}");
            assert!(outcome.status.success(), "{outcome:#?}");
        }
        let outcome = start(&scratch, Fence::open(), "libearly.so", first, "secret");
        assert!(outcome.stderr.contains("early: SECRET\n"), "without a fence: {outcome:#?}");
    }
}

#[test]
fn an_allocator_that_opens_files_with_its_lock_held_is_fenced_and_does_not_hang() {
    let scratch = tree();
    for first in [true, false] {
        for (name, expected) in [("to-secret", "boot: refused\n"), ("to-twin", "boot: read\n")] {
            let fence = Fence::by_hand(&scratch.rules());
            let outcome = start(&scratch, fence, "libbootalloc.so", first, name);
            assert!(outcome.stderr.contains(expected), "{name}, first {first}: {outcome:#?}");
            assert!(outcome.status.success(), "{outcome:#?}");
        }
        let outcome = start(&scratch, Fence::open(), "libbootalloc.so", first, "to-secret");
        assert!(outcome.stderr.contains("boot: SECRET\n"), "without a fence: {outcome:#?}");
    }
}
