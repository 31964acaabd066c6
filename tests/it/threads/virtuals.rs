//! Virtual threads: every way to one, under each collector, and the host's own after refusals.

use super::page::{AUTHORIZED, FORBIDDEN};
use super::scripts::ways;
use super::worker::{Came, Task, Worker, as_without_a_fence, expect_each};
use crate::programs::Jdk;

/// With the script plugins among the authorized.
const SCRIPTS_TOO: &str = "authorized-scripts.yml";

/// The ways that lead to a virtual thread, and the host's own use of threads after them: a thread of
/// the host's that ran a refused script is one of two.
fn tasks(java: u32) -> Vec<Task> {
    let ways = ways("threads/create.groovy", java).into_iter().map(|way| way.task);
    let mut tasks: Vec<Task> = ways.filter(|task| task.name.starts_with("virtual ")).collect();
    assert_eq!(tasks.len(), 6, "each way of the fixture");
    tasks.extend([Task::health(), Task::health()]);
    tasks
}

/// Options of a JVM under which all ways are tried.
fn options(jdk: &Jdk) -> Vec<Vec<&'static str>> {
    let mut all = vec![
        vec![
            "-XX:+UseZGC",
            "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0",
        ],
        vec![
            "-XX:+UseSerialGC",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:+BytecodeVerificationLocal",
        ],
        vec!["-XX:+UseParallelGC"],
        vec!["-XX:+UseG1GC"],
    ];
    if jdk.has("-XX:+UseShenandoahGC") {
        all.push(vec!["-XX:+UseShenandoahGC"]);
    }
    all
}

#[track_caller]
fn expect(jdk: &Jdk, options: &[&str]) {
    for (policy, refused) in [(AUTHORIZED, true), (FORBIDDEN, true), (SCRIPTS_TOO, false)] {
        let worker = Worker::fenced(jdk.clone(), policy).with(options);
        let came = worker.run(&tasks(jdk.major));
        expect_each(&format!("{jdk} with {options:?} under {policy}"), &came, |came: &Came| {
            match came.task.as_str() {
                "health" => as_without_a_fence(came),
                _ if refused => came.refused(),
                _ => came.ran(),
            }
        });
    }
}

/// With a debugger's door and a collector with barriers of its own; and with all code verified.
#[test]
fn scripts_create_no_virtual_thread() {
    for (major, which) in [(21, 0), (25, 1)] {
        let jdk = Jdk::new(major);
        expect(&jdk, &options(&jdk)[which]);
    }
}

#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn scripts_create_no_virtual_thread_under_any_collector() {
    for jdk in [21, 25].map(Jdk::new) {
        for options in options(&jdk) {
            expect(&jdk, &options);
        }
    }
}
