//! What a thread will run, as far as it can be seen in its objects.
//!
//! The class of the task alone is no protection: a `FutureTask` hides any script. So references are
//! followed through objects of the runtime, and through the host's, and those of a program's libraries, where they
//! are declared as something to run. Others than those that a subject holds in its own objects are not followed.

use ringfence_policy::{Audiences, Creation};

use super::classes::classified;
use super::here::Here;
use super::jni::Ref;
use super::kinds::{Facts, Info};
use super::marks::Marks;
use super::program::Unnamed;
use super::shapes::Shape;

/// The objects that are gone on from.
const OBJECTS: usize = 160;
/// The objects that are looked at.
const LOOKS: u32 = 400;
/// The references from the thread to an object.
const DEEPEST: u8 = 8;
/// The elements of an array that are looked at.
const ELEMENTS: i32 = 64;

/// What was reached.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached {
    pub(crate) marks: Marks,
    /// The audiences that one of them is not in.
    barred: Audiences,
    /// The classes for which somebody on the stack may answer.
    pub(crate) unnamed: Unnamed,
    /// An object of the host's, or of a part of the JDK that no program names, is there.
    pub(crate) is_somebodys: bool,
    /// A worker of a pool, which takes any task.
    pub(crate) is_worker: bool,
    /// The pool that it works for, if there is exactly one.
    pub(crate) pool: Option<Ref>,
    pools: u32,
    /// The objects that were looked at.
    looks: u32,
    /// There was more than is looked at.
    is_cut: bool,
}

/// The objects to go on from, in the order in which they were met.
struct Queue {
    met: [Option<Met>; OBJECTS],
    length: usize,
}

/// An object that leads on, or may.
#[derive(Clone, Copy)]
struct Met {
    object: Ref,
    /// The number under which is kept how; 0 where it is asked for.
    shape: u32,
    /// The references from the root to what it leads to.
    below: u8,
    /// It may refer to the pool that it works for.
    is_holder: bool,
}

impl Here {
    /// What `root` reaches: a thread that is about to start, or a factory of threads.
    pub(crate) fn reach(self, root: Ref) -> Reached {
        let mut queue = Queue { met: [None; OBJECTS], length: 0 };
        let mut found = Reached::default();
        self.look_at(root, (root, 0), &mut queue, &mut found);
        let mut next = 0;
        while let Some(met) = queue.at(next) {
            self.go_on(met, root, &mut queue, &mut found);
            next = next.saturating_add(1);
        }
        if found.pools != 1 {
            found.pool = None;
        }
        found
    }

    /// Notes what an object is that is so far from the root, and keeps it if it leads on.
    fn look_at(
        self,
        object: Ref,
        (root, depth): (Ref, u8),
        queue: &mut Queue,
        found: &mut Reached,
    ) {
        let is_root = depth == 0;
        // Much of what a thread holds leads back to it, and that costs less to see than what it is.
        if !is_root && self.env.is_same(object, root) {
            return;
        }
        found.looks = found.looks.saturating_add(1);
        if found.looks > LOOKS {
            found.is_cut = true;
            return;
        }
        let Some(class) = self.env.class_of(object) else { return };
        let (info, tag) = self.known_class(class);
        self.env.forget(class);
        found.marks = found.marks.join(info.marks);
        if self.jvm.names_openers && info.is_subject() {
            found.barred = found.barred | !self.audiences(info);
        }
        found.unnamed.note(info);
        found.is_somebodys |= info.facts.has(Facts::HOST);
        found.is_somebodys |= !is_root && info.facts.has(Facts::INTERNAL);
        found.is_worker |= info.facts.has(Facts::WORKER);
        if info.is_subject() && !is_unnamed(info) {
            return;
        }
        let kept = if info.is_subject() { None } else { self.kept_shape(tag) };
        if kept.as_ref().is_some_and(|(_, shape)| !leads_on(shape, is_root)) {
            return;
        }
        let shape = kept.map_or(0, |(number, _)| number);
        let (below, is_holder) = (depth.saturating_add(1), info.facts.has(Facts::HOLDER));
        found.is_cut |= !queue.add(self, Met { object, shape, below, is_holder });
    }

