//! What an image tells for messages and reports.

use core::fmt;

use crate::Console;

/// A rule, as messages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleView<'a> {
    /// See [`crate::FileRule::id`].
    pub id: &'a str,
    /// See [`crate::FileRule::section`].
    pub section: &'a str,
    /// See [`crate::FileRule::pattern`].
    pub pattern: &'a str,
    /// See [`crate::FileRule::place`]; shown as `file:line:column`.
    pub place: PlaceView<'a>,
    /// See [`crate::FileRule::reason`].
    pub reason: Option<&'a str>,
}

impl RuleView<'static> {
    /// The view of [`crate::RuleIndex::UNJUDGED`].
    pub(super) const UNJUDGED: Self = Self {
        id: "unjudged",
        section: "built-in",
        pattern: "",
        place: PlaceView { file: "<built-in>", line: 0, column: 0 },
        reason: Some("the path has no absolute text that could be judged"),
    };
}

/// Where a rule stands, as messages show it: `file:line:column`, or the file alone where a rule
/// stands in no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceView<'a> {
    /// The file as the user named it, or a name in angle brackets.
    pub file: &'a str,
    /// The line, from 1; 0 for none.
    pub line: u32,
    /// The column in characters, from 1; 0 for none.
    pub column: u32,
}

impl fmt::Display for PlaceView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// How denials are reported; see [`crate::Audit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditView<'a> {
    /// The file that gets a JSON line for each, as an absolute path; empty for none.
    pub file: &'a [u8],
    /// JSON lines go to the standard error output instead of a file.
    pub json_to_stderr: bool,
    /// What a person sees on the standard error output.
    pub console: Console,
    /// The most lines a second in the audit file for a process.
    pub rate: u32,
    /// The most stack frames in a line about a caller.
    pub frames: u32,
}
