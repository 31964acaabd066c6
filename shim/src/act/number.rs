//! System calls by number, through libc's `syscall`: each does what its own symbol does.
//!
//! The numbers that have a row are listed beside the rows ([`crate::hooks::row_of`]); here are
//! those that no symbol stands for, and those that are refused. A number that this table is too
//! old for answers ENOSYS, as an older kernel would: nobody knows what it opens.

#![expect(unsafe_code, reason = "passes a caller's own words on")]

use core::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong};

use super::{attribute, look, open, thread};
use crate::arm::State;
use crate::caller::Frame;
use crate::hooks::{self, Returns};
use crate::report::Call;
use crate::sys::{self, Answer, Errno, How, pass};

/// The newest number that is known to do nothing to a path that is not judged.
const NEWEST: usize = 469;

/// Numbers that the libc crate does not have yet.
const SYS_FCHMODAT2: c_long = 452;
const SYS_SETXATTRAT: c_long = 463;
const SYS_REMOVEXATTRAT: c_long = 466;
const SYS_OPEN_TREE_ATTR: c_long = 467;
const SYS_FILE_GETATTR: c_long = 468;
const SYS_FILE_SETATTR: c_long = 469;

/// What becomes of a system call.
pub(crate) enum Outcome {
    /// libc makes it.
    Pass,
    /// It fails.
    Refuse(Errno),
    /// It was made; `usize::MAX` when it failed and set errno.
    Done(usize),
}

/// Whether a call makes or enters name spaces in which a path is another place, which the policy
/// does not let it.
pub(crate) fn makes_spaces(state: &State, flags: u64) -> bool {
    let spaces = u64::from((libc::CLONE_NEWNS | libc::CLONE_NEWUSER).cast_unsigned());
    flags & spaces != 0 && !state.image.namespaces() && state.environment.is_some()
}

/// Whether a number needs a second look; the others go straight on.
pub(crate) fn is_judged(number: usize) -> bool {
    match c_long::try_from(number) {
        Ok(call) if number <= NEWEST => hooks::row_of(call).is_some() || is_special(call),
        _ => true,
    }
}

const fn is_special(call: c_long) -> bool {
    is_refused(call).is_some()
        || matches!(
            call,
            libc::SYS_openat2
                | libc::SYS_fchmodat
                | libc::SYS_utimensat
                | libc::SYS_faccessat
                | libc::SYS_clone
                | libc::SYS_clone3
                | libc::SYS_fork
                | libc::SYS_vfork
                | libc::SYS_setns
                | libc::SYS_ptrace
                | libc::SYS_process_vm_readv
                | libc::SYS_process_vm_writev
                | libc::SYS_pidfd_getfd
        )
}

/// Numbers that are refused whatever their arguments.
const fn is_refused(call: c_long) -> Option<Errno> {
    match call {
        // Text would mean another place behind these, or a descriptor comes without a name.
        libc::SYS_mount
        | libc::SYS_umount2
        | libc::SYS_pivot_root
        | libc::SYS_open_tree
        | libc::SYS_move_mount
        | libc::SYS_fsopen
        | libc::SYS_fsconfig
        | libc::SYS_fsmount
        | libc::SYS_fspick
        | libc::SYS_mount_setattr
        | SYS_OPEN_TREE_ATTR
        // The kernel itself opens the file that is named, and writes there.
        | libc::SYS_acct
        | libc::SYS_swapon
        | libc::SYS_swapoff
        | libc::SYS_quotactl => Some(Errno::EPERM),
        libc::SYS_open_by_handle_at => Some(Errno::EACCES),
        // Its calls are made by the kernel itself. Programs fall back to plain calls.
        libc::SYS_io_uring_setup => Some(Errno::ENOSYS),
        // They name paths, and no row judges them yet. Programs fall back to older calls.
        SYS_FCHMODAT2
        | SYS_SETXATTRAT..=SYS_REMOVEXATTRAT
        | SYS_FILE_GETATTR
        | SYS_FILE_SETATTR => Some(Errno::ENOSYS),
        _ => None,
    }
}

