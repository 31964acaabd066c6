//! The rules of Kestra, as they are, holes included.
//!
//! A first pass fills in the entries that are not forced, a second gives the named ones to the
//! plugins that ask for them, a third forces. Each goes through children before parents, and what
//! it injects it does not visit.

use std::collections::HashMap;
use std::rc::Rc;

use super::aliases::Aliases;
use super::entry::{Entry, Level};
use super::matching::Prefixes;
use super::merge::Merge;
use super::order;
use super::profile::Profile;
use super::value::{Node, Value, type_of};
use super::{Note, REFERENCE};

/// An entry of Kestra's list: perhaps a copy under the canonical name.
#[derive(Clone)]
struct Listed {
    number: usize,
    of_type: Rc<str>,
}

/// Applies the entries to a flow.
pub(super) fn resolve(
    flow: &mut Node,
    entries: &[Entry],
    profile: Profile,
    aliases: &Aliases,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let listed = list(entries, profile, aliases);
    let (named, by_type): (Vec<_>, Vec<_>) = listed
        .into_iter()
        .partition(|listed| profile.has_references() && entries[listed.number].reference.is_some());
    let is_forced = |listed: &Listed| {
        let entry = &entries[listed.number];
        let ignored = profile.ignores_forced_in_flows() && entry.level == Level::Flow;
        entry.forced && !ignored
    };
    if profile.ignores_forced_in_flows() {
        notes.extend(entries.iter().enumerate().filter_map(|(number, entry)| {
            (entry.forced && entry.level == Level::Flow && entry.reference.is_none())
                .then_some(Note::ForcedInFlow { entry: number })
        }));
    }
    let (mut forced, plain): (Vec<_>, Vec<_>) = by_type.into_iter().partition(is_forced);
    if profile.first_forced_wins() {
        forced.reverse();
    }
    let merge = |number| Merge { number, drops_duplicates: profile.drops_duplicates() };
    let references = References::new(&named, entries);
    let forced_types = Prefixes::new(forced.iter().map(|listed| (Rc::clone(&listed.of_type), ())));

    Pass::new(&plain).walk(flow, &mut |plugin, numbers| {
        if !(profile.has_references() && plugin.contains_key(REFERENCE)) {
            for &number in numbers {
                merge(number).fill(plugin, &entries[number].values);
            }
        }
    });
    if profile.has_references() {
        references.apply(flow, entries, &forced_types, &merge, &mut notes);
    }
    Pass::new(&forced).walk(flow, &mut |plugin, numbers| {
        for &number in numbers {
            merge(number).force(plugin, &entries[number].values);
        }
    });
    if profile.has_references() {
        references.strip(flow);
    }
    notes
}

/// Kestra's list: the entries in the order of the profile, then a copy under its canonical name of
/// each that is written with an alias.
fn list(entries: &[Entry], profile: Profile, aliases: &Aliases) -> Vec<Listed> {
    let first = if profile.global_first() { Level::Global } else { Level::Flow };
    let numbers = || 0..entries.len();
    let mut listed: Vec<Listed> = numbers()
        .filter(|&number| entries[number].level == first)
        .chain(numbers().filter(|&number| entries[number].level != first))
        .map(|number| Listed { number, of_type: Rc::clone(&entries[number].of_type) })
        .collect();
    let copies: Vec<Listed> = listed
        .iter()
        .filter_map(|listed| {
            let of_type = aliases.of_alias(&listed.of_type)?;
            Some(Listed { number: listed.number, of_type: Rc::clone(of_type) })
        })
        .collect();
    listed.extend(copies);
    listed
}

/// A walk through a flow that hands each plugin to the entries that match its type.
struct Pass {
    /// The entries and their place in the order of application.
    prefixes: Prefixes<(usize, usize)>,
    /// The entries of each type met so far.
    known: HashMap<Rc<str>, Rc<[usize]>>,
}

impl Pass {
    fn new(listed: &[Listed]) -> Self {
        let groups = order::grouped(listed.iter().map(|listed| &*listed.of_type));
        let places: HashMap<&str, usize> =
            groups.into_iter().enumerate().map(|(place, of_type)| (of_type, place)).collect();
        let mut in_order: Vec<(usize, &Listed)> =
            listed.iter().map(|listed| (places[&*listed.of_type], listed)).collect();
        in_order.sort_by_key(|&(place, _)| place);
        let prefixes = Prefixes::new(
            in_order
                .into_iter()
                .enumerate()
                .map(|(place, (_, listed))| (Rc::clone(&listed.of_type), (place, listed.number))),
        );
        Self { prefixes, known: HashMap::new() }
    }

