//! Opening: `open` and all its names, directories, temporary files, shared memory.

#![expect(unsafe_code, reason = "reads what the callers' pointers name")]

use core::ffi::{c_char, c_int};

use ringfence_policy::Access;

use super::scan;
use crate::arm::State;
use crate::place::{self, Goal, READ_OR_LIST};
use crate::report::Call;
use crate::sys::{Answer, CWD, Errno, How, NO_SYMLINKS};
use crate::text::Text;

/// The flags that open(2) knows; it ignores others, where openat2(2) refuses them.
const KNOWN: c_int = libc::O_ACCMODE
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_NOCTTY
    | libc::O_TRUNC
    | libc::O_APPEND
    | libc::O_NONBLOCK
    | libc::O_SYNC
    | libc::O_DSYNC
    | libc::O_ASYNC
    | libc::O_DIRECT
    | LARGE
    | libc::O_DIRECTORY
    | libc::O_NOFOLLOW
    | libc::O_NOATIME
    | libc::O_CLOEXEC
    | libc::O_PATH
    | libc::O_TMPFILE;

/// `O_LARGEFILE` of the kernel, which it adds to every open(2) of a 64-bit program; libc's own
/// constant is 0.
const LARGE: c_int = 0o100_000;

/// Whether a file without a name is asked for: `O_TMPFILE` has the bit of `O_DIRECTORY` in it.
pub(crate) const fn is_nameless(flags: c_int) -> bool {
    flags & libc::O_TMPFILE == libc::O_TMPFILE
}

/// open(2)'s arguments as openat2(2) takes them.
pub(crate) const fn how(flags: c_int, mode: libc::mode_t) -> How {
    let flags = if flags & libc::O_PATH != 0 {
        flags & (libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC)
    } else {
        flags & KNOWN | LARGE
    };
    let makes = flags & libc::O_CREAT != 0 || is_nameless(flags);
    let mode = if makes && flags & libc::O_PATH == 0 { mode & 0o7777 } else { 0 };
    How { flags: flags.cast_unsigned() as u64, mode: mode as u64, resolve: NO_SYMLINKS }
}

/// What an open with these flags would do.
pub(crate) const fn access(flags: c_int) -> Access {
    if flags & libc::O_PATH != 0 {
        return Access::METADATA;
    }
    let reads = if flags & libc::O_DIRECTORY != 0 { Access::LIST } else { READ_OR_LIST };
    let access = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => reads,
        libc::O_WRONLY => Access::WRITE,
        // Reading and writing, and the kernel's 3 for ioctl alone: never a directory.
        _ => Access::READ.with(Access::WRITE),
    };
    if flags & (libc::O_CREAT | libc::O_TRUNC) != 0 || is_nameless(flags) {
        // A directory is neither made nor cut by open.
        Access::from_bits(access.bits() & !Access::LIST.bits()).with(Access::WRITE)
    } else {
        access
    }
}

/// `open` in all its forms.
///
/// # Safety
/// `path` must be what open(2) demands.
#[inline(always)]
pub(crate) unsafe fn open(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> Answer<c_int> {
    let goal = Goal { call, access: access(flags), how: how(flags, mode) };
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    unsafe { place::open(state, dir, path, &goal, &mut text) }
}

/// [`open`] for the names that programs seldom call: one body for all of them, since each copy of
/// the fast path costs every process memory.
///
/// # Safety
/// As [`open`].
#[inline(never)]
pub(crate) unsafe fn open_seldom(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    unsafe { open(state, call, dir, path, flags, mode) }
}

/// The checked forms (`__open_2`), which have no mode to make a file with.
///
/// # Safety
/// As [`open`].
pub(crate) unsafe fn open_existing(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
) -> Answer<c_int> {
    if flags & libc::O_CREAT != 0 || is_nameless(flags) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    unsafe { open_seldom(state, call, dir, path, flags, 0) }
}

/// `creat`.
///
/// # Safety
/// As [`open`].
pub(crate) unsafe fn create(
    state: &State,
    call: Call,
    path: *const c_char,
    mode: libc::mode_t,
) -> Answer<c_int> {
    let flags = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
    // SAFETY: as this function's own contract says.
    unsafe { open_seldom(state, call, CWD, path, flags, mode) }
}

/// openat2(2) of the caller's own: its ways of resolving give a text another meaning, so only
/// what means the same without them is let through.
///
/// # Errors
/// EACCES for a way of resolving that cannot be kept; EAGAIN for `RESOLVE_CACHED`, which may
/// always answer so.
///
/// # Safety
/// As [`open`].
pub(crate) unsafe fn by_how(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    how: How,
) -> Answer<c_int> {
    let given = how.resolve;
    let [low, high] = [how.flags & u64::from(u32::MAX), how.flags >> 32];
    let flags = u32::try_from(low).unwrap_or(0).cast_signed();
    if high != 0 {
        return Err(Errno::EINVAL);
    }
    let goal = Goal { call, access: access(flags), how: How { resolve: NO_SYMLINKS, ..how } };
    let mut text = Text::new();
    if given == 0 {
        // SAFETY: as this function's own contract says.
        return unsafe { place::open(state, dir, path, &goal, &mut text) };
    }
    if given & libc::RESOLVE_CACHED != 0 {
        return Err(Errno::EAGAIN);
    }
    let kept = libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;
    let rooted = libc::RESOLVE_BENEATH | libc::RESOLVE_IN_ROOT;
    if given & !(kept | rooted) != 0 {
        return Err(Errno::EACCES);
    }
    // SAFETY: as this function's own contract says.
    match unsafe { place::open_plain(state, dir, path, &goal, given & rooted != 0, &mut text) } {
        Err(Errno::ELOOP) if given & libc::RESOLVE_NO_SYMLINKS == 0 => Err(Errno::EACCES),
        answer => answer,
    }
}

/// `opendir`.
///
/// # Safety
/// As [`open`].
pub(crate) unsafe fn directory(
    state: &State,
    call: Call,
    path: *const c_char,
) -> Answer<*mut libc::DIR> {
    // SAFETY: as this function's own contract says.
    unsafe { scan::stream(state, call, CWD, path) }
}
