//! Fail closed: whatever happens to image and library before the start or at it, no worker runs
//! without its fence. Each case begins by a start that works, as the control.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{Launcher, finish};
use crate::harness::fixture;

#[test]
fn without_the_library_nothing_starts() {
    let launcher = Launcher::copied("bin");
    launcher.expect_fenced();
    fs::remove_file(launcher.library()).expect("our own file");
    let outcome = launcher.expect_unstarted("RF404");
    assert!(outcome.stderr.contains("was not found"), "{outcome:#?}");
}

#[test]
fn a_damaged_library_starts_nothing() {
    let launcher = Launcher::copied("bin");
    let whole = fs::read(launcher.library()).expect("our own file");
    launcher.expect_fenced();
    // The second half may be lines for debuggers; the first eighth is not all of the code.
    for damaged in [&b""[..], b"not a library", &whole[..4096], &whole[..whole.len() / 8]] {
        fs::remove_file(launcher.library()).expect("our own file");
        fs::write(launcher.library(), damaged).expect("our own directory");
        let outcome = launcher.expect_unstarted("RF405");
        assert!(outcome.stderr.contains("note: "), "ld.so's own words: {outcome:#?}");
    }
}

#[test]
fn another_library_in_its_place_starts_nothing() {
    let launcher = Launcher::copied("bin");
    launcher.expect_fenced();
    fs::copy(fixture("libempty.so"), launcher.library()).expect("our own file");
    let outcome = launcher.expect_unstarted("RF405");
    assert!(outcome.stderr.contains("`open` is defined by"), "{outcome:#?}");
}

#[test]
fn a_library_that_others_cannot_read_is_copied_for_them() {
    let launcher = Launcher::copied("bin");
    let ask = ["-q", "sh", "-c", "echo ${LD_PRELOAD%%:*}"];
    let own = launcher.library();
    fs::set_permissions(&own, Permissions::from_mode(0o600)).expect("our own file");
    let copy = PathBuf::from(launcher.run(&ask).text());
    launcher.expect_fenced();
    if fs::metadata("/proc/self").expect("procfs").uid() != 0 {
        // Only root's workers can become somebody else.
        return assert_eq!(copy, own);
    }
    assert_ne!(copy, own);
    assert_eq!(fs::read(&copy).expect("readable"), fs::read(&own).expect("our own file"));
    assert_eq!(fs::metadata(&copy).expect("it exists").mode() & 0o7777, 0o444);
}

#[test]
fn a_path_that_ld_so_would_split_is_no_way_around() {
    for directory in ["with space", "with:colon"] {
        let launcher = Launcher::copied(directory);
        launcher.expect_fenced();
        let preload = launcher.run(&["-q", "printenv", "LD_PRELOAD"]);
        assert!(!preload.text().contains(directory), "{preload:#?}");
    }
}

/// The image that a start hands over.
#[track_caller]
fn image(launcher: &Launcher) -> PathBuf {
    PathBuf::from(launcher.run(&["-q", "printenv", "RINGFENCE_IMAGE"]).text())
}

/// Image, library, policy and audit file, and what gives the kernel or another process orders.
#[test]
fn nothing_that_the_fence_stands_on_is_changed_from_inside() {
    let launcher = Launcher::copied("bin");
    let image = image(&launcher);
    let audit = launcher.scratch.text("open/audit.jsonl");
    let call = fixture("call").display().to_string();
    let answer = |case: &str| {
        let case = case.replace("IMAGE", &image.display().to_string()).replace("AUDIT", &audit);
        let words = launcher.scratch.words(&case);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let outcome = launcher.run(&[&["-q", "--audit", &audit, &call], &words[..]].concat());
        outcome.stdout.trim_end().to_owned()
    };
    for refused in [
        "open IMAGE O_WRONLY",
        "open IMAGE O_RDONLY",
        "chmod IMAGE 666",
        "unlink IMAGE",
        "rename @/twin IMAGE",
        "open @/bin/libringfence.so O_WRONLY",
        "truncate @/bin/libringfence.so 0",
        "unlink @/bin/libringfence.so",
        "rename @/bin/libringfence.so @/open/new",
        "rename @/twin @/bin/libringfence.so",
        "rename @/bin @/elsewhere",
        "rename @/open @/elsewhere",
        "open @/policy.yaml O_RDWR",
        "unlink @/policy.yaml",
        "open AUDIT O_WRONLY",
        "unlink AUDIT",
        "open /proc/sys/kernel/core_pattern O_WRONLY",
        "open /proc/self/mem O_RDWR",
        "mknod @/open/new 60600",
    ] {
        assert_eq!(answer(refused), "-1 EACCES", "{refused}");
    }
    for allowed in [
        "open @/bin/libringfence.so O_RDONLY",
        "open @/policy.yaml O_RDONLY",
        "open AUDIT O_RDONLY",
        "open /proc/sys/kernel/core_pattern O_RDONLY",
        "open /proc/self/mem O_RDONLY",
        "open @/twin O_WRONLY",
        "chmod @/twin 666",
        "rename @/twin @/open/new",
        "unlink @/open/new",
        "mkfifo @/open/new 600",
        "mkdir @/directory 700",
        "rename @/directory @/elsewhere",
    ] {
        let answer = answer(allowed);
        assert!(answer.starts_with("ok"), "{allowed}: {answer}");
    }
}

