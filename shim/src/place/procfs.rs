//! What procfs tells, and its links that stand for objects rather than for texts.

use core::ffi::c_int;

use ringfence_policy::Access;

use super::{Goal, is_meant};
use crate::arm::State;
use crate::exceptions;
use crate::report;
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS};
use crate::table;
use crate::text::Text;

/// The text of a descriptor, by the link that procfs keeps for it.
///
/// # Errors
/// EBADF for a number that is no descriptor, EACCES when procfs does not answer.
pub(crate) fn directory_text(fd: c_int, buffer: sys::Room<'_>) -> Answer<usize> {
    let mut name = Decimal::new(b"/proc/thread-self/fd/");
    let number = u32::try_from(fd).map_err(|_| Errno::EBADF)?;
    match sys::readlinkat(CWD, name.path(number)?, buffer) {
        Err(_) => Err(sys::open_flags(fd).err().unwrap_or(Errno::EACCES)),
        answer => answer,
    }
}

/// A fixed text with a number behind it.
pub(crate) struct Decimal {
    bytes: [u8; 48],
    length: usize,
}

impl Decimal {
    /// The fixed part, of at most 32 bytes.
    pub(crate) fn new(head: &[u8]) -> Self {
        let mut bytes = [0; 48];
        for (to, from) in bytes.iter_mut().zip(head) {
            *to = *from;
        }
        Self { bytes, length: head.len() }
    }

    /// The text with `number` behind it.
    pub(crate) fn path(&mut self, number: u32) -> Answer<sys::Path<'_>> {
        let end = self.fill(number)?;
        sys::Path::new(self.bytes.get(..=end).ok_or(Errno::ENAMETOOLONG)?)
    }

    /// The same without its NUL.
    pub(crate) fn text(&mut self, number: u32) -> Answer<&[u8]> {
        let end = self.fill(number)?;
        self.bytes.get(..end).ok_or(Errno::ENAMETOOLONG)
    }

    fn fill(&mut self, number: u32) -> Answer<usize> {
        let mut digits = [0_u8; 10];
        let mut rest = number;
        let mut used = 0_usize;
        loop {
            let digit = u8::try_from(rest % 10).unwrap_or(0).saturating_add(b'0');
            *digits.get_mut(used).ok_or(Errno::ENAMETOOLONG)? = digit;
            used = used.saturating_add(1);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let mut end = self.length;
        for digit in digits.iter().take(used).rev() {
            *self.bytes.get_mut(end).ok_or(Errno::ENAMETOOLONG)? = *digit;
            end = end.saturating_add(1);
        }
        *self.bytes.get_mut(end).ok_or(Errno::ENAMETOOLONG)? = 0;
        Ok(end)
    }
}

/// Rewrites `/proc/self` and `/proc/thread-self` to what they lead to at this call.
#[cold]
pub(super) fn rewrite_proc(goal: &Goal, text: &mut Text) -> Answer<bool> {
    let name = text.bytes().get(b"/proc/".len()..).unwrap_or_default();
    let name = name.split(|byte| *byte == b'/').next().unwrap_or_default();
    let link = match name {
        b"self" => c"/proc/self",
        b"thread-self" => c"/proc/thread-self",
        _ => return Ok(false),
    };
    if is_meant(goal, text, link.count_bytes()) {
        return Ok(false);
    }
    let mut target = [0_u8; 64];
    let length = sys::readlinkat(CWD, sys::Path::from_c(link), sys::room(&mut target))?;
    let target = target.get(..length).ok_or(Errno::ENAMETOOLONG)?;
    text.splice(b"/proc".len(), link.count_bytes(), target)?;
    Ok(true)
}

/// Whether a link of procfs stands for an object rather than for its text: `fd/N`, `map_files/…`,
/// `ns/…`, `cwd`, `root`, `exe`.
pub(super) fn is_magic(text: &[u8], end: usize) -> bool {
    let path = text.get(..end).unwrap_or_default();
    let mut names = path.rsplit(|byte| *byte == b'/');
    let name = names.next().unwrap_or_default();
    let parent = names.next().unwrap_or_default();
    matches!(name, b"cwd" | b"root" | b"exe") || matches!(parent, b"fd" | b"map_files" | b"ns")
}

/// Decides about a link that stands for an object. `None`: its text
/// leads to that object, so go on with the text. ESTALE: it has changed, so look again.
pub(super) fn magic(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    end: usize,
    target: usize,
) -> Option<Answer<c_int>> {
    let whole = end == text.length() && !text.slash();
    let object = text.with_prefix(end, sys::stat);
    let prefix = text.bytes().get(..end).unwrap_or_default();
    let ended = text.behind(target);
    let target = ended.get(..target).unwrap_or_default();
    if target.first() == Some(&b'/') {
        if let Some(rule) = exceptions::decide(state, target).refuses(Access::METADATA) {
            let refusal = report::refuse(state, goal.call, Access::METADATA, rule, target);
            return refusal.err().map(Err);
        }
        if object.is_ok_and(|object| leads_to(sys::Path::new(ended), &object)) {
            return None;
        }
    } else if whole && parent_name(prefix) == b"ns" {
        // A name space's file: the link can stand for nothing else.
        return Some(text.path().and_then(|path| sys::openat2(CWD, path, &through(goal))));
    }
    match own_descriptor(prefix) {
        Some(number) if whole => Some(table::reopen(number, &through(goal))),
        _ => Some(Err(Errno::EACCES)),
    }
}

/// The goal's way of opening, through one link of procfs.
fn through(goal: &Goal) -> How {
    How { resolve: 0, ..goal.how }
}

fn parent_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').nth(1).unwrap_or_default()
}

/// Whether a text, with no link on its way, is that object. In another root or
/// mount name space the same text is another place, and a deleted object has none.
pub(crate) fn leads_to(path: Answer<sys::Path<'_>>, object: &libc::stat) -> bool {
    let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    let Ok(fd) = path.and_then(|path| sys::openat2(CWD, path, &how)) else { return false };
    let place = sys::fstat(fd);
    sys::close(fd);
    place.is_ok_and(|place| place.st_dev == object.st_dev && place.st_ino == object.st_ino)
}

/// The number in `/proc/PID/fd/N` or `/proc/PID/task/TID/fd/N` of the calling process.
fn own_descriptor(path: &[u8]) -> Option<c_int> {
    let mut names = path.split(|byte| *byte == b'/').skip(1);
    if names.next()? != b"proc" || number(names.next()?)? != sys::process() {
        return None;
    }
    let mut name = names.next()?;
    if name == b"task" {
        if number(names.next()?)? != sys::thread() {
            return None;
        }
        name = names.next()?;
    }
    let descriptor = c_int::try_from(number(names.next()?)?).ok()?;
    (name == b"fd" && names.next().is_none()).then_some(descriptor)
}

fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u32::from(digit))
    })
}
