//! The table, a line as soon as its row is measured.

use crate::peers::Peer;
use crate::rows::Row;
use crate::sample::{Compare, Round, Summary};

/// Prints the head of the table.
pub(crate) fn head(rounds: usize) {
    println!("Medians of {rounds} rounds, with the least and the greatest. `base` is what a call");
    println!(
        "or a run costs unfenced (fenced by ten rules where the row is about rules); `itself`"
    );
    println!("is the base against another instance of itself: believe nothing finer than that.\n");
    println!("| work | base | fenced | itself | target | met? |");
    println!("|---|---|---|---|---|---|");
}

/// Prints the line of a row.
pub(crate) fn line(row: &Row, rounds: &[Round]) {
    let base = Summary::of(rounds.iter().map(|round| round.base));
    let contestant = Summary::of(rounds.iter().map(|round| round.contestant));
    let itself = Summary::of(rounds.iter().map(|round| round.itself));
    let met = match row.compare {
        Compare::Speed => contestant.median >= row.target,
        _ => contestant.median <= row.target,
    };
    println!(
        "| {} | {} | {} | {} | {} | {} |",
        row.work,
        cost(row.compare, base.median),
        range(row.compare, contestant),
        range(row.compare, itself),
        target(row),
        if met { "yes" } else { "**no**" },
    );
}

/// Prints the head of the table of peers.
pub(crate) fn peers_head(rounds: usize, there: &[Peer], absent: &[Peer]) {
    println!("Medians of {rounds} rounds, each against the plain program in the same round.");
    if !absent.is_empty() {
        println!("Not installed here: {absent:?}.");
    }
    print!("\n| work | plain | ringfence |");
    there.iter().for_each(|peer| print!(" {} |", peer.words()[0]));
    println!("\n|---|---|---|{}", "---|".repeat(there.len()));
}

/// Prints the line of a row: ours, then each peer's.
pub(crate) fn peers_line(row: &Row, measured: &[Vec<Round>]) {
    let base = Summary::of(measured.iter().flatten().map(|round| round.base));
    print!("| {} | {} |", row.work, cost(row.compare, base.median));
    for rounds in measured {
        let contestant = Summary::of(rounds.iter().map(|round| round.contestant));
        print!(" {} |", range(row.compare, contestant));
    }
    println!();
}

/// Prints that there is nothing to measure.
pub(crate) fn absent(row: &Row) {
    println!("| {} | – | not judged by the shim | – | {} | – |", row.work, target(row));
}

fn target(row: &Row) -> String {
    let sign = if row.compare == Compare::Speed { "≥" } else { "≤" };
    format!("{sign} {}", amount(row.compare, row.target))
}

fn range(compare: Compare, summary: Summary) -> String {
    let bare = |value: f64| match compare {
        Compare::AddedMilliseconds | Compare::AddedMebibytes => format!("{value:+.2}"),
        Compare::Ratio | Compare::Speed => format!("{value:.2}"),
    };
    format!("{} ({}…{})", amount(compare, summary.median), bare(summary.min), bare(summary.max))
}

fn amount(compare: Compare, value: f64) -> String {
    match compare {
        Compare::Ratio | Compare::Speed => format!("{value:.2}"),
        Compare::AddedMilliseconds => format!("{value:+.2} ms"),
        Compare::AddedMebibytes => format!("{value:+.2} MiB"),
    }
}

fn cost(compare: Compare, value: f64) -> String {
    match compare {
        Compare::AddedMebibytes => format!("{:.2} MiB", value / f64::from(1 << 20)),
        _ if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        _ if value >= 1e3 => format!("{:.2} µs", value / 1e3),
        _ => format!("{value:.0} ns"),
    }
}