#[test]
fn an_image_that_was_changed_is_written_anew() {
    let launcher = Launcher::new();
    let image = image(&launcher);
    let whole = fs::read(&image).expect("readable");
    let replace = |bytes: &[u8]| {
        fs::remove_file(&image).expect("ours");
        fs::write(&image, bytes).expect("ours");
    };
    let damages: [(&str, &dyn Fn()); 6] = [
        ("removed", &|| fs::remove_file(&image).expect("ours")),
        ("empty", &|| replace(b"")),
        ("truncated", &|| replace(&whole[..whole.len() / 2])),
        ("other bytes", &|| replace(&vec![b'x'; whole.len()])),
        ("writable", &|| {
            fs::set_permissions(&image, Permissions::from_mode(0o666)).expect("ours");
        }),
        ("a link", &|| {
            let elsewhere = launcher.scratch.path("image");
            fs::write(&elsewhere, b"").expect("our own directory");
            fs::remove_file(&image).expect("ours");
            symlink(&elsewhere, &image).expect("ours");
        }),
    ];
    for (what, damage) in damages {
        damage();
        launcher.expect_fenced();
        let status = fs::symlink_metadata(&image).expect("it exists");
        assert!(status.is_file(), "{what}");
        assert_eq!(status.mode() & 0o7777, 0o444, "{what}");
        assert_eq!(fs::read(&image).expect("readable"), whole, "{what}");
    }
}

/// The shim's own part: a program that is started with an image that does not hold.
#[test]
fn a_program_whose_image_does_not_hold_ends() {
    let launcher = Launcher::copied("bin");
    let library = launcher.library();
    let image = image(&launcher);
    let mine = launcher.scratch.path("policy.img");
    let whole = fs::read(&image).expect("readable");
    let [secret, twin] = launcher.reads();
    let start = |image: &Path| {
        let mut command = std::process::Command::new("cat");
        command.args([&secret, &twin]).env("LD_PRELOAD", &library).env("RINGFENCE_IMAGE", image);
        finish(&mut command)
    };
    let place = |bytes: &[u8], mode| {
        fs::remove_file(&mine).ok();
        fs::write(&mine, bytes).expect("our own directory");
        fs::set_permissions(&mine, Permissions::from_mode(mode)).expect("our own file");
    };
    place(&whole, 0o444);
    assert_eq!(start(&mine).stdout, "twin\n", "the control");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (bytes, mode) in
        [(&whole[..whole.len() - 1], 0o444), (b"", 0o444), (&flipped, 0o444), (&whole, 0o666)]
    {
        place(bytes, mode);
        let outcome = start(&mine);
        assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
        assert_eq!(outcome.stdout, "", "{outcome:#?}");
        assert!(outcome.stderr.starts_with("ringfence: "), "{outcome:#?}");
    }
    fs::remove_file(&mine).expect("our own file");
    assert_eq!(start(&mine).status.code(), Some(125), "no image");
}

#[test]
fn a_directory_that_is_forbidden_is_no_place_to_start_from() {
    let launcher = Launcher::new();
    let start = |directory: &str| {
        finish(launcher.command(["-q", "true"]).current_dir(launcher.scratch.path(directory)))
    };
    assert_eq!(start("open").status.code(), Some(0));
    let refused = start("closed/inner");
    assert_eq!(refused.status.code(), Some(125), "{refused:#?}");
    assert!(refused.stderr.contains("the working directory is"), "{refused:#?}");
}

#[test]
fn an_open_directory_that_is_forbidden_is_not_handed_over() {
    let launcher = Launcher::new();
    let start = |directory: &str| {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", "exec 7<\"$0\"; exec \"$@\""]).arg(launcher.scratch.path(directory));
        command.arg(&launcher.program).args(["run", "-q", "-p"]).arg(&launcher.policy).arg("true");
        finish(&mut command)
    };
    assert_eq!(start("open").status.code(), Some(0));
    let refused = start("closed");
    assert_eq!(refused.status.code(), Some(125), "{refused:#?}");
    assert!(refused.stderr.contains("descriptor 7 is"), "{refused:#?}");
}

#[test]
fn a_fence_within_a_fence_is_refused() {
    let launcher = Launcher::new();
    let inner = launcher.program.to_str().expect("UTF-8");
    let policy = launcher.policy.to_str().expect("UTF-8");
    let outcome = launcher.run(&["-q", inner, "run", "-p", policy, "true"]);
    assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
    assert!(outcome.stderr.contains("inside a fence already"), "{outcome:#?}");
}
