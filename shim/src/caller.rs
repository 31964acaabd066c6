//! Who calls: the native object that an address of code lies in, and what the rules say about it.
//!
//! An object is known by the kernel's own name for what is mapped there (its real path), by the
//! last component of that, and by the name that it gives itself (`DT_SONAME`). What was found out
//! about a mapping is kept until a library is closed, so that a thread costs a look into a small
//! table. Code that lies in no file is nobody's.

#![expect(unsafe_code, reason = "a mapping of counters and slots")]

use core::ops::Range;

use ringfence_policy::{CallerKind, CallerVerdict, Creation, RuleIndex};

use crate::arm::State;
use crate::lineage::Slots;
use crate::sys::{self, Answer, Errno};
use crate::table;

mod known;
mod maps;
mod unwind;

use known::Known;
pub(crate) use maps::LONGEST_PATH;
use maps::Object;
use unwind::Steps;
pub(crate) use unwind::{FindObject, Frame};

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

/// What the rules about one creation say about an object, in one word: 0 where none names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict(usize);

impl Verdict {
    const FORBIDS: usize = 1 << 40;

    /// The verdict of a word that was one.
    pub(crate) const fn from_word(word: usize) -> Self {
        Self(word)
    }

    pub(crate) const fn word(self) -> usize {
        self.0
    }

    fn new(verdict: CallerVerdict) -> Self {
        let rule = |rule: RuleIndex| (rule.number() as usize).saturating_add(1);
        match verdict {
            CallerVerdict::Unnamed => Self(0),
            CallerVerdict::Authorized(index) => Self(rule(index)),
            CallerVerdict::Forbidden(index) => Self(rule(index) | Self::FORBIDS),
        }
    }

    /// The verdict of a rule that forbids, or that authorizes others only.
    pub(crate) fn against(index: RuleIndex) -> Self {
        Self::new(CallerVerdict::Forbidden(index))
    }

    pub(crate) fn get(self) -> CallerVerdict {
        let Some(number) = (self.0 & !Self::FORBIDS).checked_sub(1) else {
            return CallerVerdict::Unnamed;
        };
        let index = u32::try_from(number).map_or(RuleIndex::UNJUDGED, RuleIndex::from_number);
        if self.0 & Self::FORBIDS == 0 {
            CallerVerdict::Authorized(index)
        } else {
            CallerVerdict::Forbidden(index)
        }
    }

