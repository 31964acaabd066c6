//! The values that the engine works on: what a flow holds, and which entry put it there.
//!
//! They know nothing of YAML. Keys are text, as Kestra reads them, and keep their order; numbers
//! keep the text in which they were written, so that `1.10` stays `1.10`.

use std::rc::Rc;

use indexmap::IndexMap;

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What it holds.
    pub value: Value,
    /// Who put it there.
    pub origin: Origin,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as it was written.
    Number(Rc<str>),
    /// A text.
    Text(Rc<str>),
    /// The items of a list.
    List(Vec<Node>),
    /// The entries of a map.
    Map(Map),
}

/// The entries of a map, in the order in which they were written.
pub(crate) type Map = IndexMap<Rc<str>, Node>;

/// Who put a value where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The author of the flow.
    Author,
    /// The entry with this number.
    Entry {
        /// Its number in the list that the engine was given.
        number: usize,
        /// Whether it still holds against weaker entries. An entry lets go of its values when the
        /// plugin to which it gave them is of another type afterwards, and at the end of a round.
        firm: bool,
    },
}

impl Origin {
    /// The entry that put the value there.
    pub(crate) fn entry(self) -> Option<usize> {
        match self {
            Self::Author => None,
            Self::Entry { number, .. } => Some(number),
        }
    }
}

impl Node {
    /// A value of the flow's author.
    pub(crate) fn new(value: Value) -> Self {
        Self { value, origin: Origin::Author }
    }

    /// A copy that says throughout that this entry put it there.
    pub(crate) fn stamped(&self, number: usize) -> Self {
        let value = match &self.value {
            Value::List(items) => {
                Value::List(items.iter().map(|item| item.stamped(number)).collect())
            }
            Value::Map(map) => Value::Map(
                map.iter().map(|(key, node)| (Rc::clone(key), node.stamped(number))).collect(),
            ),
            scalar => scalar.clone(),
        };
        Self { value, origin: Origin::Entry { number, firm: true } }
    }

    /// The text that it holds.
    pub(crate) fn text(&self) -> Option<&Rc<str>> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The map that it holds.
    pub(crate) fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list that it holds.
    pub(crate) fn list(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The type, when this is a plugin: any map with a `type` that is text.
    pub(crate) fn plugin_type(&self) -> Option<&Rc<str>> {
        self.map().and_then(type_of)
    }

    /// Calls `see` with each plugin in this node, itself included, parents first.
    pub(crate) fn for_each_plugin<'a>(&'a self, see: &mut impl FnMut(&'a Rc<str>, &'a Map)) {
        match &self.value {
            Value::List(items) => items.iter().for_each(|item| item.for_each_plugin(see)),
            Value::Map(map) => {
                if let Some(plugin_type) = type_of(map) {
                    see(plugin_type, map);
                }
                map.values().for_each(|node| node.for_each_plugin(see));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }

    /// Whether it is, or holds, a plugin.
    pub(crate) fn holds_plugin(&self) -> bool {
        match &self.value {
            Value::List(items) => items.iter().any(Self::holds_plugin),
            Value::Map(map) => type_of(map).is_some() || map.values().any(Self::holds_plugin),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
        }
    }
}

/// The type of a plugin, when the map has one that is text.
pub(crate) fn type_of(map: &Map) -> Option<&Rc<str>> {
    map.get("type").and_then(Node::text)
}

/// Two nodes are equal when their values are; it does not matter who put them there.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// The order of the keys of a map does not count.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Number(one), Self::Number(other)) | (Self::Text(one), Self::Text(other)) => {
                one == other
            }
            (Self::List(one), Self::List(other)) => one == other,
            (Self::Map(one), Self::Map(other)) => one == other,
            _ => false,
        }
    }
}
