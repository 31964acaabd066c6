//! Whether the fence is at work on the calling thread: what it calls then is not judged.
//!
//! A word of the thread's own, behind its lineage: reading it takes no call, and there is nothing to
//! destroy.

#![expect(unsafe_code, reason = "a variable of the thread's own")]

use core::cell::Cell;

use crate::sys;

fn busy() -> &'static Cell<u64> {
    let place = sys::lineage().wrapping_add(1).cast::<Cell<u64>>();
    // SAFETY: the third word of the thread's own, zero at first and used by nothing else. The
    // reference does not leave this thread: a `Cell` is not `Sync`.
    unsafe { &*place }
}

/// The fence is at work on this thread until this is dropped.
pub(crate) struct Busy(());

impl Busy {
    /// `None` when it is at work already: the call is one of its own.
    pub(crate) fn begin() -> Option<Self> {
        (busy().replace(1) == 0).then_some(Self(()))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        busy().set(0);
    }
}
