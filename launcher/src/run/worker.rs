//! Becomes the worker: the one `execve`, with what the launcher was given and nothing else.
//!
//! Rust's runtime changes two things before `main` that a program started by `exec` would
//! inherit: it ignores SIGPIPE, and it opens `/dev/null` in place of a closed standard stream.
//! Both are noted before it does, by an initialiser, and put back here.
#![expect(unsafe_code, reason = "exec and the state before the runtime have no safe interface")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::io::{FdFlags, fcntl_setfd};

/// Bits 0 to 2: that standard stream was closed; bit 3: SIGPIPE was ignored.
static INHERITED: AtomicU8 = AtomicU8::new(0);
const SIGPIPE_IGNORED: u8 = 1 << 3;

// The section holds pointers to functions that libc calls before `main`; `note` is one, and uses
// nothing of Rust's runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static NOTE: extern "C" fn() = note;

extern "C" fn note() {
    let mut inherited = 0;
    for fd in 0..=2 {
        // SAFETY: F_GETFD takes no further argument and changes nothing.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1 {
            inherited |= 1 << fd;
        }
    }
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with a null new action nothing is changed, and `action` has room for the old one.
    let asked = unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: all zeros is a valid sigaction, whether or not the call filled it.
    let action = unsafe { action.assume_init() };
    if asked == 0 && action.sa_sigaction == libc::SIG_IGN {
        inherited |= SIGPIPE_IGNORED;
    }
    INHERITED.store(inherited, Ordering::Relaxed);
}

/// Puts back what the runtime changed.
fn restore() {
    let inherited = INHERITED.load(Ordering::Relaxed);
    if inherited & SIGPIPE_IGNORED == 0 {
        // SAFETY: SIG_DFL is a valid disposition, and no other thread runs.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    }
    // Closed by the exec itself, so that a failure can still be reported.
    let close = |fd: c_int, stream: &dyn AsFd| {
        if inherited & (1 << fd) != 0 {
            // The stream is open: the runtime saw to it.
            let _ = fcntl_setfd(stream, FdFlags::CLOEXEC);
        }
    };
    close(0, &io::stdin());
    close(1, &io::stdout());
    close(2, &io::stderr());
}

/// Has every descriptor but the standard streams closed in whatever this process starts.
pub(crate) fn close_descriptors_at_exec() {
    let numbers = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<c_int>().ok());
    for number in numbers.filter(|number| *number > 2) {
        // SAFETY: F_SETFD takes an int and changes nothing but what an exec does; that of a number
        // which has been closed meanwhile fails.
        unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Replaces this process by `program`; returns only the reason why that failed.
///
/// A file that the kernel does not know is run by `/bin/sh`, as execvp(3) does.
pub(crate) fn become_worker(
    program: &CStr,
    arguments: &[CString],
    environment: &[CString],
) -> io::Error {
    restore();
    let error = exec(program, arguments, environment);
    if error.raw_os_error() != Some(libc::ENOEXEC) {
        return error;
    }
    let shell = c"/bin/sh";
    let script = [shell.to_owned(), program.to_owned()];
    let rest = arguments.iter().skip(1).cloned();
    exec(shell, &script.into_iter().chain(rest).collect::<Vec<_>>(), environment)
}

fn exec(program: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: all three are NUL-terminated, as `CStr` and `pointers` make them, and are borrowed
    // beyond the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// The strings as C wants them: pointers, the last one null.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}
