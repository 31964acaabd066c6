//! From a caller's path to a judged text, and a descriptor of just that text.
//!
//! What is judged is a text in our own buffer; what is opened is that same text, absolute, with
//! `RESOLVE_NO_SYMLINKS`: if the kernel takes it, no component was a link, so the text judged is
//! the place reached, whatever other threads do meanwhile. Links are learned by name, one at a
//! time, and each text on the way is judged before the kernel is asked for it, so no descriptor
//! of an unjudged object ever exists. Here are the ways that need one call, and `judge` makes it; `links`
//! takes links and `..` out of a text, `procfs` knows the links that stand for objects. No other
//! file knows about links, descriptors or races.

use core::ffi::{c_char, c_int};

use crate::arm::State;
use crate::sys::{self, Answer, CWD, Errno};
use crate::text::{Shape, Slashes, Text};

mod goal;
mod judge;
mod links;
mod names;
mod procfs;

pub(crate) use goal::{Goal, READ_OR_LIST};
use judge::act;
pub(crate) use judge::{judge_held, judge_text};
use links::walk;
use names::{is_free_name, passes_by_names};
use procfs::rewrite_proc;
pub(crate) use procfs::{Decimal, directory_text, leads_to};

/// Opens what a caller's path names, once its every step is judged; `text` holds the text then:
/// absolute, unless the path was relative and passed by its names alone.
///
/// # Errors
/// EACCES with a report for a refusal, else what the kernel answers.
///
/// # Safety
/// `path` must be null, in the first page, or a C string.
#[expect(unsafe_code, reason = "the caller's pointer is read here, once")]
#[inline(always)]
pub(crate) unsafe fn open(
    state: &State,
    dir: c_int,
    path: *const c_char,
    goal: &Goal,
    text: &mut Text,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let (shape, slashes) = unsafe { text.load(path) }?;
    if is_clear(state, text, slashes) {
        return open_clear(state, goal, text);
    }
    open_unclear(state, dir, goal, text, shape, slashes)
}

/// The rest of [`open`] and [`look`], out of the way of what most paths take.
#[inline(never)]
fn open_unclear(
    state: &State,
    dir: c_int,
    goal: &Goal,
    text: &mut Text,
    shape: Shape,
    slashes: Slashes,
) -> Answer<c_int> {
    if !shape.absolute && !shape.parent && passes_by_names(state, goal.access, text, slashes) {
        match sys::openat2(dir, text.path()?, &goal.how) {
            Err(Errno::ELOOP) => {}
            answer => return answer,
        }
    }
    open_shaped(state, dir, goal, text, shape)
}

/// Opens what a path names by its absolute text.
pub(crate) fn open_shaped(
    state: &State,
    dir: c_int,
    goal: &Goal,
    text: &mut Text,
    shape: Shape,
) -> Answer<c_int> {
    let plain = if shape.absolute { 0 } else { put_base(dir, text)? };
    if shape.parent {
        walk(state, goal, text, plain, false)
    } else if !shape.absolute && is_clear(state, text, text.slashes()) {
        open_clear(state, goal, text)
    } else {
        open_absolute(state, goal, text)
    }
}

/// Whether no rule, no alias and no link of procfs is on the way, as far as that shows at once.
#[inline(always)]
fn is_clear(state: &State, text: &Text, slashes: Slashes) -> bool {
    slashes.is_some_and(|slashes| state.image.is_clear(text.bytes(), slashes))
}

/// Opens a text that is clear, which is its verdict.
#[inline(always)]
fn open_clear(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    match sys::openat2(CWD, text.path()?, &goal.how) {
        Err(Errno::ELOOP) => walk(state, goal, text, 0, true),
        answer => answer,
    }
}

/// What [`look`] found.
pub(crate) enum Seen<'a> {
    /// A single name, which may be acted on relative to any directory that the process holds, in a
    /// call that does not follow links.
    Name(sys::Path<'a>),
    /// An `O_PATH` descriptor of the place.
    Held(c_int),
}

