//! The classes that are being defined at this moment by somebody whose marks they will carry.
//!
//! The machine shows a new class to all threads before it hands it to us to be marked. What is
//! looked at meanwhile, and bears the name of a class that is being defined, is nobody's.

#![expect(unsafe_code, reason = "a mapping that several threads write")]

use core::sync::atomic::{AtomicU64, Ordering};

use crate::sys::{self, Answer};

/// The definitions at one moment that are told apart: as many as threads define classes.
const PLACES: usize = 256;

/// All zeros: nobody defines anything.
#[repr(C)]
pub(crate) struct Defining {
    places: [AtomicU64; PLACES],
    /// The definitions for which there was no place.
    others: AtomicU64,
}

/// One definition; it is over when this is dropped.
pub(crate) struct Definition<'a>(&'a AtomicU64, u64);

impl Drop for Definition<'_> {
    fn drop(&mut self) {
        // `others` is counted down, a place is cleared: both subtract what was added.
        self.0.fetch_sub(self.1, Ordering::AcqRel);
    }
}

impl Defining {
    pub(crate) fn map() -> Answer<&'static Self> {
        let start = sys::map_memory(size_of::<Self>())?;
        // SAFETY: a fresh mapping of that size, page-aligned, never unmapped; all of it is atomics,
        // for which zeros are valid.
        Ok(unsafe { &*start.cast::<Self>() })
    }

    /// A class of that name, with dots or slashes, is about to be defined.
    pub(crate) fn begin(&self, name: &[u8]) -> Definition<'_> {
        let hash = hash(name);
        for place in &self.places {
            if place.compare_exchange(0, hash, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return Definition(place, hash);
            }
        }
        self.others.fetch_add(1, Ordering::AcqRel);
        Definition(&self.others, 1)
    }

    /// Whether a class of that name may be one that is being defined.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        let hash = hash(name);
        self.others.load(Ordering::Acquire) > 0
            || self.places.iter().any(|place| place.load(Ordering::Acquire) == hash)
    }
}

/// Never 0; a slash is a dot, and what the machine puts behind a hidden class's name is left out.
fn hash(name: &[u8]) -> u64 {
    let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        let byte = if *byte == b'/' { b'.' } else { *byte };
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash | 1
}

#[cfg(test)]
#[expect(clippy::disallowed_types, clippy::expect_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_seen_until_it_is_over() {
        let defining = Defining::map().expect("there is memory");
        let definition = defining.begin(b"a/b/C");
        assert!(defining.has(b"a.b.C") && !defining.has(b"a.b.D"));
        drop(definition);
        assert!(!defining.has(b"a.b.C"));
    }

    #[test]
    fn with_more_definitions_than_places_every_class_may_be_one() {
        let defining = Defining::map().expect("there is memory");
        let many: Vec<_> = (0..=PLACES).map(|_| defining.begin(b"a.B")).collect();
        assert!(defining.has(b"another.One"));
        drop(many);
        assert!(!defining.has(b"another.One") && !defining.has(b"a.B"));
    }
}
