//! The entries that a plugin goes through, without what cannot have an effect: so that a thousand
//! entries for one property cost each plugin no more than one.

use std::collections::HashSet;
use std::rc::Rc;

use super::entry::Entry;
use super::value::{Map, Node};

/// An entry to apply, or what of it may matter.
#[derive(Debug)]
pub(super) struct Step {
    /// The number of the entry.
    pub(super) number: usize,
    /// Its values that may matter; nothing when all of them do.
    part: Option<Map>,
}

impl Step {
    /// The values to apply.
    pub(super) fn values<'a>(&'a self, entries: &'a [Entry]) -> &'a Map {
        self.part.as_ref().unwrap_or(&entries[self.number].values)
    }
}

/// The steps for entries that are given from the one that wins to the one that yields.
///
/// Where the winner has a simple value for a key, a simple value of a weaker entry cannot show:
/// if the winner could not put its value there, neither can the other. `is_simple` says which
/// values are such, and `always` which entries apply without a condition.
pub(super) fn steps(
    numbers: impl Iterator<Item = usize>,
    entries: &[Entry],
    is_simple: impl Fn(&Node) -> bool,
    always: impl Fn(&Entry) -> bool,
) -> Vec<Step> {
    let mut decided: HashSet<&Rc<str>> = HashSet::new();
    let mut steps = Vec::new();
    for number in numbers {
        let values = &entries[number].values;
        let matters = |key: &Rc<str>, node: &Node| !(decided.contains(key) && is_simple(node));
        let mattering = values.iter().filter(|(key, node)| matters(key, node)).count();
        if mattering == values.len() {
            steps.push(Step { number, part: None });
        } else if mattering > 0 {
            let part = values.iter().filter(|(key, node)| matters(key, node));
            let part = part.map(|(key, node)| (Rc::clone(key), node.clone())).collect();
            steps.push(Step { number, part: Some(part) });
        }
        if always(&entries[number]) {
            decided.extend(values.iter().filter(|(_, node)| is_simple(node)).map(|(key, _)| key));
        }
    }
    steps
}
