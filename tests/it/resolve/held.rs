//! Descriptors, working directories and roots: what is reached from them is judged by where it lies.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::{Fence, Rules, Scratch, fixture};

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
