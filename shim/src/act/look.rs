//! Looking at a place: `stat`, `access`, `readlink`, `realpath`, `statfs`, and going there.
//!
//! There is no single call of the kernel's that inspects a path and refuses links on the way, so
//! the judged text is opened with `O_PATH` and the descriptor inspected. Another thread may put
//! another object under that number meanwhile; it must hold that object already, so it learns
//! nothing.

#![expect(unsafe_code, reason = "hands the callers' buffers to the kernel")]

mod links;
mod system;

use core::ffi::{c_char, c_int, c_uint};

use ringfence_policy::Access;

pub(crate) use self::links::{read_link, read_link_checked, real_path, real_path_checked};
pub(crate) use self::system::{key, path_conf, stat_fs, stat_vfs};
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

/// Where a path is, for rows that give an [`At`].
pub(crate) const fn at(dir: c_int, path: *const c_char) -> At {
    At::new(dir, path)
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
