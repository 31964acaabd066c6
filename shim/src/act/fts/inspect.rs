//! What an entry is, and which entries of a directory are asked at all.

#![expect(unsafe_code, reason = "the walk's own paths")]

use core::ffi::{c_long, c_ushort};
use core::mem::MaybeUninit;

use super::Walk;
use super::children::Purpose;
use super::entry::{ABOVE, Node, info, option, pointer};
use crate::act::steps;
use crate::sys::{self, CWD, Errno};

/// How many of a directory's entries are inspected.
pub(super) struct Thrift {
    /// Directories that are still to be found, as the directory's link count tells; 0: nothing more
    /// is inspected, below 0: everything.
    pub(super) directories: c_long,
    /// What is said to be no directory is not inspected.
    by_kind: bool,
}

impl Thrift {
    pub(super) fn new(walk: &Walk<'_>, directory: Node, purpose: Purpose) -> Self {
        let stream = walk.stream;
        if purpose == Purpose::Name {
            return Self { directories: 0, by_kind: false };
        }
        if !(stream.has(option::NO_STAT) && stream.has(option::PHYSICAL)) {
            return Self { directories: -1, by_kind: false };
        }
        let own = if stream.has(option::DOTS) { 0 } else { 2 };
        let links = c_long::try_from(directory.links.get()).unwrap_or(c_long::MAX);
        Self { directories: links.saturating_sub(own), by_kind: true }
    }

    pub(super) const fn leaves(&self, no_directory: bool) -> bool {
        self.directories == 0 || (self.by_kind && no_directory)
    }

    pub(super) const fn count(&mut self, found: c_ushort) {
        if self.directories > 0 && matches!(found, info::DIRECTORY | info::CYCLE | info::DOT) {
            self.directories = self.directories.saturating_sub(1);
        }
    }
}

impl Walk<'_> {
    /// Inspects an entry; what it is.
    pub(super) fn inspect(&self, node: Node, follow: bool) -> c_ushort {
        let path = node.access.get();
        let look = |follow| {
            // SAFETY: an entry's path is a C string, in its own name or in the walk's path.
            unsafe { steps::inspect(self.state, self.call, CWD, path, follow) }
        };
        let follow = follow || self.stream.has(option::LOGICAL);
        let found = match look(follow) {
            Err(errno) if follow => match look(false) {
                Ok(stat) => {
                    node.keep(&stat);
                    sys::set_errno(Errno(0));
                    return info::DANGLING;
                }
                Err(_) => Err(errno),
            },
            answer => answer,
        };
        match found {
            Ok(stat) => {
                node.keep(&stat);
                kind(node, &stat)
            }
            Err(errno) => {
                node.errno.set(errno.0);
                // SAFETY: a structure of integers alone.
                node.keep(&unsafe { MaybeUninit::zeroed().assume_init() });
                info::NOT_INSPECTED
            }
        }
    }
}

/// Whether a name is `.` or `..`.
pub(super) fn is_dot(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}

/// What an entry that was inspected is.
fn kind(node: Node, stat: &libc::stat) -> c_ushort {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => directory(node, stat),
        libc::S_IFLNK => info::LINK,
        libc::S_IFREG => info::FILE,
        _ => info::OTHER,
    }
}

fn directory(node: Node, stat: &libc::stat) -> c_ushort {
    node.device.set(stat.st_dev);
    node.inode.set(stat.st_ino);
    node.links.set(stat.st_nlink);
    if is_dot(node.name().to_bytes()) {
        return info::DOT;
    }
    let above = core::iter::successors(node.above(), |above| above.above());
    let same = above
        .take_while(|above| above.level.get() != ABOVE)
        .find(|above| above.inode.get() == stat.st_ino && above.device.get() == stat.st_dev);
    node.cycle.set(pointer(same));
    if same.is_some() { info::CYCLE } else { info::DIRECTORY }
}
