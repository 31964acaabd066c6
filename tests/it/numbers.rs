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
        ("fanotify", "EPERM"),
        ("syscall-fanotify", "EPERM"),
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
        "fanotify-handles",
        "mark",
    ];
    for name in names {
        for fence in [Fence::open(), irrelevant()] {
            assert_eq!(results(&fence, &[name]), [format!("{name} ok")]);
        }
    }
}

/// A group of fanotify's whose events would be open files, made outside and inherited as standard
/// input.
#[test]
fn an_inherited_group_marks_nothing() {
    let make = "
import ctypes, os, sys
group = ctypes.CDLL(None, use_errno=True).fanotify_init(0, os.O_RDONLY)
if group < 0: sys.exit(os.strerror(ctypes.get_errno()))
os.dup2(group, 0)
os.environ.update({n[7:]: v for n, v in os.environ.items() if n.startswith('FENCED_')})
os.execv(sys.argv[1], sys.argv[1:])
";
    let marked = |fence: &Fence| {
        let mut command = Fence::open().command("python3");
        for (name, value) in fence.command("true").get_envs() {
            command.env(format!("FENCED_{}", name.display()), value.unwrap_or_default());
        }
        command.args(["-c", make]).arg(fixture("number")).arg("inherited-mark");
        fence.finish(&mut command).text().to_owned()
    };
    assert_eq!(marked(&Fence::open()), "inherited-mark ok");
    assert_eq!(marked(&irrelevant()), "inherited-mark -1 EPERM");
}
