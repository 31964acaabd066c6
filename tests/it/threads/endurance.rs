//! What many refusals and many threads leave behind.

use std::fs;

use super::page::FORBIDDEN;
use super::scripts::SCRIPT;
use super::worker::{Task, Worker};
use crate::harness::fixture;
use crate::programs::{Jdk, source};

/// Ten thousand refusals leave no thread, no reference and no memory behind.
#[test]
fn refusals_leave_nothing_behind() {
    let script = fs::read_to_string(source("threads/refusals.groovy")).expect("a fixture");
    for jdk in Jdk::all() {
        let worker = Worker::fenced(jdk.clone(), FORBIDDEN).with(&["-Xmx64m"]);
        let came = worker.run(&[Task::new("refusals", SCRIPT, &script)]);
        let [came] = &came[..] else { panic!("one task") };
        let numbers: Vec<i64> = came
            .value
            .split(|c: char| !c.is_ascii_digit() && c != '-')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [refused, threads, global, weak, heap, resident] = numbers[..] else {
            panic!("{jdk}: {came}")
        };
        assert_eq!(refused, 10_000, "{jdk}: {came}");
        // The JVM's own threads and references come and go; ours would be thousands. Of memory even
        // a kilobyte each would be ten megabytes; the compiler takes more than that.
        assert!(threads < 10 && global < 100 && weak < 100, "{jdk}: {came}");
        assert!(heap < 10 << 10 && resident < 48 << 10, "{jdk}: {came}");
    }
}

/// Ten thousand threads from eight, while a thousand class loaders come and go.
#[test]
fn threads_start_while_classes_come_and_go() {
    let classes = fixture("worker/payload");
    let task =
        Task::plugin("stress", "gcp.Stress", classes.to_str().expect("a path of ours is UTF-8"));
    for jdk in Jdk::all() {
        for worker in [Worker::open(jdk.clone()), Worker::fenced(jdk.clone(), FORBIDDEN)] {
            let came = worker.run(std::slice::from_ref(&task));
            assert_eq!(
                came[0].value, "10000 threads, 1000 loaders, unloaded",
                "{jdk}: {}",
                came[0]
            );
        }
    }
}
