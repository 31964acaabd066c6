//! The system calls that start programs, and what a new process sets up before it does.

#![expect(unsafe_code, reason = "the border to the kernel")]

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicU32;

use super::{Answer, Errno, Path, answer, descriptor, number, syscall6, word};

/// A set of signals as the kernel has it: bit n stands for signal n + 1.
pub(crate) type Signals = u64;

/// The set that holds one signal.
pub(crate) const fn only(signal: c_int) -> Signals {
    match signal {
        1..=64 => 1 << (signal.cast_unsigned().wrapping_sub(1) & 63),
        _ => 0,
    }
}

/// What a process does with a signal, in the kernel's layout (`struct sigaction` of
/// asm/signal.h), restorer included, so that what is read can be put back as it was.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disposition {
    pub(crate) handler: usize,
    flags: u64,
    restorer: usize,
    mask: Signals,
}

impl Disposition {
    /// The default action.
    pub(crate) const DEFAULT: Self = Self::plain(libc::SIG_DFL);
    /// The signal is ignored.
    pub(crate) const IGNORED: Self = Self::plain(libc::SIG_IGN);

    const fn plain(handler: usize) -> Self {
        Self { handler, flags: 0, restorer: 0, mask: 0 }
    }

    /// Whether a function of the program's is called.
    pub(crate) const fn is_handler(&self) -> bool {
        self.handler != libc::SIG_DFL && self.handler != libc::SIG_IGN
    }
}

/// What the process does with a signal now.
pub(crate) fn disposition(signal: c_int) -> Answer<Disposition> {
    let mut old = MaybeUninit::<Disposition>::uninit();
    let arguments = [word(signal), 0, old.as_mut_ptr().addr(), size_of::<Signals>(), 0, 0];
    // SAFETY: the kernel writes one structure of the layout above.
    answer(unsafe { syscall6(number(libc::SYS_rt_sigaction), arguments) })?;
    // SAFETY: the kernel filled it, as its answer says.
    Ok(unsafe { old.assume_init() })
}

/// Sets what the process does with a signal.
///
/// # Safety
/// `new` must be [`Disposition::DEFAULT`], [`Disposition::IGNORED`], or what [`disposition`]
/// answered in this process.
pub(crate) unsafe fn set_disposition(signal: c_int, new: &Disposition) -> Answer<()> {
    let new = core::ptr::from_ref(new).addr();
    let arguments = [word(signal), new, 0, size_of::<Signals>(), 0, 0];
    // SAFETY: the kernel reads one structure; that a handler is a function, the caller vouches.
    answer(unsafe { syscall6(number(libc::SYS_rt_sigaction), arguments) }).map(|_| ())
}

/// Blocks signals beside those that are blocked; answers those that were.
pub(crate) fn block(signals: Signals) -> Signals {
    let mut old: Signals = 0;
    let arguments = [
        word(libc::SIG_BLOCK),
        core::ptr::from_ref(&signals).addr(),
        core::ptr::from_mut(&mut old).addr(),
        size_of::<Signals>(),
        0,
        0,
    ];
    // SAFETY: both sets are the eight bytes that the kernel is told of.
    unsafe { syscall6(number(libc::SYS_rt_sigprocmask), arguments) };
    old
}

/// Where an exec finds its program.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) dir: c_int,
    pub(crate) path: Path<'a>,
    /// `AT_EMPTY_PATH`, `AT_SYMLINK_NOFOLLOW`.
    pub(crate) flags: c_int,
}

/// execveat(2), or execve(2) where that does the same: it answers only when it fails.
///
/// # Safety
/// `arguments` and `environment` must be null or null-ended arrays of C strings; where they are
/// the caller's own, the kernel judges them.
pub(crate) unsafe fn execute(
    target: Target<'_>,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> Errno {
    let (path, argv, envp) = (target.path.address(), arguments.addr(), environment.addr());
    let failed = if target.dir == libc::AT_FDCWD && target.flags == 0 {
        // SAFETY: the path lives through the call; the caller vouches for the arrays.
        unsafe { syscall6(number(libc::SYS_execve), [path, argv, envp, 0, 0, 0]) }
    } else {
        let all = [word(target.dir), path, argv, envp, word(target.flags), 0];
        // SAFETY: as above.
        unsafe { syscall6(number(libc::SYS_execveat), all) }
    };
    answer(failed).err().unwrap_or(Errno::EIO)
}

