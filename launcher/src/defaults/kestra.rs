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
use super::steps::{Step, steps};
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
    let forced_types = prefixes(forced.iter());

    Pass::new(&plain, Order::FirstWins).walk(flow, entries, &mut |plugin, step| {
        if !(profile.has_references() && plugin.contains_key(REFERENCE)) {
            merge(step.number).fill(plugin, step.values(entries));
        }
    });
    if profile.has_references() {
        references.apply(flow, entries, &forced_types, &merge, &mut notes);
    }
    Pass::new(&forced, Order::LastWins).walk(flow, entries, &mut |plugin, step| {
        merge(step.number).force(plugin, step.values(entries));
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

fn prefixes<'a>(listed: impl Iterator<Item = &'a Listed>) -> Prefixes {
    Prefixes::new(listed.map(|listed| (Rc::clone(&listed.of_type), listed.number)))
}

/// Which of several entries for one plugin wins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The first that is applied; the others find the value there.
    FirstWins,
    /// The last that is applied; it writes over the others.
    LastWins,
}

/// A walk through a flow that hands each plugin to the entries that match its type.
struct Pass {
    /// The entries, in groups that are applied in this order.
    prefixes: Prefixes,
    order: Order,
    /// What is to be done for each type met so far, and for each set of groups.
    known: HashMap<Rc<str>, Rc<[Step]>>,
    by_groups: HashMap<Vec<usize>, Rc<[Step]>>,
}

impl Pass {
    fn new(listed: &[Listed], order: Order) -> Self {
        let groups = order::grouped(listed.iter().map(|listed| &*listed.of_type));
        let places: HashMap<&str, usize> =
            groups.into_iter().enumerate().map(|(place, of_type)| (of_type, place)).collect();
        let mut in_order: Vec<&Listed> = listed.iter().collect();
        in_order.sort_by_key(|listed| places[&*listed.of_type]);
        let prefixes = prefixes(in_order.into_iter());
        Self { prefixes, order, known: HashMap::new(), by_groups: HashMap::new() }
    }

    fn matching(&mut self, plugin_type: &Rc<str>, entries: &[Entry]) -> Rc<[Step]> {
        if let Some(steps) = self.known.get(plugin_type) {
            return Rc::clone(steps);
        }
        let mut groups: Vec<usize> = self.prefixes.of_text(plugin_type).collect();
        groups.sort_unstable();
        let steps = match self.by_groups.get(&groups) {
            Some(steps) => Rc::clone(steps),
            None => {
                let steps: Rc<[Step]> = self.steps(&groups, entries).into();
                self.by_groups.insert(groups, Rc::clone(&steps));
                steps
            }
        };
        self.known.insert(Rc::clone(plugin_type), Rc::clone(&steps));
        steps
    }

    fn steps(&self, groups: &[usize], entries: &[Entry]) -> Vec<Step> {
        let mut numbers: Vec<usize> =
            groups.iter().flat_map(|&group| self.prefixes.group(group)).copied().collect();
        if self.order == Order::LastWins {
            numbers.reverse();
        }
        // Lists are joined and maps are merged, whoever wins.
        let is_simple =
            |node: &Node| matches!(node.value, Value::Bool(_) | Value::Number(_) | Value::Text(_));
        let mut steps = steps(numbers.into_iter(), entries, is_simple, |_| true);
        if self.order == Order::LastWins {
            steps.reverse();
        }
        steps
    }

    fn walk(
        &mut self,
        node: &mut Node,
        entries: &[Entry],
        apply: &mut impl FnMut(&mut super::Map, &Step),
    ) {
        if self.prefixes.is_empty() {
            return;
        }
        match &mut node.value {
            Value::List(items) => {
                items.iter_mut().for_each(|item| self.walk(item, entries, apply));
            }
            Value::Map(map) => {
                map.values_mut().for_each(|value| self.walk(value, entries, apply));
                if let Some(plugin_type) = type_of(map) {
                    let steps = self.matching(&Rc::clone(plugin_type), entries);
                    steps.iter().for_each(|step| apply(map, step));
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
    types: Prefixes,
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
            let types = prefixes(group.into_iter());
            (name, Named { winner, types })
        });
        Self { by_name: by_name.collect() }
    }

    /// The entries that a plugin asks for, when they are for its type.
    fn asked_by(&self, plugin: &super::Map) -> Option<&Named> {
        let named = self.by_name.get(plugin.get(REFERENCE)?.text()?)?;
        named.types.of_text(type_of(plugin)?).next().map(|_| named)
    }

    /// Gives the named entries to the plugins that ask for them, unless a forced entry matches
    /// the plugin: then the name is ignored.
    fn apply(
        &self,
        node: &mut Node,
        entries: &[Entry],
        forced_types: &Prefixes,
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
