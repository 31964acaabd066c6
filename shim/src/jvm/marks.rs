//! Which subjects something stems from, as far as a verdict needs it: one word.
//!
//! What a policy says about a subject never changes while the process runs. So of a set of subjects
//! it is enough to keep whether there is any, whether one of them is refused, and which one to
//! name; sets of any size are joined without a table that could be full.

use ringfence_policy::{CallerKind, CallerVerdict, Creation, Image, RuleIndex};

use super::names::Names;

/// The subjects that a stack, a class, a thread or a pool carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u32);

/// Some subject is there.
const SOME: u32 = 1;
/// One of them may not create a thread.
const REFUSED: u32 = 1 << 1;
/// The one to be named is a subject by its own name, not the code of one.
const NAMED: u32 = 1 << 2;
/// The number of the one to be named stands from here on.
const NUMBER: u32 = 8;

/// How a class came by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was loaded from where such classes lie: the name is its own.
    Verified,
    /// A library of the plugin whose name is given.
    Library,
    /// Anybody could have called it that: good enough to be forbidden, not to be authorized.
    Claimed,
    /// Nobody is known to have made it.
    Nobody,
}

/// Why a subject is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// This rule forbids it.
    Forbidden(RuleIndex),
    /// Others are authorized, by this rule and more.
    Unnamed(RuleIndex),
    /// Nobody is known to have made it, so no rule can authorize it.
    Unattributed,
}

impl Marks {
    /// No subject: the host's or the runtime's own.
    pub(crate) const NONE: Self = Self(0);

    /// The marks of one subject.
    pub(crate) fn of(image: &Image<'_>, names: &Names, name: &[u8], standing: Standing) -> Self {
        let mut bits = SOME;
        if judge(image, name, standing).is_some() {
            bits |= REFUSED;
        }
        if standing == Standing::Verified {
            bits |= NAMED;
        }
        Self(bits | names.number(name, standing) << NUMBER)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn is_refused(self) -> bool {
        self.0 & REFUSED != 0
    }

    /// The number of the subject to name.
    pub(crate) const fn number(self) -> u32 {
        self.0 >> NUMBER
    }

    /// Both sets. Of two that are refused, the one with a name of its own is named in messages,
    /// and `farther` before `self`: the farthest is the task.
    #[must_use]
    pub(crate) const fn join(self, farther: Self) -> Self {
        let both = self.0 | farther.0;
        let mine = self.0 & (REFUSED | NAMED);
        let theirs = farther.0 & (REFUSED | NAMED);
        let named =
            if farther.is_empty() || rank(theirs) < rank(mine) { self.0 } else { farther.0 };
        Self(both & (SOME | REFUSED) | named & !(SOME | REFUSED))
    }

    /// As the lineage of a thread has them.
    pub(crate) const fn lineage(self) -> usize {
        self.0 as usize
    }

    #[expect(clippy::cast_possible_truncation, reason = "it came from the word of a set")]
    pub(crate) const fn from_lineage(word: usize) -> Self {
        Self(word as u32)
    }

    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word)
    }
}

const fn rank(bits: u32) -> u32 {
    match (bits & REFUSED != 0, bits & NAMED != 0) {
        (true, true) => 3,
        (true, false) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }
}

/// Why the policy refuses a subject a thread; `None` when it does not.
pub(crate) fn judge(image: &Image<'_>, name: &[u8], standing: Standing) -> Option<Reason> {
    if standing == Standing::Nobody {
        return Some(Reason::Unattributed);
    }
    let list = image.callers(Creation::Thread, CallerKind::Java);
    let verdict = list.judge(name);
    if let CallerVerdict::Forbidden(rule) = verdict {
        return Some(Reason::Forbidden(rule));
    }
    let authorized = matches!(verdict, CallerVerdict::Authorized(_));
    if authorized && standing != Standing::Claimed {
        return None;
    }
    list.first_authorized().map(Reason::Unnamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Marks = Marks(SOME | 1 << NUMBER);
    const REFUSED_CODE: Marks = Marks(SOME | REFUSED | 2 << NUMBER);
    const REFUSED_TASK: Marks = Marks(SOME | REFUSED | NAMED | 3 << NUMBER);
    const FARTHER_TASK: Marks = Marks(SOME | REFUSED | NAMED | 4 << NUMBER);

    #[test]
    fn a_refused_subject_stays_refused_and_is_the_one_named() {
        for both in [PLAIN.join(REFUSED_CODE), REFUSED_CODE.join(PLAIN)] {
            assert!(both.is_refused());
            assert_eq!(both.number(), 2);
        }
    }

    #[test]
    fn the_farthest_with_a_name_of_its_own_is_named() {
        assert_eq!(REFUSED_TASK.join(REFUSED_CODE).number(), 3);
        assert_eq!(REFUSED_TASK.join(FARTHER_TASK).number(), 4);
        assert_eq!(REFUSED_CODE.join(REFUSED_TASK).number(), 3);
    }

    #[test]
    fn nothing_adds_nothing() {
        assert_eq!(PLAIN.join(Marks::NONE), PLAIN);
        assert_eq!(Marks::NONE.join(PLAIN), PLAIN);
        assert!(Marks::NONE.join(Marks::NONE).is_empty());
    }
}
