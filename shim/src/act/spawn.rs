//! `posix_spawn` and its kin, done by ourselves: libc's own would read the environment and the
//! paths of its actions again, where another thread may have changed them.
//!
//! The child shares the memory but has its own descriptors, working directory and signal
//! dispositions. It does what glibc's child does, in glibc's order (`__spawni_child`), and every
//! path is judged when it is used: after the actions before it, so a relative path means what it
//! meant to the caller.

#![expect(unsafe_code, reason = "glibc's structures, and a child on a stack of its own")]

use core::ffi::{CStr, c_char, c_int, c_short, c_void};

use ringfence_policy::Access;

use super::environment;
use super::exec::{self, Request, Scripts};
use super::vector::Vector;
use crate::arm::State;
use crate::exceptions;
use crate::place::{self, Goal};
use crate::report::Call;
use crate::sys::process::{self as child, Disposition, Signals};
use crate::sys::{self, Answer, CWD, Errno};
use crate::text::{PATH_MAX, Text};

/// `posix_spawnattr_t` of glibc 2.34 and later, as far as it is used.
#[repr(C)]
pub(crate) struct Attributes {
    pub(crate) flags: c_short,
    pub(crate) group: c_int,
    /// The signals that get their default action; glibc has room for 1024.
    pub(crate) defaults: [Signals; 16],
    pub(crate) mask: [Signals; 16],
    pub(crate) priority: c_int,
    pub(crate) policy: c_int,
}

impl Attributes {
    /// None but a signal mask and the signals to be set to their default.
    pub(crate) const fn signals(mask: Signals, defaults: Signals) -> Self {
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        Self {
            #[expect(clippy::cast_possible_truncation, reason = "two small flags")]
            flags: flags as c_short,
            group: 0,
            defaults: [defaults, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            mask: [mask, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            priority: 0,
            policy: 0,
        }
    }

    /// None at all.
    pub(crate) const fn none() -> Self {
        Self { flags: 0, ..Self::signals(0, 0) }
    }

    fn has(&self, flag: c_int) -> bool {
        c_int::from(self.flags) & flag != 0
    }
}

/// `POSIX_SPAWN_SETSID` and, since glibc 2.39, `POSIX_SPAWN_SETCGROUP_NP`.
const SET_SESSION: c_int = 0x80;
const SET_CONTROL_GROUP: c_int = 0x100;

/// `posix_spawn_file_actions_t` of glibc.
#[repr(C)]
pub(crate) struct Actions {
    allocated: c_int,
    used: c_int,
    actions: *const Action,
}

/// `struct __spawn_action` of glibc, since 2.29; new kinds were added behind.
#[repr(C)]
pub(crate) struct Action {
    kind: c_int,
    detail: Detail,
}

#[repr(C)]
#[derive(Clone, Copy)]
union Detail {
    /// close, fchdir, closefrom, tcsetpgrp; in dup2, from and to.
    numbers: [c_int; 2],
    open: OpenAction,
    directory: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct OpenAction {
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: u32,
}

/// One thing that the child does to its descriptors or its working directory.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    /// Closes a descriptor; only one that no process can have is an error.
    Close(c_int),
    /// Makes a descriptor stand for another's object; the same number is kept over the exec.
    Duplicate(c_int, c_int),
    /// Opens a file under a number.
    Open {
        /// The number, which is closed first.
        fd: c_int,
        path: &'a CStr,
        flags: c_int,
        mode: u32,
    },
    /// Changes the working directory.
    Directory(&'a CStr),
    /// Changes it to what a descriptor holds.
    Descriptor(c_int),
    /// Closes all descriptors from a number on.
    CloseFrom(c_int),
    /// Makes the process group the foreground of a terminal.
    Foreground(c_int),
    /// A kind that a later glibc knows and this shim does not.
    Unknown,
}

impl Action {
    fn step(&self) -> Step<'_> {
        // SAFETY: every kind's detail begins with initialised bytes of that size: glibc's
        // structure is allocated whole, and numbers of any value are valid.
        let [first, second] = unsafe { self.detail.numbers };
        match self.kind {
            0 => Step::Close(first),
            1 => Step::Duplicate(first, second),
            2 => {
                // SAFETY: of this kind, glibc wrote all four parts.
                let open = unsafe { self.detail.open };
                // SAFETY: glibc keeps a copy of the caller's C string here.
                let path = unsafe { CStr::from_ptr(open.path) };
                Step::Open { fd: open.fd, path, flags: open.flags, mode: open.mode }
            }
            3 => {
                // SAFETY: of this kind, glibc wrote a pointer.
                let path = unsafe { self.detail.directory };
                // SAFETY: glibc keeps a copy of the caller's C string here.
                Step::Directory(unsafe { CStr::from_ptr(path) })
            }
            4 => Step::Descriptor(first),
            5 => Step::CloseFrom(first),
            6 => Step::Foreground(first),
            _ => Step::Unknown,
        }
    }
}

/// What the child is to start, and how it is found.
#[derive(Clone, Copy)]
pub(crate) struct Program<'a> {
    pub(crate) file: &'a CStr,
    /// Searched in `PATH` when it has no slash.
    pub(crate) search: bool,
    pub(crate) scripts: Scripts,
}

/// All that the child works with; it lives on the parent's stack, which waits.
struct Child<'a, 's> {
    state: &'static State,
    request: Request<'a>,
    program: Program<'a>,
    attributes: &'a Attributes,
    steps: &'a mut (dyn Iterator<Item = Step<'s>> + 'a),
    mask: Signals,
    failed: Option<Errno>,
}

/// The room of the child: the deepest hook, and the arrays of an exec.
const STACK: usize = 64 * 1024;

/// Starts a program in a child and answers its process id.
///
/// # Errors
/// What the child met before the program ran; EAGAIN or ENOMEM where there is no child.
pub(crate) fn spawn<'s>(
    state: &'static State,
    request: Request<'_>,
    program: Program<'_>,
    attributes: &Attributes,
    steps: &mut (dyn Iterator<Item = Step<'s>> + '_),
) -> Answer<c_int> {
    // Whatever array of ours the environment needs belongs to the parent, which lives on.
    let plan = environment::plan(state, request.call, request.environment, environment::For::Child);
    plan.with(|environment| {
        // SAFETY: the caller's own array, or one of ours of the caller's strings.
        let environment = unsafe { Vector::new(environment) }?;
        spawn_with(state, Request { environment, ..request }, program, attributes, steps)
    })?
}

