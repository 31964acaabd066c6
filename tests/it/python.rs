//! Python programs: every way to a file that the language and its library have.

mod callers;
mod files;
// What a module has others call later.
mod leaving;

use std::path::Path;

use crate::harness::{Fence, Outcome, Scratch};
use crate::outcomes::{Came, expect_each, outcomes};
use crate::programs::{PYTHON, isolation, source};

/// Runs the ways on a file, with a scratch directory of their own.
fn ways(fence: &Fence, text: &Path) -> Outcome {
    let scratch = Scratch::new();
    let mut command = fence.command(PYTHON);
    command.arg(source("python/ways.py")).arg(text).arg(scratch.directory("empty"));
    fence.finish(&mut command)
}

/// Whether a way came out as a refusal does in Python.
fn refused(way: &str, came: &Came) -> bool {
    match way {
        "os.path.exists" | "os.access" | "glob" | "os.walk" | "os.posix_spawnp" => {
            came.got("False")
        }
        // Its answer for a file that it cannot read.
        "linecache" => came.got(""),
        // The child is the one refused; what it says comes back, or that it failed.
        "subprocess"
        | "subprocess, env={}"
        | "subprocess, LD_PRELOAD emptied"
        | "subprocess, shell"
        | "subprocess, fork by preexec_fn"
        | "os.posix_spawn, empty environment" => came.failed_saying("ermission denied"),
        "os.system" => came.failed_saying("status 1"),
        "os.popen" => {
            matches!(came, Came::Got(said) if said.contains("denied") && !said.contains("root:"))
        }
        _ => came.failed_saying("PermissionError EACCES"),
    }
}

#[test]
fn every_way_to_a_forbidden_file_is_refused() {
    expect_each(&ways(&isolation(), Path::new("/etc/passwd")), refused);
}

#[test]
fn every_way_to_another_file_works() {
    let scratch = Scratch::new();
    let twin = scratch.file("open/module.py", "twin = 'content'\n");
    let open = ways(&Fence::open(), &twin);
    expect_each(&open, |_, came| matches!(came, Came::Got(what) if what != "False"));
    assert_eq!(outcomes(&ways(&isolation(), &twin)), outcomes(&open));
}

#[test]
fn every_way_is_refused_without_the_launcher_too() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    expect_each(&ways(&fence, &scratch.path("closed/secret")), refused);
    let twin = scratch.path("open/twin");
    assert_eq!(outcomes(&ways(&fence, &twin)), outcomes(&ways(&Fence::open(), &twin)));
}
