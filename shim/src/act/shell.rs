//! `system` and `popen`: commands for `/bin/sh`.
//!
//! libc's own would start the shell with whatever the environment holds at that moment, by a call
//! that no hook sees. So the shell is started by our own [`spawn`], with libc's way of dealing
//! with signals, descriptors and the child's status around it.

#![expect(unsafe_code, reason = "the callers' pointers, libc's streams, dispositions of signals")]

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

use super::exec::{Request, Scripts};
use super::spawn::{Attributes, Program, Step, spawn};
use super::vector::{self, Vector};
use crate::arm::State;
use crate::report::Call;
use crate::sys::process::{self as child, Disposition, Signals};
use crate::sys::{self, Answer, Errno};

const SHELL: &CStr = c"/bin/sh";
/// The status of a shell that could not be started, as wait(2) tells an exit with 127.
const NO_SHELL: c_int = 127 << 8;

/// Starts `sh -c COMMAND` and answers its process id.
fn start<'s>(
    state: &'static State,
    call: Call,
    command: &CStr,
    attributes: &Attributes,
    steps: &mut (dyn Iterator<Item = Step<'s>> + '_),
) -> Answer<c_int> {
    let words = [c"sh".as_ptr(), c"-c".as_ptr(), command.as_ptr(), core::ptr::null()];
    // SAFETY: three C strings that live through the call, and a null.
    let arguments = unsafe { Vector::new(words.as_ptr()) }?;
    // SAFETY: the process's own environment, which libc reads the same way.
    let environment = unsafe { vector::current() }?;
    let request = Request { call, arguments, environment };
    let program = Program { file: SHELL, search: false, scripts: Scripts::Refused };
    spawn(state, request, program, attributes, steps)
}

/// system(3), but for its being a cancellation point: a thread that is cancelled meanwhile goes
/// on until the shell has ended.
///
/// # Errors
/// What wait4(2) answers when the shell's status is lost (SIGCHLD ignored).
///
/// # Safety
/// `command` must be null or a C string.
pub(crate) unsafe fn system(
    state: &'static State,
    call: Call,
    command: *const c_char,
) -> Answer<c_int> {
    if command.is_null() {
        return Ok(c_int::from(run(state, call, c"exit 0")? == 0));
    }
    // SAFETY: not null, so a C string, as this function's own contract says.
    run(state, call, unsafe { CStr::from_ptr(command) })
}

fn run(state: &'static State, call: Call, command: &CStr) -> Answer<c_int> {
    let defaults = QUIET.begin();
    let mask = child::block(child::only(libc::SIGCHLD));
    let attributes = Attributes::signals(mask, defaults);
    let started = start(state, call, command, &attributes, &mut core::iter::empty());
    let status = match started {
        Ok(process) => child::wait(process),
        Err(errno) => {
            sys::set_errno(errno);
            Ok(NO_SHELL)
        }
    };
    QUIET.end();
    sys::restore_signals(mask);
    status
}

/// SIGINT and SIGQUIT are ignored as long as any thread waits in `system`.
static QUIET: Quiet = Quiet {
    holder: AtomicU32::new(0),
    waiting: AtomicU32::new(0),
    before: UnsafeCell::new([Disposition::DEFAULT; 2]),
};

const SILENCED: [c_int; 2] = [libc::SIGINT, libc::SIGQUIT];

struct Quiet {
    /// The process that changes the rest at the moment; a forked child takes it over, since the
    /// thread that held it is not there.
    holder: AtomicU32,
    waiting: AtomicU32,
    before: UnsafeCell<[Disposition; 2]>,
}

// SAFETY: `before` is touched only between `enter` and `leave`, which one thread at a time is.
// They surround two system calls with all signals blocked, so nobody waits for long, and no
// handler of the waiting thread can be what holds it.
unsafe impl Sync for Quiet {}

