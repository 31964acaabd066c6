//! Maps with known keys, lists and single values: the shapes that sections are made of.

use std::collections::HashMap;

use super::mistakes::{Mistake, Mistakes};
use super::span::Span;
use super::yaml::{Entry, Node, Style, Value};

/// How keys are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Letter by letter.
    Exact,
    /// Without `-` and `_`, in lower case: `forbiddenPaths`, `forbidden-paths`.
    Relaxed,
}

impl Spelling {
    /// The form in which keys are compared.
    pub(crate) fn normal(self, key: &str) -> String {
        match self {
            Self::Exact => key.to_owned(),
            Self::Relaxed => key
                .chars()
                .filter(|c| !matches!(c, '-' | '_'))
                .flat_map(char::to_lowercase)
                .collect(),
        }
    }
}

/// A key of a section with its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'n> {
    /// The key.
    pub(crate) key: &'n Span,
    /// The value.
    pub(crate) value: &'n Node,
}

/// A map whose keys have been checked.
#[derive(Debug)]
pub(crate) struct Section<'n> {
    /// Its name from the root, for messages.
    pub(crate) name: String,
    /// Where it is: its own key, or the map itself in a list.
    pub(crate) span: &'n Span,
    fields: HashMap<&'static str, Field<'n>>,
}

impl<'n> Section<'n> {
    /// Checks a map: its keys are among `known`, and none is there twice. Nothing (`~`) counts as
    /// an empty map. What is wrong is reported, and the rest of the map is kept.
    pub(crate) fn open(
        name: impl Into<String>,
        span: &'n Span,
        node: &'n Node,
        known: &[&'static str],
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let name = name.into();
        untagged(node, mistakes);
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Scalar(..) if node.is_null() => &[],
            Value::Scalar(..) | Value::List(_) => {
                mistakes.add(wrong_kind(&name, node, "a map"));
                return None;
            }
        };
        let mut section = Self { name, span, fields: HashMap::new() };
        for Entry { key, value } in entries {
            let Some(text) = key.text() else {
                mistakes.add(complex_key(key));
                continue;
            };
            section.insert(text, &key.span, value, known, Spelling::Exact, mistakes);
        }
        Some(section)
    }

    /// A section without fields, to which [`insert`](Self::insert) adds.
    pub(crate) fn empty(name: impl Into<String>, span: &'n Span) -> Self {
        Self { name: name.into(), span, fields: HashMap::new() }
    }

    /// Adds a field, or reports why it cannot be one.
    pub(crate) fn insert(
        &mut self,
        text: &str,
        key: &'n Span,
        value: &'n Node,
        known: &[&'static str],
        spelling: Spelling,
        mistakes: &mut Mistakes,
    ) {
        let normal = spelling.normal(text);
        let Some(name) = known.iter().find(|name| spelling.normal(name) == normal) else {
            mistakes.add(unknown_key(text, key, &self.name, known));
            return;
        };
        if let Some(first) = self.fields.get(name) {
            mistakes.add(twice(text, key, first.key));
            return;
        }
        self.fields.insert(name, Field { key, value });
    }

    /// A field by its known name.
    pub(crate) fn get(&self, name: &str) -> Option<Field<'n>> {
        self.fields.get(name).copied()
    }

    /// Whether it has no fields.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The full name of a field, for messages.
    pub(crate) fn path(&self, field: &str) -> String {
        format!("{}.{field}", self.name)
    }
}

/// The items of a list, or nothing and a mistake.
pub(crate) fn list<'n>(name: &str, node: &'n Node, mistakes: &mut Mistakes) -> Option<&'n [Node]> {
    untagged(node, mistakes);
    if let Value::List(items) = &node.value {
        return Some(items);
    }
    let mut mistake = wrong_kind(name, node, "a list");
    if let Value::Scalar(_, _) = &node.value
        && !node.is_null()
        && !node.span.text().contains('\n')
    {
        mistake = mistake.instead(&node.span, format!("[{}]", node.span.text()));
    }
    mistakes.add(mistake);
    None
}

/// The text of a single value, or nothing and a mistake. Numbers and booleans are text too.
pub(crate) fn text<'n>(name: &str, node: &'n Node, mistakes: &mut Mistakes) -> Option<&'n str> {
    untagged(node, mistakes);
    match &node.value {
        Value::Scalar(text, _) if !node.is_null() => Some(text),
        Value::Scalar(..) | Value::List(_) | Value::Map(_) => {
            mistakes.add(wrong_kind(name, node, "a single value"));
            None
        }
    }
}

/// A list of texts with their nodes; what is no text is reported and left out.
pub(crate) fn texts<'n>(
    name: &str,
    node: &'n Node,
    mistakes: &mut Mistakes,
) -> Vec<(&'n str, &'n Node)> {
    let items = list(name, node, mistakes).unwrap_or_default();
    let item = |(at, node)| Some((text(&format!("{name}[{at}]"), node, mistakes)?, node));
    items.iter().enumerate().filter_map(item).collect()
}

