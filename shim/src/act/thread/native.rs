//! Judging a thread or a program by the native code that asks for it.
//!
//! Who asks is the nearest object on the stack that is not the runtime. Where a list forbids, the
//! objects further out are looked at too, but for the program itself: a library may have another
//! one create its threads.

use ringfence_policy::{CallerKind, CallerList, CallerVerdict, Creation, RuleIndex};

use crate::arm::State;
use crate::caller::{self, Caller, Callers, Frame, Look, Names, Verdict};
use crate::lineage::{self, Lineage};
use crate::report::{self, Call, Why};
use crate::sys::{Answer, Errno};

/// Judges a thread or a program by the native code that asks for it, and answers what a thread
/// inherits.
///
/// # Errors
/// As [`super::judge`] and [`super::may_start`].
pub(super) fn judge(
    state: &State,
    callers: &Callers,
    call: Call,
    creation: Creation,
    from: Frame,
) -> Answer<Lineage> {
    let own = lineage::current();
    let list = state.image.callers(creation, CallerKind::Native);
    let denies_nobody = state.image.denies_unattributed() && creation == Creation::Thread;
    if list.is_empty() && !denies_nobody {
        return Ok(own);
    }
    let found = look(state, callers, creation, list, from)?;
    match found.judge(creation, list, denies_nobody, own) {
        Judged::Passes(lineage) => Ok(lineage),
        Judged::Refused(frame, rule, why) => {
            refuse(state, callers, (call, creation), (frame, from), (rule, why))?;
            Ok(Lineage { native: Verdict::against(rule).word(), ..own })
        }
    }
}

/// Who stands on a stack.
struct Found {
    /// The nearest caller that is not the runtime; the runtime where there is no other.
    nearest: (Frame, Caller),
    /// The nearest one that the list forbids, and its rule.
    forbidden: Option<(Frame, RuleIndex)>,
}

/// Walks a stack outwards, as far as the list asks for.
fn look(
    state: &State,
    callers: &Callers,
    creation: Creation,
    list: CallerList<'_>,
    from: Frame,
) -> Answer<Found> {
    let mut nearest = (from, Caller::Runtime);
    let mut forbidden = None;
    caller::walk(state, callers, from, |frame, caller, is_program| {
        let is_nearest = nearest.1 == Caller::Runtime;
        if is_nearest {
            nearest = (frame, caller);
        }
        // The program is behind all that its libraries do.
        if (is_nearest || !is_program)
            && let Some(verdict) = caller.verdict(creation)
            && let CallerVerdict::Forbidden(rule) = verdict.get()
        {
            forbidden = Some((frame, rule));
        }
        let enough = match caller {
            Caller::Runtime => false,
            Caller::Jvm => true,
            Caller::Nobody | Caller::Object { .. } => !list.has_forbidden() || forbidden.is_some(),
        };
        if enough { Look::Enough } else { Look::On }
    })
    .map_err(|_| Errno::EAGAIN)?;
    Ok(Found { nearest, forbidden })
}

/// What is decided about who was found.
enum Judged {
    /// A thread may be created, and inherits this.
    Passes(Lineage),
    /// The rule refuses who stands at the frame.
    Refused(Frame, RuleIndex, Why),
}

impl Found {
    /// Decides; the thread that asks has the lineage `own`.
    fn judge(
        &self,
        creation: Creation,
        list: CallerList<'_>,
        denies_nobody: bool,
        own: Lineage,
    ) -> Judged {
        // An error is the end of the JVM; on whose behalf it acts is found out where Java asks.
        let (frame, Caller::Object { .. } | Caller::Runtime | Caller::Nobody) = self.nearest else {
            return Judged::Passes(own);
        };
        // A program inherits from nobody.
        let descent = match creation {
            Creation::Thread => Verdict::from_word(own.native),
            Creation::Process => Verdict::default(),
        };
        let others = list.first_authorized();
        match (self.forbidden, descent.get(), self.nearest.1) {
            (Some((frame, rule)), _, _) => Judged::Refused(frame, rule, Why::Forbidden),
            // Only where refusals are told and not enforced.
            (None, CallerVerdict::Forbidden(rule), _) => {
                Judged::Refused(frame, rule, Why::Forbidden)
            }
            (None, _, caller) if let Some(verdict) = caller.verdict(creation) => {
                match (verdict.get(), others) {
                    (CallerVerdict::Unnamed, Some(rule)) => {
                        Judged::Refused(frame, rule, Why::Unauthorized)
                    }
                    (CallerVerdict::Unnamed, None) => Judged::Passes(own),
                    (_, _) => Judged::Passes(Lineage { native: verdict.word(), ..own }),
                }
            }
            (None, CallerVerdict::Authorized(_), Caller::Runtime) => Judged::Passes(own),
            (None, _, _) if others.is_some() || denies_nobody => {
                Judged::Refused(frame, others.unwrap_or(RuleIndex::UNJUDGED), Why::Unattributed)
            }
            (None, _, _) => Judged::Passes(own),
        }
    }
}

/// Reports the refusal of who called at a frame, on a stack of which the other one is the innermost;
/// `Ok` in audit mode.
#[cold]
#[inline(never)]
fn refuse(
    state: &State,
    callers: &Callers,
    (call, creation): (Call, Creation),
    (caller, innermost): (Frame, Frame),
    cause: (RuleIndex, Why),
) -> Answer<()> {
    let names = Names::find(state, callers, caller, innermost);
    let caller = (creation, CallerKind::Native, names.caller());
    report::refuse_caller_at(state, call, caller, names.stack(), cause)
}
