//! The private directory of one task: its working directory, its home and its temporary files.
//!
//! All rooms of a user lie in one directory that nobody else can look into. To the tasks that
//! directory is forbidden, except for the room of each; see [`Room::rules`].

mod removal;

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Effect, FileRule, PathPattern, Place};
use rustix::process::geteuid;

use crate::run::private::others_move_it;
use crate::run::refusal::Refusal;
use removal::{give_back, remove};

/// The parts of a room.
const PARTS: [&str; 3] = ["work", "home", "tmp"];
/// The file beside them that a container's runner reads for each attempt.
const VARIABLES: &str = "environment";

/// The private directory of a task; it is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    all: PathBuf,
    own: PathBuf,
}

impl Room {
    /// A room of this name, empty.
    ///
    /// # Errors
    /// Where no directory is safe, or none can be made.
    pub(crate) fn new(name: &str) -> Result<Self, Refusal> {
        let all = std::env::temp_dir().join(format!("ringfence-tasks-{}", geteuid().as_raw()));
        let failed = |reason: String| {
            Refusal::plain(format!("`{}` cannot hold a task's directory: {reason}", all.display()))
                .help("set TMPDIR to a directory in which nobody else can write, or a sticky one")
        };
        ours(&all).map_err(failed)?;
        let all = all.canonicalize().map_err(|error| failed(error.to_string()))?;
        let own = all.join(name);
        make(&own).map_err(|error| failed(error.to_string()))?;
        Ok(Self { all, own })
    }

    /// The working directory.
    pub(crate) fn work(&self) -> PathBuf {
        self.own.join("work")
    }

    /// What `HOME` names.
    pub(crate) fn home(&self) -> PathBuf {
        self.own.join("home")
    }

    /// What `TMPDIR` names.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.own.join("tmp")
    }

    /// The file of a container's variables.
    pub(crate) fn variables(&self) -> PathBuf {
        self.own.join(VARIABLES)
    }

    /// Furnishes the room for an attempt: empty, but for these files. `shared` lets every user of
    /// a container write in it; whoever is outside the container does not come that far.
    ///
    /// # Errors
    /// Where what an earlier attempt left cannot be removed, or a file cannot be written.
    pub(crate) fn furnish(&self, files: &[(String, String)], shared: bool) -> Result<(), Refusal> {
        let failed = |what: &Path, error: std::io::Error| {
            Refusal::plain(format!("cannot make `{}`: {error}", what.display()))
        };
        let left = give_back(&self.own).and_then(|()| self.own.read_dir());
        let left = left.map_err(|error| failed(&self.own, error))?;
        for left in left.flatten().filter(|left| left.file_name() != VARIABLES) {
            remove(&left.path()).map_err(|error| failed(&left.path(), error))?;
        }
        for part in PARTS {
            let part = self.own.join(part);
            make(&part).map_err(|error| failed(&part, error))?;
            if shared {
                let open = Permissions::from_mode(0o777);
                std::fs::set_permissions(&part, open).map_err(|error| failed(&part, error))?;
            }
        }
        let mode = if shared { 0o644 } else { 0o600 };
        for (name, content) in files {
            let path = self.work().join(name);
            write(&path, content.as_bytes(), mode).map_err(|error| failed(&path, error))?;
        }
        Ok(())
    }

    /// Whether something in the working directory belongs to another user, or cannot be looked at.
    pub(crate) fn has_files_of_others(&self) -> bool {
        let own = geteuid().as_raw();
        let mut next = vec![self.work()];
        while let Some(directory) = next.pop() {
            let Ok(entries) = directory.read_dir() else { return true };
            for entry in entries.flatten() {
                match entry.metadata() {
                    Ok(status) if status.uid() != own => return true,
                    Ok(status) if status.is_dir() => next.push(entry.path()),
                    _ => {}
                }
            }
        }
        false
    }

    /// What the fence of a task adds: the rooms of others are forbidden, its own is not, and what
    /// other processes were started with is nobody's business.
    pub(crate) fn rules(&self) -> [FileRule; 2] {
        // Looking at the directory of all rooms is allowed: programs look at each directory on the
        // way to their script. Names in it cannot be listed, and cannot be guessed.
        let closed = Access::READ.with(Access::WRITE).with(Access::LIST).with(Access::EXECUTE);
        let rule = |path: &Path, effect, access| FileRule {
            id: format!("task-{}", if effect == Effect::Allow { "room" } else { "rooms" }),
            section: "presets.tasks".into(),
            pattern: path.display().to_string(),
            names: vec![PathPattern::Literal(path.as_os_str().as_bytes().to_vec())],
            effect,
            access,
            place: Place { file: "<built-in>".into(), line: 0, column: 0 },
            reason: Some("the directories of other tasks".into()),
            fixed: false,
            leaf: false,
            audience: None,
        };
        [rule(&self.all, Effect::Forbid, closed), rule(&self.own, Effect::Allow, Access::ALL)]
    }

    /// Removes the room.
    ///
    /// # Errors
    /// Where something in it cannot be removed.
    pub(crate) fn close(self) -> Result<(), Refusal> {
        remove(&self.own).map_err(|error| {
            Refusal::plain(format!("cannot remove `{}`: {error}", self.own.display()))
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // On the way out of an error, which is reported; `close` reports this one.
        let _ = remove(&self.own);
    }
}

/// Makes sure that a directory is there, is ours, and that nobody else can look into it.
fn ours(directory: &Path) -> Result<(), String> {
    match make(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error.to_string());
        }
        _ => {}
    }
    let status = directory.symlink_metadata().map_err(|error| error.to_string())?;
    if !status.is_dir() {
        return Err("it is no directory".into());
    }
    if status.uid() != geteuid().as_raw() {
        return Err("it belongs to another user".into());
    }
    if status.mode() & 0o077 != 0 {
        return Err(format!("it has mode {:o} instead of 700", status.mode() & 0o777));
    }
    match others_move_it(directory) {
        Some(parent) => Err(format!("others can write in `{}`", parent.display())),
        None => Ok(()),
    }
}

