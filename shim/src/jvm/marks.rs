//! Which subjects something stems from, as far as a verdict needs it: one word.
//!
//! What a policy says about a subject never changes while the process runs. So of a set of subjects
//! it is enough to keep whether there is any, and for each thing that may be asked for whether one
//! of them is refused it, and which one to name; sets of any size are joined without a table that
//! could be full.

use ringfence_policy::{CallerKind, CallerRefusal, Creation, Image, RuleIndex};

use super::names::Names;

/// The subjects that a stack, a class, a thread or a pool carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u32);

/// Some subject is there.
const SOME: u32 = 1;

/// What is kept for each thing that may be asked for. One of the subjects is refused it.
const REFUSED: u32 = 1;
/// The one to be named is a subject by its own name, not the code of one.
const NAMED: u32 = 1 << 1;
/// Those that are refused are classes of one program, and refused only because they are not named.
const WEAK: u32 = 1 << 2;
/// The number of the one to be named stands from here on.
const NUMBER: u32 = 3;
/// The bits of all that.
const WIDTH: u32 = NUMBER + super::names::BITS;
const PART: u32 = (1 << WIDTH) - 1;

/// Where the part about something that is asked for begins.
const fn place(creation: Creation) -> u32 {
    match creation {
        Creation::Thread => 1,
        Creation::Process => 1 + WIDTH,
    }
}

/// How a class came by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was loaded from where such classes lie: the name is its own.
    Verified,
    /// A library of the plugin whose name is given.
    Library,
    /// Anybody could have called it that: good enough to be forbidden, not to be authorized.
    Claimed,
    /// Nobody is known to have made it.
    Nobody,
}

/// Why a subject is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// This rule forbids it.
    Forbidden(RuleIndex),
    /// Others are authorized, by this rule and more.
    Unnamed(RuleIndex),
    /// Nobody is known to have made it, so no rule can authorize it.
    Unattributed,
}

impl Marks {
    /// No subject: the host's or the runtime's own.
    pub(crate) const NONE: Self = Self(0);

    /// The marks of one subject.
    pub(crate) fn of(image: &Image<'_>, names: &Names, name: &[u8], standing: Standing) -> Self {
        Self::with(image, names, (name, standing), REFUSED)
    }

    /// The marks of a class of a program whose classes are one subject together
    /// ([`super::program`]).
    pub(crate) fn of_program(image: &Image<'_>, names: &Names, name: &[u8]) -> Self {
        Self::with(image, names, (name, Standing::Verified), REFUSED | WEAK)
    }

    fn with(
        image: &Image<'_>,
        names: &Names,
        (name, standing): (&[u8], Standing),
        when_unnamed: u32,
    ) -> Self {
        let number = names.number(name, standing) << NUMBER;
        let named = if standing == Standing::Verified { NAMED } else { 0 };
        let part = |creation| {
            let refused = match judge(image, creation, name, standing) {
                None => 0,
                Some(Reason::Unnamed(_)) => when_unnamed,
                Some(Reason::Forbidden(_) | Reason::Unattributed) => REFUSED,
            };
            number | named | refused
        };
        Self::new(part(Creation::Thread), part(Creation::Process))
    }

    const fn new(threads: u32, processes: u32) -> Self {
        let threads = threads << place(Creation::Thread);
        Self(SOME | threads | processes << place(Creation::Process))
    }

    const fn part(self, creation: Creation) -> u32 {
        self.0 >> place(creation) & PART
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of them may not have it.
    pub(crate) const fn is_refused(self, creation: Creation) -> bool {
        self.part(creation) & REFUSED != 0
    }

    /// Whether it is refused only because of classes of one program that no rule names.
    pub(crate) const fn is_weak(self, creation: Creation) -> bool {
        self.part(creation) & WEAK != 0
    }

    /// The same, without anybody who could stand in for them.
    #[must_use]
    pub(crate) const fn strict(self) -> Self {
        if self.is_empty() {
            return self;
        }
        let [threads, processes] =
            [self.part(Creation::Thread) & !WEAK, self.part(Creation::Process) & !WEAK];
        Self::new(threads, processes)
    }

    /// The number of the subject to name.
    pub(crate) const fn number(self, creation: Creation) -> u32 {
        self.part(creation) >> NUMBER
    }

    /// Both sets. Of two that are refused, the one with a name of its own is named in messages,
    /// and `farther` before `self`: the farthest is the task.
    #[must_use]
    pub(crate) const fn join(self, farther: Self) -> Self {
        if farther.is_empty() {
            return self;
        }
        let threads = join(self.part(Creation::Thread), farther.part(Creation::Thread));
        Self::new(threads, join(self.part(Creation::Process), farther.part(Creation::Process)))
    }

    /// What the first says about threads, and the second about programs; both are of subjects.
    #[must_use]
    pub(crate) const fn each(threads: Self, processes: Self) -> Self {
        Self::new(threads.part(Creation::Thread), processes.part(Creation::Process))
    }

    /// As the lineage of a thread has them.
    pub(crate) const fn lineage(self) -> usize {
        self.0 as usize
    }

    #[expect(clippy::cast_possible_truncation, reason = "it came from the word of a set")]
    pub(crate) const fn from_lineage(word: usize) -> Self {
        Self(word as u32)
    }

    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word)
    }
}

