//! Taking links and `..` out of a text, one at a time.

use core::ffi::c_int;

use ringfence_policy::Access;

use super::procfs::{is_magic, magic};
use super::{Goal, act, is_clear, rewrite};
use crate::arm::State;
use crate::exceptions;
use crate::report;
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS, PROC_SUPER_MAGIC};
use crate::text::Text;

/// The links that one path may lead through, as in the kernel (`MAXSYMLINKS`).
const MOST_LINKS: u32 = 40;

/// Where a link was found on the way.
#[derive(Clone, Copy)]
struct Link {
    /// The length of the link's own name in the text.
    end: usize,
    /// The length of its target, which lies behind the text.
    target: usize,
    /// The target is kept by procfs for a descriptor and the like.
    magic: bool,
}

/// What the kernel thinks of the caller's own path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Not,
    Fine,
    Loops,
}

/// What comes of a path in which the kernel found too many links, once it is known that no rule is
/// about what is on the way.
fn loops(held: Answer<c_int>) -> Answer<c_int> {
    match held {
        Err(Errno::EACCES) => return Err(Errno::EACCES),
        Err(_) => {}
        Ok(fd) => sys::close(fd),
    }
    Err(Errno::ELOOP)
}

/// Takes `..` and links out of the text, one at a time, until the kernel takes the whole.
///
/// The first `plain` bytes are known to hold no link, since the kernel gave them as they are.
/// `refused` says that the kernel just answered ELOOP for this text, which was judged.
#[cold]
#[inline(never)]
pub(super) fn walk(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    mut plain: usize,
    mut refused: bool,
) -> Answer<c_int> {
    let mut links = 0_u32;
    let mut asked = Asked::Not;
    let mut goal = *goal;
    loop {
        // Where the text is clear, so is each beginning of it, by whole components.
        let mut clear = is_clear(state, text, text.slashes());
        if !clear && rewrite(state, &goal, text)? {
            plain = 0;
            refused = false;
            clear = is_clear(state, text, text.slashes());
        }
        let end = match parent(text) {
            Some((before, after)) => {
                if before <= plain || is_plain(state, &goal, text, before, clear)? {
                    let up = text.bytes().get(..before).map_or(0, directory_of);
                    text.remove(up, after)?;
                    plain = up;
                    continue;
                }
                before
            }
            None if refused => {
                refused = false;
                text.length()
            }
            None => match open_whole(state, &goal, text, clear) {
                Err(Errno::ELOOP) => text.length(),
                answer if asked == Asked::Loops => return loops(answer),
                answer => return answer,
            },
        };
        if asked == Asked::Not {
            asked = Asked::Fine;
            if ask_kernel(&goal, text)? {
                asked = Asked::Loops;
                goal = without_effect(&goal);
            }
        }
        let whole = end == text.length();
        links = links.saturating_add(1);
        if links > MOST_LINKS {
            return Err(Errno::ELOOP);
        }
        let Some(link) = find_link(state, &goal, text, end, clear)? else { continue };
        if whole && link.end == end && !text.slash() && !goal.follows() {
            return Err(Errno::ELOOP);
        }
        if link.magic {
            match magic(state, &goal, text, link.end, link.target) {
                Some(Err(Errno::ESTALE)) => continue,
                Some(answer) => {
                    // What was opened has no text.
                    text.cut(0);
                    return if asked == Asked::Loops { loops(answer) } else { answer };
                }
                None => {}
            }
        }
        let start = text.bytes().get(..link.end).map_or(0, directory_of);
        plain = if text.behind(link.target).first() == Some(&b'/') { 0 } else { start };
        text.splice_behind(start, link.end, link.target)?;
    }
}

/// Opens the text, which holds no `..`; one that is clear is judged by that.
fn open_whole(state: &State, goal: &Goal, text: &mut Text, clear: bool) -> Answer<c_int> {
    if clear { sys::openat2(CWD, text.path()?, &goal.how) } else { act(state, goal, text) }
}

/// The first `..`: the length of what is before it, and of the text with it.
fn parent(text: &Text) -> Option<(usize, usize)> {
    let is_parent = |place: &usize| {
        let name = text.bytes().get(*place..).unwrap_or_default();
        name.starts_with(b"/..") && matches!(name.get(3), None | Some(b'/'))
    };
    let near = Bits(text.slashes().unwrap_or(0)).find(is_parent);
    // Beyond those of which it is known where they are, wherever one is.
    let place = near.or_else(|| (64..text.length()).find(is_parent))?;
    Some((place, place.saturating_add(3)))
}

/// The places of the bits that are set, the lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.0.trailing_zeros();
        self.0 &= self.0.checked_sub(1)?;
        Some(place as usize)
    }
}

/// The length of the directory's part of a text: 0 for a name directly in the root.
fn directory_of(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'/').unwrap_or(0)
}

/// Whether the first `length` bytes, which `/..` follows, are a directory with no link on the way,
/// which the caller may pass through upwards.
fn is_plain(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    length: usize,
    clear: bool,
) -> Answer<bool> {
    let upper = text.bytes().get(..length).unwrap_or_default();
    if !clear && let Some(rule) = exceptions::decide(state, upper).refuses(Access::METADATA) {
        report::refuse(state, goal.call, Access::METADATA, rule, upper)?;
    }
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    // To go up from a directory takes the right to search it, and so does its `.`, with which the
    // `/..` begins.
    let dot = length.saturating_add(b"/.".len());
    match text.with_prefix(dot, |path| sys::openat2(CWD, path, &how)) {
        Ok(fd) => {
            sys::close(fd);
            Ok(true)
        }
        Err(Errno::ELOOP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Walking by hand loses what the kernel checks on its own walk: the caller's right to search,
/// and the owners of links in sticky directories. So the kernel is asked for its opinion first;
/// answers whether there are more links than it follows, or links where it follows none.
fn ask_kernel(goal: &Goal, text: &mut Text) -> Answer<bool> {
    let link = if goal.follows() { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    match sys::faccessat2(CWD, text.path()?, libc::F_OK, libc::AT_EACCESS | link) {
        Err(Errno::EACCES) => Err(Errno::EACCES),
        Err(Errno::ELOOP) => Ok(true),
        // A missing last name may be made, through a dangling link too.
        _ => Ok(false),
    }
}

/// A goal that grants nothing and changes nothing, of the same access: the kernel said ELOOP, but
/// whether the caller may know depends on what is on the way.
fn without_effect(goal: &Goal) -> Goal {
    Goal::hold(goal.call, goal.access, goal.follows())
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
fn find_link(
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