impl Quiet {
    /// Ignores both signals; answers those that were not ignored before.
    fn begin(&self) -> Signals {
        let mask = self.enter();
        // SAFETY: between `enter` and `leave`.
        let before = unsafe { &mut *self.before.get() };
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            for (signal, old) in SILENCED.into_iter().zip(before.iter_mut()) {
                *old = child::disposition(signal).unwrap_or(Disposition::DEFAULT);
                // SAFETY: a plain disposition. Both signals can be set.
                let _ = unsafe { child::set_disposition(signal, &Disposition::IGNORED) };
            }
        }
        let heard = SILENCED.into_iter().zip(before.iter());
        let heard = heard.filter(|(_, old)| old.handler != libc::SIG_IGN);
        let heard = heard.fold(0, |set, (signal, _)| set | child::only(signal));
        self.leave(mask);
        heard
    }

    /// Puts both back once nobody waits any more.
    fn end(&self) {
        let mask = self.enter();
        // SAFETY: between `enter` and `leave`.
        let before = unsafe { *self.before.get() };
        if self.waiting.fetch_sub(1, Ordering::Relaxed) == 1 {
            for (signal, old) in SILENCED.into_iter().zip(before) {
                // SAFETY: what `disposition` answered in this process.
                let _ = unsafe { child::set_disposition(signal, &old) };
            }
        }
        self.leave(mask);
    }

    fn enter(&self) -> Signals {
        let mask = sys::block_signals();
        let own = sys::process();
        loop {
            let holder = self.holder.load(Ordering::Relaxed);
            let free = holder != own;
            let order = Ordering::Acquire;
            if free && self.holder.compare_exchange(holder, own, order, Ordering::Relaxed).is_ok() {
                return mask;
            }
            child::give_way();
        }
    }

    fn leave(&self, mask: Signals) {
        self.holder.store(0, Ordering::Release);
        sys::restore_signals(mask);
    }
}

/// A stream that `popen` made.
struct Pipe {
    /// The stream's address; 0 in a free slot, 1 in one that is being filled.
    stream: AtomicUsize,
    process: AtomicI32,
    fd: AtomicI32,
}

/// The streams of `popen` that are open at once.
const PIPES: usize = 256;
const FREE: usize = 0;
const TAKEN: usize = 1;

static OPEN: [Pipe; PIPES] = [const {
    Pipe { stream: AtomicUsize::new(FREE), process: AtomicI32::new(0), fd: AtomicI32::new(-1) }
}; PIPES];

impl Pipe {
    fn take() -> Answer<&'static Self> {
        let (new, order) = (TAKEN, Ordering::AcqRel);
        let free = |slot: &&Self| {
            slot.stream.compare_exchange(FREE, new, order, Ordering::Relaxed).is_ok()
        };
        OPEN.iter().find(free).ok_or(Errno(libc::EMFILE))
    }

    fn give_back(&self) {
        self.stream.store(FREE, Ordering::Release);
    }
}

/// What `popen` is asked for.
#[derive(Clone, Copy)]
struct Direction {
    reads: bool,
    close_on_exec: bool,
}

impl Direction {
    fn of(mode: &CStr) -> Answer<Self> {
        let (mut reads, mut writes, mut close_on_exec) = (false, false, false);
        for letter in mode.to_bytes() {
            match letter {
                b'r' => reads = true,
                b'w' => writes = true,
                b'e' => close_on_exec = true,
                _ => return Err(Errno::EINVAL),
            }
        }
        if reads == writes { Err(Errno::EINVAL) } else { Ok(Self { reads, close_on_exec }) }
    }
}

/// popen(3).
///
/// # Errors
/// EINVAL for a mode that asks for neither or both directions; EMFILE past 256 open streams of
/// this kind; what keeps the shell from starting.
///
/// # Safety
/// `command` and `mode` must be C strings.
pub(crate) unsafe fn popen(
    state: &'static State,
    call: Call,
    command: *const c_char,
    mode: *const c_char,
) -> Answer<*mut libc::FILE> {
    if sys::is_wild(command) || sys::is_wild(mode) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: a C string, as this function's own contract says.
    let direction = Direction::of(unsafe { CStr::from_ptr(mode) })?;
    // SAFETY: a C string, as this function's own contract says.
    let command = unsafe { CStr::from_ptr(command) };
    let slot = Pipe::take()?;
    let opened = open_pipe(state, call, command, direction);
    match opened {
        Ok((stream, process, fd)) => {
            forget(stream);
            slot.process.store(process, Ordering::Relaxed);
            slot.fd.store(fd, Ordering::Relaxed);
            slot.stream.store(stream.addr(), Ordering::Release);
            Ok(stream)
        }
        Err(errno) => {
            slot.give_back();
            Err(errno)
        }
    }
}

