//! What an image says about exceptions for certain callers.

use super::{Image, halves};
use crate::callers::{CallerKind, CallerList, CallerVerdict, List};
use crate::format::Settings;
use crate::{Audiences, Decision, RuleIndex, paths};

impl Image<'_> {
    /// As [`decide`](Self::decide), for a caller who is in these audiences: their exceptions count
    /// as others do.
    #[cold]
    #[must_use]
    pub fn decide_among(&self, path: &[u8], among: Audiences) -> Decision {
        paths::decide(self, path, among).unwrap_or(Decision::UNJUDGED)
    }

    /// Whether there are exceptions for certain callers, so that it matters who calls.
    #[must_use]
    #[inline]
    pub fn has_audiences(&self) -> bool {
        !self.scopes.is_empty()
    }

    /// The audiences that the host is in.
    #[must_use]
    pub fn host_audiences(&self) -> Audiences {
        let [.., hosts] = (self.settings >> Settings::HOST).to_be_bytes();
        Audiences::from_bits(hosts)
    }

    /// The audiences that a subject of this name is in.
    #[must_use]
    pub fn audiences_of(&self, kind: CallerKind, name: &[u8]) -> Audiences {
        let mut found = Audiences::NONE;
        for (number, list) in self.audience_lists(kind) {
            // What contradicts itself forbids.
            if matches!(list.judge(name), CallerVerdict::Authorized(_)) {
                found = found | Audiences::only(number);
            }
        }
        found
    }

    /// Whether any audience has subjects of a kind.
    #[must_use]
    pub fn has_audience_of(&self, kind: CallerKind) -> bool {
        self.audience_lists(kind).any(|(_, list)| !list.is_empty())
    }

    /// The subjects of a kind in each audience, by its number.
    fn audience_lists(&self, kind: CallerKind) -> impl Iterator<Item = (u32, CallerList<'_>)> {
        let tables = (self.callers.groups, self.callers.prefixes);
        (0..).take(self.audience_count()).map(move |number| {
            let group = List::audience_group(number, kind);
            (number, CallerList::new(tables, self.strings, group))
        })
    }

    fn audience_count(&self) -> usize {
        let groups = self.callers.groups.len().saturating_sub(List::GROUPS);
        groups.div_euclid(CallerKind::ALL.len()).min(Audiences::MOST)
    }

    /// Whether the exception for an audience is for one of these.
    pub(crate) fn is_for(&self, rule: RuleIndex, among: Audiences) -> bool {
        let found = self.scopes.partition_point(|scope| halves(scope).0 < rule.0);
        let scope = self.scopes.get(found).map(halves);
        scope.is_some_and(|(number, audience)| number == rule.0 && among.has(audience))
    }
}
