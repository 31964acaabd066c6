//! Machine code of the worker's own: what it asks of the kernel itself, and writes over us.

use crate::harness::{Fence, Scratch, fixture};

#[test]
fn a_system_call_instruction_of_the_programs_own_is_not_seen() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(fence.call(&scratch.words("open @/secret O_RDONLY")), "-1 EACCES");
    assert_eq!(fence.call(&scratch.words("raw open @/secret O_RDONLY")), "ok SECRET");
    assert_eq!(fence.call(&scratch.words("raw openat . @/secret O_RDONLY")), "ok SECRET");
    assert_eq!(fence.call(&scratch.words("raw openat2 . @/secret O_RDONLY")), "ok SECRET");
}

/// Reads the secret by calls that only the kernel sees, as [`instruction.c`] has them. The same calls by
/// libc's `syscall()` are `refused`, and both find the file where there is no fence.
///
/// [`instruction.c`]: ../../fixtures/c/instruction.c
#[track_caller]
fn expect_open_by_instruction(way: &str, refused: &str) {
    let scratch = Scratch::new();
    scratch.directory("mounted");
    let printed = |fence: &Fence, words: &[&str]| {
        let places = [scratch.text("closed/secret"), scratch.text("mounted")];
        let words = words.iter().map(|word| (*word).to_owned()).chain(places);
        fence.run(fixture("instruction"), words).text().to_owned()
    };
    let (open, fence) = (Fence::open(), Fence::by_hand(&scratch.rules()));
    let reached = printed(&open, &[way]);
    if ["EPERM", "ENOSYS", "EOPNOTSUPP"].iter().any(|errno| reached.ends_with(errno)) {
        // The machine itself has none of that for anybody: a container's profile, a file system.
        return assert_eq!(printed(&fence, &[way]), reached, "{way}");
    }
    assert_eq!(reached, "ok SECRET", "{way}");
    assert_eq!(printed(&open, &["libc", way]), "ok SECRET", "{way}");
    assert_eq!(printed(&fence, &["libc", way]), refused, "{way}");
    assert_eq!(printed(&fence, &[way]), "ok SECRET", "{way}");
}

#[test]
fn an_io_uring_of_the_programs_own_opens_what_it_likes() {
    expect_open_by_instruction("uring", "io_uring_setup -1 ENOSYS");
}

#[test]
fn a_file_handle_by_a_system_call_instruction_opens_the_file() {
    expect_open_by_instruction("handle", "name_to_handle_at -1 EACCES");
}

#[test]
fn another_processs_memory_is_written_by_a_system_call_instruction() {
    expect_open_by_instruction("vm", "process_vm_writev -1 EPERM");
    expect_open_by_instruction("memory", "open -1 EACCES");
    expect_open_by_instruction("ptrace", "ptrace -1 EPERM");
}

#[test]
fn another_name_for_a_place_is_made_by_a_system_call_instruction() {
    expect_open_by_instruction("bind", "unshare -1 EPERM");
    expect_open_by_instruction("pivot", "unshare -1 EPERM");
    expect_open_by_instruction("chroot", "chroot -1 EPERM");
}

#[test]
fn native_code_that_writes_over_our_code_is_not_judged_any_more() {
    // Nothing asks for leave to make its own process's code writable: compilers live by it.
    expect_open_by_instruction("mprotect", "ok SECRET");
}

#[test]
fn native_code_that_writes_over_our_stack_decides_what_is_opened() {
    let scratch = Scratch::new();
    let names = [scratch.text("twin"), scratch.text("secret")];
    let run = |fence: Fence| fence.run(fixture("overwrite"), names.clone()).text().to_owned();
    assert_eq!(run(Fence::by_hand(&scratch.rules())), "leaked");
    assert_eq!(run(Fence::open()), "never", "there is no copy to write over");
}
