//! The fields of a class through which a thread's task can be reached.
//!
//! Asking the machine for them takes longer than starting a thread should, so the answer is kept,
//! by a number in the class's tag. When the table is full, it is asked each time.

#![expect(unsafe_code, reason = "a mapping that several threads write, each its own part")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::here::Here;
use super::jni::{Field, Ref};
use super::kinds::{Facts, Info};
use super::marks::Marks;
use crate::sys::{self, Answer};

/// The fields that are kept.
const FIELDS: usize = 1 << 15;
/// The classes whose fields are kept.
const CLASSES: usize = 1 << 13;
/// The fields of one class, with those of the classes above it.
const MOST: usize = 64;
/// The classes above one, so that a walk ends.
const ABOVE: usize = 64;

/// How to go on from an object.
pub(super) enum Shape<'a> {
    /// By its elements.
    Array,
    /// Not at all: what is behind is not what a thread runs.
    Opaque,
    /// By these fields; those of a thread only where it is the one that starts.
    Fields { fields: &'a [Field], is_thread: bool },
}

/// All zeros is an empty one.
#[repr(C)]
pub(crate) struct Shapes {
    /// For each number, what it stands for: 0, or where its fields begin, how many, and what else.
    shapes: [AtomicU64; CLASSES],
    fields: [AtomicPtr<core::ffi::c_void>; FIELDS],
    used_shapes: AtomicU64,
    used_fields: AtomicU64,
}

const COUNT: u32 = 32;
const IS_ARRAY: u64 = 1 << 48;
const IS_OPAQUE: u64 = 1 << 49;
const IS_THREAD: u64 = 1 << 50;
const IS_THERE: u64 = 1 << 63;

/// The fields of a class, as they are collected.
struct Collected {
    fields: [Option<Field>; MOST],
    length: usize,
    bits: u64,
}

impl Collected {
    fn with_shape<T>(&self, work: impl FnOnce(Shape<'_>) -> T) -> T {
        let mut fields = [Field(NonNull::dangling()); MOST];
        let known = self.fields.iter().flatten();
        let count = fields.iter_mut().zip(known).map(|(to, from)| *to = *from).count();
        work(shape_of(self.bits, fields.get(..count).unwrap_or_default()))
    }
}

impl Shapes {
    pub(crate) fn map() -> Answer<&'static Self> {
        let start = sys::map_memory(size_of::<Self>())?;
        // SAFETY: a fresh mapping of that size, page-aligned, never unmapped; all of it is atomics,
        // for which zeros are valid.
        Ok(unsafe { &*start.cast::<Self>() })
    }

    /// Keeps what was collected, under a number.
    fn keep(&self, collected: &Collected) -> Option<u32> {
        let count = collected.length as u64;
        let start = self.used_fields.fetch_add(count, Ordering::Relaxed);
        let first = usize::try_from(start).ok()?;
        let room = self.fields.get(first..first.checked_add(collected.length)?)?;
        for (place, field) in room.iter().zip(collected.fields.iter().flatten()) {
            place.store(field.0.as_ptr(), Ordering::Relaxed);
        }
        let number = self.used_shapes.fetch_add(1, Ordering::Relaxed).checked_add(1)?;
        let place = self.shapes.get(usize::try_from(number).ok()?)?;
        place.store(start | count << COUNT | collected.bits | IS_THERE, Ordering::Release);
        u32::try_from(number).ok()
    }

    /// What is kept under a number; nothing under 0.
    pub(super) fn shape(&self, number: u32) -> Option<Shape<'_>> {
        let word = self.shapes.get(number as usize)?.load(Ordering::Acquire);
        if word & IS_THERE == 0 {
            return None;
        }
        let start = usize::try_from(word & 0xffff_ffff).ok()?;
        let count = usize::try_from(word >> COUNT & 0xffff).ok()?;
        let fields = self.fields.get(start..start.checked_add(count)?)?;
        // SAFETY: these were written for good before the shape was (Acquire), each with a field's
        // number, which is never null; an `AtomicPtr` has the layout of its pointer.
        let fields =
            unsafe { core::slice::from_raw_parts(fields.as_ptr().cast::<Field>(), fields.len()) };
        Some(shape_of(word, fields))
    }
}

