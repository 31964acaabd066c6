//! Finding the first link of a text by its beginnings, none of which is opened unjudged.

use core::ffi::c_int;

use ringfence_policy::Access;

use super::directory_of;
use crate::arm::State;
use crate::exceptions;
use crate::place::Goal;
use crate::place::procfs::is_magic;
use crate::report;
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS, PROC_SUPER_MAGIC};
use crate::text::Text;

/// Where a link was found on the way.
#[derive(Clone, Copy)]
pub(super) struct Link {
    /// The length of the link's own name in the text.
    pub(super) end: usize,
    /// The length of its target, which lies behind the text.
    pub(super) target: usize,
    /// The target is kept by procfs for a descriptor and the like.
    pub(super) magic: bool,
}

/// Finds the first link within the first `end` bytes and reads its target; `None` when another
/// thread took it away meanwhile. No rule is about a text that is `clear`.
///
/// It goes from the end: a prefix beyond the link answers ELOOP, with nothing held and nothing to
/// close, and the first that opens is the link.
///
/// # Errors
/// EACCES when only a forbidden prefix, which is never opened, can be the link; what the kernel
/// answers for a prefix.
pub(super) fn find_link(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    end: usize,
    clear: bool,
) -> Answer<Option<Link>> {
    let mut hidden = false;
    let mut length = end;
    while length > 0 {
        let prefix = text.bytes().get(..length).unwrap_or_default();
        if !clear && state.image.decide(prefix).refuses(Access::METADATA).is_some() {
            hidden = true;
        } else {
            match read_link(text, length)? {
                Found::Beyond => {}
                Found::Link(link) => return Ok(Some(link)),
                // The link is longer than this prefix, so it is one that is never opened.
                Found::Plain => break,
            }
        }
        length = text.bytes().get(..length).map_or(0, directory_of);
    }
    if hidden {
        refuse_hidden(state, goal, text)?;
    }
    Ok(None)
}

/// A forbidden prefix on the way to an exception turned out to be a link: it is not followed.
fn refuse_hidden(state: &State, goal: &Goal, text: &mut Text) -> Answer<()> {
    let mut end = text.length();
    while end > 0 {
        let prefix = text.bytes().get(..end).unwrap_or_default();
        if let Some(rule) = exceptions::decide(state, prefix).refuses(Access::METADATA) {
            return report::refuse(state, goal.call, Access::METADATA, rule, prefix);
        }
        end = directory_of(prefix);
    }
    Err(Errno::EACCES)
}

/// What a prefix of a text turned out to be.
enum Found {
    /// A link stands before its last name.
    Beyond,
    /// It is the first link.
    Link(Link),
    /// There is no link in it.
    Plain,
}

/// Reads the first `length` bytes as a link, if they name one and hold none before it.
fn read_link(text: &mut Text, length: usize) -> Answer<Found> {
    let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    let fd = match text.with_prefix(length, |path| sys::openat2(CWD, path, &how)) {
        Err(Errno::ELOOP) => return Ok(Found::Beyond),
        answer => answer?,
    };
    // A link object leads nowhere, and no parent can be swapped under it.
    let answer = match text.receive_behind(|room| sys::readlinkat(fd, sys::Path::EMPTY, room)) {
        Err(errno @ Errno::ENAMETOOLONG) => Err(errno),
        Err(_) => Ok(Found::Plain),
        Ok(0) => Err(Errno::ENOENT),
        Ok(target) => describe(fd, text, length, target).map(Found::Link),
    };
    sys::close(fd);
    answer
}

/// What kind of link the descriptor holds; applies `fs.protected_symlinks`.
fn describe(fd: c_int, text: &mut Text, end: usize, target: usize) -> Answer<Link> {
    if end == text.length() {
        let link = sys::fstat(fd)?;
        if link.st_uid != sys::effective_user() {
            protect(text, end, &link)?;
        }
    }
    let magic = is_magic(text.bytes(), end) && sys::file_system(fd)? == PROC_SUPER_MAGIC;
    Ok(Link { end, target, magic })
}

/// The kernel follows a link in a sticky, world-writable directory only when it is the caller's
/// or the directory owner's (proc_sys_fs(5), `protected_symlinks`); it judged an earlier link.
fn protect(text: &mut Text, end: usize, link: &libc::stat) -> Answer<()> {
    let parent = text.bytes().get(..end).map_or(0, directory_of);
    let parent = text.with_prefix(parent, sys::stat)?;
    let shared = libc::S_ISVTX | libc::S_IWOTH;
    if parent.st_mode & shared == shared && parent.st_uid != link.st_uid && links_are_protected() {
        return Err(Errno::EACCES);
    }
    Ok(())
}

fn links_are_protected() -> bool {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    let path = sys::Path::from_c(c"/proc/sys/fs/protected_symlinks");
    let Ok(fd) = sys::openat2(CWD, path, &how) else { return true };
    let mut value = [b'1'; 1];
    let read = sys::read(fd, &mut value);
    sys::close(fd);
    read.is_err() || value != *b"0"
}
