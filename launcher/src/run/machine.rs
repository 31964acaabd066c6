//! What a start needs of the machine, asked before anything is read: where it is missing, no
//! later message would say so as plainly.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2, statfs};
use rustix::io::Errno;

use super::refusal::Refusal;

/// What statfs(2) says of procfs.
const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// # Errors
/// Where the shim could not hold a fence here, whatever the policy.
pub(crate) fn check() -> Result<(), Refusal> {
    openat2_answers()?;
    procfs_is_there()
}

/// Judged texts are opened by it.
///
/// # Errors
/// Where the kernel, or a filter of system calls, answers otherwise.
pub(crate) fn openat2_answers() -> Result<(), Refusal> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    match openat2(CWD, "/", flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(_) => Ok(()),
        Err(errno) => {
            let reason = std::io::Error::from(errno);
            let help = exhausted(errno).unwrap_or(
                "use Linux 5.8 or newer, and a seccomp profile that allows openat2 (Docker 20.10 or \
                 newer)",
            );
            Err(Refusal::plain(format!("openat2(2) does not answer: {reason}"))
                .note("the fence has the kernel open just the text that it judged, by this call")
                .help(help))
        }
    }
}

/// The texts of descriptors come from it.
///
/// # Errors
/// Where it is not mounted, or says nothing about this process.
pub(crate) fn procfs_is_there() -> Result<(), Refusal> {
    let kind = statfs("/proc").map(|status| u64::try_from(status.f_type).unwrap_or(0));
    let refusal = |what: String| Err(Refusal::plain(what).help("mount procfs at /proc"));
    if kind != Ok(PROC_SUPER_MAGIC) {
        return refusal("/proc is not mounted".into());
    }
    match std::fs::read_link("/proc/thread-self/cwd") {
        Ok(_) => Ok(()),
        Err(error) => refusal(format!("/proc says nothing about this process: {error}")),
    }
}

/// What to do where an error says that something has run out.
pub(crate) fn exhausted(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::MFILE => Some("raise the limit of open files: `ulimit -n`"),
        Errno::NFILE => Some("raise fs.file-max, or end what holds so many files"),
        Errno::NOMEM => Some("raise the limit of memory: `ulimit -v`, or the container's"),
        Errno::AGAIN => Some("raise the limit of processes: `ulimit -u`, or the container's"),
        Errno::NOSPC | Errno::DQUOT => {
            Some("make room there, or set XDG_RUNTIME_DIR to a directory of yours that has some")
        }
        Errno::FBIG => Some("raise the limit of the size of files: `ulimit -f`"),
        _ => None,
    }
}
