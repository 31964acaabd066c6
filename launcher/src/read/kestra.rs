//! Kestra's own configuration: `kestra.ee.javaSecurity`, and where its task defaults stand.
//!
//! Strict within our sections and blind elsewhere, except for near misses of our own names: a
//! section under a misspelt name would be ignored by everybody.

mod find;
pub(crate) mod plugins;

use super::document::{Defaults, Document};
use super::expand::Syntax;
use super::files;
use super::mistakes::{Mistake, Mistakes};
use super::patterns::Context;
use super::prefixes;
use super::shape::{self, Field, Section};
use super::span::Span;
use super::world::World;
use super::yaml::Node;
pub(super) use find::{Found, find};

const FIELDS: [&str; 4] =
    ["enabled", "forbiddenPaths", "authorizedClassPrefix", "forbiddenClassPrefix"];

/// The name that messages use.
const NAME: &str = "kestra.ee.javaSecurity";

/// Reads what was found into the document.
pub(crate) fn read(
    found: &Found<'_>,
    world: &World,
    document: &mut Document,
    mistakes: &mut Mistakes,
) {
    document.presets.kestra |= found.root;
    document.kestra |= found.root;
    for (section, nodes) in
        [("kestra.tasks.defaults", &found.tasks), ("kestra.plugins.defaults", &found.plugins)]
    {
        nodes.iter().for_each(|node| node.report_duplicate_keys(mistakes));
        let entries = nodes.iter().map(|node| Defaults { section, node: (*node).clone() });
        document.defaults.extend(entries);
    }
    let mut context = Context { world, syntax: Syntax::Kestra, mistakes };
    let enabled = enabled(&found.sections, &mut context);
    // Rules that are switched off are checked like others, and then forgotten.
    let mut unused = Document::default();
    let target = match enabled {
        Some((false, span)) => {
            document.disabled.push(span.place());
            &mut unused
        }
        _ => document,
    };
    for section in &found.sections {
        rules(section, target, &mut context);
    }
}

/// The one value of `enabled` in the sections of a source, with its place.
fn enabled<'n>(sections: &[Section<'n>], context: &mut Context<'_>) -> Option<(bool, &'n Span)> {
    let mut answer: Option<(bool, &Span)> = None;
    let mut missing = None;
    let mut given = false;
    for section in sections {
        let Some(field) = section.get("enabled") else {
            missing = missing.or((!section.is_empty()).then_some(section));
            continue;
        };
        given = true;
        let Some(value) = boolean(&section.path("enabled"), field.value, context) else { continue };
        match answer {
            Some((other, first)) if other != value => context.mistakes.add(
                Mistake::new("RF102", format!("`{NAME}.enabled` is both true and false"))
                    .at(field.key, "and here")
                    .second(first, "here"),
            ),
            _ => answer = Some((value, field.key)),
        }
    }
    if let (Some(section), false) = (missing, given) {
        context.mistakes.add(
            Mistake::new("RF105", format!("`{NAME}` has rules but no `enabled`"))
                .near(section.span)
                .help(
                    "Kestra leaves it off by default; add `enabled: true` (or `false`) so that \
                     nobody has to guess",
                ),
        );
    }
    answer
}

/// A boolean as Kestra's YAML 1.1 reads it, or a text that a variable gives.
fn boolean(name: &str, node: &Node, context: &mut Context<'_>) -> Option<bool> {
    let written = shape::text(name, node, context.mistakes)?;
    let expanded = context.expand(written, node)?;
    // Micronaut turns texts into booleans too, so quotes make no difference here.
    match expanded.to_ascii_lowercase().as_slice() {
        b"true" | b"yes" | b"on" | b"y" => Some(true),
        b"false" | b"no" | b"off" | b"n" => Some(false),
        other => {
            let shown = String::from_utf8_lossy(other);
            context.mistakes.add(shape::not_boolean(name, node, &shown));
            None
        }
    }
}

fn rules(section: &Section<'_>, document: &mut Document, context: &mut Context<'_>) {
    if let Some(Field { value, .. }) = section.get("forbiddenPaths") {
        files::forbidden_paths(&section.path("forbiddenPaths"), value, document, context);
    }
    if let Some(Field { key, value }) = section.get("authorizedClassPrefix") {
        let name = section.path("authorizedClassPrefix");
        if value.list().is_some_and(<[Node]>::is_empty) {
            context.mistakes.add(empty_authorized(&name, key));
        }
        let prefixes = prefixes::list(&name, value, context);
        document.threads.authorized.extend(prefixes);
    }
    if let Some(Field { value, .. }) = section.get("forbiddenClassPrefix") {
        let prefixes = prefixes::list(&section.path("forbiddenClassPrefix"), value, context);
        document.threads.forbidden.extend(prefixes);
    }
}

/// The mistake for an authorized list without entries.
pub(crate) fn empty_authorized(name: &str, key: &Span) -> Mistake {
    Mistake::new("RF207", format!("`{name}` is empty"))
        .at(key, "authorizes nobody")
        .help("remove it, so that all are authorized, or name those that are")
}
