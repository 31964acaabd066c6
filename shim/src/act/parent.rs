//! The place of a name: the directory that it stands in, held, and the text of the whole.
//!
//! The kernel has no call that makes, removes or moves a name and refuses links on the way. So the
//! directory is opened at its text, and the call is made on it and the last name, which no such
//! call follows. Another thread may put another directory under the descriptor's number between
//! the two; where that would matter, both take place in a private descriptor table.

#![expect(unsafe_code, reason = "the caller's pointer is read here, once")]

use core::ffi::c_int;

use ringfence_policy::{Access, Image};

use super::look::{At, Held};
use crate::arm::State;
use crate::exceptions;
use crate::place::{self, Goal};
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS};
use crate::table;
use crate::text::{Shape, Text};

/// The most bytes of a name (`NAME_MAX`).
const NAME_MAX: usize = 255;

/// What the last component of a path is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name.
    Name,
    /// `.`, `..` or the root, with which the kernel does nothing but say so.
    Special,
    /// More than any file system takes.
    TooLong,
}

/// The last component of a path, as the caller wrote it.
pub(crate) struct Last {
    kind: Kind,
    /// The bytes of the name, without a slash after it.
    length: usize,
    /// The name, a slash if one followed it, and a NUL.
    bytes: [u8; NAME_MAX + 2],
}

impl Last {
    /// Cuts the last component off a path that was copied as it is; what is left is the path of
    /// its directory.
    fn cut_from(text: &mut Text) -> Answer<Self> {
        let bytes = text.bytes();
        if bytes.is_empty() {
            return Err(Errno::ENOENT);
        }
        let end = bytes.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at.saturating_add(1));
        let before = bytes.get(..end).unwrap_or_default();
        let start =
            before.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at.saturating_add(1));
        let slash = end < bytes.len();
        let name = if end == 0 { b"/" } else { bytes.get(start..end).unwrap_or_default() };
        let kind = match name {
            b"." | b".." | b"/" => Kind::Special,
            _ if name.len() > NAME_MAX => Kind::TooLong,
            _ => Kind::Name,
        };
        let mut last = Self { kind, length: name.len().min(NAME_MAX), bytes: [0; NAME_MAX + 2] };
        let slash = if slash && end > 0 { b"/".as_slice() } else { b"" };
        for (to, from) in last.bytes.iter_mut().zip(name.iter().take(NAME_MAX).chain(slash)) {
            *to = *from;
        }
        match (end, start) {
            (0, _) => text.cut(1),
            (_, 0) => text.put_parts(&[b"."])?,
            _ => text.cut(start),
        }
        Ok(last)
    }

    /// Whether a slash followed it: it must be a directory then, or lead to one.
    pub(crate) fn slash(&self) -> bool {
        self.bytes.get(self.length) == Some(&b'/')
    }

    fn name(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The component as the kernel takes it.
    pub(crate) fn path(&self) -> Answer<sys::Path<'_>> {
        sys::Path::new(&self.bytes)
    }
}

/// A caller's path in two parts.
pub(crate) struct Spot<'a> {
    dir: c_int,
    shape: Shape,
    /// The path of the directory; when it is pinned, the absolute text of the whole.
    pub(crate) text: &'a mut Text,
    /// The last component.
    pub(crate) last: Last,
}

/// The path of a directory, short enough to be kept aside.
pub(super) struct Beside {
    dir: c_int,
    length: usize,
    path: [u8; 256],
}

/// What becomes of a name, as far as it matters to what lies beneath it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// What stands there stays.
    Stays,
    /// What stands there goes or is replaced, so that a place beneath would have another path.
    Goes,
}

impl<'a> Spot<'a> {
    /// Copies a caller's path.
    ///
    /// # Errors
    /// EFAULT, ENOENT for an empty path, ENAMETOOLONG.
    ///
    /// # Safety
    /// The path must be null, in the first page, or a C string.
    pub(crate) unsafe fn copy(at: At, text: &'a mut Text) -> Answer<Self> {
        // SAFETY: as this function's own contract says.
        unsafe { text.copy(at.path) }?;
        Self::of(at.dir, text)
    }

    /// Takes a path that lies in the text as it was copied.
    ///
    /// # Errors
    /// ENOENT for an empty path.
    pub(crate) fn of(dir: c_int, text: &'a mut Text) -> Answer<Self> {
        let last = Last::cut_from(text)?;
        let shape = text.settle()?;
        Ok(Self { dir, shape, text, last })
    }

    /// Holds the directory if nothing depends on what its number stands for: no rule knows the last
    /// name, so none of `accesses` is forbidden to it in any directory that this process can hold,
    /// and nothing forbidden lies beneath it. `None`: that is not so, or a link is on the way.
    pub(super) fn hold(&mut self, state: &State, accesses: Access) -> Option<Answer<Parent>> {
        if !self.is_free(state, accesses) {
            return None;
        }
        let image = &state.image;
        let dir = if self.shape.absolute {
            if !image.decide(self.text.bytes()).refused().is_empty() {
                return None;
            }
            CWD
        } else {
            if self.text.length() == 0 {
                return Some(Ok(Parent::Given(self.dir)));
            }
            let mut names = self.text.bytes().split(|byte| *byte == b'/');
            if names.any(|name| image.is_rule_name(name)) {
                return None;
            }
            self.dir
        };
        match self.text.path().and_then(|path| sys::openat2(dir, path, &DIRECTORY)) {
            Err(Errno::ELOOP) => None,
            answer => Some(answer.map(|fd| Parent::Held(Held::new(fd)))),
        }
    }

