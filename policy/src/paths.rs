//! The matcher: which rules cover a path.
//!
//! The places of all rules form a trie of components. A node is a slot of one hash table, found
//! by its parent's slot and its component, and compared byte by byte; so a path costs a probe for
//! each component, up to the first that no rule goes through. A glob hangs at the node of its
//! leading components without wildcards, and is matched against what follows there.

use crate::format::{
    ABOVE_ROOT, ALIASES_ROOT, GLOB_SHIFT, LAST_ITEM, RULES_ROOT, first_slot, slot_key,
};
use crate::image::halves;
use crate::pattern::{Components, components, glob_length};
use crate::verdict::{Tally, Terms};
use crate::{Audiences, Decision, Image, RuleIndex, hash};

/// Judges an absolute normalised path for whoever is in these audiences; `None` if it is not
/// absolute, or if the image contradicts itself.
#[inline(always)]
pub(crate) fn decide(image: &Image<'_>, path: &[u8], among: Audiences) -> Option<Decision> {
    if path.first() != Some(&b'/') {
        return None;
    }
    let rest = components(path);
    let mut walk = Walk { slot: RULES_ROOT, items: image.root_items, depth: 0, rest };
    // Most paths meet no rule at all, so what it takes to weigh them up is kept out of the way.
    while walk.items == 0 {
        if !walk.step(image)? {
            return Some(Decision::ALLOWED);
        }
    }
    weigh(image, walk, among)
}

/// Judges a path from the first node on where there are rules.
#[inline(never)]
fn weigh(image: &Image<'_>, mut walk: Walk<'_>, among: Audiences) -> Option<Decision> {
    let mut tally = Tally::default();
    loop {
        if walk.items != 0 {
            count_items(image, &walk, among, &mut tally)?;
        }
        if !walk.step(image)? {
            return Some(tally.decision());
        }
    }
}

/// A walk down the trie along a path.
struct Walk<'p> {
    /// The node that it has come to, or the root.
    slot: u32,
    /// What that node holds.
    items: u32,
    /// How many components it has taken.
    depth: u32,
    /// Those that it has not.
    rest: Components<'p>,
}

impl Walk<'_> {
    /// Goes on to the next node; `Some(false)` if there is none, `None` if the image contradicts
    /// itself.
    #[inline(always)]
    fn step(&mut self, image: &Image<'_>) -> Option<bool> {
        let Some(component) = self.rest.next() else { return Some(false) };
        let Some(node) = find(image, self.slot, component)? else { return Some(false) };
        (self.slot, self.items) = (node.slot, node.items);
        self.depth = self.depth.saturating_add(1);
        Some(true)
    }
}

/// The alias that a path begins with: how many of its bytes, and its number.
pub(crate) fn alias(image: &Image<'_>, path: &[u8]) -> Option<(usize, u32)> {
    let mut walk = Walk { slot: ALIASES_ROOT, items: 0, depth: 0, rest: components(path) };
    while walk.step(image)? {
        if let Some(number) = walk.items.checked_sub(1) {
            let left = walk.rest.rest().len();
            // The slash before what is left is no part of it.
            let taken = path.len().checked_sub(if left == 0 { 0 } else { left.checked_add(1)? })?;
            return Some((taken, number));
        }
    }
    None
}

/// Whether a forbidden place that a rule names without wildcards, or the part without them, lies
/// beneath a path, as something may beneath `/`; `None` if the image contradicts itself.
pub(crate) fn is_above(image: &Image<'_>, path: &[u8]) -> Option<bool> {
    let mut walk = Walk { slot: ABOVE_ROOT, items: 0, depth: 0, rest: components(path) };
    while walk.step(image)? {}
    Some(walk.depth as usize == components(path).count())
}

/// Counts the rules at the node that a walk has come to.
fn count_items(
    image: &Image<'_>,
    walk: &Walk<'_>,
    among: Audiences,
    tally: &mut Tally,
) -> Option<()> {
    for item in image.items.get(walk.items.checked_sub(1)? as usize..)? {
        let (rule, word) = halves(item);
        let terms = Terms::from_word(word);
        let length = match (word >> GLOB_SHIFT).checked_sub(1) {
            None => Some(0),
            Some(glob) => glob_length(components(image.glob(glob)?), walk.rest, !terms.allows()),
        };
        let counts = !terms.is_scoped() || image.is_for(RuleIndex(rule), among);
        if let Some(length) = length.filter(|_| counts) {
            tally.add(terms, walk.depth.saturating_add(length), RuleIndex(rule));
        }
        if word & LAST_ITEM != 0 {
            return Some(());
        }
    }
    None
}

