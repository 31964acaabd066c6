//! A policy of path rules, as a file for the launcher and as a value for the policy crate.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ringfence_policy::{
    Access, Audience, Audit, CallerKind, CallerPrefix, CallerRule, Callers, Effect, FileRule,
    PathPattern, Place, Policy,
};
use serde_json::{Value, json};

/// Path rules in the order in which they were added.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    forbidden: Vec<Entry>,
    allowed: Vec<Entry>,
    audit_only: bool,
    threads: Lists,
    processes: Lists,
    deny_unattributed: bool,
}

/// Rules about who may create threads or start programs, by the words of the policy file.
#[derive(Clone, Default)]
struct Lists {
    authorized: Vec<String>,
    forbidden: Vec<String>,
}

#[derive(Clone)]
struct Entry {
    path: PathBuf,
    /// The words of `access`; none stands for every access.
    words: &'static [&'static str],
    /// The path has wildcards.
    glob: bool,
    /// For whom an exception is, by the words of the policy file; none for everybody.
    callers: Vec<String>,
}

impl Rules {
    /// No rules.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Forbids every access to a path and all beneath it.
    pub(crate) fn forbid(self, path: impl Into<PathBuf>) -> Self {
        self.forbid_access(path, &[])
    }

    /// Forbids every access to what a pattern finds; for a fence by hand.
    pub(crate) fn forbid_glob(mut self, pattern: impl Into<PathBuf>) -> Self {
        self.forbidden.push(Entry {
            path: pattern.into(),
            words: &[],
            glob: true,
            callers: vec![],
        });
        self
    }

    /// Forbids some accesses, by the words of the policy file.
    pub(crate) fn forbid_access(
        mut self,
        path: impl Into<PathBuf>,
        words: &'static [&'static str],
    ) -> Self {
        self.forbidden.push(Entry { path: path.into(), words, glob: false, callers: vec![] });
        self
    }

    /// Makes an exception, by the words of the policy file.
    pub(crate) fn allow(self, path: impl Into<PathBuf>, words: &'static [&'static str]) -> Self {
        self.allow_for(&[], path, words)
    }

    /// Makes an exception for certain callers: `host`, `native:libreport.so`.
    pub(crate) fn allow_for(
        mut self,
        callers: &[&str],
        path: impl Into<PathBuf>,
        words: &'static [&'static str],
    ) -> Self {
        let callers = callers.iter().map(|&caller| caller.to_owned()).collect();
        self.allowed.push(Entry { path: path.into(), words, glob: false, callers });
        self
    }

    /// Lets a caller create no threads: `native:libscan.so`.
    pub(crate) fn forbid_threads(mut self, prefix: impl Into<String>) -> Self {
        self.threads.forbidden.push(prefix.into());
        self
    }

    /// Lets only such callers create threads.
    pub(crate) fn authorize_threads(mut self, prefix: impl Into<String>) -> Self {
        self.threads.authorized.push(prefix.into());
        self
    }

    /// Lets a caller start no programs.
    pub(crate) fn forbid_processes(mut self, prefix: impl Into<String>) -> Self {
        self.processes.forbidden.push(prefix.into());
        self
    }

    /// Lets only such callers start programs.
    pub(crate) fn authorize_processes(mut self, prefix: impl Into<String>) -> Self {
        self.processes.authorized.push(prefix.into());
        self
    }

    /// Lets nobody create threads whose code is no file's: `unattributed: deny`.
    pub(crate) fn deny_unattributed(mut self) -> Self {
        self.deny_unattributed = true;
        self
    }

    /// Lets every call through and only reports it: `mode: audit`.
    pub(crate) fn audit_only(mut self) -> Self {
        self.audit_only = true;
        self
    }

    /// The policy file, in JSON, which is YAML too and needs no care for odd names.
    pub(super) fn document(&self, audit: &Path) -> String {
        let list = |entries: &[Entry]| -> Vec<Value> {
            entries
                .iter()
                .map(|entry| {
                    let mut shown = json!({"path": entry.path});
                    if !entry.words.is_empty() {
                        shown["access"] = json!(entry.words);
                    }
                    if !entry.callers.is_empty() {
                        shown["callers"] = json!(entry.callers);
                    }
                    shown
                })
                .collect()
        };
        let mut threads = self.threads.document();
        let unattributed = if self.deny_unattributed { "deny" } else { "allow" };
        threads.insert("unattributed".to_owned(), json!(unattributed));
        let document = json!({"ringfence": {
            "version": 1,
            "threads": threads,
            "processes": self.processes.document(),
            "mode": if self.audit_only { "audit" } else { "enforce" },
            "files": {"forbidden": list(&self.forbidden), "allowed": list(&self.allowed)},
            "audit": {"to": audit},
        }});
        serde_json::to_string_pretty(&document).expect("plain values")
    }

    /// The same policy for the policy crate, resolved as the launcher would.
    pub(super) fn policy(&self, audit: &Path) -> Policy {
        let forbidden = self.forbidden.iter().enumerate().map(|(index, entry)| {
            entry.rule(format!("forbidden[{index}]"), "files.forbidden", Effect::Forbid)
        });
        let allowed = self.allowed.iter().enumerate().map(|(index, entry)| {
            entry.rule(format!("allowed[{index}]"), "files.allowed", Effect::Allow)
        });
        Policy {
            mode: if self.audit_only {
                ringfence_policy::Mode::Audit
            } else {
                ringfence_policy::Mode::Enforce
            },
            rules: forbidden.chain(allowed).collect(),
            callers: Callers {
                threads: self.threads.rules("threads"),
                processes: self.processes.rules("processes"),
                deny_unattributed: self.deny_unattributed,
                ..Callers::default()
            },
            audit: Audit {
                file: audit.as_os_str().as_bytes().to_vec(),
                rate: 1_000_000,
                ..Audit::default()
            },
            ..Policy::default()
        }
    }
}

