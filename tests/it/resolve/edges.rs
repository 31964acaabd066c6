//! The edges: long and odd names, no path at all, reopened descriptors, exceptions, neighbours.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Fence, Rules, Scratch, fixture};

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

#[test]
fn a_descriptor_cannot_be_reopened_with_more_rights() {
    let scratch = Scratch::new();
    let rules = Rules::new().forbid_access(scratch.path("secret"), &["write"]);
    let fence = Fence::by_hand(&rules);
    for number in ["/proc/self/fd/8", "/proc/thread-self/fd/8", "/dev/fd/8"] {
        for how in ["path:", "file:"] {
            let line = format!("hold 8 {how}@/secret , open {number} O_WRONLY");
            assert_eq!(fence.call(&scratch.words(&line)), "ok; -1 EACCES", "{line}");
            let line = format!("hold 8 {how}@/secret , open {number} O_RDONLY");
            assert_eq!(fence.call(&scratch.words(&line)), "ok; ok SECRET", "{line}");
            let line = format!("hold 8 {how}@/twin , open {number} O_WRONLY");
            assert_eq!(fence.call(&scratch.words(&line)), "ok; ok", "{line}");
        }
    }
}

#[test]
fn a_descriptor_of_metadata_cannot_be_reopened_for_reading() {
    let scratch = Scratch::new();
    let rules = Rules::new().forbid_access(scratch.path("secret"), &["read"]);
    let fence = Fence::by_hand(&rules);
    let words = scratch.words("hold 8 path:@/secret , open /proc/self/fd/8 O_RDONLY");
    assert_eq!(fence.call(&words), "ok; -1 EACCES");
    let words = scratch.words("hold 8 path:@/twin , open /proc/self/fd/8 O_RDONLY");
    assert_eq!(fence.call(&words), "ok; ok twin");
}

#[test]
fn a_link_held_by_o_path_leads_nowhere() {
    let scratch = Scratch::new();
    scratch.link("to-closed", "closed");
    let fence = Fence::by_hand(&scratch.rules());
    for line in [
        "openat link:@/to-closed secret O_RDONLY",
        "hold 8 link:@/to-closed , open /proc/self/fd/8 O_RDONLY",
        "hold 8 link:@/to-closed , open /proc/self/fd/8/secret O_RDONLY",
        "hold 8 link:@/to-closed , opendir /proc/self/fd/8",
        "hold 8 link:@/to-closed , fchdir 8 , open secret O_RDONLY",
    ] {
        let result = fence.call(&scratch.words(line));
        let last = result.rsplit("; ").next().unwrap_or_default();
        assert!(last.starts_with("-1 ") || last.starts_with("NULL "), "{line}: {result}");
    }
    // The link itself may be looked at, and its twin leads on when it is followed.
    assert_eq!(fence.call(&scratch.words("readlink @/to-closed")), "ok closed");
}

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

#[test]
fn the_descriptors_of_an_unfenced_neighbour_are_judged_by_where_they_lead() {
    let scratch = Scratch::new();
    let secret = File::open(scratch.path("secret")).expect("this process is not fenced");
    let twin = File::open(scratch.path("twin")).expect("this process is not fenced");
    let closed = File::open(scratch.path("closed")).expect("this process is not fenced");
    let (pipe, _other_end) = std::io::pipe().expect("a pipe");
    let place = |fd: i32| format!("/proc/{}/fd/{fd}", std::process::id());
    let fence = Fence::by_hand(&scratch.rules());
    let cases = [
        (place(secret.as_raw_fd()), "-1 EACCES"),
        (format!("{}/secret", place(closed.as_raw_fd())), "-1 EACCES"),
        (place(twin.as_raw_fd()), "ok twin"),
        // It has no name that could be judged, and its number may soon be another file's.
        (place(pipe.as_raw_fd()), "-1 EACCES"),
    ];
    for (path, expected) in cases {
        assert_eq!(fence.call(&["open", &path, "O_RDONLY|O_NONBLOCK"]), expected, "{path}");
        let open = Fence::open().call(&["open", &path, "O_RDONLY|O_NONBLOCK"]);
        assert!(open.starts_with("ok"), "without a fence: {path}: {open}");
    }
}

#[test]
fn a_root_given_to_openat2_does_not_change_what_a_text_means() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    // The text `/secret` under the root `@` is `@/secret`, though no rule is called that.
    for flag in ["RESOLVE_IN_ROOT", "RESOLVE_BENEATH"] {
        for (name, expected) in [("secret", "-1 EACCES"), ("twin", "ok twin")] {
            let line = format!("syscall openat2 @ ./{name} O_RDONLY/{flag}");
            assert_eq!(fence.call(&scratch.words(&line)), expected, "{line}");
        }
    }
    let line = "syscall openat2 @ /closed/secret O_RDONLY/RESOLVE_IN_ROOT";
    assert_eq!(fence.call(&scratch.words(line)), "-1 EACCES");
    assert_eq!(Fence::open().call(&scratch.words(line)), "ok SECRET");
}

