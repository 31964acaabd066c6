//! What the command is: found as execvp(3) finds it, and whether the fence can hold it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, stat};
use rustix::io::Errno;

use super::refusal::Refusal;
use crate::exit;

/// The path that execvp(3) searches when `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Finds the command: a name with a slash is a path, another one is searched in `path`.
///
/// # Errors
/// 127 where there is none, 126 where there is one that may not be executed.
pub(crate) fn find(command: &OsStr, path: Option<OsString>) -> Result<PathBuf, Refusal> {
    if command.is_empty() {
        return Err(missing(command));
    }
    if command.as_bytes().contains(&b'/') {
        let found = PathBuf::from(command);
        return match startable(&found) {
            Ok(()) => Ok(found),
            Err(Errno::NOENT | Errno::NOTDIR) => Err(missing(command)),
            Err(errno) => Err(not_startable(command, errno)),
        };
    }
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    let mut refused = None;
    for directory in path.as_bytes().split(|&byte| byte == b':') {
        let candidate = in_directory(directory, command);
        match startable(&candidate) {
            Ok(()) => return Ok(candidate),
            // As execvp: a later directory may have one that can be executed.
            Err(Errno::ACCESS) => refused = Some(Errno::ACCESS),
            Err(_) => {}
        }
    }
    Err(refused.map_or_else(|| missing(command), |errno| not_startable(command, errno)))
}

/// `command` in a directory of the path, where the empty one is the current one.
fn in_directory(directory: &[u8], command: &OsStr) -> PathBuf {
    let mut bytes = directory.to_vec();
    if !bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes.extend_from_slice(command.as_bytes());
    PathBuf::from(OsString::from_vec(bytes))
}

/// Whether the kernel would start it, by the rights and kind of the file alone.
fn startable(candidate: &std::path::Path) -> Result<(), Errno> {
    let status = stat(candidate)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(Errno::ACCESS);
    }
    accessat(CWD, candidate, Access::EXEC_OK, AtFlags::EACCESS)
}

fn missing(command: &OsStr) -> Refusal {
    Refusal::plain(format!("`{}` was not found", command.display())).status(exit::NOT_FOUND)
}

/// A command that is there, but which the kernel does not start.
pub(crate) fn not_startable(command: &OsStr, errno: Errno) -> Refusal {
    Refusal::plain(format!("`{}` cannot be started: {errno}", command.display()))
        .status(exit::NOT_EXECUTABLE)
}