/// Does what the symbol of the number does, for who called at `from`.
///
/// # Safety
/// The words must be what the system call demands.
pub(crate) unsafe fn act(state: &State, call: c_long, words: [usize; 6], from: Frame) -> Outcome {
    if usize::try_from(call).map_or(true, |number| number > NEWEST) {
        return Outcome::Refuse(Errno::ENOSYS);
    }
    if let Some(errno) = is_refused(call) {
        return Outcome::Refuse(errno);
    }
    let [first, second, third, ..] = words;
    match call {
        libc::SYS_faccessat => {
            // The system call has no flags; libc's function has.
            let entry = hooks::row_of(libc::SYS_faccessat2);
            // SAFETY: as this function's own contract says.
            entry.map_or(Outcome::Pass, |row| unsafe {
                call_row(row, [first, second, third, 0, 0, 0])
            })
        }
        libc::SYS_fchmodat => {
            // As above.
            let path = core::ptr::with_exposed_provenance(second);
            let mode = u32::try_from(third & 0xffff_ffff).unwrap_or(0);
            // SAFETY: as this function's own contract says.
            done(unsafe { attribute::mode(state, Call("fchmodat"), int(first), path, mode, 0) })
        }
        libc::SYS_utimensat => {
            // SAFETY: as this function's own contract says.
            done(unsafe { times_by_number(state, words) })
        }
        // SAFETY: as this function's own contract says.
        libc::SYS_openat2 => done(unsafe { open_by_how(state, words) }),
        libc::SYS_execve | libc::SYS_execveat
            if let Err(errno) = thread::may_start(state, Call("execve"), from) =>
        {
            Outcome::Refuse(errno)
        }
        libc::SYS_fork | libc::SYS_vfork => {
            thread::before_child(state, from);
            Outcome::Pass
        }
        libc::SYS_clone => task(state, Call("clone"), first as u64, from),
        libc::SYS_clone3 => {
            if sys::is_wild(core::ptr::with_exposed_provenance::<u64>(first)) {
                return Outcome::Pass;
            }
            // SAFETY: clone3(2) demands a structure there, which begins with the flags.
            let flags = unsafe { core::ptr::with_exposed_provenance::<u64>(first).read_volatile() };
            task(state, Call("clone3"), flags, from)
        }
        libc::SYS_setns => {
            // 0 stands for whatever kind the descriptor is of.
            let any = if second == 0 { u64::MAX } else { second as u64 };
            spaces(state, any)
        }
        libc::SYS_ptrace
        | libc::SYS_process_vm_readv
        | libc::SYS_process_vm_writev
        | libc::SYS_pidfd_getfd => {
            may_debug(state).map_or_else(Outcome::Refuse, |()| Outcome::Pass)
        }
        _ => match hooks::row_of(call) {
            // SAFETY: as this function's own contract says.
            Some(row) => unsafe { call_row(row, words) },
            None => Outcome::Pass,
        },
    }
}

/// Judges what clone(2) makes by flags where that is a thread: a task that goes on beside the
/// caller in the same memory. In vfork(2) and posix_spawn(3) the caller waits. Another process is
/// judged by what it starts.
///
/// # Errors
/// As [`thread::judge`].
pub(crate) fn makes_thread(state: &State, call: Call, flags: u64, from: Frame) -> Answer<()> {
    let has = |flag: c_int| flags & u64::from(flag.cast_unsigned()) != 0;
    let is_thread = has(libc::CLONE_VM) && !has(libc::CLONE_VFORK);
    if !has(libc::CLONE_THREAD) {
        thread::before_child(state, from);
    }
    match state.callers {
        // A task without a block of its own has its creator's lineage with that.
        Some(callers) if is_thread => thread::judge(state, callers, call, from).map(|_| ()),
        _ => Ok(()),
    }
}

fn task(state: &State, call: Call, flags: u64, from: Frame) -> Outcome {
    match spaces(state, flags) {
        Outcome::Pass => {
            makes_thread(state, call, flags, from).map_or_else(Outcome::Refuse, |()| Outcome::Pass)
        }
        refused @ (Outcome::Refuse(_) | Outcome::Done(_)) => refused,
    }
}

fn spaces(state: &State, flags: u64) -> Outcome {
    if makes_spaces(state, flags) { Outcome::Refuse(Errno::EPERM) } else { Outcome::Pass }
}

fn done(answer: Answer<c_int>) -> Outcome {
    match answer {
        Ok(value) => Outcome::Done(value.cast_unsigned() as usize),
        Err(errno) => Outcome::Refuse(errno),
    }
}

/// # Safety
/// The words must be what the row's function demands.
unsafe fn call_row(row: hooks::Row, words: [usize; 6]) -> Outcome {
    let [a, b, c, d, e, f] = words;
    // SAFETY: up to six integer arguments travel in registers, and a function of fewer does not
    // look at the others.
    let value = unsafe { (row.entry)(a, b, c, d, e, f) };
    Outcome::Done(match row.returns {
        Returns::Word => value,
        // The upper half of the register is noise.
        Returns::Int => hooks::int(value),
    })
}

/// openat2(2) as a caller makes it.
///
/// # Safety
/// As openat2(2) demands.
#[inline(never)]
unsafe fn open_by_how(state: &State, words: [usize; 6]) -> Answer<c_int> {
    let [dir, path, how, size, ..] = words;
    let place = core::ptr::with_exposed_provenance::<How>(how);
    if size != size_of::<How>() {
        return Err(if size < size_of::<How>() { Errno::EINVAL } else { Errno::E2BIG });
    }
    if sys::is_wild(place) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: openat2(2) demands a structure of that size there; it is read once.
    let how = unsafe { place.read_volatile() };
    let path = core::ptr::with_exposed_provenance::<c_char>(path);
    let dir = c_int::try_from(hooks::int(dir).cast_signed()).unwrap_or(-1);
    // SAFETY: as this function's own contract says.
    unsafe { open::by_how(state, Call("openat2"), dir, path, how) }
}