    /// Whether the last component is a name that no rule knows, with no `..` before it.
    pub(super) fn is_free(&self, state: &State, accesses: Access) -> bool {
        let is_name = self.last.kind == Kind::Name && !self.shape.parent;
        is_name && is_free(&state.image, accesses, self.last.name())
    }

    /// The path of the directory, to tell whether another name stands beside this one; `None` for a
    /// long one.
    pub(super) fn beside(&self) -> Option<Beside> {
        let bytes = self.text.bytes();
        let mut path = [0; 256];
        path.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Beside { dir: self.dir, length: bytes.len(), path })
    }

    /// Whether the directory is that one, by its path, in a text that no hold has changed.
    pub(super) fn is_beside(&self, other: &Option<Beside>) -> bool {
        other.as_ref().is_some_and(|other| {
            self.dir == other.dir && other.path.get(..other.length) == Some(self.text.bytes())
        })
    }

    /// Holds the directory and judges `access` to the place. Only in a private table: the directory
    /// itself may be forbidden, where an exception leads to a place in it.
    ///
    /// # Errors
    /// EACCES with a report for a refusal, also where there is no such directory; what the kernel
    /// answers for the directory.
    pub(crate) fn pin(
        &mut self,
        state: &State,
        call: Call,
        access: Access,
        kept: Kept,
    ) -> Answer<Held> {
        let goal = Goal { call, access: Access::NONE, how: DIRECTORY };
        let held = place::open_shaped(state, self.dir, &goal, self.text, self.shape);
        let held = held.map(Held::new);
        if self.text.bytes().first() != Some(&b'/') {
            // Of a place that this process cannot name, no rule can be told.
            return Err(held.err().unwrap_or(Errno::EACCES));
        }
        if self.last.kind == Kind::Name {
            if self.text.bytes() == b"/" {
                self.text.cut(0);
            }
            self.text.push(b'/')?;
            self.text.append(self.last.name())?;
        }
        judge(state, call, access, self.text.bytes())?;
        let held = held?;
        match self.last.kind {
            Kind::TooLong => Err(Errno::ENAMETOOLONG),
            Kind::Name if kept == Kept::Goes && state.image.is_above(self.text.bytes()) => {
                report::unsound(state, call, Access::WRITE, self.text.bytes(), ABOVE)?;
                Ok(held)
            }
            Kind::Name | Kind::Special => Ok(held),
        }
    }
}

/// Why what lies above a forbidden place is kept where it is.
pub(crate) const ABOVE: &[u8] = b"something that a rule forbids lies beneath it";

/// How a directory is held.
const DIRECTORY: How = How {
    flags: (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC).cast_unsigned() as u64,
    mode: 0,
    resolve: NO_SYMLINKS,
};

/// Judges one access to an absolute text.
///
/// # Errors
/// EACCES with a report for a refusal.
pub(crate) fn judge(state: &State, call: Call, access: Access, text: &[u8]) -> Answer<()> {
    let decision = exceptions::decide(state, text);
    match decision.refuses(access) {
        Some(rule) => report::refuse(state, call, access & decision.refused(), rule, text),
        None => Ok(()),
    }
}

/// What making or removing a name does to it.
const CHANGES: Access = Access::WRITE.with(Access::METADATA);

/// Whether no rule knows a name, so that none of `accesses` is forbidden to it in any directory that
/// a process can hold, and nothing forbidden lies beneath it.
fn is_free(image: &Image<'_>, accesses: Access, name: &[u8]) -> bool {
    image.by_names().contains(accesses) && !image.is_any_name(name)
}

/// The directory of a name.
pub(super) enum Parent {
    /// The one that the caller gave.
    Given(c_int),
    /// One that is held for the call.
    Held(Held),
}

impl Parent {
    /// The directory's descriptor.
    pub(super) const fn number(&self) -> c_int {
        match self {
            Self::Given(number) => *number,
            Self::Held(held) => held.number(),
        }
    }
}

/// As [`change`], for a caller's path.
///
/// # Errors
/// As [`change`], and EFAULT, ENOENT for an empty path, ENAMETOOLONG.
///
/// # Safety
/// The path must be null, in the first page, or a C string.
pub(crate) unsafe fn change_at(
    state: &State,
    call: Call,
    at: At,
    kept: Kept,
    act: impl Fn(c_int, sys::Path<'_>) -> Answer<usize>,
) -> Answer<c_int> {
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    let slashes = unsafe { text.copy(at.path) }?;
    // A path that is a name and nothing else needs no directory.
    let is_name = slashes == Some(0) && (1..=64).contains(&text.length());
    if is_name && is_free(&state.image, CHANGES, text.bytes()) {
        return act(at.dir, text.path()?).map(super::look::done);
    }
    change(state, call, &mut Spot::of(at.dir, &mut text)?, kept, act)
}

/// Makes or removes a name: calls `act` with its directory and itself, once it may be written.
///
/// # Errors
/// EACCES with a report for a refusal, else what `act` or the kernel answers.
pub(crate) fn change(
    state: &State,
    call: Call,
    spot: &mut Spot<'_>,
    kept: Kept,
    act: impl Fn(c_int, sys::Path<'_>) -> Answer<usize>,
) -> Answer<c_int> {
    let value = match spot.hold(state, CHANGES) {
        Some(Ok(parent)) => act(parent.number(), spot.last.path()?),
        Some(Err(errno)) => Err(errno),
        None => table::judging(state, || {
            let held = spot.pin(state, call, Access::WRITE, kept)?;
            act(held.number(), spot.last.path()?)
        })?,
    };
    value.map(super::look::done)
}
