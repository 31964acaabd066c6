//! Why `run` does not start the command, and what to do about it.

use std::borrow::Cow;
use std::io::Write as _;

use crate::exit;

/// A reason not to start the command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code by which the reason is documented, `RF4xx`.
    code: Option<&'static str>,
    /// What is wrong: a fragment that names its operand.
    what: String,
    /// What else is known about it, such as the places of rules.
    notes: Vec<String>,
    /// What to do.
    help: Option<String>,
    /// The exit status.
    status: u8,
}

impl Refusal {
    /// A reason with a documented code; the status is 125.
    pub(crate) fn coded(code: &'static str, what: impl Into<String>) -> Self {
        Self { code: Some(code), ..Self::plain(what) }
    }

    /// A reason without a code; the status is 125.
    pub(crate) fn plain(what: impl Into<String>) -> Self {
        let (notes, help) = (Vec::new(), None);
        Self { code: None, what: what.into(), notes, help, status: exit::NOT_FENCED }
    }

    /// The same with another exit status.
    pub(crate) fn status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// The same with what to do.
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same with one thing more that is known.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What is wrong, without the rest.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// What to do, where that is known.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Writes it to the standard error output and returns the exit status.
    pub(crate) fn report(&self, json: bool) -> u8 {
        let text = if json { self.to_json() } else { self.to_text() };
        // Where nobody listens the exit status still tells.
        let _ = anstream::stderr().write_all(text.as_bytes());
        self.status
    }

    pub(crate) fn to_text(&self) -> String {
        let code = self.code.map(|code| format!("[{code}]")).unwrap_or_default();
        let what = printable(&self.what);
        let mut text = format!("ringfence: \x1b[1;31merror{code}\x1b[0m: {what}\n");
        for note in &self.notes {
            text += &format!("  = note: {}\n", printable(note));
        }
        if let Some(help) = &self.help {
            text += &format!("  = help: {}\n", printable(help));
        }
        text
    }

    fn to_json(&self) -> String {
        let object = serde_json::json!({
            "level": "error",
            "code": self.code,
            "message": self.what,
            "notes": self.notes,
            "help": self.help,
            "status": self.status,
        });
        format!("{object}\n")
    }
}

/// A line with its control characters escaped: names that a flow's author or a program chose go
/// into it, and none of them ends the line or talks to the terminal.
pub(crate) fn printable(line: &str) -> Cow<'_, str> {
    if !line.contains(char::is_control) {
        return line.into();
    }
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    line.chars().map(shown).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_wrong_and_what_to_do() {
        let refusal =
            Refusal::coded("RF401", "`/bin/x` is static").note("it is").help("take another");
        let text = anstream::adapter::strip_str(&refusal.to_text()).to_string();
        assert_eq!(
            text,
            "ringfence: error[RF401]: `/bin/x` is static\n  = note: it is\n  = help: take another\n"
        );
    }

    #[test]
    fn a_name_in_a_refusal_neither_ends_its_line_nor_talks_to_the_terminal() {
        let text = Refusal::plain("`a\nb\x1b[31m` is é").note("\t").to_text();
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text, "ringfence: error: `a\\nb\\u{1b}[31m` is é\n  = note: \\t\n");
    }

    #[test]
    fn a_refusal_to_json_is_one_line_with_the_same_facts() {
        let text = Refusal::plain("no \"such\" file").status(127).to_json();
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(text.matches('\n').count(), 1);
        assert_eq!(value["message"], "no \"such\" file");
        assert_eq!(value["status"], 127);
        assert!(value["code"].is_null());
    }
}
