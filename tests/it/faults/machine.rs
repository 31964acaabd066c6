//! A kernel, a procfs or a filter of system calls without which the fence cannot hold.

use super::{Place, expect_fenced, expect_unstarted};
use crate::harness::{Fence, Scratch, artifacts, fixture};

#[test]
fn openat2_that_does_not_answer_starts_nothing() {
    let place = Place::new();
    expect_fenced(&place.script("read-both"));
    for (error, says) in [("ENOSYS", "not implemented"), ("EPERM", "not permitted")] {
        let outcome = place.script(&format!("%without openat2={error} -- read-both"));
        expect_unstarted(&outcome, says, "seccomp profile that allows openat2");
        assert!(outcome.stderr.contains("openat2(2) does not answer"), "{outcome:#?}");
    }
}

/// `cat` of a file with library and image named by hand: an image that forbids nothing.
fn by_hand(place: &Place) -> String {
    let image = place.scratch.text("fence.img");
    let policy = ringfence_policy::compile(&ringfence_policy::Policy::default()).expect("no rules");
    std::fs::write(&image, policy).expect("our own file");
    let library = artifacts().library.display();
    format!("env LD_PRELOAD={library} RINGFENCE_IMAGE={image} cat @/twin")
}

/// The same without the launcher: the shim itself ends the process.
#[test]
fn openat2_that_does_not_answer_ends_the_process() {
    let place = Place::new();
    let cat = by_hand(&place);
    for error in ["ENOSYS", "EPERM"] {
        let outcome = place.script(&format!("%without openat2={error} -- {cat}"));
        assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
        assert_eq!(outcome.stdout, "", "{outcome:#?}");
        let message = "ringfence: openat2(2) does not answer; use Linux 5.8 or newer, and a seccomp \
                       profile that allows openat2\n";
        assert_eq!(outcome.stderr, message);
    }
    // The control: another call that the filter takes away does not matter.
    assert_eq!(place.script(&format!("%without close_range=ENOSYS -- {cat}")).text(), "twin");
}

/// A worker that shuts the call off for itself gets nothing by it.
#[test]
fn openat2_shut_off_by_the_worker_refuses_every_open() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for error in ["ENOSYS", "EPERM", "ENFILE", "ENOMEM", "EINTR", "EIO"] {
        let line = format!("openat2={error} -- open @/secret @/closed/secret @/twin");
        let outcome = fence.run(fixture("without"), scratch.words(&line));
        assert_eq!(outcome.text(), format!("-1 EACCES\n-1 EACCES\n-1 {error}"), "{outcome:#?}");
        let control = Fence::open().run(fixture("without"), scratch.words(&line));
        assert_eq!(control.text(), "ok\nok\nok", "libc itself does not need the call");
    }
}

/// What the private tables, links and texts of descriptors need.
#[test]
fn other_calls_that_fail_let_nothing_through() {
    let scratch = Scratch::new();
    scratch.link("to-secret", "secret");
    let fence = Fence::by_hand(&scratch.rules());
    for call in ["readlinkat", "faccessat2", "getcwd", "clone", "mmap"] {
        let line = format!("{call}=EPERM -- open @/to-secret @/open/../secret secret @/twin");
        let mut command = fence.command(fixture("without"));
        command.args(scratch.words(&line)).current_dir(scratch.path(""));
        let outcome = fence.finish(&mut command);
        let lines: Vec<&str> = outcome.text().lines().collect();
        assert_eq!(lines[3], "ok", "{call}: the twin needs none of them: {outcome:#?}");
        for line in &lines[..3] {
            assert!(line.starts_with("-1 "), "{call}: {outcome:#?}");
        }
    }
}

#[test]
fn without_proc_nothing_starts() {
    let place = Place::new();
    let outcome = place.apart(&["-r", "-m"], "mount -t tmpfs none /proc; read-both");
    expect_unstarted(&outcome, "/proc is not mounted", "mount procfs at /proc");
    expect_fenced(&place.apart(&["-r", "-m"], "mount -t tmpfs none /mnt; read-both"));
}

#[test]
fn without_proc_a_process_without_a_launcher_ends() {
    let place = Place::new();
    let cat = by_hand(&place);
    let outcome = place.apart(&["-r", "-m"], &format!("mount -t tmpfs none /proc; {cat}"));
    assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
    assert_eq!(outcome.stderr, "ringfence: /proc is not mounted; mount procfs at /proc\n");
    assert_eq!(place.apart(&["-r", "-m"], &cat).text(), "twin", "the control");
}

#[test]
fn a_proc_that_hides_other_processes_is_enough() {
    let place = Place::new();
    let options = ["-r", "-m", "-p", "--fork"];
    let mount = "mount -t proc -o hidepid=invisible proc /proc && ";
    expect_fenced(&place.apart(&options, &format!("{mount} read-both")));
    let by_descriptor = format!("{mount} fenced %call openat @ secret O_RDONLY");
    assert_eq!(place.apart(&options, &by_descriptor).text(), "-1 EACCES");
    let twin = format!("{mount} fenced %call openat @ twin O_RDONLY");
    assert_eq!(place.apart(&options, &twin).text(), "ok twin");
}
