//! The screen: one look at the beginning of a path that most paths pass.
//!
//! Which of its components a rule or an alias goes through shows early: nearly every path that a
//! worker opens differs from all of them in its first two. So a set is kept of beginnings of one
//! or two components: for each rule and each alias the first two of its place, or the only one it
//! has, or in a glob those before a wildcard. What a rule covers begins with the rule's own
//! components, so if neither the first component of a path nor its first two are in the set, then
//! no rule covers it and no alias leads from it. A rule on `/`, or a glob that begins with a
//! wildcard, has no such beginning: then nothing passes.
//!
//! The set never misses one, and now and then has one more, which costs the caller the long way.

use alloc::vec;
use alloc::vec::Vec;

use crate::hash::step;
use crate::pattern::{Shape, components, is_wild};
use crate::{PathPattern, Policy};

/// The words of a screen: 64, so that six bits of a hash say which.
pub(crate) const WORDS: usize = 64;

/// A path whose links lead elsewhere for each who asks, which only the caller can follow.
const PROCFS: &[u8] = b"/proc";

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen<'a> {
    words: &'a [[u8; 8]; WORDS],
}

impl<'a> Screen<'a> {
    /// The screen of these words; `None` where they are more or fewer.
    pub(crate) fn new(words: &'a [[u8; 8]]) -> Option<Self> {
        Some(Self { words: words.try_into().ok()? })
    }

    /// Whether no rule covers the path and no alias leads from it, as far as that shows at once.
    #[inline(always)]
    pub(crate) fn passes(self, path: &[u8], slashes: u64) -> bool {
        self.look(path, slashes) == Some(false)
    }

    /// Whether one of the path's beginnings is in the set; `None` where they are not seen.
    #[inline(always)]
    fn look(self, path: &[u8], slashes: u64) -> Option<bool> {
        let inner = slashes & !1;
        let second = inner & inner.wrapping_sub(1);
        if slashes & 1 == 0 || second == 0 && path.len() > 64 {
            return None;
        }
        let first = (inner.trailing_zeros() as usize).min(path.len());
        let second = (second.trailing_zeros() as usize).min(path.len());
        let word = match path.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => short_word(path),
        };
        Some(self.has(path, word, first)? | self.has(path, word, second)?)
    }

    #[inline(always)]
    fn has(self, path: &[u8], word: u64, end: usize) -> Option<bool> {
        let (place, bit) = spot(path, word, end)?;
        Some(u64::from_le_bytes(*self.words.get(place)?) & bit != 0)
    }
}

/// Fewer than eight bytes, the first one lowest.
fn short_word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Where the first `end` bytes of a text stand in the set: by their number, their first eight and
/// their last eight. `word` is the text's own first eight.
#[inline(always)]
fn spot(text: &[u8], word: u64, end: usize) -> Option<(usize, u64)> {
    let mut state = end as u64;
    if let Some(last) = end.checked_sub(8) {
        state = step(step(state, word), u64::from_le_bytes(*text.get(last..end)?.first_chunk()?));
    } else {
        // At least one byte, so that there is something left of the mask.
        let unwanted = 64_u32.checked_sub(u32::try_from(end).ok()?.checked_mul(8)?)?;
        state = step(state, word & u64::MAX.checked_shr(unwanted)?);
    }
    Some(((state >> 58) as usize, 1 << (state >> 52 & 63)))
}

/// The words of a policy's screen.
pub(crate) fn words(policy: &Policy) -> Vec<u64> {
    let rules = policy.rules.iter().flat_map(|rule| &rule.names).map(beginning);
    let aliases = policy.aliases.iter().map(|alias| first_two(&alias.from, false));
    let mut words = vec![0; WORDS];
    for text in rules.chain(aliases).chain([PROCFS]) {
        let word = text.first_chunk().map_or_else(|| short_word(text), |w| u64::from_le_bytes(*w));
        match spot(text, word, text.len()).filter(|_| !text.is_empty()) {
            Some((place, bit)) => words.iter_mut().skip(place).take(1).for_each(|w| *w |= bit),
            None => words.fill(u64::MAX),
        }
    }
    words
}

fn beginning(pattern: &PathPattern) -> &[u8] {
    match Shape::of(pattern) {
        Shape::Literal(place) => first_two(place, false),
        Shape::Glob(glob) => first_two(glob, true),
    }
}

/// The first two components of a name, or as many as there are before a wildcard.
fn first_two(name: &[u8], has_wildcards: bool) -> &[u8] {
    let plain = components(name).take(2).take_while(|c| !(has_wildcards && is_wild(c)));
    let length = plain.fold(0_usize, |length, c| length.saturating_add(c.len()).saturating_add(1));
    name.get(..length).unwrap_or_default()
}
