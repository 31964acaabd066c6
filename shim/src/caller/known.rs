//! What was found out about mappings: a table that many threads read and write without a lock.
//!
//! Each entry is written once in a generation, by the one that takes it, and read only where its
//! stamp is that of the present generation, before and after. So a reader sees a whole entry or
//! none. When the table is full, what is not in it is found out each time.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use super::{Caller, Verdict};

const ENTRIES: usize = 128;

/// The stamp of an entry that is being written. Those of generations are larger.
const TAKEN: u64 = 1;

/// All zeros is a table that knows nothing.
pub(super) struct Known {
    generation: AtomicU64,
    entries: [Entry; ENTRIES],
}

#[derive(Default)]
struct Entry {
    stamp: AtomicU64,
    start: AtomicUsize,
    end: AtomicUsize,
    kind: AtomicUsize,
    threads: AtomicUsize,
    processes: AtomicUsize,
}

impl Known {
    /// The present generation, to be asked before something is found out.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Begins a new generation: what was known is not any more.
    pub(super) fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// What is known about an address.
    #[inline]
    pub(super) fn find(&self, address: usize) -> Option<(Range<usize>, Caller)> {
        let wanted = stamp(self.generation());
        for entry in &self.entries {
            let found = entry.stamp.load(Ordering::Acquire);
            // They are taken in order.
            if found == 0 {
                return None;
            }
            let [start, end, kind, threads, processes] =
                [&entry.start, &entry.end, &entry.kind, &entry.threads, &entry.processes]
                    .map(|word| word.load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            let is_whole = found == wanted && entry.stamp.load(Ordering::Relaxed) == wanted;
            if is_whole && (start..end).contains(&address) {
                return Some((start..end, caller(kind, threads, processes)?));
            }
        }
        None
    }

    /// Keeps what was found out in a generation, where there is room.
    pub(super) fn keep(&self, generation: u64, range: Range<usize>, caller: Caller) {
        let Some([kind, threads, processes]) = words(caller) else { return };
        let new = stamp(generation);
        let Some(entry) = self.entries.iter().find(|entry| entry.take(new)) else { return };
        entry.start.store(range.start, Ordering::Relaxed);
        entry.end.store(range.end, Ordering::Relaxed);
        entry.kind.store(kind, Ordering::Relaxed);
        entry.threads.store(threads, Ordering::Relaxed);
        entry.processes.store(processes, Ordering::Relaxed);
        entry.stamp.store(new, Ordering::Release);
    }
}

impl Entry {
    /// Takes the entry, if it is free or of an older generation.
    fn take(&self, new: u64) -> bool {
        let found = self.stamp.load(Ordering::Relaxed);
        let is_free = found != TAKEN && found < new;
        let taken = is_free
            && self
                .stamp
                .compare_exchange(found, TAKEN, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        // What is written from here on is not seen before the stamp.
        fence(Ordering::Release);
        taken
    }
}

const fn stamp(generation: u64) -> u64 {
    generation.saturating_add(TAKEN).saturating_add(1)
}

fn words(caller: Caller) -> Option<[usize; 3]> {
    match caller {
        Caller::Runtime => Some([1, 0, 0]),
        Caller::Jvm => Some([2, 0, 0]),
        Caller::Object { threads, processes } => Some([3, threads.word(), processes.word()]),
        // Nothing says when other code gets there.
        Caller::Nobody => None,
    }
}

const fn caller(kind: usize, threads: usize, processes: usize) -> Option<Caller> {
    match kind {
        1 => Some(Caller::Runtime),
        2 => Some(Caller::Jvm),
        3 => Some(Caller::Object {
            threads: Verdict::from_word(threads),
            processes: Verdict::from_word(processes),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn table() -> Known {
        let entries = core::array::from_fn(|_| Entry::default());
        Known { generation: AtomicU64::new(0), entries }
    }

    fn who(known: &Known, address: usize) -> Option<Caller> {
        known.find(address).map(|(_, caller)| caller)
    }

    fn object(word: usize) -> Caller {
        let verdict = Verdict::from_word(word);
        Caller::Object { threads: verdict, processes: verdict }
    }

    #[test]
    fn a_mapping_is_known_until_it_is_forgotten() {
        let known = table();
        assert_eq!(who(&known, 5), None);
        known.keep(known.generation(), 4..8, object(3));
        known.keep(known.generation(), 8..9, Caller::Runtime);
        known.keep(known.generation(), 9..10, Caller::Nobody);
        assert_eq!(
            [3, 4, 7, 8, 9].map(|at| who(&known, at)),
            [None, Some(object(3)), Some(object(3)), Some(Caller::Runtime), None]
        );
        known.forget();
        assert_eq!(who(&known, 5), None);
        known.keep(known.generation(), 4..8, Caller::Jvm);
        assert_eq!(who(&known, 5), Some(Caller::Jvm));
    }

    #[test]
    fn what_was_found_out_before_a_library_was_closed_is_not_believed() {
        let known = table();
        let before = known.generation();
        known.forget();
        known.keep(before, 4..8, object(3));
        assert_eq!(who(&known, 5), None);
    }

    #[test]
    fn a_full_table_keeps_what_it_has() {
        let known = table();
        for number in 0..ENTRIES * 2 {
            known.keep(known.generation(), number..number + 1, object(number));
        }
        for number in 0..ENTRIES * 2 {
            let expected = (number < ENTRIES).then(|| object(number));
            assert_eq!(who(&known, number), expected, "{number}");
        }
    }

    /// A reader never sees the range of one mapping with the verdict of another.
    #[test]
    fn an_entry_is_seen_whole_while_others_write() {
        let known = table();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..20_000_usize {
                    let at = number % 1000;
                    known.keep(known.generation(), at..at + 1, object(at + 1));
                    if number % 7 == 0 {
                        known.forget();
                    }
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                for at in 0..1000 {
                    if let Some(found) = who(&known, at) {
                        assert_eq!(found, object(at + 1), "{at}");
                    }
                }
            }
        });
    }
}
