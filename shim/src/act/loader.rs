//! ld.so's own interface: what is loaded is judged, and nobody is handed libc's function past the
//! hook.
//!
//! These acts do not call libc themselves: libc takes the caller's search path, `$ORIGIN` and
//! `RTLD_NEXT` from the return address. They say what libc is to be called with, and
//! [`crate::doors`] jumps there with the caller's frame on top of the stack.

#![expect(unsafe_code, reason = "reads the callers' names, asks libc for addresses")]

use core::ffi::{CStr, c_char, c_int, c_void};

use ringfence_policy::Access;

use crate::arm::State;
use crate::children::CHILDREN;
use crate::gates::GATES;
use crate::interpose::Hook;
use crate::place::{self, Goal};
use crate::programs::PROGRAMS;
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno};
use crate::text::Text;
use crate::threads::THREADS;
use crate::{doors, hooks, jvm};

/// A name that no file can have: what the loader says about it is the caller's `dlerror()`.
const REFUSED: &CStr = c"/dev/null/ringfence: refused by the policy";

/// The words by which ld.so puts a directory of its own choice into a name.
const REPLACED: [&[u8]; 6] =
    [b"$ORIGIN", b"${ORIGIN}", b"$LIB", b"${LIB}", b"$PLATFORM", b"${PLATFORM}"];

/// `dlopen`: the name that libc is to be given, and the flags.
///
/// # Safety
/// `name` must be null or a C string.
pub(crate) unsafe fn open(
    state: &State,
    call: Call,
    name: *const c_char,
    flags: c_int,
) -> (*const c_char, c_int) {
    // A library that binds to itself and its own libraries first would pass the shim by.
    let flags = flags & !libc::RTLD_DEEPBIND;
    if name.is_null() {
        return (name, flags);
    }
    // SAFETY: not null, so a C string, as this function's own contract says.
    let text = unsafe { CStr::from_ptr(name) }.to_bytes();
    match judge(state, call, text) {
        Ok(()) => (name, flags),
        Err(_) => (REFUSED.as_ptr(), flags),
    }
}

/// `dlmopen`: in a name space of its own a library has its own libc, without the shim.
///
/// # Safety
/// As [`open`].
pub(crate) unsafe fn open_in_space(
    state: &State,
    call: Call,
    space: isize,
    name: *const c_char,
    flags: c_int,
) -> (isize, *const c_char, c_int) {
    if space != 0 {
        let why = b"a new name space has a libc of its own, without the fence; use dlopen";
        if report::unfenceable(state, call, b"", why).is_err() {
            return (0, REFUSED.as_ptr(), flags & !libc::RTLD_DEEPBIND);
        }
    }
    // SAFETY: as this function's own contract says.
    let (name, flags) = unsafe { open(state, call, name, flags) };
    (space, name, flags)
}

/// Judges a library's name. One without a slash is searched for by ld.so in places that are
/// judged when they are set.
#[inline(never)]
fn judge(state: &State, call: Call, name: &[u8]) -> Answer<()> {
    if !name.contains(&b'/') {
        return Ok(());
    }
    if REPLACED.iter().any(|word| name.windows(word.len()).any(|part| part == *word)) {
        let why = b"the loader would put a directory into the name; name the file itself";
        return report::unfenceable(state, call, name, why);
    }
    let goal = Goal::hold(call, Access::READ.with(Access::EXECUTE), true);
    match place::open_parts(state, CWD, &[name], &goal, &mut Text::new()) {
        Ok(fd) => {
            sys::close(fd);
            Ok(())
        }
        // libc finds nothing there either, and says so in its own words.
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// What `dlsym` is to answer.
pub(crate) enum Symbol {
    /// Our own definition.
    Ours(*const c_void),
    /// What libc was asked for already.
    Found(*mut c_void),
    /// Whatever libc says to the caller itself.
    AskLibc,
}

/// `dlsym`: our row where a name of the table leads into libc, whatever the handle.
///
/// # Safety
/// `handle` and `name` must be what dlsym(3) demands.
pub(crate) unsafe fn symbol(state: &State, handle: *mut c_void, name: *const c_char) -> Symbol {
    // SAFETY: as this function's own contract says.
    if let Some(symbol) = unsafe { machines(state, handle, name) } {
        return symbol;
    }
    // SAFETY: as this function's own contract says.
    let Some(hook) = (unsafe { row(name) }) else { return Symbol::AskLibc };
    if handle == libc::RTLD_NEXT {
        // Whoever stands behind us is not reached by the hook either.
        return Symbol::Ours(hook.entry);
    }
    if handle == libc::RTLD_DEFAULT {
        // The executable's own definition, or ours: the shim is the first library.
        return Symbol::AskLibc;
    }
    // SAFETY: the caller's own arguments; with a true handle libc does not ask who calls.
    let found = unsafe { (state.next.dlsym)(handle, name) };
    ours_for(state, hook, found)
}

/// `dlvsym`: the same. A search by version passes definitions without one, as ours are.
///
/// # Safety
/// As [`symbol`]; `version` must be a C string.
pub(crate) unsafe fn versioned_symbol(
    state: &State,
    handle: *mut c_void,
    name: *const c_char,
    version: *const c_char,
) -> Symbol {
    // SAFETY: as this function's own contract says.
    let Some(hook) = (unsafe { row(name) }) else { return Symbol::AskLibc };
    if handle == libc::RTLD_NEXT || handle == libc::RTLD_DEFAULT {
        return Symbol::Ours(hook.entry);
    }
    // SAFETY: the caller's own arguments; with a true handle libc does not ask who calls.
    let found = unsafe { (state.next.dlvsym)(handle, name, version) };
    ours_for(state, hook, found)
}

fn ours_for(state: &State, hook: &'static Hook, found: *mut c_void) -> Symbol {
    if state.libc.contains(&found.addr()) { Symbol::Ours(hook.entry) } else { Symbol::Found(found) }
}

/// Our definition for one of a Java machine's, if there is a machine that defines it.
///
/// # Safety
/// As [`symbol`].
unsafe fn machines(state: &State, handle: *mut c_void, name: *const c_char) -> Option<Symbol> {
    if sys::is_wild(name) {
        return None;
    }
    // SAFETY: a C string, as this function's own contract says.
    let text = unsafe { CStr::from_ptr(name) };
    let ours = jvm::MACHINE.iter().find(|hook| hook.name == text.to_bytes_with_nul())?;
    // We are the first library, and define it without any machine: so does the program as a handle.
    let by_order = handle == libc::RTLD_NEXT || handle == libc::RTLD_DEFAULT;
    // SAFETY: the caller's own arguments; `RTLD_NEXT` is whoever stands behind us, the caller.
    let look = |handle| unsafe { (state.next.dlsym)(handle, name) };
    let found = look(if by_order { libc::RTLD_NEXT } else { handle });
    let found = if found.cast_const() == ours.entry { look(libc::RTLD_NEXT) } else { found };
    let ours = if found.is_null() { None } else { jvm::hook(text, found) };
    Some(ours.map_or(Symbol::Found(found), Symbol::Ours))
}

/// The row of a name.
///
/// # Safety
/// `name` must be null, wild or a C string.
unsafe fn row(name: *const c_char) -> Option<&'static Hook> {
    if sys::is_wild(name) {
        return None;
    }
    // SAFETY: a C string, as this function's own contract says.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    hooks::HOOKS
        .iter()
        .chain(doors::DOORS)
        .chain(THREADS)
        .chain(PROGRAMS)
        .chain(CHILDREN)
        .chain(GATES)
        .find(|hook| hook.name == name)
}
