//! Looking at a place: `stat`, `access`, `readlink`, `realpath`, `statfs`, and going there.
//!
//! There is no single call of the kernel's that inspects a path and refuses links on the way, so
//! the judged text is opened with `O_PATH` and the descriptor inspected. Another thread may put
//! another object under that number meanwhile; it must hold that object already, so it learns
//! nothing.

#![expect(unsafe_code, reason = "hands the callers' buffers to the kernel")]

use core::ffi::{c_char, c_int, c_long, c_uint};

use ringfence_policy::Access;

use crate::arm::State;
use crate::place::{self, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno, pass};
use crate::text::{PATH_MAX, Text};

/// A descriptor that is closed at the end of its scope.
pub(crate) struct Held(c_int);

impl Held {
    /// Holds a descriptor that was opened just now.
    pub(crate) const fn new(fd: c_int) -> Self {
        Self(fd)
    }

    /// The descriptor's number.
    pub(crate) const fn number(&self) -> c_int {
        self.0
    }

    fn argument(&self) -> usize {
        argument(self.0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        sys::close(self.0);
    }
}

/// An `int` as the kernel takes it in a register.
pub(crate) fn argument(value: c_int) -> usize {
    value.cast_unsigned() as usize
}

/// A caller's path, for a call that takes a directory as well.
#[derive(Clone, Copy)]
pub(crate) struct At {
    /// The directory that a relative path starts from.
    pub(crate) dir: c_int,
    /// The path.
    pub(crate) path: *const c_char,
}

impl At {
    const fn new(dir: c_int, path: *const c_char) -> Self {
        Self { dir, path }
    }

    /// Whether the path is empty, or null, so that the descriptor itself is meant.
    pub(crate) unsafe fn is_empty(self) -> bool {
        // SAFETY: not null, and a C string as the caller of the libc function promised.
        self.path.is_null() || (!sys::is_wild(self.path) && unsafe { self.path.read() } == 0)
    }
}

/// Holds what a path names by an `O_PATH` descriptor.
///
/// # Safety
/// The path must be null, in the first page, or a C string.
pub(crate) unsafe fn hold(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    access: Access,
    follow: bool,
) -> Answer<Held> {
    let goal = Goal::hold(call, access, follow);
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    unsafe { place::open(state, dir, path, &goal, &mut text) }.map(Held)
}

const EMPTY: usize = libc::AT_EMPTY_PATH.cast_unsigned() as usize;

/// A kernel's answer as an `int`.
pub(crate) fn done(value: usize) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

/// The flags of the stat family. Of a descriptor alone the kernel looks at some of them only.
const STAT_FLAGS: c_int = libc::AT_SYMLINK_NOFOLLOW
    | libc::AT_NO_AUTOMOUNT
    | libc::AT_EMPTY_PATH
    | libc::AT_STATX_FORCE_SYNC
    | libc::AT_STATX_DONT_SYNC;

/// `fstatat` in all its forms; the others are special cases.
///
/// # Safety
/// The pointers must be what fstatat(2) demands.
#[inline(never)]
pub(crate) unsafe fn stat_at(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    buffer: *mut libc::stat,
    flags: c_int,
) -> Answer<c_int> {
    let at = At::new(dir, path);
    if flags & !STAT_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's path.
    if flags & libc::AT_EMPTY_PATH != 0 && unsafe { at.is_empty() } {
        let call = [argument(dir), c"".as_ptr().addr(), buffer.addr(), argument(flags), 0, 0];
        // SAFETY: the worker's own call, with its own buffer.
        return unsafe { pass(libc::SYS_newfstatat, call) }.map(done);
    }
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    // What is left is the kernel's to judge.
    let rest = argument(flags & !libc::AT_SYMLINK_NOFOLLOW) | EMPTY;
    let goal = Goal::hold(call, Access::METADATA, follow);
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    match unsafe { place::look(state, dir, path, &goal, &mut text) }? {
        place::Seen::Name(name) => {
            let call = [argument(dir), name.address(), buffer.addr(), argument(flags), 0, 0];
            // SAFETY: the worker's own call, with its own buffer, on the name that was judged.
            unsafe { pass(libc::SYS_newfstatat, call) }.map(done)
        }
        place::Seen::Held(fd) => {
            let held = Held(fd);
            let empty = c"".as_ptr().addr();
            let call = [held.argument(), empty, buffer.addr(), rest, 0, 0];
            // SAFETY: the worker's own call, with its own buffer.
            unsafe { pass(libc::SYS_newfstatat, call) }.map(done)
        }
    }
}

/// `__xstat` and its kind, which carry a version of the structure: 1 on x86-64, or the kernel's 0.
///
/// # Safety
/// As [`stat_at`].
pub(crate) unsafe fn stat_version(
    state: &State,
    call: Call,
    version: c_int,
    dir: c_int,
    path: *const c_char,
    buffer: *mut libc::stat,
    flags: c_int,
) -> Answer<c_int> {
    if !matches!(version, 0 | 1) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    unsafe { stat_at(state, call, dir, path, buffer, flags) }
}

/// `statx`.
///
/// # Safety
/// The pointers must be what statx(2) demands.
pub(crate) unsafe fn statx(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
    mask: c_uint,
    buffer: *mut libc::statx,
) -> Answer<c_int> {
    let at = At::new(dir, path);
    if flags & !STAT_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let rest = argument(flags & !libc::AT_SYMLINK_NOFOLLOW) | EMPTY;
    let empty = c"".as_ptr().addr();
    // SAFETY: the caller's path.
    if flags & libc::AT_EMPTY_PATH != 0 && unsafe { at.is_empty() } {
        let call = [argument(dir), empty, rest, mask as usize, buffer.addr(), 0];
        // SAFETY: the worker's own call, with its own buffer.
        return unsafe { pass(libc::SYS_statx, call) }.map(done);
    }
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, at.dir, at.path, Access::METADATA, follow) }?;
    let call = [held.argument(), empty, rest, mask as usize, buffer.addr(), 0];
    // SAFETY: the worker's own call, with its own buffer.
    unsafe { pass(libc::SYS_statx, call) }.map(done)
}

