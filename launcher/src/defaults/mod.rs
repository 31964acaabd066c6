//! Task defaults: the values that a policy gives to the plugins of a flow, and those that it forces
//! on them.
//!
//! The engine ([`resolve`]) is pure: a flow and entries in; the flow as a server would run it, and
//! the reason of every change, out. It knows nothing of YAML, files or terminals. [`document`]
//! reads a flow, [`edit`] writes the changes back into its text, [`policy`] brings in the entries
//! of a policy, and [`flow`] puts them together.

mod aliases;
mod chain;
mod changes;
pub(crate) mod document;
pub(crate) mod edit;
mod emit;
mod entry;
pub(crate) mod flow;
mod kestra;
pub(crate) mod lints;
mod matching;
mod merge;
mod order;
mod parse;
mod places;
pub(crate) mod policy;
mod profile;
mod readers;
mod splice;
mod steps;
mod strict;
mod strict_merge;
mod value;

use std::rc::Rc;

pub(crate) use aliases::Aliases;
pub(crate) use changes::{Change, Path, Step};
pub(crate) use entry::Entry;
pub(crate) use profile::Profile;
pub(crate) use value::{Map, Node, Origin, Value};

/// The key by which a plugin asks for named entries.
pub(crate) const REFERENCE: &str = "pluginDefaultsRef";
/// The keys of a flow that hold its own entries; the second is read when the first is absent.
pub(crate) const FLOW_KEYS: [&str; 2] = ["pluginDefaults", "taskDefaults"];

/// A flow with its defaults.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The flow as a server would run it.
    pub flow: Node,
    /// What is not as its author wrote it.
    pub changes: Vec<Change>,
    /// What its author, or that of an entry, should know.
    pub notes: Vec<Note>,
}

/// Something that is no error and that somebody should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The profile ignores `forced` in a flow.
    ForcedInFlow {
        /// The number of the entry.
        entry: usize,
    },
    /// A plugin asks for named entries, but a forced entry matches it: the name is ignored.
    ReferenceIgnored {
        /// The name.
        name: Rc<str>,
    },
    /// No entry has the name that a plugin asks for, or none for its type: Kestra refuses to run
    /// the plugin.
    ReferenceUnresolved {
        /// The name.
        name: Rc<str>,
        /// The type of the plugin, when it has one.
        plugin_type: Option<Rc<str>>,
    },
}

/// Entries that inject or rewrite one another without end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// The numbers of the entries.
    pub entries: Vec<usize>,
}

impl Cycle {
    fn new(entries: &[usize]) -> Self {
        let mut entries = entries.to_vec();
        entries.sort_unstable();
        entries.dedup();
        Self { entries }
    }
}

/// Gives a flow its defaults. The order of `entries` is that of the lists they come from; the lists
/// of the flow and of the policy may be in any order to each other.
///
/// # Errors
/// In the strict profile, entries that would go on for ever.
pub(crate) fn resolve(
    flow: &Node,
    entries: &[Entry],
    profile: Profile,
    aliases: &Aliases,
) -> Result<Resolved, Cycle> {
    let mut resolved = flow.clone();
    let held_out = hold_out(&mut resolved);
    let notes = if profile.is_strict() {
        strict::resolve(&mut resolved, entries, aliases)?
    } else {
        kestra::resolve(&mut resolved, entries, profile, aliases)
    };
    put_back(&mut resolved, held_out);
    let changes = changes::between(flow, &resolved);
    Ok(Resolved { flow: resolved, changes, notes })
}

/// Takes the flow's own entries out of it: they have types too, and are no plugins.
fn hold_out(flow: &mut Node) -> Vec<(usize, Rc<str>, Node)> {
    let Value::Map(map) = &mut flow.value else { return Vec::new() };
    FLOW_KEYS.iter().filter_map(|&key| map.shift_remove_full(key)).collect()
}

fn put_back(flow: &mut Node, held_out: Vec<(usize, Rc<str>, Node)>) {
    let Value::Map(map) = &mut flow.value else { return };
    for (index, key, node) in held_out.into_iter().rev() {
        map.shift_insert(index.min(map.len()), key, node);
    }
}

/// Whether, in the strict profile, an entry of this type matches a plugin of that type.
pub(crate) fn matches(of_type: &str, plugin_type: &str, aliases: &Aliases) -> bool {
    matching::matches(of_type, plugin_type, aliases)
}

/// A value on one line, as a flow would have it.
pub(crate) fn inline(node: &Node) -> String {
    emit::Style::default().inline(node)
}

#[cfg(test)]
mod tests;
