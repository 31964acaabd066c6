//! The private directory, and the files that are handed over in it.
//!
//! The shim takes an image only from a directory in which nobody but root or the worker's own
//! user can write. A worker may drop its uid, so what root hands over everybody may read; what a
//! user hands over is for that user alone.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::process::{Resource, geteuid, getrlimit};

use super::library::on_noexec;
use super::machine::exhausted;
use super::refusal::Refusal;

/// What a directory will hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Files that are read.
    Data,
    /// Code: a noexec mount will not do.
    Code,
}

/// The first directory of the list that is safe, made where it is missing.
///
/// # Errors
/// Where none is, with what is wrong with each.
pub(crate) fn directory(holds: Holds) -> Result<PathBuf, Refusal> {
    let mut reasons = Vec::new();
    for candidate in candidates() {
        match prepare(&candidate, holds) {
            // By its real name, as the kernel tells it of what is mapped from it.
            Ok(()) => return Ok(candidate.canonicalize().unwrap_or(candidate)),
            Err(reason) => reasons.push(format!("`{}`: {reason}", candidate.display())),
        }
    }
    let refusal = Refusal::plain("no directory can hold the policy image safely");
    Err(reasons
        .into_iter()
        .fold(refusal, Refusal::note)
        .help("set XDG_RUNTIME_DIR to a directory of yours that nobody else can write in"))
}

/// The directory that a start would most likely take, for who only asks: nothing is made.
pub(crate) fn expected() -> PathBuf {
    let all = candidates();
    let there = all.iter().find(|candidate| candidate.is_dir()).or(all.first());
    there.cloned().unwrap_or_else(|| PathBuf::from("/run/ringfence"))
}

/// The temporary directory comes last: cleaners delete from it below a running worker.
pub(crate) fn candidates() -> Vec<PathBuf> {
    let user = geteuid().as_raw();
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("ringfence"));
    let own = format!("ringfence-{user}");
    let all = [
        Some(PathBuf::from("/run/ringfence")),
        runtime,
        Some(Path::new("/dev/shm").join(&own)),
        Some(std::env::temp_dir().join(&own)),
    ];
    let usable = |path: &PathBuf| path.is_absolute() && !splits_preload(path);
    all.into_iter().flatten().filter(usable).collect()
}

/// Whether ld.so would take the path for several: it splits LD_PRELOAD at both.
pub(crate) fn splits_preload(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b' ' | b':'))
}

/// The mode that the directory must have: what root hands over everybody may read.
fn mode() -> u32 {
    if geteuid().is_root() { 0o755 } else { 0o700 }
}

fn prepare(directory: &Path, holds: Holds) -> Result<(), String> {
    let mode = mode();
    match DirBuilder::new().mode(mode).create(directory) {
        // What was made is made again to be as asked for, whatever the umask.
        Ok(()) => std::fs::set_permissions(directory, Permissions::from_mode(mode))
            .map_err(|error| error.to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.to_string()),
    }
    is_private(directory)?;
    if holds == Holds::Code && on_noexec(directory) {
        return Err("is on a noexec mount".into());
    }
    Ok(())
}

/// Whether [`directory`] would take this one for data; nothing is made.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn would_do(candidate: &Path) -> Result<(), String> {
    if candidate.symlink_metadata().is_ok() {
        is_private(candidate)?;
        return writable(candidate);
    }
    let parent = candidate.parent().unwrap_or(Path::new("/"));
    if let Some(above) = others_move_it(candidate) {
        return Err(format!("would lie below `{}`, in which others can write", above.display()));
    }
    writable(parent)
}

fn writable(directory: &Path) -> Result<(), String> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    accessat(CWD, directory, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
        .map_err(|errno| format!("cannot be written: {}", std::io::Error::from(errno)))
}

fn is_private(directory: &Path) -> Result<(), String> {
    let mode = mode();
    let status = directory.symlink_metadata().map_err(|error| error.to_string())?;
    if !status.is_dir() {
        return Err("is not a directory".into());
    }
    if status.uid() != geteuid().as_raw() {
        return Err("belongs to another user".into());
    }
    if status.mode() & 0o777 != mode {
        return Err(format!("has mode {:o} instead of {mode:o}", status.mode() & 0o777));
    }
    if let Some(parent) = others_move_it(directory) {
        return Err(format!("others can write in `{}`", parent.display()));
    }
    Ok(())
}