/// newfstatat(2); an empty path with `AT_EMPTY_PATH` stands for the directory itself.
pub(crate) fn stat_at(dir: c_int, path: Path<'_>, flags: c_int) -> Answer<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    let arguments = [word(dir), path.address(), stat.as_mut_ptr().addr(), word(flags), 0, 0];
    // SAFETY: the buffer has the size and alignment of the kernel's structure on this machine.
    answer(unsafe { syscall6(number(libc::SYS_newfstatat), arguments) })?;
    // SAFETY: the kernel filled it, as its answer says.
    Ok(unsafe { stat.assume_init() })
}

/// wait4(2) for one child, begun again when a signal interrupts it; answers its status.
pub(crate) fn wait(process: c_int) -> Answer<c_int> {
    let mut status: c_int = 0;
    loop {
        let arguments = [word(process), core::ptr::from_mut(&mut status).addr(), 0, 0, 0, 0];
        // SAFETY: the kernel writes one int.
        match answer(unsafe { syscall6(number(libc::SYS_wait4), arguments) }) {
            Err(Errno::EINTR) => {}
            other => return other.map(|_| status),
        }
    }
}

/// A system call that takes at most three numbers, and no pointer.
fn plain(call: libc::c_long, a: c_int, b: c_int, c: c_int) -> Answer<usize> {
    // SAFETY: the calls below take numbers only.
    answer(unsafe { syscall6(number(call), [word(a), word(b), word(c), 0, 0, 0]) })
}

/// Lets another thread run.
pub(crate) fn give_way() {
    // There is nothing to do about its answer: it cannot fail.
    let _ = plain(libc::SYS_sched_yield, 0, 0, 0);
}

/// setsid(2).
pub(crate) fn new_session() -> Answer<()> {
    plain(libc::SYS_setsid, 0, 0, 0).map(|_| ())
}

/// Has the kernel clear a word when the calling thread ends or starts a program, unless nobody else has
/// its memory; `None` takes that back.
pub(crate) fn clear_at_end(word: Option<&'static AtomicU32>) {
    let address = word.map_or(0, |word| word.as_ptr().addr());
    // SAFETY: the word is there as long as the process, and may be written at any time.
    let _ = unsafe { syscall6(number(libc::SYS_set_tid_address), [address, 0, 0, 0, 0, 0]) };
}

/// setpgid(2) of the calling process.
pub(crate) fn set_group(group: c_int) -> Answer<()> {
    plain(libc::SYS_setpgid, 0, group, 0).map(|_| ())
}

/// getpgid(2) of the calling process.
pub(crate) fn group() -> Answer<c_int> {
    plain(libc::SYS_getpgid, 0, 0, 0).map(descriptor)
}

/// The effective user and group ids become the real ones, as `POSIX_SPAWN_RESETIDS` demands. The
/// raw calls change the calling thread alone, which in a child is all there is.
pub(crate) fn reset_ids() -> Answer<()> {
    let user = descriptor(plain(libc::SYS_getuid, 0, 0, 0)?);
    plain(libc::SYS_setresuid, -1, user, -1)?;
    let group = descriptor(plain(libc::SYS_getgid, 0, 0, 0)?);
    plain(libc::SYS_setresgid, -1, group, -1).map(|_| ())
}

/// sched_setparam(2), or with a policy sched_setscheduler(2), of the calling thread.
pub(crate) fn schedule(policy: Option<c_int>, priority: c_int) -> Answer<()> {
    let parameter = core::ptr::from_ref(&priority).addr();
    let (call, arguments) = match policy {
        None => (libc::SYS_sched_setparam, [0, parameter, 0, 0, 0, 0]),
        Some(policy) => (libc::SYS_sched_setscheduler, [0, word(policy), parameter, 0, 0, 0]),
    };
    // SAFETY: struct sched_param is one int, which lives through the call.
    answer(unsafe { syscall6(number(call), arguments) }).map(|_| ())
}

