//! The integration tests: one binary, a module for each part of the fence.

// Task defaults: cases of Kestra, its holes, the text of flows.
mod defaults;
// Builds the programs, lays out scratch trees and policies, runs fixtures.
mod harness;
// Every row that opens or looks: refused, its allowed twin, sibling, relative, by dirfd.
mod paths;
// The same places under other names: dots, links, /proc, dirfds; and the edges of what a path is.
mod resolve;
// Starting programs: every child is fenced, and what cannot be fenced is refused.
mod exec;
// Variables that children do not get.
mod hidden;
// Loading libraries, and the ways to libc's own functions.
mod loader;
// Moving, removing and changing names, where a rule lies at them or beneath.
mod change;
// Who may create a thread, by the native object that asks.
mod natives;
// Exceptions for certain callers: who has them, and what a program that somebody starts has of them.
mod exceptions;
// Unix sockets: reaching one and making one by its path.
mod sockets;
// Walkers: scandir, glob, ftw, and programs that walk by themselves.
mod walk;
// fts, against libc's own.
mod fts;
// System calls by number, and calls that reach around the fence.
mod numbers;
// What a path means changes between two looks at it.
mod races;
// Handlers, children, small stacks, before the first constructor and after the last destructor.
mod r#async;
// Machines, limits and disks that fail, a launcher that is killed, files that are gone.
mod faults;
// Random calls by many threads, against a model.
mod differential;
// What a hook takes of its caller's process.
mod alloc;
// Allocators, interposers, sanitizers and tracers beside us and over us.
mod guests;
// Another preloaded library in front of us and behind us.
mod coexist;
// The ways around the fence that are known, each shown to be open.
mod limits;
// What the library exports and imports.
mod symbols;
// Shells and the tools that are called from them.
mod shell;

// What the fixtures of Java, Groovy, Jython and Python print, and where those programs are.
mod outcomes;
mod programs;
// Real JVMs under the worker isolation page's first policy, however they are started.
mod jvm;
// Who may create a thread: class rules in a worker built as Kestra's is.
mod threads;
// Who may start a program, in the same worker.
mod processes;
// Debian's Groovy and Jython.
mod scripts;
// Python: every way to a file.
mod python;
// A policy that concerns nothing changes nothing: real work, and CPython's own tests.
mod real;
// Every file in examples/ keeps the promise of its header.
mod examples;
// Policies through the binary: check, show, help, and that what was read is what is enforced.
mod check;
// What the policy would decide, by which rule, and what to write to have it otherwise.
mod explain;
// Library and image for workers that are started without the launcher.
mod install;
// What on a machine would leave a gap.
mod doctor;
// Tasks of flows, in processes and containers.
mod tasks;
// The launcher: exit statuses, messages, what it leaves as it was, and that it fails closed.
mod launcher;
// What the README and the docs say is so.
mod docs;
