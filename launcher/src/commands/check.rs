//! `ringfence check`: whether a policy holds, with all mistakes at once.

use std::ffi::OsString;

use ringfence_policy::Effect;

use super::{answer, refusal, report};
use crate::cli::Color;
use crate::defaults::policy;
use crate::exit;
use crate::read::classes::covers;
use crate::read::document::Document;
use crate::read::mistakes::Mistakes;
use crate::read::render::Format;
use crate::read::world::World;
use crate::read::{self, lints};

/// The options of `ringfence check`.
#[derive(clap::Args, Debug)]
pub(crate) struct Check {
    /// A file, a directory of *.yaml, `-`, `env:NAME`, `micronaut`; without one, what `run` would take
    #[arg(value_name = "POLICY")]
    pub(crate) sources: Vec<OsString>,

    /// How mistakes are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// Checks a policy: 0 when it holds, 1 with the mistakes when not, 2 when it could not be read.
pub(crate) fn check(args: &Check) -> u8 {
    args.color.apply();
    let loaded = read::load(&args.sources, &World::current());
    match loaded.and_then(with_defaults) {
        Ok(document) => {
            let mut warnings = document.warnings.clone();
            warnings.extend(lints::on_disk(&document));
            warnings.sort();
            if !report(&warnings, args.format) {
                return exit::NO_ANSWER;
            }
            match args.format {
                Format::Text => answer(&summary(&document, &warnings), exit::YES),
                Format::Json | Format::Github => exit::YES,
            }
        }
        Err(mistakes) if report(&mistakes, args.format) => {
            if args.format == Format::Text {
                anstream::eprintln!("{}", counted(&mistakes));
            }
            refusal(&mistakes)
        }
        Err(_) => exit::NO_ANSWER,
    }
}

/// The document with what is to be said about its task defaults.
fn with_defaults(mut document: Document) -> Result<Document, Mistakes> {
    let mut found = policy::check(&document);
    found.extend(document.warnings);
    if found.has_errors() {
        found.sort();
        return Err(found);
    }
    document.warnings = found;
    Ok(document)
}

/// How many mistakes there are, as a last line.
fn counted(mistakes: &Mistakes) -> String {
    let errors = mistakes.errors().count();
    let warnings = mistakes.len() - errors;
    let tail = match warnings {
        0 => String::new(),
        _ => format!(" and {}", number(warnings, "warning")),
    };
    format!("{}{tail}; `ringfence help CODE` says more about a code", number(errors, "error"))
}

/// What the policy comes to, in a line each: its rules, and what this version leaves undone.
fn summary(document: &Document, warnings: &Mistakes) -> String {
    let forbidden = document.rules.iter().filter(|rule| rule.effect == Effect::Forbid).count();
    let exceptions = document.rules.len() - forbidden;
    let prefixes = [&document.threads, &document.processes]
        .map(|rules| rules.authorized.len() + rules.forbidden.len());
    let mut parts = vec![number(forbidden, "forbidden path")];
    for (count, what) in [
        (exceptions, "exception"),
        (prefixes.iter().sum(), "prefix rule"),
        (document.defaults.len(), "task default"),
        (warnings.len(), "warning"),
    ] {
        if count > 0 {
            parts.push(number(count, what));
        }
    }
    let mut text = format!("{}: valid: {}\n", document.sources.join(", "), parts.join(", "));
    if !document.defaults.is_empty() {
        text += "task defaults: for `ringfence defaults` and `ringfence task`; of workers, a Kestra worker gets them \
                 by its own configuration, and no other does\n";
    }
    text += &proposals(document);
    for place in &document.disabled {
        text += &format!(
            "switched off: `enabled: false` ({}:{}:{})\n",
            place.file, place.line, place.column
        );
    }
    text
}

/// The types that a policy forces into containers, and whose programs it still lets run beside them.
fn proposals(document: &Document) -> String {
    let Ok(policy) = policy::Policy::new(document, None) else { return String::new() };
    let forbidden = |of_type: &str| {
        document.processes.forbidden.iter().any(|prefix| covers(&prefix.text, of_type))
    };
    let mut types: Vec<&str> = policy::contained(&policy.entries).collect();
    types.retain(|of_type| !forbidden(of_type));
    types.dedup();
    if types.is_empty() {
        return String::new();
    }
    format!(
        "proposed: `ringfence: {{version: 1, processes: {{forbidden: [{}]}}}}`, so that tasks forced into a container \
         start no program of the worker's machine\n",
        types.join(", ")
    )
}

/// A number of things.
fn number(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
