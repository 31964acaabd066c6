//! Programs that the fence cannot enter: refused with EACCES, never ENOEXEC, by which a shell
//! would run the file itself. Each beside a program of the same make that it can enter.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{copy, expect_fenced, start};
use crate::harness::{Fence, Outcome, Rules, Scratch, fixture};

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

fn irrelevant() -> Fence {
    Fence::by_hand(&Rules::new().forbid("/nowhere/at/all"))
}

/// The reasons that the audit lines give.
fn reasons(outcome: &Outcome) -> String {
    outcome.audit.iter().filter_map(|line| line["unsound"].as_str()).collect()
}

/// A copy of `true` that is changed; the unchanged one is its twin.
#[track_caller]
fn expect_changed_refused(reason: &str, change: impl Fn(&Path)) {
    let scratch = Scratch::new();
    copy(&scratch, "/bin/true", "plain");
    change(&copy(&scratch, "/bin/true", "changed"));
    let fence = irrelevant();
    for way in ["execve", "execvp", "spawn", "fexecve"] {
        let refused = start(&fence, &scratch, &[way, "@/changed"]);
        assert_eq!(refused.stdout, "-1 EACCES\n", "{way}: {refused:#?}");
        assert!(reasons(&refused).contains(reason), "{way}: {refused:#?}");
        let twin = start(&fence, &scratch, &[way, "@/plain"]);
        assert!(twin.status.success() && twin.stdout.is_empty(), "{way}: {twin:#?}");
    }
}

/// Sets a byte of a program's header.
fn patch(program: &Path, at: usize, value: u8) {
    let mut bytes = fs::read(program).expect("our own copy");
    bytes[at] = value;
    fs::write(program, bytes).expect("our own copy");
}

#[test]
fn a_static_program_is_refused() {
    let scratch = Scratch::new();
    copy(&scratch, fixture("still"), "still");
    let fence = irrelevant();
    for way in ["execv", "execve", "execvp", "execl", "fexecve", "memfd", "spawn", "syscall-execve"]
    {
        let control = start(&Fence::open(), &scratch, &[way, "@/still"]);
        assert_eq!(control.stdout, "static\n", "{way}: {control:#?}");
        let refused = start(&fence, &scratch, &[way, "@/still"]);
        assert_eq!(refused.stdout, "-1 EACCES\n", "{way}: {refused:#?}");
        assert!(reasons(&refused).contains("statically"), "{way}: {refused:#?}");
        assert!(refused.stderr.contains("dynamically linked"), "what to do: {refused:#?}");
        let twin = start(&fence, &scratch, &[way, "/bin/echo"]);
        assert_eq!(twin.stdout, "\n", "{way}: {twin:#?}");
    }
}

/// Go's own library makes system calls by itself, also in a program that ld.so loads.
#[test]
fn a_go_program_is_refused() {
    let scratch = Scratch::new();
    let places = ["/usr/sbin/runc", "/usr/bin/runc"].map(Path::new);
    let go = places.into_iter().find(|place| place.exists()).expect("Debian's package runc");
    copy(&scratch, go, "go");
    let run = |fence: &Fence, program: &str| {
        let line = scratch.text(program);
        fence.run("sh", ["-c", &format!("{line} --version; echo $?")])
    };
    let control = run(&Fence::open(), "go");
    assert!(control.stdout.contains("go: go1"), "linked by Go: {control:#?}");
    let refused = run(&irrelevant(), "go");
    assert_eq!(refused.stdout, "126\n", "{refused:#?}");
    assert!(reasons(&refused).contains("a Go program"), "{refused:#?}");
    copy(&scratch, "/bin/cat", "twin");
    assert!(run(&irrelevant(), "twin").stdout.ends_with("\n0\n"));
    let launched = Fence::by_launcher(&scratch.rules()).run(go, ["--version"]);
    assert_eq!(launched.status.code(), Some(125), "{launched:#?}");
    assert!(launched.stderr.contains("RF401") && launched.stderr.contains("a Go program"));
}

#[test]
fn a_shell_does_not_run_a_refused_program_itself() {
    let scratch = Scratch::new();
    let still = copy(&scratch, fixture("still"), "still");
    let run = irrelevant().run("bash", [Path::new("-c"), &still]);
    assert_eq!(run.status.code(), Some(126), "found, not run: {run:#?}");
    assert!(run.stderr.contains("Permission denied"), "{run:#?}");
}

#[test]
fn in_audit_mode_a_static_program_runs_and_is_reported() {
    let scratch = Scratch::new();
    copy(&scratch, fixture("still"), "still");
    let fence = Fence::by_hand(&Rules::new().forbid("/nowhere/at/all").audit_only());
    let run = start(&fence, &scratch, &["execve", "@/still"]);
    assert_eq!(run.stdout, "static\n", "{run:#?}");
    assert!(reasons(&run).contains("statically"), "{run:#?}");
}

