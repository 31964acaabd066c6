//! `ringfence test`: the policy's own tests, answered by the rules in force.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use ringfence_policy::{Access, Audiences, CallerKind, Creation};

use super::explain::InForce;
use super::explain::callers::Answer;
use super::{answer, refusal, report};
use crate::cli::Color;
use crate::exit;
use crate::read;
use crate::read::document::{Subject, Test};
use crate::read::render::Format;
use crate::read::world::World;
use crate::run::refusal::Refusal;

/// The options of `ringfence test`.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// A file, a directory of *.yaml, `-`, `env:NAME`, `micronaut`; without one, what `run` would take
    #[arg(value_name = "POLICY")]
    sources: Vec<OsString>,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// How a test came out.
enum Outcome {
    Passed,
    Failed,
    /// Why nothing can be said.
    Unanswered(String),
}

/// Runs the tests: 0 when all pass, 1 when one fails, 2 when one cannot be answered or there is
/// none.
pub(crate) fn test(args: &Options) -> u8 {
    args.color.apply();
    let world = World::current();
    let mut document = match read::load(&args.sources, &world) {
        Ok(document) => document,
        Err(mistakes) if report(&mistakes, Format::Text) => return refusal(&mistakes),
        Err(_) => return exit::NO_ANSWER,
    };
    let tests = std::mem::take(&mut document.tests);
    if tests.is_empty() {
        anstream::eprintln!(
            "error: the policy has no tests\n  = help: write some, as `ringfence: {{tests: [{{read: \
             /etc/shadow, expect: deny}}]}}`"
        );
        return exit::NO_ANSWER;
    }
    let rules = match InForce::here(document) {
        Ok(rules) => rules,
        Err(refusal) => return refusal.status(exit::NO_ANSWER).report(false),
    };
    let outcomes: Vec<(&Test, Outcome)> =
        tests.iter().map(|test| (test, outcome(&rules, test, &world))).collect();
    let text: String = outcomes.iter().map(|(test, outcome)| line(test, outcome)).collect();
    let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, o)| wanted(o)).count();
    let passed = count(|outcome| matches!(outcome, Outcome::Passed));
    let failed = count(|outcome| matches!(outcome, Outcome::Failed));
    let unanswered = outcomes.len() - passed - failed;
    let status = match (failed, unanswered) {
        (0, 0) => exit::YES,
        (0, _) => exit::NO_ANSWER,
        _ => exit::NO,
    };
    let sum = format!("{passed} passed, {failed} failed, {unanswered} not answered\n");
    answer(&(text + &sum), status)
}

fn outcome(rules: &InForce, test: &Test, world: &World) -> Outcome {
    let access = match test.subject {
        Subject::Read => Access::READ,
        Subject::Write => Access::WRITE,
        Subject::Thread => return creation(rules, test, Creation::Thread),
        Subject::Process => return creation(rules, test, Creation::Process),
    };
    let among = match audiences(rules, test) {
        Ok(among) => among,
        Err(refusal) => return Outcome::Unanswered(refusal.what().into()),
    };
    let Some(paths) = paths(&test.target.text, world) else {
        return Outcome::Unanswered("write an absolute path, or one that begins with `~/`".into());
    };
    for path in paths {
        match rules.refuses(&path, access, among) {
            Ok(refused) if refused == test.denied => {}
            Ok(_) => return Outcome::Failed,
            Err(refusal) => return Outcome::Unanswered(refusal.what().into()),
        }
    }
    Outcome::Passed
}

/// A thread or a program, on behalf of whom the test names.
fn creation(rules: &InForce, test: &Test, creation: Creation) -> Outcome {
    let names = std::iter::once(&test.target).chain(&test.by).map(|name| name.text.as_str());
    match Answer::about(rules, creation, names) {
        Ok(answer) if answer.is_refused() == test.denied => Outcome::Passed,
        Ok(_) => Outcome::Failed,
        Err(refusal) => Outcome::Unanswered(refusal.what().into()),
    }
}

/// The audiences that everybody is in on whose behalf a test asks: nobody's, where it does not say.
fn audiences(rules: &InForce, test: &Test) -> Result<Audiences, Refusal> {
    let image = rules.image()?;
    let kinds = [
        ("java:", CallerKind::Java),
        ("python:", CallerKind::Python),
        ("native:", CallerKind::Native),
    ];
    let of = |by: &str| {
        let named = kinds.iter().find_map(|(word, kind)| Some((*kind, by.strip_prefix(word)?)));
        let (kind, name) = named.unwrap_or((CallerKind::Java, by));
        if by == "host" {
            image.host_audiences()
        } else {
            image.audiences_of(kind, name.as_bytes())
        }
    };
    let each = test.by.iter().map(|by| of(&by.text));
    Ok(each.reduce(|all, one| all & one).unwrap_or_default())
}

/// The paths that a test is about: below each home of the user, where it begins with `~`.
fn paths(written: &str, world: &World) -> Option<Vec<PathBuf>> {
    if written.starts_with('/') {
        return Some(vec![written.into()]);
    }
    let rest = written.strip_prefix("~/")?;
    let homes = world.homes.iter().map(|home| PathBuf::from(OsStr::from_bytes(home)).join(rest));
    Some(homes.collect()).filter(|paths: &Vec<PathBuf>| !paths.is_empty())
}

fn line(test: &Test, outcome: &Outcome) -> String {
    let (word, colour, tail) = match outcome {
        Outcome::Passed => ("ok", "32", String::new()),
        Outcome::Failed => ("FAILED", "1;31", format!(", but is {}", other(test.denied))),
        Outcome::Unanswered(why) => ("no answer", "33", format!(": {why}")),
    };
    let subject = match test.subject {
        Subject::Read => "read",
        Subject::Write => "write",
        Subject::Thread => "thread",
        Subject::Process => "process",
    };
    let name = test.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    let expected = if test.denied { "deny" } else { "allow" };
    let (target, place) = (&test.target.text, &test.target.span);
    format!(
        "\x1b[{colour}m{word}\x1b[0m {name}{subject} `{target}` expects {expected}{tail} ({place})\n"
    )
}

fn other(denied: bool) -> &'static str {
    if denied { "allowed" } else { "refused" }
}
