//! From a caller's path to a judged text, and a descriptor of just that text.
//!
//! What is judged is a text in our own buffer; what is opened is that same text, absolute, with
//! `RESOLVE_NO_SYMLINKS`: if the kernel takes it, no component was a link, so the text judged is
//! the place reached, whatever other threads do meanwhile. Links are learned by name, one at a
//! time, and each text on the way is judged before the kernel is asked for it, so no descriptor
//! of an unjudged object ever exists. Here are the ways that need one call; `links` takes links and
//! `..` out of a text, `procfs` knows the links that stand for objects. No other file knows about
//! links, descriptors or races.

use core::ffi::{c_char, c_int};

use ringfence_policy::Access;

use crate::arm::State;
use crate::exceptions;
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS};
use crate::table;
use crate::text::{Shape, Slashes, Text};

mod links;
mod procfs;

use links::walk;
use procfs::rewrite_proc;
pub(crate) use procfs::{Decimal, directory_text, leads_to};

/// What a call wants of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// The call, for reports.
    pub(crate) call: Call,
    /// What it would do there.
    pub(crate) access: Access,
    /// How the text is opened; `resolve` is ours to set.
    pub(crate) how: How,
}

impl Goal {
    /// A goal whose object is only held (`O_PATH`), to be looked at or handed on.
    pub(crate) const fn hold(call: Call, access: Access, follow: bool) -> Self {
        let link = if follow { 0 } else { libc::O_NOFOLLOW };
        let flags = (libc::O_PATH | libc::O_CLOEXEC | link).cast_unsigned() as u64;
        Self { call, access, how: How { flags, mode: 0, resolve: NO_SYMLINKS } }
    }

    fn has(&self, flag: c_int) -> bool {
        self.how.flags & u64::from(flag.cast_unsigned()) != 0
    }

    /// Whether a link as the last name is followed.
    fn follows(&self) -> bool {
        !(self.has(libc::O_NOFOLLOW) || self.has(libc::O_CREAT) && self.has(libc::O_EXCL))
    }

    /// Reading one object needs `READ` of a file and `LIST` of a directory: which it is shows
    /// only when it is open.
    fn reads_either(&self) -> bool {
        self.access.contains(READ_OR_LIST)
    }
}

/// What opening for reading asks for as long as the kind of object is not known.
pub(crate) const READ_OR_LIST: Access = Access::READ.with(Access::LIST);

/// How a judged text may be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// As the goal says.
    Granted,
    /// Only as a file.
    FileOnly,
    /// Only as a directory.
    DirectoryOnly,
}

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

/// The rest of [`open`], out of the way of what most paths take.
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
    if !shape.absolute && !shape.parent && passes_by_names(state, goal.access, text, slashes) {
        match sys::openat2(dir, text.path()?, &goal.how) {
            Err(Errno::ELOOP) => {}
            answer => return answer.map(Seen::Held),
        }
    }
    open_shaped(state, dir, goal, text, shape).map(Seen::Held)
}