/// `faccessat` in all its forms.
///
/// # Safety
/// The path must be what faccessat(2) demands.
pub(crate) unsafe fn access(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    mode: c_int,
    flags: c_int,
) -> Answer<c_int> {
    let at = At::new(dir, path);
    // SAFETY: the caller's path.
    if flags & libc::AT_EMPTY_PATH != 0 && unsafe { at.is_empty() } {
        return sys::faccessat2(dir, sys::Path::EMPTY, mode, flags).map(|()| 0);
    }
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    let asked = if mode & libc::W_OK != 0 {
        Access::METADATA.with(Access::WRITE)
    } else {
        Access::METADATA
    };
    // SAFETY: as this function's own contract says.
    let held = unsafe { hold(state, call, at.dir, at.path, asked, follow) }?;
    let flags = flags & !libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;
    sys::faccessat2(held.number(), sys::Path::EMPTY, mode, flags).map(|()| 0)
}

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

/// Where a path is, for rows that give an [`At`].
pub(crate) const fn at(dir: c_int, path: *const c_char) -> At {
    At::new(dir, path)
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

/// `chdir`: by a descriptor, so that the place that was judged is the one gone to.
///
/// # Safety
/// The path must be what chdir(2) demands.
pub(crate) unsafe fn change_directory(
    state: &State,
    call: Call,
    path: *const c_char,
) -> Answer<c_int> {
    let mut goal = Goal::hold(call, Access::METADATA, true);
    goal.how.flags |= u64::from(libc::O_DIRECTORY.cast_unsigned());
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    let held = Held(unsafe { place::open(state, CWD, path, &goal, &mut text) }?);
    // SAFETY: takes a descriptor of ours.
    unsafe { pass(libc::SYS_fchdir, [held.argument(), 0, 0, 0, 0, 0]) }.map(done)
}

/// `fchdir`: a directory that came from elsewhere is judged before it is gone to.
///
/// # Safety
/// None: it takes no pointer, but every act is called alike.
pub(crate) unsafe fn change_to(state: &State, call: Call, fd: c_int) -> Answer<c_int> {
    let mut text = Text::new();
    text.receive(PATH_MAX, |room| place::directory_text(fd, room))?;
    place::judge_held(state, call, text.bytes())?;
    // SAFETY: takes a descriptor.
    unsafe { pass(libc::SYS_fchdir, [argument(fd), 0, 0, 0, 0, 0]) }.map(done)
}
