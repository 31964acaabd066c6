//! The scripts of the fixtures: ways to a thread or to a program, many in a file.

use std::fs;

use super::worker::Task;
use crate::programs::source;

/// The class that runs a Groovy script.
pub(crate) const SCRIPT: &str = "io.kestra.plugin.scripts.groovy.Eval";

/// A way to a thread or to a program, as a script.
pub(crate) struct Way {
    pub(crate) task: Task,
    /// Every caller may: the thread is the runtime's own.
    pub(crate) free: bool,
    /// It gets through on this Java, whatever the rules; the threat model says so.
    pub(crate) limit: bool,
}

/// The ways of a file of the fixtures that exist on this Java, in order.
///
/// A line `// == NAME [TAGS]` (`#` for Jython) begins a script; what stands above the first is in
/// front of each. The tags: `21` from Java 21 on, `..16` up to Java 16, `free`,
/// and `limit` up to Java 14.
pub(crate) fn ways(file: &str, java: u32) -> Vec<Way> {
    let text = fs::read_to_string(source(file)).expect("a file of the fixtures");
    let (mark, class) = if file.ends_with(".groovy") {
        ("\n// == ", SCRIPT)
    } else {
        ("\n# == ", "io.kestra.plugin.scripts.jython.Eval")
    };
    let mut parts = text.split(mark);
    let prelude = parts.next().expect("a split has a first part");
    let mut ways = Vec::new();
    for part in parts {
        let (head, body) = part.split_once('\n').expect("a script follows its head");
        let (name, tags) = match head.split_once(" [") {
            Some((name, tags)) => (name, tags.trim_end_matches(']')),
            None => (head, ""),
        };
        let (mut exists, mut free, mut limit) = (true, false, false);
        for tag in tags.split_whitespace() {
            match (tag, tag.strip_prefix("..")) {
                ("free", _) => free = true,
                ("limit", _) => limit = java < 15,
                (_, Some(last)) => exists &= java <= last.parse().expect("a Java version"),
                (first, None) => exists &= java >= first.parse().expect("a Java version"),
            }
        }
        if exists {
            ways.push(Way {
                task: Task::new(name, class, format!("{prelude}\n{body}")),
                free,
                limit,
            });
        }
    }
    assert!(ways.len() > 5, "{file} has its ways");
    ways
}
