//! The frames of the calling thread, from the innermost outwards.
//!
//! Each object says in its `.eh_frame` where a frame of its code keeps the return address. libc
//! finds the object without a lock (`_dl_find_object`), and what one address of code comes to is
//! kept, so that a walk is a few loads a frame. Only the thread's own stack is read, between where
//! it stands and where it ends; what leads elsewhere, has no such table or interrupts other code
//! (a signal's frame) ends the walk.

#![expect(unsafe_code, reason = "reads tables of loaded objects and the thread's own stack")]

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU64, Ordering};

mod bytes;
mod rows;

use bytes::Bytes;
use rows::RELATIVE;

use crate::sys;

/// `_dl_find_object` of dlfcn.h.
pub(crate) type FindObject = unsafe extern "C" fn(*const c_void, *mut FoundObject) -> c_int;

/// `struct dl_find_object`, with room for what later versions add.
#[repr(C)]
#[derive(Default)]
pub(crate) struct FoundObject {
    flags: u64,
    start: usize,
    end: usize,
    map: usize,
    /// `PT_GNU_EH_FRAME`.
    frames: usize,
    reserved: [u64; 11],
}

/// Where a call returns to, and the registers that it then finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Frame {
    /// The code.
    pub(crate) code: usize,
    /// The stack pointer.
    pub(crate) stack: usize,
    /// rbp, which many frames are found by.
    pub(crate) base: usize,
}

/// How to get from a frame to the one that called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// The outer frame's stack pointer is found from rbp, not from the stack pointer.
    by_base: bool,
    /// And this many bytes above.
    offset: usize,
    /// rbp was saved that many words below there; 0 for not.
    saved: usize,
}

impl Step {
    /// Few enough bits to stand beside an address: None where it does not fit.
    fn pack(self, code: usize) -> Option<u64> {
        let words = self.offset / 8;
        let fits = words < 1 << 12 && self.saved < 1 << 4 && code < 1 << 47;
        let packed = words | usize::from(self.by_base) << 12 | self.saved << 13;
        fits.then_some((code << 17 | packed) as u64)
    }

    fn unpack(word: u64, code: usize) -> Option<Self> {
        let word = usize::try_from(word).ok().filter(|word| word >> 17 == code)?;
        Some(Self {
            by_base: word >> 12 & 1 == 1,
            offset: (word & 0xfff).wrapping_mul(8),
            saved: word >> 13 & 0xf,
        })
    }
}

const KEPT: usize = 512;

/// Steps that were found out: each one word, so that it is seen whole. All zeros is none.
pub(super) struct Steps {
    words: [AtomicU64; KEPT],
}

impl Steps {
    /// Forgets all.
    pub(super) fn forget(&self) {
        self.words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    fn of(&self, code: usize, find: FindObject) -> Option<Found> {
        let place = (code ^ code >> 9) % KEPT;
        let word = self.words.get(place)?;
        if let Some(step) = Step::unpack(word.load(Ordering::Relaxed), code) {
            return Some(Found::Step(step));
        }
        let found = look_up(code, find)?;
        if let Found::Step(step) = found
            && let Some(packed) = step.pack(code)
        {
            word.store(packed, Ordering::Relaxed);
        }
        Some(found)
    }

    /// The frame that called this one, on a stack that ends at `limit`.
    pub(super) fn outward(&self, frame: Frame, limit: usize, find: FindObject) -> Outer {
        match self.of(frame.code, find) {
            Some(Found::Step(step)) => match go(step, frame, limit) {
                Some(frame) => Outer::Frame(frame),
                None => Outer::Unknown,
            },
            Some(Found::First) => Outer::None,
            None => Outer::Unknown,
        }
    }
}

/// What called a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outer {
    /// This one.
    Frame(Frame),
    /// Nobody: a thread begins there.
    None,
    /// That cannot be told.
    Unknown,
}

/// What a description of frames says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Step(Step),
    /// Nobody called.
    First,
}

