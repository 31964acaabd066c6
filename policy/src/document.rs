//! A policy as written, after the launcher has read, checked and resolved it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Access, Audience, Callers};

/// Where something stands in a policy file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it, or a name in angle brackets such as `<built-in>`.
    pub file: String,
    /// The line, from 1; 0 when the rule stands in no file.
    pub line: u32,
    /// The column in characters, from 1; 0 when the rule stands in no file.
    pub column: u32,
}

/// What the fence does with a call that a rule refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Refuses it.
    #[default]
    Enforce,
    /// Lets it through and reports that it would have been refused.
    Audit,
}

/// Whether a rule forbids, or makes an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The accesses are refused.
    Forbid,
    /// The accesses are allowed although a shorter rule forbids them.
    Allow,
}

/// A place that a rule names: an absolute text without `.`, `..`, `//` or a trailing slash
/// (`/` itself apart). It covers itself and everything beneath it, by whole components.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathPattern {
    /// Exactly these bytes.
    Literal(Vec<u8>),
    /// `*` and `?` stand for bytes within a component, a component `**` for any number of
    /// components, none too; `[` and the rest are literal.
    Glob(Vec<u8>),
}

/// One entry about files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRule {
    /// The rule's id: the user's, or one made from its place such as `forbiddenPaths[0]`.
    pub id: String,
    /// The list that it stands in, as messages name it: `forbiddenPaths`, `files.forbidden`.
    pub section: String,
    /// The path or glob as the user wrote it, for messages.
    pub pattern: String,
    /// Every name of the place: as written, with its links resolved, under other mounts.
    pub names: Vec<PathPattern>,
    /// Whether it forbids, or makes an exception.
    pub effect: Effect,
    /// The accesses that it is about.
    pub access: Access,
    /// Where it stands.
    pub place: Place,
    /// The author's reason, for messages.
    pub reason: Option<String>,
    /// No exception lifts it: the fence's own files, the kernel's knobs.
    pub fixed: bool,
    /// It names a file (a glob: nothing but files), which no process can hold as a directory; see
    /// [`crate::Image::by_names`].
    pub leaf: bool,
    /// For whom an exception holds; `None` for everybody.
    pub audience: Option<Audience>,
}

/// A link that is rewritten by text before a path is judged: `/bin` to `/usr/bin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The link's own absolute name.
    pub from: Vec<u8>,
    /// The absolute place that it leads to, without links.
    pub to: Vec<u8>,
}

/// Which denials are written to the standard error output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Console {
    /// The first of each rule, then counts.
    #[default]
    Denials,
    /// Nothing.
    None,
}

/// How denials are reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// The file that gets a JSON line for each, as an absolute path; empty for none.
    pub file: Vec<u8>,
    /// JSON lines go to the standard error output instead of a file.
    pub json_to_stderr: bool,
    /// What a person sees on the standard error output.
    pub console: Console,
    /// The most lines a second in the audit file for a process; the rest is counted.
    pub rate: u32,
    /// The most stack frames in a line about a caller.
    pub frames: u32,
}

/// A policy, ready to be compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What happens to a refused call.
    pub mode: Mode,
    /// `debug: allow`: other processes' memory may be opened for writing, ptrace is let through.
    pub debug: bool,
    /// `namespaces: allow`: user and mount namespaces may be made.
    pub namespaces: bool,
    /// `--allow-new-privs`: the launcher does not set no_new_privs.
    pub new_privileges: bool,
    /// The names of the variables that children do not get: `*` and `?` stand for characters.
    pub hidden: Vec<Vec<u8>>,
    /// The rules about files, of all sources.
    pub rules: Vec<FileRule>,
    /// The links that are rewritten by text.
    pub aliases: Vec<Alias>,
    /// The rules about callers, of all sources.
    pub callers: Callers,
    /// How denials are reported.
    pub audit: Audit,
}
