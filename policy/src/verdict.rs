//! What the policy says about a path: which accesses are refused, and by which rule.

use crate::{Access, Effect};

/// The number of a rule in its policy; what [`crate::Image::rule`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub(crate) u32);

impl RuleIndex {
    /// The reserved index of a refusal that no rule asked for: the text is no absolute path, or
    /// the image contradicts itself. [`crate::Image::rule`] has a view for it.
    pub const UNJUDGED: Self = Self(u32::MAX);

    /// The position of the rule among [`crate::Policy::rules`], from 0, then those of
    /// [`crate::Callers`]; `u32::MAX` for [`UNJUDGED`](Self::UNJUDGED).
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The index of a number that was [one](Self::number).
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// The accesses to a path that are refused, each with the rule that refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    refused: Access,
    rules: [RuleIndex; Access::COUNT],
}

impl Decision {
    /// Nothing is refused.
    pub(crate) const ALLOWED: Self =
        Self { refused: Access::NONE, rules: [RuleIndex::UNJUDGED; Access::COUNT] };
    /// Everything is refused, by [`RuleIndex::UNJUDGED`].
    pub(crate) const UNJUDGED: Self =
        Self { refused: Access::ALL, rules: [RuleIndex::UNJUDGED; Access::COUNT] };

    /// The decision that refuses each access for which there is a rule.
    pub(crate) fn by(rules: [Option<RuleIndex>; Access::COUNT]) -> Self {
        let mut decision = Self::ALLOWED;
        for (bit, (rule, place)) in rules.into_iter().zip(&mut decision.rules).enumerate() {
            if let Some(rule) = rule {
                *place = rule;
                decision.refused |= Access::from_bits(1 << bit);
            }
        }
        decision
    }

    /// The rule that refuses `access`, or `None` if all of it is allowed. Where several rules
    /// refuse parts of it, the one for the lowest bit.
    #[must_use]
    pub fn refuses(self, access: Access) -> Option<RuleIndex> {
        let refused = self.refused & access;
        if refused.is_empty() {
            return None;
        }
        self.rules.get(refused.bits().trailing_zeros() as usize).copied()
    }

    /// All accesses that are refused.
    #[must_use]
    pub const fn refused(self) -> Access {
        self.refused
    }
}

/// What a rule contributes to a decision, in the bits that an image keeps it in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms(u32);

impl Terms {
    const ALLOW: u32 = 1 << 5;
    const FIXED: u32 = 1 << 6;
    /// The bits that terms take in a word.
    pub(crate) const BITS: u32 = 7;

    pub(crate) fn new(access: Access, effect: Effect, fixed: bool) -> Self {
        let kind = match effect {
            Effect::Allow => Self::ALLOW,
            Effect::Forbid if fixed => Self::FIXED,
            Effect::Forbid => 0,
        };
        Self(u32::from(access.bits()) | kind)
    }

    /// The terms in the low bits of `word`.
    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word & ((1 << Self::BITS) - 1))
    }

    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    /// The terms of an exception for an audience.
    pub(crate) fn scoped(access: Access) -> Self {
        Self(u32::from(access.bits()) | Self::ALLOW | Self::FIXED)
    }

    pub(crate) const fn allows(self) -> bool {
        self.0 & Self::ALLOW != 0
    }

    /// Whether it is an exception that holds for an audience only.
    pub(crate) const fn is_scoped(self) -> bool {
        self.0 & (Self::ALLOW | Self::FIXED) == Self::ALLOW | Self::FIXED
    }

    const fn is_fixed(self) -> bool {
        self.0 & (Self::ALLOW | Self::FIXED) == Self::FIXED
    }
}

/// The rules that cover a path, reduced to the strongest of each kind for each access.
///
/// A rule is ranked by one number: its length above, its number inverted below. The larger is the
/// longer, and of two of the same length the one that stands first. An exception has zeros below,
/// so a rule of the same length that forbids is larger; and so is any rule than no exception, 0.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    forbidden: [u64; Access::COUNT],
    allowed: [u64; Access::COUNT],
}

impl Tally {
    /// Counts a rule that covers the path from its first `length` components on.
    #[inline]
    pub(crate) fn add(&mut self, terms: Terms, length: u32, rule: RuleIndex) {
        // From 1, so that 0 is no rule. A fixed rule is longer than any exception.
        let length = length.saturating_add(1) | if terms.is_fixed() { 1 << 31 } else { 0 };
        let rank = u64::from(length) << 32;
        let (ranks, rank) = if terms.allows() {
            (&mut self.allowed, rank)
        } else {
            (&mut self.forbidden, rank | u64::from(!rule.0))
        };
        for (bit, strongest) in ranks.iter_mut().enumerate() {
            if terms.0 >> bit & 1 != 0 {
                *strongest = rank.max(*strongest);
            }
        }
    }

    /// What these rules come to.
    #[inline]
    pub(crate) fn decision(&self) -> Decision {
        let mut rules = [None; Access::COUNT];
        let ranks = self.forbidden.iter().zip(&self.allowed);
        for (rule, (forbidden, allowed)) in rules.iter_mut().zip(ranks) {
            if forbidden > allowed {
                #[expect(clippy::cast_possible_truncation, reason = "the low half is the rule")]
                let inverted = *forbidden as u32;
                *rule = Some(RuleIndex(!inverted));
            }
        }
        Decision::by(rules)
    }
}
