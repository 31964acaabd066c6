//! What was found out about mappings: a table that many threads read and write without a lock.
//!
//! Each entry is written once in a generation, by the one that takes it, and read only where its
//! stamp is that of the present generation, before and after. So a reader sees a whole entry or
//! none. When the table is full, what is not in it is found out each time.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use super::{Caller, Code, Part, Verdict};

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
    object: AtomicUsize,
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
    pub(super) fn find(&self, address: usize) -> Option<Code> {
        let wanted = stamp(self.generation());
        for entry in &self.entries {
            let found = entry.stamp.load(Ordering::Acquire);
            // They are taken in order.
            if found == 0 {
                return None;
            }
            let [start, end] = [&entry.start, &entry.end].map(|word| word.load(Ordering::Relaxed));
            let words = [&entry.object, &entry.kind, &entry.threads, &entry.processes]
                .map(|word| word.load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            let is_whole = found == wanted && entry.stamp.load(Ordering::Relaxed) == wanted;
            if is_whole && (start..end).contains(&address) {
                return code(start..end, words);
            }
        }
        None
    }

    /// Keeps what was found out in a generation, where there is room.
    pub(super) fn keep(&self, generation: u64, code: &Code) {
        let Some(words) = words(code) else { return };
        let new = stamp(generation);
        let Some(entry) = self.entries.iter().find(|entry| entry.take(new)) else { return };
        entry.start.store(code.range.start, Ordering::Relaxed);
        entry.end.store(code.range.end, Ordering::Relaxed);
        let places = [&entry.object, &entry.kind, &entry.threads, &entry.processes];
        for (place, word) in places.into_iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
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

/// What stands in the word of a kind beside who calls.
const EXPORTED: usize = 1 << 4;
const INNER: usize = 1 << 5;
const PROGRAM: usize = 1 << 6;

/// The object, the kind and the two verdicts.
fn words(code: &Code) -> Option<[usize; 4]> {
    let (kind, threads, processes) = match code.caller {
        Caller::Runtime => (1, 0, 0),
        Caller::Jvm => (2, 0, 0),
        Caller::Object { threads, processes } => (3, threads.word(), processes.word()),
        // Nothing says when other code gets there.
        Caller::Nobody => return None,
    };
    let part = match code.part {
        Part::Whole => 0,
        Part::Exported => EXPORTED,
        Part::Inner => INNER,
    };
    let program = if code.is_program { PROGRAM } else { 0 };
    Some([code.object, kind | part | program, threads, processes])
}

const fn code(range: Range<usize>, words: [usize; 4]) -> Option<Code> {
    let [object, kind, threads, processes] = words;
    let caller = match kind & !(EXPORTED | INNER | PROGRAM) {
        1 => Caller::Runtime,
        2 => Caller::Jvm,
        3 => Caller::Object {
            threads: Verdict::from_word(threads),
            processes: Verdict::from_word(processes),
        },
        _ => return None,
    };
    let part = match kind & (EXPORTED | INNER) {
        0 => Part::Whole,
        EXPORTED => Part::Exported,
        _ => Part::Inner,
    };
    Some(Code { range, object, caller, part, is_program: kind & PROGRAM != 0 })
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
        known.find(address).map(|code| code.caller)
    }

    fn of(range: Range<usize>, caller: Caller) -> Code {
        Code { range, object: 4, caller, part: Part::Whole, is_program: false }
    }

    fn object(word: usize) -> Caller {
        let verdict = Verdict::from_word(word);
        Caller::Object { threads: verdict, processes: verdict }
    }

    #[test]
    fn a_mapping_is_known_until_it_is_forgotten() {
        let known = table();
        assert_eq!(who(&known, 5), None);
        known.keep(known.generation(), &of(4..8, object(3)));
        known.keep(known.generation(), &of(8..9, Caller::Runtime));
        known.keep(known.generation(), &of(9..10, Caller::Nobody));
        assert_eq!(
            [3, 4, 7, 8, 9].map(|at| who(&known, at)),
            [None, Some(object(3)), Some(object(3)), Some(Caller::Runtime), None]
        );
        known.forget();
        assert_eq!(who(&known, 5), None);
        known.keep(known.generation(), &of(4..8, Caller::Jvm));
        assert_eq!(who(&known, 5), Some(Caller::Jvm));
    }

    #[test]
    fn all_that_is_known_of_a_function_is_kept() {
        let known = table();
        let parts = [Part::Whole, Part::Exported, Part::Inner];
        let kinds = parts.into_iter().flat_map(|part| [(part, false), (part, true)]);
        for (number, (part, is_program)) in kinds.enumerate() {
            let range = number..number + 1;
            let code = Code { range, object: 100 + number, caller: object(7), part, is_program };
            known.keep(known.generation(), &code);
            assert_eq!(known.find(number), Some(code));
        }
    }

    #[test]
    fn what_was_found_out_before_a_library_was_closed_is_not_believed() {
        let known = table();
        let before = known.generation();
        known.forget();
        known.keep(before, &of(4..8, object(3)));
        assert_eq!(who(&known, 5), None);
    }

    #[test]
    fn a_full_table_keeps_what_it_has() {
        let known = table();
        for number in 0..ENTRIES * 2 {
            known.keep(known.generation(), &of(number..number + 1, object(number)));
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
                    known.keep(known.generation(), &of(at..at + 1, object(at + 1)));
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