#[test]
fn a_deleted_working_directory_opens_nothing_that_is_forbidden() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let line = "mkdir @/gone 700 , chdir @/gone , rename @/gone @/open/gone , open ../../secret \
                O_RDONLY , open ../twin O_RDONLY";
    assert_eq!(fence.call(&scratch.words(line)), "ok; ok; ok; -1 EACCES; ok twin");
}

#[test]
fn a_place_that_is_mounted_under_another_name_at_the_start_is_covered_there() {
    let scratch = Scratch::new();
    scratch.directory("mounted");
    scratch.directory("mounted-inner");
    let fence = Fence::by_launcher(&scratch.rules());
    let open = Fence::open();
    let run = |fence: &Fence, name: &str| {
        let mut inner = fence.command(fixture("call"));
        inner.args(["open", &scratch.text(name), "O_RDONLY"]);
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-ec"]);
        command.arg("mount --bind $1/closed $1/mounted; mount --bind $1/closed/inner $1/mounted-inner; shift; exec \"$@\"");
        command.arg("sh").arg(scratch.path("")).arg(inner.get_program()).args(inner.get_args());
        fence.finish(&mut command).text().to_owned()
    };
    for name in ["mounted/secret", "mounted/inner/secret", "mounted-inner/secret"] {
        assert_eq!(run(&fence, name), "-1 EACCES", "{name}");
        assert_eq!(run(&open, name), "ok SECRET", "without a fence, with the right to mount");
    }
    assert_eq!(run(&fence, "open/twin"), "ok twin");
}

#[test]
fn the_root_of_another_process_leads_to_judged_places() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let me = std::process::id();
    for root in [format!("/proc/{me}/root"), format!("/proc/{me}/task/{me}/root")] {
        for (name, expected) in [("secret", "-1 EACCES"), ("twin", "ok twin")] {
            let path = format!("{root}{}", scratch.text(name));
            assert_eq!(fence.call(&["open", &path, "O_RDONLY"]), expected, "{path}");
        }
    }
}

#[test]
fn a_number_of_ones_own_is_judged_as_a_relative_name_too() {
    let scratch = Scratch::new();
    let rules = Rules::new().forbid_access(scratch.path("secret"), &["write"]);
    let fence = Fence::by_hand(&rules);
    for (name, expected) in [("secret", "ok; ok; -1 EACCES"), ("twin", "ok; ok; ok")] {
        for directory in ["/proc/self/fd", "/proc/thread-self/fd", "/dev/fd"] {
            let line = format!("hold 8 file:@/{name} , chdir {directory} , open 8 O_WRONLY");
            assert_eq!(fence.call(&scratch.words(&line)), expected, "{line}");
        }
    }
}

#[test]
fn a_directory_that_is_gone_leads_nowhere_and_one_that_is_called_so_is_a_directory() {
    let scratch = Scratch::new();
    scratch.directory("gone (deleted)");
    // A rule's last name, so that the directory's text is asked for.
    scratch.file("gone (deleted)/secret", "twin\n");
    let fence = Fence::by_hand(&scratch.rules());
    let words = |line: &str| -> Vec<String> {
        scratch.words(line).iter().map(|word| word.replace('_', " ")).collect()
    };
    let open = ["chdir @/gone_(deleted) , open secret 0", "openat @/gone_(deleted) secret 0"];
    assert_eq!(fence.call(&words(open[0])), "ok; ok twin");
    assert_eq!(fence.call(&words(open[1])), "ok twin");
    for line in [
        "mkdir @/empty 700 , hold 8 @/empty , chdir @/empty , rmdir @/empty , open secret 0",
        "mkdir @/empty 700 , hold 8 @/empty , chdir @/empty , rmdir @/empty , openat 8 secret 0",
        "mkdir @/empty 700 , hold 8 @/empty , chdir @/empty , rmdir @/empty , open ../secret 0",
    ] {
        let result = fence.call(&scratch.words(line));
        let last = result.rsplit("; ").next().unwrap_or_default();
        assert!(["-1 ENOENT", "-1 EACCES"].contains(&last), "{line}: {result}");
    }
}

#[test]
fn to_go_up_from_a_directory_takes_the_right_to_search_it() {
    let scratch = Scratch::new();
    let shut = scratch.directory("shut");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o600)).expect("our own directory");
    let run = |fence: &Fence, path: &str| {
        // Root without the capabilities that pass over permissions is a user like others.
        let script = "if [ $(id -u) = 0 ]; then set -- setpriv \
                      --bounding-set=-dac_override,-dac_read_search \"$@\"; fi; exec \"$@\"";
        let mut command = fence.command("sh");
        command.args(["-c", script, "sh", "cat", &scratch.text(path)]).env("LC_ALL", "C");
        fence.finish(&mut command)
    };
    for fence in [Fence::open(), Fence::by_hand(&scratch.rules())] {
        let refused = run(&fence, "shut/../twin");
        assert!(refused.stderr.ends_with("Permission denied\n"), "{refused:#?}");
        assert!(refused.audit.is_empty(), "the kernel says so, not a rule: {refused:#?}");
        assert_eq!(run(&fence, "open/../twin").text(), "twin");
    }
}
