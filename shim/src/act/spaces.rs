//! Name spaces and roots, in which a path is another place.

#![expect(unsafe_code, reason = "passes a caller's own words on")]

use core::ffi::{CStr, c_char, c_int};

use super::look::{argument, done};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, Errno, pass};

/// Whether a call makes or enters name spaces in which a path is another place, which the policy
/// does not let it.
pub(crate) fn makes_spaces(state: &State, flags: u64) -> bool {
    let spaces = u64::from((libc::CLONE_NEWNS | libc::CLONE_NEWUSER).cast_unsigned());
    flags & spaces != 0 && !state.image.namespaces() && state.environment.is_some()
}

/// `unshare`.
///
/// # Safety
/// None: it takes no pointer, but every act is called alike.
pub(crate) unsafe fn unshare(state: &State, _: Call, flags: c_int) -> Answer<c_int> {
    if makes_spaces(state, u64::from(flags.cast_unsigned())) {
        return Err(Errno::EPERM);
    }
    // SAFETY: takes no pointer.
    unsafe { pass(libc::SYS_unshare, [argument(flags), 0, 0, 0, 0, 0]) }.map(done)
}

/// `setns`; a kind of 0 stands for whatever the descriptor is of.
///
/// # Safety
/// As [`unshare`].
pub(crate) unsafe fn enter(state: &State, _: Call, fd: c_int, kind: c_int) -> Answer<c_int> {
    let kinds = if kind == 0 { u64::MAX } else { u64::from(kind.cast_unsigned()) };
    if makes_spaces(state, kinds) {
        return Err(Errno::EPERM);
    }
    // SAFETY: takes no pointer.
    unsafe { pass(libc::SYS_setns, [argument(fd), argument(kind), 0, 0, 0, 0]) }.map(done)
}

/// `chroot`: text would mean another place behind it; but the root is the root.
///
/// # Safety
/// The path must be what chroot(2) demands.
pub(crate) unsafe fn chroot(state: &State, _: Call, path: *const c_char) -> Answer<c_int> {
    if sys::is_wild(path) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: a C string, as this function's own contract says.
    let is_root = unsafe { CStr::from_ptr(path) } == c"/";
    if !is_root && state.environment.is_some() {
        return Err(Errno::EPERM);
    }
    let path = if is_root { c"/".as_ptr() } else { path };
    // SAFETY: our own constant, or what the caller gave where nobody asked for a fence.
    unsafe { pass(libc::SYS_chroot, [path.addr(), 0, 0, 0, 0, 0]) }.map(done)
}
