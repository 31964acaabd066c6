//! What the file system of a place says: `statfs`, `statvfs`, `pathconf`; and `ftok`.

#![expect(unsafe_code, reason = "hands the callers' buffers to the kernel")]

use core::ffi::{c_char, c_int, c_long};

use ringfence_policy::Access;

use super::{done, hold};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, CWD, pass};

/// `statfs`.
///
/// # Safety
/// The pointers must be what statfs(2) demands.
pub(crate) unsafe fn stat_fs<T>(
    state: &State,
    call: Call,
    path: *const c_char,
    buffer: *mut T,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, CWD, path, Access::METADATA, true) }?;
    let call = [held.argument(), buffer.addr(), 0, 0, 0, 0];
    // SAFETY: the worker's own call, with its own buffer.
    unsafe { pass(libc::SYS_fstatfs, call) }.map(done)
}

/// `statvfs`: libc turns one structure into the other.
///
/// # Safety
/// The pointers must be what statvfs(3) demands.
pub(crate) unsafe fn stat_vfs(
    state: &State,
    call: Call,
    path: *const c_char,
    buffer: *mut libc::statvfs,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, CWD, path, Access::METADATA, true) }?;
    // SAFETY: the worker's own buffer, and a descriptor of ours.
    match unsafe { (state.next.fstatvfs)(held.number(), buffer) } {
        0 => Ok(0),
        _ => Err(sys::errno()),
    }
}

/// `pathconf`. Its -1 without an error means "no limit", for which errno stays.
///
/// # Safety
/// The path must be what pathconf(3) demands.
pub(crate) unsafe fn path_conf(
    state: &State,
    call: Call,
    path: *const c_char,
    name: c_int,
) -> Answer<c_long> {
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, CWD, path, Access::METADATA, true) }?;
    // SAFETY: takes a descriptor of ours.
    Ok(unsafe { (state.next.fpathconf)(held.number(), name) })
}

/// `ftok`: a key of the file's inode, its device and eight bits of the caller's.
///
/// # Safety
/// The path must be what ftok(3) demands.
pub(crate) unsafe fn key(
    state: &State,
    call: Call,
    path: *const c_char,
    project: c_int,
) -> Answer<libc::key_t> {
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, CWD, path, Access::METADATA, true) }?;
    let stat = sys::fstat(held.number())?;
    let [inode, second, ..] = stat.st_ino.to_le_bytes();
    let [device, ..] = stat.st_dev.to_le_bytes();
    let [project, ..] = project.to_le_bytes();
    Ok(libc::key_t::from_le_bytes([inode, second, device, project]))
}
