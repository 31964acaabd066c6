//! A program of which the policy does not say who the subjects are.
//!
//! Its main class is the host, unless a rule forbids it. The other classes of its class path are one
//! subject together: one that is authorized answers for those on the stack that no rule names, be they
//! libraries that it calls or whoever called it. What a new thread is to run must be authorized by
//! itself, or belong to a class nearer than the one that is: to a library of its, not to its caller.
//! For what is defined at run time nobody answers, nor does anybody who is not on the stack.

use core::ops::ControlFlow;
use core::sync::atomic::Ordering;

use ringfence_policy::{CallerKind, CallerVerdict, Creation};

use super::here::Here;
use super::jni::Ref;
use super::kinds::{Facts, Info};
use super::marks::{Marks, Standing};
use super::reach::Reached;

/// The nearest class of a program on a stack that is authorized, for each thing that may be asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Together {
    threads: Marks,
    processes: Marks,
}

impl Together {
    pub(crate) const NONE: Self = Self { threads: Marks::NONE, processes: Marks::NONE };

    /// Reads the next frame outwards.
    pub(crate) fn frame(&mut self, frame: Info) {
        if !frame.facts.has(Facts::PROGRAM) {
            return;
        }
        let both =
            [(&mut self.threads, Creation::Thread), (&mut self.processes, Creation::Process)];
        for (known, creation) in both {
            if known.is_empty() && !frame.marks.is_refused(creation) {
                *known = frame.marks;
            }
        }
    }

    /// What is left of these marks where those who are authorized answer for whom they can.
    pub(crate) const fn answer_for(self, marks: Marks) -> Marks {
        let threads = answer(self.threads, marks, Creation::Thread);
        let processes = answer(self.processes, marks, Creation::Process);
        if marks.is_empty() { marks } else { Marks::each(threads, processes) }
    }
}

const fn answer(authorized: Marks, marks: Marks, creation: Creation) -> Marks {
    if marks.is_weak(creation) && !authorized.is_empty() { authorized } else { marks }
}

/// The classes of a program that are to run and that no rule names, by the numbers of their names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unnamed {
    numbers: [u32; Self::MOST],
    count: usize,
    /// There were more, or one whose name is not kept.
    is_cut: bool,
}

impl Unnamed {
    const MOST: usize = 16;

    /// Notes a class, if it is such a one.
    pub(crate) fn note(&mut self, class: Info) {
        if !class.marks.is_weak(Creation::Thread) {
            return;
        }
        let number = class.marks.number(Creation::Thread);
        if self.known().contains(&number) {
            return;
        }
        match self.numbers.get_mut(self.count) {
            Some(place) if number != 0 => {
                *place = number;
                self.count = self.count.saturating_add(1);
            }
            _ => self.is_cut = true,
        }
    }

    fn known(&self) -> &[u32] {
        self.numbers.get(..self.count).unwrap_or_default()
    }
}

impl Here {
    /// What a thread, or a factory of threads, is to run; its marks are those for which nobody on the stack
    /// answers. What it may start later is judged then.
    pub(super) fn run_by(self, root: Ref, together: Together) -> Reached {
        let mut reached = self.reach(root);
        let marks = reached.marks;
        if marks.is_weak(Creation::Thread) {
            let is_answered = !together.threads.is_empty() && self.are_nearer(&reached.unnamed);
            let threads = if is_answered { together.threads } else { marks.strict() };
            reached.marks = Marks::each(threads, marks);
        }
        reached
    }