/// Makes a directory of mode 0700, whatever the umask.
fn make(directory: &Path) -> std::io::Result<()> {
    DirBuilder::new().mode(0o700).create(directory)?;
    std::fs::set_permissions(directory, Permissions::from_mode(0o700))
}

/// Writes a new file of this mode, and the directories above it.
///
/// # Errors
/// Where it is there, or cannot be written.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().mode(0o755).recursive(true).create(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(scratch: &Path) -> Room {
        let (all, own) = (scratch.to_path_buf(), scratch.join("room"));
        make(&own).expect("made");
        Room { all, own }
    }

    #[test]
    fn a_room_is_empty_again_for_the_next_attempt_and_gone_at_the_end() {
        let scratch = tempfile::tempdir().expect("a directory");
        let room = room(scratch.path());
        let files = [("sub/in.txt".to_owned(), "text".to_owned())];
        room.furnish(&files, false).expect("furnished");
        std::fs::write(room.work().join("left"), "").expect("written");
        std::fs::write(room.own.join("beside"), "").expect("written");
        std::fs::remove_dir(room.home()).expect("removed");
        std::fs::write(room.home(), "").expect("written");
        let closed = room.temporary().join("closed");
        std::fs::create_dir_all(closed.join("deep")).expect("made");
        std::fs::set_permissions(&closed, Permissions::from_mode(0o0)).expect("changed");
        room.furnish(&files, false).expect("furnished again");
        assert!(!room.own.join("beside").exists() && room.home().is_dir());
        let names: Vec<_> = room.work().read_dir().expect("listed").flatten().collect();
        assert_eq!(names.len(), 1);
        let text = std::fs::read_to_string(room.work().join("sub/in.txt")).expect("read");
        assert_eq!(text, "text");
        let mode = room.work().metadata().expect("it is there").mode();
        assert_eq!(mode & 0o777, 0o700);
        room.close().expect("closed");
        assert_eq!(scratch.path().read_dir().expect("listed").count(), 0);
    }

    #[test]
    fn a_link_in_a_room_is_removed_and_not_followed() {
        let scratch = tempfile::tempdir().expect("a directory");
        let outside = tempfile::tempdir().expect("a directory");
        std::fs::write(outside.path().join("kept"), "").expect("written");
        let room = room(scratch.path());
        room.furnish(&[], false).expect("furnished");
        std::os::unix::fs::symlink(outside.path(), room.work().join("link")).expect("linked");
        room.close().expect("closed");
        assert!(outside.path().join("kept").exists());
    }

    #[test]
    fn a_directory_of_rooms_that_others_can_look_into_is_refused() {
        let scratch = tempfile::tempdir().expect("a directory");
        let all = scratch.path().join("all");
        assert_eq!(ours(&all), Ok(()));
        assert_eq!(ours(&all), Ok(()));
        std::fs::set_permissions(&all, Permissions::from_mode(0o755)).expect("changed");
        assert!(ours(&all).expect_err("open").contains("mode 755"));
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&all, &link).expect("linked");
        assert!(ours(&link).expect_err("a link").contains("no directory"));
    }
}
