//! Whether a thread may start.

use core::ops::ControlFlow;

use ringfence_policy::{Audiences, Creation};

use super::descent::Descent;
use super::here::Here;
use super::jni::Ref;
use super::kinds::Facts;
use super::marks::{Marks, Standing};
use super::opener::Asking;
use super::reach::Reached;
use super::reading::Reading;

/// What becomes of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It starts, for these.
    Start(Descent),
    /// It does not: one of these is refused.
    Refuse(Marks),
}

impl Here {
    /// Judges a thread that is about to start on the calling thread's stack.
    pub(crate) fn judge_thread(self, thread: Ref, is_virtual: bool) -> Verdict {
        let (mut reading, mut asking) = (Reading::NEW, Asking::NEW);
        let read = self.frames(|frame| {
            reading.frame(frame);
            if self.jvm.names_openers {
                asking.frame(self, frame);
            }
            ControlFlow::Continue(())
        });
        let mut marks = reading.together.answer_for(reading.marks.join(self.lineage()));
        if read.is_err() && !marks.is_empty() {
            // Somebody made it that deep, and a subject is near the top.
            marks = marks.join(self.marks_of(b"a stack without bottom", Standing::Nobody));
        }
        let reached = self.run_by(thread, reading.together);
        if let Some(verdict) = self.exempt((thread, is_virtual), &reading, &reached, marks) {
            return verdict;
        }
        let named = if self.jvm.names_openers && read.is_ok() {
            self.creators(&asking) & self.descent().named_by_all()
        } else {
            Audiences::NONE
        };
        let stack = Descent::new(marks, named);
        let mut descent = self.answerable(thread, &reading, &reached, stack);
        if descent.marks.is_empty() && is_nobodys(&reading, &reached) {
            let nobody = self.marks_of(b"a task that nobody gave", Standing::Nobody);
            descent = Descent::new(nobody, Audiences::NONE);
        }
        let refused = descent.marks.is_refused(Creation::Thread);
        if refused { Verdict::Refuse(descent.marks) } else { Verdict::Start(descent) }
    }

    /// The threads of the runtime that must start whoever needs them first: refused once, they
    /// would be missing for the life of the process. What they run reaches no subject, or it is
    /// not for the runtime that they start.
    fn exempt(
        self,
        (thread, is_virtual): (Ref, bool),
        reading: &Reading,
        reached: &Reached,
        marks: Marks,
    ) -> Option<Verdict> {
        if reading.head.has(Facts::SHUTDOWN) {
            // One refusal would end the loop over all hooks, the host's too.
            return Some(Verdict::Start(Descent::new(reached.marks, Audiences::NONE)));
        }
        let is_pure = reached.marks.is_empty();
        // What is too large to be looked through is not for the runtime alone.
        let is_needed = reading.initialises
            || reading.head.has(Facts::PROCESSES.with(Facts::SHARED_TIMER)) && reached.is_whole()
            || reading.by_virtual && !is_virtual;
        let compensates = reading.head.has(Facts::COMPENSATION) && !marks.is_empty();
        let is_worker = reading.starter.has(Facts::CREATE_WORKER) && !compensates;
        // Most threads are neither: the machine is not asked about them.
        if !(is_pure && is_needed || is_worker) || !self.is_runtimes(thread) {
            return None;
        }
        if is_pure && is_needed {
            return Some(Verdict::Start(Descent::HOST));
        }
        (is_worker && self.is_shared_worker(thread)).then_some(Verdict::Start(Descent::HOST))
    }

    /// Whether a thread is exactly of a class of the boot loader's.
    fn is_runtimes(self, thread: Ref) -> bool {
        let Some(class) = self.env.class_of(thread) else { return false };
        let loader = self.tools().loader(class);
        self.env.forget(class);
        matches!(loader, Ok(None))
    }

    /// Whether a thread works for the common pool, or carries virtual threads.
    fn is_shared_worker(self, thread: Ref) -> bool {
        let known = &self.known().pools;
        if known.carrier.is_some_and(|carrier| self.env.is_instance(thread, carrier)) {
            return true;
        }
        if self.image().strict() {
            return false;
        }
        self.is_common_worker(thread)
    }

    /// Whether a thread works for the common pool.
    pub(super) fn is_common_worker(self, thread: Ref) -> bool {
        let known = &self.known().pools;
        let Some(pool) = self.pool_of_worker(thread) else { return false };
        let kind = c"Ljava/util/concurrent/ForkJoinPool;";
        let common = self.env.static_object(known.fork_join, c"common", kind);
        common.is_some_and(|common| self.env.is_same(pool, common))
    }
}

/// Nobody's code: no subject, no host, but reflection to call it by, or the worker of a pool whose
/// task nobody is known to have made.
fn is_nobodys(reading: &Reading, reached: &Reached) -> bool {
    reading.is_nobodys && (reading.reflects || reached.is_worker && !reached.is_somebodys)
}