impl Lists {
    fn document(&self) -> serde_json::Map<String, Value> {
        let lists = [("authorized", &self.authorized), ("forbidden", &self.forbidden)];
        // An empty list of those who are authorized is a mistake.
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        lists.map(|(name, list)| (name.to_owned(), json!(list))).collect()
    }

    fn rules(&self, section: &str) -> Vec<CallerRule> {
        let rule = |list: &str, effect, (index, text): (usize, &String)| {
            let (kind, prefix) = prefix(text);
            CallerRule {
                id: format!("{section}.{list}[{index}]"),
                section: format!("{section}.{list}"),
                kind,
                prefix,
                effect,
                place: Place { file: "policy.yaml".into(), line: 1, column: 1 },
            }
        };
        let authorized = self.authorized.iter().enumerate();
        let authorized = authorized.map(|entry| rule("authorized", Effect::Allow, entry));
        let forbidden = self.forbidden.iter().enumerate();
        let forbidden = forbidden.map(|entry| rule("forbidden", Effect::Forbid, entry));
        authorized.chain(forbidden).collect()
    }
}

/// The kind and the text of a prefix.
fn prefix(text: &str) -> (CallerKind, String) {
    let (kind, prefix) = text.split_once(':').expect("a kind and a prefix");
    let kind = match kind {
        "native" => CallerKind::Native,
        "python" => CallerKind::Python,
        _ => CallerKind::Java,
    };
    (kind, prefix.trim_end_matches('/').to_owned())
}

impl Entry {
    fn audience(&self) -> Option<Audience> {
        let named = self.callers.iter().filter(|caller| *caller != "host");
        let host = self.callers.iter().any(|caller| caller == "host");
        let callers = named.map(|text| {
            let (kind, text) = prefix(text);
            CallerPrefix { kind, text }
        });
        (!self.callers.is_empty()).then(|| Audience { host, callers: callers.collect() })
    }

    fn rule(&self, id: String, section: &str, effect: Effect) -> FileRule {
        // A rule names a real place: as written but for a slash at its end, and with its links
        // resolved.
        let mut places = vec![self.path.components().collect::<PathBuf>()];
        places.extend(self.path.canonicalize());
        places.dedup();
        let names = places
            .iter()
            .map(|place| place.as_os_str().as_bytes().to_vec())
            .map(
                |place| {
                    if self.glob { PathPattern::Glob(place) } else { PathPattern::Literal(place) }
                },
            )
            .collect();
        FileRule {
            id,
            section: section.to_owned(),
            pattern: self.path.display().to_string(),
            names,
            effect,
            access: access(self.words, effect),
            place: Place { file: "test.yaml".to_owned(), line: 1, column: 1 },
            reason: None,
            fixed: false,
            leaf: self.path.is_file(),
            audience: self.audience(),
        }
    }
}

/// What the words of `access` mean; an exception for reading also lets list and inspect.
fn access(words: &[&str], effect: Effect) -> Access {
    if words.is_empty() {
        return Access::ALL;
    }
    words.iter().fold(Access::NONE, |set, word| {
        let one = match (*word, effect) {
            ("read", Effect::Allow) => Access::READ.with(Access::LIST).with(Access::METADATA),
            ("write", Effect::Allow) => Access::WRITE.with(Access::METADATA),
            ("read", Effect::Forbid) => Access::READ,
            ("write", Effect::Forbid) => Access::WRITE,
            ("list", _) => Access::LIST,
            ("execute", _) => Access::EXECUTE,
            ("metadata", _) => Access::METADATA,
            (other, _) => panic!("no access is called {other}"),
        };
        set | one
    })
}
