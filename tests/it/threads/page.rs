//! What the worker isolation page says of its class rules, in a worker built as Kestra's is.

use super::worker::{Task, Worker, as_without_a_fence, expect_each};
use crate::programs::Jdk;

/// The page's first block: core and gcp are authorized.
pub(super) const AUTHORIZED: &str = "worker-isolation.yml";
/// The page's second block on Java security: the script plugins are forbidden.
pub(super) const FORBIDDEN: &str = "forbidden-classes.yml";

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

/// Refuses the scripts' threads under a policy, with this in brackets at the end of the message.
#[track_caller]
fn expect_page(policy: &str, why: &str) {
    for jdk in Jdk::all() {
        let fenced = Worker::fenced(jdk.clone(), policy).run(&tasks());
        expect_each(&format!("{jdk} under {policy}"), &fenced, |came| {
            let Some(language) = came.task.strip_suffix("-thread") else {
                return as_without_a_fence(came);
            };
            let message = format!(
                "java.lang.SecurityException: ringfence: io.kestra.plugin.scripts.{language}.Eval \
                 may not create a thread ({why}"
            );
            came.state == "FAILED" && came.error.contains(&message) && came.refused()
        });
    }
}

#[test]
fn all_plugins_create_threads_without_a_fence() {
    for jdk in Jdk::all() {
        let open = Worker::open(jdk.clone()).run(&tasks());
        expect_each(&format!("{jdk} without a fence"), &open, as_without_a_fence);
    }
}

#[test]
fn authorized_plugins_create_threads_and_all_others_are_refused() {
    expect_page(AUTHORIZED, "not in authorizedClassPrefix");
}

#[test]
fn forbidden_plugins_are_refused_and_all_others_create_threads() {
    expect_page(FORBIDDEN, "forbiddenClassPrefix io.kestra.plugin.scripts");
}
