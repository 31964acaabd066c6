//! `ftw` and `nftw`: a walk of our own, since libc's opens a directory before anybody is asked.
//!
//! The order of events, the descriptors held and every result are glibc's: on a tree without a
//! forbidden place nobody can tell them apart. A forbidden entry cannot be inspected (`FTW_NS`), or
//! not be read (`FTW_DNR`). The walk keeps its place in a list, not on the stack, so its depth
//! costs memory alone. A visit that jumps out leaks that, as it does in glibc.

#![expect(unsafe_code, reason = "the callers' pointers")]

use core::ffi::{CStr, c_char, c_int};
use core::mem::MaybeUninit;

use super::heap::List;
use super::steps;
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, Errno};

mod home;
mod known;
mod levels;
mod reach;
mod visit;

use home::Home;
use known::Known;
use levels::{Level, Levels};
pub(crate) use visit::{Detailed, Position, Visit};
use visit::{Kind, Visitor, fail};

/// The flags of ftw.h.
const PHYSICAL: c_int = 1;
const MOUNT: c_int = 2;
const CHANGE: c_int = 4;
const DEPTH: c_int = 8;
const ACTION: c_int = 16;

/// What a visit answers under `FTW_ACTIONRETVAL`.
const STOP: c_int = 1;
const SKIP_SUBTREE: c_int = 2;
const SKIP_SIBLINGS: c_int = 3;

/// What came of an entry: a directory that the walk is in now, or a result.
enum Came {
    Inside,
    Done(c_int),
}

struct Walk {
    state: &'static State,
    call: Call,
    visitor: Visitor,
    flags: c_int,
    levels: Levels,
    /// The path of what is visited, with its NUL.
    path: List<u8>,
    position: Position,
    /// Of the start, for `FTW_MOUNT`.
    device: libc::dev_t,
    known: Known,
}

/// ftw(3).
///
/// # Errors
/// What inspecting the start answers.
///
/// # Safety
/// The arguments must be what ftw(3) demands.
pub(crate) unsafe fn walk(
    state: &'static State,
    call: Call,
    start: *const c_char,
    visit: Visit,
    descriptors: c_int,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    unsafe { begin(state, call, start, Visitor::Plain(visit), descriptors, 0) }
}

/// nftw(3).
///
/// # Errors
/// EINVAL for unknown flags; what inspecting the start answers.
///
/// # Safety
/// The arguments must be what nftw(3) demands.
pub(crate) unsafe fn walk_detailed(
    state: &'static State,
    call: Call,
    start: *const c_char,
    visit: Detailed,
    descriptors: c_int,
    flags: c_int,
) -> Answer<c_int> {
    if flags & !(PHYSICAL | MOUNT | CHANGE | DEPTH | ACTION) != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    unsafe { begin(state, call, start, Visitor::Detailed(visit), descriptors, flags) }
}

/// # Safety
/// As [`walk_detailed`].
unsafe fn begin(
    state: &'static State,
    call: Call,
    start: *const c_char,
    visitor: Visitor,
    descriptors: c_int,
    flags: c_int,
) -> Answer<c_int> {
    if sys::is_wild(start) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the caller's C string.
    let start = unsafe { CStr::from_ptr(start) }.to_bytes();
    if start.is_empty() {
        return Err(Errno::ENOENT);
    }
    let mut walk = Walk {
        state,
        call,
        visitor,
        flags,
        levels: Levels::new(&state.next, usize::try_from(descriptors).unwrap_or(1).max(1)),
        path: List::new(&state.next),
        position: Position { base: 0, level: 0 },
        device: 0,
        known: Known::new(&state.next),
    };
    let slashes = start.iter().rev().take_while(|byte| **byte == b'/').count();
    let length = start.len().saturating_sub(slashes).max(1);
    walk.path.append(start.get(..length).unwrap_or(start))?;
    let base = walk.path.items().iter().rposition(|byte| *byte == b'/');
    walk.position.base = number(base.map_or(0, |slash| slash.saturating_add(1)));
    walk.path.push(0)?;
    if flags & CHANGE == 0 {
        return walk.start();
    }
    let home = Home::find(state, call)?;
    walk.levels.hold_one_less();
    let result = walk.go_to_start().and_then(|()| walk.start());
    home.go_back(state, call);
    result
}

fn number(length: usize) -> c_int {
    c_int::try_from(length).unwrap_or(c_int::MAX)
}

impl Walk {
    fn has(&self, flag: c_int) -> bool {
        self.flags & flag != 0
    }

    fn start(&mut self) -> Answer<c_int> {
        let follow = !self.has(PHYSICAL);
        let stat = match self.inspect(follow) {
            Err(Errno::ENOENT) if follow => match self.inspect(false) {
                Ok(stat) if Kind::of(&stat) == Kind::Link => {
                    let result = self.visit(Kind::Dangling, &stat);
                    return Ok(self.at_start(result));
                }
                _ => return Err(Errno::ENOENT),
            },
            answer => answer?,
        };
        let kind = Kind::of(&stat);
        if kind != Kind::Directory {
            let result = self.visit(kind, &stat);
            return Ok(self.at_start(result));
        }
        self.device = stat.st_dev;
        if follow {
            self.known.add(&stat)?;
        }
        let result = self.tree(&stat);
        Ok(self.at_start(result))
    }

