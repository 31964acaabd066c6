//! The trie of components while it grows, and its table of slots.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::format::{ABOVE_ROOT, Slot, first_slot, slot_key};
use crate::hash;

/// A node, before the slots have numbers.
struct Node<'a> {
    /// The number of its parent among the nodes, or a root.
    parent: u32,
    name: &'a [u8],
    /// Where the name stands in the strings.
    text: u32,
}

/// A trie of components, each parent before its children.
#[derive(Default)]
pub(super) struct Trie<'a> {
    nodes: Vec<Node<'a>>,
    numbers: BTreeMap<(u32, &'a [u8]), u32>,
}

impl<'a> Trie<'a> {
    /// The number of the node of `name` beneath `parent`, if it is there.
    pub(super) fn child(&self, parent: u32, name: &'a [u8]) -> Option<u32> {
        self.numbers.get(&(parent, name)).copied()
    }

    /// Adds the node of `name` beneath `parent`, whose text stands at `text`.
    pub(super) fn add(&mut self, parent: u32, name: &'a [u8], text: u32) -> Option<u32> {
        let number = u32::try_from(self.nodes.len()).ok().filter(|number| *number < LARGEST)?;
        self.nodes.push(Node { parent, name, text });
        self.numbers.insert((parent, name), number);
        Some(number)
    }

    /// The table of slots; `contents` says what the node of a number holds.
    ///
    /// It is filled in the order of the nodes, so that a child knows its parent's slot, and at
    /// most to one half, so that a search soon meets a free slot.
    pub(super) fn slots(&self, contents: impl Fn(u32) -> u32) -> Option<Vec<Slot>> {
        if self.nodes.is_empty() {
            return Some(Vec::new());
        }
        let count = self.nodes.len().checked_mul(2)?;
        let total = u32::try_from(count).ok().filter(|total| *total < ABOVE_ROOT)?;
        let mut slots: Vec<Slot> = vec![[0; 16]; count];
        let mut slot_of: Vec<u32> = Vec::with_capacity(self.nodes.len());
        for (number, node) in (0..).zip(&self.nodes) {
            let parent = slot_of.get(node.parent as usize).copied().unwrap_or(node.parent);
            let hash = hash::in_directory(hash::component(node.name), parent);
            let key = slot_key(parent, hash, u16::try_from(node.name.len()).ok()?);
            let start = first_slot(hash, total);
            let free = (start..total)
                .chain(0..start)
                .find(|slot| slots.get(*slot as usize).is_some_and(|slot| *slot == [0; 16]))?;
            let words =
                u128::from(key) | u128::from(node.text) << 64 | u128::from(contents(number)) << 96;
            *slots.get_mut(free as usize)? = words.to_le_bytes();
            slot_of.push(free);
        }
        Some(slots)
    }
}

/// The nodes are numbered beneath this, so that the slots for them are numbered beneath the roots.
const LARGEST: u32 = u32::MAX / 2;
