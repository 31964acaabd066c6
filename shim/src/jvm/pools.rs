//! Whose a pool is, and who answers for a thread that it starts.
//!
//! A host's pool grows on a plugin's stack, and a script's on a neutral one. So a pool has an owner
//! from its construction on, in a tag.

use core::ffi::CStr;
use core::ops::ControlFlow;

use super::here::Here;
use super::jni::{Field, Ref};
use super::kinds::{Facts, Info};
use super::marks::{Marks, Standing};
use super::program::Together;
use super::reach::Reached;
use super::reading::Reading;

/// The classes of pools, and the fields by which a thread is known to be a pool's.
pub(crate) struct Pools {
    pub(crate) carrier: Option<Ref>,
    pub(crate) worker: Ref,
    pub(crate) fork_join: Ref,
    pub(crate) thread_pool: Ref,
    pub(crate) per_task: Option<Ref>,
}

/// The type of `ForkJoinPool`'s factories.
const WORKER_FACTORY: &CStr = c"Ljava/util/concurrent/ForkJoinPool$ForkJoinWorkerThreadFactory;";
/// The type of other pools' factories.
const FACTORY: &CStr = c"Ljava/util/concurrent/ThreadFactory;";

/// In the tag of a pool: it has an owner, if only nobody.
const OWNED: Facts = Facts(1);
/// The host's own class made it, with a subject on the stack.
const MIXED: Facts = Facts(2);

impl Here {
    /// A pool is being constructed by the calling thread; the first time counts.
    pub(crate) fn own_pool(self, pool: Ref) {
        if self.tools().tag(pool) != 0 {
            return;
        }
        let mut reading = Reading::NEW;
        let mut nearest = None;
        let read = self.frames(|frame| {
            reading.frame(frame);
            if nearest.is_none() && !frame.is_runtime() {
                nearest = Some(frame);
            }
            ControlFlow::Continue(())
        });
        let stack = reading.together.answer_for(self.lineage().join(reading.marks));
        let mut owner = stack.join(self.class_of(pool).marks);
        if read.is_err() || owner.is_empty() && nearest.is_none() && reading.reflects {
            owner = owner.join(self.marks_of(b"a pool that nobody made", Standing::Nobody));
        }
        let tag = if reading.initialises {
            Info { facts: OWNED, marks: Marks::NONE }
        } else {
            let by_host = nearest.is_some_and(|frame| !frame.is_subject());
            let facts = if by_host && !owner.is_empty() { OWNED.with(MIXED) } else { OWNED };
            Info { facts, marks: owner }
        };
        self.tools().set_tag(pool, tag.tag());
    }

    /// The pools that are there are the host's own.
    pub(super) fn own_all(self) -> bool {
        let tag = Info { facts: OWNED, marks: Marks::NONE };
        self.tools().tag_all(self.known().executor, tag.tag())
    }

    /// Who answers for a thread: everybody on the stack, and whoever it will run; for a pool's
    /// worker its owner.
    pub(super) fn answerable(
        self,
        thread: Ref,
        reading: &Reading,
        reached: &Reached,
        marks: Marks,
    ) -> Marks {
        let together = reading.together;
        let all = reached.marks.join(marks);
        let Some((pool, factory)) = self.starting_pool(thread, reading, reached) else {
            return all;
        };
        let owner = Info::from_tag(self.tools().tag(pool));
        let run = self.factory_marks(pool, factory, together).join(reached.marks);
        let all = run.join(all);
        if !owner.facts.has(OWNED) {
            return all;
        }
        if reading.is_direct && !self.image().strict() {
            return if owner.facts.has(MIXED) { all } else { run.join(owner.marks) };
        }
        together.answer_for(owner.marks).join(all)
    }

    /// The pool that starts the thread, if the stack and the thread agree on one, and its factory's
    /// field.
    fn starting_pool(
        self,
        thread: Ref,
        reading: &Reading,
        reached: &Reached,
    ) -> Option<(Ref, Option<Field>)> {
        let known = &self.known().pools;
        let (pool, class, name, kind) = if reading.starter.has(Facts::CREATE_WORKER) {
            (self.pool_of_worker(thread)?, known.fork_join, c"factory", WORKER_FACTORY)
        } else if reading.starter.has(Facts::ADD_WORKER) {
            (reached.pool?, known.thread_pool, c"threadFactory", FACTORY)
        } else if reading.starter.has(Facts::PER_TASK) {
            (reached.pool?, known.per_task?, c"factory", FACTORY)
        } else {
            return None;
        };
        let is_one = self.env.is_instance(pool, class);
        is_one.then(|| (pool, self.env.field(class, name, kind)))
    }

    /// The pool of a `ForkJoinWorkerThread`.
    pub(super) fn pool_of_worker(self, thread: Ref) -> Option<Ref> {
        let class = self.known().pools.worker;
        if !self.env.is_instance(thread, class) {
            return None;
        }
        let field = self.env.field(class, c"pool", c"Ljava/util/concurrent/ForkJoinPool;")?;
        self.env.get(thread, field)
    }

    fn factory_marks(self, pool: Ref, factory: Option<Field>, together: Together) -> Marks {
        match factory.and_then(|factory| self.env.get(pool, factory)) {
            Some(factory) => self.run_by(factory, together).marks,
            None => Marks::NONE,
        }
    }
}