/// As [`open`], for a call that needs no descriptor where the name alone will do.
///
/// # Errors
/// As [`open`].
///
/// # Safety
/// As [`open`].
#[expect(unsafe_code, reason = "the caller's pointer is read here, once")]
#[inline(always)]
pub(crate) unsafe fn look<'a>(
    state: &State,
    dir: c_int,
    path: *const c_char,
    goal: &Goal,
    text: &'a mut Text,
) -> Answer<Seen<'a>> {
    // SAFETY: as this function's own contract says.
    let (shape, slashes) = unsafe { text.load(path) }?;
    if !goal.follows() && is_free_name(state, goal.access, text, slashes) {
        return text.path().map(Seen::Name);
    }
    if is_clear(state, text, slashes) {
        return open_clear(state, goal, text).map(Seen::Held);
    }
    open_unclear(state, dir, goal, text, shape, slashes).map(Seen::Held)
}

/// As [`open`], with the text absolute in every case.
///
/// # Errors
/// As [`open`].
///
/// # Safety
/// As [`open`].
#[expect(unsafe_code, reason = "the caller's pointer is read here, once")]
pub(crate) unsafe fn open_by_text(
    state: &State,
    dir: c_int,
    path: *const c_char,
    goal: &Goal,
    text: &mut Text,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let (shape, slashes) = unsafe { text.load(path) }?;
    if is_clear(state, text, slashes) {
        return open_clear(state, goal, text);
    }
    open_shaped(state, dir, goal, text, shape)
}

/// As [`open_by_text`], for a path that holds no link and no `..`, and when `beneath` no way out of
/// the directory that it starts from.
///
/// # Errors
/// ELOOP for a link; EACCES for what leads out, or might.
///
/// # Safety
/// As [`open`].
#[expect(unsafe_code, reason = "the caller's pointer is read here, once")]
pub(crate) unsafe fn open_plain(
    state: &State,
    dir: c_int,
    path: *const c_char,
    goal: &Goal,
    beneath: bool,
    text: &mut Text,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let (shape, _) = unsafe { text.load(path) }?;
    if shape.parent || (shape.absolute && beneath) {
        return Err(Errno::EACCES);
    }
    if !shape.absolute {
        put_base(dir, text)?;
    }
    act(state, goal, text)
}

/// As [`open_by_text`], for a path that lies in memory of ours or in parts.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_parts(
    state: &State,
    dir: c_int,
    path: &[&[u8]],
    goal: &Goal,
    text: &mut Text,
) -> Answer<c_int> {
    text.put_parts(path)?;
    open_copied(state, dir, goal, text)
}

/// As [`open_by_text`], for a path that lies in the text already, as it was copied.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_copied(
    state: &State,
    dir: c_int,
    goal: &Goal,
    text: &mut Text,
) -> Answer<c_int> {
    let shape = text.settle()?;
    open_shaped(state, dir, goal, text, shape)
}

/// Opens a text that is absolute already, such as a judged one or a name that libc would make.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_text(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    walk(state, goal, text, 0, false)
}

#[inline(always)]
fn open_absolute(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    if rewrite(state, goal, text)? && is_clear(state, text, text.slashes()) {
        return open_clear(state, goal, text);
    }
    match act(state, goal, text) {
        Err(Errno::ELOOP) => walk(state, goal, text, 0, true),
        answer => answer,
    }
}

/// Puts the directory's own text before a relative one; answers its length.
fn put_base(dir: c_int, text: &mut Text) -> Answer<usize> {
    if dir == CWD {
        return text.put_base(sys::getcwd);
    }
    text.put_base(|buffer| directory_text(dir, buffer))
}

/// Rewrites the few links whose targets are known: the image's aliases, and procfs's own. Answers
/// whether anything changed.
#[inline(always)]
fn rewrite(state: &State, goal: &Goal, text: &mut Text) -> Answer<bool> {
    let mut changed = false;
    if let Some((length, target)) = state.image.alias(text.bytes())
        && !is_meant(goal, text, length)
    {
        text.begin_with(target, length)?;
        changed = true;
    }
    if text.bytes().starts_with(b"/proc/") {
        changed |= rewrite_proc(goal, text)?;
    }
    Ok(changed)
}

/// Whether the link of that length is meant itself, rather than what it leads to.
fn is_meant(goal: &Goal, text: &Text, length: usize) -> bool {
    length == text.length() && !text.slash() && !goal.follows()
}
