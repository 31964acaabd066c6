//! The caller's function: what it is told of each place, by the numbers of ftw.h.

#![expect(unsafe_code, reason = "calls the caller's function")]

use core::ffi::{c_char, c_int};

use super::Walk;
use crate::sys::{self, Errno};

/// A visit as `ftw` makes it.
pub(crate) type Visit =
    Option<unsafe extern "C" fn(*const c_char, *const libc::stat, c_int) -> c_int>;
/// A visit as `nftw` makes it.
pub(crate) type Detailed =
    Option<unsafe extern "C" fn(*const c_char, *const libc::stat, c_int, *mut Position) -> c_int>;

/// `struct FTW` of ftw.h.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(super) base: c_int,
    pub(super) level: c_int,
}

/// What is visited, by the numbers of ftw.h.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Unreadable,
    Unknown,
    Link,
    DirectoryAfter,
    Dangling,
}

impl Kind {
    /// Its number for `nftw`, or for `ftw`, which has fewer.
    const fn number(self, detailed: bool) -> c_int {
        match (self, detailed) {
            (Self::File, _) | (Self::Link, false) => 0,
            (Self::Directory, _) | (Self::DirectoryAfter, false) => 1,
            (Self::Unreadable, _) => 2,
            (Self::Unknown, _) | (Self::Dangling, false) => 3,
            (Self::Link, true) => 4,
            (Self::DirectoryAfter, true) => 5,
            (Self::Dangling, true) => 6,
        }
    }

    pub(super) const fn of(stat: &libc::stat) -> Self {
        match stat.st_mode & libc::S_IFMT {
            libc::S_IFDIR => Self::Directory,
            libc::S_IFLNK => Self::Link,
            _ => Self::File,
        }
    }
}

/// The caller's function.
#[derive(Clone, Copy)]
pub(super) enum Visitor {
    Plain(Visit),
    Detailed(Detailed),
}

impl Walk {
    /// Calls the caller's function; its answer.
    pub(super) fn visit(&mut self, kind: Kind, stat: &libc::stat) -> c_int {
        let path: *const c_char = self.path.items().as_ptr().cast();
        let position = &raw mut self.position;
        match self.visitor {
            // SAFETY: the caller's own function, with what ftw(3) promises it.
            Visitor::Plain(Some(visit)) => unsafe { visit(path, stat, kind.number(false)) },
            Visitor::Detailed(Some(visit)) => {
                // SAFETY: the caller's own function, with what nftw(3) promises it.
                unsafe { visit(path, stat, kind.number(true), position) }
            }
            Visitor::Plain(None) | Visitor::Detailed(None) => fail(Errno::EINVAL),
        }
    }
}

/// The result of a walk that failed: -1 and errno.
pub(super) fn fail(errno: Errno) -> c_int {
    sys::set_errno(errno);
    -1
}
