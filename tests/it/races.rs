//! What a path means changes between two looks at it: 100,000 tries of each race, not one leak.
//!
//! The fixture `race` tells how often each side of the race took place; a run in which the hostile
//! side hardly ran proves nothing and is repeated. The controls are sketches of the ways that do not
//! hold, each of which breaks one of the three principles of the shim: that what is judged is a
//! text and that text is what is acted on (`link`, `chdir`, `dirfd`, `dup2`, `bytes`, `move`,
//! `table`), that no descriptor of an unjudged object ever exists (`pread`, `openat`), that between
//! two calls of ours nothing may change what they mean (`pipe`, and each race by a signal).

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use crate::harness::{Fence, Rules, Scratch, fixture};

const COUNT: u64 = 100_000;
/// Reopening a pipe takes a helper thread with a descriptor table of its own each time.
const PIPE_COUNT: u64 = 20_000;
/// A sketch ends at its first leak, which takes a few thousand tries where two cores are free.
const SKETCH_COUNT: u64 = 1_000_000;
const LIMIT: Duration = Duration::from_secs(120);
/// Each side of a race must have taken place at least once in so many of the wanted attempts.
const OFTEN: u64 = 100;
/// How often a run is repeated until each side took place: on one busy core the scheduler alone
/// decides when the hostile side gets a turn.
const ROUNDS: u32 = 50;

/// What a race may end in when nothing leaks.
#[derive(Clone, Copy)]
enum Sides {
    /// The name is allowed at one moment and forbidden at another.
    AllowedAndRefused,
    /// The name leads to what is allowed, or at another moment to nothing.
    AllowedAndAbsent,
    /// Every attempt is refused; the other thread tries to get at what we hold meanwhile.
    Refused,
}

impl Sides {
    /// The two answers that must both be among those counted.
    fn answers(self) -> [&'static str; 2] {
        match self {
            Self::AllowedAndRefused => ["ok", "refused"],
            Self::AllowedAndAbsent => ["ok", "other"],
            Self::Refused => ["refused", "refused"],
        }
    }
}

/// What the fixture counted.
#[derive(Debug, Default)]
struct Counts(HashMap<String, u64>);

impl Counts {
    fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    fn add(&mut self, other: &Self) {
        for (name, n) in &other.0 {
            *self.0.entry(name.clone()).or_default() += n;
        }
    }

    /// Whether the hostile side and each of these answers took place often enough.
    fn took_place(&self, answers: [&str; 2], often: u64) -> bool {
        ["steps", answers[0], answers[1]].iter().all(|name| self.get(name) >= often)
    }
}

fn tree() -> Scratch {
    let scratch = Scratch::new();
    let outcome = Fence::open().run(fixture("race"), ["prepare", &scratch.text("")]);
    assert_eq!(outcome.text(), "");
    scratch
}

#[track_caller]
fn run(scratch: &Scratch, fence: &Fence, words: [&str; 3], count: u64) -> Counts {
    let mut arguments: Vec<OsString> = words.map(OsString::from).to_vec();
    arguments.extend([count.to_string().into(), scratch.path("").into_os_string()]);
    let inode = |name| scratch.path(name).metadata().expect("a file of the tree");
    arguments.push(inode("secret").dev().to_string().into());
    for name in ["secret", "closed/secret", "closed/passwd"] {
        arguments.push(inode(name).ino().to_string().into());
    }
    let mut command = fence.command(fixture("race"));
    let wait = format!("the race {words:?}");
    let outcome = fence.finish_with(command.args(arguments), b"", LIMIT, &wait);
    let pairs = outcome.text().split(' ').filter_map(|pair| pair.split_once('='));
    Counts(pairs.map(|(name, n)| (name.to_owned(), n.parse().expect("a count"))).collect())
}

