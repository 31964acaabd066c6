//! For whom an exception holds: the callers that its list names, or the host.
//!
//! An exception with such a list is none for [`crate::Image::decide`]: whatever is judged by the
//! path alone is judged as if it were not there, and so are the sets by which paths pass early. Only
//! who was refused is asked who he is ([`crate::Image::decide_among`]).
//!
//! Equal lists are one *audience*, by a number below [`Audiences::MOST`], so that all that has to be
//! known about a caller is a few bits.

use alloc::vec::Vec;
use core::ops::{BitAnd, BitAndAssign, BitOr, Not};

use crate::callers::{CallerKind, CallerPrefix};
use crate::pattern::Shape;
use crate::{Access, FileRule, Policy};

/// The callers that an exception is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The host: whoever calls where no subject does.
    pub host: bool,
    /// The subjects; each one that calls must be named.
    pub callers: Vec<CallerPrefix>,
}

/// A set of audiences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audiences(u8);

impl Audiences {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All that a policy can have.
    pub const ALL: Self = Self(u8::MAX);
    /// The most that a policy can have.
    pub const MOST: usize = u8::BITS as usize;

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The set as bits, the audience of the lowest number in the lowest.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set of one; none where there is no audience of that number.
    #[must_use]
    pub const fn only(number: u32) -> Self {
        match 1_u8.checked_shl(number) {
            Some(bit) => Self(bit),
            None => Self::NONE,
        }
    }

    /// Whether an audience is in the set.
    #[must_use]
    pub const fn has(self, number: u32) -> bool {
        self.0 & Self::only(number).0 != 0
    }
}

impl BitOr for Audiences {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Audiences {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitAndAssign for Audiences {
    fn bitand_assign(&mut self, other: Self) {
        self.0 &= other.0;
    }
}

impl Not for Audiences {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// The audiences of a policy, each once, in the order in which its rules name them.
#[must_use]
pub fn audiences(policy: &Policy) -> Vec<&Audience> {
    let mut found: Vec<&Audience> = Vec::new();
    for audience in policy.rules.iter().filter_map(|rule| rule.audience.as_ref()) {
        if !found.contains(&audience) {
            found.push(audience);
        }
    }
    found
}

/// Whether a process may come to hold a directory by the exception of an audience: not by one of a
/// file that nobody may put a directory in the place of.
pub(crate) fn may_hold_directory(rule: &FileRule) -> bool {
    // The root is a directory, whatever a rule says.
    let is_root = |name| matches!(Shape::of(name), Shape::Literal(b"/") | Shape::Glob(b"/"));
    let is_file = rule.leaf && !rule.names.iter().any(is_root);
    rule.audience.is_some() && (rule.access.contains(Access::WRITE) || !is_file)
}

/// The kinds of callers and their names, of one audience.
pub(crate) fn prefixes(audience: &Audience) -> impl Iterator<Item = (CallerKind, &str)> {
    audience.callers.iter().map(|prefix| (prefix.kind, prefix.text.as_str()))
}
