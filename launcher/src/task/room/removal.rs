//! The end of a directory in which a task could do what it liked.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Removes a directory with all in it, whatever the task has made of it.
///
/// # Errors
/// Where something in it cannot be removed.
pub(super) fn remove(directory: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            std::fs::remove_file(directory)
        }
        // The task took its own rights away, or nested directories deeper than there are descriptors.
        Err(_) => flatten(directory).and_then(|()| std::fs::remove_dir_all(directory)),
        Ok(()) => Ok(()),
    }
}

/// Empties a directory without ever going deeper than the directories in it: what these hold is
/// moved up beside them. No link is followed: each entry is looked at by its own kind, and nothing
/// of the task runs any more.
fn flatten(top: &Path) -> std::io::Result<()> {
    give_back(top)?;
    let mut moved: u64 = 0;
    loop {
        let mut is_flat = true;
        for entry in top.read_dir()? {
            let (kind, path) = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())))?;
            if !kind.is_dir() {
                std::fs::remove_file(path)?;
                continue;
            }
            is_flat = false;
            give_back(&path)?;
            for inner in path.read_dir()? {
                let inner = inner?;
                if !inner.file_type()?.is_dir() {
                    std::fs::remove_file(inner.path())?;
                    continue;
                }
                give_back(&inner.path())?;
                std::fs::rename(inner.path(), free_name(top, &mut moved))?;
            }
            std::fs::remove_dir(path)?;
        }
        if is_flat {
            return Ok(());
        }
    }
}

/// A name in a directory that is not taken.
fn free_name(directory: &Path, counted: &mut u64) -> PathBuf {
    loop {
        let name = directory.join(format!("moved-{counted}"));
        if name.symlink_metadata().is_err() {
            return name;
        }
        *counted += 1;
    }
}

/// Gives us back the rights to a directory.
///
/// # Errors
/// Where it is not ours.
pub(super) fn give_back(directory: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, OFlags, mkdirat, open, openat};

    /// Deeper than there are descriptors, and than a path may be long.
    #[test]
    fn directories_of_any_depth_are_removed() {
        let scratch = tempfile::tempdir().expect("a directory");
        let top = scratch.path().join("top");
        std::fs::create_dir(&top).expect("made");
        let (mode, make) = (Mode::from_raw_mode(0o700), OFlags::CREATE | OFlags::WRONLY);
        let mut at = open(&top, OFlags::PATH, mode).expect("opened");
        for _ in 0..4200 {
            mkdirat(&at, "d", mode).expect("made");
            openat(&at, "f", make, mode).expect("made");
            at = openat(&at, "d", OFlags::PATH, mode).expect("opened");
        }
        drop(at);
        remove(&top).expect("removed");
        assert_eq!(scratch.path().read_dir().expect("listed").count(), 0);
    }
}