fn spawn_with<'a, 's>(
    state: &'static State,
    request: Request<'a>,
    program: Program<'a>,
    attributes: &'a Attributes,
    steps: &'a mut (dyn Iterator<Item = Step<'s>> + '_),
) -> Answer<c_int> {
    if attributes.has(SET_CONTROL_GROUP) {
        // It needs clone3, and a descriptor of a place in /sys/fs/cgroup.
        return Err(Errno(libc::ENOTSUP));
    }
    let stack = sys::map_memory(STACK)?;
    // Who calls, which the child's own stack does not show.
    let known = exceptions::ahead(state);
    // No handler of the parent's may run in the child.
    let mask = sys::block_signals();
    let mut work = Child { state, request, program, attributes, steps, mask, failed: None };
    let data = core::ptr::from_mut(&mut work).cast::<c_void>();
    let top = stack.wrapping_add(STACK);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let flags = flags.cast_unsigned() as usize;
    // The child's words are the parent's, which alone comes back to take it away.
    let known = known.hold();
    // SAFETY: the mapping is the child's alone and page-aligned; `run` takes a Child, which
    // lives until the child no longer shares our memory; all signals are blocked.
    let started = unsafe { sys::start(flags, top, run, data) };
    drop(known);
    let failed = work.failed;
    sys::restore_signals(mask);
    // SAFETY: the child, the only one to use it, has its own memory now or has ended.
    unsafe { sys::unmap(stack, STACK) };
    let process = c_int::try_from(started?).map_err(|_| Errno::EIO)?;
    match failed {
        None => Ok(process),
        Some(errno) => {
            // The child has ended; nobody else knows its number.
            let _ = child::wait(process);
            Err(errno)
        }
    }
}

/// The child's whole life.
///
/// # Safety
/// `data` must be a `Child` that the parent leaves alone meanwhile.
unsafe extern "C" fn run(data: *mut c_void) {
    // SAFETY: `spawn` passes its own and waits.
    let work = unsafe { &mut *data.cast::<Child<'_, '_>>() };
    let errno = match prepare(work) {
        Ok(()) => start(work),
        Err(errno) => errno,
    };
    work.failed = Some(errno);
    sys::exit(127)
}

fn start(work: &Child<'_, '_>) -> Errno {
    let Program { file, search, scripts } = work.program;
    if search {
        return exec::by_search(work.state, work.request, file, scripts);
    }
    exec::by_path(work.state, work.request, CWD, exec::whole(file), 0)
}

