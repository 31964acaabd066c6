//! Judging a text, and opening it just as far as the verdict goes.

use core::ffi::c_int;

use ringfence_policy::Access;

use super::goal::{Goal, READ_OR_LIST};
use crate::arm::State;
use crate::exceptions;
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno};
use crate::table;
use crate::text::Text;

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
pub(super) fn act(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
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
