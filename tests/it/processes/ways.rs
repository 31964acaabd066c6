//! Every way of a script to a program.

use super::*;

/// Runs all ways in one worker, and the host's own last.
#[track_caller]
fn run(worker: Worker, ways: &[Way]) -> Vec<Came> {
    let worker = prepared(worker).with(&["--add-opens=java.base/java.lang=ALL-UNNAMED"]);
    let mut tasks: Vec<Task> = ways.iter().map(|way| way.task.clone()).collect();
    tasks.push(host());
    let mut came = worker.run(&tasks);
    let host = came.pop().expect("the last task's");
    assert_eq!(host.value, HOST, "{}: the host: {host}", worker.jdk);
    came
}

/// Fails unless each way ends in a program without a fence, and in a refusal under both lists.
#[track_caller]
fn expect_refused(jdk: &Jdk) {
    let files = ["processes/start.groovy", "processes/start.py"];
    let ways: Vec<Way> = files.iter().flat_map(|file| ways(file, jdk.major)).collect();
    let open = run(Worker::open(jdk.clone()), &ways);
    expect_each(&format!("{jdk} without a fence"), &open, Came::ran);
    for policy in [AUTHORIZED, FORBIDDEN] {
        let fenced = run(Worker::fenced(jdk.clone(), policy), &ways);
        expect_each(&format!("{jdk} under {policy}"), &fenced, Came::refused_program);
    }
}

macro_rules! refused {
    ($($name:ident: $major:literal;)+) => {$(
        #[test]
        fn $name() {
            expect_refused(&Jdk::new($major));
        }
    )+};
}

refused! {
    scripts_start_no_program_on_java_11: 11;
    scripts_start_no_program_on_java_17: 17;
    scripts_start_no_program_on_java_21: 21;
    scripts_start_no_program_on_java_25: 25;
}
