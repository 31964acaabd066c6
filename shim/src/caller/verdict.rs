//! What the rules say about a caller, in one word, which fits into a table and into a lineage.

use ringfence_policy::{CallerVerdict, RuleIndex};

use crate::lineage;

/// What the rules about one creation say about an object, in one word: 0 where none names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict(usize);

impl Verdict {
    const FORBIDS: usize = 1 << 40;

    /// The verdict of a word that was one.
    pub(crate) const fn from_word(word: usize) -> Self {
        Self(word & lineage::WITHOUT_BARS)
    }

    pub(crate) const fn word(self) -> usize {
        self.0
    }

    pub(super) fn new(verdict: CallerVerdict) -> Self {
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
    pub(super) fn or(self, other: Self) -> Self {
        match (self.get(), other.get()) {
            (CallerVerdict::Forbidden(_), _) | (_, CallerVerdict::Unnamed) => self,
            (CallerVerdict::Authorized(_), CallerVerdict::Authorized(_)) => self,
            _ => other,
        }
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
