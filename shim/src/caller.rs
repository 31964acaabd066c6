//! Who calls: the native object that an address of code lies in, and what the rules say about it.
//!
//! An object is known by the kernel's own name for what is mapped there (its real path), by the
//! last component of that, and by the name that it gives itself (`DT_SONAME`). What was found out
//! about a mapping is kept until a library is closed, so that a thread costs a look into a small
//! table. Where a rule is about a function that an object exports, the object's functions are told
//! apart, and the same is kept of each. Code that lies in no file is nobody's.

#![expect(unsafe_code, reason = "a mapping of counters and slots")]

use core::ops::Range;

use ringfence_policy::Creation;

use crate::arm::State;
use crate::lineage::Slots;
use crate::sys::{self, Answer, Errno};
use crate::table;

mod exports;
mod judge;
mod known;
mod maps;
mod names;
mod standing;
mod unwind;
mod verdict;

use known::Known;
pub(crate) use maps::LONGEST_PATH;
use maps::Object;
pub(crate) use names::Names;
pub(crate) use standing::{Standing, standing};
pub(crate) use unwind::{FindObject, Frame, here, object_at};
use unwind::{Outer, Steps};
pub(crate) use verdict::Verdict;

/// What rules about callers need, in memory that a forked child finds cleared: the child has none
/// of the threads that were about to begin.
pub(crate) struct Callers {
    pub(crate) slots: Slots,
    known: Known,
    steps: Steps,
}

impl Callers {
    /// Maps it; all zeros is what each part begins with.
    pub(crate) fn map() -> Answer<&'static Self> {
        let start = sys::map_counters(size_of::<Self>())?;
        // SAFETY: a fresh mapping of that size, page-aligned, never unmapped; the atomics that it
        // consists of are valid as zeros.
        Ok(unsafe { &*start.cast::<Self>() })
    }

    /// Forgets which objects lie where.
    pub(crate) fn forget(&self) {
        self.known.forget();
        self.steps.forget();
    }
}

/// Who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// libc, ld.so and what C++ puts between: they call on behalf of somebody else.
    Runtime,
    /// The JVM itself, for which a thread that cannot be made is the end.
    Jvm,
    /// Code in memory that is no file's.
    Nobody,
    /// An object, and what the rules say about it.
    Object {
        /// The rules about threads.
        threads: Verdict,
        /// The rules about programs.
        processes: Verdict,
    },
}

impl Caller {
    /// What the rules about a creation say, where the caller is an object that they are about.
    pub(crate) const fn verdict(self, creation: Creation) -> Option<Verdict> {
        match (self, creation) {
            (Self::Object { threads, .. }, Creation::Thread) => Some(threads),
            (Self::Object { processes, .. }, Creation::Process) => Some(processes),
            (Self::Runtime | Self::Jvm | Self::Nobody, _) => None,
        }
    }
}

/// Which part of an object code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// No rule tells its functions apart.
    Whole,
    /// A function that the object exports.
    Exported,
    /// What lies in none of those: it works for the one that called it.
    Inner,
}

/// What is known of the code around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Code {
    /// The addresses of which the same is known.
    range: Range<usize>,
    /// The first address of the mapping, which tells one object from another.
    object: usize,
    caller: Caller,
    part: Part,
    /// Whether it is the program's, and no rule is about this function of its.
    is_program: bool,
}

/// Whose code lies at an address.
///
/// # Errors
/// What the kernel answers where it cannot be found out.
fn of(state: &State, callers: &Callers, address: usize) -> Answer<Code> {
    match callers.known.find(address) {
        Some(found) => Ok(found),
        None => find(state, callers, address),
    }
}

/// More frames than any stack has.
const MOST_FRAMES: usize = 1_000_000;

/// Asks for each object on the stack, from the innermost frame outwards, until `look` says that it
/// has seen enough or the stack cannot be followed any further. Neighbouring frames of one object
/// are asked for once, where its functions are told apart those of one function. The last argument
/// of `look` says whether it is the program itself. Answers how the walk ended.
///
/// # Errors
/// As [`of`]; EAGAIN for a stack without an end.
pub(crate) fn walk(
    state: &State,
    callers: &Callers,
    start: Frame,
    look: impl FnMut(Frame, Caller, bool) -> Look,
) -> Answer<Ended> {
    let limit = sys::stack_end(start.stack);
    let mut frame = start;
    let mut here = 0..0;
    let mut callees = Callees { inner: None, look };
    for _ in 0..MOST_FRAMES {
        // A call may be the last instruction of its function.
        let address = frame.code.saturating_sub(1);
        if !here.contains(&address) {
            let code = of(state, callers, address)?;
            here = code.range.clone();
            if callees.pass(frame, code) == Look::Enough {
                return Ok(Ended::Enough);
            }
        }
        let outer = match state.find_object {
            Some(find) => callers.steps.outward(frame, limit, find),
            None => Outer::Unknown,
        };
        let ended = match outer {
            Outer::Frame(outer) => {
                frame = outer;
                continue;
            }
            Outer::None => Ended::Whole,
            Outer::Unknown => Ended::Lost,
        };
        return Ok(if callees.end() == Look::Enough { Ended::Enough } else { ended });
    }
    Err(Errno::EAGAIN)
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It had seen enough.
    Enough,
    /// At the frame that the thread began with.
    Whole,
    /// At a frame of which it is not known what called it.
    Lost,
}

/// Whether a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// To the next object.
    On,
    /// It has seen enough.
    Enough,
}

/// What a walk has passed, on its way to who answers for it.
struct Callees<L> {
    /// A frame in no exported function, which the next exported one of its object answers for if
    /// only the runtime stands between; else it is its object's.
    inner: Option<(Frame, Code)>,
    look: L,
}

impl<L: FnMut(Frame, Caller, bool) -> Look> Callees<L> {
    fn pass(&mut self, frame: Frame, code: Code) -> Look {
        if let Some((_, inner)) = &self.inner {
            let is_same = inner.object == code.object;
            if code.caller == Caller::Runtime || is_same && code.part == Part::Inner {
                return Look::On;
            }
            if is_same {
                self.inner = None;
            }
        }
        if self.end() == Look::Enough {
            return Look::Enough;
        }
        if code.part == Part::Inner && code.caller != Caller::Runtime {
            self.inner = Some((frame, code));
            return Look::On;
        }
        (self.look)(frame, code.caller, code.is_program)
    }

    /// Nobody else answers for what was passed.
    fn end(&mut self) -> Look {
        self.inner
            .take()
            .map_or(Look::On, |(frame, code)| (self.look)(frame, code.caller, code.is_program))
    }
}

#[cold]
#[inline(never)]
fn find(state: &State, callers: &Callers, address: usize) -> Answer<Code> {
    let generation = callers.known.generation();
    let code = look_up(address, |object| match object {
        Some(object) => judge::judge(state, object, address),
        None => Code {
            range: address..address,
            object: 0,
            caller: Caller::Nobody,
            part: Part::Whole,
            is_program: false,
        },
    })?;
    callers.known.keep(generation, &code);
    Ok(code)
}

/// Looks up what is mapped at an address, in a descriptor table of its own: another thread could
/// put a file of its choice under our number.
fn look_up<T>(address: usize, look: impl FnOnce(Option<&Object>) -> T) -> Answer<T> {
    table::privately(|| maps::find(address, look)).and_then(|found| found)
}
