//! The directories that a walk is in, from the start down.

#![expect(unsafe_code, reason = "libc's directory streams")]

use core::ffi::{CStr, c_int};

use crate::act::heap::{self, List};
use crate::arm::State;
use crate::interpose::Next;
use crate::sys::{self, Answer};

/// One directory.
#[derive(Clone, Copy)]
pub(super) struct Level {
    /// Null once the rest of the names was read for want of descriptors.
    stream: *mut libc::DIR,
    /// Those names, each with its NUL, and their number of bytes; null while the stream is open.
    names: *mut u8,
    length: usize,
    /// How many of those bytes are done.
    done: usize,
    stat: libc::stat,
    /// Where the directory's own name begins in the path.
    base: c_int,
}

impl Level {
    pub(super) const fn new(stream: *mut libc::DIR, stat: libc::stat, base: c_int) -> Self {
        Self { stream, names: core::ptr::null_mut(), length: 0, done: 0, stat, base }
    }

    /// Its descriptor, if one is held.
    pub(super) fn descriptor(&self, state: &State) -> Option<c_int> {
        if self.stream.is_null() {
            return None;
        }
        // SAFETY: an open stream.
        Some(unsafe { (state.next.dirfd)(self.stream) })
    }

    pub(super) const fn stat(&self) -> &libc::stat {
        &self.stat
    }

    pub(super) const fn base(&self) -> c_int {
        self.base
    }

    /// Gives back what it holds; errno stays, which may be the visitor's.
    pub(super) fn close(&self, state: &State) {
        let errno = sys::errno();
        if !self.stream.is_null() {
            // SAFETY: an open stream, closed once: the level is not looked at any more.
            unsafe { (state.next.closedir)(self.stream) };
        }
        heap::free(&state.next, self.names.cast());
        sys::set_errno(errno);
    }

    /// The next name of a stream that was closed.
    fn take_name<'a>(&mut self) -> Option<&'a CStr> {
        if self.names.is_null() {
            return None;
        }
        // SAFETY: a list of that length, which lives until the level is closed.
        let names = unsafe { core::slice::from_raw_parts(self.names, self.length) };
        let name = CStr::from_bytes_until_nul(names.get(self.done..)?).ok()?;
        self.done = self.done.saturating_add(name.to_bytes_with_nul().len());
        Some(name)
    }
}

/// All of them; each keeps its descriptor while there are enough.
pub(super) struct Levels {
    list: List<Level>,
    /// The first that has its descriptor; so have all beneath it.
    first_open: usize,
    /// The most that are open at once.
    most: usize,
}

impl Levels {
    pub(super) const fn new(next: &'static Next, most: usize) -> Self {
        Self { list: List::new(next), first_open: 0, most }
    }

    /// One descriptor is held elsewhere.
    pub(super) fn hold_one_less(&mut self) {
        self.most = self.most.saturating_sub(1).max(1);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.length() == 0
    }

    /// The directory that the walk is in.
    pub(super) fn top(&self) -> Option<&Level> {
        self.list.items().last()
    }

    /// Reads the rest of the outermost open directory and closes it, if there are as many open as
    /// there may be.
    pub(super) fn make_room(&mut self, state: &'static State) -> Answer<()> {
        if self.list.length().saturating_sub(self.first_open) < self.most {
            return Ok(());
        }
        let Some(level) = self.list.items_mut().get_mut(self.first_open) else { return Ok(()) };
        let mut names = List::new(&state.next);
        while let Some(name) = read(state, level.stream) {
            names.append(name.to_bytes_with_nul())?;
        }
        // SAFETY: an open stream, closed once.
        unsafe { (state.next.closedir)(level.stream) };
        level.stream = core::ptr::null_mut();
        level.length = names.length();
        level.names = names.release();
        self.first_open = self.first_open.saturating_add(1);
        Ok(())
    }

    pub(super) fn push(&mut self, level: Level) -> Answer<()> {
        self.list.push(level)
    }

    /// Ends the innermost directory.
    pub(super) fn pop(&mut self, state: &State) -> Option<Level> {
        let level = *self.list.items().last()?;
        level.close(state);
        self.list.cut(self.list.length().saturating_sub(1));
        self.first_open = self.first_open.min(self.list.length());
        Some(level)
    }

    /// Puts the next name of the innermost directory at the end of the path, with its NUL; false
    /// at its end.
    pub(super) fn next_name(&mut self, state: &State, path: &mut List<u8>) -> Answer<bool> {
        let Some(level) = self.list.items_mut().last_mut() else { return Ok(false) };
        loop {
            let name =
                if level.stream.is_null() { level.take_name() } else { read(state, level.stream) };
            let Some(name) = name else { return Ok(false) };
            if !matches!(name.to_bytes(), b"." | b"..") {
                path.append(name.to_bytes_with_nul())?;
                return Ok(true);
            }
        }
    }
}

/// The next name of a stream; an error ends it, as in glibc.
fn read<'a>(state: &State, stream: *mut libc::DIR) -> Option<&'a CStr> {
    // SAFETY: an open stream.
    let entry = unsafe { (state.next.readdir)(stream) };
    if entry.is_null() {
        return None;
    }
    // SAFETY: an entry that the stream holds until the next read; only an address is taken.
    let name = unsafe { &raw const (*entry).d_name };
    // SAFETY: a name ends with a NUL.
    Some(unsafe { CStr::from_ptr(name.cast()) })
}
