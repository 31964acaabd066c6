//! How the strict profile writes the values of an entry into a map.

use std::rc::Rc;

use super::Cycle;
use super::aliases::Aliases;
use super::chain::Chain;
use super::entry::Entry;
use super::value::{Map, Node, Origin, Value, type_of};

/// The properties that every task of Kestra has, whatever its type: they outlive a change of it.
#[rustfmt::skip]
const OF_EVERY_TASK: [&str; 14] = [
    "id", "type", "description", "retry", "timeout", "disabled", "workerGroup", "logLevel", "allowFailure",
    "allowWarning", "logToFile", "runIf", "dependsOn", "assets",
];

/// What one entry may change.
#[derive(Clone, Copy)]
pub(super) struct Reach<'a> {
    /// The entry.
    pub(super) number: usize,
    pub(super) entries: &'a [Entry],
    pub(super) ranks: &'a [usize],
    pub(super) aliases: &'a Aliases,
    /// The entries, not forced, for the same plugin: the earlier of them win.
    pub(super) beside: &'a [usize],
}

impl Reach<'_> {
    /// Gives a map the values that it lacks.
    ///
    /// # Errors
    /// See [`injected`](Self::injected).
    pub(super) fn fill(self, map: &mut Map, values: &Map, chain: &Chain) -> Result<(), Cycle> {
        for (key, value) in values {
            match map.get_mut(key) {
                None => self.insert(map, key, value, chain)?,
                // Only a forced entry changes the type of a plugin.
                Some(own) if &**key == "type" && own.text().is_some() => {}
                Some(own) => self.fill_value(own, value, chain)?,
            }
        }
        Ok(())
    }

    fn fill_value(self, own: &mut Node, value: &Node, chain: &Chain) -> Result<(), Cycle> {
        let held = own.origin.held_by(self.entries).is_some();
        if let Value::Map(map) = &mut own.value
            && let Value::Map(values) = &value.value
        {
            // A forced empty map is what the policy says, and stays empty. What is written for
            // another type does not fit here.
            if held && map.is_empty() || self.differ_in_type(map, values) {
                return Ok(());
            }
            return self.fill(map, values, chain);
        }
        let replaced =
            matches!(own.value, Value::Null) || self.beats(own.origin) && !self.holds_forced(own);
        if replaced && !held { self.put(own, value, chain) } else { Ok(()) }
    }

    /// Whether this entry, which is not forced, replaces the value of another that is not: one
    /// of a farther level, or of the same level that came from the plugin around this one.
    fn beats(self, origin: Origin) -> bool {
        let Some(other) = origin.injector() else { return false };
        if other == self.number || self.entries[other].forced || self.beside.contains(&other) {
            return false;
        }
        self.entries[self.number].level <= self.entries[other].level
    }

    /// Makes a map hold the values of a forced entry, wherever no stronger one holds.
    ///
    /// # Errors
    /// See [`injected`](Self::injected).
    pub(super) fn force(self, map: &mut Map, values: &Map, chain: &Chain) -> Result<(), Cycle> {
        if self.differ_in_type(map, values)
            && map.get("type").is_some_and(|own| self.is_held_against(own))
        {
            return Ok(());
        }
        for (key, value) in values {
            match map.get_mut(key) {
                None => self.insert(map, key, value, chain)?,
                Some(own) => self.force_value(own, value, chain)?,
            }
        }
        Ok(())
    }

    fn force_value(self, own: &mut Node, value: &Node, chain: &Chain) -> Result<(), Cycle> {
        if let (Value::Map(map), Value::Map(values)) = (&mut own.value, &value.value) {
            let forced_empty = map.is_empty() && own.origin.held_by(self.entries).is_some();
            if !values.is_empty() && !forced_empty {
                let held = |node: &Node| self.is_held_against(node);
                if self.differ_in_type(map, values) && !map.get("type").is_some_and(held) {
                    prune(map, &|origin| self.is_stronger(origin));
                }
                return self.force(map, values, chain);
            }
        }
        if self.is_held_against(own) { Ok(()) } else { self.put(own, value, chain) }
    }

    /// Whether a value belongs to a stronger entry.
    fn is_stronger(self, origin: Origin) -> bool {
        origin
            .held_by(self.entries)
            .is_some_and(|other| self.ranks[other] > self.ranks[self.number])
    }

    /// Whether the node, or anything in it, belongs to a stronger entry.
    fn is_held_against(self, node: &Node) -> bool {
        any(node, &|origin| self.is_stronger(origin))
    }

    /// Whether the node, or anything in it, belongs to a forced entry.
    fn holds_forced(self, node: &Node) -> bool {
        any(node, &|origin| origin.held_by(self.entries).is_some())
    }

    fn differ_in_type(self, map: &Map, values: &Map) -> bool {
        match (type_of(map), type_of(values)) {
            (Some(own), Some(other)) => {
                self.aliases.canonical(own) != self.aliases.canonical(other)
            }
            _ => false,
        }
    }

    /// Adds a value under a new key.
    ///
    /// # Errors
    /// See [`injected`](Self::injected).
    fn insert(
        self,
        map: &mut Map,
        key: &Rc<str>,
        value: &Node,
        chain: &Chain,
    ) -> Result<(), Cycle> {
        let value = self.injected(value, chain)?;
        if &**key == "type" && chain.has(self.number) {
            return Err(chain.cycle());
        }
        map.insert(Rc::clone(key), value);
        Ok(())
    }

    /// Replaces a value.
    ///
    /// # Errors
    /// See [`injected`](Self::injected).
    fn put(self, own: &mut Node, value: &Node, chain: &Chain) -> Result<(), Cycle> {
        *own = self.injected(value, chain)?;
        Ok(())
    }

    /// A value of the entry, for the flow.
    ///
    /// # Errors
    /// The entry injects a plugin into one that it injected itself: that would never end.
    fn injected(self, value: &Node, chain: &Chain) -> Result<Node, Cycle> {
        if chain.has(self.number) && value.holds_plugin() {
            return Err(chain.cycle());
        }
        Ok(value.stamped(self.number))
    }
}

