//! Sets of subjects, each one word: what a thread inherits.
//!
//! A subject is kept by the beginning of its name that the policy tells from others: the longest
//! that any list has, else the top-level package. So there are few, and few sets of them. Each set
//! is kept once, as one subject more than a smaller set, the subjects in the order of their numbers;
//! equal sets are the same word. Of a set that no place is left for it is known that it is lost.

#![expect(unsafe_code, reason = "a mapping that several threads write, each its own part")]

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::jvm::{Names, Standing};
use crate::sys::{self, Answer};

/// The places for sets; a set's number is its place, and 0 the empty set.
const PLACES: usize = 4096;
/// The last place.
const LAST: u64 = PLACES as u64 - 1;

/// The places that one set is looked for in.
const TRIED: u64 = 64;

/// The names and the sets of them, for the life of the process.
pub(super) struct Table {
    names: &'static Names,
    sets: &'static Sets,
}

/// For each place 0, or a smaller set and a name.
#[repr(C)]
struct Sets([AtomicU64; PLACES]);

static NAMES: AtomicPtr<Names> = AtomicPtr::new(null_mut());
static SETS: AtomicPtr<Sets> = AtomicPtr::new(null_mut());

impl Table {
    /// Maps it, once.
    pub(super) fn map() -> Answer<Self> {
        if let Some(table) = Self::get() {
            return Ok(table);
        }
        let names = core::ptr::from_ref(Names::map()?).cast_mut();
        let sets = sys::map_memory(size_of::<Sets>())?.cast::<Sets>();
        // Of two that were mapped at once the second is left unused.
        let _ = NAMES.compare_exchange(null_mut(), names, Ordering::AcqRel, Ordering::Acquire);
        let _ = SETS.compare_exchange(null_mut(), sets, Ordering::AcqRel, Ordering::Acquire);
        Self::get().ok_or(sys::Errno::ENOMEM)
    }

    /// It, where there was an interpreter.
    pub(super) fn get() -> Option<Self> {
        // SAFETY: null, or a mapping that lives as long as the process, of atomics that are valid
        // as zeros.
        let names = unsafe { NAMES.load(Ordering::Acquire).as_ref() }?;
        // SAFETY: as above.
        let sets = unsafe { SETS.load(Ordering::Acquire).as_ref() }?;
        Some(Self { names, sets })
    }
}

/// A set of subjects, and whether code of nobody who is known is among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Set(usize);

/// Code of nobody who is known.
const NOBODY: usize = 1 << 32;
/// Subjects that no place was left for.
const LOST: usize = 1 << 33;

impl Set {
    /// As the lineage of a thread has it.
    pub(super) const fn word(self) -> usize {
        self.0
    }

    pub(super) const fn from_word(word: usize) -> Self {
        Self(word)
    }

    pub(super) const fn has_nobody(self) -> bool {
        self.0 & NOBODY != 0
    }

    /// Whether there were subjects whose names are not known any more.
    pub(super) const fn has_lost(self) -> bool {
        self.0 & LOST != 0
    }

    /// The names of its subjects.
    pub(super) fn names(self) -> impl Iterator<Item = &'static [u8]> {
        let table = Table::get();
        let mut place = self.0 as u64 & LAST;
        core::iter::from_fn(move || {
            let table = table.as_ref()?;
            let (rest, name) = table.sets.member(place)?;
            place = rest;
            Some(table.names.subject(name).name)
        })
    }
}

impl Sets {
    /// The smaller set and the name that a set is made of; `None` for the empty set.
    fn member(&self, place: u64) -> Option<(u64, u32)> {
        let entry = self.0.get(usize::try_from(place).ok()?)?.load(Ordering::Acquire);
        #[expect(clippy::cast_possible_truncation, reason = "the low half is a name's number")]
        let name = entry as u32;
        (place != 0 && entry != 0).then_some((entry >> 32, name))
    }