/// A node of the trie.
struct Node {
    slot: u32,
    items: u32,
}

/// The node of `component` beneath `parent`: `Some(None)` if there is none, `None` if the image
/// contradicts itself. It looks at each slot at most once.
#[inline(always)]
fn find(image: &Image<'_>, parent: u32, component: &[u8]) -> Option<Option<Node>> {
    // A component too long for any slot is none of them.
    let Ok(length) = u16::try_from(component.len()) else { return Some(None) };
    let hash = hash::in_directory(hash::component(component), parent);
    let key = slot_key(parent, hash, length);
    let slots = u32::try_from(image.slots.len()).ok()?;
    let mut number = first_slot(hash, slots);
    for _ in 0..slots {
        let (halved, _) = image.slots.get(number as usize)?.as_chunks::<8>();
        let [found, place] = halved else { return None };
        let found = u64::from_le_bytes(*found);
        if found == 0 {
            return Some(None);
        }
        if found == key {
            let (offset, items) = halves(place);
            if hash::is_same(image.string(offset, u32::from(length))?, component) {
                return Some(Some(Node { slot: number, items }));
            }
        }
        number = number.wrapping_add(1);
        if number == slots {
            number = 0;
        }
    }
    // No free slot: a table without any, or one that no compiler wrote.
    (slots == 0).then_some(None)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::format::BODY_AT;
    use crate::image::seal;
    use crate::{Access, Alias, Effect, FileRule, PathPattern, Place, Policy, compile};

    fn image_of(path: &str) -> Vec<u8> {
        let rule = FileRule {
            id: "files[0]".into(),
            section: "files".into(),
            pattern: path.into(),
            names: vec![PathPattern::Glob(path.into())],
            effect: Effect::Forbid,
            access: Access::ALL,
            place: Place { file: "policy.yml".into(), line: 1, column: 1 },
            reason: None,
            fixed: false,
            leaf: false,
            audience: None,
        };
        let alias = Alias { from: b"/bin".into(), to: b"/usr/bin".into() };
        let policy = Policy { rules: vec![rule], aliases: vec![alias], ..Policy::default() };
        compile(&policy).unwrap()
    }

    #[test]
    fn a_component_is_compared_by_its_bytes() {
        let bytes = image_of("/secret");
        let image = Image::parse(&bytes).unwrap();
        let slots = u32::try_from(image.slots.len()).unwrap();
        let place = |name: &[u8]| {
            let hash = hash::in_directory(hash::component(name), RULES_ROOT);
            (slot_key(RULES_ROOT, hash, 6), first_slot(hash, slots))
        };
        let nibbles = |number: u32| {
            [0, 4, 8, 12, 16, 20].map(|from| b"abcdefghijklmnop"[number as usize >> from & 15])
        };
        let twin = (0..1 << 24)
            .map(nibbles)
            .find(|name| place(name) == place(b"secret"))
            .expect("some name has the same 16 bits of hash");
        assert_eq!(image.decide(&[b"/", &twin[..]].concat()), Decision::ALLOWED);
        assert_eq!(image.decide(b"/secret").refused(), Access::ALL);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// With the checksum put right, whatever the bytes are: no panic and no endless loop.
        #[test]
        fn a_forged_image_is_read_within_its_bounds(
            forged in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        ) {
            let mut bytes = image_of("/srv/*/a/**/b");
            for (at, value) in forged {
                let at = BODY_AT + at.index(bytes.len() - BODY_AT);
                bytes[at] = value;
            }
            // Where that fails, the forgery is one that is noticed.
            let _ = seal(&mut bytes);
            let Ok(image) = Image::parse(&bytes) else { return Ok(()) };
            for path in ["/srv/x/a/y/b", "/bin/sh", "/srv", "/", ""] {
                let decision = image.decide(path.as_bytes());
                let _ = decision.refuses(Access::ALL).map(|rule| image.rule(rule).is_some());
                let _ = image.alias(path.as_bytes());
                let _ = image.is_rule_name(path.as_bytes());
            }
        }
    }
}