/// utimensat(2) as a caller makes it: a null path stands for the descriptor.
///
/// # Safety
/// As utimensat(2) demands.
unsafe fn times_by_number(state: &State, words: [usize; 6]) -> Answer<c_int> {
    let [dir, path, times, flags, ..] = words;
    let call = Call("utimensat");
    let times = core::ptr::with_exposed_provenance(times);
    if path == 0 {
        if int(flags) != 0 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: as this function's own contract says.
        return unsafe { attribute::times_of(state, call, int(dir), times) };
    }
    let at = look::at(int(dir), core::ptr::with_exposed_provenance(path));
    // SAFETY: as above.
    unsafe { attribute::times(state, call, at, times, int(flags)) }
}

fn int(word: usize) -> c_int {
    c_int::try_from(hooks::int(word).cast_signed()).unwrap_or(-1)
}

/// Whether other processes may be looked into.
///
/// # Errors
/// EPERM unless the policy lets a process be looked into.
pub(crate) fn may_debug(state: &State) -> Answer<()> {
    if state.image.debug() || state.environment.is_none() { Ok(()) } else { Err(Errno::EPERM) }
}

fn result(value: usize) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

fn argument(value: c_int) -> usize {
    value.cast_unsigned() as usize
}

/// `unshare`.
///
/// # Safety
/// None: it takes no pointer, but every act is called alike.
pub(crate) unsafe fn unshare(state: &State, _: Call, flags: c_int) -> Answer<c_int> {
    if makes_spaces(state, u64::from(flags.cast_unsigned())) {
        return Err(Errno::EPERM);
    }
    // SAFETY: takes no pointer.
    unsafe { pass(libc::SYS_unshare, [argument(flags), 0, 0, 0, 0, 0]) }.map(result)
}

/// `setns`; a kind of 0 stands for whatever the descriptor is of.
///
/// # Safety
/// As [`unshare`].
pub(crate) unsafe fn enter(state: &State, _: Call, fd: c_int, kind: c_int) -> Answer<c_int> {
    let kinds = if kind == 0 { u64::MAX } else { u64::from(kind.cast_unsigned()) };
    if makes_spaces(state, kinds) {
        return Err(Errno::EPERM);
    }
    // SAFETY: takes no pointer.
    unsafe { pass(libc::SYS_setns, [argument(fd), argument(kind), 0, 0, 0, 0]) }.map(result)
}

/// `chroot`: text would mean another place behind it; but the root is the root.
///
/// # Safety
/// The path must be what chroot(2) demands.
pub(crate) unsafe fn chroot(state: &State, _: Call, path: *const c_char) -> Answer<c_int> {
    if sys::is_wild(path) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: a C string, as this function's own contract says.
    let is_root = unsafe { CStr::from_ptr(path) } == c"/";
    if !is_root && state.environment.is_some() {
        return Err(Errno::EPERM);
    }
    let path = if is_root { c"/".as_ptr() } else { path };
    // SAFETY: our own constant, or what the caller gave where nobody asked for a fence.
    unsafe { pass(libc::SYS_chroot, [path.addr(), 0, 0, 0, 0, 0]) }.map(result)
}

/// `process_vm_readv`, `process_vm_writev`.
///
/// # Safety
/// As process_vm_readv(2) demands.
#[expect(clippy::too_many_arguments, reason = "the call has six")]
pub(crate) unsafe fn copy(
    state: &State,
    _: Call,
    number: c_long,
    process: libc::pid_t,
    local: *const libc::iovec,
    locals: c_ulong,
    remote: *const libc::iovec,
    remotes: c_ulong,
    flags: c_ulong,
) -> Answer<isize> {
    may_debug(state)?;
    let word = |value: c_ulong| usize::try_from(value).unwrap_or(usize::MAX);
    let (local, remote) = (local.addr(), remote.addr());
    let all = [argument(process), local, word(locals), remote, word(remotes), word(flags)];
    // SAFETY: as this function's own contract says.
    unsafe { pass(number, all) }.map(|value| isize::try_from(value).unwrap_or(isize::MAX))
}

/// `pidfd_getfd`.
///
/// # Safety
/// As [`unshare`].
pub(crate) unsafe fn take(
    state: &State,
    _: Call,
    process: c_int,
    fd: c_int,
    flags: c_uint,
) -> Answer<c_int> {
    may_debug(state)?;
    let all = [argument(process), argument(fd), flags as usize, 0, 0, 0];
    // SAFETY: takes no pointer.
    unsafe { pass(libc::SYS_pidfd_getfd, all) }.map(result)
}
