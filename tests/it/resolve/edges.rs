//! The edges of what a path is: long and odd names, no path at all, and what goes wrong on the way.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::harness::{Fence, Scratch};

#[test]
fn a_path_of_4095_bytes_is_judged_and_one_of_4096_is_too_long() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (name, answer) in [("secret", "-1 EACCES"), ("twin", "ok twin")] {
        for call in ["open LEN:4095:@/{} O_RDONLY", "fopen LEN:4095:@/{} r"] {
            let line = call.replace("{}", name);
            let expected = answer.replace("-1", if call.starts_with('f') { "NULL" } else { "-1" });
            assert_eq!(fence.call(&scratch.words(&line)), expected, "{line}");
        }
        for length in [4096, 4097, 9000] {
            let line = format!("open LEN:{length}:@/{name} O_RDONLY");
            assert_eq!(fence.call(&scratch.words(&line)), "-1 ENAMETOOLONG", "{line}");
            assert_eq!(Fence::open().call(&scratch.words(&line)), "-1 ENAMETOOLONG", "{line}");
        }
    }
}

#[test]
fn a_path_that_is_too_long_only_when_it_is_absolute_is_not_let_through() {
    // A working directory that is nearly as deep as a path may be long, entered step by step.
    let scratch = Scratch::new();
    let name = "d".repeat(250);
    let mut steps = String::from("chdir @");
    for _ in 0..18 {
        steps += &format!(" , mkdir {name} 700 , chdir {name}");
    }
    let up = "../".repeat(18);
    let fence = Fence::by_hand(&scratch.rules());
    let result = |fence: &Fence, file: &str| {
        let line = format!("{steps} , open {up}{file} O_RDONLY");
        let text = fence.call(&scratch.words(&line));
        text.rsplit("; ").next().unwrap_or_default().to_owned()
    };
    let refused = result(&fence, "secret");
    assert!(["-1 EACCES", "-1 ENAMETOOLONG"].contains(&refused.as_str()), "{refused}");
    // Where the text does not fit, the answer is the error, for the twin too.
    let twin = result(&fence, "twin");
    assert!(["ok twin", "-1 ENAMETOOLONG", "-1 EACCES"].contains(&twin.as_str()), "{twin}");
}

#[test]
fn a_path_of_300_components_is_judged() {
    let scratch = Scratch::new();
    let deep = ["d"; 300].join("/");
    scratch.directory(&format!("closed/{deep}"));
    scratch.directory(&format!("open/{deep}"));
    scratch.file(&format!("closed/{deep}/file"), "SECRET\n");
    scratch.file(&format!("open/{deep}/file"), "twin\n");
    let fence = Fence::by_hand(&scratch.rules());
    for (top, expected) in [("closed", "-1 EACCES"), ("open", "ok twin")] {
        let line = format!("open @/{top}/{deep}/file O_RDONLY");
        assert_eq!(fence.call(&scratch.words(&line)), expected, "{top}");
        let line = format!("chdir @ , open {top}/{deep}/file O_RDONLY");
        assert_eq!(fence.call(&scratch.words(&line)), format!("ok; {expected}"), "{top}");
    }
}

#[test]
fn odd_bytes_in_a_name_are_bytes_of_a_name() {
    let names: [&[u8]; 8] = [
        b"not-utf-8-\xff\xfe",
        b"new\nline",
        b"percent%s%n%x",
        b"quote\"back\\slash",
        b"*",
        b"sp ace\ttab",
        b"...",
        b"\x01\x1b[2J",
    ];
    for name in names {
        let scratch = Scratch::new();
        let path = |directory: &str| -> PathBuf {
            scratch.path(directory).join(OsString::from_vec(name.to_vec()))
        };
        // The odd name is a rule's, beneath a rule, and in a directory that no rule covers.
        fs::write(path(""), "SECRET\n").expect("a file system takes these names");
        fs::write(path("closed"), "SECRET\n").expect("a file system takes these names");
        fs::write(path("open"), "twin\n").expect("a file system takes these names");
        let fence = Fence::by_hand(&scratch.rules().forbid(path("")));
        let open = |path: PathBuf| {
            vec![OsString::from("open"), path.into_os_string(), OsString::from("O_RDONLY")]
        };
        let results = fence.calls(&[open(path("")), open(path("closed")), open(path("open"))]);
        let shown = String::from_utf8_lossy(name);
        assert_eq!(results, ["-1 EACCES", "-1 EACCES", "ok twin"], "{shown:?}");
        let open = Fence::open().calls(&[open(path("")), open(path("closed"))]);
        assert_eq!(open, ["ok SECRET", "ok SECRET"], "{shown:?}");
    }
}

