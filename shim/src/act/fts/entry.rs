//! What the callers of `fts` get: the two structures of fts.h, each in libc's own layout. The forms
//! of 64 bits have the same one here.
//!
//! The callers read all of it and may write some, between our calls; so every field is a cell.

#![expect(unsafe_code, reason = "structures of libc's allocator, shared with the callers")]

use core::cell::Cell;
use core::ffi::{CStr, c_char, c_int, c_long, c_ushort, c_void};
use core::ops::Deref;
use core::ptr::{NonNull, null_mut};

use crate::act::heap;
use crate::interpose::Next;
use crate::sys::{Answer, Errno};

/// `FTS`: a walk.
#[repr(C)]
pub(crate) struct Stream {
    /// The entry that was returned last.
    pub(super) current: Cell<*mut Entry>,
    /// What is in it, once that was read.
    pub(super) child: Cell<*mut Entry>,
    /// Room for as many entries as `slots` says, to sort them.
    pub(super) array: Cell<*mut *mut Entry>,
    pub(super) device: Cell<libc::dev_t>,
    /// The path of the current entry, in memory of `room` bytes.
    pub(super) path: Cell<*mut c_char>,
    /// The directory in which the walk began.
    pub(super) home: Cell<c_int>,
    pub(super) room: Cell<c_int>,
    pub(super) slots: Cell<c_int>,
    pub(super) compare: Cell<Compare>,
    pub(super) options: Cell<c_int>,
}

/// `FTSENT`: an entry of the walk. Its name has as many bytes as it needs, and the stat structure
/// follows in the same memory.
#[repr(C)]
pub(crate) struct Entry {
    /// The directory above that is the same one.
    pub(super) cycle: Cell<*mut Entry>,
    pub(super) parent: Cell<*mut Entry>,
    /// The next one of the same directory.
    pub(super) link: Cell<*mut Entry>,
    /// The caller's own.
    number: Cell<c_long>,
    /// The caller's own.
    pointer: Cell<*mut c_void>,
    /// By which path it can be reached now.
    pub(super) access: Cell<*mut c_char>,
    pub(super) path: Cell<*mut c_char>,
    pub(super) errno: Cell<c_int>,
    /// The directory to go back to from where a link led.
    pub(super) way_back: Cell<c_int>,
    pub(super) path_length: Cell<c_ushort>,
    pub(super) name_length: Cell<c_ushort>,
    pub(super) inode: Cell<libc::ino_t>,
    pub(super) device: Cell<libc::dev_t>,
    pub(super) links: Cell<libc::nlink_t>,
    /// How deep it lies; a start has 0.
    pub(super) level: Cell<i16>,
    pub(super) info: Cell<c_ushort>,
    pub(super) flags: Cell<c_ushort>,
    pub(super) instruction: Cell<c_ushort>,
    pub(super) stat: Cell<*mut libc::stat>,
    name: [c_char; 1],
}

/// An order of entries, by the places where their addresses are.
pub(crate) type Compare =
    Option<unsafe extern "C" fn(*const *const Entry, *const *const Entry) -> c_int>;

/// The level of what stands above the starts.
pub(super) const ABOVE: i16 = -1;
/// The level of a start.
pub(super) const START: i16 = 0;

/// What an entry is, by the numbers of fts.h.
pub(super) mod info {
    use core::ffi::c_ushort;

    pub(in super::super) const DIRECTORY: c_ushort = 1;
    pub(in super::super) const CYCLE: c_ushort = 2;
    pub(in super::super) const OTHER: c_ushort = 3;
    pub(in super::super) const UNREADABLE: c_ushort = 4;
    pub(in super::super) const DOT: c_ushort = 5;
    pub(in super::super) const DIRECTORY_AFTER: c_ushort = 6;
    pub(in super::super) const FAILED: c_ushort = 7;
    pub(in super::super) const FILE: c_ushort = 8;
    pub(in super::super) const FIRST: c_ushort = 9;
    pub(in super::super) const NOT_INSPECTED: c_ushort = 10;
    pub(in super::super) const NOT_ASKED: c_ushort = 11;
    pub(in super::super) const LINK: c_ushort = 12;
    pub(in super::super) const DANGLING: c_ushort = 13;
}

/// The options of fts.h, and what a walk notes among them.
pub(super) mod option {
    use core::ffi::c_int;