    /// What a class is, and the tag that it had before it was looked at.
    fn known_class(self, class: Ref) -> (Info, Info) {
        let tag = Info::from_tag(self.tools().tag(class));
        (classified(tag).unwrap_or_else(|| self.class(class)), tag)
    }

    /// Looks at what an object refers to.
    fn go_on(self, met: Met, root: Ref, queue: &mut Queue, found: &mut Reached) {
        let mut follow = |shape: Shape<'_>| self.follow(met, &shape, root, queue, found);
        if let Some(shape) = self.jvm.shapes.shape(met.shape) {
            return follow(shape);
        }
        let Some(class) = self.env.class_of(met.object) else { return };
        let (info, tag) = self.known_class(class);
        if !info.is_subject() {
            self.with_shape(class, (info, tag), follow);
        } else if is_unnamed(info) {
            self.with_hosts_shape(class, follow);
        }
        self.env.forget(class);
    }

    fn follow(
        self,
        met: Met,
        shape: &Shape<'_>,
        root: Ref,
        queue: &mut Queue,
        found: &mut Reached,
    ) {
        // Only the root is one reference away from what it leads to.
        if !leads_on(shape, met.below == 1) {
            return;
        }
        if met.below > DEEPEST {
            found.is_cut = true;
            return;
        }
        match shape {
            Shape::Opaque => {}
            Shape::Array => {
                let length = self.env.array_length(met.object);
                found.is_cut |= length > ELEMENTS;
                for index in 0..length.min(ELEMENTS) {
                    if let Some(value) = self.env.element(met.object, index) {
                        self.look_at(value, (root, met.below), queue, found);
                    }
                }
            }
            Shape::Fields { fields, .. } => {
                for value in fields.iter().filter_map(|field| self.env.get(met.object, *field)) {
                    if met.is_holder && self.env.is_instance(value, self.known().executor) {
                        found.note_pool(self, value);
                    }
                    self.look_at(value, (root, met.below), queue, found);
                }
            }
        }
    }
}

/// Whether there is anything behind an object. What another thread holds is not what this one runs.
const fn leads_on(shape: &Shape<'_>, is_root: bool) -> bool {
    match shape {
        Shape::Opaque | Shape::Fields { fields: [], .. } => false,
        Shape::Array => true,
        Shape::Fields { is_thread, .. } => is_root || !*is_thread,
    }
}

/// Whether it is a program's class that no rule names: whoever answers for it does not do so for
/// whatever it was given to run.
fn is_unnamed(info: Info) -> bool {
    info.facts.has(Facts::PROGRAM) && info.marks.is_weak(Creation::Thread)
}

impl Reached {
    /// The audiences that each of them is in.
    pub(super) fn named(&self) -> Audiences {
        if self.is_cut { Audiences::NONE } else { !self.barred }
    }

    /// Whether all that can be reached was looked at.
    pub(crate) const fn is_whole(&self) -> bool {
        !self.is_cut
    }

    fn note_pool(&mut self, here: Here, pool: Ref) {
        if self.pool.is_some_and(|known| here.env.is_same(known, pool)) {
            return;
        }
        self.pool = Some(pool);
        self.pools = self.pools.saturating_add(1);
    }
}

impl Queue {
    /// Puts an object at the end, unless it is there; no when there is no room.
    fn add(&mut self, here: Here, new: Met) -> bool {
        let met = self.met.get(..self.length).unwrap_or_default();
        if met.iter().flatten().any(|known| here.env.is_same(known.object, new.object)) {
            // A pool may be noted by that reference: it goes with the local frame.
            return true;
        }
        let Some(place) = self.met.get_mut(self.length) else { return false };
        *place = Some(new);
        self.length = self.length.saturating_add(1);
        true
    }

    fn at(&self, place: usize) -> Option<Met> {
        self.met.get(place).copied().flatten()
    }
}
