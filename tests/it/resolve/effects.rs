//! What a refused call leaves undone, and which accesses an exception and a rule are about.

use std::fs;

use crate::harness::{Fence, Rules, Scratch};

#[test]
fn a_refused_open_does_not_truncate() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for line in [
        "open @/secret O_WRONLY|O_TRUNC",
        "open @/secret O_RDONLY|O_TRUNC",
        "open @/secret O_RDWR|O_CREAT|O_TRUNC 600",
        "openat @ secret O_WRONLY|O_TRUNC",
        "creat @/secret 600",
        "syscall creat @/secret 600",
    ] {
        assert_eq!(fence.call(&scratch.words(line)), "-1 EACCES", "{line}");
    }
    assert_eq!(fence.call(&scratch.words("fopen @/secret w")), "NULL EACCES");
    assert_eq!(fence.call(&scratch.words("freopen @/secret w+")), "NULL EACCES");
    let content = |name| fs::read_to_string(scratch.path(name)).expect("our own file");
    assert_eq!(content("secret"), "SECRET\n");
    assert_eq!(fence.call(&scratch.words("open @/twin O_WRONLY|O_TRUNC")), "ok");
    assert_eq!(content("twin"), "");
}

#[test]
fn a_refused_open_creates_nothing() {
    let scratch = Scratch::new();
    scratch.link("dangling", "closed/new");
    scratch.link("dangling-twin", "open/new");
    let fence = Fence::by_hand(&scratch.rules());
    for line in ["open @/closed/new O_WRONLY|O_CREAT 600", "open @/dangling O_WRONLY|O_CREAT 600"] {
        assert_eq!(fence.call(&scratch.words(line)), "-1 EACCES", "{line}");
        assert!(!scratch.path("closed/new").exists(), "{line}");
    }
    // O_CREAT follows a dangling link, as the kernel does.
    assert_eq!(fence.call(&scratch.words("open @/dangling-twin O_WRONLY|O_CREAT 600")), "ok");
    assert!(scratch.path("open/new").exists());
}

#[test]
fn an_exception_for_reading_lets_nothing_be_changed_after_chdir() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules().allow(scratch.path("closed/inner"), &["read"]));
    let lines = [
        ("open secret O_RDONLY", "ok SECRET"),
        ("open secret O_WRONLY", "-1 EACCES"),
        ("open secret O_RDONLY|O_TRUNC", "-1 EACCES"),
        ("open new O_WRONLY|O_CREAT 600", "-1 EACCES"),
        ("open . O_TMPFILE|O_RDWR 600", "-1 EACCES"),
        ("creat secret 600", "-1 EACCES"),
        ("mkstemp newXXXXXX", "-1 EACCES"),
        ("open ../secret O_RDONLY", "-1 EACCES"),
        ("opendir ..", "NULL EACCES"),
        ("opendir .", "ok entries=3"),
    ];
    for (line, expected) in lines {
        let words = scratch.words(&format!("chdir @/closed/inner , {line}"));
        assert_eq!(fence.call(&words), format!("ok; {expected}"), "{line}");
    }
    let content = fs::read_to_string(scratch.path("closed/inner/secret")).expect("our own file");
    assert_eq!(content, "SECRET\n");
    // The way to the exception may be used, not looked into.
    assert_eq!(fence.call(&scratch.words("open @/closed/inner/secret O_RDONLY")), "ok SECRET");
    assert_eq!(fence.call(&scratch.words("opendir @/closed")), "NULL EACCES");
}

#[test]
fn each_word_of_access_is_refused_by_itself() {
    let lines: [(&'static [&'static str], &str, &str); 8] = [
        (&["read"], "open @/closed/secret O_RDONLY", "open @/closed/secret O_WRONLY"),
        (&["read"], "open @/closed/secret O_RDWR", "opendir @/closed"),
        (&["write"], "open @/closed/secret O_WRONLY", "open @/closed/secret O_RDONLY"),
        (&["write"], "open @/closed/new O_RDONLY|O_CREAT 600", "stat @/closed/secret"),
        (&["write"], "open @/closed/secret O_RDONLY|O_TRUNC", "open @/closed/secret O_PATH"),
        (&["list"], "open @/closed O_RDONLY|O_DIRECTORY", "open @/closed/secret O_RDONLY"),
        (&["metadata"], "stat @/closed/secret", "open @/closed/secret O_RDONLY"),
        (&["metadata"], "chdir @/closed", "opendir @/closed"),
    ];
    for (access, refused, passed) in lines {
        let scratch = Scratch::new();
        let fence = Fence::by_hand(&Rules::new().forbid_access(scratch.path("closed"), access));
        let result = fence.call(&scratch.words(refused));
        assert_eq!(result, "-1 EACCES", "{access:?}: {refused}");
        let result = fence.call(&scratch.words(passed));
        assert!(result.starts_with("ok"), "{access:?}: {passed}: {result}");
    }
}
