//! How Kestra merges maps: deeply, lists joined; null, and what is empty of the same kind, never
//! erases.

use std::collections::HashSet;
use std::rc::Rc;

use super::value::{Map, Node, Origin, Value};

/// How one entry is merged into the plugins that it matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merge {
    /// The number that the values get.
    pub(super) number: usize,
    /// Whether an element that a joined list already has is dropped.
    pub(super) drops_duplicates: bool,
}

impl Merge {
    /// Merges a plugin over the values of an entry that is not forced.
    pub(super) fn fill(self, plugin: &mut Map, values: &Map) {
        for (key, value) in values {
            match plugin.get_mut(key) {
                None => {
                    plugin.insert(Rc::clone(key), value.stamped(self.number));
                }
                Some(own) => self.fill_value(own, value),
            }
        }
    }

    fn fill_value(self, own: &mut Node, value: &Node) {
        match (&mut own.value, &value.value) {
            (Value::Null, _) => *own = value.stamped(self.number),
            (Value::Map(own), Value::Map(values)) => self.fill(own, values),
            (Value::List(items), Value::List(more)) if !more.is_empty() => {
                let mut joined: Vec<Node> =
                    more.iter().map(|item| item.stamped(self.number)).collect();
                self.append(&mut joined, std::mem::take(items));
                *items = joined;
                own.origin = Origin::Entry { number: self.number, firm: true };
            }
            _ => {}
        }
    }

    /// Merges the values of a forced entry over a plugin.
    pub(super) fn force(self, plugin: &mut Map, values: &Map) {
        for (key, value) in values {
            match plugin.get_mut(key) {
                None => {
                    plugin.insert(Rc::clone(key), value.stamped(self.number));
                }
                Some(own) => self.force_value(own, value),
            }
        }
    }

    fn force_value(self, own: &mut Node, value: &Node) {
        match (&mut own.value, &value.value) {
            (_, Value::Null) => {}
            (Value::Map(own), Value::Map(values)) => self.force(own, values),
            (Value::List(items), Value::List(more)) => {
                let more = more.iter().map(|item| item.stamped(self.number)).collect();
                self.append(items, more);
                own.origin = Origin::Entry { number: self.number, firm: true };
            }
            _ => *own = value.stamped(self.number),
        }
    }

    fn append(self, items: &mut Vec<Node>, more: Vec<Node>) {
        if !self.drops_duplicates {
            items.extend(more);
            return;
        }
        // Texts, by far the most common elements, are looked up, so that long lists stay cheap.
        let texts: HashSet<Rc<str>> =
            items.iter().filter_map(|item| item.text().cloned()).collect();
        let before = items.len();
        for item in more {
            let known = match item.text() {
                Some(text) => texts.contains(text),
                None => items[..before].contains(&item),
            };
            if !known {
                items.push(item);
            }
        }
    }
}