    /// The stronger of two verdicts on the names of one object: a name that is forbidden is enough.
    fn or(self, other: Self) -> Self {
        match (self.get(), other.get()) {
            (CallerVerdict::Forbidden(_), _) | (_, CallerVerdict::Unnamed) => self,
            (CallerVerdict::Authorized(_), CallerVerdict::Authorized(_)) => self,
            _ => other,
        }
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

/// The names that the runtime's objects give themselves.
const RUNTIME: [&[u8]; 9] = [
    b"libc.so.6",
    b"ld-linux-x86-64.so.2",
    b"libpthread.so.0",
    b"librt.so.1",
    b"libanl.so.1",
    b"libdl.so.2",
    b"libstdc++.so.6",
    b"libc++.so.1",
    b"libgcc_s.so.1",
];

/// The names that the objects of a JVM which create its own threads give themselves.
const JVM: [&[u8]; 2] = [b"libjvm.so", b"libjli.so"];

/// Whose code lies at an address.
///
/// # Errors
/// What the kernel answers where it cannot be found out.
fn of(state: &State, callers: &Callers, address: usize) -> Answer<(Range<usize>, Caller)> {
    match callers.known.find(address) {
        Some(found) => Ok(found),
        None => find(state, callers, address),
    }
}

/// More frames than any stack has.
const MOST_FRAMES: usize = 1_000_000;

/// Asks for each object on the stack, from the innermost frame outwards, until `look` says that it
/// has seen enough or the stack cannot be followed any further. Neighbouring frames of one object
/// are asked for once. The last argument of `look` says whether it is the program itself.
///
/// # Errors
/// As [`of`]; EAGAIN for a stack without an end.
pub(crate) fn walk(
    state: &State,
    callers: &Callers,
    start: Frame,
    mut look: impl FnMut(Frame, Caller, bool) -> Look,
) -> Answer<()> {
    let limit = sys::stack_end(start.stack);
    let mut frame = start;
    let mut here = 0..0;
    for _ in 0..MOST_FRAMES {
        if !here.contains(&frame.code) {
            let (range, caller) = of(state, callers, frame.code)?;
            let is_program = state.entry.is_some_and(|entry| range.contains(&entry));
            here = range;
            if look(frame, caller, is_program) == Look::Enough {
                return Ok(());
            }
        }
        let next = state.find_object.and_then(|find| callers.steps.outward(frame, limit, find));
        let Some(next) = next else { return Ok(()) };
        frame = next;
    }
    Err(Errno::EAGAIN)
}

/// Whether a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// To the next object.
    On,
    /// It has seen enough.
    Enough,
}

#[cold]
#[inline(never)]
fn find(state: &State, callers: &Callers, address: usize) -> Answer<(Range<usize>, Caller)> {
    let generation = callers.known.generation();
    let (range, caller) = look_up(address, |object| match object {
        Some(object) => (object.mapped(), judge(state, object)),
        None => (address..address, Caller::Nobody),
    })?;
    callers.known.keep(generation, range.clone(), caller);
    Ok((range, caller))
}

/// The real path of the object at an address; an empty one for code that lies in none.
#[cold]
pub(crate) fn name(address: usize, buffer: &mut [u8; LONGEST_PATH]) -> &[u8] {
    let copied = look_up(address, |object| {
        let path = object.map(Object::path).unwrap_or_default();
        buffer.iter_mut().zip(path).for_each(|(to, from)| *to = *from);
        path.len()
    });
    // Where it cannot be read again, the report does without.
    buffer.get(..copied.unwrap_or(0)).unwrap_or_default()
}

/// Looks up what is mapped at an address, in a descriptor table of its own: another thread could
/// put a file of its choice under our number.
fn look_up<T>(address: usize, look: impl FnOnce(Option<&Object>) -> T) -> Answer<T> {
    table::privately(|| maps::find(address, look)).and_then(|found| found)
}

fn judge(state: &State, object: &Object) -> Caller {
    let own_name = object.soname();
    let about = |creation| {
        let list = state.image.callers(creation, CallerKind::Native);
        let names = [object.path(), object.file_name(), own_name.unwrap_or_default()];
        let verdicts = names.iter().map(|name| Verdict::new(list.judge(name)));
        verdicts.fold(Verdict::default(), Verdict::or)
    };
    let (threads, processes) = (about(Creation::Thread), about(Creation::Process));
    let is_one_of = |names: &[&[u8]]| own_name.is_some_and(|own| names.contains(&own));
    let unnamed = threads == Verdict::default() && processes == Verdict::default();
    if is_one_of(&JVM) && own_name == Some(object.file_name()) {
        Caller::Jvm
    } else if unnamed && is_one_of(&RUNTIME) {
        Caller::Runtime
    } else {
        Caller::Object { threads, processes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(number: u32) -> RuleIndex {
        RuleIndex::from_number(number)
    }

    #[test]
    fn a_verdict_is_the_same_out_of_its_word() {
        for verdict in [
            CallerVerdict::Unnamed,
            CallerVerdict::Authorized(rule(0)),
            CallerVerdict::Forbidden(rule(0)),
            CallerVerdict::Authorized(rule(7)),
            CallerVerdict::Forbidden(RuleIndex::UNJUDGED),
        ] {
            assert_eq!(Verdict::from_word(Verdict::new(verdict).word()).get(), verdict);
        }
        assert_eq!(Verdict::new(CallerVerdict::Unnamed).word(), 0, "which is neutral");
    }

    #[test]
    fn one_forbidden_name_is_enough() {
        let [unnamed, allowed, forbidden] = [
            CallerVerdict::Unnamed,
            CallerVerdict::Authorized(rule(1)),
            CallerVerdict::Forbidden(rule(2)),
        ]
        .map(Verdict::new);
        for other in [unnamed, allowed, forbidden] {
            assert_eq!(forbidden.or(other), forbidden);
            assert_eq!(other.or(forbidden), forbidden);
        }
        assert_eq!(unnamed.or(allowed), allowed);
        assert_eq!(allowed.or(unnamed), allowed);
        assert_eq!(unnamed.or(unnamed), unnamed);
    }
}