fn prepare(work: &mut Child<'_, '_>) -> Answer<()> {
    let attributes = work.attributes;
    reset_signals(attributes)?;
    if attributes.has(libc::POSIX_SPAWN_SETSCHEDULER) {
        child::schedule(Some(attributes.policy), attributes.priority)?;
    } else if attributes.has(libc::POSIX_SPAWN_SETSCHEDPARAM) {
        child::schedule(None, attributes.priority)?;
    }
    if attributes.has(SET_SESSION) {
        child::new_session()?;
    }
    if attributes.has(libc::POSIX_SPAWN_SETPGROUP) {
        child::set_group(attributes.group)?;
    }
    if attributes.has(libc::POSIX_SPAWN_RESETIDS) {
        child::reset_ids()?;
    }
    for step in &mut *work.steps {
        take(work.state, attributes, step)?;
    }
    let [wanted, ..] = attributes.mask;
    let set = attributes.has(libc::POSIX_SPAWN_SETSIGMASK);
    sys::restore_signals(if set { wanted } else { work.mask });
    Ok(())
}

/// Handlers of the parent's become the default; so do the signals that the caller names. The two
/// that glibc keeps for itself are ignored, lest one that is pending ends the child.
fn reset_signals(attributes: &Attributes) -> Answer<()> {
    let [defaults, ..] = attributes.defaults;
    for signal in 1..=64 {
        let named =
            attributes.has(libc::POSIX_SPAWN_SETSIGDEF) && defaults & child::only(signal) != 0;
        let new = if named {
            Disposition::DEFAULT
        } else if matches!(signal, 32 | 33) {
            Disposition::IGNORED
        } else if child::disposition(signal)?.is_handler() {
            Disposition::DEFAULT
        } else {
            continue;
        };
        // SIGKILL and SIGSTOP cannot be set; glibc does not mind either.
        // SAFETY: one of the two plain dispositions.
        let _ = unsafe { child::set_disposition(signal, &new) };
    }
    Ok(())
}

fn take(state: &State, attributes: &Attributes, step: Step<'_>) -> Answer<()> {
    match step {
        Step::Close(fd) => match child::close_checked(fd) {
            Err(errno) if u64::try_from(fd).map_or(true, |fd| fd >= child::most_descriptors()) => {
                Err(errno)
            }
            _ => Ok(()),
        },
        Step::Duplicate(from, to) if from == to => child::keep_on_exec(to),
        Step::Duplicate(from, to) => sys::duplicate(from, to, 0),
        Step::Open { fd, path, flags, mode } => {
            sys::close(fd);
            let opened = open(state, path, flags, mode)?;
            if opened != fd {
                sys::duplicate(opened, fd, 0)?;
                sys::close(opened);
            }
            Ok(())
        }
        Step::Directory(path) => {
            let fd = hold_directory(state, path)?;
            let changed = child::change_directory(fd);
            sys::close(fd);
            changed
        }
        Step::Descriptor(fd) => {
            judge_directory(state, fd)?;
            child::change_directory(fd)
        }
        Step::CloseFrom(first) => child::close_from(first),
        Step::Foreground(fd) => {
            let own = attributes.has(libc::POSIX_SPAWN_SETPGROUP) && attributes.group != 0;
            let group = if own { attributes.group } else { child::group()? };
            child::set_foreground(fd, group)
        }
        // What is not understood cannot be judged.
        Step::Unknown => Err(Errno(libc::ENOTSUP)),
    }
}

#[inline(never)]
fn open(state: &State, path: &CStr, flags: c_int, mode: u32) -> Answer<c_int> {
    let call = Call("posix_spawn_file_actions_addopen");
    // SAFETY: a C string.
    unsafe { super::open::open_seldom(state, call, CWD, path.as_ptr(), flags, mode) }
}

#[inline(never)]
fn hold_directory(state: &State, path: &CStr) -> Answer<c_int> {
    let call = Call("posix_spawn_file_actions_addchdir_np");
    let goal = Goal::hold(call, Access::METADATA, true);
    place::open_parts(state, CWD, &[path.to_bytes()], &goal, &mut Text::new())
}

/// A directory that came from elsewhere is judged before it is gone to.
#[inline(never)]
fn judge_directory(state: &State, fd: c_int) -> Answer<()> {
    let mut text = [0_u8; PATH_MAX];
    let length = place::directory_text(fd, sys::room(&mut text))?;
    let call = Call("posix_spawn_file_actions_addfchdir_np");
    place::judge_held(state, call, text.get(..length).unwrap_or_default())
}

/// The steps of a caller's actions; none for null.
///
/// # Safety
/// `actions` must be null, or what `posix_spawn_file_actions_init` made.
pub(crate) unsafe fn steps<'a>(actions: *const Actions) -> impl Iterator<Item = Step<'a>> {
    let list = if actions.is_null() {
        &[][..]
    } else {
        // SAFETY: not null, so initialised, as this function's own contract says.
        let actions = unsafe { &*actions };
        match usize::try_from(actions.used) {
            // SAFETY: glibc keeps so many actions there.
            Ok(used) if used > 0 => unsafe { core::slice::from_raw_parts(actions.actions, used) },
            _ => &[],
        }
    };
    list.iter().map(Action::step)
}
