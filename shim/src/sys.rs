//! Our own system calls. Nothing here goes through libc, so nothing here meets our hooks,
//! another preload's, or errno.

#![expect(unsafe_code, reason = "the border to the kernel")]

use core::ffi::{CStr, c_char, c_int};
use core::marker::PhantomData;
use core::mem::MaybeUninit;

#[path = "sys/x86_64.rs"]
mod arch;
mod memory;
pub(crate) mod process;
mod string;

pub(crate) use arch::{held, lineage, syscall6};
pub(crate) use memory::{
    copy_own, is_mapped, map_counters, map_file, map_memory, seal, stack_end, unmap,
};
pub(crate) use string::{CHUNK, Marks, copy_chunk, is_wild, slashes};

/// An error number of the kernel's, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) c_int);

impl Errno {
    pub(crate) const EACCES: Self = Self(libc::EACCES);
    pub(crate) const EAGAIN: Self = Self(libc::EAGAIN);
    pub(crate) const EBADF: Self = Self(libc::EBADF);
    pub(crate) const E2BIG: Self = Self(libc::E2BIG);
    pub(crate) const EINTR: Self = Self(libc::EINTR);
    pub(crate) const ENOEXEC: Self = Self(libc::ENOEXEC);
    pub(crate) const EFAULT: Self = Self(libc::EFAULT);
    pub(crate) const EINVAL: Self = Self(libc::EINVAL);
    pub(crate) const EIO: Self = Self(libc::EIO);
    pub(crate) const ELOOP: Self = Self(libc::ELOOP);
    pub(crate) const ENAMETOOLONG: Self = Self(libc::ENAMETOOLONG);
    pub(crate) const ENOMEM: Self = Self(libc::ENOMEM);
    pub(crate) const ENOENT: Self = Self(libc::ENOENT);
    pub(crate) const ENOSYS: Self = Self(libc::ENOSYS);
    pub(crate) const ENOTDIR: Self = Self(libc::ENOTDIR);
    pub(crate) const EISDIR: Self = Self(libc::EISDIR);
    pub(crate) const EPERM: Self = Self(libc::EPERM);
    pub(crate) const ESTALE: Self = Self(libc::ESTALE);
}

/// What a system call answers.
pub(crate) type Answer<T> = Result<T, Errno>;

/// A path in memory of ours, ended by NUL, for the kernel to read during one call.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    start: *const u8,
    owner: PhantomData<&'a [u8]>,
}

impl<'a> Path<'a> {
    /// The path in `bytes` up to its first NUL; without one there is no path.
    pub(crate) fn new(bytes: &'a [u8]) -> Answer<Self> {
        match bytes.last() {
            Some(0) => Ok(Self { start: bytes.as_ptr(), owner: PhantomData }),
            _ => Err(Errno::ENAMETOOLONG),
        }
    }

    /// The path that a C string holds.
    pub(crate) const fn from_c(text: &'a CStr) -> Self {
        Self { start: text.as_ptr().cast(), owner: PhantomData }
    }

    /// The empty path, which stands for the descriptor itself with `AT_EMPTY_PATH`.
    pub(crate) const EMPTY: Path<'static> = Path::from_c(c"");

    /// Its first byte, for libc's own functions.
    pub(crate) const fn start(self) -> *const c_char {
        self.start.cast()
    }

    pub(crate) fn address(self) -> usize {
        self.start.addr()
    }
}

/// openat2(2)'s argument; the layout is the kernel's (linux/openat2.h).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    pub(crate) flags: u64,
    pub(crate) mode: u64,
    pub(crate) resolve: u64,
}

/// `RESOLVE_NO_SYMLINKS` of linux/openat2.h.
pub(crate) const NO_SYMLINKS: u64 = 0x04;

/// The directory a relative path starts from: `AT_FDCWD` or a descriptor.
pub(crate) const CWD: c_int = libc::AT_FDCWD;

#[inline(always)]
fn answer(value: isize) -> Answer<usize> {
    // The kernel keeps the last page of values for error numbers.
    if (-4095..0).contains(&value) {
        Err(Errno(c_int::try_from(value.unsigned_abs()).unwrap_or(libc::EIO)))
    } else {
        Ok(value.cast_unsigned())
    }
}

#[inline(always)]
fn descriptor(value: usize) -> c_int {
    // Descriptors are small; a value that is none becomes one that no call accepts.
    c_int::try_from(value).unwrap_or(-1)
}

