//! System calls by number, through libc's `syscall`: each does what its own symbol does.
//!
//! The numbers that have a row are listed beside the rows ([`crate::hooks::row_of`]); here are
//! those that no symbol stands for, and those that are refused. A number that this table is too
//! old for answers ENOSYS, as an older kernel would: nobody knows what it opens.

#![expect(unsafe_code, reason = "passes a caller's own words on")]

use core::ffi::{c_char, c_int, c_long};

use super::{attribute, debug, look, open, spaces, thread};
use crate::arm::State;
use crate::caller::Frame;
use crate::hooks::{self, Returns};
use crate::report::Call;
use crate::sys::{self, Answer, Errno, How};

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
            // SAFETY: as this function's own contract says.
            unsafe { act_row(libc::SYS_faccessat2, [first, second, third, 0, 0, 0]) }
        }
        // SAFETY: as this function's own contract says.
        libc::SYS_fchmodat => done(unsafe { mode_by_number(state, words) }),
        // SAFETY: as this function's own contract says.
        libc::SYS_utimensat => done(unsafe { times_by_number(state, words) }),
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
        // SAFETY: as this function's own contract says.
        libc::SYS_clone3 => unsafe { task_by_structure(state, first, from) },
        // 0 stands for whatever kind the descriptor is of.
        libc::SYS_setns => enter(state, if second == 0 { u64::MAX } else { second as u64 }),
        libc::SYS_ptrace
        | libc::SYS_process_vm_readv
        | libc::SYS_process_vm_writev
        | libc::SYS_pidfd_getfd => {
            debug::may_debug(state).map_or_else(Outcome::Refuse, |()| Outcome::Pass)
        }
        // SAFETY: as this function's own contract says.
        _ => unsafe { act_row(call, words) },
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
    match enter(state, flags) {
        Outcome::Pass => {
            makes_thread(state, call, flags, from).map_or_else(Outcome::Refuse, |()| Outcome::Pass)
        }
        refused @ (Outcome::Refuse(_) | Outcome::Done(_)) => refused,
    }
}

/// Judges what clone3(2) makes by the structure at an address.
///
/// # Safety
/// As clone3(2) demands.
unsafe fn task_by_structure(state: &State, place: usize, from: Frame) -> Outcome {
    let place = core::ptr::with_exposed_provenance::<u64>(place);
    if sys::is_wild(place) {
        return Outcome::Pass;
    }
    // SAFETY: clone3(2) demands a structure there, which begins with the flags.
    let flags = unsafe { place.read_volatile() };
    task(state, Call("clone3"), flags, from)
}

fn enter(state: &State, flags: u64) -> Outcome {
    if spaces::makes_spaces(state, flags) { Outcome::Refuse(Errno::EPERM) } else { Outcome::Pass }
}

fn done(answer: Answer<c_int>) -> Outcome {
    match answer {
        Ok(value) => Outcome::Done(value.cast_unsigned() as usize),
        Err(errno) => Outcome::Refuse(errno),
    }
}

/// Does what the row of a number does, where there is one.
///
/// # Safety
/// The words must be what the row's function demands.
unsafe fn act_row(call: c_long, words: [usize; 6]) -> Outcome {
    let Some(row) = hooks::row_of(call) else { return Outcome::Pass };
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
    // SAFETY: as this function's own contract says.
    unsafe { open::by_how(state, Call("openat2"), int(dir), path, how) }
}

/// fchmodat(2) as a caller makes it: the system call has no flags, as faccessat(2) has none.
///
/// # Safety
/// As fchmodat(2) demands.
unsafe fn mode_by_number(state: &State, words: [usize; 6]) -> Answer<c_int> {
    let [dir, path, mode, ..] = words;
    let path = core::ptr::with_exposed_provenance(path);
    let mode = u32::try_from(mode & 0xffff_ffff).unwrap_or(0);
    // SAFETY: as this function's own contract says.
    unsafe { attribute::mode(state, Call("fchmodat"), int(dir), path, mode, 0) }
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
