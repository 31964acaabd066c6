//! Whose a pool is, and who answers for a thread that it starts.
//!
//! A host's pool grows on a plugin's stack, and a script's on a neutral one. So a pool has an owner
//! from its construction on, in a tag.

use core::ffi::CStr;
use core::ops::ControlFlow;

use ringfence_policy::Audiences;

use super::descent::Descent;
use super::here::Here;
use super::jni::{Field, Ref};
use super::kinds::{Facts, Info};
use super::marks::{Marks, Standing};
use super::opener::Asking;
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
/// Where the audiences begin that each of its owners is in.
const NAMED: u32 = 8;

impl Here {
    /// A pool is being constructed by the calling thread; the first time counts.
    pub(crate) fn own_pool(self, pool: Ref) {
        if self.tools().tag(pool) != 0 {
            return;
        }
        let (mut reading, mut asking) = (Reading::NEW, Asking::NEW);
        let mut nearest = None;
        let read = self.frames(|frame| {
            reading.frame(frame);
            if self.jvm.names_openers {
                asking.frame(self, frame);
            }
            if nearest.is_none() && !frame.is_runtime() {
                nearest = Some(frame);
            }
            ControlFlow::Continue(())
        });
        let descent = self.descent();
        let stack = reading.together.answer_for(descent.marks.join(reading.marks));
        let class = self.class_of(pool);
        let mut owner = stack.join(class.marks);
        if read.is_err() || owner.is_empty() && nearest.is_none() && reading.reflects {
            owner = owner.join(self.marks_of(b"a pool that nobody made", Standing::Nobody));
        }
        let tag = if reading.initialises {
            Info { facts: OWNED, marks: Marks::NONE }
        } else {
            let by_host = nearest.is_some_and(|frame| !frame.is_subject());
            let facts = if by_host && !owner.is_empty() { OWNED.with(MIXED) } else { OWNED };
            let named = if self.jvm.names_openers && read.is_ok() {
                let own = if class.is_subject() { self.audiences(class) } else { Audiences::ALL };
                self.creators(&asking) & descent.named_by_all() & own
            } else {
                Audiences::NONE
            };
            Info { facts: facts.with(Facts(u32::from(named.bits()) << NAMED)), marks: owner }
        };
        self.tools().set_tag(pool, tag.tag());
    }

    /// The pools that are there are the host's own.
    pub(super) fn own_all(self) -> bool {
        let tag = Info { facts: OWNED, marks: Marks::NONE };
        self.tools().tag_all(self.known().executor, tag.tag())
    }

    /// Who answers for a thread: everybody on the stack, and whoever it will run; for a pool's
    /// worker its owner. The audiences are those of all of them in any case.
    pub(super) fn answerable(
        self,
        thread: Ref,
        reading: &Reading,
        reached: &Reached,
        stack: Descent,
    ) -> Descent {
        let together = reading.together;
        let all = reached.marks.join(stack.marks);
        let named = stack.named & reached.named();
        let Some((pool, factory)) = self.starting_pool(thread, reading, reached) else {
            return Descent::new(all, named);
        };
        let owner = Info::from_tag(self.tools().tag(pool));
        let factory = self.factory_run(pool, factory, together);
        let run = factory.marks.join(reached.marks);
        let all = run.join(all);
        if !owner.facts.has(OWNED) {
            return Descent::new(all, Audiences::NONE);
        }
        let marks = match (reading.is_direct && !self.image().strict(), owner.facts.has(MIXED)) {
            (true, true) => all,
            (true, false) => run.join(owner.marks),
            (false, _) => together.answer_for(owner.marks).join(all),
        };
        Descent::new(marks, named & factory.named() & named_of(owner))
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

    fn factory_run(self, pool: Ref, factory: Option<Field>, together: Together) -> Reached {
        match factory.and_then(|factory| self.env.get(pool, factory)) {
            Some(factory) => self.run_by(factory, together),
            None => Reached::default(),
        }
    }
}

/// The audiences that each owner of a pool is in, by its tag.
fn named_of(owner: Info) -> Audiences {
    let [_, named, ..] = owner.facts.0.to_le_bytes();
    Audiences::from_bits(named)
}
