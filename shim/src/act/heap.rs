//! Memory for the walkers, whose results are libc's to free: libc's own allocator, and lists in it.
//!
//! No other hook allocates. These stand in for functions of libc that allocate too, so whoever may
//! call them may allocate.

#![expect(unsafe_code, reason = "memory of libc's allocator")]

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::interpose::Next;
use crate::sys::{Answer, Errno};

/// A list that grows; it is freed when it is dropped.
pub(crate) struct List<T: Copy> {
    start: *mut T,
    length: usize,
    room: usize,
    next: &'static Next,
}

impl<T: Copy> List<T> {
    /// An empty list, which holds no memory.
    pub(crate) const fn new(next: &'static Next) -> Self {
        Self { start: core::ptr::null_mut(), length: 0, room: 0, next }
    }

    /// What is in it.
    pub(crate) fn items(&self) -> &[T] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: `length` items were written, in memory that is ours until `self` ends.
        unsafe { core::slice::from_raw_parts(self.start, self.length) }
    }

    /// The same, to be changed.
    pub(crate) fn items_mut(&mut self) -> &mut [T] {
        if self.start.is_null() {
            return &mut [];
        }
        // SAFETY: as for `items`, and nobody else looks at it meanwhile.
        unsafe { core::slice::from_raw_parts_mut(self.start, self.length) }
    }

    /// The number of items.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Forgets all items behind the first `length`.
    pub(crate) fn cut(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Puts an item at the end.
    ///
    /// # Errors
    /// ENOMEM.
    pub(crate) fn push(&mut self, item: T) -> Answer<()> {
        if self.length == self.room {
            self.grow()?;
        }
        // SAFETY: there is room for one more item behind the last.
        unsafe { self.start.wrapping_add(self.length).write(item) };
        self.length = self.length.saturating_add(1);
        Ok(())
    }

    /// Puts items at the end.
    ///
    /// # Errors
    /// ENOMEM.
    pub(crate) fn append(&mut self, items: &[T]) -> Answer<()> {
        items.iter().try_for_each(|item| self.push(*item))
    }

    /// Hands the memory out, for the caller of the hook to free; null when nothing was put in.
    pub(crate) fn release(mut self) -> *mut T {
        core::mem::replace(&mut self.start, core::ptr::null_mut())
    }

    fn grow(&mut self) -> Answer<()> {
        let room = self.room.saturating_mul(2).max(16);
        let size = room.checked_mul(size_of::<T>()).ok_or(Errno::ENOMEM)?;
        // SAFETY: libc's own allocator, which gave us the memory, or null.
        let start = unsafe { (self.next.realloc)(self.start.cast(), size) };
        if start.is_null() {
            return Err(Errno::ENOMEM);
        }
        self.start = start.cast();
        self.room = room;
        Ok(())
    }
}

impl<T: Copy> Drop for List<T> {
    fn drop(&mut self) {
        free(self.next, self.start.cast());
    }
}

/// Memory of libc's allocator, all zeros, aligned for any type of C's.
///
/// # Errors
/// ENOMEM.
pub(crate) fn zeroed(next: &Next, size: usize) -> Answer<NonNull<c_void>> {
    // SAFETY: libc's own allocator.
    let memory = NonNull::new(unsafe { (next.malloc)(size) }).ok_or(Errno::ENOMEM)?;
    // SAFETY: memory of that size, which nobody else has yet.
    unsafe { memory.cast::<u8>().write_bytes(0, size) };
    Ok(memory)
}

/// Gives memory of libc's allocator back; null is none.
pub(crate) fn free(next: &Next, memory: *mut c_void) {
    // SAFETY: libc's own allocator gave it to us, and nobody has it any more.
    unsafe { (next.free)(memory) };
}
