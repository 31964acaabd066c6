//! The names of subjects, for messages: each is kept once, by a number.
//!
//! Verdicts do not depend on this table. When it is full, further subjects are refused as before
//! and share number 0, "code of a script".

#![expect(unsafe_code, reason = "a mapping that several threads write, each its own part")]

use core::sync::atomic::{AtomicU64, Ordering};

use super::marks::Standing;
use crate::sys::{self, Answer};

/// The bits of a name's number.
pub(super) const BITS: u32 = 12;
/// The places for names; a number is a place.
const PLACES: usize = 1 << BITS;
/// The last place.
const LAST: u64 = PLACES as u64 - 1;
/// The bytes for their texts.
const TEXTS: usize = 512 * 1024;
/// The most bytes kept of a name.
const LONGEST: usize = 400;

/// What a place says: where the text begins, plus one; its length; how it came by its name.
const LENGTH: u32 = 32;
const STANDING: u32 = 48;

/// The table. All zeros is an empty one.
#[repr(C)]
pub(crate) struct Names {
    /// For each place: 0, or an entry.
    places: [AtomicU64; PLACES],
    used: AtomicU64,
    texts: [AtomicU64; TEXTS / 8],
}

/// A subject, for a message.
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) standing: Standing,
}

impl Names {
    /// An empty table, which lives as long as the process.
    pub(crate) fn map() -> Answer<&'static Self> {
        let start = sys::map_memory(size_of::<Self>())?;
        // SAFETY: a fresh mapping of that size, page-aligned, never unmapped; all of it is atomics,
        // for which zeros are valid.
        Ok(unsafe { &*start.cast::<Self>() })
    }

    /// The number of a name, which is put there if it is new.
    pub(crate) fn number(&self, name: &[u8], standing: Standing) -> u32 {
        let name = name.get(..LONGEST.min(name.len())).unwrap_or_default();
        let standing = pack(standing);
        let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        for step in 0..32_u64 {
            // Place 0 stays free: it is the number of those that are not in the table.
            let place = (hash.wrapping_add(step) % LAST).wrapping_add(1);
            let Some(slot) = self.places.get(usize::try_from(place).unwrap_or(0)) else { continue };
            let mut entry = slot.load(Ordering::Acquire);
            if entry == 0 {
                let Some(start) = self.keep(name) else { return 0 };
                let new =
                    start.saturating_add(1) | (name.len() as u64) << LENGTH | standing << STANDING;
                match slot.compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return u32::try_from(place).unwrap_or(0),
                    Err(now) => entry = now,
                }
            }
            if entry >> STANDING == standing && self.text(entry) == name {
                return u32::try_from(place).unwrap_or(0);
            }
        }
        0
    }

    /// Copies a text into the table; where it begins.
    fn keep(&self, text: &[u8]) -> Option<u64> {
        let words = text.len().div_ceil(8);
        let start = self.used.fetch_add(words as u64, Ordering::Relaxed);
        let place = usize::try_from(start).ok()?;
        let room = self.texts.get(place..place.checked_add(words)?)?;
        for (to, from) in room.iter().zip(text.chunks(8)) {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            to.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
        start.checked_mul(8)
    }

    /// The text of an entry; it was written before the entry was, and never changes.
    fn text(&self, entry: u64) -> &[u8] {
        let start = (entry & 0xffff_ffff).saturating_sub(1);
        let length = entry >> LENGTH & 0xffff;
        let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else {
            return &[];
        };
        // SAFETY: a part of the mapping that was written for good before the entry was published
        // (Acquire), by whoever took it with `keep`; the bounds are checked below.
        let all = unsafe { core::slice::from_raw_parts(self.texts.as_ptr().cast::<u8>(), TEXTS) };
        all.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// The subject with that number.
    pub(crate) fn subject(&self, number: u32) -> Subject<'_> {
        let entry = self.places.get(number as usize).map_or(0, |slot| slot.load(Ordering::Acquire));
        if number == 0 || entry == 0 {
            return Subject { name: b"code of a script", standing: Standing::Nobody };
        }
        Subject { name: self.text(entry), standing: unpack(entry >> STANDING) }
    }
}

const fn pack(standing: Standing) -> u64 {
    match standing {
        Standing::Nobody => 0,
        Standing::Claimed => 1,
        Standing::Library => 2,
        Standing::Verified => 3,
    }
}

const fn unpack(word: u64) -> Standing {
    match word {
        1 => Standing::Claimed,
        2 => Standing::Library,
        3 => Standing::Verified,
        _ => Standing::Nobody,
    }
}
