//! Lineage: on whose behalf a thread runs, which it has from the thread that created it.
//!
//! Three words of each thread, neutral until somebody says otherwise. They are thread-local by the
//! initial-exec model, since the library is there from the start: one load from the thread's own
//! block, no call, nothing allocated. A forked child has its creator's words, and so has a task of
//! clone(2) without a block of its own.
//!
//! A thread whose creator is neutral is created as if nobody looked. Otherwise its start routine,
//! argument and lineage wait in a slot, which the new thread frees first thing.

#![expect(unsafe_code, reason = "a thread-local word, and the entry of a new thread")]

use core::arch::naked_asm;
use core::ffi::c_int;
use core::ptr::from_ref;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ringfence_policy::Audiences;

use crate::sys;

/// On whose behalf a thread runs; all zeros for nobody's but the host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Lineage {
    /// The Java callers, as the JVM side of the shim numbers them.
    pub(crate) java: usize,
    /// What the rules say about the native caller that it descends from; see
    /// [`crate::caller::Verdict`].
    pub(crate) native: usize,
    /// The Python callers, as [`crate::python`] numbers sets of them.
    pub(crate) python: usize,
}

impl Lineage {
    /// Whether a thread runs for the host.
    #[inline]
    pub(crate) const fn is_neutral(self) -> bool {
        self.java | self.native | self.python == 0
    }

    /// What keeps a thread from exceptions for certain callers, by the native callers that it descends
    /// from.
    pub(crate) const fn bars(self) -> Bars {
        Bars(self.native >> BARS)
    }

    /// With these.
    pub(crate) const fn with_bars(self, bars: Bars) -> Self {
        Self { native: self.native & WITHOUT_BARS | bars.0 << BARS, ..self }
    }
}

/// Where the bars stand in the native word.
const BARS: u32 = 48;
/// The rest of that word.
pub(crate) const WITHOUT_BARS: usize = (1 << BARS) - 1;

/// That there are subjects, and the audiences that one of them is not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bars(usize);

impl Bars {
    /// No subject.
    pub(crate) const NONE: Self = Self(0);
    /// Subjects that are in no audience.
    pub(crate) const ALL: Self = Self::all_but(Audiences::NONE);
    const SOME: usize = 1 << 8;

    /// Subjects that are in all of these.
    pub(crate) const fn all_but(named: Audiences) -> Self {
        Self(Self::SOME | (!named.bits()) as usize)
    }

    /// Whether there is no subject.
    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Both.
    #[must_use]
    pub(crate) const fn join(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The audiences that all of them are in.
    pub(crate) const fn others(self) -> Audiences {
        let [barred, ..] = self.0.to_le_bytes();
        Audiences::from_bits(!barred)
    }
}

/// What was found out about the calling thread for something that it does on another stack; 0 for
/// nothing.
pub(crate) fn held() -> usize {
    // SAFETY: the thread's own word, which nobody else reads or writes.
    unsafe { sys::held().read() }
}

/// Puts another there, and answers what was there before.
pub(crate) fn hold(known: usize) -> usize {
    let before = held();
    // SAFETY: as above.
    unsafe { sys::held().write(known) };
    before
}

/// The calling thread's.
#[inline]
pub(crate) fn current() -> Lineage {
    // SAFETY: the thread's own words, which nobody else reads or writes.
    unsafe { sys::lineage().read() }
}

/// Gives the calling thread another one.
#[inline]
pub(crate) fn set(lineage: Lineage) {
    // SAFETY: as above.
    unsafe { sys::lineage().write(lineage) };
}

/// Threads that were created and have not begun yet, at most.
const SLOTS: usize = 1024;

/// How often a creator lets others run before it gives up on a slot: a new thread frees its own as
/// soon as it runs at all.
const PATIENCE: u32 = 10_000;

/// What new threads begin with. All zeros are free slots.
pub(crate) struct Slots {
    slots: [Slot; SLOTS],
    /// Where the search for a free one begins.
    next: AtomicUsize,
}

struct Slot {
    taken: AtomicBool,
    start: AtomicUsize,
    argument: AtomicUsize,
    java: AtomicUsize,
    native: AtomicUsize,
    python: AtomicUsize,
}

/// A start routine and its argument, as words.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Beginning {
    pub(crate) start: usize,
    pub(crate) argument: usize,
}

