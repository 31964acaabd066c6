//! Creating threads: who asks for one, and what the new one inherits.

#![expect(unsafe_code, reason = "has libc create a thread")]

use core::ffi::{c_int, c_void};

use ringfence_policy::{CallerKind, CallerVerdict, Creation, RuleIndex};

use crate::arm::State;
use crate::caller::{self, Caller, Callers, Verdict};
use crate::lineage::{self, Beginning, Lineage};
use crate::report::{self, Call, Why};
use crate::sys::{Answer, Errno};

/// Judges a thread that is asked for by code at `from`, and answers what the new one inherits.
///
/// # Errors
/// EPERM where a rule refuses it; EAGAIN where the caller cannot be found out, as when there is
/// no memory for a thread.
pub(crate) fn judge(state: &State, callers: &Callers, call: Call, from: usize) -> Answer<Lineage> {
    let own = lineage::current();
    let list = state.image.callers(Creation::Thread, CallerKind::Native);
    if list.is_empty() && !state.image.denies_unattributed() {
        return Ok(own);
    }
    let caller = caller::of(state, callers, from).map_err(|_| Errno::EAGAIN)?;
    let inherits = |native: Verdict| Lineage { native: native.word(), ..own };
    let descent = Verdict::from_word(own.native);
    let others = list.first_authorized();
    let nobody = || others.is_some() || state.image.denies_unattributed();
    let (rule, why) = match (caller, descent.get()) {
        // An error is the end of the JVM; on whose behalf it acts is found out where Java asks.
        (Caller::Jvm, _) => return Ok(own),
        (Caller::Object { threads, .. }, _)
            if let CallerVerdict::Forbidden(rule) = threads.get() =>
        {
            (rule, Why::Forbidden)
        }
        // Only where refusals are told and not enforced.
        (_, CallerVerdict::Forbidden(rule)) => (rule, Why::Forbidden),
        (Caller::Object { threads, .. }, _) => match (threads.get(), others) {
            (CallerVerdict::Unnamed, Some(rule)) => (rule, Why::Unauthorized),
            (CallerVerdict::Unnamed, None) => return Ok(own),
            (_, _) => return Ok(inherits(threads)),
        },
        (Caller::Runtime, CallerVerdict::Authorized(_)) => return Ok(own),
        (Caller::Runtime | Caller::Nobody, _) if nobody() => {
            (others.unwrap_or(RuleIndex::UNJUDGED), Why::Unattributed)
        }
        (Caller::Runtime | Caller::Nobody, _) => return Ok(own),
    };
    refuse(state, call, from, rule, why)?;
    Ok(inherits(Verdict::against(rule)))
}

/// Reports the refusal; `Ok` in audit mode.
#[cold]
#[inline(never)]
fn refuse(state: &State, call: Call, from: usize, rule: RuleIndex, why: Why) -> Answer<()> {
    let mut buffer = [0; caller::LONGEST_PATH];
    let name = caller::name(from, &mut buffer);
    report::refuse_caller(state, call, (Creation::Thread, CallerKind::Native, name), rule, why)
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
