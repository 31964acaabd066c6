//! What the worker isolation page says of its class rules, in a worker built as Kestra's is.

use super::worker::{Came, Task, Worker, expect_each};
use crate::programs::Jdk;

/// Tasks of every plugin; those that a fence refuses are called `…-thread`.
fn tasks() -> Vec<Task> {
    let groovy = "scripts.groovy.Eval";
    let jython = "scripts.jython.Eval";
    vec![
        // A script that only logs is first: the log queue's thread starts on its stack.
        Task::plugin("groovy-log", groovy, "logger.info('from groovy'); (1..10).sum()"),
        Task::plugin("jython-log", jython, "logger.info('from jython')\nresult = sum(range(10))"),
        Task::plugin("log", "core.log.Log", "from core"),
        Task::plugin("http", "core.http.Request", ""),
        Task::plugin("gcp", "gcp.Publish", "a topic"),
        Task::plugin(
            "groovy-thread",
            groovy,
            "def t = new Thread({ }); t.start(); t.join(); logger.info('after'); 'ran'",
        ),
        Task::plugin(
            "jython-thread",
            jython,
            "import threading\nt = threading.Thread(target=len)\nt.start()\nt.join()\nresult = 'ran'",
        ),
        Task::plugin("groovy-log again", groovy, "logger.info('from groovy'); (1..10).sum()"),
        Task::plugin(
            "jython-log again",
            jython,
            "logger.info('from jython')\nresult = sum(range(10))",
        ),
        Task::plugin("http again", "core.http.Request", ""),
        Task::plugin("gcp again", "gcp.Publish", "a topic"),
        Task::health(),
    ]
}

/// What each task gives where nothing is refused it: its value and its log lines.
fn expected(name: &str) -> (&'static str, &'static str) {
    match name.trim_end_matches(" again") {
        "groovy-log" => ("55", "from groovy"),
        "jython-log" => ("45", "from jython"),
        "log" => ("logged", "from core"),
        "http" => ("hello", ""),
        "gcp" => ("thread pool thread future scheduled forkjoin timer", "publishing a topic"),
        "groovy-thread" => ("ran", "after"),
        "jython-thread" => ("ran", ""),
        "health" => (
            "thread ok, initialiser ok, pool ok, forkjoin ok, future ok, parallel ok, timeout ok, \
             timer ok, cleaner ok, preferences ok, recording ok, file ok, socket ok, watch ok, \
             http ok, process ok, virtual ok",
            "",
        ),
        other => panic!("no task is called {other}"),
    }
}

fn as_without_a_fence(came: &Came) -> bool {
    let (value, logs) = expected(&came.task);
    came.succeeded() && came.value == value && came.logs == logs
}

#[test]
fn every_plugin_works_without_a_fence() {
    for jdk in Jdk::all() {
        let open = Worker::open(jdk.clone()).run(&tasks());
        expect_each(&format!("{jdk} without a fence"), &open, as_without_a_fence);
    }
}
