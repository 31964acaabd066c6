//! What was found out about methods, by their numbers.
//!
//! The machine gives a method a number and, up to the newest, never gives that number to another.
//! Scripts make methods for ever, so the table forgets: a method that is not in it is looked at
//! again. Each entry is two words that several threads may write at once; one that was written by
//! two does not fit together, and counts as not there.

#![expect(unsafe_code, reason = "a mapping that several threads write")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::jni::Method;
use super::kinds::Info;
use crate::sys::{self, Answer};

/// The bits of a place's number. Some ten thousand methods are on the stacks of a large program.
const BITS: u32 = 15;
const PLACES: usize = 1 << BITS;

/// All zeros is an empty one.
#[repr(C)]
pub(crate) struct Methods {
    places: [Entry; PLACES],
}

#[repr(C)]
struct Entry {
    /// The method's number, exclusive or what is known.
    key: AtomicU64,
    known: AtomicU64,
}

impl Methods {
    /// An empty table, which lives as long as the process.
    pub(crate) fn map() -> Answer<&'static Self> {
        let start = sys::map_memory(size_of::<Self>())?;
        // SAFETY: a fresh mapping of that size, page-aligned, never unmapped; all of it is atomics,
        // for which zeros are valid.
        Ok(unsafe { &*start.cast::<Self>() })
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> u64::BITS.wrapping_sub(BITS);
        self.places.get(usize::try_from(hash).ok()?)
    }

    /// What is known about a method.
    #[inline]
    pub(crate) fn find(&self, method: Method) -> Option<Info> {
        let number = method.0.as_ptr().addr() as u64;
        let entry = self.entry(number)?;
        let known = entry.known.load(Ordering::Relaxed);
        // What is known is never 0: a class has a kind.
        let fits = known != 0 && entry.key.load(Ordering::Relaxed) ^ known == number;
        fits.then(|| Info::from_word(known))
    }

    pub(crate) fn keep(&self, method: Method, info: Info) {
        let number = method.0.as_ptr().addr() as u64;
        let Some(entry) = self.entry(number) else { return };
        entry.key.store(number ^ info.word(), Ordering::Relaxed);
        entry.known.store(info.word(), Ordering::Relaxed);
    }
}
