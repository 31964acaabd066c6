//! The memory that holds what arming keeps, sealed once all of it is there.

#![expect(unsafe_code, reason = "lays the state and its texts out in a mapping of its own")]

use core::ffi::CStr;

use super::State;
use super::fault::{Fault, no_memory};
use crate::sys;

/// The one mapping that holds what is kept: the state, and the texts behind it. One, since each costs
/// every process a page.
pub(super) struct Store {
    start: *mut u8,
    size: usize,
    used: usize,
}

impl Store {
    /// A store for the state and `texts` bytes.
    pub(super) fn map(texts: usize) -> Result<Self, Fault> {
        let used = size_of::<State>();
        let size = used.saturating_add(texts);
        let start = sys::map_memory(size).map_err(|_| no_memory())?;
        Ok(Self { start, size, used })
    }

    /// `NAME=` and the parts, as a text that lives as long as the process.
    pub(super) fn assignment(
        &mut self,
        name: &[u8],
        value: [&[u8]; 3],
    ) -> Result<&'static CStr, Fault> {
        let parts = || [name, b"="].into_iter().chain(value);
        let length = parts().map(<[u8]>::len).fold(1_usize, usize::saturating_add);
        let end = self.used.saturating_add(length);
        if end > self.size {
            return Err(no_memory());
        }
        let place = self.start.wrapping_add(self.used);
        self.used = end;
        // SAFETY: a part of the mapping that nobody else was given, cleared by the kernel.
        let bytes = unsafe { core::slice::from_raw_parts_mut(place, length) };
        for (to, from) in bytes.iter_mut().zip(parts().flatten()) {
            *to = *from;
        }
        // SAFETY: the same bytes, which nobody writes from here on and nobody unmaps.
        let bytes = unsafe { core::slice::from_raw_parts(place, length) };
        CStr::from_bytes_until_nul(bytes).map_err(|_| no_memory())
    }

    /// Puts the state at the beginning, and lets nobody write any of it any more.
    pub(super) fn keep(self, state: State) -> Result<&'static State, Fault> {
        let place = self.start.cast::<State>();
        // SAFETY: page-aligned, and at least that large.
        unsafe { place.write(state) };
        // SAFETY: a mapping of `map_memory`'s that was written for the last time.
        unsafe { sys::seal(self.start, self.size) }.map_err(|_| no_memory())?;
        // SAFETY: initialised, never unmapped, never written again.
        Ok(unsafe { &*place })
    }
}