/// close(2) with its answer.
pub(crate) fn close_checked(fd: c_int) -> Answer<()> {
    plain(libc::SYS_close, fd, 0, 0).map(|_| ())
}

/// Clears the close-on-exec flag.
pub(crate) fn keep_on_exec(fd: c_int) -> Answer<()> {
    let flags = descriptor(plain(libc::SYS_fcntl, fd, libc::F_GETFD, 0)?);
    plain(libc::SYS_fcntl, fd, libc::F_SETFD, flags & !libc::FD_CLOEXEC).map(|_| ())
}

/// fchdir(2).
pub(crate) fn change_directory(fd: c_int) -> Answer<()> {
    plain(libc::SYS_fchdir, fd, 0, 0).map(|_| ())
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: c_int) -> Answer<()> {
    plain(libc::SYS_close_range, first, -1, 0).map(|_| ())
}

/// Makes `group` the foreground process group of the terminal `fd`.
pub(crate) fn set_foreground(fd: c_int, group: c_int) -> Answer<()> {
    let group = core::ptr::from_ref(&group).addr();
    let arguments = [word(fd), number(libc::TIOCSPGRP.cast_signed()), group, 0, 0, 0];
    // SAFETY: TIOCSPGRP reads one int.
    answer(unsafe { syscall6(number(libc::SYS_ioctl), arguments) }).map(|_| ())
}

/// The number of descriptors that the process may have.
pub(crate) fn most_descriptors() -> u64 {
    soft_limit(libc::RLIMIT_NOFILE).unwrap_or(0)
}

/// The size to which the process may let a file grow; `u64::MAX` for any.
pub(crate) fn largest_file() -> u64 {
    soft_limit(libc::RLIMIT_FSIZE).unwrap_or(u64::MAX)
}

fn soft_limit(resource: libc::__rlimit_resource_t) -> Answer<u64> {
    let mut limit = [0_u64; 2];
    let arguments = [0, resource as usize, 0, limit.as_mut_ptr().addr(), 0, 0];
    // SAFETY: struct rlimit64 is two numbers of 64 bits.
    answer(unsafe { syscall6(number(libc::SYS_prlimit64), arguments) })?;
    let [soft, _] = limit;
    Ok(soft)
}

/// pipe2(2) with close-on-exec: the reading end and the writing end.
pub(crate) fn pipe() -> Answer<(c_int, c_int)> {
    let mut ends = [0 as c_int; 2];
    let arguments = [ends.as_mut_ptr().addr(), word(libc::O_CLOEXEC), 0, 0, 0, 0];
    // SAFETY: the kernel writes two ints.
    answer(unsafe { syscall6(number(libc::SYS_pipe2), arguments) })?;
    let [read, write] = ends;
    Ok((read, write))
}

/// Whether an object has an extended attribute; any doubt is a yes.
pub(crate) fn has_attribute(fd: c_int, name: &core::ffi::CStr) -> bool {
    let arguments = [word(fd), name.as_ptr().addr(), 0, 0, 0, 0];
    // SAFETY: the name lives through the call; with a size of 0 nothing is written.
    let got = answer(unsafe { syscall6(number(libc::SYS_fgetxattr), arguments) });
    !matches!(got, Err(Errno(libc::ENODATA | libc::EOPNOTSUPP)))
}

/// Whether the kernel names a process that is started by its descriptor after the program
/// (6.14), not after the descriptor's number.
pub(crate) fn names_by_descriptor() -> bool {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    let arguments = [names.as_mut_ptr().addr(), 0, 0, 0, 0, 0];
    // SAFETY: the kernel writes one utsname.
    unsafe { syscall6(number(libc::SYS_uname), arguments) };
    // SAFETY: zeroes are a utsname too.
    let names = unsafe { names.assume_init() };
    let mut numbers = names.release.split(|byte| !byte.cast_unsigned().is_ascii_digit());
    let mut next = || {
        numbers.next().unwrap_or_default().iter().take(6).fold(0_u32, |value, digit| {
            value
                .saturating_mul(10)
                .saturating_add(u32::from(digit.cast_unsigned().wrapping_sub(b'0')))
        })
    };
    (next(), next()) >= (6, 14)
}
