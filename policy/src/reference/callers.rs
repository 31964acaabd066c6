//! The obvious slow matcher of callers' names.

use crate::{CallerKind, CallerVerdict, Creation, Effect, Policy, RuleIndex};

/// What the policy says about one caller; see [`crate::CallerList::judge`].
#[must_use]
pub fn judge(policy: &Policy, creation: Creation, kind: CallerKind, name: &[u8]) -> CallerVerdict {
    let before = match creation {
        Creation::Thread => policy.rules.len(),
        Creation::Process => policy.rules.len().saturating_add(policy.callers.threads.len()),
    };
    let rules = (0..).map(RuleIndex).skip(before).zip(policy.callers.rules(creation));
    let covering = rules.filter(|(_, rule)| rule.kind == kind && covers(&rule.prefix, name));
    // Of equal ones `min_by_key` takes the first, and `false` is before `true`.
    let strongest = covering.min_by_key(|(_, rule)| {
        (usize::MAX.saturating_sub(rule.prefix.len()), rule.effect != Effect::Forbid)
    });
    match strongest {
        None => CallerVerdict::Unnamed,
        Some((index, rule)) if rule.effect == Effect::Forbid => CallerVerdict::Forbidden(index),
        Some((index, _)) => CallerVerdict::Authorized(index),
    }
}

/// Whether a name is a prefix, or goes on after it at a boundary.
#[must_use]
pub fn covers(prefix: &str, name: &[u8]) -> bool {
    let rest = name.strip_prefix(prefix.as_bytes());
    rest.is_some_and(|rest| {
        rest.is_empty() || [".", "$", "/", "!"].iter().any(|end| rest.starts_with(end.as_bytes()))
    })
}