    fn matching(&mut self, plugin_type: &Rc<str>) -> Rc<[usize]> {
        if let Some(numbers) = self.known.get(plugin_type) {
            return Rc::clone(numbers);
        }
        let mut found: Vec<(usize, usize)> = self.prefixes.of_text(plugin_type).collect();
        found.sort_unstable();
        let numbers: Rc<[usize]> = found.into_iter().map(|(_, number)| number).collect();
        self.known.insert(Rc::clone(plugin_type), Rc::clone(&numbers));
        numbers
    }

    fn walk(&mut self, node: &mut Node, apply: &mut impl FnMut(&mut super::Map, &[usize])) {
        if self.prefixes.is_empty() {
            return;
        }
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.walk(item, apply)),
            Value::Map(map) => {
                map.values_mut().for_each(|value| self.walk(value, apply));
                if let Some(plugin_type) = type_of(map) {
                    let numbers = self.matching(&Rc::clone(plugin_type));
                    apply(map, &numbers);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }
}

/// The named entries.
struct References {
    by_name: HashMap<Rc<str>, Named>,
}

/// The entries of one name: the one that wins, and the types of all of them.
struct Named {
    winner: usize,
    types: Prefixes<()>,
}

impl References {
    /// A forced entry wins over one that is not; the last of the forced, the first of the others.
    fn new(named: &[Listed], entries: &[Entry]) -> Self {
        let mut groups: HashMap<Rc<str>, Vec<&Listed>> = HashMap::new();
        for listed in named {
            if let Some(name) = &entries[listed.number].reference {
                groups.entry(Rc::clone(name)).or_default().push(listed);
            }
        }
        let by_name = groups.into_iter().map(|(name, group)| {
            let forced = group.iter().rev().find(|listed| entries[listed.number].forced);
            let winner = forced.unwrap_or(&group[0]).number;
            let types = Prefixes::new(group.iter().map(|listed| (Rc::clone(&listed.of_type), ())));
            (name, Named { winner, types })
        });
        Self { by_name: by_name.collect() }
    }

    /// The entries that a plugin asks for, when they are for its type.
    fn asked_by(&self, plugin: &super::Map) -> Option<&Named> {
        let named = self.by_name.get(plugin.get(REFERENCE)?.text()?)?;
        named.types.of_text(type_of(plugin)?).next().map(|()| named)
    }

    /// Gives the named entries to the plugins that ask for them, unless a forced entry matches
    /// the plugin: then the name is ignored.
    fn apply(
        &self,
        node: &mut Node,
        entries: &[Entry],
        forced_types: &Prefixes<()>,
        merge: &impl Fn(usize) -> Merge,
        notes: &mut Vec<Note>,
    ) {
        let again = |node: &mut Node, notes: &mut Vec<Note>| {
            self.apply(node, entries, forced_types, merge, notes);
        };
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| again(item, notes)),
            Value::Map(map) => {
                map.values_mut().for_each(|value| again(value, notes));
                let Some(name) = map.get(REFERENCE).and_then(Node::text).cloned() else { return };
                let plugin_type = type_of(map).cloned();
                let is_forced = plugin_type
                    .as_ref()
                    .is_some_and(|of_type| forced_types.of_text(of_type).next().is_some());
                if is_forced {
                    notes.push(Note::ReferenceIgnored { name: Rc::clone(&name) });
                }
                match self.asked_by(map) {
                    None => notes.push(Note::ReferenceUnresolved { name, plugin_type }),
                    Some(_) if is_forced => {}
                    Some(&Named { winner, .. }) => {
                        let entry = &entries[winner];
                        if entry.forced {
                            merge(winner).force(map, &entry.values);
                        } else {
                            merge(winner).fill(map, &entry.values);
                        }
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    /// Takes away the names that were found. One that stays is one that Kestra refuses to run.
    fn strip(&self, node: &mut Node) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.strip(item)),
            Value::Map(map) => {
                map.values_mut().for_each(|value| self.strip(value));
                if self.asked_by(map).is_some() {
                    map.shift_remove(REFERENCE);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }
}