/// Runs a race inside a fence, and the sketch of the broken way without one.
#[track_caller]
fn race(name: &str, hostile: &str, sides: Sides) {
    let scratch = tree();
    let rules = if name == "pipe" {
        Rules::new().forbid_access(scratch.path("twin"), &["write"])
    } else {
        scratch.rules()
    };
    let leaks = (0..ROUNDS).any(|_| {
        run(&scratch, &Fence::open(), [name, hostile, "sketch"], SKETCH_COUNT).get("leaks") > 0
    });
    assert!(leaks, "the attack works where the fence's way is not taken");

    let count = if name == "pipe" { PIPE_COUNT } else { COUNT };
    let fence = Fence::by_hand(&rules);
    let mut fenced = Counts::default();
    for _ in 0..ROUNDS {
        fenced.add(&run(&scratch, &fence, [name, hostile, "libc"], count));
        assert_eq!(fenced.get("leaks"), 0, "{name} by {hostile}: {fenced:?}");
        if fenced.took_place(sides.answers(), count / OFTEN) {
            break;
        }
    }
    let tell = format!("{name} by {hostile}: {fenced:?}");
    assert!(fenced.get("attempts") >= count, "{tell}");
    assert!(fenced.took_place(sides.answers(), count / OFTEN), "one side hardly ran: {tell}");
    if matches!(sides, Sides::Refused) {
        assert_eq!(fenced.get("refused"), fenced.get("attempts"), "{tell}");
    }
}

macro_rules! races {
    ($($claim:ident: $name:literal, $hostile:literal, $sides:ident;)*) => {
        $(
            #[test]
            fn $claim() {
                race($name, $hostile, Sides::$sides);
            }
        )*
    };
}

races! {
    a_link_swapped_by_a_thread: "link", "thread", AllowedAndRefused;
    a_link_swapped_by_a_signal: "link", "signal", AllowedAndRefused;
    a_working_directory_changed_by_a_thread: "chdir", "thread", AllowedAndRefused;
    a_working_directory_changed_by_a_signal: "chdir", "signal", AllowedAndRefused;
    a_dirfd_replaced_by_a_thread: "dirfd", "thread", AllowedAndRefused;
    a_dirfd_replaced_by_a_signal: "dirfd", "signal", AllowedAndRefused;
    low_descriptors_replaced_by_a_thread: "dup2", "thread", AllowedAndRefused;
    low_descriptors_replaced_by_a_signal: "dup2", "signal", AllowedAndRefused;
    a_path_rewritten_by_a_thread: "bytes", "thread", AllowedAndRefused;
    a_path_rewritten_by_a_signal: "bytes", "signal", AllowedAndRefused;
    a_directory_moved_below_dot_dot: "move", "thread", AllowedAndAbsent;
    low_descriptors_read_by_a_thread: "pread", "thread", Refused;
    low_descriptors_read_by_a_signal: "pread", "signal", Refused;
    low_descriptors_gone_on_from_by_a_thread: "openat", "thread", Refused;
    low_descriptors_gone_on_from_by_a_signal: "openat", "signal", Refused;
    a_table_of_its_own: "table", "thread", AllowedAndRefused;
    a_pipe_that_becomes_a_file_by_a_thread: "pipe", "thread", AllowedAndRefused;
    a_pipe_that_becomes_a_file_by_a_signal: "pipe", "signal", AllowedAndRefused;
}

#[test]
fn a_process_whose_first_thread_has_ended() {
    // `/proc/self` names the first thread: what it answers after that thread's end is nothing.
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    for name in ["link", "chdir", "dirfd", "bytes"] {
        let fenced = run(&scratch, &fence, [name, "gone", "libc"], 2_000);
        let counts = ["ok", "refused", "other", "leaks"].map(|name| fenced.get(name));
        assert_eq!(counts, [1_000, 1_000, 0, 0], "{name}");
        let open = run(&scratch, &Fence::open(), [name, "gone", "libc"], 2_000);
        assert_eq!(open.get("leaks"), 1_000, "{name}: without a fence");
    }
}
