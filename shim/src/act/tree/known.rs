//! The directories that a walk has been in.

#![expect(unsafe_code, reason = "a tree of libc's, and its memory")]

use core::ffi::{c_int, c_void};

use crate::act::heap;
use crate::interpose::Next;
use crate::sys::{Answer, Errno};

/// The directories that were visited, by device and inode: a walk that follows links may meet one
/// again.
pub(super) struct Known {
    root: *mut c_void,
    next: &'static Next,
}

#[derive(Clone, Copy)]
struct Object {
    inode: libc::ino_t,
    device: libc::dev_t,
}

unsafe extern "C" fn order(one: *const c_void, other: *const c_void) -> c_int {
    // SAFETY: only objects are put into the tree and looked for in it.
    let one = unsafe { one.cast::<Object>().read() };
    // SAFETY: as above.
    let other = unsafe { other.cast::<Object>().read() };
    (one.inode, one.device).cmp(&(other.inode, other.device)) as c_int
}

impl Known {
    pub(super) const fn new(next: &'static Next) -> Self {
        Self { root: core::ptr::null_mut(), next }
    }

    pub(super) fn has(&self, stat: &libc::stat) -> bool {
        let object = Object { inode: stat.st_ino, device: stat.st_dev };
        let object = core::ptr::from_ref(&object).cast();
        // SAFETY: a tree of objects, which is not changed.
        !unsafe { (self.next.tfind)(object, &raw const self.root, order) }.is_null()
    }

    pub(super) fn add(&mut self, stat: &libc::stat) -> Answer<()> {
        // SAFETY: libc's own allocator.
        let object = unsafe { (self.next.malloc)(size_of::<Object>()) };
        if object.is_null() {
            return Err(Errno::ENOMEM);
        }
        let content = Object { inode: stat.st_ino, device: stat.st_dev };
        // SAFETY: memory of that size, aligned as malloc does.
        unsafe { object.cast::<Object>().write(content) };
        // SAFETY: a tree of objects, which owns each from now on.
        if unsafe { (self.next.tsearch)(object, &raw mut self.root, order) }.is_null() {
            heap::free(self.next, object);
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        // SAFETY: a tree of objects that libc's allocator gave, and libc's own way to free them.
        unsafe { (self.next.tdestroy)(self.root, self.next.free) };
    }
}