/// Judges the text of a directory that the process holds, before it is used as one.
///
/// # Errors
/// EACCES with a report for a refusal.
pub(crate) fn judge_held(state: &State, call: Call, text: &[u8]) -> Answer<()> {
    // Of a place that this process cannot name, no rule can be told.
    if text.first() != Some(&b'/') {
        return Err(Errno::EACCES);
    }
    match exceptions::decide(state, text).refuses(Access::METADATA) {
        Some(rule) => report::refuse(state, call, Access::METADATA, rule, text),
        None => Ok(()),
    }
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

/// Judges a name that libc will open itself, without following a link: its parts put together are
/// absolute and normalised.
///
/// # Errors
/// EACCES with a report for a refusal, ENAMETOOLONG.
pub(crate) fn judge_text(state: &State, call: Call, access: Access, parts: &[&[u8]]) -> Answer<()> {
    let mut text = Text::new();
    parts.iter().try_for_each(|part| text.append(part))?;
    let decision = exceptions::decide(state, text.bytes());
    match decision.refuses(access) {
        Some(rule) => report::refuse(state, call, access & decision.refused(), rule, text.bytes()),
        None => Ok(()),
    }
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

/// A relative path without `..`, none of whose names is the last name of a rule, cannot lead from
/// a place that is not forbidden into one that is: if r is the longest rule that covers the
/// target and r's last name is not among the names, r covers the directory too. The image says
/// for which accesses no process can hold a forbidden directory.
fn passes_by_names(state: &State, access: Access, text: &Text, slashes: Slashes) -> bool {
    let image = &state.image;
    if !image.by_names().contains(access) {
        return false;
    }
    let text = text.bytes();
    let Some(mut slashes) = slashes.filter(|_| text.len() <= 64) else {
        return !text.split(|byte| *byte == b'/').any(|name| image.is_rule_name(name));
    };
    let mut start = 0_usize;
    loop {
        let end = (slashes.trailing_zeros() as usize).min(text.len());
        if text.get(start..end).is_none_or(|name| image.is_rule_name(name)) {
            return false;
        }
        if slashes == 0 {
            return true;
        }
        slashes &= slashes.wrapping_sub(1);
        start = end.saturating_add(1);
    }
}

/// Whether a path is a single name, by which [`passes_by_names`] lets it pass.
#[inline(always)]
fn is_free_name(state: &State, access: Access, text: &Text, slashes: Slashes) -> bool {
    let image = &state.image;
    slashes == Some(0)
        && text.length() <= 64
        && image.by_names().contains(access)
        && !image.is_rule_name(text.bytes())
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

/// Judges the text; refuses with a report, or says how it may be opened.
#[inline(always)]
fn judge(state: &State, goal: &Goal, text: &Text) -> Answer<Leave> {
    let decision = state.image.decide(text.bytes());
    if decision.refused().is_empty() {
        return Ok(Leave::Granted);
    }
    judge_refused(state, goal, text, decision)
}

#[cold]
#[inline(never)]
fn judge_refused(
    state: &State,
    goal: &Goal,
    text: &Text,
    decision: ringfence_policy::Decision,
) -> Answer<Leave> {
    let decision = exceptions::excepted(state, text.bytes(), decision);
    let refused = decision.refused();
    let mut access = goal.access;
    let mut leave = Leave::Granted;
    if goal.reads_either() && refused.intersects(READ_OR_LIST) && !refused.contains(READ_OR_LIST) {
        access = access & !READ_OR_LIST;
        leave = if refused.contains(Access::LIST) { Leave::FileOnly } else { Leave::DirectoryOnly };
    }
    match decision.refuses(access) {
        None => Ok(leave),
        Some(rule) => {
            report::refuse(state, goal.call, access & refused, rule, text.bytes())?;
            Ok(Leave::Granted)
        }
    }
}

/// Judges the text and opens it, in one call of the kernel's.
#[inline(always)]
fn act(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    match judge(state, goal, text)? {
        Leave::Granted => sys::openat2(CWD, text.path()?, &goal.how),
        Leave::DirectoryOnly => open_directory(state, goal, text),
        Leave::FileOnly => open_file(state, goal, text),
    }
}

/// Opens the text if it is a directory; a file there is refused.
#[cold]
fn open_directory(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    let mut how = goal.how;
    how.flags |= u64::from(libc::O_DIRECTORY.cast_unsigned());
    match sys::openat2(CWD, text.path()?, &how) {
        Err(Errno::ENOTDIR) => refuse_kind(state, goal, Access::READ, text),
        answer => answer,
    }
}

/// Opens the text if it is no directory: out of every other thread's sight, since what it is
/// shows only on the open descriptor.
#[cold]
fn open_file(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    match table::open_file(text.path()?, &goal.how) {
        Err(Errno::EISDIR) => refuse_kind(state, goal, Access::LIST, text),
        answer => answer,
    }
}

fn refuse_kind(state: &State, goal: &Goal, access: Access, text: &mut Text) -> Answer<c_int> {
    let decision = exceptions::decide(state, text.bytes());
    if let Some(rule) = decision.refuses(access) {
        report::refuse(state, goal.call, access, rule, text.bytes())?;
    }
    // Audit mode: what would have been refused was reported.
    sys::openat2(CWD, text.path()?, &goal.how)
}
