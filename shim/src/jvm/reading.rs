//! What a stack says about the thread that is started on it.

use super::kinds::{Facts, Info};
use super::marks::Marks;
use super::program::Together;

/// A stack, as it is read frame by frame, the nearest first.
///
/// A stack has a head: the runtime's frames before any other. What exempts a thread stands there or
/// in a static initialiser, with no reflection nearer: else anybody could have it called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Everybody on it.
    pub(crate) marks: Marks,
    /// Who is authorized on it and answers for others.
    pub(crate) together: Together,
    /// There are only the runtime's frames and wrappers of pools.
    pub(crate) is_nobodys: bool,
    /// Reflection, method handles or proxies are anywhere.
    pub(crate) reflects: bool,
    /// A static initialiser of the runtime's or the host's is nearer than any subject.
    pub(crate) initialises: bool,
    /// What is known for something in the head.
    pub(crate) head: Facts,
    /// What wants the thread: the first frame behind those of threads themselves.
    pub(crate) starter: Facts,
    /// `VirtualThread` itself wants it: it is the first frame behind those of `Thread`.
    pub(crate) by_virtual: bool,
    /// The nearest frame that is not the runtime's or a wrapper's is the host's, and calls an
    /// executor by nothing but executors.
    pub(crate) is_direct: bool,
    place: Place,
    head_reflects: bool,
    near_reflects: bool,
    met_subject: bool,
    detour: bool,
}

/// How far a stack was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the frames of threads themselves.
    Start,
    /// In the head.
    Head,
    /// Behind a wrapper.
    Wrapped,
    /// Behind the nearest frame that counts.
    Body,
}

/// What the head may be known for.
const HEAD: Facts =
    Facts(Facts::COMPENSATION.0 | Facts::SHARED_TIMER.0 | Facts::SHUTDOWN.0 | Facts::PROCESSES.0);

impl Reading {
    pub(crate) const NEW: Self = Self {
        marks: Marks::NONE,
        together: Together::NONE,
        is_nobodys: true,
        reflects: false,
        initialises: false,
        head: Facts(0),
        starter: Facts(0),
        by_virtual: false,
        is_direct: false,
        place: Place::Start,
        head_reflects: false,
        near_reflects: false,
        met_subject: false,
        detour: false,
    };

    /// Reads the next frame outwards.
    pub(crate) fn frame(&mut self, frame: Info) {
        let facts = frame.facts;
        self.marks = self.marks.join(frame.marks);
        self.together.frame(frame);
        self.reflects |= facts.has(Facts::REFLECTION);
        self.is_nobodys &= frame.is_runtime() || facts.has(Facts::WRAPPER);
        self.met_subject |= frame.is_subject();
        if !self.met_subject {
            self.near_reflects |= facts.has(Facts::REFLECTION);
            self.initialises |= facts.has(Facts::INITIALISER) && !self.near_reflects;
        }
        if frame.is_runtime() {
            self.runtime_frame(facts);
        } else {
            self.other_frame(frame);
        }
    }

    fn runtime_frame(&mut self, facts: Facts) {
        if matches!(self.place, Place::Start | Place::Head) {
            self.head_reflects |= facts.has(Facts::REFLECTION);
            if !self.head_reflects {
                self.head = self.head.with(facts.only(HEAD));
            }
        }
        if self.place == Place::Start {
            if facts.has(Facts::THREAD) {
                return;
            }
            if facts.has(Facts::VIRTUAL) {
                self.by_virtual = true;
                return;
            }
            self.starter = facts;
            self.place = Place::Head;
        }
        if self.place != Place::Body {
            self.detour |= facts.has(Facts::REFLECTION) || !facts.has(Facts::EXECUTOR);
        }
    }

    fn other_frame(&mut self, frame: Info) {
        if self.place == Place::Body {
            return;
        }
        if frame.facts.has(Facts::WRAPPER) && !frame.is_subject() {
            self.place = Place::Wrapped;
            return;
        }
        self.place = Place::Body;
        self.is_direct = frame.facts.has(Facts::HOST) && !self.detour;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: Info = of(Facts::RUNTIME.0 | Facts::THREAD.0);
    const ADD: Info = of(Facts::RUNTIME.0 | Facts::EXECUTOR.0 | Facts::ADD_WORKER.0);
    const EXECUTOR: Info = of(Facts::RUNTIME.0 | Facts::EXECUTOR.0);
    const REFLECTION: Info = of(Facts::RUNTIME.0 | Facts::REFLECTION.0);
    const RUNTIME: Info = of(Facts::RUNTIME.0);
    const TIMER: Info = of(Facts::RUNTIME.0 | Facts::SHARED_TIMER.0);
    const HOST: Info = of(Facts::HOST.0);
    const WRAPPER: Info = of(Facts::HOST.0 | Facts::WRAPPER.0);
    const HOST_INITIALISER: Info = of(Facts::HOST.0 | Facts::INITIALISER.0);
    const SUBJECT: Info = Info { facts: Facts::GUEST, marks: Marks::from_word(1) };

    const fn of(facts: u32) -> Info {
        Info { facts: Facts(facts), marks: Marks::NONE }
    }

    fn read(frames: &[Info]) -> Reading {
        let mut reading = Reading::NEW;
        frames.iter().for_each(|frame| reading.frame(*frame));
        reading
    }

    #[test]
    fn a_host_that_calls_its_pool_calls_it_directly() {
        let direct = read(&[THREAD, THREAD, ADD, EXECUTOR, WRAPPER, HOST, SUBJECT]);
        assert!(direct.is_direct && direct.starter.has(Facts::ADD_WORKER));
        assert!(!direct.marks.is_empty(), "the subject behind is seen");
        for frames in [
            &[THREAD, ADD, EXECUTOR, RUNTIME, HOST][..],
            &[THREAD, ADD, REFLECTION, HOST],
            &[THREAD, ADD, EXECUTOR, SUBJECT, HOST],
            &[THREAD, HOST],
        ] {
            let starter = read(frames).starter.has(Facts::ADD_WORKER);
            assert!(!(read(frames).is_direct && starter), "{frames:?}");
        }
    }

    #[test]
    fn reflection_nearer_than_what_exempts_takes_it_away() {
        assert!(read(&[THREAD, TIMER, SUBJECT]).head.has(Facts::SHARED_TIMER));
        assert!(!read(&[THREAD, REFLECTION, TIMER, SUBJECT]).head.has(Facts::SHARED_TIMER));
        assert!(!read(&[THREAD, SUBJECT, TIMER]).head.has(Facts::SHARED_TIMER));
        assert!(read(&[THREAD, HOST_INITIALISER, SUBJECT]).initialises);
        assert!(!read(&[THREAD, REFLECTION, HOST_INITIALISER, SUBJECT]).initialises);
        assert!(!read(&[THREAD, SUBJECT, HOST_INITIALISER]).initialises);
    }

    #[test]
    fn a_wrapper_is_nobody_but_a_host_is() {
        assert!(read(&[THREAD, ADD, WRAPPER]).is_nobodys);
        assert!(!read(&[THREAD, ADD, WRAPPER, HOST]).is_nobodys);
    }
}