#[inline(always)]
#[expect(clippy::cast_sign_loss, reason = "the kernel takes the low 32 bits as they are")]
const fn word(value: c_int) -> usize {
    value as isize as usize
}

#[inline(always)]
fn number(number: libc::c_long) -> usize {
    number.cast_unsigned().try_into().unwrap_or(usize::MAX)
}

/// Performs a system call whose arguments are the caller's own: the kernel judges its pointers.
///
/// # Safety
/// The call must not change memory that Rust believes its own. It is the worker's call, with the
/// worker's pointers, as it would make it itself.
#[inline(always)]
pub(crate) unsafe fn pass(call: libc::c_long, arguments: [usize; 6]) -> Answer<usize> {
    // SAFETY: as this function's own contract says.
    answer(unsafe { syscall6(number(call), arguments) })
}

/// openat2(2).
#[inline(always)]
pub(crate) fn openat2(dir: c_int, path: Path<'_>, how: &How) -> Answer<c_int> {
    let size = size_of::<How>();
    let arguments = [word(dir), path.address(), core::ptr::from_ref(how).addr(), size, 0, 0];
    // SAFETY: path and how live through the call, which writes nothing.
    answer(unsafe { syscall6(number(libc::SYS_openat2), arguments) }).map(descriptor)
}

/// close(2). Its answer is of no use: the descriptor is gone in any case.
pub(crate) fn close(fd: c_int) {
    // SAFETY: takes no pointer.
    unsafe { syscall6(number(libc::SYS_close), [word(fd), 0, 0, 0, 0, 0]) };
}

/// fstat(2).
pub(crate) fn fstat(fd: c_int) -> Answer<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    let arguments = [word(fd), stat.as_mut_ptr().addr(), 0, 0, 0, 0];
    // SAFETY: the buffer has the size and alignment of the kernel's structure on this machine.
    answer(unsafe { syscall6(number(libc::SYS_fstat), arguments) })?;
    // SAFETY: the kernel filled it, as its answer says.
    Ok(unsafe { stat.assume_init() })
}

/// newfstatat(2), following links.
pub(crate) fn stat(path: Path<'_>) -> Answer<libc::stat> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    let arguments = [word(CWD), path.address(), stat.as_mut_ptr().addr(), 0, 0, 0];
    // SAFETY: the buffer has the size and alignment of the kernel's structure on this machine.
    answer(unsafe { syscall6(number(libc::SYS_newfstatat), arguments) })?;
    // SAFETY: the kernel filled it, as its answer says.
    Ok(unsafe { stat.assume_init() })
}

/// The `f_type` of fstatfs(2): which kind of file system a descriptor is on.
pub(crate) fn file_system(fd: c_int) -> Answer<u64> {
    let mut statfs = MaybeUninit::<libc::statfs>::uninit();
    let arguments = [word(fd), statfs.as_mut_ptr().addr(), 0, 0, 0, 0];
    // SAFETY: the buffer has the size and alignment of the kernel's structure on this machine.
    answer(unsafe { syscall6(number(libc::SYS_fstatfs), arguments) })?;
    // SAFETY: the kernel filled it, as its answer says.
    Ok(unsafe { statfs.assume_init() }.f_type.cast_unsigned())
}

/// The `f_type` of procfs (linux/magic.h).
pub(crate) const PROC_SUPER_MAGIC: u64 = 0x9fa0;

/// Bytes that the kernel is to write, not cleared before.
pub(crate) type Room<'a> = &'a mut [MaybeUninit<u8>];

/// The same for bytes that were cleared.
pub(crate) fn room(bytes: &mut [u8]) -> Room<'_> {
    let start = bytes.as_mut_ptr().cast::<MaybeUninit<u8>>();
    // SAFETY: the same bytes; what is written there, by the kernel alone, are bytes.
    unsafe { core::slice::from_raw_parts_mut(start, bytes.len()) }
}

/// readlinkat(2) into `buffer`; the length of what was written, which is cut without a word when
/// it equals the buffer's.
pub(crate) fn readlinkat(dir: c_int, path: Path<'_>, buffer: Room<'_>) -> Answer<usize> {
    let arguments = [word(dir), path.address(), buffer.as_mut_ptr().addr(), buffer.len(), 0, 0];
    // SAFETY: the kernel writes within the buffer.
    answer(unsafe { syscall6(number(libc::SYS_readlinkat), arguments) })
}