fn go(step: Step, frame: Frame, limit: usize) -> Option<Frame> {
    let from = if step.by_base { frame.base } else { frame.stack };
    let outer = from.checked_add(step.offset)?;
    if outer <= frame.stack || outer > limit || outer % 8 != 0 {
        return None;
    }
    // A coroutine's stack may end before its thread's does, and rbp be anything at its end.
    if step.by_base && outer >> 12 != frame.stack >> 12 && !is_mapped(outer) {
        return None;
    }
    let word = |below: usize| {
        let place = outer.checked_sub(below.checked_mul(8)?)?;
        // SAFETY: between the stack pointer of a frame that is alive and the stack's end, so
        // mapped, and aligned.
        (place >= frame.stack)
            .then(|| unsafe { core::ptr::with_exposed_provenance::<usize>(place).read() })
    };
    let base = if step.saved == 0 { frame.base } else { word(step.saved)? };
    let code = word(1)?;
    (code != 0).then_some(Frame { code, stack: outer, base })
}

/// Whether what a frame keeps right below an address is mapped.
fn is_mapped(outer: usize) -> bool {
    let (first, last) = (outer.saturating_sub(16 * 8) & !0xfff, outer.saturating_sub(1) & !0xfff);
    sys::is_mapped(first) && (first == last || sys::is_mapped(last))
}

/// The frame that calls this.
#[inline(always)]
pub(crate) fn here() -> Frame {
    let mut frame = Frame { code: 0, stack: 0, base: 0 };
    // SAFETY: it writes the three words of a frame.
    unsafe { caller_of(&raw mut frame) };
    frame
}

/// Where it was called from.
#[unsafe(naked)]
unsafe extern "C" fn caller_of(frame: *mut Frame) {
    core::arch::naked_asm!(
        "mov rax, [rsp]",
        "mov [rdi], rax",
        "lea rax, [rsp + 8]",
        "mov [rdi + 8], rax",
        "mov [rdi + 16], rbp",
        "ret",
    )
}

/// The beginning of a search table as linkers write it: a version, and how what follows is written.
const SEARCH_TABLE: [u8; 4] = [1, RELATIVE, 0x03, 0x3b];

/// What libc knows about the object that a call came from.
fn found(code: usize, find: FindObject) -> Option<(usize, FoundObject)> {
    // A call may be the last instruction of its function.
    let code = code.checked_sub(1)?;
    let mut object = FoundObject::default();
    // SAFETY: `_dl_find_object` takes any address, and fills the structure where it answers 0.
    let answer = unsafe { find(core::ptr::without_provenance(code), &raw mut object) };
    (answer == 0).then_some((code, object))
}

/// Where ld.so's entry of the object is that a call came from.
pub(crate) fn object_at(find: FindObject, code: usize) -> Option<usize> {
    found(code, find).map(|(_, object)| object.map)
}

fn look_up(code: usize, find: FindObject) -> Option<Found> {
    let (code, object) = found(code, find)?;
    let table = object.frames;
    if !(object.start..object.end).contains(&table) {
        return None;
    }
    let mut header = Bytes { at: table, end: object.end };
    if header.take()? != SEARCH_TABLE {
        return None;
    }
    header.word()?;
    let count = usize::try_from(header.word()?).ok()?;
    let (entries, end) = (header.at, object.end);
    let entry = |number: usize| -> Option<(usize, usize)> {
        let mut entry = Bytes { at: entries.checked_add(number.checked_mul(8)?)?, end };
        let mut address = || {
            let distance = entry.take().map(i32::from_le_bytes)?;
            table.checked_add_signed(isize::try_from(distance).ok()?)
        };
        Some((address()?, address()?))
    };
    let (mut low, mut high) = (0_usize, count);
    while low < high {
        let middle = low.midpoint(high);
        if entry(middle)?.0 <= code {
            low = middle.checked_add(1)?;
        } else {
            high = middle;
        }
    }
    let (_, description) = entry(low.checked_sub(1)?)?;
    rows::describe(Bytes { at: description, end }, code)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_macros,
    clippy::fn_to_numeric_cast_any,
    reason = "a test"
)]
mod tests {
    use super::*;