fn shape_of(bits: u64, fields: &[Field]) -> Shape<'_> {
    if bits & IS_ARRAY != 0 {
        Shape::Array
    } else if bits & IS_OPAQUE != 0 {
        Shape::Opaque
    } else {
        Shape::Fields { fields, is_thread: bits & IS_THREAD != 0 }
    }
}

impl Here {
    /// How to go on from an object of a class that is the runtime's or the host's and has this tag, and the
    /// number under which that is kept, if it is.
    pub(super) fn kept_shape(self, tag: Info) -> Option<(u32, Shape<'static>)> {
        if !tag.facts.has(Facts::CLASSIFIED) {
            return None;
        }
        // The marks of such a class are none: that half of its tag is free.
        let number = tag.marks.word();
        self.jvm.shapes.shape(number).map(|shape| (number, shape))
    }

    /// Shows `work` how to go on from an object of a class that is the runtime's or the host's, and had
    /// this tag before it was looked at.
    pub(super) fn with_shape<T>(
        self,
        class: Ref,
        (info, tag): (Info, Info),
        work: impl FnOnce(Shape<'_>) -> T,
    ) -> T {
        if let Some((_, shape)) = self.kept_shape(tag) {
            return work(shape);
        }
        let tag = Info::from_tag(self.tools().tag(class));
        let is_settled = tag.facts.has(Facts::CLASSIFIED);
        let collected = self.collect(class, info);
        if is_settled && let Some(number) = self.jvm.shapes.keep(&collected) {
            let marks = Marks::from_word(number);
            self.tools().set_tag(class, Info { facts: tag.facts, marks }.tag());
        }
        collected.with_shape(work)
    }

    /// The same for a class that is a subject's, as if it were the host's. It is asked for each time.
    pub(super) fn with_hosts_shape<T>(self, class: Ref, work: impl FnOnce(Shape<'_>) -> T) -> T {
        let host = Info { facts: Facts::HOST, marks: Marks::NONE };
        self.collect(class, host).with_shape(work)
    }

    fn collect(self, class: Ref, info: Info) -> Collected {
        let mut collected = Collected { fields: [None; MOST], length: 0, bits: 0 };
        let Some(signature) = self.tools().signature(class) else {
            collected.bits = IS_OPAQUE;
            return collected;
        };
        match signature.bytes() {
            [b'[', b'L' | b'[', ..] => collected.bits = IS_ARRAY,
            [b'L', ..] => self.collect_object(class, info, &mut collected),
            _ => collected.bits = IS_OPAQUE,
        }
        collected
    }

    fn collect_object(self, class: Ref, info: Info, into: &mut Collected) {
        let known = self.known();
        let is_a = |kind| self.env.is_assignable(class, kind);
        if is_a(known.thread) {
            into.bits |= IS_THREAD;
        } else if info.facts.has(Facts::OPAQUE)
            || is_a(known.loader)
            || is_a(known.executor)
            || is_a(known.reference)
        {
            into.bits = IS_OPAQUE;
            return;
        }
        let is_host = info.facts.has(Facts::HOST);
        let mut next = Some(class);
        for _ in 0..ABOVE {
            let Some(current) = next else { break };
            self.collect_declared(current, is_host, into);
            next = self.env.superclass(current);
            if !self.env.is_same(current, class) {
                self.env.forget(current);
            }
        }
    }

    /// The fields that one class declares.
    fn collect_declared(self, class: Ref, is_host: bool, into: &mut Collected) {
        let Some(mut signature) = self.tools().signature(class) else { return };
        let Some(fields) = self.tools().fields(class) else { return };
        let of = signature.class_name();
        for field in fields.items() {
            let Some((name, kind)) = self.tools().instance_field(class, *field) else { continue };
            if leads_on(of, name.bytes(), kind.bytes(), is_host)
                && let Some(place) = into.fields.get_mut(into.length)
            {
                *place = Some(*field);
                into.length = into.length.saturating_add(1);
            }
        }
    }
}

/// The types of fields behind which is nothing, as nobody can write a class below them.
const LEAVES: &[&[u8]] = &[
    b"Ljava/lang/String;",
    b"Ljava/lang/Class;",
    b"Ljava/lang/Boolean;",
    b"Ljava/lang/Integer;",
    b"Ljava/lang/Long;",
    b"Ljava/lang/invoke/MethodType;",
    b"Ljava/security/AccessControlContext;",
];

/// Whether a field of that class, name and type may lead to what a thread will run.
fn leads_on(class: &[u8], name: &[u8], kind: &[u8], is_host: bool) -> bool {
    if !matches!(kind, [b'L', ..] | [b'[', b'L' | b'[', ..]) || LEAVES.contains(&kind) {
        return false;
    }
    match class {
        b"java.lang.Thread" => return matches!(name, b"target" | b"holder"),
        b"java.lang.Thread$FieldHolder" => return name == b"task",
        // The JDK's own objects, which lead nowhere but back.
        b"java.lang.VirtualThread" if name == b"runContinuation" => return false,
        b"jdk.internal.vm.Continuation" if name == b"scope" => return false,
        // The event leads to all of the connection, and runs nothing.
        b"sun.security.ssl.TransportContext$NotifyHandshake" => return name == b"targets",
        _ => {}
    }
    if is_host {
        return matches!(kind, b"Ljava/lang/Runnable;" | b"Ljava/util/concurrent/Callable;")
            || kind.starts_with(b"Ljava/util/function/");
    }
    // What comes before a completion has run when it runs.
    !(class.starts_with(b"java.util.concurrent.CompletableFuture$")
        && matches!(name, b"src" | b"snd" | b"next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_runs_is_followed_and_what_leads_nowhere_is_not() {
        let runtime = |class: &str, name: &str, kind: &str| {
            leads_on(class.as_bytes(), name.as_bytes(), kind.as_bytes(), false)
        };
        let any = "Ljava/lang/Object;";
        for (class, name, kind) in [
            ("java.lang.Thread", "target", "Ljava/lang/Runnable;"),
            ("java.lang.VirtualThread", "cont", "Ljdk/internal/vm/Continuation;"),
            ("java.lang.VirtualThread", "scheduler", "Ljava/util/concurrent/Executor;"),
            ("jdk.internal.vm.Continuation", "target", "Ljava/lang/Runnable;"),
            ("java.util.concurrent.FutureTask", "callable", "Ljava/util/concurrent/Callable;"),
            ("java.lang.invoke.BoundMethodHandle$Species_L", "argL0", any),
            ("java.util.ArrayList", "elementData", "[Ljava/lang/Object;"),
            // Anybody may write a class below it.
            ("java.util.concurrent.FutureTask", "outcome", "Ljava/lang/Number;"),
        ] {
            assert!(runtime(class, name, kind), "{class}.{name}");
        }
        for (class, name, kind) in [
            ("java.lang.Thread", "contextClassLoader", "Ljava/lang/ClassLoader;"),
            ("java.lang.VirtualThread", "runContinuation", "Ljava/lang/Runnable;"),
            ("java.beans.EventHandler", "action", "Ljava/lang/String;"),
            ("java.util.ArrayList", "size", "I"),
            ("java.lang.String", "value", "[B"),
        ] {
            assert!(!runtime(class, name, kind), "{class}.{name}");
        }
    }

    #[test]
    fn of_a_host_s_object_only_what_is_declared_to_be_run_is_followed() {
        let host = |kind: &str| leads_on(b"com.acme.Job", b"field", kind.as_bytes(), true);
        assert!(host("Ljava/lang/Runnable;") && host("Ljava/util/function/Supplier;"));
        assert!(!host("Ljava/lang/Object;") && !host("[Ljava/lang/Runnable;"));
    }
}
