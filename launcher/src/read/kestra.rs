//! Kestra's own configuration: `kestra.ee.javaSecurity`, and where its task defaults stand.
//!
//! Strict within our sections and blind elsewhere, except for near misses of our own names: a
//! section under a misspelt name would be ignored by everybody.

use super::document::{Defaults, Document, Unenforced};
use super::expand::Syntax;
use super::files;
use super::mistakes::{Mistake, Mistakes};
use super::patterns::Context;
use super::prefixes;
use super::shape::{self, Field, Section, Spelling};
use super::span::Span;
use super::world::World;
use super::yaml::{Entry, Node, Value};

const FIELDS: [&str; 4] =
    ["enabled", "forbiddenPaths", "authorizedClassPrefix", "forbiddenClassPrefix"];

/// The name that messages use.
const NAME: &str = "kestra.ee.javaSecurity";

/// The places that matter, as normal segments.
const SECURITY: [&str; 3] = ["kestra", "ee", "javasecurity"];
const PLUGINS: [&str; 3] = ["kestra", "plugins", "defaults"];
const TASKS: [&str; 3] = ["kestra", "tasks", "defaults"];

/// What the documents of a source say under `kestra`.
#[derive(Debug, Default)]
pub(crate) struct Found<'n> {
    /// Whether `kestra` is there at all.
    pub(crate) root: bool,
    /// The `javaSecurity` of each document that has one.
    sections: Vec<Section<'n>>,
    /// The entries of `kestra.plugins.defaults` and of `kestra.tasks.defaults`.
    plugins: Vec<&'n Node>,
    tasks: Vec<&'n Node>,
}

/// Finds our sections in a document.
pub(crate) fn find<'n>(document: &'n Node, found: &mut Found<'n>, mistakes: &mut Mistakes) {
    let mut walk = Walk { section: None, found, mistakes };
    walk.map(document, &[]);
    let section = walk.section;
    found.sections.extend(section);
}

struct Walk<'n, 'w> {
    section: Option<Section<'n>>,
    found: &'w mut Found<'n>,
    mistakes: &'w mut Mistakes,
}

impl<'n> Walk<'n, '_> {
    /// Goes through the entries of a map that stands at a path.
    fn map(&mut self, node: &'n Node, path: &[String]) {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Scalar(..) if node.is_null() => return,
            Value::Scalar(..) | Value::List(_) => {
                if !path.is_empty() {
                    self.mistakes.add(shape::wrong_kind(&path.join("."), node, "a map"));
                }
                return;
            }
        };
        for Entry { key, value } in entries {
            if let Some(text) = key.text() {
                let segments = text.split('.').map(|segment| Spelling::Relaxed.normal(segment));
                let full: Vec<String> = path.iter().cloned().chain(segments).collect();
                self.entry(&full, text, &key.span, value);
            }
        }
    }

    fn entry(&mut self, path: &[String], text: &str, key: &'n Span, value: &'n Node) {
        self.found.root |= path[0] == SECURITY[0];
        if let Some(rest) = after(path, &SECURITY) {
            self.security(rest, text, key, value);
        } else if let Some(rest) = after(path, &PLUGINS) {
            let items = self.defaults("kestra.plugins.defaults", rest, value);
            self.found.plugins.extend(items);
        } else if let Some(rest) = after(path, &TASKS) {
            let items = self.defaults("kestra.tasks.defaults", rest, value);
            self.found.tasks.extend(items);
        } else if [SECURITY, PLUGINS, TASKS].iter().any(|target| leads_to(path, target)) {
            self.map(value, path);
        } else if path[0] == "ringfence" {
            if text != "ringfence" {
                let title = format!("`{text}` looks like `ringfence`, and is not");
                self.mistakes.add(
                    Mistake::new("RF106", title).at(key, "this section would be ignored").help(
                        "our own part is spelt exactly so, and its keys stand in a map beneath it",
                    ),
                );
            }
        } else if path.iter().any(|segment| segment == "ringfence") {
            self.mistakes.add(not_at_the_root(text, key));
        } else if let Some(meant) = near_miss(path, value) {
            self.mistakes.add(ignored(path, text, key, meant));
        } else {
            self.strays(value, path[0] == SECURITY[0]);
        }
    }

    /// Looks for our section where it does not belong: `kestra.enterprise.javaSecurity`.
    fn strays(&mut self, node: &Node, within_kestra: bool) {
        match &node.value {
            Value::Scalar(..) => {}
            Value::List(items) => items.iter().for_each(|item| self.strays(item, within_kestra)),
            Value::Map(entries) => {
                for Entry { key, value } in entries {
                    let text = key.text().unwrap_or_default();
                    let path: Vec<String> =
                        text.split('.').map(|segment| Spelling::Relaxed.normal(segment)).collect();
                    let ours = |segment: &String| match within_kestra {
                        true => near(segment, "javaSecurity"),
                        false => segment == SECURITY[2],
                    };
                    if path.iter().any(|segment| segment == "ringfence") {
                        self.mistakes.add(not_at_the_root(text, &key.span));
                    } else if path.iter().any(ours) {
                        let mistake =
                            Mistake::new("RF106", format!("`{text}` stands outside `kestra.ee`"))
                                .at(&key.span, "ignored here")
                                .help(format!(
                                    "its rules would protect nothing; write it as `{NAME}`"
                                ));
                        self.mistakes.add(mistake);
                    } else {
                        self.strays(value, within_kestra);
                    }
                }
            }
        }
    }

    /// `kestra.ee.javaSecurity` itself, or a key beneath it.
    fn security(&mut self, rest: &[String], text: &str, key: &'n Span, value: &'n Node) {
        let mut section = self.section.take().unwrap_or_else(|| Section::empty(NAME, key));
        if !rest.is_empty() {
            let field = text.rsplit('.').next().unwrap_or(text);
            let field = if rest.len() == 1 { field } else { text };
            section.insert(field, key, value, &FIELDS, Spelling::Relaxed, self.mistakes);
        } else {
            match &value.value {
                Value::Map(entries) => {
                    for Entry { key, value } in entries {
                        match key.text() {
                            Some(text) => section.insert(
                                text,
                                &key.span,
                                value,
                                &FIELDS,
                                Spelling::Relaxed,
                                self.mistakes,
                            ),
                            None => self.mistakes.add(shape::complex_key(key)),
                        }
                    }
                }
                Value::Scalar(..) if value.is_null() => {}
                Value::Scalar(..) | Value::List(_) => {
                    self.mistakes.add(shape::wrong_kind(NAME, value, "a map"));
                }
            }
        }
        self.section = Some(section);
    }

    fn defaults(&mut self, name: &str, rest: &[String], value: &'n Node) -> &'n [Node] {
        if !rest.is_empty() {
            self.mistakes.add(shape::wrong_kind(name, value, "a list"));
            return &[];
        }
        match value.is_null() {
            true => &[],
            false => shape::list(name, value, self.mistakes).unwrap_or_default(),
        }
    }
}