/// getcwd(2) into `buffer`; the length without the NUL.
pub(crate) fn getcwd(buffer: Room<'_>) -> Answer<usize> {
    let arguments = [buffer.as_mut_ptr().addr(), buffer.len(), 0, 0, 0, 0];
    // SAFETY: the kernel writes within the buffer.
    answer(unsafe { syscall6(number(libc::SYS_getcwd), arguments) }).map(|n| n.saturating_sub(1))
}

/// faccessat2(2).
pub(crate) fn faccessat2(dir: c_int, path: Path<'_>, mode: c_int, flags: c_int) -> Answer<()> {
    let arguments = [word(dir), path.address(), word(mode), word(flags), 0, 0];
    // SAFETY: path lives through the call, which writes nothing.
    answer(unsafe { syscall6(number(libc::SYS_faccessat2), arguments) }).map(|_| ())
}

/// read(2).
pub(crate) fn read(fd: c_int, buffer: &mut [u8]) -> Answer<usize> {
    let arguments = [word(fd), buffer.as_mut_ptr().addr(), buffer.len(), 0, 0, 0];
    // SAFETY: the kernel writes within the buffer.
    answer(unsafe { syscall6(number(libc::SYS_read), arguments) })
}

/// pread64(2).
pub(crate) fn pread(fd: c_int, buffer: &mut [u8], offset: u64) -> Answer<usize> {
    let offset = usize::try_from(offset).map_err(|_| Errno::EINVAL)?;
    let arguments = [word(fd), buffer.as_mut_ptr().addr(), buffer.len(), offset, 0, 0];
    // SAFETY: the kernel writes within the buffer.
    answer(unsafe { syscall6(number(libc::SYS_pread64), arguments) })
}

/// write(2).
pub(crate) fn write(fd: c_int, bytes: &[u8]) -> Answer<usize> {
    let arguments = [word(fd), bytes.as_ptr().addr(), bytes.len(), 0, 0, 0];
    // SAFETY: the kernel reads within the slice.
    answer(unsafe { syscall6(number(libc::SYS_write), arguments) })
}

/// lseek(2) to the end of a file.
pub(crate) fn seek_end(fd: c_int) -> Answer<usize> {
    // SAFETY: takes no pointer.
    answer(unsafe {
        syscall6(number(libc::SYS_lseek), [word(fd), 0, word(libc::SEEK_END), 0, 0, 0])
    })
}

/// fcntl(2) with `F_GETFL`: the open flags, which only a real descriptor has.
pub(crate) fn open_flags(fd: c_int) -> Answer<c_int> {
    let arguments = [word(fd), word(libc::F_GETFL), 0, 0, 0, 0];
    // SAFETY: takes no pointer.
    answer(unsafe { syscall6(number(libc::SYS_fcntl), arguments) }).map(descriptor)
}

/// The effective user id.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: takes no argument and cannot fail.
    let id = unsafe { syscall6(number(libc::SYS_geteuid), [0; 6]) };
    u32::try_from(id).unwrap_or(u32::MAX)
}

/// The process id.
pub(crate) fn process() -> u32 {
    // SAFETY: takes no argument and cannot fail.
    let id = unsafe { syscall6(number(libc::SYS_getpid), [0; 6]) };
    u32::try_from(id).unwrap_or(0)
}

/// The calling thread's id.
pub(crate) fn thread() -> u32 {
    // SAFETY: takes no argument and cannot fail.
    let id = unsafe { syscall6(number(libc::SYS_gettid), [0; 6]) };
    u32::try_from(id).unwrap_or(0)
}

