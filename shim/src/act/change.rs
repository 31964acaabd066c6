//! Making and removing names: directories, nodes, links that are texts, and what is unlinked.

#![expect(unsafe_code, reason = "hands the callers' words to the kernel")]

use core::ffi::{c_char, c_int, c_long};

use ringfence_policy::Access;

use super::look::{At, argument, at, done};
use super::named::{self, ObjectName};
use super::parent::{Kept, Spot, change, change_at};
use crate::arm::State;
use crate::place;
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno, pass};
use crate::text::Text;

/// A call on a directory, a name in it, and two words more.
fn on_name(call: c_long, dir: c_int, name: sys::Path<'_>, words: [usize; 2]) -> Answer<usize> {
    let [third, fourth] = words;
    // SAFETY: the name lives through the call, which writes nothing.
    unsafe { pass(call, [argument(dir), name.address(), third, fourth, 0, 0]) }
}

/// `unlinkat`; `unlink` and `rmdir` are its special cases.
///
/// # Safety
/// The path must be what unlinkat(2) demands.
pub(crate) unsafe fn unlink(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    flags: c_int,
) -> Answer<c_int> {
    let act =
        |dir, name: sys::Path<'_>| on_name(libc::SYS_unlinkat, dir, name, [argument(flags), 0]);
    // SAFETY: as this function's own contract says.
    unsafe { change_at(state, call, at(dir, path), Kept::Goes, act) }
}

/// `remove`: a directory too.
///
/// # Safety
/// The path must be what remove(3) demands.
pub(crate) unsafe fn remove(state: &State, call: Call, path: *const c_char) -> Answer<c_int> {
    let act = |dir, name: sys::Path<'_>| match on_name(libc::SYS_unlinkat, dir, name, [0, 0]) {
        Err(Errno::EISDIR) => {
            on_name(libc::SYS_unlinkat, dir, name, [argument(libc::AT_REMOVEDIR), 0])
        }
        answer => answer,
    };
    // SAFETY: as this function's own contract says.
    unsafe { change_at(state, call, at(CWD, path), Kept::Goes, act) }
}

/// `mkdirat`.
///
/// # Safety
/// The path must be what mkdirat(2) demands.
pub(crate) unsafe fn make_directory(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    mode: libc::mode_t,
) -> Answer<c_int> {
    let act = |dir, name: sys::Path<'_>| on_name(libc::SYS_mkdirat, dir, name, [mode as usize, 0]);
    // SAFETY: as this function's own contract says.
    unsafe { change_at(state, call, at(dir, path), Kept::Stays, act) }
}

/// `mkdtemp`: the letters that were chosen stand in the template.
///
/// # Safety
/// `template` must be a C string that may be written, as mkdtemp(3) demands.
pub(crate) unsafe fn temporary(
    state: &State,
    call: Call,
    template: *mut c_char,
) -> Answer<*mut c_char> {
    // SAFETY: as this function's own contract says.
    let make = |template| unsafe { make_directory(state, call, CWD, template, 0o700) };
    // SAFETY: as above.
    unsafe { named::choose(template, 0, make) }.map(|_| template)
}

/// `mknodat`. A block device shows a whole file system, forbidden places and all.
///
/// # Safety
/// The path must be what mknodat(2) demands.
pub(crate) unsafe fn make_node(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    mode: libc::mode_t,
    device: libc::dev_t,
) -> Answer<c_int> {
    // The kernel's call takes 32 bits of a device's number.
    let device = u32::try_from(device).map_err(|_| Errno::EINVAL)? as usize;
    if mode & libc::S_IFMT == libc::S_IFBLK && state.environment.is_some() {
        let why = b"a block device shows every place that lies on it";
        report::unsound(state, call, Access::WRITE, b"", why)?;
    }
    let act =
        |dir, name: sys::Path<'_>| on_name(libc::SYS_mknodat, dir, name, [mode as usize, device]);
    // SAFETY: as this function's own contract says.
    unsafe { change_at(state, call, at(dir, path), Kept::Goes, act) }
}

