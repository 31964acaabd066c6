//! Others in the same process, or over it: allocators, interposers, sanitizers, tracers.
//!
//! Each works and the fence holds, or the start is refused, or it is a limit that
//! `docs/reliability.md` tells of.

use std::path::PathBuf;

use crate::faults::{Place, expect_fenced, expect_unstarted};
use crate::harness::{Fence, Outcome, Scratch, artifacts, fixture};
use crate::programs::{PYTHON, source};

/// A library of the system's, by its name below the directory of libraries.
fn library(name: &str) -> PathBuf {
    let path = PathBuf::from("/usr/lib/x86_64-linux-gnu").join(name);
    assert!(path.exists(), "{}: tests/setup.sh installs it", path.display());
    path
}

/// Runs `guest.py` with a library preloaded in front of ours or behind it.
#[track_caller]
fn guest(scratch: &Scratch, fence: Fence, name: &str, first: bool) -> Outcome {
    let libraries = [library(name)];
    let fence = match first {
        true => fence.with_neighbours(&libraries, &[]),
        false => fence.with_neighbours(&[], &libraries),
    };
    let mut command = fence.command(PYTHON);
    command.arg(source("python/guest.py")).args(scratch.words("@/secret @/twin")).arg(name);
    fence.finish(command.env("FAKETIME", "2001-02-03 04:05:06"))
}

const FENCED: &str = "[('PermissionError', 'twin')]\n1 ['twin']\nloaded";
const OPEN: &str = "[('SECRET', 'twin')]\n0 ['SECRET', 'twin']\nloaded";

#[track_caller]
fn expect_guest(name: &str) {
    let scratch = Scratch::new();
    for first in [true, false] {
        let fenced = guest(&scratch, Fence::by_hand(&scratch.rules()), name, first);
        assert_eq!(fenced.text(), FENCED, "first {first}: {fenced:#?}");
        assert_eq!(guest(&scratch, Fence::open(), name, first).text(), OPEN, "the control");
    }
    // The launcher keeps it, behind ours.
    let launched = guest(&scratch, Fence::by_launcher(&scratch.rules()), name, true);
    assert_eq!(launched.text(), FENCED, "{launched:#?}");
}

#[test]
fn jemalloc_in_front_and_behind() {
    expect_guest("libjemalloc.so.2");
}

#[test]
fn tcmalloc_in_front_and_behind() {
    expect_guest("libtcmalloc_minimal.so.4");
}

/// It stands before `stat` and its like, as we do, and before the clocks.
#[test]
fn libfaketime_in_front_and_behind() {
    const NAME: &str = "faketime/libfaketime.so.1";
    expect_guest(NAME);
    let scratch = Scratch::new();
    for first in [true, false] {
        let libraries = [library(NAME)];
        let fence = Fence::by_hand(&scratch.rules());
        let fence = match first {
            true => fence.with_neighbours(&libraries, &[]),
            false => fence.with_neighbours(&[], &libraries),
        };
        let mut command = fence.command("sh");
        let script = "date -u +%Y; stat -c %n \"$0\" || stat -c %n \"$1\"";
        command.args(["-c", script]).args(scratch.words("@/secret @/twin"));
        let outcome = fence.finish(command.env("FAKETIME", "2001-02-03 04:05:06"));
        assert_eq!(outcome.text(), format!("2001\n{}", scratch.text("twin")), "{outcome:#?}");
        assert!(outcome.stderr.contains("secret': Permission denied"), "{outcome:#?}");
    }
}

/// A program with the sanitizer in it wants its runtime to be the first library. Behind ours it ends
/// by its own word; told not to look, or put in front by hand, it works.
#[test]
fn a_host_with_address_sanitizer_is_told_where_to_look() {
    let scratch = Scratch::new();
    let files = || scratch.words("@/secret @/twin");
    assert_eq!(Fence::open().run(fixture("host"), files()).text(), "ok SECRET\nok twin");

    for fence in [Fence::by_hand(&scratch.rules()), Fence::by_launcher(&scratch.rules())] {
        let ended = fence.run(fixture("host"), files());
        assert_eq!(ended.stdout, "", "{ended:#?}");
        assert!(!ended.status.success(), "{ended:#?}");
        assert!(ended.stderr.contains("ASan runtime does not come first"), "{ended:#?}");

        let mut command = fence.command(fixture("host"));
        command.args(files()).env("ASAN_OPTIONS", "verify_asan_link_order=0");
        assert_eq!(fence.finish(&mut command).text(), "-1 EACCES\nok twin");
    }

    let runtime = crate::harness::run(
        std::process::Command::new("cc").arg("-print-file-name=libasan.so"),
        b"",
        std::time::Duration::from_secs(60),
        "the compiler",
    );
    let fence = Fence::by_hand(&scratch.rules());
    let fence = fence.with_neighbours(&[PathBuf::from(runtime.text())], &[]);
    assert_eq!(fence.run(fixture("host"), files()).text(), "-1 EACCES\nok twin");
}