/// What follows a target in a path that begins with it.
fn after<'p>(path: &'p [String], target: &[&str]) -> Option<&'p [String]> {
    let (start, rest) = path.split_at_checked(target.len())?;
    start.iter().eq(target).then_some(rest)
}

fn leads_to(path: &[String], target: &[&str]) -> bool {
    path.len() < target.len() && path.iter().eq(&target[..path.len()])
}

/// The mistake for our own part, indented too deep.
fn not_at_the_root(text: &str, key: &Span) -> Mistake {
    Mistake::new("RF106", format!("`{text}` is not at the root"))
        .at(key, "ignored here")
        .help("its rules would protect nothing; `ringfence:` stands at the beginning of a line")
}

/// The mistake for a key that everybody would ignore.
fn ignored(path: &[String], text: &str, key: &Span, meant: &str) -> Mistake {
    let last = meant.rsplit('.').next().unwrap_or(meant);
    if !path.iter().any(|segment| shape::nearest(segment, &[last]).is_some()) {
        return Mistake::new("RF106", format!("`{text}` stands outside `{meant}`"))
            .at(key, "ignored here")
            .help(format!("it would protect nothing; move it beneath `{meant}`"));
    }
    let mistake = Mistake::new("RF106", format!("`{text}` looks like `{meant}`, and is not"))
        .at(key, "this section would be ignored");
    if path.len() == meant.split('.').count() && !text.contains('.') {
        return mistake.instead(key, last);
    }
    mistake.help(format!("its rules would protect nothing; write it as `{meant}`"))
}

/// The section that a path outside our sections was probably meant to be.
fn near_miss(path: &[String], value: &Node) -> Option<&'static str> {
    // Our section or its keys, one level too high or too low.
    let within = path[0] == SECURITY[0];
    if path.len() <= 4 && path.iter().any(|name| near(name, "javaSecurity")) {
        return Some(NAME);
    }
    if within && path.iter().any(|name| shape::nearest(name, &FIELDS[1..]).is_some()) {
        return Some(NAME);
    }
    let has_defaults = || {
        let entries = value.map().unwrap_or_default();
        entries.iter().filter_map(|entry| entry.key.text()).any(|key| near(key, "defaults"))
    };
    match path {
        [root] => shape::nearest(root, &["kestra", "ringfence"]),
        _ if !within => None,
        // A neighbour with a name like ours is Kestra's business, unless it holds defaults.
        [_, parent] if near(parent, "plugins") && has_defaults() => Some("kestra.plugins"),
        [_, parent] if near(parent, "tasks") && has_defaults() => Some("kestra.tasks"),
        [_, parent, name, ..] if near(parent, "plugins") && near(name, "defaults") => {
            Some("kestra.plugins.defaults")
        }
        [_, parent, name, ..] if near(parent, "tasks") && near(name, "defaults") => {
            Some("kestra.tasks.defaults")
        }
        _ => None,
    }
}

/// Whether a name is another one, or that misspelt.
fn near(name: &str, wanted: &'static str) -> bool {
    shape::nearest(name, &[wanted]).is_some()
}

/// Reads what was found into the document.
pub(crate) fn read(
    found: &Found<'_>,
    world: &World,
    document: &mut Document,
    mistakes: &mut Mistakes,
) {
    document.presets.kestra |= found.root;
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
        document.note_unenforced("authorizedClassPrefix", &prefixes);
        document.threads.authorized.extend(prefixes);
    }
    if let Some(Field { value, .. }) = section.get("forbiddenClassPrefix") {
        let prefixes = prefixes::list(&section.path("forbiddenClassPrefix"), value, context);
        document.note_unenforced("forbiddenClassPrefix", &prefixes);
        document.threads.forbidden.extend(prefixes);
    }
}

/// The mistake for an authorized list without entries.
pub(crate) fn empty_authorized(name: &str, key: &Span) -> Mistake {
    Mistake::new("RF207", format!("`{name}` is empty"))
        .at(key, "authorizes nobody")
        .help("remove it, so that all are authorized, or name those that are")
}

impl Document {
    /// Notes that nothing enforces these prefixes yet.
    pub(crate) fn note_unenforced(&mut self, what: &str, prefixes: &[super::document::Prefix]) {
        let each = prefixes.iter().map(|prefix| Unenforced {
            what: format!("{what} `{}`", prefix.text),
            span: prefix.span.clone(),
        });
        self.unenforced.extend(each);
    }
}
