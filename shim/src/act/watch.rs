//! Extended attributes, watches and handles: looks that the kernel takes by a path alone, so they
//! go through the link that procfs keeps for the descriptor of the judged place.

#![expect(unsafe_code, reason = "hands the callers' buffers to the kernel")]

use core::ffi::{c_char, c_int, c_uint, c_void};

use ringfence_policy::Access;

use super::look::{Held, argument, done, hold};
use crate::arm::State;
use crate::exceptions;
use crate::place::Decimal;
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno, pass};
use crate::table;

/// The link of procfs that stands for a descriptor. What another thread puts under its number
/// meanwhile, the process holds already.
const OWN: &[u8] = b"/proc/thread-self/fd/";

/// `getxattr`, and `lgetxattr` without `follow`.
///
/// # Safety
/// The pointers must be what getxattr(2) demands.
pub(crate) unsafe fn attribute(
    state: &State,
    call: Call,
    path: *const c_char,
    name: *const c_char,
    value: *mut c_void,
    size: usize,
    follow: bool,
) -> Answer<libc::ssize_t> {
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, CWD, path, Access::METADATA, follow) }?;
    let mut link = Decimal::new(OWN);
    let link = link.path(held.number().cast_unsigned())?;
    let words = [link.address(), name.addr(), value.addr(), size, 0, 0];
    // SAFETY: the worker's own call, with its own name and buffer.
    length(unsafe { pass(libc::SYS_getxattr, words) }?)
}

/// `listxattr`, and `llistxattr` without `follow`.
///
/// # Safety
/// The pointers must be what listxattr(2) demands.
pub(crate) unsafe fn attributes(
    state: &State,
    call: Call,
    path: *const c_char,
    list: *mut c_char,
    size: usize,
    follow: bool,
) -> Answer<libc::ssize_t> {
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, CWD, path, Access::METADATA, follow) }?;
    let mut link = Decimal::new(OWN);
    let link = link.path(held.number().cast_unsigned())?;
    // SAFETY: the worker's own call, with its own buffer.
    length(unsafe { pass(libc::SYS_listxattr, [link.address(), list.addr(), size, 0, 0, 0]) }?)
}

fn length(value: usize) -> Answer<libc::ssize_t> {
    libc::ssize_t::try_from(value).map_err(|_| Errno::EIO)
}

/// `inotify_add_watch`: the names of a directory's entries come with its events.
///
/// # Safety
/// The path must be what inotify_add_watch(2) demands.
pub(crate) unsafe fn watch(
    state: &State,
    call: Call,
    fd: c_int,
    path: *const c_char,
    mask: u32,
) -> Answer<c_int> {
    let follow = mask & libc::IN_DONT_FOLLOW == 0;
    let access = Access::METADATA.with(Access::LIST);
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, CWD, path, access, follow) }?;
    let known = exceptions::ahead(state);
    // Another thread may have put a directory there that it may hold but not list.
    table::watch(fd, held.number(), mask & !libc::IN_DONT_FOLLOW, |text| {
        let _known = known.hold();
        exceptions::decide(state, text).refuses(access).is_none()
    })
}

/// `FAN_REPORT_FID` of linux/fanotify.h: events carry handles instead of open descriptors.
const FAN_REPORT_FID: u64 = 0x200;

/// `fanotify_init`: without handles, an event is an open descriptor of whatever file it is about,
/// forbidden or not.
///
/// # Safety
/// None of its own: every act is called by a caller's contract.
pub(crate) unsafe fn group(state: &State, _: Call, flags: c_uint, events: c_uint) -> Answer<c_int> {
    if state.environment.is_some() && u64::from(flags) & FAN_REPORT_FID == 0 {
        return Err(Errno::EPERM);
    }
    let words = [flags as usize, events as usize, 0, 0, 0, 0];
    // SAFETY: no pointers.
    unsafe { pass(libc::SYS_fanotify_init, words) }.map(done)
}

