//! Exceptions to a forbidden path that are for the host, or for one family of plugins: the worker reads
//! its own configuration, and no deputy gets it for a script.

use std::fs;

use super::scripts::ways;
use super::worker::{Came, Task, Worker, expect_each};
use crate::harness::{Scratch, fixture};
use crate::programs::Jdk;

/// The files are for the host.
pub(crate) const OWN: &str = "own-configuration.yml";
/// They are for plugins, the script plugins among them.
const PLUGINS: &str = "plugin-configuration.yml";

/// They are for one plugin, which makes threads.
pub(crate) const THREADS: &str = "threads-configuration.yml";

/// `top/closed/own/`, which the policies are about, and `top/open/own/` with the same files in it.
pub(crate) struct Files {
    scratch: Scratch,
}

impl Files {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::empty();
        for directory in ["top/closed/own", "top/open/own"] {
            scratch.directory(directory);
            scratch.file(&format!("{directory}/application.yml"), "secret: 1\n");
            let archive = scratch.path(&format!("{directory}/archive.zip"));
            fs::copy(fixture("worker/host.jar"), archive).expect("copied");
        }
        Self { scratch }
    }

    pub(crate) fn file(&self, directory: &str) -> String {
        self.scratch.text(&format!("top/{directory}/own/application.yml"))
    }

    /// A worker whose configuration lies in one of the directories.
    pub(crate) fn worker(&self, worker: Worker, directory: &str) -> Worker {
        let worker = worker.variable("CLOSED", &self.scratch.text("top/closed"));
        worker.with(&[&format!("-Dconf={}", self.file(directory))])
    }
}

/// The host's own ways to its configuration.
fn configuration() -> Task {
    Task::new("configuration", "io.kestra.core.services.Configuration", "")
}

fn reading(file: &str) -> Task {
    Task::plugin("read", "core.fs.Read", file)
}

/// What the configuration's ways say, but for those that are right.
fn wrong(came: &Came, is_right: impl Fn(&str) -> bool) -> Vec<String> {
    assert!(came.succeeded(), "{came}");
    let wrong = came.value.lines().filter(|way| !is_right(way));
    wrong.map(str::to_owned).collect()
}

fn has(way: &str) -> bool {
    way.ends_with(" ok")
}

/// Refused as the kernel would, in the words of each way; `not there` is all that a look tells.
fn is_denied(said: &str) -> bool {
    ["Permission denied", "AccessDenied", "not there", "nothing there"]
        .iter()
        .any(|words| said.contains(words))
}

#[test]
fn the_worker_has_its_configuration_at_the_start_and_on_reload_and_its_scripts_do_not() {
    for jdk in Jdk::all() {
        // Some ways make files.
        let files = Files::new();
        let ways = ways("threads/files.groovy", jdk.major);
        let mut tasks: Vec<Task> = ways.iter().map(|way| way.task.clone()).collect();
        tasks.push(configuration());
        // The files in the open are the control.
        for directory in ["open", "closed"] {
            let what = format!("{jdk}, {directory}");
            let worker = Worker::fenced(jdk.clone(), OWN);
            let mut came = files.worker(worker, directory).run(&tasks);
            let own = came.pop().expect("the last task's");
            assert_eq!(wrong(&own, has), Vec::<String>::new(), "{what}");
            expect_each(&what, &came, |came| match directory {
                "open" => came.ran(),
                _ => !came.ran() && (is_denied(&came.value) || is_denied(&came.error)),
            });
        }
    }
}

#[test]
fn plugins_that_are_named_have_it_and_nobody_else() {
    let files = Files::new();
    for jdk in Jdk::all() {
        let script = Task::plugin(
            "script",
            "scripts.groovy.Eval",
            "new File(System.getProperty('conf')).text",
        );
        let file = files.file("closed");
        let tasks = [reading(&file), script, configuration(), reading(&file)];
        let worker = Worker::fenced(jdk.clone(), PLUGINS);
        let came = files.worker(worker, "closed").run(&tasks);
        let [first, script, own, again] = came.as_slice() else { panic!("{came:?}") };
        for came in [first, again] {
            assert_eq!(
                (came.succeeded(), came.value.as_str()),
                (true, "secret: 1"),
                "{jdk}: {came}"
            );
        }
        // What a script defines is not the plugin's own, whatever its name.
        assert!(!script.succeeded() && is_denied(&script.error), "{jdk}: {script}");
        assert_eq!(wrong(own, is_denied), Vec::<String>::new(), "{jdk}");
    }
}

/// What a plugin that is named has on threads of its own making, and nobody has by lending it a task.
#[test]
fn a_plugin_that_is_named_has_it_on_its_own_threads() {
    for jdk in Jdk::all() {
        let files = Files::new();
        let ways = ways("threads/lent.groovy", jdk.major);
        for directory in ["open", "closed"] {
            let what = format!("{jdk}, {directory}");
            // First, so that its pool has a thread on which nothing of a script's was.
            let mut tasks = vec![Task::plugin("own", "gcp.Read", &files.file(directory))];
            tasks.extend(ways.iter().map(|way| way.task.clone()));
            let worker = Worker::fenced(jdk.clone(), THREADS);
            let mut came = files.worker(worker, directory).run(&tasks);
            let own = came.remove(0);
            let not: Vec<&str> =
                own.value.lines().filter(|way| !way.ends_with(": secret: 1")).collect();
            match directory {
                "open" => assert_eq!(not, Vec::<&str>::new(), "{what}: {own}"),
                // Who handed over what the host's code does there is not known; and the pool of
                // virtual threads is one that reflection made, as older Javas have none.
                _ => {
                    let ways: Vec<&str> =
                        not.iter().filter_map(|way| way.split(':').next()).collect();
                    let older = jdk.major < 21;
                    let expected: &[&str] =
                        if older { &["host alone"] } else { &["virtual", "host alone"] };
                    assert_eq!(ways, expected, "{what}: {own}");
                }
            }
            assert_eq!(own.value.lines().count(), 8, "{what}: {own}");
            expect_each(&what, &came, |came| match directory {
                "open" => came.ran(),
                _ => !came.ran() && (is_denied(&came.value) || is_denied(&came.error)),
            });
        }
    }
}