const fn join(near: u32, far: u32) -> u32 {
    let ((far_refused, far_named), (near_refused, near_named)) = (rank(far), rank(near));
    let is_near =
        far_refused < near_refused || far_refused == near_refused && !far_named && near_named;
    if is_near { near } else { far }
}

/// A set with a subject that is refused never comes after one without, nor one for whom nobody
/// can stand in after others.
const fn rank(part: u32) -> (u8, bool) {
    let refused = match (part & REFUSED != 0, part & WEAK != 0) {
        (true, false) => 2,
        (true, true) => 1,
        (false, _) => 0,
    };
    (refused, part & NAMED != 0)
}

/// Why the policy refuses a subject what it asks for; `None` when it does not, as where no rule is
/// about that.
pub(crate) fn judge(
    image: &Image<'_>,
    creation: Creation,
    name: &[u8],
    standing: Standing,
) -> Option<Reason> {
    let list = image.callers(creation, CallerKind::Java);
    if list.is_empty() {
        return None;
    }
    if standing == Standing::Nobody {
        return Some(Reason::Unattributed);
    }
    match list.refuses(name) {
        Some(CallerRefusal::Forbidden(rule)) => Some(Reason::Forbidden(rule)),
        Some(CallerRefusal::Unauthorized(rule)) => Some(Reason::Unnamed(rule)),
        None if standing == Standing::Claimed => list.first_authorized().map(Reason::Unnamed),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn threads(part: u32, number: u32) -> Marks {
        Marks::new(part | number << NUMBER, 0)
    }

    const PLAIN: Marks = threads(0, 1);
    const REFUSED_CODE: Marks = threads(REFUSED, 2);
    const REFUSED_TASK: Marks = threads(REFUSED | NAMED, 3);
    const FARTHER_TASK: Marks = threads(REFUSED | NAMED, 4);

    fn number(marks: Marks) -> u32 {
        marks.number(Creation::Thread)
    }

    #[test]
    fn a_refused_subject_stays_refused_and_is_the_one_named() {
        for both in [PLAIN.join(REFUSED_CODE), REFUSED_CODE.join(PLAIN)] {
            assert!(both.is_refused(Creation::Thread));
            assert_eq!(number(both), 2);
        }
    }

    #[test]
    fn the_farthest_with_a_name_of_its_own_is_named() {
        assert_eq!(number(REFUSED_TASK.join(REFUSED_CODE)), 3);
        assert_eq!(number(REFUSED_TASK.join(FARTHER_TASK)), 4);
        assert_eq!(number(REFUSED_CODE.join(REFUSED_TASK)), 3);
    }

    #[test]
    fn whom_nobody_can_stand_in_for_decides_and_is_the_one_named() {
        let weak = threads(REFUSED | NAMED | WEAK, 5);
        for both in [weak.join(PLAIN), PLAIN.join(weak), weak.join(weak)] {
            assert!(both.is_refused(Creation::Thread) && both.is_weak(Creation::Thread));
        }
        for both in [weak.join(REFUSED_CODE), REFUSED_CODE.join(weak)] {
            assert!(both.is_refused(Creation::Thread) && !both.is_weak(Creation::Thread));
            assert_eq!(number(both), 2);
        }
        assert!(weak.strict().is_refused(Creation::Thread));
        assert!(!weak.strict().is_weak(Creation::Thread));
        assert!(Marks::NONE.strict().is_empty());
    }

    #[test]
    fn nothing_adds_nothing() {
        assert_eq!(PLAIN.join(Marks::NONE), PLAIN);
        assert_eq!(Marks::NONE.join(PLAIN), PLAIN);
        assert!(Marks::NONE.join(Marks::NONE).is_empty());
    }

    /// Who is refused a thread is not who is refused a program.
    #[test]
    fn each_thing_that_is_asked_for_is_kept_by_itself() {
        let last = (1 << super::super::names::BITS) - 1;
        let thread = Marks::new(REFUSED | NAMED | 5 << NUMBER, 5 << NUMBER);
        let program = Marks::new(last << NUMBER, REFUSED | last << NUMBER);
        assert!(!thread.is_refused(Creation::Process) && !program.is_refused(Creation::Thread));
        for both in [thread.join(program), program.join(thread), Marks::each(thread, program)] {
            let refused = [Creation::Thread, Creation::Process].map(|of| both.is_refused(of));
            assert_eq!(refused, [true, true]);
            assert_eq!((number(both), both.number(Creation::Process)), (5, last));
        }
    }
}
