//! Starting programs: every child is fenced, whatever way it is started and whatever environment
//! it is given; a forbidden program is refused, and so is one that the fence cannot enter.

mod environment;
mod unfenceable;
mod ways;

use std::fs;
use std::path::PathBuf;

use crate::harness::{Fence, Outcome, Rules, Scratch, fixture};

/// Runs the `start` fixture; `@` in a word stands for the tree.
#[track_caller]
fn start(fence: &Fence, scratch: &Scratch, words: &[&str]) -> Outcome {
    let words = words.iter().map(|word| word.replace('@', &scratch.text("")));
    fence.run(fixture("start"), words)
}

/// Whether an audit line of this run says that this path was refused.
fn is_denied(outcome: &Outcome, path: &str) -> bool {
    outcome.audit.iter().any(|line| line["event"] == "deny" && line["path"] == path)
}

/// Starts `cat` as the words say, where `PATH` stands for what it reads: the forbidden file shows
/// without a fence only, the allowed one with it too.
#[track_caller]
fn expect_fenced(words: &[&str]) {
    expect_fenced_by(words, |fence, scratch, words| start(fence, scratch, words));
}

#[track_caller]
fn expect_fenced_by(words: &[&str], run: impl Fn(&Fence, &Scratch, &[&str]) -> Outcome) {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let on = |file: &str| -> Vec<String> {
        words.iter().map(|word| word.replace("PATH", file)).collect()
    };
    let (secret, twin) = (on("@/secret"), on("@/twin"));
    let secret: Vec<&str> = secret.iter().map(String::as_str).collect();
    let twin: Vec<&str> = twin.iter().map(String::as_str).collect();

    let open = run(&Fence::open(), &scratch, &secret);
    assert!(open.stdout.contains("SECRET"), "without a fence: {open:#?}");
    let fenced = run(&fence, &scratch, &secret);
    assert!(!fenced.stdout.contains("SECRET"), "the child is not fenced: {fenced:#?}");
    assert!(fenced.stderr.contains("Permission denied"), "cat is told EACCES: {fenced:#?}");
    assert!(is_denied(&fenced, &scratch.text("secret")), "the child reports: {fenced:#?}");
    let twin = run(&fence, &scratch, &twin);
    assert!(twin.stdout.contains("twin"), "the allowed twin: {twin:#?}");
}

/// Starts what the words say, where `PROGRAM` stands for a copy of `cat` and `@/twin` is what it
/// reads: refused with EACCES where the copy is forbidden, and otherwise run.
#[track_caller]
fn expect_refused(words: &[&str]) {
    let scratch = Scratch::new();
    for directory in ["closed", "open"] {
        fs::copy("/bin/cat", scratch.path(directory).join("cat")).expect("a copy");
    }
    // Only the right to execute is missing, so that a descriptor of the program can be had.
    let rules = Rules::new().forbid_access(scratch.path("closed"), &["execute"]);
    let on = |program: &str| -> Vec<String> {
        words.iter().map(|word| word.replace("PROGRAM", program)).collect()
    };
    let (closed, open) = (on("@/closed/cat"), on("@/open/cat"));
    let closed: Vec<&str> = closed.iter().map(String::as_str).collect();
    let open: Vec<&str> = open.iter().map(String::as_str).collect();

    let control = start(&Fence::open(), &scratch, &closed);
    assert_eq!(control.stdout, "twin\n", "without a fence: {control:#?}");
    let fence = Fence::by_hand(&rules);
    let refused = start(&fence, &scratch, &closed);
    assert_eq!(refused.stdout, "-1 EACCES\n", "{refused:#?}");
    assert!(is_denied(&refused, &scratch.text("closed/cat")), "it is reported: {refused:#?}");
    let twin = start(&fence, &scratch, &open);
    assert_eq!(twin.stdout, "twin\n", "the allowed twin: {twin:#?}");
}

/// A copy of a program in the tree.
fn copy(scratch: &Scratch, from: impl Into<PathBuf>, to: &str) -> PathBuf {
    let place = scratch.path(to);
    fs::copy(from.into(), &place).expect("a copy in our own tree");
    place
}
