//! Extended attributes.

#![expect(unsafe_code, reason = "hands the callers' words to the kernel")]

use core::ffi::{c_char, c_int, c_void};

use super::{on_descriptor, on_object};
use crate::act::look::{argument, at};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, CWD, pass};

/// An extended attribute: its value and flags.
#[derive(Clone, Copy)]
pub(crate) struct Value {
    /// The caller's own memory.
    pub(crate) start: *const c_void,
    /// How many bytes.
    pub(crate) size: usize,
    /// `XATTR_CREATE` and its kind.
    pub(crate) flags: c_int,
}

/// `setxattr`, and `lsetxattr` without `follow`.
///
/// # Safety
/// The pointers must be what setxattr(2) demands.
pub(crate) unsafe fn set(
    state: &State,
    call: Call,
    path: *const c_char,
    name: *const c_char,
    value: Value,
    follow: bool,
) -> Answer<c_int> {
    let Value { start, size, flags } = value;
    let act = |_, link: sys::Path<'_>| {
        let words = [link.address(), name.addr(), start.addr(), size, argument(flags), 0];
        // SAFETY: the worker's own call, with its own name and value.
        unsafe { pass(libc::SYS_setxattr, words) }
    };
    // SAFETY: as this function's own contract says.
    unsafe { on_object(state, call, at(CWD, path), follow, act) }
}

/// `fsetxattr`.
///
/// # Safety
/// The pointers must be what fsetxattr(2) demands.
pub(crate) unsafe fn set_of(
    state: &State,
    call: Call,
    fd: c_int,
    name: *const c_char,
    value: Value,
) -> Answer<c_int> {
    let Value { start, size, flags } = value;
    on_descriptor(state, call, fd, || {
        let words = [argument(fd), name.addr(), start.addr(), size, argument(flags), 0];
        // SAFETY: the worker's own call, with its own name and value.
        unsafe { pass(libc::SYS_fsetxattr, words) }
    })
}

/// `removexattr`, and `lremovexattr` without `follow`.
///
/// # Safety
/// The pointers must be what removexattr(2) demands.
pub(crate) unsafe fn remove(
    state: &State,
    call: Call,
    path: *const c_char,
    name: *const c_char,
    follow: bool,
) -> Answer<c_int> {
    let act = |_, link: sys::Path<'_>| {
        // SAFETY: the worker's own call, with its own name.
        unsafe { pass(libc::SYS_removexattr, [link.address(), name.addr(), 0, 0, 0, 0]) }
    };
    // SAFETY: as this function's own contract says.
    unsafe { on_object(state, call, at(CWD, path), follow, act) }
}

/// `fremovexattr`.
///
/// # Safety
/// The pointer must be what fremovexattr(2) demands.
pub(crate) unsafe fn remove_of(
    state: &State,
    call: Call,
    fd: c_int,
    name: *const c_char,
) -> Answer<c_int> {
    on_descriptor(state, call, fd, || {
        // SAFETY: the worker's own call, with its own name.
        unsafe { pass(libc::SYS_fremovexattr, [argument(fd), name.addr(), 0, 0, 0, 0]) }
    })
}
