//! What `run` says when the fence is up, and what `--dry-run` says instead of starting.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ringfence_policy::{Audit, Console, Creation, Effect, Mode, PathPattern, Place, Policy};

/// What there is to say about a start.
pub(crate) struct Start<'a> {
    /// The policy in force, with the fixed rules and the presets.
    pub(crate) policy: &'a Policy,
    /// Where it comes from.
    pub(crate) sources: &'a [String],
    /// Where it switches rules of its own off.
    pub(crate) disabled: &'a [Place],
    /// The id of this start.
    pub(crate) run: &'a str,
    /// The program, as it was found.
    pub(crate) program: &'a Path,
    /// The shim.
    pub(crate) library: &'a Path,
    /// The variables that the worker does not get.
    pub(crate) dropped: &'a [OsString],
}

impl Start<'_> {
    /// The line at the start.
    pub(crate) fn announce(&self, json: bool) {
        let line =
            if json { self.to_json() } else { format!("ringfence: fence up: {}", self.summary()) };
        write(&line);
    }

    /// A line for each variable that the worker does not get.
    pub(crate) fn announce_dropped(&self, json: bool) {
        for name in self.dropped {
            let name = name.display();
            let why = "libc or ld.so would open a file by it that the policy forbids, or load code before the fence";
            write(&if json {
                let object = serde_json::json!({
                    "level": "warning",
                    "message": format!("`{name}` is not passed on: {why}"),
                });
                object.to_string()
            } else {
                format!("ringfence: `{name}` is not passed on: {why}")
            });
        }
    }

    /// What would be done, on the standard output.
    pub(crate) fn describe(&self, json: bool) {
        let mut text = String::new();
        if json {
            text = self.to_json();
        } else {
            text += &format!(
                "would start {} with {}\n",
                self.program.display(),
                self.library.display()
            );
            text += &self.summary();
            for rule in &self.policy.rules {
                let effect = if rule.effect == Effect::Forbid { "forbid" } else { "allow" };
                text += &format!(
                    "\n  {effect} {} `{}` ({})",
                    rule.section, rule.pattern, rule.place.file
                );
                for name in &rule.names {
                    let (PathPattern::Literal(path) | PathPattern::Glob(path)) = name;
                    text += &format!("\n    {}", OsStr::from_bytes(path).display());
                }
            }
        }
        // Whoever does not read it does not miss it.
        let _ = writeln!(anstream::stdout(), "{text}");
    }

    fn summary(&self) -> String {
        let mut parts = vec![
            format!("{} from {}", self.rules(), self.sources.join(", ")),
            self.mode().into(),
            audit(&self.policy.audit),
            "kernel floor: off".into(),
        ];
        for place in self.disabled {
            let Place { file, line, column } = place;
            parts.push(format!("switched off: the rules at {file}:{line}:{column}"));
        }
        parts.join("; ")
    }

    /// How many rules the sources have: what is fixed and what presets add is in every policy.
    fn counts(&self) -> (usize, usize) {
        let own = self.policy.rules.iter().filter(|rule| !rule.fixed && !is_preset(&rule.section));
        own.fold((0, 0), |(paths, exceptions), rule| match rule.effect {
            Effect::Forbid => (paths + 1, exceptions),
            Effect::Allow => (paths, exceptions + 1),
        })
    }

    /// How many rules about callers there are.
    fn callers(&self) -> usize {
        let of = |creation| self.policy.callers.rules(creation).len();
        let unattributed = usize::from(self.policy.callers.deny_unattributed);
        of(Creation::Thread) + of(Creation::Process) + unattributed
    }

    fn rules(&self) -> String {
        let (paths, exceptions) = self.counts();
        let callers = self.callers();
        let kinds = [(paths, "path"), (exceptions, "exception"), (callers, "caller")];
        let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<String> = kinds.map(|(count, what)| counted(count, what)).collect();
        let all = counted(paths + exceptions + callers, "rule");
        if kinds.is_empty() { all } else { format!("{all} ({})", kinds.join(", ")) }
    }

    fn mode(&self) -> &'static str {
        match self.policy.mode {
            Mode::Enforce => "enforce",
            Mode::Audit => "audit only",
        }
    }

    fn to_json(&self) -> String {
        let (paths, exceptions) = self.counts();
        let text = |path: &[u8]| OsStr::from_bytes(path).to_string_lossy().into_owned();
        let object = serde_json::json!({
            "level": "info",
            "event": "start",
            "run": self.run,
            "rules": { "paths": paths, "exceptions": exceptions, "callers": self.callers() },
            "sources": self.sources,
            "mode": if self.policy.mode == Mode::Enforce { "enforce" } else { "audit" },
            "audit": text(&self.policy.audit.file),
            "kernel": "off",
            "program": text(self.program.as_os_str().as_bytes()),
        });
        object.to_string()
    }
}

fn is_preset(section: &str) -> bool {
    section.starts_with("presets.")
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Where denials are written.
fn audit(audit: &Audit) -> String {
    match (audit.file.as_slice(), audit.json_to_stderr, audit.console) {
        ([], true, _) => "audit to stderr as JSON".into(),
        ([], false, Console::Denials) => "audit to stderr".into(),
        ([], false, Console::None) => "no audit".into(),
        (file, ..) => format!("audit to {}", OsStr::from_bytes(file).display()),
    }
}

/// Something to know, as a line or as a JSON object.
pub(crate) fn inform(what: &str, json: bool) {
    write(&match json {
        true => serde_json::json!({ "level": "info", "message": what }).to_string(),
        false => format!("ringfence: {what}"),
    });
}

/// One line, in one write: others write to the same stream.
pub(crate) fn write(line: &str) {
    // Where nobody listens there is nobody to tell.
    let _ = anstream::stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::{Access, FileRule, Place};

    fn rule(section: &str, effect: Effect, fixed: bool) -> FileRule {
        FileRule {
            id: "id".into(),
            section: section.into(),
            pattern: "/etc/".into(),
            names: vec![PathPattern::Literal(b"/etc".to_vec())],
            effect,
            access: Access::ALL,
            place: Place { file: "application.yml".into(), line: 6, column: 9 },
            reason: None,
            fixed,
            leaf: false,
            audience: None,
        }
    }

    fn summary(rules: Vec<FileRule>) -> String {
        let policy = Policy { rules, ..Policy::default() };
        let start = Start {
            policy: &policy,
            sources: &["application.yml".into()],
            disabled: &[],
            run: "id",
            program: Path::new("/bin/true"),
            library: Path::new("/l.so"),
            dropped: &[],
        };
        start.summary()
    }

    #[test]
    fn the_line_counts_what_the_sources_say() {
        let rules = vec![
            rule("forbiddenPaths", Effect::Forbid, false),
            rule("built-in", Effect::Forbid, true),
            rule("presets.jvm", Effect::Allow, false),
        ];
        assert_eq!(
            summary(rules),
            "1 rule (1 path) from application.yml; enforce; audit to stderr; kernel floor: off"
        );
    }

    #[test]
    fn the_line_names_what_is_not_enforced() {
        let rules = vec![
            rule("files.forbidden", Effect::Forbid, false),
            rule("files.forbidden", Effect::Forbid, false),
            rule("files.allowed", Effect::Allow, false),
        ];
        let line = summary(rules);
        assert!(line.starts_with("3 rules (2 paths, 1 exception) from"), "{line}");
    }
}
