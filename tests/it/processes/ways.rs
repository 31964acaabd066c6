//! Every way of a script to a program.

use super::*;

/// Runs all ways of a file in one worker, and the host's own last.
#[track_caller]
fn run(worker: &Worker, ways: &[Way]) -> Vec<Came> {
    let mut tasks: Vec<Task> = ways.iter().map(|way| way.task.clone()).collect();
    tasks.push(host());
    let mut came = worker.run(&tasks);
    let host = came.pop().expect("the last task's");
    assert_eq!(host.value, HOST, "{}: the host: {host}", worker.jdk);
    came
}

/// Fails unless each way of a file ends in a program without a fence, and in a refusal under both
/// lists.
#[track_caller]
fn expect_refused(file: &str) {
    for jdk in Jdk::all() {
        let ways = ways(file, jdk.major);
        let open = run(&prepared(Worker::open(jdk.clone())), &ways);
        expect_each(&format!("{file} on {jdk} without a fence"), &open, Came::ran);
        for policy in [AUTHORIZED, FORBIDDEN] {
            let fenced = run(&prepared(Worker::fenced(jdk.clone(), policy)), &ways);
            expect_each(&format!("{file} on {jdk} under {policy}"), &fenced, Came::refused_program);
        }
    }
}

/// With what the scripts need of the JDK's own packages, and of libraries.
fn prepared(worker: Worker) -> Worker {
    let library = format!("-Dlaunch={}", fixture("liblaunch.so").display());
    worker.with(&["--add-opens=java.base/java.lang=ALL-UNNAMED", &library])
}

#[test]
fn groovy_scripts_start_no_program() {
    expect_refused("processes/start.groovy");
}

#[test]
fn jython_scripts_start_no_program() {
    expect_refused("processes/start.py");
}