fn open_pipe(
    state: &'static State,
    call: Call,
    command: &CStr,
    direction: Direction,
) -> Answer<(*mut libc::FILE, c_int, c_int)> {
    let (read, write) = child::pipe()?;
    let (ours, theirs, standard, mode) = if direction.reads {
        (read, write, libc::STDOUT_FILENO, c"r")
    } else {
        (write, read, libc::STDIN_FILENO, c"w")
    };
    // SAFETY: our own descriptor, made just now, and a valid mode.
    let stream = unsafe { (state.next.fdopen)(ours, mode.as_ptr()) };
    if stream.is_null() {
        let errno = sys::errno();
        sys::close(ours);
        sys::close(theirs);
        return Err(errno);
    }
    // Streams of earlier calls are closed in the child, as POSIX demands.
    let others = OPEN.iter().filter(|slot| slot.stream.load(Ordering::Acquire) > TAKEN);
    let others = others.map(|slot| slot.fd.load(Ordering::Relaxed));
    let others = others.filter(|fd| *fd != standard).map(Step::Close);
    let attributes = Attributes::none();
    let mut steps = [Step::Duplicate(theirs, standard)].into_iter().chain(others);
    let started = start(state, call, command, &attributes, &mut steps);
    sys::close(theirs);
    match started {
        Ok(process) => {
            if !direction.close_on_exec {
                child::keep_on_exec(ours)?;
            }
            Ok((stream, process, ours))
        }
        Err(errno) => {
            // SAFETY: the stream made above, which nobody else has seen.
            unsafe { (state.next.fclose)(stream) };
            Err(errno)
        }
    }
}

/// A stream that was closed by `fclose` left its entry, and its address is given out anew.
fn forget(stream: *mut libc::FILE) {
    for slot in &OPEN {
        let (old, order) = (stream.addr(), Ordering::AcqRel);
        // A slot of another stream stays as it is.
        let _ = slot.stream.compare_exchange(old, FREE, order, Ordering::Relaxed);
    }
}

/// `_IO_proc_open`, by which old programs made a pipe of a stream of their own: no header has it.
///
/// # Errors
/// ENOSYS.
///
/// # Safety
/// None: nothing is read.
pub(crate) unsafe fn refuse_reuse(
    _: &State,
    _: Call,
    _: *mut libc::FILE,
    _: *const c_char,
    _: *const c_char,
) -> Answer<*mut libc::FILE> {
    Err(Errno::ENOSYS)
}

/// pclose(3). A stream that is not of our `popen` is libc's own to close.
///
/// # Errors
/// What wait4(2) answers when the status is lost.
///
/// # Safety
/// `stream` must be an open stream.
pub(crate) unsafe fn pclose(
    state: &'static State,
    _: Call,
    stream: *mut libc::FILE,
) -> Answer<c_int> {
    let (old, order) = (stream.addr(), Ordering::AcqRel);
    let ours = OPEN.iter().find(|slot| {
        old > TAKEN && slot.stream.compare_exchange(old, TAKEN, order, Ordering::Relaxed).is_ok()
    });
    let Some(slot) = ours else {
        // SAFETY: as this function's own contract says.
        let status = unsafe { (state.next.pclose)(stream) };
        return if status == -1 { Err(sys::errno()) } else { Ok(status) };
    };
    let process = slot.process.load(Ordering::Relaxed);
    slot.give_back();
    // SAFETY: as this function's own contract says; it is closed once.
    unsafe { (state.next.fclose)(stream) };
    child::wait(process)
}