/// The directory above in which others could put another one in its place: one that others can
/// write in, and not sticky.
pub(crate) fn others_move_it(directory: &Path) -> Option<&Path> {
    directory.ancestors().skip(1).find(|above| {
        above.metadata().map_or(true, |status| {
            let own = [0, geteuid().as_raw()].contains(&status.uid());
            let shared = status.mode() & 0o022 != 0 && status.mode() & 0o1000 == 0;
            shared || !(own || is_outside(status.uid()))
        })
    })
}

/// Whether an owner is somebody whom this user namespace does not know: in a rootless container
/// that is the machine's root, who owns what was there before.
fn is_outside(owner: u32) -> bool {
    const UNKNOWN: u32 = 65534;
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let known = |line: &str| {
        let mut numbers = line.split_whitespace().map(|number| number.parse().unwrap_or(0_u64));
        let (first, count) = (numbers.next().unwrap_or(0), numbers.nth(1).unwrap_or(0));
        (first..first + count).contains(&u64::from(UNKNOWN))
    };
    owner == UNKNOWN && !map.is_empty() && !map.lines().any(known)
}

/// The place of a file in the private directory, named by the hash of its bytes.
pub(crate) fn path(directory: &Path, (stem, extension): (&str, &str), bytes: &[u8]) -> PathBuf {
    directory.join(format!("{stem}-{:016x}.{extension}", hash(bytes)))
}

/// Writes a file of the private directory; one that is already there is taken only if it is the
/// same in every respect.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn hand_over(path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    if is_already(path, bytes) {
        return Ok(());
    }
    write(path, bytes).map_err(|error| {
        let refusal = Refusal::plain(format!("cannot write `{}`: {error}", path.display()));
        let errno = Errno::from_io_error(&error);
        let help = errno.and_then(exhausted);
        refusal
            .help(help.unwrap_or("set XDG_RUNTIME_DIR to a directory of yours that can be written"))
    })
}

/// FNV-1a: names differ as contents do; that they are the contents is compared byte by byte.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn is_already(path: &Path, bytes: &[u8]) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let (mode, resolve) = (rustix::fs::Mode::empty(), ResolveFlags::empty());
    let Ok(file) = rustix::fs::openat2(rustix::fs::CWD, path, flags, mode, resolve) else {
        return false;
    };
    let mut file = File::from(file);
    let Ok(status) = file.metadata() else { return false };
    let is_ours = status.is_file()
        && status.uid() == geteuid().as_raw()
        && status.mode() & 0o7777 == 0o444
        && usize::try_from(status.len()) == Ok(bytes.len());
    let mut found = Vec::new();
    is_ours && file.read_to_end(&mut found).is_ok() && found == bytes
}

/// How the name of a file ends that is still being written.
const UNFINISHED: &str = "new";

