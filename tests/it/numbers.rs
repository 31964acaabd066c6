//! System calls by number, and the calls that would make a text mean another place or reach into
//! another process.

use crate::harness::{Fence, Rules, fixture};

fn results(fence: &Fence, names: &[&str]) -> Vec<String> {
    fence.run(fixture("number"), names).text().lines().map(str::to_owned).collect()
}

fn irrelevant() -> Fence {
    Fence::by_hand(&Rules::new().forbid("/nowhere/at/all"))
}

#[test]
fn what_reaches_around_the_fence_is_refused() {
    let expected = [
        ("trace", "EPERM"),
        ("libc-trace", "EPERM"),
        ("read-memory", "EPERM"),
        ("libc-read-memory", "EPERM"),
        ("write-memory", "EPERM"),
        ("take-descriptor", "EPERM"),
        ("ring", "ENOSYS"),
        ("handle", "EACCES"),
        ("mount", "EPERM"),
        ("open-tree", "EPERM"),
        ("libc-mount", "EPERM"),
        ("libc-umount", "EPERM"),
        ("libc-umount2", "EPERM"),
        ("libc-open-tree", "EPERM"),
        ("libc-open-context", "EPERM"),
        ("unshare-user", "EPERM"),
        ("libc-unshare-user", "EPERM"),
        ("clone-user", "EPERM"),
        ("clone3-user", "EPERM"),
        ("chroot", "EPERM"),
        ("future", "ENOSYS"),
    ];
    for (name, errno) in expected {
        assert_eq!(results(&irrelevant(), &[name]), [format!("{name} -1 {errno}")]);
    }
}

#[test]
fn the_plain_forms_pass() {
    let names = [
        "getpid",
        "six-arguments",
        "unshare-files",
        "libc-unshare-files",
        "clone",
        "clone3",
        "chroot-root",
    ];
    for name in names {
        for fence in [Fence::open(), irrelevant()] {
            assert_eq!(results(&fence, &[name]), [format!("{name} ok")]);
        }
    }
}
