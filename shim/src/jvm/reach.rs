//! What a thread will run, as far as it can be seen in its objects.
//!
//! The class of the task alone is no protection: a `FutureTask` hides any script. So references are
//! followed through objects of the runtime, and through the host's, and those of a program's libraries, where they
//! are declared as something to run. Others than those that a subject holds in its own objects are not followed.

use ringfence_policy::Creation;

use super::classes::classified;
use super::here::Here;
use super::jni::{Field, Ref};
use super::kinds::{Facts, Info};
use super::marks::Marks;
use super::program::Unnamed;
use super::shapes::Shape;

/// The objects that are looked at.
const OBJECTS: usize = 160;
/// The references from the thread to an object.
const DEEPEST: u8 = 8;
/// The elements of an array that are looked at.
const ELEMENTS: i32 = 64;

/// What was reached.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached {
    pub(crate) marks: Marks,
    /// The classes for which somebody on the stack may answer.
    pub(crate) unnamed: Unnamed,
    /// An object of the host's, or of a part of the JDK that no program names, is there.
    pub(crate) is_somebodys: bool,
    /// A worker of a pool, which takes any task.
    pub(crate) is_worker: bool,
    /// The pool that it works for, if there is exactly one.
    pub(crate) pool: Option<Ref>,
    pools: u32,
    /// There was more than is looked at.
    is_cut: bool,
}

/// The objects that were met, in the order in which they are looked at.
struct Queue {
    objects: [Option<Ref>; OBJECTS],
    depths: [u8; OBJECTS],
    length: usize,
}

impl Here {
    /// What `root` reaches: a thread that is about to start, or a factory of threads.
    pub(crate) fn reach(self, root: Ref) -> Reached {
        let mut queue = Queue { objects: [None; OBJECTS], depths: [0; OBJECTS], length: 0 };
        let mut found = Reached::default();
        queue.add(self, root, 0);
        let mut next = 0;
        while let Some((object, depth)) = queue.at(next) {
            self.look_into(object, depth, next == 0, &mut queue, &mut found);
            next = next.saturating_add(1);
        }
        if found.pools != 1 {
            found.pool = None;
        }
        found
    }

    fn look_into(
        self,
        object: Ref,
        depth: u8,
        is_root: bool,
        queue: &mut Queue,
        found: &mut Reached,
    ) {
        let Some(class) = self.env.class_of(object) else { return };
        let tag = Info::from_tag(self.tools().tag(class));
        let info = classified(tag).unwrap_or_else(|| self.class(class));
        found.marks = found.marks.join(info.marks);
        found.unnamed.note(info);
        found.is_somebodys |= info.facts.has(Facts::HOST);
        found.is_somebodys |= !is_root && info.facts.has(Facts::INTERNAL);
        found.is_worker |= info.facts.has(Facts::WORKER);
        let below = depth.saturating_add(1);
        let is_holder = info.facts.has(Facts::HOLDER);
        let go_on = |shape: Shape<'_>| match shape {
            Shape::Opaque | Shape::Fields { fields: [], .. } => {}
            _ if below > DEEPEST => found.is_cut = true,
            Shape::Array => self.elements(object, below, queue, found),
            Shape::Fields { fields, is_thread } if is_root || !is_thread => {
                for field in fields {
                    self.follow(object, *field, below, is_holder, queue, found);
                }
            }
            Shape::Fields { .. } => {}
        };
        if !info.is_subject() {
            self.with_shape(class, (info, tag), go_on);
        } else if info.facts.has(Facts::PROGRAM) && info.marks.is_weak(Creation::Thread) {
            // Whoever answers for it does not do so for whatever it was given to run.
            self.with_hosts_shape(class, go_on);
        }
        self.env.forget(class);
    }

    fn follow(
        self,
        object: Ref,
        field: Field,
        depth: u8,
        is_holder: bool,
        queue: &mut Queue,
        found: &mut Reached,
    ) {
        let Some(value) = self.env.get(object, field) else { return };
        if is_holder && self.env.is_instance(value, self.known().executor) {
            found.note_pool(self, value);
        }
        found.is_cut |= !queue.add(self, value, depth);
    }

    fn elements(self, array: Ref, depth: u8, queue: &mut Queue, found: &mut Reached) {
        let length = self.env.array_length(array);
        found.is_cut |= length > ELEMENTS;
        for index in 0..length.min(ELEMENTS) {
            if let Some(value) = self.env.element(array, index) {
                found.is_cut |= !queue.add(self, value, depth);
            }
        }
    }
}

impl Reached {
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
    fn add(&mut self, here: Here, object: Ref, depth: u8) -> bool {
        let met = self.objects.get(..self.length).unwrap_or_default();
        if met.iter().flatten().any(|known| here.env.is_same(*known, object)) {
            // A pool may be noted by that reference: it goes with the local frame.
            return true;
        }
        if let (Some(place), Some(far)) =
            (self.objects.get_mut(self.length), self.depths.get_mut(self.length))
        {
            (*place, *far) = (Some(object), depth);
            self.length = self.length.saturating_add(1);
            return true;
        }
        false
    }

    fn at(&self, place: usize) -> Option<(Ref, u8)> {
        let object = self.objects.get(place).copied().flatten()?;
        Some((object, self.depths.get(place).copied()?))
    }
}
