//! Whom a thread descends from, as its lineage has it.

use ringfence_policy::Audiences;

use super::kinds::{Facts, Info};
use super::marks::Marks;

/// Subjects, and what exceptions for certain callers ask about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descent {
    pub(crate) marks: Marks,
    /// The audiences that each of them is in. Of whom that was not found out it is none.
    pub(crate) named: Audiences,
}

/// In the word of a lineage, where the audiences begin; the marks stand before.
const NAMED: u32 = 32;

impl Descent {
    /// The host alone.
    pub(crate) const HOST: Self = Self::new(Marks::NONE, Audiences::ALL);

    /// The audiences that each of them is in, be there somebody or not.
    pub(super) const fn named_by_all(self) -> Audiences {
        if self.marks.is_empty() { Audiences::ALL } else { self.named }
    }

    pub(crate) const fn new(marks: Marks, named: Audiences) -> Self {
        Self { marks, named }
    }

    /// As the lineage of a thread has it: 0 for the host's.
    pub(crate) const fn word(self) -> usize {
        if self.marks.is_empty() {
            return 0;
        }
        self.marks.lineage() | (self.named.bits() as usize) << NAMED
    }

    pub(crate) const fn from_word(word: usize) -> Self {
        let [_, _, _, _, named, ..] = word.to_le_bytes();
        Self { marks: Marks::from_lineage(word), named: Audiences::from_bits(named) }
    }

    /// As the tag of a virtual thread has it.
    pub(super) const fn tag(self) -> i64 {
        Info { facts: Facts(self.named.bits() as u32), marks: self.marks }.tag()
    }

    pub(super) const fn from_tag(tag: i64) -> Self {
        let Info { facts: Facts(facts), marks } = Info::from_tag(tag);
        let [named, ..] = facts.to_le_bytes();
        Self { marks, named: Audiences::from_bits(named) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_out_of_a_word_and_of_a_tag() {
        let some = Descent::new(Marks::from_word(0x7654_3211), Audiences::from_bits(0b1010_0101));
        assert_eq!(Descent::from_word(some.word()), some);
        assert_eq!(Descent::from_tag(some.tag()), some);
        assert_eq!(Descent::new(Marks::NONE, Audiences::ALL).word(), 0, "the host's");
        let unasked = Descent::from_word(some.marks.lineage());
        assert_eq!(unasked, Descent::new(some.marks, Audiences::NONE));
    }
}
