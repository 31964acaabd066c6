//! Exceptions for certain callers: who calls is asked once a path was found forbidden, and only where
//! such an exception is about it. A path that is not forbidden costs nothing more.
//!
//! An exception holds when every subject is named: those on the stack and those that the thread
//! descends from. `host` is for a stack and a descent without any. Whoever cannot be told is nobody,
//! and no exception is for nobody. A program has them only where the host alone started it, which the
//! shim itself writes into the environment at every exec ([`tells`]).

use core::ffi::CStr;

use ringfence_policy::{Audiences, Decision};

use crate::arm::{NOT_BY_HOST, State};
use crate::caller::{self, Caller, Callers, Ended, Frame, Look, Standing};
use crate::jvm::{self, Opener};
use crate::lineage::{self, Bars, Lineage};
use crate::python::{self, Asked};

/// Who calls, as far as exceptions ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// It cannot be told.
    Nobody,
    /// No subject.
    Host,
    /// Subjects, each of whom is in all of these audiences.
    Subjects(Audiences),
}

impl Who {
    const fn barred(bars: Bars) -> Self {
        if bars.is_none() { Self::Host } else { Self::Subjects(bars.others()) }
    }

    /// As a word that is not 0.
    const fn word(self) -> usize {
        match self {
            Self::Nobody => 1,
            Self::Host => 2,
            Self::Subjects(named) => 3 | (named.bits() as usize) << 8,
        }
    }

    const fn from_word(word: usize) -> Option<Self> {
        let [kind, named, ..] = word.to_le_bytes();
        match kind {
            0 => None,
            2 => Some(Self::Host),
            3 => Some(Self::Subjects(Audiences::from_bits(named))),
            _ => Some(Self::Nobody),
        }
    }

    fn audiences(self, state: &State) -> Audiences {
        match self {
            Self::Nobody => Audiences::NONE,
            Self::Host => state.image.host_audiences(),
            Self::Subjects(named) => named,
        }
    }
}

/// What the policy says about a path for whoever calls.
pub(crate) fn decide(state: &State, path: &[u8]) -> Decision {
    let decision = state.image.decide(path);
    if decision.refused().is_empty() { decision } else { excepted(state, path, decision) }
}

/// What becomes of a decision that refuses something, for whoever calls.
#[cold]
#[inline(never)]
pub(crate) fn excepted(state: &State, path: &[u8], decision: Decision) -> Decision {
    if !state.image.has_audiences() {
        return decision;
    }
    let most = state.image.decide_among(path, Audiences::ALL);
    if most.refused() == decision.refused() {
        // Whoever calls, no exception is about it.
        return decision;
    }
    state.image.decide_among(path, who(state).audiences(state))
}

/// What a program is told about who started it, or became it, where exceptions ask for that: the host's
/// own have them only where nobody else has a part in the start. It is told in either case, behind what
/// the caller's variables may say.
pub(crate) fn tells(state: &State) -> Option<&'static CStr> {
    let environment = state.environment.as_ref()?;
    let host = environment.host.filter(|_| who(state) == Who::Host);
    host.or_else(|| state.image.has_audiences().then_some(NOT_BY_HOST))
}

/// Who calls, found out before something is done on another stack that asks.
#[derive(Clone, Copy)]
pub(crate) struct Known(usize);

/// Finds out who calls, where that may matter.
pub(crate) fn ahead(state: &State) -> Known {
    let has_any = state.environment.as_ref().is_some_and(|ours| ours.host.is_some());
    Known(if has_any { who(state).word() } else { 0 })
}

/// The same in a native method of Java's, which the machine calls itself.
pub(crate) fn ahead_in_java(state: &State) -> Known {
    let has_any = state.environment.as_ref().is_some_and(|ours| ours.host.is_some());
    let opener = || if state.java { jvm::opener() } else { None };
    let bars = || {
        let bars = of_java(opener()?).join(lineage::current().bars());
        Some(bars.join(python::opener(state, Asked::Opens)?))
    };
    Known(if has_any { bars().map_or(Who::Nobody, Who::barred).word() } else { 0 })
}

impl Known {
    /// It is what is found here until the answer is dropped. Only where no signal comes between.
    pub(crate) fn hold(self) -> Held {
        Held(lineage::hold(self.0))
    }
}

/// See [`Known::hold`]; it knows what was held before.
pub(crate) struct Held(usize);

impl Drop for Held {
    fn drop(&mut self) {
        lineage::hold(self.0);
    }
}

fn who(state: &State) -> Who {
    match Who::from_word(lineage::held()) {
        Some(known) => known,
        None => ask(state).unwrap_or(Who::Nobody),
    }
}

