//! Many tasks, four at a time, with failures and retries: each ends as it should, and nothing is
//! left of any of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::containers::Yard;
use super::{Kitchen, LIMIT, POLICY, is_running, shell, status};
use crate::harness::run;

/// What a task does, and how it has to end.
#[derive(Clone, Copy, Debug)]
struct Case {
    properties: &'static str,
    commands: &'static [&'static str],
    status: i32,
    /// The lines, apart from numbers of processes, which begin with `pid`.
    lines: &'static [&'static str],
}

const RETRY: &str = "retry: {type: constant, interval: PT0.01S, maxAttempts: 3}";

const CASES: [Case; 5] = [
    Case { properties: "", commands: &["echo out"], status: 0, lines: &["out"] },
    Case { properties: "", commands: &["echo out", "exit 3"], status: 3, lines: &["out"] },
    Case {
        properties: RETRY,
        commands: &["[ ! -e left ]", "echo > left", "echo try", "exit 4"],
        status: 4,
        lines: &["try", "try", "try"],
    },
    Case {
        properties: "",
        commands: &[
            "(setsid sh -c 'echo pid $$; exec sleep 1000' &)",
            "(sleep 1000 & echo pid $!)",
        ],
        status: 0,
        lines: &[],
    },
    Case {
        properties: "inputFiles: {in: given}",
        commands: &["mkdir -p a/b; chmod 0 a/b a; cat in; echo; kill -KILL $$"],
        status: 137,
        lines: &["given"],
    },
];

/// Runs so many tasks, four at a time, by `task`, which gives status and lines.
fn all(count: usize, cases: &[Case], task: impl Fn(&str) -> (i32, String) + Sync) {
    let next = AtomicUsize::new(0);
    let pids = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let case = cases[number % cases.len()];
                    let (status, out) = task(&format!("case{}", number % cases.len()));
                    assert_eq!(status, case.status, "{case:?}: {out}");
                    let (found, lines): (Vec<&str>, _) =
                        out.lines().partition(|line| line.starts_with("pid "));
                    assert_eq!(lines, case.lines, "{case:?}");
                    let found = found.iter().map(|line| (line[4..].to_owned(), number));
                    pids.lock().expect("nobody panicked").extend(found);
                }
            });
        }
    });
    for (pid, number) in pids.into_inner().expect("nobody panicked") {
        assert!(!is_running(&pid), "process {pid} of task {number} is left");
    }
}

fn tasks(cases: &[Case]) -> String {
    let task = |(number, case): (usize, &Case)| {
        shell(&format!("case{number}"), case.properties, case.commands)
    };
    cases.iter().enumerate().map(task).collect()
}

/// What a task printed, and how it ended.
fn ended(mut command: std::process::Command, id: &str) -> (i32, String) {
    let outcome = run(command.args(["-q", "flow.yaml", id]), b"", LIMIT, "the end of the task");
    (status(&outcome), outcome.stdout)
}

fn processes(count: usize) {
    let kitchen = Kitchen::new(POLICY, &tasks(&CASES));
    all(count, &CASES, |id| ended(kitchen.command(), id));
    kitchen.assert_no_room_is_left();
}

#[test]
fn forty_tasks_leave_nothing() {
    processes(40);
}

#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn two_hundred_tasks_leave_nothing() {
    processes(200);
}

/// Of the cases those that leave no processes on this machine: a container's are its own.
#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn forty_containers_leave_nothing() {
    let yard = Yard::seed(&tasks(&CASES[..3]));
    all(40, &CASES[..3], |id| {
        let mut command = yard.kitchen.command();
        yard.environment(&mut command);
        ended(command, id)
    });
    yard.assert_nothing_is_left();
}