    /// The set with one name more.
    fn with(&self, rest: u64, name: u32) -> Option<u64> {
        let wanted = rest << 32 | u64::from(name);
        let hash = wanted.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (0..TRIED).find_map(|step| {
            let place = (hash.wrapping_add(step) % LAST).wrapping_add(1);
            let slot = self.0.get(usize::try_from(place).ok()?)?;
            let free = slot.compare_exchange(0, wanted, Ordering::AcqRel, Ordering::Acquire);
            (free.is_ok() || free == Err(wanted)).then_some(place)
        })
    }
}

/// More subjects than a stack was seen to have.
const MOST: usize = 64;

/// Subjects while they are gathered.
pub(super) struct Gathered {
    /// Their numbers, in order.
    numbers: [u32; MOST],
    count: usize,
    /// Whether nobody's code is among them.
    nobody: bool,
    /// Whether there were more than fit.
    lost: bool,
}

impl Gathered {
    pub(super) const NONE: Self = Self { numbers: [0; MOST], count: 0, nobody: false, lost: false };

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && !self.nobody && !self.lost
    }

    pub(super) const fn has_nobody(&self) -> bool {
        self.nobody
    }

    pub(super) fn add_nobody(&mut self) {
        self.nobody = true;
    }

    pub(super) fn add_lost(&mut self) {
        self.lost = true;
    }

    /// Adds a subject.
    pub(super) fn add(&mut self, name: &[u8]) {
        let number = Table::get().map_or(0, |table| table.names.number(name, Standing::Claimed));
        if number == 0 || !self.insert(number) {
            self.lost = true;
        }
    }

    fn insert(&mut self, number: u32) -> bool {
        let used = self.numbers.get(..self.count).unwrap_or_default();
        let Err(place) = used.binary_search(&number) else { return true };
        let end = self.count.saturating_add(1);
        let Some(moved) = self.numbers.get_mut(place..end) else { return false };
        moved.rotate_right(1);
        if let Some(first) = moved.first_mut() {
            *first = number;
        }
        self.count = end;
        true
    }

    /// The set of them.
    pub(super) fn set(&self) -> Set {
        let nobody = if self.nobody { NOBODY } else { 0 } | if self.lost { LOST } else { 0 };
        let used = self.numbers.get(..self.count).unwrap_or_default();
        let place = used.iter().try_fold(0, |rest, name| Table::get()?.sets.with(rest, *name));
        match place.and_then(|place| usize::try_from(place).ok()) {
            Some(place) => Set(place | nobody),
            None => Set(nobody | LOST),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::expect_used,
    reason = "a test"
)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Set {
        Table::map().expect("memory");
        let mut gathered = Gathered::NONE;
        names.iter().for_each(|name| gathered.add(name.as_bytes()));
        gathered.set()
    }

    #[test]
    fn equal_sets_are_one_word_whatever_the_order() {
        let word = set(&["a", "b", "c"]);
        assert_eq!(set(&["c", "a", "b", "a"]), word);
        assert_ne!(set(&["a", "b"]), word);
        let mut names: Vec<&[u8]> = Set::from_word(word.word()).names().collect();
        names.sort_unstable();
        assert_eq!(names, [b"a", b"b", b"c"]);
        assert_eq!(set(&[]), Set::default());
        assert!(!word.has_nobody());
    }

    #[test]
    fn more_than_fit_are_lost() {
        let names: Vec<String> = (0..=MOST).map(|number| format!("package{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (_, but_one) = names.split_first().expect("there are some");
        assert!(!set(but_one).has_lost());
        assert!(set(&names).has_lost() && !set(&names).has_nobody());
        assert_eq!(set(but_one).names().count(), MOST);
    }

    #[test]
    fn nobody_is_kept_beside_the_others() {
        let mut gathered = Gathered::NONE;
        assert!(gathered.is_empty());
        gathered.add_nobody();
        assert!(!gathered.is_empty());
        assert!(gathered.set().has_nobody());
        assert_eq!(gathered.set().names().count(), 0);
    }
}
