//! `updwtmp`: a record at the end of the file that the caller names.

#![expect(unsafe_code, reason = "reads the callers' records")]

use core::ffi::{c_char, c_int, c_short};

use super::look::{Held, argument};
use super::open;
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno, pass};

/// How long a record waits for the others that write the file, as glibc's does.
const PATIENCE: u64 = 10;

/// Appends a record; one that was cut short is overwritten. Nobody learns whether it worked, but
/// by errno.
///
/// # Errors
/// EACCES with a report for a refusal, else what the kernel answers.
///
/// # Safety
/// The pointers must be what updwtmp(3) demands.
pub(crate) unsafe fn append(
    state: &State,
    call: Call,
    path: *const c_char,
    record: *const libc::utmpx,
) -> Answer<()> {
    if sys::is_wild(record) {
        return Err(Errno::EFAULT);
    }
    // As glibc's, it is not closed by exec, and is open for a moment only.
    // SAFETY: as this function's own contract says.
    let fd = unsafe { open::open_seldom(state, call, CWD, path, libc::O_WRONLY, 0) }?;
    let file = Held::new(fd);
    lock(&file)?;
    // SAFETY: the caller's record, of which only bytes are read.
    let bytes =
        unsafe { core::slice::from_raw_parts(record.cast::<u8>(), size_of::<libc::utmpx>()) };
    let end = sys::seek_end(fd)?;
    let whole = end.saturating_sub(end.checked_rem(bytes.len()).unwrap_or(0));
    if whole != end {
        cut(&file, whole)?;
        sys::seek_end(fd)?;
    }
    match sys::write(fd, bytes) {
        Ok(written) if written == bytes.len() => Ok(()),
        // Half a record would be worse than none.
        Ok(_) => cut(&file, whole),
        Err(errno) => Err(errno),
    }
}

fn cut(file: &Held, length: usize) -> Answer<()> {
    // SAFETY: takes no pointer.
    unsafe { pass(libc::SYS_ftruncate, [argument(file.number()), length, 0, 0, 0, 0]) }.map(|_| ())
}

/// Locks the file against others that append to it; closing it unlocks it.
fn lock(file: &Held) -> Answer<()> {
    let whole = libc::flock {
        l_type: narrow(libc::F_WRLCK),
        l_whence: narrow(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let place = core::ptr::from_ref(&whole).addr();
    let (start, _) = sys::time(libc::CLOCK_MONOTONIC);
    loop {
        let call = [argument(file.number()), argument(libc::F_SETLK), place, 0, 0, 0];
        // SAFETY: the kernel reads one structure, which lives through the call.
        match unsafe { pass(libc::SYS_fcntl, call) } {
            Err(Errno(libc::EAGAIN) | Errno::EACCES) => {}
            answer => return answer.map(|_| ()),
        }
        if sys::time(libc::CLOCK_MONOTONIC).0.saturating_sub(start) >= PATIENCE {
            return Err(Errno(libc::EAGAIN));
        }
        pause();
    }
}

/// Waits for 10 ms.
fn pause() {
    let moment = libc::timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    let call = [core::ptr::from_ref(&moment).addr(), 0, 0, 0, 0, 0];
    // Interrupted, it was shorter.
    // SAFETY: the kernel reads one structure.
    let _: Answer<usize> = unsafe { pass(libc::SYS_nanosleep, call) };
}

/// A constant of libc's as the lock's structure has it.
fn narrow(value: c_int) -> c_short {
    c_short::try_from(value).unwrap_or(c_short::MAX)
}
