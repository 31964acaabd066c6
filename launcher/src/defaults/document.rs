//! A flow as it is written: a tree that knows the bytes of every node, so that a change can be made
//! in the text and all else stays as it is.
//!
//! Other than the tree of a policy this one keeps aliases and merge keys as they stand. Its limits
//! are the same.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use saphyr_parser::ScalarStyle;

use super::parse;
use super::value::{Map, Node, Value};
use crate::read::mistakes::Mistake;
use crate::read::span::{Index, Source, Span};

/// The number of a node in its document.
pub(crate) type Id = usize;

/// A text with one flow or several.
pub(crate) struct Document {
    pub(crate) source: Arc<Source>,
    pub(super) index: Index,
    pub(super) nodes: Vec<Written>,
    /// The root of each YAML document.
    pub(crate) roots: Vec<Id>,
}

/// A node as it is written.
pub(crate) struct Written {
    pub(crate) kind: Kind,
    /// Its first and last character, as the parser counts; for messages.
    pub(super) characters: (usize, usize),
    /// The bytes of what it holds, without anchor and tag: those of a block list or map reach from
    /// its first key or item to the end of its last one.
    pub(crate) bytes: Range<usize>,
    /// Where its anchor and tag begin; where `bytes` does, when it has none.
    pub(crate) start: usize,
    /// Whether aliases may name it.
    pub(crate) anchored: bool,
    /// Whether it is in brackets or braces, or stands in such a node.
    pub(crate) flow: bool,
}

/// What a node is.
pub(crate) enum Kind {
    /// A scalar.
    Scalar {
        text: Box<str>,
        style: ScalarStyle,
        /// Tagged as text.
        is_text: bool,
    },
    /// A list.
    List(Vec<Id>),
    /// A map: keys and values.
    Map(Vec<(Id, Id)>),
    /// An alias of a node that stands before it.
    Alias(Id),
}

impl Document {
    /// Reads a text.
    ///
    /// # Errors
    /// It is not YAML, or larger, deeper or wider than the limits of policies.
    pub(crate) fn read(source: &Arc<Source>) -> Result<Self, Mistake> {
        parse::document(source)
    }

    pub(crate) fn node(&self, id: Id) -> &Written {
        &self.nodes[id]
    }

    /// Where a node stands.
    pub(crate) fn span(&self, id: Id) -> Span {
        let (start, end) = self.nodes[id].characters;
        self.index.span(start, end)
    }

    /// The node that an alias names; any other node itself.
    pub(crate) fn behind(&self, mut id: Id) -> Id {
        while let Kind::Alias(target) = self.nodes[id].kind {
            id = target;
        }
        id
    }

    /// The value that a map has itself under a key.
    pub(crate) fn get(&self, id: Id, key: &str) -> Option<Id> {
        let Kind::Map(entries) = &self.nodes[self.behind(id)].kind else { return None };
        let (_, value) = entries.iter().find(|(own, _)| self.key_text(*own) == Some(key))?;
        Some(*value)
    }

    /// The text of a key.
    pub(crate) fn key_text(&self, id: Id) -> Option<&str> {
        match &self.nodes[self.behind(id)].kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::List(_) | Kind::Map(_) | Kind::Alias(_) => None,
        }
    }

    /// Whether a key is `<<`, which takes in the entries of other maps.
    pub(crate) fn is_merge(&self, id: Id) -> bool {
        matches!(&self.nodes[id].kind,
            Kind::Scalar { text, style: ScalarStyle::Plain, is_text: false } if &**text == "<<")
    }

    /// The value of a node, aliases and merge keys resolved.
    ///
    /// # Errors
    /// A key that is there twice or is no text, a merge key without a map.
    pub(crate) fn value(&self, id: Id) -> Result<Node, Mistake> {
        Ok(Node::new(match &self.nodes[id].kind {
            Kind::Alias(target) => return self.value(*target),
            Kind::Scalar { text, style, is_text } => {
                scalar(text, *style == ScalarStyle::Plain && !is_text)
            }
            Kind::List(items) => {
                Value::List(items.iter().map(|&item| self.value(item)).collect::<Result<_, _>>()?)
            }
            Kind::Map(entries) => Value::Map(self.map(entries)?),
        }))
    }

    fn map(&self, entries: &[(Id, Id)]) -> Result<Map, Mistake> {
        let mut map = Map::with_capacity(entries.len());
        let mut places: HashMap<&str, Id> = HashMap::new();
        for &(key, value) in entries.iter().filter(|(key, _)| !self.is_merge(*key)) {
            let Some(text) = self.key_text(key) else {
                return Err(
                    Mistake::new("RF112", "a key that is no text").at(&self.span(key), "not text")
                );
            };
            if let Some(first) = places.insert(text, key) {
                return Err(Mistake::new("RF102", format!("key `{text}` is there twice"))
                    .at(&self.span(key), "again here")
                    .second(&self.span(first), "first here"));
            }
            map.insert(Rc::from(text), self.value(value)?);
        }
        for &(_, value) in entries.iter().filter(|(key, _)| self.is_merge(*key)) {
            for other in self.merged(value)? {
                let Value::Map(other) = self.value(other)?.value else { continue };
                for (key, value) in other {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Ok(map)
    }

    /// The maps that the value of a merge key names, the strongest first.
    ///
    /// # Errors
    /// It names something else.
    pub(crate) fn merged(&self, id: Id) -> Result<Vec<Id>, Mistake> {
        let behind = self.behind(id);
        let maps = match &self.nodes[behind].kind {
            Kind::List(items) => items.clone(),
            Kind::Map(_) | Kind::Scalar { .. } | Kind::Alias(_) => vec![id],
        };
        match maps.iter().find(|&&map| !matches!(self.nodes[self.behind(map)].kind, Kind::Map(_))) {
            None => Ok(maps),
            Some(&other) => Err(Mistake::new("RF008", "`<<` takes a map, or a list of maps")
                .at(&self.span(other), "not a map")),
        }
    }
}

/// What a scalar holds by YAML's core schema. Only a plain one may be anything but text.
pub(super) fn scalar(text: &str, plain: bool) -> Value {
    match text {
        _ if !plain => Value::Text(text.into()),
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.into()),
        _ => Value::Text(text.into()),
    }
}

/// Whether a plain scalar is a number by the core schema.
pub(crate) fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_radix = |prefix: &str, digit: fn(char) -> bool| {
        text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(digit))
    };
    if is_radix("0x", |c| c.is_ascii_hexdigit()) || is_radix("0o", |c| c.is_digit(8)) {
        return true;
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits =
        exponent.is_none_or(|digits| is_digits(digits.strip_prefix(['-', '+']).unwrap_or(digits)));
    let mantissa_fits = match mantissa.split_once('.') {
        None => is_digits(mantissa),
        Some((whole, "")) => is_digits(whole),
        Some((whole, fraction)) => (whole.is_empty() || is_digits(whole)) && is_digits(fraction),
    };
    exponent_fits && mantissa_fits
}
