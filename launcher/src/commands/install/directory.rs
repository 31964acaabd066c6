//! The directory to install in: root's alone, and for nothing else.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::run::library::{NAME, on_noexec};
use crate::run::private::{others_move_it, splits_preload};
use crate::run::refusal::Refusal;

/// Every user's processes read what is there; only root writes.
const MODE: u32 = 0o755;

/// Makes the directory where it is missing, and looks at it where it is not; its real name.
///
/// # Errors
/// Where a fenced worker's user could write in it, where code cannot be loaded from it, or where
/// it holds something else.
pub(super) fn prepare(directory: &Path) -> Result<PathBuf, Refusal> {
    if !geteuid().is_root() {
        return Err(Refusal::plain(format!(
            "what you install in `{}`, a worker of yours could change",
            directory.display()
        ))
        .help("install as root, or start the worker by `ringfence run`"));
    }
    let refused = |what: String| Refusal::plain(what);
    let made = match DirBuilder::new().mode(MODE).create(directory) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => false,
        Err(error) => {
            return Err(refused(format!("cannot make `{}`: {error}", directory.display()))
                .help("make the directory above it first, or name another one"));
        }
    };
    let checked = checked(directory, made);
    if made && checked.is_err() {
        // It is empty, and nobody asked for an empty directory.
        let _ = fs::remove_dir(directory);
    }
    checked
}

/// The real name of a directory that will do.
fn checked(directory: &Path, made: bool) -> Result<PathBuf, Refusal> {
    let shown = directory.display();
    let seen =
        |error: std::io::Error| Refusal::plain(format!("`{shown}` cannot be looked at: {error}"));
    // By its real name, which is what the kernel tells of what is mapped from it.
    let real = directory.canonicalize().map_err(seen)?;
    if made {
        // Whatever the umask made of the mode.
        fs::set_permissions(&real, Permissions::from_mode(MODE)).map_err(seen)?;
    }
    check_name(directory, &real)?;
    check_owners(directory, &real, &real.symlink_metadata().map_err(seen)?)?;
    if on_noexec(&real) {
        return Err(Refusal::plain(format!("`{shown}` is on a noexec mount"))
            .note("the dynamic linker would start the worker without the library")
            .help("name a directory on a file system that is mounted without noexec"));
    }
    match something_else(&real).map_err(seen)? {
        Some(name) => Err(Refusal::plain(format!("`{shown}` holds something else: `{name}`"))
            .note("a fenced worker may not even list the directory that its fence lies in")
            .help(format!(
                "name a directory for this alone, such as `{}`",
                real.join("ringfence").display()
            ))),
        None => Ok(real),
    }
}

/// Refuses a real name that somebody would take apart who reads the lines to use.
fn check_name(directory: &Path, real: &Path) -> Result<(), Refusal> {
    let shown = directory.display();
    if splits_preload(real) {
        return Err(Refusal::plain(format!("`{shown}` has a space or a colon in its name"))
            .note("ld.so takes LD_PRELOAD apart at both")
            .help("name another directory"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@~".contains(c);
    if !real.to_str().is_some_and(|text| text.chars().all(plain)) {
        return Err(Refusal::plain(format!("`{shown}` has a character that needs quotes"))
            .note("each reader of the lines to use has rules of its own about those")
            .help("name a directory of ASCII letters, digits and `._-+@~`"));
    }
    Ok(())
}

/// Refuses what is no directory, and one that others than root can change or move.
fn check_owners(directory: &Path, real: &Path, status: &Metadata) -> Result<(), Refusal> {
    let shown = directory.display();
    if !status.is_dir() {
        return Err(Refusal::plain(format!("`{shown}` is no directory")));
    }
    if status.uid() != 0 || status.mode() & 0o022 != 0 {
        return Err(Refusal::plain(format!("others than root can write in `{shown}`"))
            .note(format!("its owner is {}, its mode {:o}", status.uid(), status.mode() & 0o7777))
            .help(format!("`chown 0:0 {shown} && chmod {MODE:o} {shown}`, or name another one")));
    }
    if let Some(above) = others_move_it(real) {
        let above = above.display();
        return Err(Refusal::plain(format!("others than root can write in `{above}`"))
            .note(format!("who can, can put another directory in the place of `{shown}`"))
            .help(
                "name a directory below one that only root can write in, such as `/opt/ringfence`",
            ));
    }
    Ok(())
}

/// An entry that no install of ours left.
fn something_else(directory: &Path) -> std::io::Result<Option<String>> {
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let is_ours = |own: &str| {
            name.strip_prefix(own).is_some_and(|tail| tail.is_empty() || tail.ends_with(".new"))
        };
        if !(is_ours(NAME) || is_ours(super::IMAGE)) {
            return Ok(Some(name.into_owned()));
        }
    }
    Ok(None)
}
