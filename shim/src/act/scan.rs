//! `scandir` in all its forms: the directory is opened as `opendir` would, its names are libc's.

#![expect(unsafe_code, reason = "the callers' functions and pointers, libc's directory streams")]

use core::ffi::{c_char, c_int, c_void};

use super::heap::{self, List};
use super::open;
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, Errno};

/// The caller's choice of entries.
pub(crate) type Select = Option<unsafe extern "C" fn(*const libc::dirent) -> c_int>;
/// The caller's order of entries, by the places where their addresses are.
pub(crate) type Order =
    unsafe extern "C" fn(*mut *const libc::dirent, *mut *const libc::dirent) -> c_int;
/// The same, where the caller may have none.
pub(crate) type Compare = Option<Order>;

/// How a directory is opened to be read.
const READ: c_int = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_DIRECTORY | libc::O_CLOEXEC;

/// Opens a directory stream. On a frame of its own, whose text is gone when callers' functions run.
///
/// # Errors
/// EACCES with a report for a refusal, else what the kernel answers; ENOMEM.
///
/// # Safety
/// `path` must be what open(2) demands.
#[inline(never)]
pub(crate) unsafe fn stream(
    state: &State,
    call: Call,
    dir: c_int,
    path: *const c_char,
) -> Answer<*mut libc::DIR> {
    // SAFETY: as this function's own contract says.
    let fd = unsafe { open::open_seldom(state, call, dir, path, READ, 0) }?;
    // SAFETY: the descriptor was opened just now, for this.
    let stream = unsafe { (state.next.fdopendir)(fd) };
    if stream.is_null() {
        let errno = sys::errno();
        sys::close(fd);
        return Err(errno);
    }
    Ok(stream)
}

/// `scandirat`. A `select` that jumps out leaks the stream and the entries so far, as libc's does.
///
/// # Errors
/// Those of [`stream`], and what reading the directory answers.
///
/// # Safety
/// The arguments must be what scandirat(3) demands.
pub(crate) unsafe fn scan(
    state: &'static State,
    call: Call,
    dir: c_int,
    path: *const c_char,
    names: *mut *mut *mut libc::dirent,
    select: Select,
    compare: Compare,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let stream = unsafe { stream(state, call, dir, path) }?;
    let before = sys::errno();
    let mut entries = List::new(&state.next);
    // SAFETY: the stream was opened just now, and `select` is the caller's.
    let read = unsafe { collect(state, stream, select, &mut entries) };
    // SAFETY: the stream is closed once.
    unsafe { (state.next.closedir)(stream) };
    if let Err(errno) = read {
        entries.items().iter().for_each(|entry| heap::free(&state.next, entry.cast()));
        return Err(errno);
    }
    let count = entries.length();
    let start = entries.release();
    if let Some(compare) = compare {
        // SAFETY: `count` pointers, and the caller's own order of them.
        unsafe { (state.next.qsort)(start.cast::<c_void>(), count, size_of::<usize>(), compare) };
    }
    // SAFETY: the caller's own place for the answer.
    unsafe { names.write(start) };
    sys::set_errno(before);
    c_int::try_from(count).map_err(|_| Errno::ENOMEM)
}

/// Copies the entries that `select` takes.
///
/// # Safety
/// `stream` must be an open stream; `select` what scandir(3) demands.
unsafe fn collect(
    state: &State,
    stream: *mut libc::DIR,
    select: Select,
    entries: &mut List<*mut libc::dirent>,
) -> Answer<()> {
    loop {
        sys::set_errno(Errno(0));
        // SAFETY: an open stream.
        let entry = unsafe { (state.next.readdir)(stream) };
        if entry.is_null() {
            return if sys::errno() == Errno(0) { Ok(()) } else { Err(sys::errno()) };
        }
        // SAFETY: the caller's function, on an entry that the stream holds until the next read.
        if select.is_none_or(|select| unsafe { select(entry) } != 0) {
            // SAFETY: as above.
            let copy = unsafe { copy(state, entry) }?;
            if let Err(errno) = entries.push(copy) {
                heap::free(&state.next, copy.cast());
                return Err(errno);
            }
        }
    }
}

/// A copy of an entry, as long as its own record says.
///
/// # Safety
/// `entry` must be an entry of a directory stream.
unsafe fn copy(state: &State, entry: *const libc::dirent) -> Answer<*mut libc::dirent> {
    // SAFETY: only an address is taken: an entry may be shorter than its type.
    let length = unsafe { &raw const (*entry).d_reclen };
    // SAFETY: the length lies in the part that every entry has.
    let length = usize::from(unsafe { length.read() });
    // SAFETY: libc's own allocator.
    let copy = unsafe { (state.next.malloc)(length) }.cast::<u8>();
    if copy.is_null() {
        return Err(Errno::ENOMEM);
    }
    // SAFETY: both are of that length, and do not overlap.
    unsafe { copy.copy_from_nonoverlapping(entry.cast::<u8>(), length) };
    Ok(copy.cast())
}
