//! The shortcut: a relative path that passes by its names alone.
//!
//! An image holds the set of the *last names* of its rules ([`crate::Image::is_rule_name`]), with
//! all names that match where a glob ends in a wildcard, and the accesses for which the set suffices ([`crate::Image::by_names`]).
//!
//! **Claim.** Let a process hold a directory `d`, and let `p` be a relative path without `..` on
//! which no link is followed and none of whose names is in the set. If `A` is in `by_names`, then
//! `A` is not refused at the target `t = d/p`.
//!
//! **What is assumed.** A process holds only directories that were judged: opened, listed,
//! entered, inherited or received where at least one access is not refused. A held directory is
//! not moved into a forbidden place: the process cannot, since `by_names` below takes care that
//! writing is refused there too; another process can, which is a limit like a hard link made
//! before. A place that a rule calls a leaf is a file when the policy is compiled.
//!
//! **Proof.** Suppose `A` is refused at `t`, by the rule `r` that wins there. Let `R` be the
//! beginning of `t` that gives `r` its length (for a glob the longest one that it matches).
//! `A` is in `by_names`, so the last component of `r` is in the set, or `R` is `/` (1). If `R` were
//! longer than `d`, its last component would be a name of `p`; but it is that of `r`, or matches
//! it, and so is in the set. So `R` is `d` or above it, and `r` covers `d` with the same length as `t`: for a glob, the longest
//! beginning of `t` that it matches is also one of `d`, and `d` has no others. An exception that
//! covers `d` covers `t` with the same length: for a glob, the shortest beginning is the same. So
//! nothing at `d` beats `r` that did not at `t`, and `A` is refused at `d`. But `d` is held, so
//! some access is not refused there, and (2) says that then `A` is not in `by_names`.
//!
//! It remains that `by_names` keeps these two promises:
//! 1. `A` is not in it if a glob forbids `A` whose last component is not in the set.
//! 2. `A` is not in it if there is a directory where `A` is refused, but not every access.
//!
//! For 2, let `S(d)` be the accesses refused at `d`, and `L(d)` what they would be by the literal
//! rules alone. `L(d)` is `L(n)` for the deepest place `n` on the way to `d` that a literal rule
//! names, or empty. There are finitely many such places; where there is no glob, they are all.
//!
//! Let `S(d)` be neither empty nor everything, `A` in it by the rule `r`, and `B` not in it. If
//! `B` is an access of `r`, then an exception `x` that is longer than `r` allows `B`, and it does
//! not allow `A`, or `r` would not win. So (*) *either `r` forbids less than everything, or an
//! exception that covers `d` does not allow `A`, allows less than everything, and is longer than
//! `r`*.
//! - If a glob makes an exception, (*) is applied to all rules wherever they lie.
//! - Otherwise globs only forbid, and `L(d)` is part of `S(d)`. If `r` is literal, `A` is in
//!   `L(d)`, and `B` is not: so `L(n)` is in part refused, and every such place is looked at. If
//!   `r` is a glob, (*) is applied to globs that forbid and to literal exceptions.
//!
//! A *leaf* is left out of this where it cannot become a directory, which takes a write access:
//! - As a place `n`, if all rules that name it say that it is a leaf, and writing is refused in
//!   `L(n)`, so also in `S(n)` where globs only forbid.
//! - As an exception `x` in (*) for a glob `r`: by (*), `r` forbids everything, or it is dealt with
//!   by itself; writing is refused at `x` if no literal exception on the way to it allows that.
//! - As a glob `r`, if it forbids writing: no literal exception that covers `R` is longer than `R`.
//!
//! `d` then is neither the leaf nor beneath it.
//!
//! An exception for an audience is left out of all this: by it some callers of a process may hold what
//! is refused to others, so that nothing is in `by_names`, and nothing in `whole`. Only where it is for
//! a leaf and not for writing does `by_names` stay: then nobody holds a directory by it, and the leaf
//! stays one as far as the other rules say so.

use alloc::collections::BTreeMap;
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use crate::pattern::{Shape, components, is_wild};
use crate::verdict::{Tally, Terms};
use crate::{Access, Effect, FileRule, Policy, RuleIndex, audience, hash};

/// A set of names that never misses one, and now and then has one more: each name sets four bits
/// of one word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter<'a> {
    words: &'a [[u8; 8]],
}

impl<'a> Filter<'a> {
    pub(crate) const fn new(words: &'a [[u8; 8]]) -> Self {
        Self { words }
    }

    /// Whether `name` may be in the set; always, where there are no words.
    #[inline]
    pub(crate) fn has(self, name: &[u8]) -> bool {
        let (word, bits) = place(name, self.words.len());
        self.words.get(word).is_none_or(|word| u64::from_le_bytes(*word) & bits == bits)
    }
}

