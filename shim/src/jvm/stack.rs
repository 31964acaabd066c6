//! The calling thread's stack, to the bottom.

#![expect(unsafe_code, reason = "a mapping for many frames")]

use core::ops::ControlFlow;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::descent::Descent;
use super::here::Here;
use super::jni::{Method, Ref};
use super::jvmti::Frame;
use super::kinds::{Facts, Info};
use super::marks::{Marks, Standing};
use super::program::Together;
use crate::{lineage, sys};

/// The frames that are read onto our own stack, which may be a small one.
const FIRST: usize = 64;
/// The frames that are near.
const NEAR: usize = 24;
/// The frames that are read at once farther out.
const MORE: usize = 8192;
/// The frames that are read at all. A deeper stack is one that somebody made deep.
const DEEPEST: usize = 100_000;

/// Whether a virtual thread was ever given marks: until then none has any.
static VIRTUAL_MARKED: AtomicBool = AtomicBool::new(false);

/// A stack could not be read to its bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep;

impl Here {
    /// Shows `visit` each frame of the calling thread, the nearest first, until it breaks.
    ///
    /// # Errors
    /// [`TooDeep`] when there are more frames than are read, or the machine shows none.
    pub(crate) fn frames(
        self,
        mut visit: impl FnMut(Info) -> ControlFlow<()>,
    ) -> Result<(), TooDeep> {
        let mut near = [Frame::NONE; FIRST];
        // The machine walks from the nearest frame each time, so it is asked for all at once where
        // there is room already.
        let mut chunk = Chunk::kept();
        let room = chunk.as_mut().map_or(near.as_mut_slice(), Chunk::frames);
        let first = room.len();
        let frames = self.tools().stack(0, room).ok_or(TooDeep)?;
        if self.show(frames, &mut visit).is_break() || frames.len() < first {
            return Ok(());
        }
        let mut chunk = chunk.or_else(Chunk::new);
        // Where there is no memory for many, it goes on by few.
        let room = chunk.as_mut().map_or(near.as_mut_slice(), Chunk::frames);
        let most = room.len();
        // Behind the last frame the machine shows none, but says that this is an error. So each part
        // begins with the last frame of the one before.
        let mut last = first.saturating_sub(1);
        while last < DEEPEST {
            let part = self.tools().stack(last, room).ok_or(TooDeep)?;
            let (_, frames) = part.split_first().ok_or(TooDeep)?;
            if self.show(frames, &mut visit).is_break() || part.len() < most {
                return Ok(());
            }
            last = last.saturating_add(frames.len());
        }
        Err(TooDeep)
    }

    /// As [`frames`](Self::frames), for the nearest few only: at most as many as there is room for.
    pub(crate) fn near_frames(
        self,
        mut visit: impl FnMut(Info) -> ControlFlow<()>,
    ) -> Result<(), TooDeep> {
        let mut near = [Frame::NONE; NEAR];
        let frames = self.tools().stack(0, &mut near).ok_or(TooDeep)?;
        // Whether it was left early does not matter: there is nothing behind.
        let _ = self.show(frames, &mut visit);
        Ok(())
    }

    fn show(
        self,
        frames: &[Frame],
        visit: &mut impl FnMut(Info) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        frames.iter().filter_map(|frame| frame.method).try_for_each(|method| {
            let info = self.method(method);
            visit(info)
        })
    }

    /// The nearest frames that are not the runtime's, as many as the policy wants in a report and as
    /// fit whole: `class.method`, each ended by a newline.
    pub(super) fn frame_names(self, into: &mut [u8]) -> &[u8] {
        let mut near = [Frame::NONE; FIRST];
        let frames = self.tools().stack(0, &mut near).unwrap_or_default();
        let wanted = usize::try_from(self.image().audit().frames).unwrap_or(usize::MAX);
        let methods = frames.iter().filter_map(|frame| frame.method);
        let mut used = 0;
        for method in methods.filter(|method| !self.method(*method).is_runtime()).take(wanted) {
            let Some(length) = self.frame_name(method, into.get_mut(used..).unwrap_or_default())
            else {
                break;
            };
            used = used.saturating_add(length);
        }
        into.get(..used).unwrap_or_default()
    }

    fn frame_name(self, method: Method, into: &mut [u8]) -> Option<usize> {
        let class = self.tools().class_of_method(method)?;
        let signature = self.tools().signature(class);
        self.env.forget(class);
        let (mut signature, name) = (signature?, self.tools().method_name(method)?);
        let parts = [signature.class_name(), b".", name.bytes(), b"\n"];
        let length = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
        let room = into.get_mut(..length)?;
        room.iter_mut().zip(parts.iter().copied().flatten()).for_each(|(to, from)| *to = *from);
        Some(length)
    }