/// Valgrind performs system calls itself, and does not know `openat2`.
#[test]
fn under_valgrind_nothing_starts() {
    let place = Place::new();
    assert_eq!(place.script("valgrind -q cat @/twin").text(), "twin", "the control");
    let outcome = place.script("valgrind -q --log-file=@/log read-both");
    expect_unstarted(&outcome, "openat2(2) does not answer", "seccomp profile");
}

/// Nor can it be started from inside: its tools are static programs.
#[test]
fn valgrind_is_not_started_from_inside() {
    let place = Place::new();
    let outcome = place.script("fenced valgrind -q cat @/twin");
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    assert!(!outcome.status.success(), "{outcome:#?}");
    assert!(outcome.stderr.contains("linked statically"), "{outcome:#?}");
}

#[test]
fn under_strace_the_fence_holds() {
    let place = Place::new();
    expect_fenced(&place.script("strace -f -o @/trace read-both"));
    let trace = std::fs::read_to_string(place.scratch.path("trace")).expect("it traced");
    let of =
        |name: &str| trace.lines().any(|line| line.contains("openat2(") && line.contains(name));
    assert!(of("/twin\""), "the worker was traced");
    assert!(!of("/secret\""), "the kernel was never asked for what is forbidden");
}

/// Who traces a process writes in it, so that takes `debug: allow`.
#[test]
fn tracers_inside_the_fence_need_leave() {
    let place = Place::new();
    for tracer in ["strace -f -o @/trace", "gdb -nx -q -batch -ex run --args"] {
        let outcome = place.script(&format!("fenced {tracer} cat @/secret @/twin"));
        assert!(!outcome.stdout.contains("twin\n"), "{outcome:#?}");
        assert!(outcome.stderr.contains("Operation not permitted"), "{outcome:#?}");
    }
    let policy = std::fs::read_to_string(place.scratch.path("policy.yaml")).expect("ours");
    place.scratch.file("policy.yaml", &policy.replace("version: 1,", "version: 1, debug: allow,"));
    for tracer in ["strace -f -o @/trace", "gdb -nx -q -batch -ex run --args"] {
        let outcome = place.script(&format!("fenced {tracer} cat @/secret @/twin"));
        assert!(outcome.stdout.contains("twin\n"), "{outcome:#?}");
        assert!(!outcome.stdout.contains("SECRET"), "{outcome:#?}");
        assert!(outcome.stderr.contains("secret: Permission denied"), "{outcome:#?}");
    }
}

#[test]
fn under_gdb_the_fence_holds() {
    let place = Place::new();
    let gdb = "gdb -nx -q -batch -iex 'set debuginfod enabled off' -ex run --args";
    let outcome = place.script(&format!("{gdb} read-both"));
    assert!(outcome.stdout.contains("twin\n"), "{outcome:#?}");
    assert!(!outcome.stdout.contains("SECRET"), "{outcome:#?}");
    assert!(outcome.stderr.contains("secret: Permission denied"), "{outcome:#?}");
    assert!(outcome.stdout.contains("exited with code 01"), "cat's own status: {outcome:#?}");
}

/// A core dump of a worker names our frames, and a debugger reads them.
#[test]
fn a_debugger_finds_our_functions_by_name() {
    let library = artifacts().library.display().to_string();
    let mut command = std::process::Command::new("gdb");
    command.args(["-nx", "-q", "-batch", "-ex", "info line openat64", &library]);
    let limit = std::time::Duration::from_secs(60);
    let outcome = crate::harness::run(&mut command, b"", limit, "gdb");
    assert!(outcome.text().starts_with("Line "), "{outcome:#?}");
}
