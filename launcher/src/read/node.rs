//! The nodes of a YAML text, as written.

use std::collections::HashMap;

use super::mistakes::{Mistake, Mistakes};
use super::span::Span;

/// A scalar, a list or a map, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// What it holds.
    pub value: Value,
    /// Where it stands; for an alias, where the anchored node stands.
    pub span: Span,
    /// Its tag in full, such as `tag:yaml.org,2002:str` or `!local`.
    pub tag: Option<Box<str>>,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text and how it was written.
    Scalar(String, Style),
    /// The items of a list.
    List(Vec<Node>),
    /// The entries of a map, in the order of the text; those of merge keys come last.
    Map(Vec<Entry>),
}

/// How a scalar was written. Only a plain one may be a boolean, a number or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes, or as a block.
    Quoted,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key; usually a scalar.
    pub key: Node,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The items of a list.
    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            Value::Scalar(..) | Value::Map(_) => None,
        }
    }

    /// The entries of a map.
    pub(crate) fn map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Scalar(..) | Value::List(_) => None,
        }
    }

    /// The value of the first entry whose key is exactly this text.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let entry = self.map()?.iter().find(|entry| entry.key.text() == Some(key))?;
        Some(&entry.value)
    }

    /// Whether it is null: nothing, `~` or `null`, unquoted.
    pub(crate) fn is_null(&self) -> bool {
        self.tag.is_none()
            && matches!(&self.value, Value::Scalar(text, Style::Plain)
                if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The kind of value, for messages: `a list`, `a map`, `a single value` or `nothing`.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar(..) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Reports each key that a map in this node, at any depth, has twice in the same spelling.
    pub(crate) fn report_duplicate_keys(&self, mistakes: &mut Mistakes) {
        match &self.value {
            Value::Scalar(..) => {}
            Value::List(items) => {
                items.iter().for_each(|item| item.report_duplicate_keys(mistakes));
            }
            Value::Map(entries) => {
                let mut seen: HashMap<&str, &Span> = HashMap::new();
                for Entry { key, value } in entries {
                    if let Some(text) = key.text()
                        && let Some(first) = seen.insert(text, &key.span)
                    {
                        mistakes.add(
                            Mistake::new("RF102", format!("key `{text}` is there twice"))
                                .at(&key.span, "again here")
                                .second(first, "first here"),
                        );
                    }
                    value.report_duplicate_keys(mistakes);
                }
            }
        }
    }
}