    /// Whether each of these classes is, or is nested in, the outermost class of a frame that is nearer than
    /// the nearest authorized one.
    fn are_nearer(self, unnamed: &Unnamed) -> bool {
        let creation = Creation::Thread;
        let mut found = [false; Unnamed::MOST];
        let read = self.frames(|frame| {
            if !frame.facts.has(Facts::PROGRAM) {
                return ControlFlow::Continue(());
            }
            if !frame.marks.is_refused(creation) {
                return ControlFlow::Break(());
            }
            let number = frame.marks.number(creation);
            for (one, found) in unnamed.known().iter().zip(&mut found) {
                *found |= number != 0 && self.outermost(number) == self.outermost(*one);
            }
            ControlFlow::Continue(())
        });
        let all = found.get(..unnamed.count).unwrap_or_default().iter().all(|found| *found);
        read.is_ok() && all && !unnamed.is_cut
    }

    /// The name of the class that a class is nested in, or its own.
    fn outermost(self, number: u32) -> &'static [u8] {
        let name = self.jvm.names.subject(number).name;
        name.split(|byte| *byte == b'$').next().unwrap_or(name)
    }

    /// Whether it is the main class of such a program, or nested in it, and no rule forbids it. One that
    /// is authorized would else answer for all that it calls.
    pub(super) fn is_main(self, name: &[u8]) -> bool {
        let Some(main) = self.main_class() else { return false };
        let rest = name.strip_prefix(main);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"$")) && !self.is_meant(name)
    }

    /// Whether a rule forbids it, or an exception is for it.
    fn is_meant(self, name: &[u8]) -> bool {
        let is_forbidden = |creation| {
            let list = self.image().callers(creation, CallerKind::Java);
            matches!(list.judge(name), CallerVerdict::Forbidden(_))
        };
        is_forbidden(Creation::Thread)
            || is_forbidden(Creation::Process)
            || !self.image().audiences_of(CallerKind::Java, name).is_empty()
    }

    /// The class that the machine's launcher was told to run; `None` before it was found, and where
    /// the machine was started by a program of its own.
    fn main_class(self) -> Option<&'static [u8]> {
        let kept = &self.jvm.main_class;
        let mut number = kept.load(Ordering::Acquire);
        if number == 0 {
            let class = self.env.static_object(
                self.known().launcher?,
                c"appClass",
                c"Ljava/lang/Class;",
            )?;
            let signature = self.tools().signature(class);
            let loader = self.tools().loader(class);
            self.env.forget(class);
            let loader = loader.ok().flatten()?;
            if !self.env.is_same(loader, self.known().application_loader) {
                return None;
            }
            let name = self.jvm.names.number(signature?.class_name(), Standing::Verified);
            number = name;
            kept.store(number, Ordering::Release);
        }
        (number != 0).then(|| self.jvm.names.subject(number).name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn class(word: u32) -> Info {
        Info { facts: Facts::GUEST.with(Facts::PROGRAM), marks: Marks::from_word(word) }
    }

    /// Of a word of marks: a subject; refused and weak, its number 1, about threads.
    const SOME: u32 = 1;
    const WEAK: u32 = SOME | 0b101 << 1 | 1 << 4;
    const STRONG: u32 = SOME | 0b001 << 1 | 2 << 4;

    fn read(frames: &[Info]) -> Marks {
        let mut together = Together::NONE;
        let mut marks = Marks::NONE;
        for frame in frames {
            together.frame(*frame);
            marks = marks.join(frame.marks);
        }
        together.answer_for(marks)
    }

    #[test]
    fn who_is_authorized_answers_for_whom_no_rule_names() {
        let (good, other, evil) = (class(SOME), class(WEAK), class(STRONG));
        for frames in [&[other, good][..], &[good, other], &[other, good, other], &[good]] {
            assert!(!read(frames).is_refused(Creation::Thread), "{frames:?}");
        }
        for frames in [&[other][..], &[other, other], &[good, evil], &[evil, good, other]] {
            assert!(read(frames).is_refused(Creation::Thread), "{frames:?}");
        }
        let guest = Info { facts: Facts::GUEST, ..good };
        assert!(read(&[other, guest]).is_refused(Creation::Thread), "made at run time");
        assert!(read(&[]).is_empty());
    }
}
