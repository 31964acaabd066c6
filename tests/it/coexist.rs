//! Another preloaded library that interposes what we interpose, in front of us and behind us.

use crate::harness::{Fence, Outcome, Scratch, fixture, neighbour};

/// Reads a file by `open`, with the neighbour preloaded.
fn run(scratch: &Scratch, fence: Fence, first: bool, file: &str) -> Outcome {
    let library = [neighbour().to_path_buf()];
    let fence = if first {
        fence.with_neighbours(&library, &[])
    } else {
        fence.with_neighbours(&[], &library)
    };
    fence.run(fixture("call"), scratch.words(&format!("open @/{file} O_RDONLY")))
}

#[test]
fn a_neighbour_in_front_sees_each_call_and_ours_judges_it() {
    let scratch = Scratch::new();
    let fence = || Fence::by_hand(&scratch.rules());
    let refused = run(&scratch, fence(), true, "secret");
    assert_eq!(refused.text(), "-1 EACCES");
    assert!(refused.stderr.contains("neighbour: open=1 "), "{refused:#?}");
    let passed = run(&scratch, fence(), true, "twin");
    assert_eq!(passed.text(), "ok twin");
    assert!(passed.stderr.contains("neighbour: open=1 "), "{passed:#?}");
    assert_eq!(run(&scratch, Fence::open(), true, "secret").text(), "ok SECRET");
}

#[test]
fn ours_judges_in_front_of_a_neighbour() {
    let scratch = Scratch::new();
    let fence = || Fence::by_hand(&scratch.rules());
    let refused = run(&scratch, fence(), false, "secret");
    assert_eq!(refused.text(), "-1 EACCES");
    assert_eq!(run(&scratch, fence(), false, "twin").text(), "ok twin");
    // We open by a system call of our own: the neighbour behind us is not asked.
    assert!(refused.stderr.contains("neighbour: open=0 "), "{refused:#?}");
}

#[test]
fn a_neighbour_sees_the_calls_that_we_leave_alone() {
    let scratch = Scratch::new();
    let library = [neighbour().to_path_buf()];
    for first in [true, false] {
        let (before, after): (&[_], &[_]) = if first { (&library, &[]) } else { (&[], &library) };
        let fence = Fence::by_hand(&scratch.rules()).with_neighbours(before, after);
        let outcome = fence.run(fixture("call"), ["gethostname"]);
        assert_eq!(outcome.text(), "ok");
        assert!(outcome.stderr.contains("gethostname=1\n"), "first {first}: {outcome:#?}");
    }
}

#[test]
fn the_launcher_keeps_the_libraries_that_were_preloaded() {
    let scratch = Scratch::new();
    let fence =
        Fence::by_launcher(&scratch.rules()).with_neighbours(&[neighbour().to_path_buf()], &[]);
    let line = "open @/secret O_RDONLY , open @/twin O_RDONLY";
    let outcome = fence.run(fixture("call"), scratch.words(line));
    assert_eq!(outcome.text(), "-1 EACCES\nok twin");
    assert!(outcome.stderr.contains("neighbour: open="), "{outcome:#?}");
}