    fn at_start(&self, result: c_int) -> c_int {
        let skips = self.has(ACTION) && matches!(result, SKIP_SUBTREE | SKIP_SIBLINGS);
        if skips { 0 } else { result }
    }

    /// A directory and all beneath it.
    fn tree(&mut self, stat: &libc::stat) -> c_int {
        let mut result = match self.enter(stat) {
            Came::Inside => 0,
            Came::Done(result) => return result,
        };
        loop {
            if result == 0 && self.next_name(&mut result) {
                result = match self.entry() {
                    Came::Inside => 0,
                    Came::Done(result) => self.skipped(result),
                };
                continue;
            }
            result = self.leave(result);
            if self.levels.is_empty() {
                return result;
            }
            result = self.skipped(result);
        }
    }

    fn skipped(&self, result: c_int) -> c_int {
        if self.has(ACTION) && result == SKIP_SUBTREE { 0 } else { result }
    }

    /// Puts the next name of the directory into the path; false at its end, or for want of memory.
    fn next_name(&mut self, result: &mut c_int) -> bool {
        self.path.cut(self.base());
        match self.levels.next_name(self.state, &mut self.path) {
            Ok(more) => more,
            Err(errno) => {
                *result = fail(errno);
                false
            }
        }
    }

    /// One entry of a directory, whose name is in the path.
    fn entry(&mut self) -> Came {
        let follow = !self.has(PHYSICAL);
        // Of what cannot be inspected, nothing is said.
        // SAFETY: a structure of integers alone.
        let nothing = unsafe { MaybeUninit::<libc::stat>::zeroed().assume_init() };
        let (kind, stat) = match self.inspect(follow) {
            Ok(stat) => (Kind::of(&stat), stat),
            Err(Errno::EACCES | Errno::ENOENT) if !follow => (Kind::Unknown, nothing),
            Err(Errno::EACCES | Errno::ENOENT) => match self.inspect(false) {
                Ok(stat) if Kind::of(&stat) == Kind::Link => (Kind::Dangling, stat),
                Ok(stat) => (Kind::Unknown, stat),
                Err(_) => (Kind::Unknown, nothing),
            },
            Err(errno) => return Came::Done(fail(errno)),
        };
        if kind != Kind::Unknown && self.has(MOUNT) && stat.st_dev != self.device {
            return Came::Done(0);
        }
        if kind != Kind::Directory {
            return Came::Done(self.visit(kind, &stat));
        }
        if follow {
            if self.known.has(&stat) {
                return Came::Done(0);
            }
            if let Err(errno) = self.known.add(&stat) {
                return Came::Done(fail(errno));
            }
        }
        self.enter(&stat)
    }

    /// Goes into the directory that the path names.
    fn enter(&mut self, stat: &libc::stat) -> Came {
        let stream = match self.levels.make_room(self.state).and_then(|()| self.open()) {
            Ok(stream) => stream,
            // It may be inspected and not be read.
            Err(Errno::EACCES) => return Came::Done(self.visit(Kind::Unreadable, stat)),
            Err(errno) => return Came::Done(fail(errno)),
        };
        let level = Level::new(stream, *stat, self.position.base);
        if !self.has(DEPTH) {
            let result = self.visit(Kind::Directory, stat);
            if result != 0 {
                level.close(self.state);
                return Came::Done(result);
            }
        }
        let gone = match level.descriptor(self.state) {
            Some(fd) if self.has(CHANGE) => steps::go_to(self.state, self.call, fd),
            _ => Ok(()),
        };
        match gone.and_then(|()| self.descend(level)) {
            Ok(()) => Came::Inside,
            Err(errno) => {
                level.close(self.state);
                Came::Done(fail(errno))
            }
        }
    }

    fn descend(&mut self, level: Level) -> Answer<()> {
        // In the place of the NUL, unless the path is `/`.
        self.path.cut(self.path.length().saturating_sub(1));
        if self.path.items().last() != Some(&b'/') {
            self.path.push(b'/')?;
        }
        self.levels.push(level)?;
        self.position.base = number(self.path.length());
        self.position.level = self.position.level.saturating_add(1);
        Ok(())
    }

    /// Ends a directory with the result of its last entry, and goes back to the one above.
    fn leave(&mut self, mut result: c_int) -> c_int {
        let Some(level) = self.levels.pop(self.state) else { return result };
        if self.has(ACTION) && result == SKIP_SIBLINGS {
            result = 0;
        }
        self.path.cut(self.base().saturating_sub(1));
        if let Err(errno) = self.path.push(0) {
            return fail(errno);
        }
        self.position.level = self.position.level.saturating_sub(1);
        self.position.base = level.base();
        if result == 0 && self.has(DEPTH) {
            result = self.visit(Kind::DirectoryAfter, level.stat());
        }
        let goes_on = result == 0 || (self.has(ACTION) && result != -1 && result != STOP);
        if self.has(CHANGE) && goes_on && !self.levels.is_empty() && self.climb().is_err() {
            result = -1;
        }
        result
    }
}
