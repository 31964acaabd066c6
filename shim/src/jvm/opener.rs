//! Who of Java's opens a file or starts a program, for exceptions that are for certain callers only.
//!
//! An exception is easily borrowed: a script has somebody else open a file for it. So each one on the
//! stack must be the host or be named, and the stack must show that they called: where the runtime
//! calls on behalf of nobody who stands there (a method handle in a queue, a proxy among listeners, a
//! task of the pool that is everybody's), nobody is known to have asked.

use core::ops::ControlFlow;

use ringfence_policy::{Audiences, CallerKind, Creation};

use super::here::{Here, Jvm};
use super::kinds::{Facts, Info};
use super::marks::Standing;
use super::natives;
use super::slot::Busy;

/// Who opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    /// No subject.
    Host,
    /// Subjects that are in all of these audiences.
    Subjects(Audiences),
}

/// Who of Java's calls; `None` where that cannot be told. Only where the calling thread is in native
/// state: in a library that Java code called.
pub(crate) fn opener() -> Option<Opener> {
    let jvm = Jvm::get()?;
    if !natives::is_here() {
        return None;
    }
    let env = jvm.machine.attached()?;
    let _busy = Busy::begin()?;
    if !jvm.may_ask(env) || env.is_pending() {
        return None;
    }
    env.framed(64, || Here { env, jvm }.opener())
}

impl Here {
    fn opener(self) -> Option<Opener> {
        let mut asking = Asking::NEW;
        let read = self.frames(|frame| {
            asking.frame(self, frame);
            ControlFlow::Continue(())
        });
        if read.is_err() || !asking.stack.is_called() || self.works_for_all() {
            return None;
        }
        let descent = self.descent();
        match asking.named {
            named if descent.marks.is_empty() => Some(named.map_or(Opener::Host, Opener::Subjects)),
            Some(named) => Some(Opener::Subjects(named & descent.named)),
            // On a thread of somebody's the host's own code may have been left for it to run.
            None => None,
        }
    }

    /// The audiences that each subject is in who asks for a thread on a stack.
    pub(super) fn creators(self, asking: &Asking) -> Audiences {
        match asking.named {
            _ if !asking.stack.is_called() || self.works_for_all() => Audiences::NONE,
            Some(named) => named,
            None => Audiences::ALL,
        }
    }

    /// The audiences that a subject is in. What others defined is not its own.
    pub(super) fn audiences(self, frame: Info) -> Audiences {
        let subject = self.jvm.names.subject(frame.marks.number(Creation::Thread));
        let is_own = match subject.standing {
            Standing::Verified | Standing::Library => !frame.facts.has(Facts::FOREIGN),
            Standing::Claimed | Standing::Nobody => false,
        };
        if !is_own || frame.marks.is_empty() {
            return Audiences::NONE;
        }
        self.image().audiences_of(CallerKind::Java, subject.name)
    }

    /// Whether the calling thread works for the common pool, to which everybody gives tasks.
    fn works_for_all(self) -> bool {
        let Some(thread) = self.tools().current_thread() else { return true };
        self.is_common_worker(thread)
    }
}

/// Who asks for something on a stack, read frame by frame, the nearest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    stack: Stack,
    /// The audiences that each subject there is in; nothing where there is no subject.
    named: Option<Audiences>,
}

impl Asking {
    pub(super) const NEW: Self = Self { stack: Stack::NEW, named: None };

    /// Reads the next frame outwards.
    pub(super) fn frame(&mut self, here: Here, frame: Info) {
        self.stack.frame(frame);
        if frame.is_subject() {
            self.named = Some(self.named.unwrap_or(Audiences::ALL) & here.audiences(frame));
        }
    }
}

