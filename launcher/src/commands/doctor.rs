//! `ringfence doctor`: what on this machine, or for a command, would leave a gap, on one page.
//!
//! It looks and changes nothing. That a fence holds is proved at each start by `run`; this says
//! beforehand why it would not.

mod command;
mod machine;

use std::ffi::OsString;
use std::fmt::Write as _;

use serde_json::json;

use super::answer;
use crate::cli::Color;
use crate::exit;

/// The options of `ringfence doctor`.
#[derive(clap::Args, Debug)]
pub(crate) struct Doctor {
    /// Write a JSON line for each finding
    #[arg(long)]
    json: bool,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,

    /// The command that is to be fenced; its arguments are not looked at
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Good,
    /// A fence holds, and this is to be known about it.
    Note,
    /// A worker would not be started, or not as the policy means it.
    Gap,
}

/// One finding.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    level: Level,
    about: &'static str,
    says: String,
    help: Option<String>,
}

impl Finding {
    fn new(level: Level, about: &'static str, says: impl Into<String>) -> Self {
        Self { level, about, says: says.into(), help: None }
    }

    fn good(about: &'static str, says: impl Into<String>) -> Self {
        Self::new(Level::Good, about, says)
    }

    fn note(about: &'static str, says: impl Into<String>) -> Self {
        Self::new(Level::Note, about, says)
    }

    fn gap(about: &'static str, says: impl Into<String>, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..Self::new(Level::Gap, about, says) }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// What no preloaded library holds, whatever the machine.
const NO_BOUNDARY: [&str; 3] = [
    "machine code of the worker's own that makes system calls by itself",
    "root in the worker, where it may mount, trace or load modules",
    "what was outside before: hard links, copies, open files",
];

/// Looks: 0 where nothing would leave a gap, 1 where something would.
pub(crate) fn doctor(args: &Doctor) -> u8 {
    args.color.apply();
    let mut findings = machine::findings();
    if let Some(command) = args.command.first() {
        findings.extend(command::findings(command));
    }
    let gaps = findings.iter().filter(|finding| finding.level == Level::Gap).count();
    let status = if gaps == 0 { exit::YES } else { exit::NO };
    answer(&if args.json { to_json(&findings) } else { to_text(&findings, gaps) }, status)
}

fn to_text(findings: &[Finding], gaps: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        let (word, colour) = match finding.level {
            Level::Good => ("ok  ", "32"),
            Level::Note => ("note", "33"),
            Level::Gap => ("GAP ", "1;31"),
        };
        // Writing to a text does not fail.
        let _ =
            writeln!(text, "\x1b[{colour}m{word}\x1b[0m {:<11} {}", finding.about, finding.says);
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "       = help: {help}");
        }
    }
    text += "\nno boundary here:\n";
    for limit in NO_BOUNDARY {
        let _ = writeln!(text, "  - {limit}");
    }
    let sum = match gaps {
        0 => "no gap was found; `ringfence run` proves the fence at each start".to_owned(),
        1 => "1 gap".to_owned(),
        more => format!("{more} gaps"),
    };
    text + "\n" + &sum + "\n"
}

fn to_json(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let level = match finding.level {
            Level::Good => "ok",
            Level::Note => "note",
            Level::Gap => "gap",
        };
        let Finding { about, says, help, .. } = finding;
        format!("{}\n", json!({ "level": level, "about": about, "says": says, "help": help }))
    };
    findings.iter().map(line).collect()
}
