//! Words of the calling thread's own, behind its lineage: reading them takes no call, and there is
//! nothing to destroy.
//!
//! One says whether the fence is at work on the thread: what it calls then is not judged. The other
//! says on whose behalf the last child was made, for that child.

#![expect(unsafe_code, reason = "a variable of the thread's own")]

use core::cell::Cell;

use super::marks::Marks;
use crate::sys;

fn words() -> &'static [Cell<u64>; 2] {
    let place = sys::lineage().wrapping_add(1).cast::<[Cell<u64>; 2]>();
    // SAFETY: the fourth and the fifth word of the thread's own, zero at first and used by nothing
    // else. The reference does not leave this thread: a `Cell` is not `Sync`.
    unsafe { &*place }
}

fn busy() -> &'static Cell<u64> {
    let [busy, _] = words();
    busy
}

fn child() -> &'static Cell<u64> {
    let [_, child] = words();
    child
}

/// In the second word: it says something.
const MADE: u64 = 1 << 63;

/// Notes on whose behalf the calling thread is about to make a child.
pub(super) fn note_child(marks: Marks) {
    child().set(MADE | u64::from(marks.word()));
}

/// On whose behalf the calling thread is, in a child; `None` where nobody noted it.
#[expect(clippy::cast_possible_truncation, reason = "the marks are the lower half")]
pub(super) fn made_for() -> Option<Marks> {
    let word = child().get();
    (word & MADE != 0).then(|| Marks::from_word(word as u32))
}

/// The fence is at work on this thread until this is dropped.
pub(crate) struct Busy(());

impl Busy {
    /// `None` when it is at work already: the call is one of its own.
    pub(crate) fn begin() -> Option<Self> {
        // Not `then_some`: what is not given would end the one that is there.
        (busy().replace(1) == 0).then(|| Self(()))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        busy().set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fence_is_at_work_until_the_first_is_done() {
        let first = Busy::begin();
        assert!(first.is_some());
        for _ in 0..2 {
            assert!(Busy::begin().is_none(), "asking does not end it");
        }
        drop(first);
        assert!(Busy::begin().is_some());
    }

    #[test]
    fn a_child_knows_for_whom_it_was_made() {
        assert_eq!(made_for(), None);
        for marks in [Marks::NONE, Marks::from_word(u32::MAX)] {
            note_child(marks);
            assert_eq!(made_for(), Some(marks));
        }
    }
}
