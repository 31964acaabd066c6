//! The matcher: which rules cover a path.
//!
//! The places of all rules form a trie of components. A node is a slot of one hash table, found
//! by its parent's slot and its component, and compared byte by byte; so a path costs a probe for
//! each component, up to the first that no rule goes through. A glob hangs at the node of its
//! leading components without wildcards, and is matched against what follows there.

use crate::format::{ALIASES_ROOT, GLOB_SHIFT, LAST_ITEM, RULES_ROOT, first_slot, slot_key};
use crate::image::halves;
use crate::pattern::{Components, components, glob_length};
use crate::verdict::{Tally, Terms};
use crate::{Decision, Image, RuleIndex, hash};

/// Judges an absolute normalised path; `None` if it is not absolute, or if the image contradicts
/// itself.
#[inline]
pub(crate) fn decide(image: &Image<'_>, path: &[u8]) -> Option<Decision> {
    if path.first() != Some(&b'/') {
        return None;
    }
    let mut tally = Tally::default();
    let mut covered = false;
    let mut rest = components(path);
    let mut parent = RULES_ROOT;
    let mut items = image.root_items;
    let mut depth = 0_u32;
    loop {
        if items != 0 {
            covered = true;
            count_items(image, items, depth, rest, &mut tally)?;
        }
        let Some(component) = rest.next() else { break };
        let Some(node) = find(image, parent, component)? else { break };
        (parent, items) = (node.slot, node.items);
        depth = depth.saturating_add(1);
    }
    Some(if covered { tally.decision() } else { Decision::ALLOWED })
}

/// The alias that a path begins with: how many of its bytes, and its number.
#[inline]
pub(crate) fn alias(image: &Image<'_>, path: &[u8]) -> Option<(usize, u32)> {
    let mut rest = components(path);
    let mut parent = ALIASES_ROOT;
    while let Some(component) = rest.next() {
        let node = find(image, parent, component)??;
        if let Some(number) = node.items.checked_sub(1) {
            let left = rest.rest().len();
            // The slash before what is left is no part of it.
            let taken = path.len().checked_sub(if left == 0 { 0 } else { left.checked_add(1)? })?;
            return Some((taken, number));
        }
        parent = node.slot;
    }
    None
}

/// Counts the rules at a node `depth` components deep, from which `rest` of the path goes on.
fn count_items(
    image: &Image<'_>,
    first: u32,
    depth: u32,
    rest: Components<'_>,
    tally: &mut Tally,
) -> Option<()> {
    for item in image.items.get(first.checked_sub(1)? as usize..)? {
        let (rule, word) = halves(item);
        let terms = Terms::from_word(word);
        let length = match (word >> GLOB_SHIFT).checked_sub(1) {
            None => Some(0),
            Some(glob) => glob_length(components(image.glob(glob)?), rest, !terms.allows()),
        };
        if let Some(length) = length {
            tally.add(terms, depth.saturating_add(length), RuleIndex(rule));
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
#[inline]
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
            if image.string(offset, u32::from(length))? == component {
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
