//! Nodes as plain values, for merging and for output. The only file that names serde_yaml.

pub(crate) use serde_yaml::{Number, Value, value::TaggedValue};

use serde::Serialize;

use super::yaml::{Node, Style, Value as Written};

/// The value of a node by YAML 1.2's core schema, as serde_yaml would read it: plain scalars may
/// be null, booleans and numbers; everything else is text. Of a key that is there twice the last
/// one counts; see [`Node::report_duplicate_keys`].
pub(crate) fn value(node: &Node) -> Value {
    let value = match &node.value {
        Written::Scalar(text, style) => scalar(text, *style, node.tag.as_deref()),
        Written::List(items) => Value::Sequence(items.iter().map(value).collect()),
        Written::Map(entries) => Value::Mapping(
            entries.iter().map(|entry| (value(&entry.key), value(&entry.value))).collect(),
        ),
    };
    match node.tag.as_deref() {
        Some(tag) if tag.starts_with('!') && tag.len() > 1 => {
            Value::Tagged(Box::new(TaggedValue { tag: serde_yaml::value::Tag::new(tag), value }))
        }
        _ => value,
    }
}

/// Data as YAML text, block style, ending in a newline.
///
/// # Errors
/// Data that YAML cannot hold, such as a tag within a tag.
pub(crate) fn text(data: &impl Serialize) -> Result<String, String> {
    serde_yaml::to_string(data).map_err(|error| error.to_string())
}

/// A value as JSON.
///
/// # Errors
/// A value that JSON cannot hold, such as a map with a list as a key.
pub(crate) fn json(value: &Value) -> Result<serde_json::Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn scalar(text: &str, style: Style, tag: Option<&str>) -> Value {
    match tag {
        Some("tag:yaml.org,2002:str") => Value::String(text.to_owned()),
        None if style == Style::Quoted => Value::String(text.to_owned()),
        // `!` alone means: not resolved, so text.
        Some("!") => Value::String(text.to_owned()),
        _ => plain(text),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    if let Some(integer) = integer(negative, digits) {
        return Some(integer);
    }
    // A leading zero makes it text: `007` is no number.
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match digits {
        ".inf" | ".Inf" | ".INF" => {
            return Some(Number::from(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        ".nan" | ".NaN" | ".NAN" if digits.len() == text.len() => {
            return Some(Number::from(f64::NAN));
        }
        _ => {}
    }
    let float: f64 = digits.parse().ok()?;
    float.is_finite().then(|| Number::from(if negative { -float } else { float }))
}

fn integer(negative: bool, digits: &str) -> Option<Number> {
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => return None,
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    if negative {
        i64::from_str_radix(&format!("-{digits}"), radix).ok().map(Number::from)
    } else {
        u64::from_str_radix(digits, radix).ok().map(Number::from)
    }
}

/// What serde_yaml itself reads, with merge keys applied: the measure for [`value`].
#[cfg(test)]
pub(crate) fn documents_by_serde_yaml(text: &str) -> Result<Vec<Value>, String> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(text)
        .map(|document| {
            let mut value = Value::deserialize(document).map_err(|error| error.to_string())?;
            value.apply_merge().map_err(|error| error.to_string())?;
            Ok(value)
        })
        .collect()
}
