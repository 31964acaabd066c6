//! The steps of a walk: inspecting what a path names, and going to directories.
//!
//! The judging acts have a text of 4 KiB on their frames. Each is called on a frame of its own,
//! which is gone when a function of the caller's runs.

#![expect(unsafe_code, reason = "calls the acts with pointers of ours")]

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;

use super::{look, open};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{Answer, CWD};

/// What a path names, or the link that it is.
///
/// # Errors
/// EACCES with a report for a refusal, else what the kernel answers.
///
/// # Safety
/// `path` must be what fstatat(2) demands.
#[inline(never)]
pub(super) unsafe fn inspect(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    follow: bool,
) -> Answer<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    // SAFETY: as this function's own contract says; the buffer has the size of the structure.
    unsafe { look::stat_at(state, call, dir, path, stat.as_mut_ptr(), flags) }?;
    // SAFETY: the kernel filled it, as its answer says.
    Ok(unsafe { stat.assume_init() })
}

/// Makes a directory the working directory.
///
/// # Errors
/// As [`inspect`].
///
/// # Safety
/// `path` must be what chdir(2) demands.
#[inline(never)]
pub(super) unsafe fn go(state: &State, call: Call, path: *const c_char) -> Answer<()> {
    // SAFETY: as this function's own contract says.
    unsafe { look::change_directory(state, call, path) }.map(|_| ())
}

/// Makes a directory that is open the working directory.
///
/// # Errors
/// As [`inspect`].
#[inline(never)]
pub(super) fn go_to(state: &State, call: Call, fd: c_int) -> Answer<()> {
    // SAFETY: takes no pointer.
    unsafe { look::change_to(state, call, fd) }.map(|_| ())
}

/// Opens a directory, to come back to it.
///
/// # Errors
/// As [`inspect`].
///
/// # Safety
/// `path` must be what open(2) demands.
#[inline(never)]
pub(super) unsafe fn open(
    state: &State,
    call: Call,
    path: *const c_char,
    flags: c_int,
) -> Answer<c_int> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | flags;
    // SAFETY: as this function's own contract says.
    unsafe { open::open_seldom(state, call, CWD, path, flags, 0) }
}
