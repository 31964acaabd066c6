//! The calls that start programs: from the callers' pointers to [`exec`] and [`spawn`].

#![expect(unsafe_code, reason = "reads what the callers' pointers name")]

use core::ffi::{CStr, c_char, c_int};

use super::exec::{self, Request, Scripts};
use super::spawn::{self, Actions, Attributes, Program};
use super::vector::{self, Vector};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno};

/// An array of C strings that a null ends.
type List = *const *const c_char;

/// # Safety
/// Both must be what execve(2) demands.
unsafe fn request<'a>(call: Call, arguments: List, environment: List) -> Answer<Request<'a>> {
    // SAFETY: as this function's own contract says.
    let arguments = unsafe { Vector::new(arguments) }?;
    // SAFETY: as this function's own contract says.
    let environment = unsafe { Vector::new(environment) }?;
    Ok(Request { call, arguments, environment })
}

/// # Safety
/// The array must be what execv(3) demands.
unsafe fn request_here<'a>(call: Call, arguments: List) -> Answer<Request<'a>> {
    // SAFETY: as this function's own contract says.
    let arguments = unsafe { Vector::new(arguments) }?;
    // SAFETY: the process's own environment, which libc reads the same way.
    let environment = unsafe { vector::current() }?;
    Ok(Request { call, arguments, environment })
}

/// # Safety
/// `path` must be null, wild or a C string.
unsafe fn text<'a>(path: *const c_char) -> Answer<&'a CStr> {
    if sys::is_wild(path) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: a C string, as this function's own contract says.
    Ok(unsafe { CStr::from_ptr(path) })
}

/// `execve`, `execveat`.
///
/// # Errors
/// Always, since success does not come back.
///
/// # Safety
/// As execveat(2) demands.
pub(crate) unsafe fn at(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    arguments: List,
    environment: List,
    flags: c_int,
) -> Answer<c_int> {
    if flags & !(libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    let request = unsafe { request(call, arguments, environment) }?;
    // SAFETY: as this function's own contract says.
    let path = unsafe { text(path) }?;
    if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
        return Err(exec::by_descriptor(state, request, dir));
    }
    let flags = flags & libc::AT_SYMLINK_NOFOLLOW;
    Err(exec::by_path(state, request, dir, exec::whole(path), flags))
}

/// `execv`.
///
/// # Errors
/// Always, since success does not come back.
///
/// # Safety
/// As execv(3) demands.
pub(crate) unsafe fn here(
    state: &State,
    call: Call,
    path: *const c_char,
    arguments: List,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let request = unsafe { request_here(call, arguments) }?;
    // SAFETY: as this function's own contract says.
    let path = unsafe { text(path) }?;
    Err(exec::by_path(state, request, CWD, exec::whole(path), 0))
}

/// `execvpe`.
///
/// # Errors
/// Always, since success does not come back.
///
/// # Safety
/// As execvpe(3) demands.
pub(crate) unsafe fn search(
    state: &State,
    call: Call,
    file: *const c_char,
    arguments: List,
    environment: List,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let request = unsafe { request(call, arguments, environment) }?;
    // SAFETY: as this function's own contract says.
    let file = unsafe { text(file) }?;
    Err(exec::by_search(state, request, file, Scripts::ByShell))
}

/// `execvp`.
///
/// # Errors
/// Always, since success does not come back.
///
/// # Safety
/// As execvp(3) demands.
pub(crate) unsafe fn search_here(
    state: &State,
    call: Call,
    file: *const c_char,
    arguments: List,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let request = unsafe { request_here(call, arguments) }?;
    // SAFETY: as this function's own contract says.
    let file = unsafe { text(file) }?;
    Err(exec::by_search(state, request, file, Scripts::ByShell))
}

/// `fexecve`.
///
/// # Errors
/// Always, since success does not come back.
///
/// # Safety
/// As fexecve(3) demands.
pub(crate) unsafe fn descriptor(
    state: &State,
    call: Call,
    fd: c_int,
    arguments: List,
    environment: List,
) -> Answer<c_int> {
    if fd < 0 || arguments.is_null() || environment.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    let request = unsafe { request(call, arguments, environment) }?;
    Err(exec::by_descriptor(state, request, fd))
}

/// `execle`: the environment stands behind the null of the arguments.
///
/// # Errors
/// Always, since success does not come back.
///
/// # Safety
/// `list` must be the arguments of execle(3), one behind the other.
pub(crate) unsafe fn list_with_environment(
    state: &State,
    call: Call,
    path: *const c_char,
    list: List,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let count = unsafe { Vector::new(list) }?.pointers().count();
    let behind = list.wrapping_add(count).wrapping_add(1).cast::<List>();
    // SAFETY: execle(3) demands an array there.
    let environment = unsafe { behind.read() };
    // SAFETY: as this function's own contract says.
    unsafe { at(state, call, CWD, path, list, environment, 0) }
}

/// What a caller gives to `posix_spawn` beside the program.
#[derive(Clone, Copy)]
pub(crate) struct Spawning {
    /// Where the process id goes; null where nobody wants it.
    pub(crate) process: *mut libc::pid_t,
    pub(crate) actions: *const libc::posix_spawn_file_actions_t,
    pub(crate) attributes: *const libc::posix_spawnattr_t,
    pub(crate) arguments: *const *mut c_char,
    pub(crate) environment: *const *mut c_char,
}

/// `posix_spawn`, and with a search in `PATH` `posix_spawnp`.
///
/// # Errors
/// What kept the program from starting.
///
/// # Safety
/// As posix_spawn(3) demands.
pub(crate) unsafe fn spawn(
    state: &'static State,
    call: Call,
    file: *const c_char,
    search: bool,
    given: Spawning,
) -> Answer<()> {
    let Spawning { process, actions, attributes, arguments, environment } = given;
    // SAFETY: as this function's own contract says.
    let request = unsafe { request(call, arguments.cast(), environment.cast()) }?;
    // SAFETY: as this function's own contract says.
    let file = unsafe { text(file) }?;
    let none = Attributes::none();
    let attributes = if attributes.is_null() {
        &none
    } else {
        // SAFETY: not null, so initialised by posix_spawnattr_init, with room for more than this.
        unsafe { &*attributes.cast::<Attributes>() }
    };
    // SAFETY: as this function's own contract says.
    let mut steps = unsafe { spawn::steps(actions.cast::<Actions>()) };
    let program = Program { file, search, scripts: Scripts::Refused };
    let child = spawn::spawn(state, request, program, attributes, &mut steps)?;
    if !process.is_null() {
        // SAFETY: not null, so the caller's own variable.
        unsafe { process.write(child) };
    }
    Ok(())
}
