//! One entry of a list of defaults, and what makes it valid.

use std::rc::Rc;

use super::value::{Map, Node, Value};

/// Where an entry is written: in the policy, for every flow, or in the flow itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// `pluginDefaults` or `taskDefaults` of a flow.
    Flow,
    /// The policy.
    Global,
}

/// The values for the plugins of a type.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// A class, or a prefix of classes.
    pub of_type: Rc<str>,
    /// Whether it overrides what tasks say.
    pub forced: bool,
    /// The name by which plugins ask for it (`pluginDefaultsRef`); it goes to no other plugin.
    pub reference: Option<Rc<str>>,
    /// The properties.
    pub values: Map,
    /// Where it is written.
    pub level: Level,
}

/// Who reads an entry: decides what counts as valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// `yes`, `no`, `on`, `off` and quoted booleans are booleans too, as for Kestra.
    pub loose_booleans: bool,
    /// A forced null sets the property to null; otherwise no property may be null.
    pub forced_null: bool,
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// Every reason why it is invalid, a fragment of a sentence each.
    pub(crate) fn read(node: &Node, level: Level, dialect: Dialect) -> Result<Self, Vec<String>> {
        let Some(map) = node.map() else {
            return Err(vec!["is not a map with `type` and `values`".to_owned()]);
        };
        let mut faults = unknown_keys(map);
        let of_type = text(map, "type").unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        if of_type.is_none() && !faults.iter().any(|fault| fault.contains("`type`")) {
            faults.push("has no `type`".to_owned());
        }
        let reference = text(map, "ref").unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let forced = forced(map, dialect).unwrap_or_else(|fault| {
            faults.push(fault);
            false
        });
        let values = values(map, forced && dialect.forced_null).unwrap_or_else(|fault| {
            faults.push(fault);
            Map::new()
        });
        match of_type {
            Some(of_type) if faults.is_empty() => {
                Ok(Self { of_type, forced, reference, values, level })
            }
            _ => Err(faults),
        }
    }
}

fn unknown_keys(map: &Map) -> Vec<String> {
    map.keys()
        .filter(|key| !matches!(&***key, "type" | "forced" | "ref" | "values"))
        .map(|key| format!("has an unknown key `{key}`"))
        .collect()
}

fn text(map: &Map, key: &str) -> Result<Option<Rc<str>>, String> {
    match map.get(key).map(|node| &node.value) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) if !text.trim().is_empty() => Ok(Some(Rc::clone(text))),
        Some(_) => Err(format!("has a `{key}` that is not a name")),
    }
}

fn forced(map: &Map, dialect: Dialect) -> Result<bool, String> {
    match map.get("forced").map(|node| &node.value) {
        None => Ok(false),
        Some(Value::Bool(forced)) => Ok(*forced),
        Some(Value::Text(text)) if dialect.loose_booleans => {
            match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(true),
                "false" | "no" | "off" => Ok(false),
                _ => Err("has a `forced` that is neither true nor false".to_owned()),
            }
        }
        Some(_) => Err("has a `forced` that is neither true nor false".to_owned()),
    }
}

fn values(map: &Map, null_allowed: bool) -> Result<Map, String> {
    let values = match map.get("values").map(|node| &node.value) {
        None | Some(Value::Null) => return Err("has no `values`".to_owned()),
        Some(Value::Map(values)) => values,
        Some(_) => return Err("has `values` that are not a map".to_owned()),
    };
    if let Some((key, _)) = values.iter().find(|(_, node)| matches!(node.value, Value::Null))
        && !null_allowed
    {
        return Err(format!("gives `{key}` no value"));
    }
    Ok(values.clone())
}
