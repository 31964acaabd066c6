//! When an object was looked at and changed.

#![expect(unsafe_code, reason = "hands the callers' words to the kernel")]

use core::ffi::{c_char, c_int};

use super::{on_descriptor, on_object};
use crate::act::look::{At, argument, at};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno, pass};

/// `utimensat`. libc refuses a null path, by which the kernel's call means the descriptor.
///
/// # Safety
/// The pointers must be what utimensat(2) demands.
pub(crate) unsafe fn times(
    state: &State,
    call: Call,
    at: At,
    times: *const libc::timespec,
    flags: c_int,
) -> Answer<c_int> {
    if at.path.is_null() || flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's path.
    if flags & libc::AT_EMPTY_PATH != 0 && unsafe { at.is_empty() } {
        // SAFETY: as this function's own contract says.
        return unsafe { times_of(state, call, at.dir, times) };
    }
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    let act = |_, link: sys::Path<'_>| {
        let words = [argument(CWD), link.address(), times.addr(), 0, 0, 0];
        // SAFETY: the path lives through the call; the times are the caller's own.
        unsafe { pass(libc::SYS_utimensat, words) }
    };
    // SAFETY: as this function's own contract says.
    unsafe { on_object(state, call, at, follow, act) }
}

/// `futimens`.
///
/// # Safety
/// The pointer must be what futimens(3) demands.
pub(crate) unsafe fn times_of(
    state: &State,
    call: Call,
    fd: c_int,
    times: *const libc::timespec,
) -> Answer<c_int> {
    if fd < 0 {
        return Err(Errno::EBADF);
    }
    on_descriptor(state, call, fd, || {
        // SAFETY: the times are the caller's own; a null path stands for the descriptor.
        unsafe { pass(libc::SYS_utimensat, [argument(fd), 0, times.addr(), 0, 0, 0]) }
    })
}

/// Two times of microseconds as two of nanoseconds; null for a null pointer.
///
/// # Safety
/// `times` must be null, in the first page, or two times.
unsafe fn precise(times: *const libc::timeval) -> Answer<Option<[libc::timespec; 2]>> {
    if times.is_null() {
        return Ok(None);
    }
    if sys::is_wild(times) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: as this function's own contract says.
    let pair = unsafe { times.cast::<[libc::timeval; 2]>().read_volatile() };
    Ok(Some(pair.map(|time| libc::timespec {
        tv_sec: time.tv_sec,
        tv_nsec: time.tv_usec.wrapping_mul(1000),
    })))
}

fn address(times: Option<&[libc::timespec; 2]>) -> *const libc::timespec {
    times.map_or(core::ptr::null(), |times| times.as_ptr())
}

/// `utimes`, `lutimes`, `futimesat`.
///
/// # Safety
/// The pointers must be what utimes(2) demands.
pub(crate) unsafe fn coarse_times(
    state: &State,
    call: Call,
    at: At,
    pair: *const libc::timeval,
    flags: c_int,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let pair = unsafe { precise(pair) }?;
    // SAFETY: as above.
    unsafe { times(state, call, at, address(pair.as_ref()), flags) }
}

/// `futimesat`, where a null path stands for the descriptor.
///
/// # Safety
/// The pointers must be what futimesat(2) demands.
pub(crate) unsafe fn times_beneath(
    state: &State,
    call: Call,
    at: At,
    pair: *const libc::timeval,
) -> Answer<c_int> {
    if at.path.is_null() {
        // SAFETY: as this function's own contract says.
        return unsafe { coarse_times_of(state, call, at.dir, pair) };
    }
    // SAFETY: as above.
    unsafe { coarse_times(state, call, at, pair, 0) }
}

/// `futimes`.
///
/// # Safety
/// The pointer must be what futimes(3) demands.
pub(crate) unsafe fn coarse_times_of(
    state: &State,
    call: Call,
    fd: c_int,
    pair: *const libc::timeval,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let pair = unsafe { precise(pair) }?;
    // SAFETY: as above.
    unsafe { times_of(state, call, fd, address(pair.as_ref())) }
}

/// `utime`: whole seconds.
///
/// # Safety
/// The pointers must be what utime(2) demands.
pub(crate) unsafe fn seconds(
    state: &State,
    call: Call,
    path: *const c_char,
    given: *const libc::utimbuf,
) -> Answer<c_int> {
    let mut pair = None;
    if !given.is_null() {
        if sys::is_wild(given) {
            return Err(Errno::EFAULT);
        }
        // SAFETY: as this function's own contract says.
        let given = unsafe { given.read_volatile() };
        pair =
            Some([given.actime, given.modtime].map(|tv_sec| libc::timespec { tv_sec, tv_nsec: 0 }));
    }
    // SAFETY: as above.
    unsafe { times(state, call, at(CWD, path), address(pair.as_ref()), 0) }
}