/// `true` or `false`, unquoted, or nothing and a mistake.
pub(crate) fn boolean(name: &str, node: &Node, mistakes: &mut Mistakes) -> Option<bool> {
    let written = text(name, node, mistakes)?;
    match (written, plain(node)) {
        ("true", true) => Some(true),
        ("false", true) => Some(false),
        _ => {
            mistakes.add(not_boolean(name, node, written));
            None
        }
    }
}

/// Whether a scalar has no quotes.
pub(crate) fn plain(node: &Node) -> bool {
    matches!(node.value, Value::Scalar(_, Style::Plain))
}

/// The mistake for a value that is no boolean.
pub(crate) fn not_boolean(name: &str, node: &Node, written: &str) -> Mistake {
    let mistake = Mistake::new("RF204", format!("`{name}` is `true` or `false`, not `{written}`"))
        .at(&node.span, "not a boolean");
    let meant = match written.to_lowercase().as_str() {
        "yes" | "on" | "y" | "1" => Some("true"),
        "no" | "off" | "n" | "0" => Some("false"),
        other => nearest(other, &["true", "false"]),
    };
    match meant {
        Some(meant) => mistake.instead(&node.span, meant),
        None => mistake,
    }
}

/// One of some words, or nothing and a mistake.
pub(crate) fn word<T: Copy>(
    name: &str,
    node: &Node,
    words: &[(&'static str, T)],
    mistakes: &mut Mistakes,
) -> Option<T> {
    let written = text(name, node, mistakes)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
        return Some(*value);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let title = format!("`{written}` is no value of `{name}`");
    let mistake = Mistake::new("RF205", title)
        .at(&node.span, "not one of its words")
        .help(format!("it is one of {}", enumerate(&known)));
    mistakes.add(match nearest(written, &known) {
        Some(meant) => mistake.instead(&node.span, meant),
        None => mistake,
    });
    None
}

/// A whole number within a range, or nothing and a mistake.
pub(crate) fn number(
    name: &str,
    node: &Node,
    range: std::ops::RangeInclusive<u32>,
    mistakes: &mut Mistakes,
) -> Option<u32> {
    let written = text(name, node, mistakes)?;
    match written.parse() {
        Ok(number) if range.contains(&number) && plain(node) => Some(number),
        _ => {
            let title = format!(
                "`{name}` is a whole number from {} to {}, not `{written}`",
                range.start(),
                range.end()
            );
            mistakes.add(Mistake::new("RF208", title).at(&node.span, "not such a number"));
            None
        }
    }
}

/// Reports a tag that is not one of YAML's own.
fn untagged(node: &Node, mistakes: &mut Mistakes) {
    if let Some(tag) = &node.tag
        && !matches!(
            tag.strip_prefix("tag:yaml.org,2002:"),
            Some("str" | "seq" | "map" | "bool" | "int")
        )
    {
        mistakes.add(
            Mistake::new("RF009", format!("the tag `{tag}` means nothing here"))
                .at(&node.span, "has the tag"),
        );
    }
}

/// The mistake for a value of another kind than the key takes.
pub(crate) fn wrong_kind(name: &str, node: &Node, wanted: &str) -> Mistake {
    let found = node.kind();
    Mistake::new("RF103", format!("`{name}` takes {wanted}, not {found}"))
        .at(&node.span, format!("this is {found}"))
}

/// The mistake for a key that is itself a list or a map.
pub(crate) fn complex_key(key: &Node) -> Mistake {
    Mistake::new("RF112", "a key is a single value").at(&key.span, "not a single value")
}

fn unknown_key(text: &str, key: &Span, section: &str, known: &[&'static str]) -> Mistake {
    let mistake = Mistake::new("RF101", format!("unknown key `{text}` in `{section}`"))
        .at(key, "unknown key");
    match nearest(text, known) {
        Some(meant) => mistake.instead(key, spelled_as(meant, text)),
        None => mistake.help(format!("`{section}` has the keys {}", enumerate(known))),
    }
}

fn twice(text: &str, key: &Span, first: &Span) -> Mistake {
    let mistake = if first.text() == key.text() {
        Mistake::new("RF102", format!("key `{text}` is there twice"))
    } else {
        let title = format!("keys `{}` and `{}` are one and the same", first.text(), key.text());
        Mistake::new("RF102", title)
    };
    mistake.at(key, "again here").second(first, "first here")
}

/// The candidate that a misspelt word probably means.
pub(crate) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let normal = Spelling::Relaxed.normal(word);
    let distance =
        |candidate: &&'c str| strsim::osa_distance(&normal, &Spelling::Relaxed.normal(candidate));
    let (distance, candidate) =
        candidates.iter().map(|candidate| (distance(candidate), *candidate)).min()?;
    let length = candidate.len();
    (distance <= (length / 4).clamp(1, 3) && distance < length).then_some(candidate)
}

/// A camel-case name in the style of another: with `-` or `_` when that has them.
fn spelled_as(name: &str, style: &str) -> String {
    let separator = match style {
        _ if style.contains('-') => '-',
        _ if style.contains('_') => '_',
        _ => return name.to_owned(),
    };
    let mut out = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            out.push(separator);
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

/// `a`, `b` and `c`, each in backquotes.
pub(crate) fn enumerate(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}