    unsafe extern "C" {
        fn _dl_find_object(code: *const c_void, found: *mut FoundObject) -> c_int;
        fn backtrace(frames: *mut *mut c_void, most: c_int) -> c_int;
    }

    fn steps() -> Steps {
        Steps { words: core::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// The addresses of the frames around the caller, ours and those that libgcc finds.
    #[inline(never)]
    fn both() -> (Vec<usize>, Vec<usize>) {
        let mut frame = here();
        let mut theirs = vec![core::ptr::null_mut(); 100];
        // SAFETY: it writes at most that many addresses.
        let count = unsafe { backtrace(theirs.as_mut_ptr(), 100) };
        let count = usize::try_from(count).expect("a number of frames");
        let limit = sys::stack_end(frame.stack);
        let (kept, mut ours) = (steps(), Vec::new());
        loop {
            let outer = kept.outward(frame, limit, _dl_find_object);
            let again = kept.outward(frame, limit, _dl_find_object);
            assert_eq!(again, outer, "what is kept is what was found");
            assert_ne!(outer, Outer::Unknown, "what called {frame:x?}");
            let Outer::Frame(outer) = outer else { break };
            frame = outer;
            ours.push(frame.code);
        }
        // The first is where this function itself stands.
        (ours, theirs[1..count].iter().map(|code| code.addr()).collect())
    }

    static SEEN: std::sync::Mutex<Option<(Vec<usize>, Vec<usize>)>> = std::sync::Mutex::new(None);

    extern "C" fn compare(_: *const c_void, _: *const c_void) -> c_int {
        *SEEN.lock().expect("one thread at a time") = Some(both());
        0
    }

    #[test]
    fn the_frames_are_those_that_an_unwinder_finds() {
        // Through libc's own frames, on a thread's stack.
        let mut numbers = [1_u32, 2];
        // SAFETY: an array of two, and a function that compares.
        unsafe { libc::qsort(numbers.as_mut_ptr().cast(), 2, 4, Some(compare)) };
        let (ours, theirs) = SEEN.lock().expect("no thread").take().expect("it was compared");
        assert_eq!(ours, theirs);
        assert!(ours.len() > 5, "through the sort and the test's own frames: {ours:x?}");
    }

    #[test]
    fn a_frame_that_leads_nowhere_ends_the_walk() {
        let code = both as *const () as usize + 40;
        let place = [0_usize; 64];
        let stack = place.as_ptr().addr();
        let limit = stack + size_of_val(&place);
        for (stack, base) in [(stack, 0), (stack, usize::MAX - 7), (limit, limit), (stack, stack)] {
            for code in [code, 0, 1, stack, usize::MAX] {
                let frame = Frame { code, stack, base };
                let outer = steps().outward(frame, limit, _dl_find_object);
                assert_eq!(outer, Outer::Unknown, "{frame:x?}");
            }
        }
    }

    #[test]
    fn a_step_is_the_same_out_of_its_word() {
        let step = Step { by_base: true, offset: 32 * 1023, saved: 2 };
        let word = step.pack(0x7fff_ffff_fff1).expect("it fits");
        assert_eq!(Step::unpack(word, 0x7fff_ffff_fff1), Some(step));
        assert_eq!(Step::unpack(word, 0x7fff_ffff_fff2), None, "of another address");
        assert_eq!(Step::unpack(0, 0x7fff_ffff_fff1), None, "nothing is kept");
        for large in [Step { offset: 1 << 15, ..step }, Step { saved: 16, ..step }] {
            assert_eq!(large.pack(1), None, "{large:?}");
        }
        assert_eq!(step.pack(1 << 47), None);
    }
}
