//! `glob`: libc's own, with our way to directories and objects in the place of its own.
//!
//! With `GLOB_ALTDIRFUNC` libc's glob opens and inspects nothing by itself; where the caller asked
//! for that, its own functions are called as they are, since they can only come by our hooks.

#![expect(unsafe_code, reason = "the callers' structures, functions that libc calls back")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "functions of many types in one structure")]

use core::ffi::{c_char, c_int, c_void};

use super::look;
use super::scan;
use crate::arm::{State, armed};
use crate::report::Call;
use crate::sys::{self, Answer, CWD};

/// `GLOB_ALTDIRFUNC` of glob.h.
const OWN_FUNCTIONS: c_int = 1 << 9;

/// What the caller hears of directories that cannot be read.
pub(crate) type Failed = Option<extern "C" fn(*const c_char, c_int) -> c_int>;

/// `glob_t` of glob.h, with the functions that libc's own declaration in Rust leaves out.
#[repr(C)]
pub(crate) struct Glob {
    count: usize,
    paths: *mut *mut c_char,
    offset: usize,
    flags: c_int,
    functions: Functions,
}

impl Glob {
    /// For a call that adds nothing to what is there.
    pub(crate) const fn empty() -> Self {
        let none = core::ptr::null();
        let functions =
            Functions { closedir: none, readdir: none, opendir: none, lstat: none, stat: none };
        Self { count: 0, paths: core::ptr::null_mut(), offset: 0, flags: 0, functions }
    }

    /// What was found.
    pub(crate) fn paths(&self) -> &[*mut c_char] {
        if self.paths.is_null() {
            return &[];
        }
        // SAFETY: libc made the array, of as many paths as it says.
        unsafe { core::slice::from_raw_parts(self.paths, self.count) }
    }
}

/// The functions that glob calls instead of its own, as addresses: the caller's may be anything
/// when it does not use them.
#[repr(C)]
#[derive(Clone, Copy)]
struct Functions {
    closedir: *const c_void,
    readdir: *const c_void,
    opendir: *const c_void,
    lstat: *const c_void,
    stat: *const c_void,
}

const CALL: Call = Call("glob");

extern "C" fn open_directory(path: *const c_char) -> *mut libc::DIR {
    // SAFETY: glob calls with a C string.
    match unsafe { scan::stream(armed(), CALL, CWD, path) } {
        Ok(stream) => stream,
        Err(errno) => {
            sys::set_errno(errno);
            core::ptr::null_mut()
        }
    }
}

extern "C" fn inspect(path: *const c_char, into: *mut libc::stat) -> c_int {
    stat(path, into, 0)
}

extern "C" fn inspect_link(path: *const c_char, into: *mut libc::stat) -> c_int {
    stat(path, into, libc::AT_SYMLINK_NOFOLLOW)
}

fn stat(path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int {
    // SAFETY: glob calls with a C string and a buffer for the answer.
    match unsafe { look::stat_at(armed(), CALL, CWD, path, into, flags) } {
        Ok(value) => value,
        Err(errno) => {
            sys::set_errno(errno);
            -1
        }
    }
}

/// glob(3) in all its forms; a `failed` that jumps out leaves our functions in a structure that
/// looks at them only when it is told to.
///
/// # Safety
/// The arguments must be what glob(3) demands.
pub(crate) unsafe fn glob(
    state: &State,
    _: Call,
    pattern: *const c_char,
    flags: c_int,
    failed: Failed,
    into: *mut c_void,
) -> Answer<c_int> {
    let into = into.cast::<Glob>();
    if flags & OWN_FUNCTIONS != 0 || into.is_null() {
        // SAFETY: the caller's own arguments; without a structure libc says EINVAL.
        return Ok(unsafe { (state.next.glob)(pattern, flags, failed, into.cast()) });
    }
    // SAFETY: the caller's structure; only the address of the part is taken.
    let place = unsafe { &raw mut (*into).functions };
    // SAFETY: plain words in memory of the caller's, whatever they say.
    let before = unsafe { place.read() };
    let ours = Functions {
        closedir: state.next.closedir as *const c_void,
        readdir: state.next.readdir as *const c_void,
        opendir: open_directory as extern "C" fn(_) -> _ as *const c_void,
        lstat: inspect_link as extern "C" fn(_, _) -> _ as *const c_void,
        stat: inspect as extern "C" fn(_, _) -> _ as *const c_void,
    };
    // SAFETY: the caller's structure, which is glob's to write.
    unsafe { place.write(ours) };
    // SAFETY: the caller's arguments, and functions of the types that glob.h states.
    let result = unsafe { (state.next.glob)(pattern, flags | OWN_FUNCTIONS, failed, into.cast()) };
    // SAFETY: as above.
    unsafe { place.write(before) };
    // SAFETY: as above.
    let noted = unsafe { &mut (*into).flags };
    *noted &= !OWN_FUNCTIONS;
    Ok(result)
}