/// Whether an origin in the node passes the test.
fn any(node: &Node, test: &impl Fn(Origin) -> bool) -> bool {
    test(node.origin)
        || match &node.value {
            Value::List(items) => items.iter().any(|item| any(item, test)),
            Value::Map(map) => map.values().any(|node| any(node, test)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
        }
}

/// Takes from a map whose type changes the keys of the old type: all but the values that pass the
/// test, and what every task has.
fn prune(map: &mut Map, stays: &impl Fn(Origin) -> bool) {
    let is_task = map.contains_key("id");
    map.retain(|key, node| {
        key.as_ref() == "type"
            || is_task && OF_EVERY_TASK.contains(&&**key)
            || prune_node(node, stays)
    });
}

/// Takes away what does not pass the test, and says whether anything is left.
fn prune_node(node: &mut Node, stays: &impl Fn(Origin) -> bool) -> bool {
    if stays(node.origin) {
        return true;
    }
    let Value::Map(map) = &mut node.value else { return any(node, stays) };
    map.retain(|_, node| prune_node(node, stays));
    !map.is_empty()
}

/// Takes from a plugin that entry `changer` has given another type the keys of the old one. What
/// the entries for the old type put there goes too, or stays without their protection: they no
/// longer match.
pub(super) fn keep_what_belongs(map: &mut Map, changer: usize, is_old: impl Fn(usize) -> bool) {
    prune(map, &|origin| origin.entry().is_some_and(|number| number == changer || !is_old(number)));
    map.values_mut().for_each(|node| let_go(node, &is_old));
}

/// Takes their protection from the values of some entries: they count as the author's.
pub(super) fn let_go(node: &mut Node, is_old: &impl Fn(usize) -> bool) {
    if let Origin::Entry { number, firm } = &mut node.origin
        && is_old(*number)
    {
        *firm = false;
    }
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| let_go(item, is_old)),
        Value::Map(map) => map.values_mut().for_each(|node| let_go(node, is_old)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}