impl Slots {
    /// Creates a thread by `make`, which gets the start routine and the argument that hand the
    /// lineage over and answers 0 where there is a new thread. `None` where no slot gets free.
    pub(crate) fn hand_over(
        &self,
        lineage: Lineage,
        beginning: Beginning,
        make: impl FnOnce(Beginning) -> c_int,
    ) -> Option<c_int> {
        let slot = self.claim()?;
        slot.start.store(beginning.start, Ordering::Relaxed);
        slot.argument.store(beginning.argument, Ordering::Relaxed);
        slot.java.store(lineage.java, Ordering::Relaxed);
        slot.native.store(lineage.native, Ordering::Relaxed);
        slot.python.store(lineage.python, Ordering::Relaxed);
        // What makes a thread lets it see all that its creator wrote.
        #[expect(clippy::fn_to_numeric_cast_any, reason = "handed to libc as a word")]
        let start = (begin as *const ()).expose_provenance();
        let argument = from_ref(slot).expose_provenance();
        let answer = make(Beginning { start, argument });
        if answer != 0 {
            slot.taken.store(false, Ordering::Release);
        }
        Some(answer)
    }

    fn claim(&self) -> Option<&Slot> {
        for _ in 0..PATIENCE {
            let first = self.next.fetch_add(1, Ordering::Relaxed) % SLOTS;
            let (before, from) = self.slots.split_at_checked(first)?;
            let free = from.iter().chain(before).find(|slot| {
                !slot.taken.load(Ordering::Relaxed) && !slot.taken.swap(true, Ordering::Acquire)
            });
            if free.is_some() {
                return free;
            }
            sys::process::give_way();
        }
        None
    }
}

/// Where a thread begins that inherits a lineage; its argument is the slot. It leaves no frame
/// behind: the start routine returns to libc, and what unwinds the thread meets nothing of ours.
#[unsafe(naked)]
unsafe extern "C" fn begin() {
    naked_asm!(
        "sub rsp, 8",
        "call {take}",
        "add rsp, 8",
        "mov rdi, rdx",
        "jmp rax",
        take = sym take,
    )
}

extern "C" fn take(slot: &Slot) -> Beginning {
    let beginning = Beginning {
        start: slot.start.load(Ordering::Relaxed),
        argument: slot.argument.load(Ordering::Relaxed),
    };
    let [java, native, python] =
        [&slot.java, &slot.native, &slot.python].map(|word| word.load(Ordering::Relaxed));
    set(Lineage { java, native, python });
    slot.taken.store(false, Ordering::Release);
    beginning
}

#[cfg(test)]
#[expect(clippy::disallowed_types, clippy::expect_used, reason = "a test")]
mod tests {
    use super::*;

    fn slots() -> Box<Slots> {
        let free = |_| Slot {
            taken: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            argument: AtomicUsize::new(0),
            java: AtomicUsize::new(0),
            native: AtomicUsize::new(0),
            python: AtomicUsize::new(0),
        };
        Box::new(Slots { slots: core::array::from_fn(free), next: AtomicUsize::new(0) })
    }

    const ANY: Lineage = Lineage { java: 3, native: 5, python: 7 };

    #[test]
    fn bars_stand_beside_a_verdict() {
        let bars =
            Bars::all_but(Audiences::from_bits(0b110)).join(Bars::all_but(Audiences::only(1)));
        assert_eq!(bars.others(), Audiences::only(1));
        let lineage = ANY.with_bars(bars);
        assert_eq!((lineage.bars(), lineage.native & WITHOUT_BARS), (bars, ANY.native));
        assert_eq!(lineage.with_bars(Bars::NONE), ANY);
        assert!(!Lineage::default().with_bars(Bars::ALL).is_neutral());
        assert!(Bars::NONE.is_none() && !Bars::all_but(Audiences::ALL).is_none());
    }

    #[test]
    fn each_thread_has_a_lineage_of_its_own() {
        set(ANY);
        let other = std::thread::spawn(current).join().expect("it ends");
        assert!(other.is_neutral());
        assert_eq!(current(), ANY);
        set(Lineage::default());
    }

    #[test]
    fn a_slot_is_free_again_once_its_thread_has_begun() {
        let slots = slots();
        for round in 0..SLOTS * 3 {
            let beginning = Beginning { start: round, argument: round + 1 };
            let answer = slots.hand_over(ANY, beginning, |handed| {
                // What the new thread does.
                let slot = core::ptr::with_exposed_provenance::<Slot>(handed.argument);
                // SAFETY: the slot that was handed over.
                let found = take(unsafe { &*slot });
                assert_eq!((found.start, found.argument), (round, round + 1));
                assert_eq!(current(), ANY);
                0
            });
            assert_eq!(answer, Some(0));
        }
        set(Lineage::default());
    }

    #[test]
    fn a_thread_that_could_not_be_made_leaves_no_slot_behind() {
        let slots = slots();
        let beginning = Beginning { start: 1, argument: 2 };
        for _ in 0..SLOTS * 3 {
            assert_eq!(slots.hand_over(ANY, beginning, |_| libc::EAGAIN), Some(libc::EAGAIN));
        }
        for _ in 0..SLOTS {
            assert_eq!(slots.hand_over(ANY, beginning, |_| 0), Some(0));
        }
        assert_eq!(slots.hand_over(ANY, beginning, |_| 0), None, "none of these has begun");
    }
}