/// A clock's time as seconds and nanoseconds.
pub(crate) fn time(clock: libc::clockid_t) -> (u64, u32) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let arguments = [word(clock), core::ptr::from_mut(&mut time).addr(), 0, 0, 0, 0];
    // SAFETY: the kernel writes one timespec.
    unsafe { syscall6(number(libc::SYS_clock_gettime), arguments) };
    (time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Every signal that can be blocked is, until [`restore_signals`].
pub(crate) fn block_signals() -> u64 {
    let all = u64::MAX;
    let mut old = 0_u64;
    let arguments = [
        word(libc::SIG_SETMASK),
        core::ptr::from_ref(&all).addr(),
        core::ptr::from_mut(&mut old).addr(),
        size_of::<u64>(),
        0,
        0,
    ];
    // SAFETY: both masks are the eight bytes that the kernel is told of.
    unsafe { syscall6(number(libc::SYS_rt_sigprocmask), arguments) };
    old
}

/// Puts back the mask that [`block_signals`] answered.
pub(crate) fn restore_signals(mask: u64) {
    let arguments =
        [word(libc::SIG_SETMASK), core::ptr::from_ref(&mask).addr(), 0, size_of::<u64>(), 0, 0];
    // SAFETY: the mask is the eight bytes that the kernel is told of.
    unsafe { syscall6(number(libc::SYS_rt_sigprocmask), arguments) };
}

/// Ends the process at once, without its exit handlers.
pub(crate) fn exit(status: c_int) -> ! {
    loop {
        // SAFETY: takes no pointer and does not return.
        unsafe { syscall6(number(libc::SYS_exit_group), [word(status), 0, 0, 0, 0, 0]) };
    }
}

unsafe extern "C" {
    fn __errno_location() -> *mut c_int;
}

/// Sets the calling thread's errno, as a libc function does that failed.
pub(crate) fn set_errno(errno: Errno) {
    // SAFETY: takes no argument and answers with the calling thread's own variable.
    let place = unsafe { __errno_location() };
    // SAFETY: glibc promises a valid pointer for the life of the thread.
    unsafe { place.write(errno.0) };
}

/// The calling thread's errno.
pub(crate) fn errno() -> Errno {
    // SAFETY: takes no argument and answers with the calling thread's own variable.
    let place = unsafe { __errno_location() };
    // SAFETY: glibc promises a valid pointer for the life of the thread.
    Errno(unsafe { place.read() })
}

/// Runs `run(argument)` in a new task of the kernel's with `flags` of clone(2), on its own stack;
/// it ends when `run` returns. Answers the task's id.
///
/// # Safety
/// `top` must be the end of memory that only the task uses, aligned to 16; `argument` must be what
/// `run` demands for as long as the task lives; `flags` must not make two tasks run on one thread
/// pointer at a time.
pub(crate) unsafe fn start(
    flags: usize,
    top: *mut u8,
    run: unsafe extern "C" fn(*mut core::ffi::c_void),
    argument: *mut core::ffi::c_void,
) -> Answer<usize> {
    // SAFETY: as this function's own contract says.
    answer(unsafe { arch::start(flags, top, run, argument) })
}

/// getdents64(2): fills the buffer with entries; 0 at the end.
pub(crate) fn read_directory(fd: c_int, buffer: &mut [u8]) -> Answer<usize> {
    let arguments = [word(fd), buffer.as_mut_ptr().addr(), buffer.len(), 0, 0, 0];
    // SAFETY: the kernel writes within the buffer.
    answer(unsafe { syscall6(number(libc::SYS_getdents64), arguments) })
}

/// The names in what [`read_directory`] wrote (`struct linux_dirent64`: inode 8, offset 8,
/// length 2, kind 1, name).
pub(crate) fn entries(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let length = usize::from(u16::from_le_bytes(*bytes.get(16..18)?.first_chunk()?));
        let (entry, rest) = bytes.split_at_checked(length.max(19))?;
        bytes = rest;
        entry.get(19..)?.split(|byte| *byte == 0).next()
    })
}

/// The calling thread's name, as prctl(2) `PR_GET_NAME` tells it.
pub(crate) fn thread_name() -> [u8; 16] {
    let mut name = [0_u8; 16];
    let arguments = [word(libc::PR_GET_NAME), name.as_mut_ptr().addr(), 0, 0, 0, 0];
    // SAFETY: the kernel writes 16 bytes.
    unsafe { syscall6(number(libc::SYS_prctl), arguments) };
    name
}

/// dup3(2); a descriptor that has the number already stays.
pub(crate) fn duplicate(fd: c_int, place: c_int, flags: c_int) -> Answer<()> {
    if fd == place {
        return Ok(());
    }
    // SAFETY: takes no pointer.
    answer(unsafe {
        syscall6(number(libc::SYS_dup3), [word(fd), word(place), word(flags), 0, 0, 0])
    })
    .map(|_| ())
}

/// getrandom(2).
pub(crate) fn random(bytes: &mut [u8]) -> Answer<()> {
    let arguments = [bytes.as_mut_ptr().addr(), bytes.len(), 0, 0, 0, 0];
    // SAFETY: the kernel writes within the buffer.
    answer(unsafe { syscall6(number(libc::SYS_getrandom), arguments) }).map(|_| ())
}

/// What pthread_self(3) names the calling thread by.
pub(crate) fn thread_pointer() -> usize {
    arch::thread_block()
}
