//! Values as YAML text, where a flow has to get new text.

use super::document::is_number;
use super::value::{Map, Node, Value};

/// How values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// As in JSON: every text and key in double quotes.
    pub(super) json: bool,
    /// Texts of several lines may become block scalars.
    pub(super) blocks: bool,
}

impl Style {
    /// A value on one line.
    pub(super) fn inline(self, node: &Node) -> String {
        let mut out = String::new();
        self.write_inline(node, &mut out);
        out
    }

    fn write_inline(self, node: &Node, out: &mut String) {
        match &node.value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(text) => out.push_str(text),
            Value::Text(text) => out.push_str(&self.text(text)),
            Value::List(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { ", " });
                    self.write_inline(item, out);
                }
                out.push(']');
            }
            Value::Map(map) => {
                out.push('{');
                for (place, (key, value)) in map.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { ", " });
                    out.push_str(&self.text(key));
                    out.push_str(": ");
                    self.write_inline(value, out);
                }
                out.push('}');
            }
        }
    }

    /// What follows a colon: a blank and the value, or lines with this indentation.
    pub(super) fn after_key(self, node: &Node, indent: usize, out: &mut String) {
        match &node.value {
            Value::Map(map) if !map.is_empty() => {
                for (key, value) in map {
                    line(indent, out);
                    self.entry(key, value, indent, out);
                }
            }
            Value::List(items) if !items.is_empty() => {
                for item in items {
                    line(indent, out);
                    out.push('-');
                    self.after_dash(item, indent, out);
                }
            }
            _ => self.after_indicator(node, indent, out),
        }
    }

    /// What follows a dash that stands at this indentation.
    pub(super) fn after_dash(self, node: &Node, indent: usize, out: &mut String) {
        match &node.value {
            Value::Map(map) if !map.is_empty() => {
                out.push(' ');
                self.entries(map, indent + 2, out);
            }
            Value::List(items) if !items.is_empty() => self.after_key(node, indent + 2, out),
            _ => self.after_indicator(node, indent + 2, out),
        }
    }

    /// The entries of a map; the first goes where the text is, the others on lines of their own.
    pub(super) fn entries(self, map: &Map, indent: usize, out: &mut String) {
        for (place, (key, value)) in map.iter().enumerate() {
            if place > 0 {
                line(indent, out);
            }
            self.entry(key, value, indent, out);
        }
    }

    /// A key and its value.
    pub(super) fn entry(self, key: &str, value: &Node, indent: usize, out: &mut String) {
        out.push_str(&self.text(key));
        out.push(':');
        self.after_key(value, indent + 2, out);
    }

    fn after_indicator(self, node: &Node, indent: usize, out: &mut String) {
        if let Value::Text(text) = &node.value
            && self.blocks
            && fits_block(text)
        {
            out.push_str(if text.ends_with('\n') { " |" } else { " |-" });
            for text in text.lines() {
                if text.is_empty() {
                    out.push('\n');
                } else {
                    line(indent, out);
                    out.push_str(text);
                }
            }
            return;
        }
        out.push(' ');
        self.write_inline(node, out);
    }

    /// A text or key, in quotes where it needs them.
    pub(super) fn text(self, text: &str) -> String {
        if !self.json && is_plain(text) {
            return text.to_owned();
        }
        let is_simple =
            !text.chars().any(|character| character.is_control() || is_special(character));
        if !self.json && is_simple && text.contains(['"', '\\']) {
            return format!("'{}'", text.replace('\'', "''"));
        }
        double_quoted(text)
    }
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if (character.is_control() || is_special(character))
                && (character as u32) < 0x1_0000 =>
            {
                out.push_str(&format!("\\u{:04x}", character as u32));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Characters that YAML takes for line breaks or does not print.
fn is_special(character: char) -> bool {
    matches!(
        character,
        '\u{85}' | '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

/// Whether a text of several lines can be a literal block without more than its lines.
fn fits_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n'])
        && body.lines().all(|line| !line.ends_with(' '))
        && !text.chars().any(|c| c != '\n' && c.is_control() || is_special(c))
}

/// Whether a text needs no quotes, in brackets or outside, for readers of YAML 1.1 and 1.2 alike.
fn is_plain(text: &str) -> bool {
    let starts =
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '$'));
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-/$:@+()=~%;<>|^'\"?!*&".contains(c);
    starts
        // Before a brace the last two would begin an entry to some readers.
        && !text.ends_with([' ', ':', '-', '?'])
        && !text.contains(": ")
        && text.chars().all(allowed)
        && !is_number(text)
        && !looks_like_a_number(text)
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        )
}

/// Numbers, dates and times of YAML 1.1: `1_000`, `0777`, `1:30`, `2026-01-31`.
fn looks_like_a_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.chars().all(|c| c.is_ascii_hexdigit() || "_:.+-xXoOtTzZ ".contains(c))
}

#[cfg(test)]
mod tests {
    use super::Style;

    #[test]
    fn texts_get_quotes_where_some_reader_would_take_them_for_something_else() {
        for (text, written) in [
            ("INFO", "INFO"),
            ("ubuntu:latest", "ubuntu:latest"),
            ("/data:/data:ro", "/data:/data:ro"),
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("1_000", "\"1_000\""),
            ("2026-01-31", "\"2026-01-31\""),
            ("10m", "10m"),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("a -", "\"a -\""),
            ("a -b", "a -b"),
            ("{{ inputs.x }}", "\"{{ inputs.x }}\""),
            ("{{ inputs[\"x\"] }}", "'{{ inputs[\"x\"] }}'"),
            ("a, b", "\"a, b\""),
            ("*x", "\"*x\""),
            ("a\nb", "\"a\\nb\""),
            ("<<", "\"<<\""),
        ] {
            assert_eq!(Style::default().text(text), written);
        }
    }
}