    pub(in super::super) const FOLLOW_STARTS: c_int = 0x001;
    pub(in super::super) const LOGICAL: c_int = 0x002;
    pub(in super::super) const STAY: c_int = 0x004;
    pub(in super::super) const NO_STAT: c_int = 0x008;
    pub(in super::super) const PHYSICAL: c_int = 0x010;
    pub(in super::super) const DOTS: c_int = 0x020;
    pub(in super::super) const ONE_DEVICE: c_int = 0x040;
    /// Those that a caller may give.
    pub(in super::super) const ALL: c_int = 0x0ff;
    /// The children have their names alone.
    pub(in super::super) const NAMES_ONLY: c_int = 0x100;
    /// The walk cannot go on.
    pub(in super::super) const STOPPED: c_int = 0x200;
}

/// What the caller wants of an entry, by the numbers of fts.h.
pub(super) mod instruction {
    use core::ffi::c_ushort;

    pub(in super::super) const AGAIN: c_ushort = 1;
    pub(in super::super) const FOLLOW: c_ushort = 2;
    pub(in super::super) const NONE: c_ushort = 3;
    pub(in super::super) const SKIP: c_ushort = 4;
}

/// How a directory is left.
pub(super) mod flag {
    use core::ffi::c_ushort;

    /// The walk did not go there.
    pub(in super::super) const NOT_ENTERED: c_ushort = 1;
    /// A link was followed: by its `way_back`.
    pub(in super::super) const FOLLOWED: c_ushort = 2;
}

/// An entry that lives: one that a walk made and has not freed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Node(NonNull<Entry>);

impl Deref for Node {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        // SAFETY: the entry lives, as the type says; its fields are cells, so whoever else has
        // the pointer may change them between two looks.
        unsafe { self.0.as_ref() }
    }
}

impl Node {
    /// Makes an entry of that name, whose path is the walk's.
    ///
    /// # Errors
    /// ENOMEM.
    pub(super) fn new(next: &Next, stream: &Stream, name: &[u8]) -> Answer<Self> {
        let end = size_of::<Entry>().saturating_add(name.len());
        let aligned = end.next_multiple_of(align_of::<libc::max_align_t>());
        let has_stat = !stream.has(option::NO_STAT);
        let size = if has_stat { aligned.saturating_add(size_of::<libc::stat>()) } else { end };
        let node = Self(heap::zeroed(next, size)?.cast());
        if has_stat {
            node.stat.set(node.start().wrapping_add(aligned).cast());
        }
        node.rename(name);
        node.path.set(stream.path.get());
        node.instruction.set(instruction::NONE);
        Ok(node)
    }

    /// The entry at an address, unless that is null.
    ///
    /// # Safety
    /// It must be one that a walk made and has not freed.
    pub(super) unsafe fn at(entry: *mut Entry) -> Option<Self> {
        NonNull::new(entry).map(Self)
    }

    pub(super) const fn entry(self) -> *mut Entry {
        self.0.as_ptr()
    }

    const fn start(self) -> *mut u8 {
        self.entry().cast()
    }

    /// Where its name is.
    pub(super) const fn name_start(self) -> *mut c_char {
        self.start().wrapping_add(core::mem::offset_of!(Entry, name)).cast()
    }

    pub(super) fn name<'a>(self) -> &'a CStr {
        // SAFETY: the name ends with a NUL, and lives as long as the entry, which is longer than
        // anybody here looks at it.
        unsafe { CStr::from_ptr(self.name_start()) }
    }

    /// Gives it a name, not longer than the one that it was made with; it may be a part of that.
    pub(super) fn rename(self, name: &[u8]) {
        let start = self.name_start().cast::<u8>();
        // SAFETY: the entry has room for the name and its NUL.
        unsafe { name.as_ptr().copy_to(start, name.len()) };
        // SAFETY: as above.
        unsafe { start.wrapping_add(name.len()).write(0) };
        self.name_length.set(short(name.len()));
    }

    /// Keeps what was learned of it, where the caller wants to see that.
    pub(super) fn keep(self, stat: &libc::stat) {
        if let Some(place) = NonNull::new(self.stat.get()) {
            // SAFETY: the structure behind the name, which `new` made room for.
            unsafe { place.write(*stat) };
        }
    }

    pub(super) fn is(self, info: c_ushort) -> bool {
        self.info.get() == info
    }

