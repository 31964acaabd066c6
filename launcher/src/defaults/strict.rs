//! The strict profile: what a forced entry says is so, whatever a task or a flow says.
//!
//! Parents come before children, and what is injected is visited like the rest. Every forced value
//! keeps the rank of its entry (global before flow, then the longer type, then the later), and only
//! an entry of the same or a higher rank may change it: so the order of visits does not matter, and
//! there is nothing that two entries could change back and forth.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::aliases::{Aliases, without_version};
use super::chain::Chain;
use super::entry::{Entry, Level};
use super::matching::{Prefixes, normal};
use super::steps::{Step, steps};
use super::strict_merge::{Reach, keep_what_belongs, let_go};
use super::value::{Map, Node, Origin, Value, type_of};
use super::{Cycle, Note, REFERENCE, changes};

/// A flow is at rest after this many rounds, or it never is.
const MAX_ROUNDS: usize = 8;

/// Applies the entries to a flow, again and again until a round changes nothing: so that the result
/// is one that stays as it is when it is resolved once more.
///
/// # Errors
/// Entries that inject or rewrite one another's types without end.
pub(super) fn resolve(
    flow: &mut Node,
    entries: &[Entry],
    aliases: &Aliases,
) -> Result<Vec<Note>, Cycle> {
    let mut strict = Strict::new(entries, aliases);
    let mut notes = None;
    for _ in 0..MAX_ROUNDS {
        let before = flow.clone();
        strict.visit(flow, &mut Chain::default())?;
        let found = std::mem::take(&mut strict.notes);
        let notes = notes.get_or_insert(found);
        if *flow == before {
            return Ok(std::mem::take(notes));
        }
        let_go(flow, &|_| true);
    }
    let before = flow.clone();
    strict.visit(flow, &mut Chain::default())?;
    let restless = changes::between(&before, flow);
    Err(Cycle::new(&restless.into_iter().flat_map(|change| change.entries).collect::<Vec<_>>()))
}

/// What the entries do to the plugins of one type.
struct Plan {
    /// The entries that are not forced, the strongest first.
    fill: Vec<Step>,
    /// The forced ones, the strongest last.
    force: Vec<Step>,
    /// The numbers in `fill`.
    beside: Vec<usize>,
    /// The numbers of all entries that match.
    all: HashSet<usize>,
}

struct Strict<'a> {
    entries: &'a [Entry],
    aliases: &'a Aliases,
    /// The entries that go by type.
    prefixes: Prefixes,
    /// The named ones.
    references: HashMap<&'a str, Vec<usize>>,
    /// The place of each entry among all, the strongest last.
    ranks: Vec<usize>,
    /// The plan for each type met so far, and for each set of groups of entries.
    plans: HashMap<Rc<str>, Rc<Plan>>,
    by_groups: HashMap<Vec<usize>, Rc<Plan>>,
    notes: Vec<Note>,
}