/// The word of a name, and its bits there.
#[inline]
fn place(name: &[u8], words: usize) -> (usize, u64) {
    let hash = hash::in_directory(hash::component(name), 0);
    let bits = [0, 6, 12, 18].iter().fold(0, |bits, from| bits | 1_u64 << (hash >> from & 63));
    let word = (hash >> 32).wrapping_mul(words as u64) >> 32;
    (usize::try_from(word).unwrap_or_default(), bits)
}

/// The words of the set of last names of all rules, exceptions too.
///
/// The claim does not need those of exceptions. With them, a path that passes has the verdict of
/// the directory that it starts from, but for exceptions that end in a wildcard.
pub(crate) fn filter(policy: &Policy) -> Vec<u64> {
    let patterns = policy.rules.iter().flat_map(|rule| &rule.names);
    words(patterns.filter_map(|pattern| Shape::of(pattern).last_name()).collect())
}

/// The words of the set of all names on the way to the places of rules and exceptions, but for
/// last ones of globs that forbid; none, which stands for every name, where a wildcard is among
/// them.
///
/// The wildcards of fixed rules in `/proc` stand for processes and threads: names that the kernel
/// alone makes and removes. A `**` over all control groups finds what it finds wherever that is moved, and
/// nothing leaves that file system. Where these are others, such rules have nothing to keep.
pub(crate) fn all(policy: &Policy) -> Vec<u64> {
    let mut names = BTreeSet::new();
    for rule in &policy.rules {
        for shape in rule.names.iter().map(Shape::of) {
            let (Shape::Literal(text) | Shape::Glob(text)) = shape;
            let last = shape.last_wildcard().filter(|_| rule.effect == Effect::Forbid);
            let inner = components(text).count().saturating_sub(usize::from(last.is_some()));
            for name in components(text).take(inner) {
                match (shape, is_wild(name)) {
                    (Shape::Glob(_), true) if rule.fixed && is_kernels(text) => {}
                    (Shape::Glob(_), true) => return Vec::new(),
                    _ => drop(names.insert(name)),
                }
            }
        }
    }
    words(names)
}

/// The accesses of which every place that is refused one is refused all. By (*) in the module's
/// text, where every rule decides about everything no place is refused a part.
pub(crate) fn whole(policy: &Policy) -> Access {
    // What one caller holds another may be refused.
    if policy.rules.iter().any(|rule| rule.audience.is_some()) {
        return Access::NONE;
    }
    !Rules::of(policy).anywhere()
}

/// Whether no program can take what such a fixed rule is about out of the rule.
fn is_kernels(glob: &[u8]) -> bool {
    glob.starts_with(b"/proc/") || glob.starts_with(b"/sys/fs/cgroup/")
}

fn words(names: BTreeSet<&[u8]>) -> Vec<u64> {
    // 16 bits for a name, and so many at least that a small policy sees no false ones.
    let mut words = vec![0; (names.len() / 4).max(64)];
    for name in names {
        let (word, bits) = place(name, words.len());
        if let Some(word) = words.get_mut(word) {
            *word |= bits;
        }
    }
    words
}

/// The most wildcards that each name is tried against.
const MOST_PATTERNS: usize = 16;

/// The last components with wildcards of the globs that forbid; none where they are too many to be
/// tried one by one. A component of stars alone is not among them: every name would match.
pub(crate) fn patterns(policy: &Policy) -> BTreeSet<&[u8]> {
    let forbidding = policy.rules.iter().filter(|rule| rule.effect == Effect::Forbid);
    let shapes = forbidding.flat_map(|rule| &rule.names).map(Shape::of);
    let patterns: BTreeSet<&[u8]> = shapes
        .filter_map(Shape::last_wildcard)
        .filter(|pattern| pattern.iter().any(|byte| *byte != b'*'))
        .collect();
    if patterns.len() > MOST_PATTERNS { BTreeSet::new() } else { patterns }
}

/// The accesses for which the set of names suffices.
pub(crate) fn by_names(policy: &Policy) -> Access {
    if policy.rules.iter().any(audience::may_hold_directory) {
        return Access::NONE;
    }
    if policy.rules.iter().all(|rule| rule.effect == Effect::Allow) {
        return Access::ALL;
    }
    let rules = Rules::of(policy);
    let lost = rules.without_last_name(&patterns(policy))
        | if rules.globs.iter().any(|rule| rule.effect == Effect::Allow) {
            rules.anywhere()
        } else {
            rules.at_literal_places() | rules.at_globs()
        };
    !lost
}

