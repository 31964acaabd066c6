//! What a policy says about defaults, for the engine. The one place where the nodes of a policy
//! become the engine's values.

use std::rc::Rc;

use super::document::scalar;
use super::entry::{Dialect, Entry, Level};
use super::value::{Map, Node, Value};
use super::{Aliases, Profile, lints, readers};
use crate::read::document::{Defaults, Document};
use crate::read::kestra::plugins::DOCKER;
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::span::Span;
use crate::read::yaml;

/// The defaults of a policy.
#[derive(Debug)]
pub(crate) struct Policy {
    /// The entries.
    pub(crate) entries: Vec<Entry>,
    /// Where each of them stands.
    pub(crate) spans: Vec<Span>,
    /// The aliases in force.
    pub(crate) aliases: Aliases,
    /// The profile in force.
    pub(crate) profile: Profile,
}

impl Policy {
    /// Takes the defaults of a policy; `profile` wins over the one that the policy names.
    ///
    /// # Errors
    /// Every invalid entry.
    pub(crate) fn new(document: &Document, profile: Option<Profile>) -> Result<Self, Mistakes> {
        let named = document.tasks.profile.as_ref().and_then(|name| Profile::of_name(&name.text));
        let profile = profile.or(named).unwrap_or_default();
        let mut mistakes = Mistakes::default();
        let mut policy =
            Self { entries: Vec::new(), spans: Vec::new(), aliases: aliases(document), profile };
        for written in &document.defaults {
            match entry(written, profile) {
                Ok(entry) => {
                    policy.entries.push(entry);
                    policy.spans.push(written.node.span.clone());
                }
                Err(faults) => faults.into_iter().for_each(|fault| mistakes.add(fault)),
            }
        }
        if mistakes.has_errors() { Err(mistakes) } else { Ok(policy) }
    }
}

/// Every mistake in the defaults of a policy, and the lints that need no flow. This is what
/// `ringfence check` adds.
pub(crate) fn check(document: &Document) -> Mistakes {
    match Policy::new(document, None) {
        Ok(policy) => {
            let mut mistakes = lints::on_written(&document.defaults);
            mistakes.extend(lints::on_entries(&policy));
            mistakes.extend(readers::refused(&policy, &document.threads));
            mistakes
        }
        Err(mistakes) => mistakes,
    }
}

/// The types on which entries force a runner in containers.
pub(crate) fn contained(entries: &[Entry]) -> impl Iterator<Item = &str> {
    entries.iter().filter(|entry| is_contained(entry)).map(|entry| &*entry.of_type)
}

/// Whether an entry forces a runner in containers.
pub(super) fn is_contained(entry: &Entry) -> bool {
    let runner = entry.values.get("taskRunner").and_then(Node::plugin_type);
    entry.forced && runner.is_some_and(|of_type| &**of_type == DOCKER)
}

fn aliases(document: &Document) -> Aliases {
    Aliases::new(
        document
            .tasks
            .aliases
            .iter()
            .map(|(alias, name)| (alias.text.as_str(), name.text.as_str())),
    )
}

fn entry(written: &Defaults, profile: Profile) -> Result<Entry, Vec<Mistake>> {
    let dialect = Dialect {
        loose_booleans: written.section.starts_with("kestra."),
        forced_null: profile.is_strict(),
    };
    let invalid = |fault: &str| {
        Mistake::new("RF120", format!("an entry of `{}` {fault}", written.section))
            .at(&written.node.span, "this entry")
    };
    Entry::read(&node(&written.node), Level::Global, dialect)
        .map_err(|faults| faults.iter().map(|fault| invalid(fault)).collect())
}

/// A node of a policy as a value of the engine.
pub(crate) fn node(written: &yaml::Node) -> Node {
    Node::new(match &written.value {
        yaml::Value::Scalar(text, style) => {
            let is_text = matches!(written.tag.as_deref(), Some("tag:yaml.org,2002:str" | "!"));
            scalar(text, *style == yaml::Style::Plain && !is_text)
        }
        yaml::Value::List(items) => Value::List(items.iter().map(node).collect()),
        yaml::Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|entry| (Rc::from(entry.key.text().unwrap_or_default()), node(&entry.value)));
            Value::Map(entries.collect::<Map>())
        }
    })
}
