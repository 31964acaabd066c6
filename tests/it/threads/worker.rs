//! The worker of `tests/fixtures/java/worker`: a host, its plugins, and a list of tasks.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::harness::{Fence, Outcome, Scratch, fixture};
use crate::programs::{Jdk, source};

/// A hundred scripts on a JVM that shares two cores with other tests.
const LIMIT: Duration = Duration::from_secs(300);

/// A task of the worker: its name, its class and its argument.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) name: String,
    pub(crate) class: String,
    argument: String,
}

impl Task {
    pub(crate) fn new(name: &str, class: &str, argument: impl Into<String>) -> Self {
        Self { name: name.to_owned(), class: class.to_owned(), argument: argument.into() }
    }

    /// A task of a plugin by the end of its class's name.
    pub(crate) fn plugin(name: &str, class: &str, argument: &str) -> Self {
        Self::new(name, &format!("io.kestra.plugin.{class}"), argument)
    }

    /// The host's own use of threads, by every way.
    pub(crate) fn health() -> Self {
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
pub(crate) struct Came {
    pub(crate) task: String,
    pub(crate) state: String,
    pub(crate) value: String,
    /// The exception that it failed with, and those that caused it.
    pub(crate) error: String,
    pub(crate) logs: String,
}

impl Came {
    pub(crate) fn succeeded(&self) -> bool {
        self.state == "SUCCESS" && self.error.is_empty()
    }

    /// Whether the script says that its task ran on a thread made for it.
    pub(crate) fn ran(&self) -> bool {
        self.succeeded() && self.value == "ran"
    }

    /// Whether it was refused a program: by an `IOException` that names the rule and its place, or says
    /// that the code is nobody's; or by an errno, where a library in C asked for it.
    pub(crate) fn refused_program(&self) -> bool {
        let by_exception = [&self.value, &self.error].iter().any(|said| {
            said.contains("ringfence: ")
                && said.contains(" may not start a program (")
                && [".yml:", ".yaml:", "(nobody is known to have made"]
                    .iter()
                    .any(|why| said.contains(why))
        });
        by_exception || self.value == "refused"
    }

    /// Whether it was refused a thread, by a `SecurityException` that names the rule and its place,
    /// or says that the code is nobody's.
    pub(crate) fn refused(&self) -> bool {
        [&self.value, &self.error].iter().any(|said| {
            said.contains("ringfence: ")
                && said.contains(" may not create a thread (")
                && [".yml:", ".yaml:", "(nobody is known to have made"]
                    .iter()
                    .any(|why| said.contains(why))
        })
    }
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {} {}", self.task, self.state, self.value, self.error)
    }
}

/// A worker on a JDK, and the policy around it.
pub(crate) struct Worker {
    pub(crate) jdk: Jdk,
    fence: Fence,
    options: Vec<String>,
    variables: Vec<(String, String)>,
    scratch: Scratch,
}

impl Worker {
    /// Without a fence.
    pub(crate) fn open(jdk: Jdk) -> Self {
        Self::of(jdk, Fence::open())
    }

    /// Under a policy of `tests/fixtures/policies`, all of it enforced.
    pub(crate) fn fenced(jdk: Jdk, policy: &str) -> Self {
        Self::of(jdk, Fence::by_policies(&[&source("policies").join(policy)], &[]))
    }

    /// Under a policy file.
    pub(crate) fn by(jdk: Jdk, policy: &Path) -> Self {
        Self::of(jdk, Fence::by_policies(&[policy], &[]))
    }

    fn of(jdk: Jdk, fence: Fence) -> Self {
        // A small machine has no common pool worth the name, and CompletableFuture then goes
        // another way.
        let pool = "-Djava.util.concurrent.ForkJoinPool.common.parallelism=3".to_owned();
        Self { jdk, fence, options: vec![pool], variables: vec![], scratch: Scratch::new() }
    }

    /// With further options of the JVM.
    pub(crate) fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|&option| option.to_owned()));
        self
    }

    /// With a variable in the environment, for the policy too.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs tasks one after another to the worker's own end, and gives what came of each.
    #[track_caller]
    pub(crate) fn run(&self, tasks: &[Task]) -> Vec<Came> {
        came_of(&self.output(tasks))
    }

    /// Runs tasks one after another to the worker's own end, and gives all that it printed.
    #[track_caller]
    pub(crate) fn output(&self, tasks: &[Task]) -> Outcome {
        let plugins = fixture("worker/plugins");
        let mut java = self.fence.command(self.jdk.java());
        java.env("KESTRA_PLUGINS_PATH", &plugins).args(&self.options);
        java.envs(self.variables.iter().map(|(name, value)| (name, value)));
        for (name, value) in [
            ("payload", fixture("worker/payload")),
            ("library", fixture("libempty.so")),
            ("java.util.prefs.userRoot", self.scratch.path("")),
        ] {
            java.arg(format!("-D{name}={}", value.display()));
        }
        java.arg("-cp")
            .arg(fixture("worker/host.jar"))
            .arg("io.kestra.worker.Worker")
            .arg(&plugins);
        let input: String = tasks.iter().map(Task::line).collect();
        let run = self.fence.finish_with(&mut java, input.as_bytes(), LIMIT, "the worker's end");
        let lines = json_lines(run.text());
        let count = |name| lines.iter().filter(|line| line.contains_key(name)).count();
        let counts = (count("task"), count("done"), count("hook"));
        assert_eq!(counts, (tasks.len(), 1, 1), "to its own end: {run:#?}");
        run
    }
}

type Line = BTreeMap<String, String>;

/// The JSON lines among what was printed.
fn json_lines(text: &str) -> Vec<Line> {
    let json = text.lines().filter(|line| line.starts_with('{'));
    json.map(|line| serde_json::from_str(line).expect("the worker prints JSON")).collect()
}

/// What came of each task, by what the worker printed.
#[track_caller]
pub(super) fn came_of(run: &Outcome) -> Vec<Came> {
    json_lines(run.text()).iter().filter_map(came).collect()
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
pub(crate) fn expect_each(what: &str, all: &[Came], right: impl Fn(&Came) -> bool) {
    let wrong: Vec<String> =
        all.iter().filter(|came| !right(came)).map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "{what}: not as they should: {wrong:#?}");
}

/// What each task gives where nothing is refused it: its value and its log lines.
fn expected(name: &str) -> (&'static str, &'static str) {
    match name.trim_end_matches(" again") {
        "groovy-log" => ("55", "from groovy"),
        "jython-log" => ("45", "from jython"),
        "attach" => ("attached 0", ""),
        "log" => ("logged", "from core"),
        "http" => ("hello", ""),
        "gcp" => {
            ("thread pool thread future scheduled forkjoin timer 100 depths", "publishing a topic")
        }
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

/// Whether a task came out as it does where nothing is refused it.
pub(crate) fn as_without_a_fence(came: &Came) -> bool {
    let (value, logs) = expected(&came.task);
    came.succeeded() && came.value == value && came.logs == logs
}
