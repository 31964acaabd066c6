//! What the `Ways` fixtures print: for each way to a file, what it got or how it was refused.

use std::fmt;

use crate::harness::Outcome;

/// What came of one way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Came {
    /// It ended without an error, with this.
    Got(String),
    /// It failed with this, the class of the error first.
    Threw(String),
}

impl Came {
    /// Whether it failed with an error of one of these classes.
    pub(crate) fn threw(&self, classes: &[&str]) -> bool {
        let Self::Threw(error) = self else { return false };
        let class = error.split([':', ' ']).next();
        class.is_some_and(|class| classes.contains(&class))
    }

    /// Whether it failed with an error that says this.
    pub(crate) fn failed_saying(&self, words: &str) -> bool {
        matches!(self, Self::Threw(error) if error.contains(words))
    }

    /// Whether it ended without an error, with exactly this.
    pub(crate) fn got(&self, what: &str) -> bool {
        matches!(self, Self::Got(got) if got == what)
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Got(what) => write!(f, "got {what}"),
            Self::Threw(error) => write!(f, "threw {error}"),
        }
    }
}

/// The ways of a run with what came of each, in order; a run that broke off fails the test.
#[track_caller]
pub(crate) fn outcomes(run: &Outcome) -> Vec<(String, Came)> {
    let ways: Vec<_> = run.text().lines().filter(|line| line.contains('\t')).map(outcome).collect();
    assert!(ways.len() > 5, "the fixture tries its ways: {run:#?}");
    ways
}

#[track_caller]
fn outcome(line: &str) -> (String, Came) {
    let mut parts = line.splitn(3, '\t');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(way), Some("got"), Some(what)) => (way.to_owned(), Came::Got(what.to_owned())),
        (Some(way), Some("threw"), Some(error)) => (way.to_owned(), Came::Threw(error.to_owned())),
        _ => panic!("not a line of the fixture: {line:?}"),
    }
}

/// Fails the test unless each way came out as `right` says, naming all that did not.
#[track_caller]
pub(crate) fn expect_each(run: &Outcome, right: impl Fn(&str, &Came) -> bool) {
    let wrong: Vec<String> = outcomes(run)
        .iter()
        .filter(|(way, came)| !right(way, came))
        .map(|(way, came)| format!("{way}: {came}"))
        .collect();
    assert!(wrong.is_empty(), "not as they should: {wrong:#?}\nstderr: {}", run.stderr);
}
