//! What `ringfence defaults` prints.

use std::io::{self, Write};

use serde_json::{Map, Number, Value as Json, json};
use similar::TextDiff;

use crate::defaults::flow::{Placed, Resolved};
use crate::defaults::{Node, Value, inline};
use crate::read::span::Source;

/// A change as a line: where, from what to what, and by which entry.
pub(super) fn why(placed: &Placed) -> String {
    let change = &placed.change;
    let value = |node: &Option<Node>, missing: &str| match node {
        Some(node) => inline(node),
        None => missing.to_owned(),
    };
    let reasons: Vec<String> = placed
        .by
        .iter()
        .map(|(forced, span)| {
            format!("{} {span}", if *forced { "forced by" } else { "default of" })
        })
        .collect();
    let reason = match reasons.is_empty() {
        true => "the name is answered".to_owned(),
        false => reasons.join(", "),
    };
    format!(
        "{}: {}: {} -> {} ({reason})",
        placed.at,
        change.path,
        value(&change.before, "not set"),
        value(&change.after, "gone"),
    )
}

/// The difference between the text of a flow and its text with defaults.
pub(super) fn diff(source: &Source, text: &str, out: &mut impl Write) -> io::Result<()> {
    if source.text == text {
        return Ok(());
    }
    let diff = TextDiff::from_lines(source.text.as_str(), text);
    let header = (format!("a/{}", source.name), format!("b/{}", source.name));
    write!(out, "{}", diff.unified_diff().header(&header.0, &header.1))
}

/// The line before a flow that is one of several.
pub(super) fn separator(name: &str, text: &str, out: &mut impl Write) -> io::Result<()> {
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let has_own = first.is_some_and(|line| line.starts_with("---") || line.starts_with('%'));
    let name = name.replace(['\n', '\r'], "?");
    if has_own { writeln!(out, "# {name}") } else { writeln!(out, "--- # {name}") }
}

/// The flows of a source as JSON, a line each; with `why`, in an object with their changes.
pub(super) fn json(
    source: &Source,
    resolved: &Resolved,
    why: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    if why {
        let flows: Vec<Json> = resolved.flows.iter().map(value).collect();
        let changes: Vec<Json> = resolved.changes.iter().map(change).collect();
        let object = json!({ "file": source.name, "flows": flows, "changes": changes });
        return writeln!(out, "{object}");
    }
    resolved.flows.iter().try_for_each(|flow| writeln!(out, "{}", value(flow)))
}

fn change(placed: &Placed) -> Json {
    let mut object = Map::new();
    object.insert("path".to_owned(), json!(placed.change.path.pointer()));
    object.insert("at".to_owned(), json!(placed.at.to_string()));
    for (name, node) in [("before", &placed.change.before), ("after", &placed.change.after)] {
        if let Some(node) = node {
            object.insert(name.to_owned(), value(node));
        }
    }
    let entries: Vec<Json> = placed
        .by
        .iter()
        .map(|(forced, span)| json!({ "at": span.to_string(), "forced": forced }))
        .collect();
    object.insert("entries".to_owned(), Json::Array(entries));
    object.insert("overrides".to_owned(), json!(placed.overrides));
    Json::Object(object)
}

/// A value as JSON.
pub(crate) fn value(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(text) => number(text),
        Value::Text(text) => Json::String(text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(value).collect()),
        Value::Map(map) => {
            Json::Object(map.iter().map(|(key, node)| (key.to_string(), value(node))).collect())
        }
    }
}

/// A number; what JSON has no number for (`.inf`) stays text.
fn number(text: &str) -> Json {
    let radix = |prefix, radix| {
        text.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok())
    };
    let integer = radix("0x", 16).or_else(|| radix("0o", 8));
    let unsigned = integer.or_else(|| text.strip_prefix('+').unwrap_or(text).parse().ok());
    if let Some(number) = unsigned {
        return Json::from(number);
    }
    if let Ok(number) = text.parse::<i64>() {
        return Json::from(number);
    }
    let float = text.parse().ok().and_then(Number::from_f64);
    float.map_or_else(|| Json::String(text.to_owned()), Json::Number)
}
