//! Every way of a script to a thread, and to one by others.

use super::scripts::{Way, ways};
use super::worker::{Came, Task, Worker, expect_each};
use crate::programs::Jdk;

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

#[track_caller]
fn expect_ran(file: &str) {
    for jdk in Jdk::all() {
        let ways = ways(file, jdk.major);
        let open = run(&Worker::open(jdk.clone()), &ways);
        expect_each(&format!("{file} on {jdk} without a fence"), &open, Came::ran);
    }
}

#[test]
fn groovy_scripts_create_threads_without_a_fence() {
    expect_ran("create.groovy");
}

#[test]
fn jython_scripts_create_threads_without_a_fence() {
    expect_ran("create.py");
}

#[test]
fn groovy_scripts_create_threads_by_others_without_a_fence() {
    expect_ran("launder.groovy");
}