/// `fanotify_mark`: no group without handles was made in here, but one may be inherited.
///
/// # Safety
/// The path must be what fanotify_mark(2) demands.
pub(crate) unsafe fn mark(
    state: &State,
    call: Call,
    fd: c_int,
    flags: c_uint,
    mask: u64,
    at: (c_int, *const c_char),
) -> Answer<c_int> {
    let (dir, path) = at;
    let follow = flags & libc::FAN_MARK_DONT_FOLLOW == 0;
    let access = Access::READ.with(Access::LIST).with(Access::METADATA);
    let mask_word = usize::try_from(mask).map_err(|_| Errno::EINVAL)?;
    let adds = flags & libc::FAN_MARK_ADD != 0;
    if adds && state.environment.is_some() && !reports_handles(fd) {
        return Err(Errno::EPERM);
    }
    if path.is_null() || flags & libc::FAN_MARK_FLUSH != 0 {
        // Nothing is named but what the descriptor holds, or all marks go.
        let words = [argument(fd), flags as usize, mask_word, argument(dir), path.addr(), 0];
        // SAFETY: the worker's own call.
        return unsafe { pass(libc::SYS_fanotify_mark, words) }.map(done);
    }
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, dir, path, access, follow) }?;
    let mut link = Decimal::new(OWN);
    let link = link.path(held.number().cast_unsigned())?;
    let flags = (flags & !libc::FAN_MARK_DONT_FOLLOW) as usize;
    let words = [argument(fd), flags, mask_word, argument(CWD), link.address(), 0];
    // SAFETY: the worker's own call, on the place that was judged.
    unsafe { pass(libc::SYS_fanotify_mark, words) }.map(done)
}

/// Whether a group of fanotify(7) was made with `FAN_REPORT_FID`: its fdinfo begins with a line
/// `fanotify flags:HEX event-flags:HEX` after the common ones.
fn reports_handles(fd: c_int) -> bool {
    let mut name = Decimal::new(b"/proc/thread-self/fdinfo/");
    let Ok(number) = u32::try_from(fd) else { return false };
    let Ok(path) = name.path(number) else { return false };
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let how = sys::How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: 0 };
    let Ok(file) = sys::openat2(CWD, path, &how).map(Held::new) else { return false };
    let mut bytes = [0_u8; 512];
    let Ok(read) = sys::read(file.number(), &mut bytes) else { return false };
    let text = bytes.get(..read).unwrap_or_default();
    let label = b"fanotify flags:";
    let Some(start) = text.windows(label.len()).position(|part| part == label) else {
        return false;
    };
    let digits = text.get(start.saturating_add(label.len())..).unwrap_or_default();
    let value = digits.iter().map_while(|digit| char::from(*digit).to_digit(16));
    let value = value.fold(0_u64, |value, digit| value << 4 | u64::from(digit));
    value & FAN_REPORT_FID != 0
}

/// `name_to_handle_at`: a handle tells the file's number; opening by one is refused.
///
/// # Safety
/// The pointers must be what name_to_handle_at(2) demands.
pub(crate) unsafe fn handle<H>(
    state: &State,
    call: Call,
    at: (c_int, *const c_char),
    handle: *mut H,
    mount: *mut c_int,
    flags: c_int,
) -> Answer<c_int> {
    let (dir, path) = at;
    let empty = flags & libc::AT_EMPTY_PATH != 0;
    // SAFETY: the caller's path, a C string unless it is null or wild.
    if empty && !sys::is_wild(path) && unsafe { path.read() } == 0 {
        let words = [argument(dir), path.addr(), handle.addr(), mount.addr(), argument(flags), 0];
        // SAFETY: the worker's own call, with its own buffers.
        return unsafe { pass(libc::SYS_name_to_handle_at, words) }.map(done);
    }
    let follow = flags & libc::AT_SYMLINK_FOLLOW != 0;
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, dir, path, Access::METADATA, follow) }?;
    let flags = argument(flags & !libc::AT_SYMLINK_FOLLOW | libc::AT_EMPTY_PATH);
    let fd = argument(held.number());
    let words = [fd, c"".as_ptr().addr(), handle.addr(), mount.addr(), flags, 0];
    // SAFETY: the worker's own call, with its own buffers.
    unsafe { pass(libc::SYS_name_to_handle_at, words) }.map(done)
}
