//! The obvious slow matcher: what a policy means, without an image.
//!
//! It allocates, and tries every rule, every beginning of the path and every way to match a glob.
//! Tests hold the image to it.

pub mod callers;

use alloc::vec::Vec;

use crate::{
    Access, Alias, Audiences, CallerKind, Decision, Effect, FileRule, PathPattern, Policy,
    RuleIndex, audiences,
};

/// What the policy says about an absolute normalised path; see [`crate::Image::decide`].
#[must_use]
pub fn decide(policy: &Policy, path: &[u8]) -> Decision {
    decide_among(policy, path, Audiences::NONE)
}

/// What it says for a caller who is in these audiences; see [`crate::Image::decide_among`].
#[must_use]
pub fn decide_among(policy: &Policy, path: &[u8], among: Audiences) -> Decision {
    if !path.starts_with(b"/") {
        return Decision::UNJUDGED;
    }
    let path = split(path);
    let mut winners = [None; Access::COUNT];
    for (bit, winner) in winners.iter_mut().enumerate() {
        *winner = refusing_rule(policy, &path, Access::from_bits(1 << bit), among);
    }
    Decision::by(winners)
}

/// The audiences that a subject is in; see [`crate::Image::audiences_of`].
#[must_use]
pub fn audiences_of(policy: &Policy, kind: CallerKind, name: &[u8]) -> Audiences {
    let mut found = Audiences::NONE;
    for (number, audience) in (0..).zip(audiences(policy)) {
        let mut named = audience.callers.iter().filter(|prefix| prefix.kind == kind);
        if named.any(|prefix| callers::covers(&prefix.text, name)) {
            found = found | Audiences::only(number);
        }
    }
    found
}

/// Whether a rule counts for a caller who is in these audiences.
fn is_for(policy: &Policy, rule: &FileRule, among: Audiences) -> bool {
    let Some(audience) = &rule.audience else { return true };
    let number = audiences(policy).iter().position(|known| *known == audience);
    number.and_then(|number| u32::try_from(number).ok()).is_some_and(|number| among.has(number))
}

/// The alias that a path begins with; see [`crate::Image::alias`].
#[must_use]
pub fn alias<'a>(policy: &'a Policy, path: &[u8]) -> Option<(usize, &'a [u8])> {
    let is_beneath =
        |alias: &&Alias| path == alias.from || path.starts_with(&[&alias.from[..], b"/"].concat());
    let outermost =
        policy.aliases.iter().filter(is_beneath).min_by_key(|alias| alias.from.len())?;
    Some((outermost.from.len(), &outermost.to))
}

/// Whether something forbidden lies beneath a path; see [`crate::Image::is_above`].
#[must_use]
pub fn is_above(policy: &Policy, path: &[u8]) -> bool {
    let path = split(path);
    path.is_empty()
        || forbidden(policy).any(|place| {
            let beginning = place.get(..path.len()).unwrap_or_default();
            place.len() > path.len()
                && !beginning.contains(&&b"**"[..])
                && matches(beginning, &path)
        })
}

/// Whether something forbidden may lie beneath a path; see [`crate::Image::may_be_above`].
#[must_use]
pub fn may_be_above(policy: &Policy, path: &[u8]) -> bool {
    let names = split(path);
    let through_stars = |place: Vec<&[u8]>| {
        let stars = place.iter().position(|name| *name == b"**");
        stars.is_some_and(|stars| {
            let before = place.get(..stars).unwrap_or_default();
            names.len() > stars && matches(before, names.get(..stars).unwrap_or_default())
        })
    };
    is_above(policy, path) || forbidden(policy).any(through_stars)
}

/// The components of the places that rules forbid. In a literal one a star is a star, which a
/// pattern of just that star matches too.
fn forbidden(policy: &Policy) -> impl Iterator<Item = Vec<&[u8]>> {
    let rules = policy.rules.iter().filter(|rule| rule.effect == Effect::Forbid);
    rules.flat_map(|rule| &rule.names).map(|name| match name {
        PathPattern::Literal(place) => split(place),
        PathPattern::Glob(glob) => {
            let mut glob = split(glob);
            while glob.last() == Some(&b"**".as_slice()) {
                glob.pop();
            }
            glob
        }
    })
}

/// The rule that refuses a single access, if one does.
fn refusing_rule(
    policy: &Policy,
    path: &[&[u8]],
    access: Access,
    among: Audiences,
) -> Option<RuleIndex> {
    let mut forbidding: Option<(bool, usize, RuleIndex)> = None;
    let mut allowing: Option<usize> = None;
    for (index, rule) in (0..).map(RuleIndex).zip(&policy.rules) {
        if !rule.access.contains(access) || !is_for(policy, rule, among) {
            continue;
        }
        for length in rule.names.iter().filter_map(|name| length(rule, name, path)) {
            match rule.effect {
                Effect::Allow => allowing = allowing.max(Some(length)),
                Effect::Forbid => {
                    // Of equals the first is named.
                    if forbidding
                        .is_none_or(|(fixed, longest, _)| (rule.fixed, length) > (fixed, longest))
                    {
                        forbidding = Some((rule.fixed, length, index));
                    }
                }
            }
        }
    }
    let (fixed, length, rule) = forbidding?;
    (fixed || allowing.is_none_or(|allowed| length >= allowed)).then_some(rule)
}

/// The number of components by which a name of a rule covers a path, if it does.
fn length(rule: &FileRule, name: &PathPattern, path: &[&[u8]]) -> Option<usize> {
    match name {
        PathPattern::Literal(place) => {
            let place = split(place);
            path.starts_with(&place).then_some(place.len())
        }
        PathPattern::Glob(glob) => {
            let mut glob = split(glob);
            // What lies beneath is covered anyhow.
            while glob.last() == Some(&b"**".as_slice()) {
                glob.pop();
            }
            let is_matched = |length: &usize| {
                path.get(..*length).is_some_and(|beginning| matches(&glob, beginning))
            };
            let mut lengths = (0..=path.len()).filter(is_matched);
            // Of several, the one that refuses more.
            match rule.effect {
                Effect::Forbid => lengths.next_back(),
                Effect::Allow => lengths.next(),
            }
        }
    }
}

/// Whether a glob matches exactly these components.
fn matches(glob: &[&[u8]], path: &[&[u8]]) -> bool {
    match (glob.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&b"**", after)), None) => matches(after, path),
        (Some((&b"**", after)), Some((_, rest))) => matches(after, path) || matches(glob, rest),
        (Some((wanted, after)), Some((name, rest))) => {
            matches_name(wanted, name) && matches(after, rest)
        }
        _ => false,
    }
}

/// Whether a component of a glob matches a name.
fn matches_name(wanted: &[u8], name: &[u8]) -> bool {
    match (wanted.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', after)), None) => matches_name(after, name),
        (Some((b'*', after)), Some((_, rest))) => {
            matches_name(after, name) || matches_name(wanted, rest)
        }
        (Some((b'?', after)), Some((_, rest))) => matches_name(after, rest),
        (Some((byte, after)), Some((first, rest))) => byte == first && matches_name(after, rest),
        _ => false,
    }
}

/// The components of an absolute path.
fn split(path: &[u8]) -> Vec<&[u8]> {
    path.split(|byte| *byte == b'/').filter(|component| !component.is_empty()).collect()
}
