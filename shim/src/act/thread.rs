//! Creating threads: who asks for one, and what the new one inherits.

#![expect(unsafe_code, reason = "has libc create a thread")]

mod native;

use core::ffi::{c_int, c_void};

use ringfence_policy::Creation;

use crate::arm::State;
use crate::caller::{self, Caller, Callers, Ended, Frame, Look};
use crate::exceptions;
use crate::jvm::{self, Maker};
use crate::lineage::{Beginning, Lineage};
use crate::python;
use crate::report::Call;
use crate::sys::{Answer, Errno};

/// Judges a thread that is asked for at a frame, by the native, the Python and the Java code that
/// stand there, and answers what the new one inherits.
///
/// # Errors
/// EPERM where a rule refuses it; EAGAIN where the caller cannot be found out, as when there is
/// no memory for a thread.
pub(crate) fn judge(state: &State, callers: &Callers, call: Call, from: Frame) -> Answer<Lineage> {
    let lineage = judge_all(state, callers, call, from)?;
    Ok(exceptions::inherit(state, callers, from, lineage))
}

fn judge_all(state: &State, callers: &Callers, call: Call, from: Frame) -> Answer<Lineage> {
    let lineage = native::judge(state, callers, call, Creation::Thread, from)?;
    let python = python::judge(state, callers, call, Creation::Thread, from)?;
    let java = match machine(state, callers, from)? {
        Machine::Silent | Machine::Bare => None,
        Machine::Here => jvm::judge_native_thread(state, call)?,
        Machine::Left => Some(jvm::descent()),
    };
    Ok(Lineage { java: java.unwrap_or(lineage.java), python, ..lineage })
}

/// Judges a program that is to be started by a call at a frame, by the native, the Python and the
/// Java code that stand there.
///
/// # Errors
/// EACCES where a rule refuses it; EAGAIN where the caller cannot be found out.
pub(crate) fn may_start(state: &State, call: Call, from: Frame) -> Answer<()> {
    let Some(callers) = state.callers else { return Ok(()) };
    native::judge(state, callers, call, Creation::Process, from)?;
    python::judge(state, callers, call, Creation::Process, from)?;
    let handed = is_handed(state, from);
    match machine(state, callers, from)? {
        Machine::Silent if !handed => Ok(()),
        Machine::Silent | Machine::Bare | Machine::Here => {
            jvm::judge_native_program(state, call, handed)
        }
        Machine::Left => jvm::judge_childs_program(state, call),
    }
}

/// Whether libc itself calls: it never calls by a name that others can define, so somebody handed it
/// the address, for the end of a thread or of the process, or as what a thread begins with.
fn is_handed(state: &State, from: Frame) -> bool {
    state.libc.contains(&from.code.saturating_sub(1))
}

/// Judges a child that goes on in this program, where it is made only to start another.
///
/// # Errors
/// EACCES where a rule refuses that.
pub(crate) fn may_make_child(state: &State, call: Call, from: Frame) -> Answer<()> {
    if let Some(callers) = state.callers {
        python::judge_child(state, callers, call, from)?;
    }
    before_child(state, from);
    Ok(())
}

/// A child is about to be made that goes on in this program, by a call at a frame: what it starts
/// later is judged by whoever asks for it now.
pub(crate) fn before_child(state: &State, from: Frame) {
    let Some(callers) = state.callers else { return };
    let maker = match machine(state, callers, from) {
        Ok(Machine::Silent | Machine::Bare) => Maker::Machine,
        Ok(Machine::Here) => Maker::Library,
        // What its own parent noted is true of it too.
        Ok(Machine::Left) => return,
        Err(_) => Maker::Unknown,
    };
    jvm::note_child(maker);
}

/// What a Java machine can say about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    /// There is none, or it is itself the caller: what the machine calls was judged where Java asked
    /// for it.
    Silent,
    /// Nobody but the runtime is on the stack.
    Bare,
    /// A library calls, or code that is no file's as `java.lang.foreign` makes it, or nobody knows who
    /// does: there a thread may be in a state in which the machine can be asked.
    Here,
    /// It runs in the process that this one was forked from: whoever asks it here waits for ever.
    Left,
}

/// # Errors
/// EAGAIN where the caller cannot be found out.
fn machine(state: &State, callers: &Callers, from: Frame) -> Answer<Machine> {
    if !jvm::is_judging() {
        return Ok(Machine::Silent);
    }
    if !jvm::is_here() {
        return Ok(Machine::Left);
    }
    let mut found = Machine::Bare;
    let ended = caller::walk(state, callers, from, |_, caller, _| {
        found = match caller {
            Caller::Runtime => return Look::On,
            Caller::Jvm => Machine::Silent,
            Caller::Object { .. } | Caller::Nobody => Machine::Here,
        };
        Look::Enough
    })
    .map_err(|_| Errno::EAGAIN)?;
    Ok(if ended == Ended::Lost { Machine::Here } else { found })
}

/// Creates a thread that inherits a lineage; the answer is pthread_create(3)'s.
///
/// # Safety
/// As pthread_create(3) demands of its arguments.
pub(crate) unsafe fn create(
    state: &State,
    callers: &Callers,
    lineage: Lineage,
    (id, attributes): (*mut c_void, *const c_void),
    beginning: Beginning,
) -> c_int {
    let answer = callers.slots.hand_over(lineage, beginning, |beginning| {
        let start = core::ptr::with_exposed_provenance(beginning.start);
        let argument = core::ptr::with_exposed_provenance_mut(beginning.argument);
        // SAFETY: the caller's own arguments, with a start routine that calls his.
        unsafe { (state.next.pthread_create)(id, attributes, start, argument) }
    });
    answer.unwrap_or(libc::EAGAIN)
}

/// The same for thrd_create(3).
///
/// # Safety
/// As thrd_create(3) demands of its arguments.
pub(crate) unsafe fn create_c11(
    state: &State,
    callers: &Callers,
    lineage: Lineage,
    id: *mut c_void,
    beginning: Beginning,
) -> c_int {
    let answer = callers.slots.hand_over(lineage, beginning, |beginning| {
        let start = core::ptr::with_exposed_provenance(beginning.start);
        let argument = core::ptr::with_exposed_provenance_mut(beginning.argument);
        // SAFETY: the caller's own arguments, with a start routine that calls his.
        unsafe { (state.next.thrd_create)(id, start, argument) }
    });
    answer.unwrap_or(THRD_ERROR)
}

/// `thrd_error` of threads.h.
pub(crate) const THRD_ERROR: c_int = 2;

/// `dlclose`: what lay where the library was mapped is not known any more.
///
/// # Safety
/// As dlclose(3) demands of its handle.
pub(crate) unsafe fn close(state: &State, _: Call, handle: *mut c_void) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let answer = unsafe { (state.next.dlclose)(handle) };
    // After its last code has run: a destructor may have created a thread.
    if let Some(callers) = state.callers {
        callers.forget();
    }
    Ok(answer)
}
