//! Random calls on random trees, by four threads in each of two processes: without a fence, and inside
//! one that does not concern them, each call answers the same and the same tree is left. Inside one
//! that forbids a part, each call answers what a model foretells that knows the forbidden places and
//! resolves paths by itself.

use std::fmt::Write as _;

use crate::harness::{Fence, Outcome, Random, Rules, Scratch, fixture};

/// One tree for each thread, and one that all share.
const TREES: usize = 9;

/// The forbidden places of a tree.
const FORBIDDEN: [&str; 2] = ["closed", "deep/hidden"];

/// What was done, and what it left.
struct Run {
    calls: Vec<String>,
    tree: Vec<String>,
    /// The forbidden places of the tree that all share.
    kept: Vec<String>,
}

/// How the calls are made.
#[derive(Clone, Copy)]
struct Way<'a> {
    /// `run` or `model`.
    how: &'a str,
    seed: u64,
    count: u64,
    /// Other file systems lie in the trees.
    mounts: bool,
    /// What no rule forbids may be read.
    leaks: bool,
}

fn tree_of(number: usize) -> String {
    format!("t{number}/r/r/r/r")
}

/// Makes the trees, the calls in a fence around `scratch`, and lists what is left; all but the calls
/// without a fence.
fn run(way: Way<'_>, fence: impl FnOnce(&Scratch) -> Fence) -> Run {
    const SCRIPT: &str = "\"$1\" grow \"$2\" && \
        env ${L:+LD_PRELOAD=\"$L\"} ${I:+RINGFENCE_IMAGE=\"$I\"} \"$1\" \"$3\" \"$2\" \"$4\" \"$5\" && \
        echo left && \"$1\" dump \"$2\"";
    let scratch = Scratch::empty();
    // The rules name real places, so these are made for a moment; the fixture makes them anew.
    for place in
        (0..TREES).flat_map(|tree| FORBIDDEN.map(|name| format!("{}/{name}", tree_of(tree))))
    {
        scratch.directory(&place);
    }
    let fence = fence(&scratch);
    for tree in 0..TREES {
        scratch.remove(&format!("t{tree}"));
    }
    let mut command = Fence::open().command(if way.mounts { "unshare" } else { "sh" });
    if way.mounts {
        command.args(["--mount", "--propagation", "private", "sh"]).env("MOUNTS", "1");
    }
    if way.leaks {
        command.env("LEAKS", "1");
    }
    command.arg("-c").arg(SCRIPT).arg("sh").arg(fixture("operations")).arg(scratch.path(""));
    command.arg(way.how).args([way.seed.to_string(), way.count.to_string()]);
    for (name, value) in fence.command("sh").get_envs() {
        match (name.to_str(), value) {
            (Some("LD_PRELOAD"), Some(value)) => drop(command.env("L", value)),
            (Some("RINGFENCE_IMAGE"), Some(value)) => drop(command.env("I", value)),
            _ => {}
        }
    }
    parse(&scratch, &fence.finish(&mut command))
}

fn parse(scratch: &Scratch, outcome: &Outcome) -> Run {
    let text = scratch.generic(outcome.text());
    let (calls, tree) = text.split_once("\nleft\n").expect("the tree is listed");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let shared = format!("@/{}/", tree_of(TREES - 1));
    let (all, own): (Vec<_>, Vec<_>) =
        lines(tree).into_iter().partition(|line| line.starts_with(&format!("@/t{}", TREES - 1)));
    let kept = all.into_iter().filter(|line| {
        let place = line.strip_prefix(&shared).unwrap_or_default();
        FORBIDDEN.iter().any(|name| place.starts_with(name))
    });
    Run { calls: lines(calls), tree: own, kept: kept.collect() }
}

/// Asserts that two runs are the same, and shows the first calls in which they are not.
#[track_caller]
fn assert_same(one: &Run, other: &Run, what: &str) {
    let mut shown = String::new();
    let pairs = || one.calls.iter().zip(&other.calls).chain(one.tree.iter().zip(&other.tree));
    for (left, right) in pairs().filter(|(left, right)| left != right).take(5) {
        writeln!(shown, "  {left}\n  {right}\n").expect("a text");
    }
    assert!(shown.is_empty(), "{what}: each pair should be one\n{shown}");
    assert_eq!(one.calls.len(), other.calls.len(), "{what}");
    assert_eq!(one.tree.len(), other.tree.len(), "{what}: {:#?}\n{:#?}", one.tree, other.tree);
}

fn forbids_a_part(scratch: &Scratch) -> Fence {
    let places =
        (0..TREES).flat_map(|tree| FORBIDDEN.map(|name| format!("{}/{name}", tree_of(tree))));
    Fence::by_hand(&places.fold(Rules::new(), |rules, place| rules.forbid(scratch.path(&place))))
}

fn elsewhere(scratch: &Scratch) -> Fence {
    // With names that the trees have.
    Fence::by_hand(&Rules::new().forbid("/nowhere/at/all").forbid(scratch.path("not-here/a/f")))
}

fn compare(seed: u64, count: u64, mounts: bool) {
    let way = Way { how: "run", seed, count, mounts, leaks: true };
    let open = run(way, |_| Fence::open());
    let has = |run: &Run, text: &str| run.calls.iter().filter(|line| line.contains(text)).count();
    assert!(has(&open, " = ok") > open.calls.len() / 10, "most calls mean something");
    assert!(has(&open, "<SECRET") > 0, "without a fence, what is forbidden is read");
    assert_same(
        &open,
        &run(way, elsewhere),
        "without a fence, and inside one that concerns nothing",
    );

    let model = run(Way { how: "model", ..way }, |_| Fence::open());
    let fenced = run(Way { leaks: false, ..way }, forbids_a_part);
    assert!(has(&model, " = EACCES") > model.calls.len() / 50, "some calls are refused");
    assert_eq!(
        has(&fenced, "<SECRET") + has(&fenced, "LEAKED"),
        0,
        "what is forbidden is not read"
    );
    assert_same(&model, &fenced, "foretold, and inside the fence");
    assert_eq!(model.kept, fenced.kept, "what is forbidden stays as it was");
    assert!(!model.kept.is_empty(), "it is listed");
}

/// As many calls as `RINGFENCE_OPERATIONS` says, else 100,000.
fn calls() -> u64 {
    let given = std::env::var("RINGFENCE_OPERATIONS").ok();
    given.map_or(100_000, |text| text.parse().expect("RINGFENCE_OPERATIONS is a number"))
}

#[test]
fn random_calls_answer_what_is_foretold() {
    let mut random = Random::announced("differential::random_calls_answer_what_is_foretold");
    compare(random.below(1 << 32), calls(), false);
}

#[test]
fn random_calls_across_mounts_answer_what_is_foretold() {
    let mut random =
        Random::announced("differential::random_calls_across_mounts_answer_what_is_foretold");
    compare(random.below(1 << 32), calls() / 4, true);
}
