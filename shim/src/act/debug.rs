//! Looking into other processes, whose memory and descriptors no rule is about.

#![expect(unsafe_code, reason = "passes a caller's own words on")]

use core::ffi::{c_int, c_long, c_uint, c_ulong};

use super::look::{argument, done};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{Answer, Errno, pass};

/// Whether other processes may be looked into.
///
/// # Errors
/// EPERM unless the policy lets a process be looked into.
pub(crate) fn may_debug(state: &State) -> Answer<()> {
    if state.image.debug() || state.environment.is_none() { Ok(()) } else { Err(Errno::EPERM) }
}

/// `process_vm_readv`, `process_vm_writev`.
///
/// # Safety
/// As process_vm_readv(2) demands.
#[expect(clippy::too_many_arguments, reason = "the call has six")]
pub(crate) unsafe fn copy(
    state: &State,
    _: Call,
    number: c_long,
    process: libc::pid_t,
    local: *const libc::iovec,
    locals: c_ulong,
    remote: *const libc::iovec,
    remotes: c_ulong,
    flags: c_ulong,
) -> Answer<isize> {
    may_debug(state)?;
    let word = |value: c_ulong| usize::try_from(value).unwrap_or(usize::MAX);
    let (local, remote) = (local.addr(), remote.addr());
    let all = [argument(process), local, word(locals), remote, word(remotes), word(flags)];
    // SAFETY: as this function's own contract says.
    unsafe { pass(number, all) }.map(|value| isize::try_from(value).unwrap_or(isize::MAX))
}

/// `pidfd_getfd`.
///
/// # Safety
/// None: it takes no pointer, but every act is called alike.
pub(crate) unsafe fn take(
    state: &State,
    _: Call,
    process: c_int,
    fd: c_int,
    flags: c_uint,
) -> Answer<c_int> {
    may_debug(state)?;
    let all = [argument(process), argument(fd), flags as usize, 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { pass(libc::SYS_pidfd_getfd, all) }.map(done)
}
