//! Who may create a thread, by the class rules of the worker isolation page: a worker built as
//! Kestra's is, its plugins, and scripts that try every way around.

// A worker, its tasks and what came of each.
pub(crate) mod worker;
// The scripts of `tests/fixtures/threads`.
pub(crate) mod scripts;
// What the page says, for each of its blocks.
mod page;
// Every way of a script to a thread, refused by the page's rules; and by whom each may be gone.
mod ways;
// The runtime's own threads, and what native libraries make.
mod runtime;
// Exceptions to a forbidden path that are for some callers only.
pub(crate) mod files;
// What a JVM is told by options, agents, and programs that are no worker.
mod machines;
// Virtual threads, under each collector.
mod virtuals;
// What refusals and threads by the thousand leave behind.
mod endurance;
