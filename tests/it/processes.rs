//! Who may start a program, by rules about Java classes: the worker of [`crate::threads`], its
//! plugins, and scripts that try every way around.

use crate::harness::{Scratch, fixture};
use crate::programs::Jdk;
use crate::threads::scripts::{SCRIPT, Way, ways};
use crate::threads::worker::{Came, Task, Worker, expect_each};

// Every way of a script to a program, under both lists.
mod ways;
// Who may start programs does, by every mechanism of the JVM's.
mod plugins;

// What a script has libc call later.
mod handed;

/// Forbids the script plugins.
const FORBIDDEN: &str = "forbidden-programs.yml";
/// Authorizes the core and gcp.
const AUTHORIZED: &str = "authorized-programs.yml";

/// What the host's own programs give where none is refused, and no child is left.
const HOST: &str =
    "builder ok, exec ok, pipeline ok, killed 143, future ok, reflection ok, loop 4, children 0";

/// The host's own use of programs.
fn host() -> Task {
    Task::new("host", "io.kestra.core.services.Programs", "")
}

/// With what the tasks need, and without what costs a short-lived JVM more than it brings.
fn prepared(worker: Worker) -> Worker {
    let library = format!("-Dlaunch={}", fixture("liblaunch.so").display());
    worker.with(&["-XX:TieredStopAtLevel=1", &library])
}
