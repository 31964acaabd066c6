//! Going to directories and back, where the walk changes the working directory.

#![expect(unsafe_code, reason = "paths that are the walk's own")]

use core::ffi::{c_char, c_int};

use super::Walk;
use super::entry::{Node, option};
use crate::act::steps;
use crate::sys::{self, Answer, Errno};

/// How a directory is gone to.
pub(super) enum Way {
    Descriptor(c_int),
    Path(*const c_char),
}

impl Walk<'_> {
    /// Holds the working directory, to come back to it; without that, the walk stays there.
    pub(super) fn remember_home(&self) {
        if self.stream.has(option::STAY) {
            return;
        }
        match self.here() {
            Ok(fd) => self.stream.home.set(fd),
            Err(_) => self.stream.set(option::STAY),
        }
    }

    pub(super) fn here(&self) -> Answer<c_int> {
        // SAFETY: a C string of ours.
        unsafe { steps::open(self.state, self.call, c".".as_ptr(), 0) }
    }

    /// Goes to where the walk began.
    pub(super) fn go_home(&self) -> Answer<()> {
        self.go_to(self.stream.home.get())
    }

    pub(super) fn go_to(&self, fd: c_int) -> Answer<()> {
        if self.stream.has(option::STAY) {
            return Ok(());
        }
        steps::go_to(self.state, self.call, fd)
    }

    /// Goes to a directory, if it is still the one that was inspected.
    pub(super) fn change(&self, expected: Node, way: &Way) -> Answer<()> {
        if self.stream.has(option::STAY) {
            return Ok(());
        }
        let fd = match way {
            Way::Descriptor(fd) => *fd,
            // SAFETY: an entry's path, or a C string of ours.
            Way::Path(path) => match unsafe { steps::open(self.state, self.call, *path, 0) } {
                Err(Errno::ENOTDIR) => return Err(Errno::ENOENT),
                answer => answer?,
            },
        };
        let gone = sys::fstat(fd).and_then(|stat| {
            let same = (stat.st_dev, stat.st_ino) == (expected.device.get(), expected.inode.get());
            if same { self.go_to(fd) } else { Err(Errno::ENOENT) }
        });
        if let Way::Path(_) = way {
            sys::close(fd);
        }
        gone
    }
}
