//! CPython's own tests of all that touches files, processes and threads, module by module; the
//! table that they give is in `docs/reliability.md`.

use super::{both, far};
use crate::harness::Rules;

/// Each with the number of its tests that has to be met at least: results of nothing are the same
/// too.
const MODULES: [(&str, usize); 13] = [
    ("test_os", 200),
    ("test_posix", 80),
    ("test_shutil", 100),
    ("test_tempfile", 60),
    ("test_pathlib", 200),
    ("test_glob", 10),
    ("test_io", 400),
    ("test_fileio", 50),
    ("test_subprocess", 200),
    ("test_threading", 100),
    ("test_multiprocessing_spawn", 200),
    ("test_ftplib", 60),
    ("test_mailbox", 200),
];

/// The modules about threads and what is built on them.
const THREADS: [(&str, usize); 3] =
    [("test_threading", 100), ("test_concurrent_futures", 200), ("test_asyncio", 1500)];

/// Some of CPython's tests hang on how busy the machine is, so a module whose results differ is run
/// again, both ways: what a fence changes it changes each time.
const TRIES: usize = 3;

#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn cpython_tests_of_each_module_end_the_same() {
    expect_the_same(&MODULES, &far());
}

/// Every thread and every program is judged then, by all that is on the stack.
#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn cpython_tests_of_threads_end_the_same_under_rules_about_other_modules() {
    let rules = far().forbid_threads("python:nowhere.at.all");
    expect_the_same(&THREADS, &rules.forbid_processes("python:nowhere.at.all"));
}

#[track_caller]
fn expect_the_same(modules: &[(&str, usize)], rules: &Rules) {
    println!("\n| module | tests | passed | skipped | otherwise | inside the fence |");
    println!("|---|---|---|---|---|---|");
    let mut differing = Vec::new();
    for (module, least) in modules {
        let mut pairs = (0..TRIES).map(|_| both(&[module], rules));
        let pair = pairs.find(|[open, fenced]| open == fenced);
        let Some([(_, results), _]) = pair else {
            println!("| {module} | | | | | DIFFERENT |");
            differing.push(module);
            continue;
        };
        let ended = |how: &str| results.lines().filter(|line| line.ends_with(how)).count();
        let (all, passed, skipped) =
            (results.lines().count(), ended(" completed"), ended(" skipped"));
        println!(
            "| {module} | {all} | {passed} | {skipped} | {} | the same |",
            all - passed - skipped
        );
        assert!(all >= *least, "{module}: {all} tests ran: {results}");
    }
    assert!(differing.is_empty(), "a fence changed the results of {differing:?}");
}