#[test]
fn a_32_bit_program_is_refused() {
    expect_changed_refused("64-bit", |program| patch(program, 4, 1));
}

#[test]
fn a_program_for_another_machine_is_refused() {
    expect_changed_refused("another machine", |program| patch(program, 18, 183));
}

#[test]
fn a_program_of_another_libc_is_refused() {
    expect_changed_refused("glibc", |program| {
        let bytes = fs::read(program).expect("our own copy");
        let at = bytes.windows(LOADER.len()).position(|part| part == LOADER.as_bytes());
        // The name of some other file that is there: what it is shows in its content.
        for (offset, value) in b"/etc/hostname\0".iter().enumerate() {
            patch(program, at.expect("it names its loader") + offset, *value);
        }
    });
}

#[test]
fn a_program_with_file_capabilities_is_refused() {
    expect_changed_refused("capabilities", |program| {
        // struct vfs_cap_data of revision 2, with cap_net_bind_service permitted.
        let mut value = [0_u8; 20];
        value[3] = 2;
        value[5] = 4;
        let path = CString::new(program.as_os_str().as_bytes()).expect("no NUL");
        let name = c"security.capability";
        // SAFETY: two C strings, and a value of the length that is given.
        let set = unsafe {
            libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
        };
        assert_eq!(set, 0, "setting capabilities needs root, as these tests do");
    });
}

#[test]
fn a_setuid_program_keeps_the_fence() {
    let scratch = Scratch::new();
    let program = copy(&scratch, "/bin/cat", "cat");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("our own file");
    super::expect_fenced_by(&["PATH"], |fence, tree, words| {
        let file = words[0].replace('@', &tree.text(""));
        fence.run(&program, [file])
    });
}

#[test]
fn the_loader_run_as_a_program_starts_a_fenced_one() {
    expect_fenced(&["execve", LOADER, "/bin/cat", "PATH"]);
    expect_fenced(&["execve", LOADER, "--preload", "", "/bin/cat", "PATH"]);
    expect_fenced(&["execve", LOADER, "--inhibit-cache", "/bin/cat", "PATH"]);
    expect_fenced(&["execve", LOADER, "--library-path", "/nowhere", "/bin/cat", "PATH"]);
    expect_fenced(&["env:none", "spawn", LOADER, "--argv0", "dog", "/bin/cat", "PATH"]);
}

#[test]
fn a_copy_of_the_loader_starts_a_fenced_program() {
    let tree = Scratch::new();
    let loader = copy(&tree, LOADER, "runner").display().to_string();
    expect_fenced(&["execve", &loader, "/bin/cat", "PATH"]);
}

#[test]
fn the_loader_is_refused_what_would_come_before_the_fence() {
    let scratch = Scratch::new();
    copy(&scratch, fixture("still"), "still");
    copy(&scratch, fixture("libempty.so"), "closed/x.so");
    copy(&scratch, fixture("libempty.so"), "open/x.so");
    copy(&scratch, LOADER, "runner");
    let fence = Fence::by_hand(&scratch.rules());
    for words in [
        &[LOADER, "--audit", "@/open/x.so", "/bin/true"][..],
        &[LOADER, "--unheard-of", "/bin/true"],
        &[LOADER, "@/still"],
        &["@/runner", "@/still"],
        &[LOADER, "true"],
        &[LOADER, LOADER, "@/still"],
        &[LOADER, "--preload", "@/closed/x.so", "/bin/true"],
        &[LOADER, "--library-path", "@/open:@/closed", "/bin/true"],
    ] {
        for way in ["execve", "spawn"] {
            let words: Vec<&str> = [way].iter().chain(words).copied().collect();
            let refused = start(&fence, &scratch, &words);
            assert_eq!(refused.stdout, "-1 EACCES\n", "{words:?}: {refused:#?}");
        }
    }
    for words in [
        &["execve", LOADER, "--preload", "@/open/x.so", "/bin/true"][..],
        &["execve", LOADER, "--library-path", "@/open", "/bin/true"],
        &["execve", LOADER, "--verify", "/bin/true"],
        &["execve", "@/runner", "/bin/true"],
    ] {
        let twin = start(&fence, &scratch, words);
        assert!(twin.status.success(), "{words:?}: {twin:#?}");
    }
}

#[test]
fn ldd_works() {
    let run = irrelevant().run("ldd", ["/bin/cat"]);
    assert!(run.text().contains("libc.so.6"), "{run:#?}");
}
