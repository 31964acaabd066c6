//! The worker of `tests/fixtures/java/worker`: a host, its plugins, and a list of tasks.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::harness::{Fence, Scratch, fixture};
use crate::programs::Jdk;

/// A hundred scripts on a JVM that shares two cores with other tests.
const LIMIT: Duration = Duration::from_secs(300);

/// A task of the worker: its name, its class and its argument.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) name: String,
    class: String,
    argument: String,
}

impl Task {
    pub(super) fn new(name: &str, class: &str, argument: impl Into<String>) -> Self {
        Self { name: name.to_owned(), class: class.to_owned(), argument: argument.into() }
    }

    /// A task of a plugin by the end of its class's name.
    pub(super) fn plugin(name: &str, class: &str, argument: &str) -> Self {
        Self::new(name, &format!("io.kestra.plugin.{class}"), argument)
    }

    /// The host's own use of threads, by every way.
    pub(super) fn health() -> Self {
        Self::new("health", "io.kestra.core.services.Health", "")
    }

    fn line(&self) -> String {
        let argument =
            self.argument.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
        format!("{}\t{}\t{argument}\n", self.name, self.class)
    }
}

/// What came of a task.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) task: String,
    pub(super) state: String,
    pub(super) value: String,
    /// The exception that it failed with, and those that caused it.
    pub(super) error: String,
    pub(super) logs: String,
}

impl Came {
    pub(super) fn succeeded(&self) -> bool {
        self.state == "SUCCESS" && self.error.is_empty()
    }

    /// Whether the script says that its task ran on a thread made for it.
    pub(super) fn ran(&self) -> bool {
        self.succeeded() && self.value == "ran"
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} {}", self.task, self.state, self.value, self.error)
    }
}

/// A worker on a JDK, and the policy around it.
pub(super) struct Worker {
    pub(super) jdk: Jdk,
    fence: Fence,
    options: Vec<String>,
    scratch: Scratch,
}

impl Worker {
    /// Without a fence.
    pub(super) fn open(jdk: Jdk) -> Self {
        Self::of(jdk, Fence::open())
    }

    fn of(jdk: Jdk, fence: Fence) -> Self {
        // A small machine has no common pool worth the name, and CompletableFuture then goes
        // another way.
        let pool = "-Djava.util.concurrent.ForkJoinPool.common.parallelism=3".to_owned();
        Self { jdk, fence, options: vec![pool], scratch: Scratch::new() }
    }

    /// Runs tasks one after another to the worker's own end, and gives what came of each.
    #[track_caller]
    pub(super) fn run(&self, tasks: &[Task]) -> Vec<Came> {
        let plugins = fixture("worker/plugins");
        let mut java = self.fence.command(self.jdk.java());
        java.env("KESTRA_PLUGINS_PATH", &plugins).args(&self.options);
        for (name, value) in [
            ("payload", fixture("worker/payload")),
            ("library", fixture("libempty.so")),
            ("java.util.prefs.userRoot", self.scratch.path("")),
        ] {
            java.arg(format!("-D{name}={}", value.display()));
        }
        java.arg("-cp").arg(fixture("worker/host")).arg("io.kestra.worker.Worker").arg(&plugins);
        let input: String = tasks.iter().map(Task::line).collect();
        let run = self.fence.finish_with(&mut java, input.as_bytes(), LIMIT, "the worker's end");
        let lines = json_lines(run.text());
        let came: Vec<Came> = lines.iter().filter_map(came).collect();
        let done = lines.iter().filter(|line| line.contains_key("done")).count();
        let hook = lines.iter().filter(|line| line.contains_key("hook")).count();
        assert_eq!((came.len(), done, hook), (tasks.len(), 1, 1), "to its own end: {run:#?}");
        came
    }
}

type Line = BTreeMap<String, String>;

/// The JSON lines among what was printed.
fn json_lines(text: &str) -> Vec<Line> {
    let json = text.lines().filter(|line| line.starts_with('{'));
    json.map(|line| serde_json::from_str(line).expect("the worker prints JSON")).collect()
}

fn came(line: &Line) -> Option<Came> {
    let get = |name: &str| line.get(name).cloned().unwrap_or_default();
    line.contains_key("task").then(|| Came {
        task: get("task"),
        state: get("state"),
        value: get("value"),
        error: get("error"),
        logs: get("logs"),
    })
}

/// Fails the test unless each task came out as `right` says, naming all that did not.
#[track_caller]
pub(super) fn expect_each(what: &str, all: &[Came], right: impl Fn(&Came) -> bool) {
    let wrong: Vec<String> =
        all.iter().filter(|came| !right(came)).map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{what}: not as they should: {wrong:#?}");
}