/// `None` where it cannot be told.
fn ask(state: &State) -> Option<Who> {
    let callers = state.callers?;
    state.environment.as_ref()?.host?;
    let stack = Stack::read(state, callers, caller::here())?;
    let own = lineage::current();
    let mut bars = stack.bars().join(own.bars());
    match stack.end()? {
        End::Whole if stack.machine && (!state.java || jvm::is_judging()) => return None,
        End::Whole if own.java != 0 => return None,
        End::Whole => {}
        End::Code if !state.java => return None,
        End::Code => bars = bars.join(of_java(jvm::opener()?)),
    }
    // Whose code an interpreter runs, no native frame tells. It may have been found on the stack.
    Some(Who::barred(bars.join(python::opener(state, Asked::Opens)?)))
}

fn of_java(opener: Opener) -> Bars {
    match opener {
        Opener::Host => Bars::NONE,
        Opener::Subjects(named) => Bars::all_but(named),
    }
}

/// Adds to what a thread inherits that is created by a call at a frame.
pub(crate) fn inherit(state: &State, callers: &Callers, from: Frame, lineage: Lineage) -> Lineage {
    let has_any = state.environment.as_ref().is_some_and(|ours| ours.host.is_some());
    if !has_any {
        return lineage;
    }
    let own = lineage::current().bars();
    let added = match Stack::read(state, callers, from) {
        // On whose behalf the machine acts was found out where Java asked.
        Some(stack) if stack.by_machine => Bars::NONE,
        Some(stack) => match stack.end() {
            Some(End::Whole) => stack.bars(),
            // The Java code there is in the other half of a lineage.
            Some(End::Code) if state.java => stack.bars(),
            Some(End::Code) | None => Bars::ALL,
        },
        None => Bars::ALL,
    };
    let python = python::opener(state, Asked::Creates).unwrap_or(Bars::ALL);
    lineage.with_bars(own.join(added).join(python))
}

/// The native part of a stack.
struct Stack {
    /// Each subject on it is in these.
    named: Audiences,
    subjects: bool,
    /// The Java machine is on it; and nearer than any library.
    machine: bool,
    by_machine: bool,
    /// The last library before code that is no file's.
    library: bool,
    code: bool,
    /// libc itself calls, which never does by a name that others can define: somebody handed it the
    /// address of a function of ours, to be called at the end of a thread, say.
    handed: Option<bool>,
    ended: Ended,
}

/// How the native part of a stack ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Where the thread began.
    Whole,
    /// At code that is no file's, which called a library.
    Code,
}

impl Stack {
    /// `None` where an object cannot be found out.
    fn read(state: &State, callers: &Callers, from: Frame) -> Option<Self> {
        let mut stack = Self {
            named: Audiences::ALL,
            subjects: false,
            machine: false,
            by_machine: false,
            library: false,
            code: false,
            handed: None,
            ended: Ended::Enough,
        };
        let mut is_known = true;
        let ended = caller::walk(state, callers, from, |frame, caller, is_program| {
            if state.own.contains(&frame.code) {
                // libc calls what we gave it.
                stack.handed = None;
                return Look::On;
            }
            stack.handed.get_or_insert(state.libc.contains(&frame.code));
            if is_program {
                return Look::On;
            }
            match caller {
                Caller::Runtime => {}
                Caller::Jvm => {
                    stack.by_machine |= !stack.library;
                    stack.machine = true;
                }
                Caller::Nobody => {
                    stack.code = true;
                    return Look::Enough;
                }
                Caller::Object { .. } if python::is_interpreter(state, frame) => {}
                Caller::Object { .. } => {
                    stack.library = true;
                    match caller::standing(state, frame) {
                        Ok(Standing::Jdk) if state.java => {}
                        Ok(Standing::Python) => {}
                        Ok(Standing::Jdk) => {
                            (stack.subjects, stack.named) = (true, Audiences::NONE);
                        }
                        Ok(Standing::Subject(named)) => {
                            stack.subjects = true;
                            stack.named &= named;
                        }
                        Err(_) => {
                            is_known = false;
                            return Look::Enough;
                        }
                    }
                }
            }
            Look::On
        });
        stack.ended = ended.ok()?;
        is_known.then_some(stack)
    }

    fn bars(&self) -> Bars {
        if self.subjects { Bars::all_but(self.named) } else { Bars::NONE }
    }

    /// `None` where it was not read to its end, or begins with libc. Code that calls a hook of ours itself, or the machine,
    /// may be in a state in which nothing can be asked.
    fn end(&self) -> Option<End> {
        match self.ended {
            _ if self.handed == Some(true) => None,
            Ended::Whole => Some(End::Whole),
            Ended::Enough if self.code && self.library && !self.machine => Some(End::Code),
            Ended::Enough | Ended::Lost => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_is_the_same_out_of_its_word() {
        let some = Audiences::from_bits(0b1010_0001);
        for who in [Who::Nobody, Who::Host, Who::Subjects(Audiences::NONE), Who::Subjects(some)] {
            assert_eq!(Who::from_word(who.word()), Some(who));
        }
        assert_eq!(Who::from_word(0), None, "nothing is known");
        assert_eq!(Who::from_word(0xff), Some(Who::Nobody), "nobody wrote that");
    }
}