/// The rules of a policy by the shape of their names.
struct Rules<'a> {
    literals: BTreeMap<&'a [u8], Vec<(RuleIndex, &'a FileRule)>>,
    globs: Vec<&'a FileRule>,
    /// The globs that end in a wildcard, with that component.
    wild: Vec<(&'a FileRule, &'a [u8])>,
    all: Vec<&'a FileRule>,
}

impl<'a> Rules<'a> {
    fn of(policy: &'a Policy) -> Self {
        let mut rules = Self {
            literals: BTreeMap::new(),
            globs: Vec::new(),
            wild: Vec::new(),
            all: policy.rules.iter().filter(|rule| rule.audience.is_none()).collect(),
        };
        let numbered = (0..).map(RuleIndex).zip(&policy.rules);
        for (index, rule) in numbered.filter(|(_, rule)| rule.audience.is_none()) {
            for shape in rule.names.iter().map(Shape::of) {
                match shape {
                    Shape::Literal(place) => {
                        rules.literals.entry(place).or_default().push((index, rule));
                    }
                    Shape::Glob(_) => {
                        rules.globs.push(rule);
                        rules.wild.extend(shape.last_wildcard().map(|last| (rule, last)));
                    }
                }
            }
        }
        rules
    }

    /// What globs forbid whose last component is not in the set: promise 1.
    fn without_last_name(&self, patterns: &BTreeSet<&[u8]>) -> Access {
        let lost = |(rule, last): &&(&FileRule, &[u8])| {
            rule.effect == Effect::Forbid && !patterns.contains(last)
        };
        self.wild.iter().filter(lost).fold(Access::NONE, |lost, (rule, _)| lost | rule.access)
    }

    /// (*) for every rule.
    fn anywhere(&self) -> Access {
        self.all.iter().fold(Access::NONE, |lost, rule| lost | partial(rule))
    }

    /// `L(n)` for each literal place that may be a directory.
    fn at_literal_places(&self) -> Access {
        let mut lost = Access::NONE;
        for (place, rules) in &self.literals {
            let refused = self.refused_at(place);
            let stays_leaf = is_leaf(place, rules) && refused.contains(Access::WRITE);
            if refused != Access::ALL && !stays_leaf {
                lost |= refused;
            }
        }
        lost
    }

    /// (*) for the globs, none of which makes an exception.
    fn at_globs(&self) -> Access {
        if self.globs.is_empty() {
            return Access::NONE;
        }
        let mut lost = Access::NONE;
        for glob in &self.globs {
            if !(glob.leaf && glob.access.contains(Access::WRITE)) {
                lost |= partial(glob);
            }
        }
        for (place, rules) in &self.literals {
            let stays_leaf = is_leaf(place, rules) && !self.allowed_at(place, Access::WRITE);
            for (_, rule) in rules {
                if rule.effect == Effect::Allow && !stays_leaf {
                    lost |= partial(rule);
                }
            }
        }
        lost
    }

    /// What the literal rules refuse at a place.
    fn refused_at(&self, place: &[u8]) -> Access {
        let mut tally = Tally::default();
        for (length, beginning) in (0..).zip(beginnings(place)) {
            for (index, rule) in self.literals.get(beginning).into_iter().flatten() {
                let terms = Terms::new(rule.access, rule.effect, rule.fixed);
                tally.add(terms, length, *index);
            }
        }
        tally.decision().refused()
    }

    /// Whether a literal exception on the way to a place allows `access`.
    fn allowed_at(&self, place: &[u8], access: Access) -> bool {
        beginnings(place)
            .filter_map(|beginning| self.literals.get(beginning))
            .flatten()
            .any(|(_, rule)| rule.effect == Effect::Allow && rule.access.intersects(access))
    }
}

/// Whether all rules that name a place say that it is a file; `/` is none, whatever they say.
fn is_leaf(place: &[u8], rules: &[(RuleIndex, &FileRule)]) -> bool {
    place != b"/" && rules.iter().all(|(_, rule)| rule.leaf)
}

/// What a rule may refuse, or leave refused, where it does not decide everything: (*).
fn partial(rule: &FileRule) -> Access {
    match rule.effect {
        _ if rule.access == Access::ALL => Access::NONE,
        Effect::Forbid => rule.access,
        Effect::Allow => !rule.access,
    }
}

/// `/`, then `place` up to each of its components.
fn beginnings(place: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = place.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
    let inner = slashes.filter_map(|(at, _)| place.get(..at));
    let whole = (place != b"/").then_some(place);
    core::iter::once(b"/".as_slice()).chain(inner).chain(whole)
}
