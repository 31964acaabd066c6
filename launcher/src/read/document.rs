//! A whole policy as written: what all sources together say, each part with its place.

use std::path::PathBuf;

pub(crate) use ringfence_policy::CallerKind;
use ringfence_policy::{Console, FileRule, Place};

use super::mistakes::Mistakes;
use super::span::Span;
use super::yaml::Node;
use crate::cli::Mode;

/// What all sources of a policy say together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// The names of the sources that were read, in order.
    pub(crate) sources: Vec<String>,
    /// The files among them, as they were named: nobody inside the fence may change them.
    pub(crate) files: Vec<PathBuf>,
    /// No source was named and none stands in the default place: these are the built-in rules.
    pub(crate) built_in: bool,
    /// The rules about files. Their `names` hold the places as written (with variables and `~`
    /// expanded); links, mounts and `leaf` are looked up later.
    pub(crate) rules: Vec<FileRule>,
    /// Where each rule of `rules` stands, for messages.
    pub(crate) spans: Vec<Span>,
    /// The mode that the sources ask for; the strictest, when several do.
    pub(crate) mode: Option<Mode>,
    /// The options of the command line may only make the mode stricter.
    pub(crate) locked: bool,
    /// `debug: allow`.
    pub(crate) debug: bool,
    /// `namespaces: allow`.
    pub(crate) namespaces: bool,
    /// How denials are reported, where a source says so.
    pub(crate) audit: Audit,
    /// A source is Kestra's configuration: it has `kestra` as a root key.
    pub(crate) kestra: bool,
    /// The built-in sets of rules that are on.
    pub(crate) presets: Presets,
    /// Which classes, modules and libraries may create threads.
    pub(crate) threads: PrefixRules,
    /// Which of them may start programs.
    pub(crate) processes: PrefixRules,
    /// Who counts as a caller.
    pub(crate) callers: Callers,
    /// What `ringfence task` and `ringfence defaults` go by.
    pub(crate) tasks: Tasks,
    /// The names, with wildcards, of the variables that are not passed to child processes.
    pub(crate) hidden: Vec<Text>,
    /// The policy's own tests.
    pub(crate) tests: Vec<Test>,
    /// Task defaults, in the order in which Kestra joins them within a source: the legacy list
    /// first. They bind flows, not processes.
    pub(crate) defaults: Vec<Defaults>,
    /// The places of `enabled: false`: rules that are checked and switched off.
    pub(crate) disabled: Vec<Place>,
    /// The lints.
    pub(crate) warnings: Mistakes,

    // What only reading needs.
    /// The ids that authors gave, with their places.
    pub(super) ids: Vec<(String, Span)>,
    /// For each `presets` key: whether its list is empty.
    pub(super) presets_given: Vec<bool>,
    /// The presets that those lists name.
    pub(super) presets_named: Presets,
    /// Which of `debug` and `namespaces` a source denies.
    pub(super) denied: Vec<&'static str>,
    /// The keys of `audit` that were set.
    pub(super) audit_places: Vec<Span>,
}

impl Document {
    /// Whether no rule of this policy binds a process: it has none, or nothing enforces them.
    pub(crate) fn binds_no_process(&self) -> bool {
        let says_nothing = |rules: &PrefixRules| *rules == PrefixRules::default();
        self.rules.is_empty()
            && self.hidden.is_empty()
            && says_nothing(&self.threads)
            && says_nothing(&self.processes)
    }
}

/// A text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// The text, with variables expanded where the format does that.
    pub(crate) text: String,
    /// Where it stands.
    pub(crate) span: Span,
}

impl Text {
    /// A text that stands at a place.
    pub(super) fn at(text: &str, span: &Span) -> Self {
        Self { text: text.to_owned(), span: span.clone() }
    }
}

/// Where the JSON lines of denials go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuditTo {
    /// To this file, an absolute path.
    File(Vec<u8>),
    /// To the standard error output.
    Stderr,
    /// Nowhere.
    None,
}

/// How denials are reported; nothing where no source says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audit {
    /// Where the JSON lines go.
    pub(crate) to: Option<AuditTo>,
    /// What a person sees on the standard error output.
    pub(crate) console: Option<Console>,
    /// The most lines a second.
    pub(crate) rate: Option<u32>,
    /// The most stack frames in a line.
    pub(crate) frames: Option<u32>,
}

/// The built-in sets of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presets {
    /// `presets: []`: the `jvm` preset, which is always on otherwise, is off too.
    pub(crate) no_jvm: bool,
    /// Further directories of Java installations, absolute paths: `presets: [{jvm: [DIR]}]`.
    pub(crate) jvm: Vec<Vec<u8>>,
    /// What a Kestra worker needs. On when a source has a `kestra:` section and none has
    /// `presets`.
    pub(crate) kestra: bool,
    /// The well-known places of secrets; their rules are among the document's.
    pub(crate) credentials: bool,
}

/// A class, module or library prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// What it is about.
    pub(crate) kind: CallerKind,
    /// The prefix without its kind.
    pub(crate) text: String,
    /// The list that it stands in, as messages name it.
    pub(crate) section: String,
    /// Its number in that list, from 0.
    pub(crate) index: usize,
    /// Where it stands.
    pub(crate) span: Span,
}

/// Who may do something, and who may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PrefixRules {
    /// Only these may; empty for all.
    pub(crate) authorized: Vec<Prefix>,
    /// These may not.
    pub(crate) forbidden: Vec<Prefix>,
    /// Whether threads of no known caller are refused (`threads.unattributed: deny`).
    pub(crate) deny_unattributed: bool,
}

/// Who counts as a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Callers {
    /// Prefixes of the classes that checks are about.
    pub(crate) subjects: Vec<Prefix>,
    /// Classes of the loaders that load plugins.
    pub(crate) plugin_loaders: Vec<Prefix>,
    /// Directories of plugins, absolute paths.
    pub(crate) plugin_dirs: Vec<Vec<u8>>,
    /// Classes of the host whose pools grow on a plugin's stack.
    pub(crate) services: Vec<Prefix>,
    /// No exemptions for shared pools.
    pub(crate) strict: bool,
}

/// What tasks are started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tasks {
    /// Other names of task types, with the name that each stands for.
    pub(crate) aliases: Vec<(Text, Text)>,
    /// Names of the variables that tasks get from the worker's environment.
    pub(crate) inherit_env: Vec<Text>,
    /// The profile by which defaults are merged.
    pub(crate) profile: Option<Text>,
}

/// An entry of task defaults, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Defaults {
    /// The key that it stands under, such as `kestra.tasks.defaults`.
    pub(crate) section: &'static str,
    /// The entry.
    pub(crate) node: Node,
}

/// What a test of the policy asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Reads a file.
    Read,
    /// Writes a file.
    Write,
    /// Creates a thread.
    Thread,
    /// Starts a program.
    Process,
}

/// A test of the policy: what would be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// Its name.
    pub(crate) name: Option<String>,
    /// What is asked for.
    pub(crate) subject: Subject,
    /// The path, class or program.
    pub(crate) target: Text,
    /// The callers on whose behalf.
    pub(crate) by: Vec<Text>,
    /// The expected answer: refused or not.
    pub(crate) denied: bool,
}