#[test]
fn a_path_that_is_no_path_gets_the_kernels_answer() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let lines = [
        ("open NULL O_RDONLY", "-1 EFAULT"),
        ("open BAD O_RDONLY", "-1 EFAULT"),
        ("openat 99 twin O_RDONLY", "-1 EBADF"),
        ("openat 0 twin O_RDONLY", "-1 ENOTDIR"),
        ("stat NULL", "-1 EFAULT"),
        ("access BAD F_OK", "-1 EFAULT"),
        ("readlink BAD", "-1 EFAULT"),
        ("chdir NULL", "-1 EFAULT"),
        ("realpath NULL", "NULL EINVAL"),
        ("fopen @/twin q", "NULL EINVAL"),
        ("open @/twin O_RDONLY|O_DIRECTORY", "-1 ENOTDIR"),
        ("open @/open O_WRONLY", "-1 EISDIR"),
        ("opendir @/twin", "NULL ENOTDIR"),
        ("open @/twin/. O_RDONLY", "-1 ENOTDIR"),
        ("open @/new/ O_WRONLY|O_CREAT 600", "-1 EISDIR"),
        ("open @/twin O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("openat 99 @/twin O_RDONLY", "ok twin"),
        // A name that ends in a dot is none to be made, one that ends in a slash neither, but the
        // kernel says so in another order.
        ("open @/. O_WRONLY|O_CREAT 600", "-1 EISDIR"),
        ("open @/. O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("open @/open/. O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("open @/open/ O_WRONLY|O_CREAT|O_EXCL 600", "-1 EISDIR"),
        ("open @/open/.. O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("open @/open/../ O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("open @/twin/. O_WRONLY|O_CREAT 600", "-1 ENOTDIR"),
        ("open @/twin/./ O_WRONLY|O_CREAT 600", "-1 ENOTDIR"),
        ("open @/twin/ O_WRONLY|O_CREAT 600", "-1 EISDIR"),
        ("open @/to-open O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("open @/to-dot O_WRONLY|O_CREAT 600", "-1 EISDIR"),
        ("open @/to-dot/ O_WRONLY|O_CREAT 600", "-1 EISDIR"),
        ("open @/to-file-dot O_WRONLY|O_CREAT 600", "-1 ENOTDIR"),
        ("open @/to-file-slash O_WRONLY|O_CREAT 600", "-1 EISDIR"),
        ("open . O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("open ./ O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("openat @ . O_WRONLY|O_CREAT|O_EXCL 600", "-1 EEXIST"),
        ("fstatat @ twin 0x10", "-1 EINVAL"),
        ("fstatat @ open/twin 0x80000000", "-1 EINVAL"),
        ("fstatat . @/twin 0x10000", "-1 EINVAL"),
        ("statx . @/twin 0x10000 STATX_SIZE", "-1 EINVAL"),
    ];
    for (name, target) in [
        ("to-open", "open/."),
        ("to-dot", "open/."),
        ("to-file-dot", "twin/."),
        ("to-file-slash", "twin/"),
    ] {
        scratch.link(name, target);
    }
    let cases: Vec<_> = lines.iter().map(|(line, _)| scratch.words(line)).collect();
    let open = Fence::open().calls(&cases);
    for (((line, expected), open), fenced) in lines.iter().zip(open).zip(fence.calls(&cases)) {
        assert_eq!(open, *expected, "without a fence: {line}");
        assert_eq!(fenced, *expected, "{line}");
    }
}

#[test]
fn what_goes_wrong_later_does_not_tell_what_a_forbidden_place_is() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    for (name, target) in
        [("loop", "loop"), ("to-closed", "closed"), ("to-none", "closed/none"), ("to-open", "open")]
    {
        scratch.link(name, target);
    }
    for (line, open) in [
        // The links are too many only if what is before them is a directory.
        ("open @/to-closed/../loop O_RDONLY", "-1 ELOOP"),
        ("open @/to-none/../loop O_RDONLY", "-1 ENOENT"),
        ("mkdir @/to-closed/../loop/new 700", "-1 ELOOP"),
        ("stat @/to-closed/../loop", "-1 ELOOP"),
        // A directory has no hard link, another object no slash behind it.
        ("link @/to-closed/ @/new", "-1 EPERM"),
        ("link @/to-none/ @/new", "-1 ENOENT"),
    ] {
        assert_eq!(Fence::open().call(&scratch.words(line)), open, "without a fence: {line}");
        assert_eq!(fence.call(&scratch.words(line)), "-1 EACCES", "{line}");
    }
    for (line, answer) in [
        ("open @/to-open/../loop O_RDONLY", "-1 ELOOP"),
        ("mkdir @/to-open/../loop/new 700", "-1 ELOOP"),
        ("link @/to-open/ @/new", "-1 EPERM"),
        ("link @/twin/ @/new", "-1 ENOTDIR"),
        ("link @/none @/loop/new", "-1 ENOENT"),
    ] {
        assert_eq!(Fence::open().call(&scratch.words(line)), answer, "without a fence: {line}");
        assert_eq!(fence.call(&scratch.words(line)), answer, "{line}");
    }
}

#[test]
fn an_empty_path_gets_the_kernels_answer() {
    let fence = Fence::by_hand(&Scratch::new().rules());
    let cases = [
        vec!["open", "", "O_RDONLY"],
        vec!["stat", ""],
        vec!["fopen", "", "r"],
        vec!["readlink", ""],
        vec!["chdir", ""],
        vec!["realpath", ""],
        vec!["fstatat", "/", "", "0"],
        vec!["fstatat", "/", "", "AT_EMPTY_PATH"],
        vec!["statx", "/", "", "AT_EMPTY_PATH", "STATX_SIZE"],
    ];
    assert_eq!(fence.calls(&cases), Fence::open().calls(&cases));
}