/// `mkfifoat`.
///
/// # Safety
/// The path must be what mkfifoat(3) demands.
pub(crate) unsafe fn make_fifo(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    mode: libc::mode_t,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    unsafe { make_node(state, call, dir, path, mode | libc::S_IFIFO, 0) }
}

/// `__xmknodat`, which carries a version of the device's number: 0, the only one.
///
/// # Safety
/// The pointers must be what `__xmknodat` demands.
pub(crate) unsafe fn make_node_version(
    state: &State,
    call: Call,
    version: c_int,
    at: At,
    mode: libc::mode_t,
    device: *const libc::dev_t,
) -> Answer<c_int> {
    if version != 0 {
        return Err(Errno::EINVAL);
    }
    if sys::is_wild(device) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: a device's number, as this function's own contract says.
    let device = unsafe { device.read_volatile() };
    // SAFETY: as this function's own contract says.
    unsafe { make_node(state, call, at.dir, at.path, mode, device) }
}

/// `symlinkat`: only the new name is judged. What the link leads to is judged whenever it is used.
///
/// # Safety
/// The pointers must be what symlinkat(2) demands.
pub(crate) unsafe fn make_link(
    state: &State,
    call: Call,
    target: *const c_char,
    dir: c_int,
    path: *const c_char,
) -> Answer<c_int> {
    let act = |dir, name: sys::Path<'_>| {
        let words = [target.addr(), argument(dir), name.address(), 0, 0, 0];
        // SAFETY: the name lives through the call; the target is the caller's own.
        unsafe { pass(libc::SYS_symlinkat, words) }
    };
    // SAFETY: as this function's own contract says.
    unsafe { change_at(state, call, at(dir, path), Kept::Goes, act) }
}

/// Removes a file in `/dev/shm`; libc tells of a sticky directory by EACCES.
fn remove_object(state: &State, call: Call, head: &[u8], name: &ObjectName) -> Answer<c_int> {
    let mut text = Text::new();
    text.put_parts(&[head, name.name()])?;
    let mut spot = Spot::of(CWD, &mut text)?;
    let act = |dir, name: sys::Path<'_>| on_name(libc::SYS_unlinkat, dir, name, [0, 0]);
    change(state, call, &mut spot, Kept::Goes, act).map_err(denied)
}

fn denied(errno: Errno) -> Errno {
    if errno == Errno::EPERM { Errno::EACCES } else { errno }
}

/// `shm_unlink`.
///
/// # Safety
/// `name` must be what shm_unlink(3) demands.
pub(crate) unsafe fn remove_memory(
    state: &State,
    call: Call,
    name: *const c_char,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let name = unsafe { ObjectName::copy(name) }?;
    remove_object(state, call, b"/dev/shm/", &name)
}

/// `sem_unlink`.
///
/// # Safety
/// `name` must be what sem_unlink(3) demands.
pub(crate) unsafe fn remove_semaphore(
    state: &State,
    call: Call,
    name: *const c_char,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let name = unsafe { ObjectName::copy(name) }?;
    remove_object(state, call, b"/dev/shm/sem.", &name)
}

/// `mq_unlink`: the kernel's own tree, judged as `/dev/mqueue/NAME`.
///
/// # Safety
/// `name` must be what mq_unlink(3) demands.
pub(crate) unsafe fn remove_queue(state: &State, call: Call, name: *const c_char) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let name = unsafe { ObjectName::copy(name) }?;
    place::judge_text(state, call, Access::WRITE, &[b"/dev/mqueue/", name.name()])?;
    // SAFETY: the name is ours, ended by a NUL, and lives through the call.
    let gone = unsafe { pass(libc::SYS_mq_unlink, [name.name().as_ptr().addr(), 0, 0, 0, 0, 0]) };
    gone.map(done).map_err(denied)
}
