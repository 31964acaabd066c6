//! What the worker would inherit and the policy forbids: its working directory, and directories
//! that are open.
//!
//! A path relative to either would begin in a forbidden place. The shim refuses such a start as
//! well; here there is still somebody to tell.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Decision, Image};

use super::refusal::Refusal;

/// # Errors
/// Where the working directory or an inherited directory is forbidden.
pub(crate) fn check(policy: Image<'_>) -> Result<(), Refusal> {
    let current = std::fs::read_link("/proc/self/cwd");
    if let Some(directory) =
        current.ok().filter(|path| is_forbidden(path, Access::METADATA, policy))
    {
        return Err(refusal("the working directory", &directory, policy)
            .help("start it from another directory"));
    }
    for (number, directory) in open_directories() {
        if is_forbidden(&directory, Access::METADATA | Access::LIST, policy) {
            return Err(refusal(&format!("descriptor {number}"), &directory, policy)
                .help(format!("close it for the worker: `{number}<&-` in a shell")));
        }
    }
    Ok(())
}

fn is_forbidden(path: &Path, access: Access, policy: Image<'_>) -> bool {
    decision(path, policy).refuses(access).is_some()
}

/// What holds for the worker, which is the host.
fn decision(path: &Path, policy: Image<'_>) -> Decision {
    policy.decide_among(path.as_os_str().as_bytes(), policy.host_audiences())
}

fn refusal(what: &str, path: &Path, policy: Image<'_>) -> Refusal {
    let refusal =
        Refusal::plain(format!("{what} is `{}`, which the policy forbids", path.display()));
    match decision(path, policy)
        .refuses(Access::METADATA | Access::LIST)
        .and_then(|rule| policy.rule(rule))
    {
        Some(rule) => refusal.note(format!("{} `{}` ({})", rule.section, rule.pattern, rule.place)),
        None => refusal,
    }
}

/// The directories among the descriptors that an exec keeps.
fn open_directories() -> Vec<(i32, PathBuf)> {
    let numbers = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> =
        numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers
        .into_iter()
        .filter_map(|number| {
            let link = PathBuf::from(format!("/proc/self/fd/{number}"));
            let is_directory = link.metadata().is_ok_and(|status| status.is_dir());
            let path = std::fs::read_link(&link).ok()?;
            (is_directory && path.is_absolute() && !closes_at_exec(number))
                .then_some((number, path))
        })
        .collect()
}

/// By `/proc/self/fdinfo`, so that no number has to be taken for a descriptor that we own.
fn closes_at_exec(number: i32) -> bool {
    let facts = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
    let flags = facts.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & libc::O_CLOEXEC != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_close_at_exec_are_not_inherited() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let kept = std::fs::File::open(scratch.path()).expect("opened");
        let number = std::os::fd::AsRawFd::as_raw_fd(&kept);
        assert!(closes_at_exec(number));
        assert!(open_directories().iter().all(|(open, _)| *open != number));
        rustix::io::fcntl_setfd(&kept, rustix::io::FdFlags::empty()).expect("changed");
        let real = scratch.path().canonicalize().expect("it exists");
        assert!(open_directories().contains(&(number, real)));
    }
}