/// Far longer than any file takes to be written.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Removes what launchers left that were killed while they wrote. Finished files stay: the children
/// of a worker open them by name. Nothing that goes wrong here is in anybody's way.
fn sweep(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_old = |status: Metadata| {
            status.modified().is_ok_and(|then| then.elapsed().is_ok_and(|age| age > ABANDONED))
        };
        if path.extension().is_some_and(|last| last == UNFINISHED)
            && path.symlink_metadata().is_ok_and(is_old)
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Under another name first, then renamed: nobody ever sees half of it.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // The kernel would answer a write beyond the limit by a signal that ends this process.
    let most = getrlimit(Resource::Fsize).current;
    if most.is_some_and(|most| u64::try_from(bytes.len()).map_or(true, |length| length > most)) {
        return Err(Errno::FBIG.into());
    }
    sweep(path.parent().unwrap_or(Path::new("/")));
    let temporary = path.with_extension(format!("{}.{UNFINISHED}", std::process::id()));
    // Left by a launcher that was killed, whose pid has come round again.
    let _ = std::fs::remove_file(&temporary);
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o400).open(&temporary).and_then(
            |mut file| {
                file.write_all(bytes)?;
                file.set_permissions(Permissions::from_mode(0o444))
            },
        );
    let renamed = written.and_then(|()| std::fs::rename(&temporary, path));
    if renamed.is_err() {
        // The reason is reported; that this fails too adds nothing.
        let _ = std::fs::remove_file(&temporary);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::time::SystemTime;

    use super::*;

    fn private() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary directory")
    }

    fn written(directory: &Path, bytes: &[u8]) -> PathBuf {
        let path = path(directory, ("policy", "img"), bytes);
        hand_over(&path, bytes).expect("written");
        path
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("it exists").mode() & 0o7777
    }

    #[test]
    fn a_file_is_named_by_its_bytes_and_nobody_can_write_it() {
        let private = private();
        let path = written(private.path(), b"one");
        assert_eq!(std::fs::read(&path).expect("read"), b"one");
        assert_eq!(mode(&path), 0o444);
        assert_eq!(written(private.path(), b"one"), path);
        assert_ne!(written(private.path(), b"two"), path);
    }

    #[test]
    fn the_same_file_is_not_written_again() {
        let private = private();
        let path = written(private.path(), b"one");
        let before = path.metadata().expect("it exists").ino();
        written(private.path(), b"one");
        assert_eq!(path.metadata().expect("it exists").ino(), before);
    }

    #[test]
    fn what_was_changed_is_replaced() {
        let changes: [fn(&Path); 4] = [
            |path| {
                std::fs::remove_file(path).expect("removed");
                std::fs::write(path, "two").expect("written");
            },
            |path| std::fs::set_permissions(path, Permissions::from_mode(0o666)).expect("changed"),
            |path| std::fs::remove_file(path).expect("removed"),
            |path| {
                std::fs::remove_file(path).expect("removed");
                std::os::unix::fs::symlink("/etc/passwd", path).expect("linked");
            },
        ];
        for change in changes {
            let private = private();
            let path = written(private.path(), b"one");
            change(&path);
            written(private.path(), b"one");
            assert_eq!(std::fs::read(&path).expect("read"), b"one");
            assert!(path.symlink_metadata().expect("it exists").is_file());
            assert_eq!(mode(&path), 0o444);
        }
    }

    #[test]
    fn what_was_never_finished_is_removed_and_nothing_else() {
        let private = private();
        let old = SystemTime::now() - 2 * ABANDONED;
        for (name, modified) in [
            ("policy-1.7.new", old),
            ("policy-1.8.new", SystemTime::now()),
            ("policy-1.img", old),
            ("renewed", old),
        ] {
            let file = File::create(private.path().join(name)).expect("made");
            file.set_modified(modified).expect("our own file");
        }
        let path = written(private.path(), b"one");
        let mut left: Vec<_> = std::fs::read_dir(private.path())
            .expect("it is there")
            .map(|entry| entry.expect("read").file_name())
            .collect();
        left.sort();
        let image = path.file_name().expect("a name").to_owned();
        let mut expected =
            ["policy-1.8.new", "policy-1.img", "renewed"].map(OsString::from).to_vec();
        expected.push(image);
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_directory_that_others_can_write_in_is_not_private() {
        let private = private();
        let shared = private.path().join("ringfence");
        prepare(&shared, Holds::Data).expect("made");
        prepare(&shared, Holds::Data).expect("taken again");
        std::fs::set_permissions(&shared, Permissions::from_mode(0o777)).expect("changed");
        assert!(prepare(&shared, Holds::Data).expect_err("refused").contains("mode 777"));
        std::fs::set_permissions(private.path(), Permissions::from_mode(0o777)).expect("changed");
        let below = private.path().join("other");
        assert!(prepare(&below, Holds::Data).expect_err("refused").contains("others can write"));
    }

    #[test]
    fn a_link_is_no_private_directory() {
        let private = private();
        let link = private.path().join("link");
        std::os::unix::fs::symlink(private.path(), &link).expect("linked");
        assert_eq!(prepare(&link, Holds::Data), Err("is not a directory".into()));
    }
}
