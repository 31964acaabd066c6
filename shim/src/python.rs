//! Python: on whose behalf a thread is created, a program started or a file opened is read from the
//! interpreter's own frames.
//!
//! The interpreter is asked for nothing but where the calling thread's state is. Its structures are
//! read where they lie: no object is made, no reference counted, no code of a program's run, no
//! exception touched. So it does not matter whether the thread holds the interpreter's lock, is a
//! vfork child that shares its parent's memory, or stands in a signal handler. A thread's frames are
//! its own; only the name in a module's dictionary may change under a reader without the lock, and
//! is then read through the kernel ([`memory`]).
//!
//! An interpreter whose structures are not known does not run where the policy has rules about
//! Python modules (RF407). Where it only has exceptions for other callers, nobody in such an
//! interpreter has them.

use ringfence_policy::{CallerKind, Creation, Image};

mod decide;
mod frames;
mod interpreter;
mod layout;
mod memory;
mod module;
mod names;
mod objects;
mod opening;
mod reading;
mod subjects;

pub(crate) use decide::{judge, judge_child};
pub(crate) use interpreter::{is_interpreter, look_for};
pub(crate) use module::is_extension;
pub(crate) use opening::{Asked, opener};

/// Whether the policy names Python modules at all.
pub(crate) fn is_wanted(image: &Image<'_>) -> bool {
    has_rules(image) || image.has_audience_of(CallerKind::Python)
}

/// Whether it says which modules may create threads or start programs.
fn has_rules(image: &Image<'_>) -> bool {
    [Creation::Thread, Creation::Process]
        .into_iter()
        .any(|creation| !image.callers(creation, CallerKind::Python).is_empty())
}