    pub(super) fn has(self, flag: c_ushort) -> bool {
        self.flags.get() & flag != 0
    }

    pub(super) fn mark(self, flag: c_ushort) {
        self.flags.set(self.flags.get() | flag);
    }

    pub(super) fn above(self) -> Option<Self> {
        // SAFETY: an entry's directory lives as long as the entry.
        unsafe { Self::at(self.parent.get()) }
    }

    pub(super) fn following(self) -> Option<Self> {
        // SAFETY: a list lives as a whole.
        unsafe { Self::at(self.link.get()) }
    }

    /// It and all that follow it in its directory.
    pub(super) fn list(self) -> impl Iterator<Item = Self> {
        core::iter::successors(Some(self), |node| node.following())
    }

    pub(super) fn free(self, next: &Next) {
        heap::free(next, self.entry().cast());
    }

    /// Frees it and all that follow it.
    pub(super) fn free_list(self, next: &Next) {
        let mut rest = Some(self);
        while let Some(node) = rest {
            rest = node.following();
            node.free(next);
        }
    }
}

/// The pointer to an entry, or to none.
pub(super) fn pointer(node: Option<Node>) -> *mut Entry {
    node.map_or(null_mut(), Node::entry)
}

/// A length as the structures have it; none is longer, as `room` sees to.
pub(super) fn short(length: usize) -> c_ushort {
    c_ushort::try_from(length).unwrap_or(c_ushort::MAX)
}

impl Stream {
    pub(super) fn has(&self, option: c_int) -> bool {
        self.options.get() & option != 0
    }

    pub(super) fn set(&self, option: c_int) {
        self.options.set(self.options.get() | option);
    }

    pub(super) fn clear(&self, option: c_int) {
        self.options.set(self.options.get() & !option);
    }

    pub(super) fn current(&self) -> Option<Node> {
        // SAFETY: the walk's own entry.
        unsafe { Node::at(self.current.get()) }
    }

    /// The children that were read, which are the walk's no more.
    pub(super) fn take_child(&self) -> Option<Node> {
        // SAFETY: the walk's own entries.
        unsafe { Node::at(self.child.replace(null_mut())) }
    }

    pub(super) fn child(&self) -> Option<Node> {
        // SAFETY: the walk's own entries.
        unsafe { Node::at(self.child.get()) }
    }

    pub(super) fn room(&self) -> usize {
        usize::try_from(self.room.get()).unwrap_or(0)
    }

    /// Makes the path longer by as many bytes and some.
    ///
    /// # Errors
    /// ENAMETOOLONG for a path that the structures have no number for, ENOMEM.
    pub(super) fn make_room(&self, next: &Next, more: usize) -> Answer<()> {
        let room = self.room().saturating_add(more).saturating_add(256);
        let old = self.path.replace(null_mut());
        let made = c_int::try_from(room).ok().filter(|_| room < usize::from(c_ushort::MAX));
        let Some(made) = made else {
            heap::free(next, old.cast());
            return Err(Errno::ENAMETOOLONG);
        };
        // SAFETY: libc's own allocator, which gave the walk its path, or null.
        let path = unsafe { (next.realloc)(old.cast(), room) };
        if path.is_null() {
            heap::free(next, old.cast());
            return Err(Errno::ENOMEM);
        }
        self.path.set(path.cast());
        self.room.set(made);
        Ok(())
    }

    /// Writes into the path, with a NUL behind; what does not fit is left out.
    pub(super) fn write(&self, from: usize, text: &[u8]) {
        let end = from.saturating_add(text.len());
        let start = self.path.get().cast::<u8>();
        if start.is_null() || end >= self.room() {
            return;
        }
        // SAFETY: the path has room for all of it, as was looked at just now.
        unsafe { text.as_ptr().copy_to(start.wrapping_add(from), text.len()) };
        // SAFETY: as above, and for one byte more.
        unsafe { start.wrapping_add(end).write(0) };
    }

    /// The byte of the path before this place.
    pub(super) fn byte_before(&self, place: usize) -> Option<u8> {
        let place = place.checked_sub(1).filter(|place| *place < self.room())?;
        let start = NonNull::new(self.path.get().cast::<u8>())?;
        // SAFETY: it lies in the path's memory.
        Some(unsafe { start.as_ptr().wrapping_add(place).read() })
    }
}
