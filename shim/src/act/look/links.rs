//! What links say, and the real name of a place.

#![expect(unsafe_code, reason = "hands the callers' buffers to the kernel")]

use core::ffi::{c_char, c_int};

use ringfence_policy::Access;

use super::{At, Held, argument, hold};
use crate::arm::State;
use crate::place::{self, Goal};
use crate::report::Call;
use crate::sys::{Answer, CWD, Errno, pass};
use crate::text::{PATH_MAX, Text};

/// `readlinkat` in all its forms.
///
/// # Safety
/// The pointers must be what readlinkat(2) demands.
pub(crate) unsafe fn read_link(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    buffer: *mut c_char,
    size: usize,
) -> Answer<libc::ssize_t> {
    let at = At::new(dir, path);
    let empty = c"".as_ptr().addr();
    let size = size.min(c_int::MAX.cast_unsigned() as usize);
    // SAFETY: the caller's path.
    let read = if !path.is_null() && unsafe { at.is_empty() } {
        // SAFETY: the worker's own call, with its own buffer.
        unsafe { pass(libc::SYS_readlinkat, [argument(dir), empty, buffer.addr(), size, 0, 0]) }?
    } else {
        // SAFETY: as this function's own contract says.
        let held = unsafe { hold(state, call, at.dir, at.path, Access::METADATA, false) }?;
        let call = [held.argument(), empty, buffer.addr(), size, 0, 0];
        // SAFETY: the worker's own call, with its own buffer.
        match unsafe { pass(libc::SYS_readlinkat, call) } {
            // By a descriptor the kernel says so of what is no link.
            Err(Errno::ENOENT) => return Err(Errno::EINVAL),
            answer => answer?,
        }
    };
    libc::ssize_t::try_from(read).map_err(|_| Errno::EINVAL)
}

/// The checked forms of `readlink`, which know their buffer's size.
///
/// # Safety
/// As [`read_link`].
pub(crate) unsafe fn read_link_checked(
    state: &State,
    call: Call,
    at: At,
    buffer: *mut c_char,
    size: usize,
    room: usize,
) -> Answer<libc::ssize_t> {
    if size > room {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    unsafe { read_link(state, call, at.dir, at.path, buffer, size) }
}

/// `realpath`: what the kernel calls the object, for one open and one look.
///
/// # Safety
/// `path` must be what realpath(3) demands; `resolved` null or of `PATH_MAX` bytes.
pub(crate) unsafe fn real_path(
    state: &State,
    call: Call,
    path: *const c_char,
    resolved: *mut c_char,
) -> Answer<*mut c_char> {
    if path.is_null() {
        return Err(Errno::EINVAL);
    }
    let mut text = Text::new();
    let goal = Goal::hold(call, Access::METADATA, true);
    // SAFETY: as this function's own contract says.
    drop(Held(unsafe { place::open_by_text(state, CWD, path, &goal, &mut text) }?));
    // The kernel took the text without a link, so it is the real path; a pipe has none.
    let ended = text.ended().ok_or(Errno::ENOENT)?;
    let buffer = if resolved.is_null() {
        // SAFETY: libc's own allocator; the caller frees it, as realpath(3) says.
        unsafe { (state.next.malloc)(ended.len()) }.cast::<c_char>()
    } else {
        resolved
    };
    if buffer.is_null() {
        return Err(Errno(libc::ENOMEM));
    }
    // SAFETY: the buffer has room for it: PATH_MAX bytes, or as many as were asked for.
    unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(ended.as_ptr(), ended.len()) };
    Ok(buffer)
}

/// `__realpath_chk`, which knows its buffer's size.
///
/// # Safety
/// As [`real_path`].
pub(crate) unsafe fn real_path_checked(
    state: &State,
    call: Call,
    path: *const c_char,
    resolved: *mut c_char,
    room: usize,
) -> Answer<*mut c_char> {
    if room < PATH_MAX {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    unsafe { real_path(state, call, path, resolved) }
}