    /// The marks that the calling thread got from whoever started it.
    pub(crate) fn lineage(self) -> Marks {
        self.descent().marks
    }

    /// Whom the calling thread was started for.
    pub(crate) fn descent(self) -> Descent {
        let own = Descent::from_word(lineage::current().java);
        if own.marks.is_empty() && !VIRTUAL_MARKED.load(Ordering::Acquire) {
            return own;
        }
        let Some(kind) = self.known().virtual_thread else { return own };
        let Some(thread) = self.tools().current_thread() else { return own };
        // What carries a virtual thread runs for all.
        let descent =
            if self.env.is_instance(thread, kind) { self.virtual_descent(thread) } else { own };
        self.env.forget(thread);
        descent
    }

    /// What is known of a virtual thread is in its tag.
    fn virtual_descent(self, thread: Ref) -> Descent {
        Descent::from_tag(self.tools().tag(thread))
    }

    /// A new virtual thread gets its marks before it runs.
    pub(crate) fn set_virtual_lineage(self, thread: Ref, descent: Descent) {
        if descent.marks.is_empty() && !VIRTUAL_MARKED.load(Ordering::Acquire) {
            return;
        }
        if self.virtual_descent(thread) != descent {
            VIRTUAL_MARKED.store(true, Ordering::Release);
            self.tools().set_tag(thread, descent.tag());
        }
    }

    /// The marks of everybody on the stack; nobody's, by that name, when neither a subject nor the host
    /// is there, or it cannot be read whole.
    pub(super) fn whoever(self, nobody: &[u8]) -> Marks {
        let Everybody { marks, host, is_whole, .. } = self.everybody();
        // Nobody answers for others there: what is asked for is a way around rules.
        let marks = marks.strict();
        if (marks.is_empty() && !host) || !is_whole {
            return marks.join(self.marks_of(nobody, Standing::Nobody));
        }
        marks
    }

    /// Everybody on the stack, and whether the host is there, or reflection.
    pub(crate) fn everybody(self) -> Everybody {
        let mut all = Everybody { marks: self.lineage(), ..Everybody::default() };
        let read = self.frames(|frame| {
            all.marks = all.marks.join(frame.marks);
            all.together.frame(frame);
            all.host |= frame.facts.has(Facts::HOST) && !frame.facts.has(Facts::WRAPPER);
            all.reflects |= frame.facts.has(Facts::REFLECTION);
            ControlFlow::Continue(())
        });
        all.is_whole = read.is_ok();
        all
    }
}

/// Who is on a stack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Everybody {
    pub(crate) marks: Marks,
    /// Who is authorized there and answers for others.
    pub(crate) together: Together,
    /// A class of the host's is there.
    pub(crate) host: bool,
    /// So are reflection, method handles or proxies.
    pub(crate) reflects: bool,
    /// It was read to its bottom.
    pub(crate) is_whole: bool,
}

/// Memory for many frames, which no stack of a worker's has. Some are kept for whoever comes next.
struct Chunk {
    start: *mut u8,
}

/// The memory that is kept; null where there is none, or somebody uses it.
static KEPT: [AtomicPtr<u8>; 4] = [const { AtomicPtr::new(null_mut()) }; 4];

impl Chunk {
    const SIZE: usize = MORE * size_of::<Frame>();

    /// One that was made for a deep stack before.
    fn kept() -> Option<Self> {
        let mut each = KEPT.iter().map(|place| place.swap(null_mut(), Ordering::Acquire));
        each.find(|start| !start.is_null()).map(|start| Self { start })
    }

    fn new() -> Option<Self> {
        sys::map_memory(Self::SIZE).ok().map(|start| Self { start })
    }

    fn frames(&mut self) -> &mut [Frame] {
        // SAFETY: a mapping of that size, page-aligned and this chunk's alone; zeros, and whatever
        // the machine wrote there, are frames.
        unsafe { core::slice::from_raw_parts_mut(self.start.cast::<Frame>(), MORE) }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let is_kept = KEPT.iter().any(|place| {
            let free = null_mut();
            place.compare_exchange(free, self.start, Ordering::Release, Ordering::Relaxed).is_ok()
        });
        if !is_kept {
            // SAFETY: a mapping of that size, to which no reference is left.
            unsafe { sys::unmap(self.start, Self::SIZE) };
        }
    }
}
