//! Java: who creates a thread is decided in the machine, where the callers can be seen.
//!
//! `Thread.start0` is bound to `JVM_StartThread`, which libjava takes from whoever defines it first:
//! the shim. There the thread is in native state and holds no lock of the machine's, so its stack
//! can be read, and a refusal is an exception like any other. `ProcessImpl.forkAndExec`, behind
//! which a program is started, is bound to ours by a look-up. Nothing is done where the policy has no
//! rules about Java classes.
//!
//! No hook calls into the machine that the machine itself calls: there a thread holds locks that it
//! would wait for.

mod begin;
mod bind;
mod classes;
mod create;
mod decide;
mod define;
mod defining;
mod descent;
mod entry;
mod here;
mod jni;
mod jvmti;
mod kinds;
mod launch;
mod loaders;
mod marks;
mod methods;
mod names;
mod natives;
mod opener;
mod outside;
mod patch;
mod pools;
mod program;
mod reach;
mod reading;
mod refuse;
mod shapes;
mod slot;
mod source;
mod stack;
mod weave;

pub(crate) use entry::{MACHINE, hook};
pub(crate) use launch::{Maker, descent, judge_childs_program, judge_native_program, note_child};
pub(crate) use marks::Standing;
pub(crate) use names::Names;
pub(crate) use natives::{is_here, is_judging, judge_native_thread};
pub(crate) use opener::{Opener, opener};
