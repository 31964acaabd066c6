//! Where our sections stand in Kestra's configuration, and where they were meant to stand.

use super::{FIELDS, NAME};
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::shape::{self, Section, Spelling};
use crate::read::span::Span;
use crate::read::yaml::{Entry, Node, Value};

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
    pub(super) sections: Vec<Section<'n>>,
    /// The entries of `kestra.plugins.defaults` and of `kestra.tasks.defaults`.
    pub(crate) plugins: Vec<&'n Node>,
    pub(crate) tasks: Vec<&'n Node>,
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
