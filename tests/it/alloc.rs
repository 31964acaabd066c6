//! What a hook takes of its caller's process: no block of memory, and little stack.

use std::collections::BTreeMap;

use crate::harness::{Fence, Scratch, fixture};

/// The most stack that a hook may use, in bytes.
const STACK: i64 = 9 * 1024;

fn tree() -> Scratch {
    let scratch = Scratch::new();
    scratch.link("to-secret", "secret");
    scratch.link("to-twin", "twin");
    scratch.link("chain", "to-twin");
    scratch
}

/// What the fixture `cost` counted, by call.
#[track_caller]
fn cost(scratch: &Scratch, fence: &Fence, what: &str) -> BTreeMap<String, i64> {
    let outcome = fence.run(fixture("cost"), [what, &scratch.text("")]);
    let lines = outcome.text().lines().skip(1).filter_map(|line| line.split_once(' '));
    lines.map(|(name, count)| (name.to_owned(), count.parse().expect("a count"))).collect()
}

#[test]
fn hooks_allocate_nothing() {
    let scratch = tree();
    let fenced = cost(&scratch, &Fence::by_hand(&scratch.rules()), "allocations");
    let open = cost(&scratch, &Fence::open(), "allocations");
    assert!(fenced.len() > 25, "{fenced:?}");
    for (call, blocks) in &fenced {
        // A stream takes its blocks by libc, and no more of them than without a fence.
        assert!(*blocks <= open[call], "{call} took {blocks}, without a fence {}", open[call]);
    }
    assert_eq!(open["open_link"], 0, "nor does libc");
    assert!(open["fopen"] > 0, "the counter counts");
}

#[test]
fn hooks_use_little_stack() {
    let scratch = tree();
    let fenced = cost(&scratch, &Fence::by_hand(&scratch.rules()), "stack");
    let open = cost(&scratch, &Fence::open(), "stack");
    assert!(fenced.len() > 25, "{fenced:?}");
    for (call, bytes) in &fenced {
        // Some calls let libc's own definition do a part: that part is not ours.
        let own = match open[call] {
            small if small < 1_024 => 0,
            of_libc => of_libc,
        };
        assert!(*bytes <= STACK + own, "{call} used {bytes} bytes, without a fence {}", open[call]);
    }
}
