//! `fts`: a walk of our own, since libc's opens directories and goes there by itself.
//!
//! The structures, the order of entries and every result are glibc's: on a tree without a
//! forbidden place nobody can tell them apart. A forbidden entry cannot be inspected (`FTS_NS`), or
//! not be read (`FTS_DNR`). Each path that the walk uses is judged as if the program had used it.

#![expect(unsafe_code, reason = "the callers' pointers")]

use core::ffi::{c_char, c_int, c_ushort};
use core::ptr::NonNull;

use super::heap;
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, Errno};

mod children;
mod entry;
mod inspect;
mod onward;
mod order;
mod starts;
mod ways;

use children::Purpose;
use entry::{ABOVE, Node, START, info, instruction, option, pointer};
pub(crate) use entry::{Compare, Entry, Stream};

/// A walk during one call.
struct Walk<'a> {
    state: &'static State,
    call: Call,
    stream: &'a Stream,
}

/// `fts_open`.
///
/// # Errors
/// EINVAL for unknown options, ENOENT for an empty start, ENAMETOOLONG, ENOMEM.
///
/// # Safety
/// The arguments must be what fts(3) demands.
pub(crate) unsafe fn open(
    state: &'static State,
    call: Call,
    starts: *const *mut c_char,
    options: c_int,
    compare: Compare,
) -> Answer<*mut Stream> {
    if options & !option::ALL != 0 {
        return Err(Errno::EINVAL);
    }
    let memory = heap::zeroed(&state.next, size_of::<Stream>())?.cast::<Stream>();
    // SAFETY: zeros are a walk at no entry; nobody else has it yet.
    let stream = unsafe { memory.as_ref() };
    stream.compare.set(compare);
    stream.options.set(options);
    if stream.has(option::LOGICAL) {
        stream.set(option::STAY);
    }
    let walk = Walk { state, call, stream };
    // SAFETY: as this function's own contract says.
    if let Err(errno) = unsafe { walk.begin(starts) } {
        walk.free();
        return Err(errno);
    }
    walk.remember_home();
    Ok(memory.as_ptr())
}

/// `fts_read`.
///
/// # Errors
/// What stops the walk: it could not go back, or no memory is left.
///
/// # Safety
/// `stream` must be what [`open`] answered.
pub(crate) unsafe fn read(
    state: &'static State,
    call: Call,
    stream: *mut Stream,
) -> Answer<*mut Entry> {
    // SAFETY: as this function's own contract says.
    let walk = unsafe { Walk::of(state, call, stream) }?;
    walk.read().map(pointer)
}

/// `fts_children`.
///
/// # Errors
/// EINVAL for an unknown instruction; what opening the directory answers.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn children(
    state: &'static State,
    call: Call,
    stream: *mut Stream,
    wanted: c_int,
) -> Answer<*mut Entry> {
    // SAFETY: as this function's own contract says.
    let walk = unsafe { Walk::of(state, call, stream) }?;
    let purpose = match wanted {
        0 => Purpose::Show,
        option::NAMES_ONLY => Purpose::Name,
        _ => return Err(Errno::EINVAL),
    };
    // None is an empty directory, unless errno says otherwise.
    sys::set_errno(Errno(0));
    walk.show(purpose).map(pointer)
}

/// `fts_set`.
///
/// # Errors
/// EINVAL for an unknown instruction.
///
/// # Safety
/// `entry` must be one that a walk gave and has not freed.
pub(crate) unsafe fn set(
    _: &State,
    _: Call,
    _: *mut Stream,
    entry: *mut Entry,
    wanted: c_int,
) -> Answer<c_int> {
    let wanted = c_ushort::try_from(wanted).map_err(|_| Errno::EINVAL)?;
    if wanted > instruction::SKIP {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    let node = unsafe { Node::at(entry) }.ok_or(Errno::EFAULT)?;
    node.instruction.set(wanted);
    Ok(0)
}

/// `fts_close`.
///
/// # Errors
/// What going back to the first directory answers.
///
/// # Safety
/// As [`read`]; it is none afterwards.
pub(crate) unsafe fn close(
    state: &'static State,
    call: Call,
    stream: *mut Stream,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let walk = unsafe { Walk::of(state, call, stream) }?;
    let gone = walk.go_home();
    if !walk.stream.has(option::STAY) {
        sys::close(walk.stream.home.get());
    }
    walk.free();
    gone.map(|()| 0)
}

impl<'a> Walk<'a> {
    /// # Safety
    /// `stream` must be null or what [`open`] answered.
    unsafe fn of(state: &'static State, call: Call, stream: *mut Stream) -> Answer<Self> {
        let stream = NonNull::new(stream).ok_or(Errno::EFAULT)?;
        // SAFETY: a walk, as this function's own contract says; its fields are cells.
        Ok(Self { state, call, stream: unsafe { stream.as_ref() } })
    }

    /// Frees all that the walk has.
    fn free(&self) {
        let next = &self.state.next;
        let mut rest = self.stream.current();
        while let Some(node) = rest {
            rest = match node.level.get() {
                ABOVE => None,
                _ => node.following().or_else(|| node.above()),
            };
            node.free(next);
        }
        if let Some(child) = self.stream.take_child() {
            child.free_list(next);
        }
        heap::free(next, self.stream.array.get().cast());
        heap::free(next, self.stream.path.get().cast());
        heap::free(next, core::ptr::from_ref(self.stream).cast_mut().cast());
    }

    /// `fts_children`: the starts, before the first was read; else what is in a directory that was
    /// not entered yet.
    fn show(&self, purpose: Purpose) -> Answer<Option<Node>> {
        let Some(node) = self.stream.current().filter(|_| !self.stream.has(option::STOPPED)) else {
            return Ok(None);
        };
        if node.is(info::FIRST) {
            return Ok(node.following());
        }
        if !node.is(info::DIRECTORY) {
            return Ok(None);
        }
        self.forget_children();
        if purpose == Purpose::Name {
            self.stream.set(option::NAMES_ONLY);
        }
        // SAFETY: an entry's path is a C string.
        let absolute = unsafe { node.access.get().read() }.cast_unsigned() == b'/';
        if node.level.get() != START || absolute || self.stream.has(option::STAY) {
            return self.keep(self.children(purpose)?);
        }
        // At a start the way back may be none of the walk's.
        let here = self.here()?;
        let children = self.children(purpose).and_then(|children| self.keep(children));
        let gone = self.go_to(here);
        if gone.is_ok() {
            sys::close(here);
        }
        gone.and(children)
    }

    fn keep(&self, children: Option<Node>) -> Answer<Option<Node>> {
        self.stream.child.set(pointer(children));
        Ok(children)
    }
}