impl<'a> Strict<'a> {
    fn new(entries: &'a [Entry], aliases: &'a Aliases) -> Self {
        let prefix = |entry: &Entry| normal(&entry.of_type).to_owned();
        let by_type = entries.iter().enumerate().filter(|(_, entry)| entry.reference.is_none());
        let prefixes = Prefixes::new(by_type.flat_map(|(number, entry)| {
            let written = prefix(entry);
            let canonical = aliases.canonical(&written).to_owned();
            let also = (canonical != written).then_some((Rc::from(canonical), number));
            std::iter::once((Rc::from(written), number)).chain(also)
        }));
        let mut references: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, entry) in entries.iter().enumerate() {
            if let Some(name) = &entry.reference {
                references.entry(name).or_default().push(number);
            }
        }
        let ranks = ranks(entries, aliases);
        Self {
            entries,
            aliases,
            prefixes,
            references,
            ranks,
            plans: HashMap::new(),
            by_groups: HashMap::new(),
            notes: Vec::new(),
        }
    }

    fn plan(&mut self, plugin_type: &Rc<str>) -> Rc<Plan> {
        if let Some(plan) = self.plans.get(plugin_type) {
            return Rc::clone(plan);
        }
        let names =
            std::iter::once(without_version(plugin_type)).chain(self.aliases.names(plugin_type));
        let mut groups: Vec<usize> = names.flat_map(|name| self.prefixes.of_class(name)).collect();
        groups.sort_unstable();
        groups.dedup();
        let plan = match self.by_groups.get(&groups) {
            Some(plan) => Rc::clone(plan),
            None => {
                let plan = Rc::new(self.make_plan(&groups));
                self.by_groups.insert(groups, Rc::clone(&plan));
                plan
            }
        };
        self.plans.insert(Rc::clone(plugin_type), Rc::clone(&plan));
        plan
    }

    fn make_plan(&self, groups: &[usize]) -> Plan {
        let all: HashSet<usize> =
            groups.iter().flat_map(|&group| self.prefixes.group(group)).copied().collect();
        let (mut force, mut fill): (Vec<usize>, Vec<usize>) =
            all.iter().partition(|&&number| self.entries[number].forced);
        force.sort_by_key(|&number| std::cmp::Reverse(self.ranks[number]));
        // Of those that are not forced: flow before global, then the longer type, then the first.
        fill.sort_by(|&one, &other| {
            let (first, second) = (&self.entries[one], &self.entries[other]);
            let length = |entry: &Entry| self.aliases.canonical(normal(&entry.of_type)).len();
            first
                .level
                .cmp(&second.level)
                .then(length(second).cmp(&length(first)))
                .then(one.cmp(&other))
        });
        let is_simple = |node: &Node| {
            matches!(
                node.value,
                Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_)
            )
        };
        let fill = steps(fill.into_iter(), self.entries, is_simple, |_| true);
        // An entry that changes a type may be refused as a whole.
        let always = |entry: &Entry| !entry.values.contains_key("type");
        let mut force = steps(force.into_iter(), self.entries, is_simple, always);
        force.reverse();
        let beside = fill.iter().map(|step| step.number).collect();
        Plan { fill, force, beside, all }
    }

    /// Visits a node.
    fn visit(&mut self, node: &mut Node, chain: &mut Chain) -> Result<(), Cycle> {
        match &mut node.value {
            Value::List(items) => {
                for item in items {
                    self.visit(item, chain)?;
                }
            }
            Value::Map(map) => {
                let before = chain.len();
                chain.enter(node.origin)?;
                self.settle(map, chain)?;
                if let Some(of_type) = map.get("type") {
                    chain.enter(of_type.origin)?;
                }
                for value in map.values_mut() {
                    self.visit(value, chain)?;
                }
                chain.leave(before);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
        Ok(())
    }

    /// Applies the entries to a map until its type stays.
    fn settle(&mut self, map: &mut Map, chain: &Chain) -> Result<(), Cycle> {
        let mut changed_by: Vec<usize> = Vec::new();
        let mut types: Vec<Rc<str>> = Vec::new();
        while let Some(plugin_type) = type_of(map).cloned() {
            let canonical = Rc::from(self.aliases.canonical(&plugin_type));
            if types.contains(&canonical) {
                return Err(Cycle::new(&changed_by));
            }
            types.push(Rc::clone(&canonical));
            let plan = self.plan(&plugin_type);
            self.apply(map, &plan, chain)?;
            let changed = type_of(map).is_none_or(|now| self.aliases.canonical(now) != &*canonical);
            if !changed {
                break;
            }
            if let Some(number) = map.get("type").and_then(|node| node.origin.entry()) {
                changed_by.push(number);
                keep_what_belongs(map, number, |number| plan.all.contains(&number));
            }
        }
        Ok(())
    }

    fn apply(&mut self, map: &mut Map, plan: &Plan, chain: &Chain) -> Result<(), Cycle> {
        if map.contains_key(REFERENCE) {
            self.apply_named(map, plan, chain)?;
        } else {
            for step in &plan.fill {
                self.reach(step.number, &plan.beside).fill(
                    map,
                    step.values(self.entries),
                    chain,
                )?;
            }
        }
        for step in &plan.force {
            self.reach(step.number, &plan.beside).force(map, step.values(self.entries), chain)?;
        }
        Ok(())
    }

    /// A plugin that asks for a named entry gets that one in place of those that are not forced;
    /// a forced entry for its type makes the name void, as in Kestra.
    fn apply_named(&mut self, map: &mut Map, plan: &Plan, chain: &Chain) -> Result<(), Cycle> {
        let Some(name) = map.get(REFERENCE).and_then(Node::text).cloned() else { return Ok(()) };
        let plugin_type = type_of(map).cloned();
        let asked = self.references.get(&*name).map(Vec::as_slice).unwrap_or_default();
        let fits = |number: &&usize| {
            let of_type = &self.entries[**number].of_type;
            plugin_type.as_ref().is_some_and(|plugin_type| {
                super::matching::matches(of_type, plugin_type, self.aliases)
            })
        };
        let winner = asked.iter().filter(fits).copied().max_by(|&one, &other| {
            let entry = |number: usize| &self.entries[number];
            // Among the forced the strongest, else flow before global and the first before others.
            entry(one).forced.cmp(&entry(other).forced).then_with(|| match entry(one).forced {
                true => self.ranks[one].cmp(&self.ranks[other]),
                false => entry(other).level.cmp(&entry(one).level).then(other.cmp(&one)),
            })
        });
        let Some(winner) = winner else {
            self.notes.push(Note::ReferenceUnresolved { name, plugin_type });
            return Ok(());
        };
        map.shift_remove(REFERENCE);
        if !plan.force.is_empty() {
            self.notes.push(Note::ReferenceIgnored { name });
            return Ok(());
        }
        let (reach, values) = (self.reach(winner, &[]), &self.entries[winner].values);
        if self.entries[winner].forced {
            reach.force(map, values, chain)
        } else {
            reach.fill(map, values, chain)
        }
    }

    fn reach<'b>(&'b self, number: usize, beside: &'b [usize]) -> Reach<'b> {
        Reach { number, entries: self.entries, ranks: &self.ranks, aliases: self.aliases, beside }
    }
}

/// The place of each entry among all: global over flow, the longer type, the later in the list.
fn ranks(entries: &[Entry], aliases: &Aliases) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    let length = |entry: &Entry| aliases.canonical(normal(&entry.of_type)).len();
    order.sort_by(|&one, &other| -> Ordering {
        let (first, second) = (&entries[one], &entries[other]);
        first
            .level
            .cmp(&second.level)
            .then(length(first).cmp(&length(second)))
            .then(one.cmp(&other))
    });
    let mut ranks = vec![0; entries.len()];
    for (rank, number) in order.into_iter().enumerate() {
        ranks[number] = rank;
    }
    ranks
}

impl Origin {
    /// The entry that has put the value there in this round, and still holds it.
    pub(super) fn injector(self) -> Option<usize> {
        match self {
            Self::Entry { number, firm: true } => Some(number),
            Self::Entry { .. } | Self::Author => None,
        }
    }

    /// The entry whose rank protects the value, if it is forced and still holds.
    pub(super) fn held_by(self, entries: &[Entry]) -> Option<usize> {
        self.injector().filter(|&number| entries[number].forced)
    }
}

/// Levels sort: flow below global.
const _: () = assert!((Level::Flow as u8) < Level::Global as u8);
