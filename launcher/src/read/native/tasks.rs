//! `ringfence.tasks` and `ringfence.environment`: what tasks and child processes get.

use crate::read::document::{Defaults, Document, Text};
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::patterns::Context;
use crate::read::shape::{self, Field, Section};
use crate::read::yaml::{Entry, Node};

/// The profiles by which task defaults are merged.
const PROFILES: [(&str, &str); 5] = [
    ("ringfence", "ringfence"),
    ("kestra-0.17", "kestra-0.17"),
    ("kestra-0.19", "kestra-0.19"),
    ("kestra-1.3", "kestra-1.3"),
    ("kestra-develop", "kestra-develop"),
];

/// Reads `tasks`.
pub(super) fn tasks(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["defaults", "aliases", "inheritEnv", "profile"];
    let name = "ringfence.tasks";
    let section = Section::open(name, field.key, field.value, &known, context.mistakes);
    let Some(section) = section else { return };
    if let Some(field) = section.get("defaults") {
        let entries = shape::list("ringfence.tasks.defaults", field.value, context.mistakes);
        let entries = entries.unwrap_or_default();
        entries.iter().for_each(|entry| entry.report_duplicate_keys(context.mistakes));
        let entries = entries.iter().cloned();
        let entries = entries.map(|node| Defaults { section: "ringfence.tasks.defaults", node });
        document.defaults.extend(entries);
    }
    if let Some(field) = section.get("aliases") {
        aliases(field, document, context.mistakes);
    }
    if let Some(field) = section.get("inheritEnv") {
        let names = names(&section.path("inheritEnv"), field.value, false, context.mistakes);
        document.tasks.inherit_env.extend(names);
    }
    if let Some(field) = section.get("profile") {
        let name = section.path("profile");
        let profile = shape::word(&name, field.value, &PROFILES, context.mistakes);
        document.tasks.profile = profile.map(|text| Text::at(text, &field.value.span));
    }
}

fn aliases(field: Field<'_>, document: &mut Document, mistakes: &mut Mistakes) {
    let name = "ringfence.tasks.aliases";
    let Some(entries) = field.value.map() else {
        mistakes.add(shape::wrong_kind(name, field.value, "a map"));
        return;
    };
    for Entry { key, value } in entries {
        let (Some(alias), Some(canonical)) = (key.text(), shape::text(name, value, mistakes))
        else {
            continue;
        };
        let pair = (Text::at(alias, &key.span), Text::at(canonical, &value.span));
        document.tasks.aliases.push(pair);
    }
}

/// Names of environment variables, with wildcards where those are allowed.
fn names(name: &str, node: &Node, wild: bool, mistakes: &mut Mistakes) -> Vec<Text> {
    let mut found = Vec::new();
    for (text, node) in shape::texts(name, node, mistakes) {
        let valid = |c: char| !c.is_whitespace() && c != '=' && c != '\0';
        let literal = wild || !text.contains(['*', '?']);
        if !text.is_empty() && literal && text.chars().all(valid) {
            found.push(Text::at(text, &node.span));
        } else {
            let title = format!("`{text}` in `{name}` is no name of an environment variable");
            mistakes.add(Mistake::new("RF215", title).at(&node.span, "not a name"));
        }
    }
    found
}

/// Reads `environment`.
pub(super) fn environment(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let name = "ringfence.environment";
    let section = Section::open(name, field.key, field.value, &["hide"], context.mistakes);
    let Some(section) = section else { return };
    if let Some(field) = section.get("hide") {
        let hidden = names(&section.path("hide"), field.value, true, context.mistakes);
        document.hidden.extend(hidden);
    }
}
