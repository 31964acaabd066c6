//! `ringfence defaults`: flows as a server would run them, with the reason of every change.

mod output;
mod sources;
pub(crate) use output::value as to_json;
pub(crate) use sources::read as read_flows;

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::Arc;

use clap::ValueEnum;

use crate::cli::Color;
use crate::defaults::flow::{self, Resolved};
use crate::defaults::policy::Policy;
use crate::defaults::{Profile, lints};
use crate::exit;
use crate::read;
use crate::read::mistakes::Mistakes;
use crate::read::render;
use crate::read::span::Source;
use crate::read::world::World;

/// The options of `ringfence defaults`.
#[derive(clap::Args, Debug)]
pub(crate) struct Defaults {
    /// Where the defaults come from, repeatable: a file, a directory of *.yaml, `env:NAME`, `micronaut` [env: RINGFENCE_POLICY]
    #[arg(short, long = "policy", value_name = "SOURCE")]
    pub(crate) policies: Vec<OsString>,

    /// Whose rules to follow; the policy may name another than `ringfence`
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<Profile>,

    /// Say on standard error what changed, from what to what, and which entry did it
    #[arg(long)]
    pub(crate) why: bool,

    /// Print the changes as a unified diff instead of the flows
    #[arg(long, conflicts_with = "format")]
    pub(crate) diff: bool,

    /// How the flows are printed
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    pub(crate) format: Format,

    /// Print no flow: only say what is wrong, and whether a forced value overrode an author's
    #[arg(long, conflicts_with_all = ["diff", "format"])]
    pub(crate) check: bool,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,

    /// Files, directories (their *.yaml and *.yml, at any depth), or `-`
    #[arg(required = true, value_name = "FLOW")]
    pub(crate) flows: Vec<OsString>,
}

/// How flows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The text of the flow, changed where it has to be.
    #[default]
    Yaml,
    /// One JSON value a line, for each YAML document.
    Json,
}

/// A source with its defaults.
struct Done {
    source: Arc<Source>,
    resolved: Resolved,
}

/// Gives flows their defaults: 0 when no forced value overrode an author's, 1 when one did, 2 when
/// something is wrong; then no flow is printed at all.
pub(crate) fn defaults(args: &Defaults) -> u8 {
    args.color.apply();
    let mut mistakes = Mistakes::default();
    let done = resolve(args, &mut mistakes);
    if args.why {
        for Done { resolved, .. } in done.iter().flatten() {
            resolved
                .changes
                .iter()
                .for_each(|change| anstream::eprintln!("{}", output::why(change)));
        }
    }
    anstream::eprint!("{}", render::render(&mistakes, render::Format::Text));
    let Some(done) = done.filter(|_| !mistakes.has_errors()) else { return exit::NO_ANSWER };
    if !args.check && print(args, &done).is_err() {
        return exit::NO_ANSWER;
    }
    let overridden =
        done.iter().filter(|done| done.resolved.changes.iter().any(|change| change.overrides));
    if overridden.count() > 0 { exit::NO } else { exit::YES }
}

fn resolve(args: &Defaults, mistakes: &mut Mistakes) -> Option<Vec<Done>> {
    let world = World::current();
    let document = match read::load(&args.policies, &world) {
        Ok(document) => document,
        Err(found) => {
            mistakes.extend(found);
            return None;
        }
    };
    let policy = match Policy::new(&document, args.profile) {
        Ok(policy) => policy,
        Err(found) => {
            mistakes.extend(found);
            return None;
        }
    };
    mistakes.extend(document.warnings);
    mistakes.extend(lints::on_environment(&world));
    mistakes.extend(lints::on_written(&document.defaults));
    mistakes.extend(lints::on_entries(&policy));
    let mut seen = lints::Seen::default();
    let mut done = Vec::new();
    for source in read_flows(&args.flows, mistakes) {
        match flow::resolve_text(&source, &policy) {
            Ok(resolved) => {
                resolved.flows.iter().for_each(|flow| seen.add(flow));
                mistakes.extend(resolved.warnings.clone());
                done.push(Done { source, resolved });
            }
            Err(found) => mistakes.extend(found),
        }
    }
    mistakes.extend(lints::on_types(&policy, &seen));
    Some(done)
}

fn print(args: &Defaults, done: &[Done]) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for Done { source, resolved } in done {
        if args.diff {
            output::diff(source, &resolved.text, &mut out)?;
        } else if args.format == Format::Json {
            output::json(source, resolved, args.why, &mut out)?;
        } else {
            if done.len() > 1 {
                output::separator(&source.name, &resolved.text, &mut out)?;
            }
            out.write_all(resolved.text.as_bytes())?;
            if done.len() > 1 && !resolved.text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()
}
