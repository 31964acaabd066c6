//! Every way of a script to a thread, and to one by others.

use super::page::{AUTHORIZED, FORBIDDEN};
use super::scripts::{Way, ways};
use super::worker::{Came, Task, Worker, expect_each};
use crate::programs::Jdk;

/// The first with the script plugins among the authorized.
const SCRIPTS_TOO: &str = "authorized-scripts.yml";

/// Runs all ways of a file in one worker, and the host's own last.
#[track_caller]
fn run(worker: &Worker, ways: &[Way]) -> Vec<Came> {
    let mut tasks: Vec<Task> = ways.iter().map(|way| way.task.clone()).collect();
    tasks.push(Task::health());
    let mut came = worker.run(&tasks);
    let health = came.pop().expect("the last task's");
    let ill = health.value.split(", ").filter(|check| !check.ends_with(" ok")).count();
    assert_eq!((health.succeeded(), ill), (true, 0), "{}: the host: {health}", worker.jdk);
    came
}

/// Fails unless each way of a file ends in a thread without a fence and for an allowed caller, and
/// in a refusal under both of the page's class rules.
#[track_caller]
fn expect_refused(file: &str) {
    for jdk in Jdk::all() {
        let ways = ways(file, jdk.major);
        let open = run(&Worker::open(jdk.clone()), &ways);
        expect_each(&format!("{file} on {jdk} without a fence"), &open, Came::ran);
        for policy in [AUTHORIZED, FORBIDDEN] {
            let fenced = run(&Worker::fenced(jdk.clone(), policy), &ways);
            let what = format!("{file} on {jdk} under {policy}");
            expect_each(&what, &fenced, |came| {
                let mut all = ways.iter();
                let way = all.find(|way| way.task.name == came.task).expect("a way of the file");
                if way.free || way.limit { came.ran() } else { came.refused() }
            });
        }
    }
}

#[test]
fn groovy_scripts_create_no_thread_of_their_own() {
    expect_refused("threads/create.groovy");
}

#[test]
fn jython_scripts_create_no_thread_of_their_own() {
    expect_refused("threads/create.py");
}

#[test]
fn groovy_scripts_create_no_thread_by_others() {
    expect_refused("threads/launder.groovy");
}

#[test]
fn groovy_scripts_create_no_thread_by_what_the_runtime_does_for_them() {
    expect_refused("threads/runtime.groovy");
}

/// The refusals are of the rules' making, not of the fence's being there.
#[test]
fn authorized_scripts_create_threads() {
    for jdk in Jdk::all() {
        for file in ["threads/create.groovy", "threads/create.py"] {
            let ways = ways(file, jdk.major);
            let fenced = run(&Worker::fenced(jdk.clone(), SCRIPTS_TOO), &ways);
            expect_each(&format!("{file} on {jdk} under {SCRIPTS_TOO}"), &fenced, Came::ran);
        }
    }
}