/// A stack, as far as it shows who called, read frame by frame, the nearest first.
///
/// The runtime's frames lie in runs between those of others. Reflection, method handles and proxies
/// in such a run call what somebody else chose: in the nearest one what opens the file, in the farthest
/// all that there is, and in any other what is nearer, unless the next one outwards itself has a method
/// called by its name.
#[derive(Clone, Copy, Debug)]
struct Stack {
    /// Somebody stands there.
    met: bool,
    /// The present run reflects.
    reflects: bool,
    /// And its last frame so far is what is called to have a method called.
    invokes: bool,
    borrowed: bool,
}

impl Stack {
    const NEW: Self = Self { met: false, reflects: false, invokes: false, borrowed: false };

    /// Reads the next frame outwards.
    fn frame(&mut self, frame: Info) {
        let is_wrapper = frame.facts.has(Facts::WRAPPER) && !frame.is_subject();
        if frame.is_runtime() || is_wrapper {
            self.reflects |= frame.facts.has(Facts::REFLECTION);
            self.invokes = frame.facts.has(Facts::INVOKES);
            return;
        }
        self.borrowed |= self.reflects && !(self.met && self.invokes);
        (self.met, self.reflects, self.invokes) = (true, false, false);
    }

    /// Whether those who stand there called.
    const fn is_called(&self) -> bool {
        self.met && !self.borrowed && !self.reflects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jvm::marks::Marks;

    const RUNTIME: Info = of(Facts::RUNTIME.0);
    const REFLECTION: Info = of(Facts::RUNTIME.0 | Facts::REFLECTION.0);
    const METHOD: Info = of(Facts::RUNTIME.0 | Facts::REFLECTION.0 | Facts::INVOKES.0);
    const HOST: Info = of(Facts::HOST.0);
    const WRAPPER: Info = of(Facts::HOST.0 | Facts::WRAPPER.0);
    const SUBJECT: Info = Info { facts: Facts::GUEST, marks: Marks::from_word(1) };

    const fn of(facts: u32) -> Info {
        Info { facts: Facts(facts), marks: Marks::NONE }
    }

    fn is_called(frames: &[Info]) -> bool {
        let mut stack = Stack::NEW;
        frames.iter().for_each(|frame| stack.frame(*frame));
        stack.is_called()
    }

    #[test]
    fn those_who_stand_there_called() {
        for frames in [
            &[RUNTIME, HOST][..],
            &[RUNTIME, HOST, RUNTIME],
            &[RUNTIME, WRAPPER, HOST, RUNTIME],
            &[RUNTIME, SUBJECT, HOST, RUNTIME],
            // The host calls itself by reflection, as containers of beans do.
            &[RUNTIME, HOST, REFLECTION, METHOD, HOST],
            &[RUNTIME, HOST, RUNTIME, REFLECTION, METHOD, HOST, RUNTIME],
        ] {
            assert!(is_called(frames), "{frames:?}");
        }
    }

    #[test]
    fn nobody_called_what_the_runtime_was_given_to_call() {
        for frames in [
            // Nobody is there.
            &[RUNTIME][..],
            &[RUNTIME, WRAPPER],
            // What opens the file was chosen: on a host's stack, by a chain of futures.
            &[RUNTIME, REFLECTION, HOST],
            &[RUNTIME, REFLECTION, METHOD, HOST],
            &[RUNTIME, REFLECTION, RUNTIME, HOST],
            // The host's own method was: a listener, a chain.
            &[RUNTIME, HOST, REFLECTION, HOST],
            &[RUNTIME, HOST, METHOD, RUNTIME, HOST],
            &[RUNTIME, HOST, METHOD, RUNTIME, REFLECTION, HOST],
            &[RUNTIME, HOST, METHOD, WRAPPER, HOST],
            // It is all that there is.
            &[RUNTIME, HOST, METHOD],
            &[RUNTIME, HOST, REFLECTION, RUNTIME],
            &[RUNTIME, SUBJECT, REFLECTION, RUNTIME],
        ] {
            assert!(!is_called(frames), "{frames:?}");
        }
    }
}
