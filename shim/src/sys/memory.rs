//! The process's own memory: mappings of ours, and what is mapped where.

#![expect(unsafe_code, reason = "system calls that map memory, or read it")]

use core::ffi::c_int;

use super::{Answer, Errno, answer, arch, number, process, syscall6, word};

/// A private mapping: `length` bytes that nobody else shares, writable.
pub(crate) fn map_memory(length: usize) -> Answer<*mut u8> {
    let protection = word(libc::PROT_READ | libc::PROT_WRITE);
    let flags = word(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let arguments = [0, length, protection, flags, usize::MAX, 0];
    // SAFETY: the kernel chooses the place, so no memory in use changes.
    let address = answer(unsafe { syscall6(number(libc::SYS_mmap), arguments) })?;
    Ok(core::ptr::with_exposed_provenance_mut(address))
}

/// A mapping that a forked child finds cleared.
pub(crate) fn map_counters(length: usize) -> Answer<*mut u8> {
    let start = map_memory(length)?;
    let arguments = [start.addr(), length, word(libc::MADV_WIPEONFORK), 0, 0, 0];
    // SAFETY: a fresh mapping of ours, of that length.
    answer(unsafe { syscall6(number(libc::SYS_madvise), arguments) })?;
    Ok(start)
}

/// A private, read-only mapping of a file's first `length` bytes, read in at once.
pub(crate) fn map_file(fd: c_int, length: usize) -> Answer<*const u8> {
    let flags = word(libc::MAP_PRIVATE | libc::MAP_POPULATE);
    let arguments = [0, length, word(libc::PROT_READ), flags, word(fd), 0];
    // SAFETY: the kernel chooses the place, so no memory in use changes.
    let address = answer(unsafe { syscall6(number(libc::SYS_mmap), arguments) })?;
    Ok(core::ptr::with_exposed_provenance(address))
}

/// Makes a mapping of ours read-only.
///
/// # Safety
/// `start` and `length` must be a mapping of [`map_memory`]'s that nobody writes any more.
pub(crate) unsafe fn seal(start: *mut u8, length: usize) -> Answer<()> {
    let arguments = [start.addr(), length, word(libc::PROT_READ), 0, 0, 0];
    // SAFETY: the caller vouches for the mapping.
    answer(unsafe { syscall6(number(libc::SYS_mprotect), arguments) }).map(|_| ())
}

/// munmap(2).
///
/// # Safety
/// `start` and `length` must be a mapping of ours to which no reference is left.
pub(crate) unsafe fn unmap(start: *mut u8, length: usize) {
    // SAFETY: the caller vouches for the mapping.
    unsafe { syscall6(number(libc::SYS_munmap), [start.addr(), length, 0, 0, 0, 0]) };
}

/// Whether a page is mapped, as mincore(2) says.
pub(crate) fn is_mapped(page: usize) -> bool {
    let mut state = 0_u8;
    let arguments = [page, 1, (&raw mut state).addr(), 0, 0, 0];
    // SAFETY: the kernel writes a byte for each page.
    answer(unsafe { syscall6(number(libc::SYS_mincore), arguments) }).is_ok()
}

/// Fills the bytes from an address of the process's own, which need not be mapped: EFAULT then.
pub(crate) fn copy_own(address: usize, bytes: &mut [u8]) -> Answer<()> {
    let own = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let from = core::ptr::with_exposed_provenance_mut(address);
    let there = libc::iovec { iov_base: from, iov_len: bytes.len() };
    let (own, there) = ((&raw const own).addr(), (&raw const there).addr());
    // SAFETY: the kernel reads the two descriptions and writes within the bytes.
    let copied = answer(unsafe {
        syscall6(number(libc::SYS_process_vm_readv), [process() as usize, own, 1, there, 1, 0])
    })?;
    if copied == bytes.len() { Ok(()) } else { Err(Errno::EFAULT) }
}

/// Larger than any stack, and smaller than what lies between a stack and what has nothing to do
/// with it.
const LARGEST_STACK: usize = 1 << 30;

/// An address up to which the stack is mapped that a stack pointer points into: its end, or, for a
/// stack that is neither the first one nor a thread's own, the end of the page.
pub(crate) fn stack_end(pointer: usize) -> usize {
    let ends = [crate::elf::stack_end(), arch::thread_block()];
    let is_near = |end: &usize| (pointer..pointer.saturating_add(LARGEST_STACK)).contains(end);
    ends.into_iter().filter(is_near).min().unwrap_or((pointer | 0xfff).saturating_add(1))
}
