//! Changing what is known of an object: its mode, owner, times, length, extended attributes.
//!
//! The object is held at its judged text, and changed through the descriptor. Another thread may
//! put another object under the number: where the process may hold one that it may not change,
//! both take place in a private descriptor table.

#![expect(unsafe_code, reason = "hands the callers' words to the kernel")]

mod extended;
mod times;

use core::ffi::{c_char, c_int};

use ringfence_policy::Access;

pub(crate) use self::extended::{Value, remove, remove_of, set, set_of};
pub(crate) use self::times::{
    coarse_times, coarse_times_of, seconds, times, times_beneath, times_of,
};
use super::look::{At, Held, argument, at, done};
use super::parent::judge;
use crate::arm::State;
use crate::place::{self, Decimal, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno, pass};
use crate::table;
use crate::text::{PATH_MAX, Text};

/// Whether every object that this process can hold may be changed, or not even be held.
fn is_whole(state: &State) -> bool {
    state.image.whole().contains(Access::WRITE.with(Access::METADATA))
}

/// Holds what a path names and calls `act` with it and the link that procfs keeps for it.
///
/// # Safety
/// The path must be null, in the first page, or a C string.
unsafe fn on_object(
    state: &State,
    call: Call,
    at: At,
    follow: bool,
    act: impl Fn(c_int, sys::Path<'_>) -> Answer<usize>,
) -> Answer<c_int> {
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    unsafe { text.copy(at.path) }?;
    let shape = text.settle()?;
    let mut change = || {
        let goal = Goal::hold(call, Access::WRITE, follow);
        let held = Held::new(place::open_shaped(state, at.dir, &goal, &mut text, shape)?);
        let mut link = Decimal::new(b"/proc/thread-self/fd/");
        act(held.number(), link.path(held.number().cast_unsigned())?)
    };
    let value = if is_whole(state) { change() } else { table::judging(state, change)? };
    value.map(done)
}

/// Calls `act` with a descriptor once its own text may be written.
///
/// # Errors
/// EACCES with a report for a refusal, else what `act` answers.
fn on_descriptor(
    state: &State,
    call: Call,
    fd: c_int,
    act: impl Fn() -> Answer<usize>,
) -> Answer<c_int> {
    if is_whole(state) {
        return act().map(done);
    }
    let mut text = Text::new();
    table::judging(state, || {
        // What has no text has no rule.
        text.receive(PATH_MAX, |room| place::directory_text(fd, room))?;
        if text.bytes().first() == Some(&b'/') {
            judge(state, call, Access::WRITE, text.bytes())?;
        }
        act()
    })?
    .map(done)
}

/// `fchmodat`; `chmod` and `lchmod` are its special cases.
///
/// # Safety
/// The path must be what fchmodat(3) demands.
pub(crate) unsafe fn mode(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    mode: libc::mode_t,
    flags: c_int,
) -> Answer<c_int> {
    if flags & !libc::AT_SYMLINK_NOFOLLOW != 0 {
        return Err(Errno::EINVAL);
    }
    let follow = flags == 0;
    let act = |fd, link: sys::Path<'_>| {
        if !follow && sys::fstat(fd)?.st_mode & libc::S_IFMT == libc::S_IFLNK {
            return Err(Errno(libc::EOPNOTSUPP));
        }
        let words = [argument(CWD), link.address(), mode as usize, 0, 0, 0];
        // SAFETY: the path lives through the call, which writes nothing.
        unsafe { pass(libc::SYS_fchmodat, words) }
    };
    // SAFETY: as this function's own contract says.
    unsafe { on_object(state, call, at(dir, path), follow, act) }
}

/// `fchmod`.
///
/// # Safety
/// None: it takes no pointer, but every act is called alike.
pub(crate) unsafe fn mode_of(
    state: &State,
    call: Call,
    fd: c_int,
    mode: libc::mode_t,
) -> Answer<c_int> {
    on_descriptor(state, call, fd, || {
        // SAFETY: takes no pointer.
        unsafe { pass(libc::SYS_fchmod, [argument(fd), mode as usize, 0, 0, 0, 0]) }
    })
}

fn change_owner(fd: c_int, user: libc::uid_t, group: libc::gid_t) -> Answer<usize> {
    let empty = c"".as_ptr().addr();
    let flags = argument(libc::AT_EMPTY_PATH);
    // SAFETY: the constant path lives through the call, which writes nothing.
    unsafe {
        pass(libc::SYS_fchownat, [argument(fd), empty, user as usize, group as usize, flags, 0])
    }
}

/// `fchownat`; `chown` and `lchown` are its special cases.
///
/// # Safety
/// The path must be what fchownat(2) demands.
pub(crate) unsafe fn owner(
    state: &State,
    call: Call,
    at: At,
    user: libc::uid_t,
    group: libc::gid_t,
    flags: c_int,
) -> Answer<c_int> {
    if flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's path.
    if flags & libc::AT_EMPTY_PATH != 0 && !at.path.is_null() && unsafe { at.is_empty() } {
        return on_descriptor(state, call, at.dir, || {
            let empty = c"".as_ptr().addr();
            let words =
                [argument(at.dir), empty, user as usize, group as usize, argument(flags), 0];
            // SAFETY: the constant path lives through the call, which writes nothing.
            unsafe { pass(libc::SYS_fchownat, words) }
        });
    }
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    let act = |fd, _: sys::Path<'_>| change_owner(fd, user, group);
    // SAFETY: as this function's own contract says.
    unsafe { on_object(state, call, at, follow, act) }
}

/// `fchown`.
///
/// # Safety
/// None: it takes no pointer, but every act is called alike.
pub(crate) unsafe fn owner_of(
    state: &State,
    call: Call,
    fd: c_int,
    user: libc::uid_t,
    group: libc::gid_t,
) -> Answer<c_int> {
    on_descriptor(state, call, fd, || {
        // SAFETY: takes no pointer.
        unsafe { pass(libc::SYS_fchown, [argument(fd), user as usize, group as usize, 0, 0, 0]) }
    })
}

/// `truncate`.
///
/// # Safety
/// The path must be what truncate(2) demands.
pub(crate) unsafe fn truncate(
    state: &State,
    call: Call,
    path: *const c_char,
    length: libc::off_t,
) -> Answer<c_int> {
    let act = |_, link: sys::Path<'_>| {
        let length = usize::try_from(length.cast_unsigned()).unwrap_or(usize::MAX);
        // SAFETY: the path lives through the call, which writes nothing.
        unsafe { pass(libc::SYS_truncate, [link.address(), length, 0, 0, 0, 0]) }
    };
    // SAFETY: as this function's own contract says.
    unsafe { on_object(state, call, at(CWD, path), true, act) }
}
