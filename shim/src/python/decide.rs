//! Whether Python code may create a thread or start a program.

use ringfence_policy::{CallerKind, Creation};

use super::interpreter::{known, look_at};
use super::names::Names;
use super::reading::{Reading, is_starting};
use super::subjects::Set;
use crate::arm::State;
use crate::caller::{Callers, Frame};
use crate::lineage;
use crate::report::{self, Call};
use crate::sys::{self, Answer};

/// Judges a thread or a program by the Python code on the calling thread's stack, and by what the
/// thread descends from; answers what a new thread inherits.
///
/// # Errors
/// EPERM for a thread, EACCES for a program, where a rule refuses it.
pub(crate) fn judge(
    state: &State,
    callers: &Callers,
    call: Call,
    creation: Creation,
    from: Frame,
) -> Answer<usize> {
    if !super::has_rules(&state.image) {
        return Ok(0);
    }
    look_at(state, callers, from);
    let mut reading = Reading::new(&state.image, creation);
    known().for_each(|interpreter| reading.read(interpreter));
    if creation == Creation::Process && reading.is_bare() && is_left_behind(state, from) {
        reading.nobody();
    }
    // A thread of the host's that was first wanted on a subject's stack still starts the host's
    // programs.
    if creation == Creation::Thread || !reading.is_hosts() {
        reading.inherit(Set::from_word(lineage::current().python));
    }
    let set = reading.set();
    if let Some(refused) = reading.refused() {
        let caller = (creation, CallerKind::Python, refused.name());
        let names = Names::find(state);
        report::refuse_caller_at(state, call, caller, names.stack(), (refused.rule, refused.why))?;
    }
    Ok(set.word())
}

/// Whether whoever asks, with no Python code on the stack, was given what to call by somebody who is
/// not there any more: the interpreter at its end, of whose thread nobody else is the creator, or libc,
/// which never calls by a name that others can define.
fn is_left_behind(state: &State, from: Frame) -> bool {
    if known().next().is_none() {
        return false;
    }
    let by_libc = state.libc.contains(&from.code.saturating_sub(1));
    let is_first = sys::thread() == sys::process();
    by_libc && lineage::current().python == 0
        || is_first && known().any(|one| one.calls(state, from))
}

/// Judges a child that goes on in this program, where the standard library makes it only to start
/// another: nobody looks why a program did not start in a child of `multiprocessing`'s, nor waits
/// for that child. What any other child starts is judged there.
///
/// # Errors
/// EACCES where a rule refuses the program.
pub(crate) fn judge_child(state: &State, callers: &Callers, call: Call, from: Frame) -> Answer<()> {
    if state.image.callers(Creation::Process, CallerKind::Python).is_empty() {
        return Ok(());
    }
    look_at(state, callers, from);
    if !known().any(is_starting) {
        return Ok(());
    }
    judge(state, callers, call, Creation::Process, from).map(|_| ())
}
