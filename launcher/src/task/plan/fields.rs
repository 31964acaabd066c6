//! The properties of a task, read one by one. What stands there is done or refused: a property
//! that is skipped would be a promise that is not kept.

use crate::defaults::{Map, Node, Value};
use crate::run::refusal::Refusal;

use super::expression::Known;

/// A map of properties, how messages name it, and what its expressions mean.
pub(crate) struct Fields<'a> {
    map: &'a Map,
    name: String,
    known: &'a Known,
}

impl<'a> Fields<'a> {
    /// The properties of the task itself have no name in front of theirs.
    pub(crate) fn new(map: &'a Map, name: impl Into<String>, known: &'a Known) -> Self {
        Self { map, name: name.into(), known }
    }

    /// The name of a property, as messages have it.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// The value of a property; null is none.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.map.get(key).filter(|node| !matches!(node.value, Value::Null))
    }

    /// # Errors
    /// Where a property is none of these: it would be ignored.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        for (key, node) in self.map {
            let is_set = !matches!(node.value, Value::Null);
            if is_set && !known.contains(&&**key) {
                return Err(wrong(&self.name(key), "is not done by `ringfence task`")
                    .help("take it out, or run the task by a server"));
            }
        }
        Ok(())
    }

    /// A text, a number or a boolean as text, with its expressions rendered.
    ///
    /// # Errors
    /// Where it is something else.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Refusal> {
        self.get(key).map(|node| self.scalar(node, &self.name(key))).transpose()
    }

    /// A boolean.
    ///
    /// # Errors
    /// Where it is something else.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, Refusal> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(wrong(&self.name(key), &format!("is `{text}`, neither true nor false"))),
        }
    }

    /// The texts of a list.
    ///
    /// # Errors
    /// Where it is something else.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Refusal> {
        let Some(node) = self.get(key) else { return Ok(None) };
        let name = self.name(key);
        let items = node.list().ok_or_else(|| wrong(&name, "is no list"))?;
        let text = |(at, item)| self.scalar(item, &format!("{name}[{at}]"));
        items.iter().enumerate().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// The texts of a map, by their keys.
    ///
    /// # Errors
    /// Where it is something else.
    pub(crate) fn entries(&self, key: &str) -> Result<Vec<(String, String)>, Refusal> {
        let Some(node) = self.get(key) else { return Ok(Vec::new()) };
        let name = self.name(key);
        let map = node.map().ok_or_else(|| wrong(&name, "is no map"))?;
        let entry = |(key, node): (_, &Node)| {
            let key: &std::rc::Rc<str> = key;
            let text = self.scalar(node, &format!("{name}.{key}"))?;
            Ok((self.known.render(key, &format!("a key of `{name}`"))?, text))
        };
        map.iter().map(entry).collect()
    }

    /// A map of properties.
    ///
    /// # Errors
    /// Where it is something else.
    pub(crate) fn map(&self, key: &str) -> Result<Option<Fields<'a>>, Refusal> {
        let Some(node) = self.get(key) else { return Ok(None) };
        let name = self.name(key);
        let map = node.map().ok_or_else(|| wrong(&name, "is no map"))?;
        Ok(Some(Fields::new(map, name, self.known)))
    }

    fn scalar(&self, node: &Node, name: &str) -> Result<String, Refusal> {
        let text = match &node.value {
            Value::Text(text) | Value::Number(text) => text.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null => String::new(),
            Value::List(_) | Value::Map(_) => return Err(wrong(name, "is no text")),
        };
        let text = self.known.render(&text, &format!("`{name}`"))?;
        if text.contains('\0') {
            return Err(wrong(name, "holds a NUL byte"));
        }
        Ok(text)
    }
}

/// RF410 about a property.
pub(crate) fn wrong(name: &str, why: &str) -> Refusal {
    Refusal::coded("RF410", format!("`{name}` {why}"))
}
