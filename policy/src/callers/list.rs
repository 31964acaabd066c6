//! A list of an image about callers, matched where it lies.

use crate::format::{CallerPrefix as Record, FORBIDS, Group};
use crate::image::halves;
use crate::{RuleIndex, hash};

/// What a list says about one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerVerdict {
    /// This rule refuses it. [`RuleIndex::UNJUDGED`] where the image contradicts itself.
    Forbidden(RuleIndex),
    /// This rule authorizes it.
    Authorized(RuleIndex),
    /// No rule names it: allowed, unless the list authorizes others
    /// ([`CallerList::has_authorized`]).
    Unnamed,
}

/// Why a list refuses a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerRefusal {
    /// This rule forbids it. [`RuleIndex::UNJUDGED`] where the image contradicts itself.
    Forbidden(RuleIndex),
    /// Others are authorized, by this rule and more.
    Unauthorized(RuleIndex),
}

/// What a prefix is found by: its bytes, and the list that it is in.
pub(crate) fn key(prefix: &[u8], group: u32) -> u64 {
    hash::in_directory(hash::component(prefix), group)
}

/// Whether a prefix may end before this byte.
const fn is_boundary(byte: u8) -> bool {
    matches!(byte, b'.' | b'$' | b'/' | b'!')
}

/// The rules of one kind about one thing that is asked for, matched where they lie.
///
/// Nothing is allocated, nothing panics, and no byte is read that is not there, whatever the image
/// says; what contradicts itself forbids.
#[derive(Clone, Copy, Debug)]
pub struct CallerList<'a> {
    prefixes: &'a [Record],
    strings: &'a [u8],
    group: u32,
    /// The numbers of the first rule that authorizes and of the first that forbids, plus one.
    first: (u32, u32),
}

impl<'a> CallerList<'a> {
    pub(crate) fn new(
        (groups, prefixes): (&'a [Group], &'a [Record]),
        strings: &'a [u8],
        group: u32,
    ) -> Self {
        // An image without its groups is damaged: it authorizes nobody.
        let first = groups.get(group as usize).map_or((u32::MAX, u32::MAX), halves);
        Self { prefixes, strings, group, first }
    }

    /// Whether there is no rule: callers of this kind are not governed, and need not be found out.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.first.0 | self.first.1 == 0
    }

    /// Whether somebody is authorized, and so everybody else of this kind is not.
    #[must_use]
    #[inline]
    pub const fn has_authorized(&self) -> bool {
        self.first.0 != 0
    }

    /// Whether somebody is forbidden.
    #[must_use]
    #[inline]
    pub const fn has_forbidden(&self) -> bool {
        self.first.1 != 0
    }

    /// The first rule that authorizes somebody, for messages about who is not named.
    #[must_use]
    pub const fn first_authorized(&self) -> Option<RuleIndex> {
        match self.first.0.checked_sub(1) {
            Some(number) => Some(RuleIndex(number)),
            None => None,
        }
    }

    /// The first rule, of those that authorize somebody before those that forbid, for messages
    /// about who is not known.
    #[must_use]
    pub const fn first(&self) -> Option<RuleIndex> {
        match (self.first_authorized(), self.first.1.checked_sub(1)) {
            (Some(rule), _) => Some(rule),
            (None, Some(number)) => Some(RuleIndex(number)),
            (None, None) => None,
        }
    }

    /// What the list says about a name; see the module for what covers it, and who wins.
    ///
    /// A name may have any bytes and any length; its whole beginning is looked at, boundary by
    /// boundary, so the caller bounds it.
    #[must_use]
    pub fn judge(&self, name: &[u8]) -> CallerVerdict {
        if self.is_empty() {
            return CallerVerdict::Unnamed;
        }
        for end in (1..=name.len()).rev() {
            let (Some(beginning), rest) = (name.get(..end), name.get(end)) else { continue };
            if rest.is_none_or(|next| is_boundary(*next))
                && let Some(word) = self.find(beginning)
            {
                let rule = RuleIndex(word & !FORBIDS);
                return match word & FORBIDS {
                    0 => CallerVerdict::Authorized(rule),
                    _ if word == u32::MAX => CallerVerdict::Forbidden(RuleIndex::UNJUDGED),
                    _ => CallerVerdict::Forbidden(rule),
                };
            }
        }
        CallerVerdict::Unnamed
    }

    /// Whether some rule is about a part of what has this name, a symbol of a native object: its
    /// prefix is the name, `!` and more. Where it is not, the name says it all.
    #[must_use]
    pub fn names_parts_of(&self, name: &[u8]) -> bool {
        let is_part =
            |text: &[u8]| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"!"));
        // Every prefix is looked at: who asks keeps the answer.
        let own = self.prefixes.iter().map(entry).filter(|(_, _, (_, group))| *group == self.group);
        !self.is_empty()
            && own.into_iter().any(|(_, (offset, length), _)| {
                let text = self.strings.get(offset as usize..);
                text.and_then(|text| text.get(..length as usize)).is_none_or(is_part)
            })
    }

    /// Why the list refuses a caller that goes by this name; `None` where it does not.
    ///
    /// Whether rules are about such a caller at all, see [`crate::Image::concerns`].
    #[must_use]
    pub fn refuses(&self, name: &[u8]) -> Option<CallerRefusal> {
        match self.judge(name) {
            CallerVerdict::Forbidden(rule) => Some(CallerRefusal::Forbidden(rule)),
            CallerVerdict::Authorized(_) => None,
            CallerVerdict::Unnamed => self.first_authorized().map(CallerRefusal::Unauthorized),
        }
    }

    /// Whether a prefix of the list covers the name, whatever it says.
    pub(crate) fn covers(&self, name: &[u8]) -> bool {
        self.judge(name) != CallerVerdict::Unnamed
    }

    /// The rule and effect of exactly this prefix; the one that forbids stands first.
    pub(crate) fn find(&self, prefix: &[u8]) -> Option<u32> {
        let key = key(prefix, self.group);
        let start = self.prefixes.partition_point(|record| entry(record).0 < key);
        let same = self.prefixes.get(start..)?.iter().map(entry);
        for (found, (offset, length), (word, group)) in same {
            if found != key {
                return None;
            }
            let text = self.strings.get(offset as usize..);
            match text.and_then(|text| text.get(..length as usize)) {
                None => return Some(u32::MAX),
                Some(text) if group == self.group && hash::is_same(text, prefix) => {
                    return Some(word);
                }
                Some(_) => {}
            }
        }
        None
    }
}

/// The key of a record, its text, and its rule and group.
const fn entry(record: &Record) -> (u64, (u32, u32), (u32, u32)) {
    let ([key, text, rule], _) = record.as_chunks::<8>() else { return (0, (0, 0), (0, 0)) };
    (u64::from_le_bytes(*key), halves(text), halves(rule))
}
