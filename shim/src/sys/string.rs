//! A caller's C string, read once.

#![expect(unsafe_code, reason = "reads a caller's memory")]

use core::ffi::c_char;
use core::mem::MaybeUninit;

use super::arch;

/// Where a chunk of a path holds its NULs, slashes and dots: one bit a byte, the first byte lowest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub(crate) nul: u32,
    pub(crate) slash: u32,
    pub(crate) dot: u32,
}

/// The bytes that [`copy_chunk`] copies at once.
pub(crate) const CHUNK: usize = 16;

/// The page size, below which no protection changes.
const PAGE: usize = 4096;

/// Copies the 16 bytes at `offset` of a C string, once; behind its NUL come bytes that mean
/// nothing.
///
/// # Safety
/// The string must go on at `offset`: no earlier byte is its NUL.
#[inline(always)]
pub(crate) unsafe fn copy_chunk(
    start: *const c_char,
    offset: usize,
    into: &mut [MaybeUninit<u8>; CHUNK],
) -> Marks {
    let from = start.wrapping_add(offset).cast::<u8>();
    if from.addr() % PAGE > PAGE - CHUNK {
        // The string may end before the page does, and nothing may be mapped behind it.
        // SAFETY: the string goes on at `from`, as the caller vouches.
        unsafe { copy_slowly(from, into) }
    } else {
        // SAFETY: all 16 bytes lie in one page, and the first is the string's.
        unsafe { arch::copy_chunk(from, into) }
    }
}

/// Where a chunk of our own memory holds slashes, whether all of it was written or not: as
/// [`Marks::slash`].
#[inline(always)]
pub(crate) fn slashes(chunk: &[MaybeUninit<u8>; CHUNK]) -> u32 {
    let mut copy = [MaybeUninit::uninit(); CHUNK];
    // SAFETY: all 16 bytes are ours.
    unsafe { arch::copy_chunk(chunk.as_ptr().cast(), &mut copy) }.slash
}

/// # Safety
/// As [`copy_chunk`].
#[cold]
unsafe fn copy_slowly(mut from: *const u8, into: &mut [MaybeUninit<u8>; CHUNK]) -> Marks {
    let mut marks = Marks { nul: 0, slash: 0, dot: 0 };
    let mut bit = 1_u32;
    for place in into {
        // SAFETY: no byte before this one was NUL; volatile, so that it is read once though
        // another thread may change it.
        let byte = unsafe { from.read_volatile() };
        place.write(byte);
        match byte {
            0 => {
                marks.nul = bit;
                return marks;
            }
            b'/' => marks.slash |= bit,
            b'.' => marks.dot |= bit,
            _ => {}
        }
        bit <<= 1;
        from = from.wrapping_add(1);
    }
    marks
}

/// Whether a pointer of the caller's lies in the first page, where nothing is mapped: the kernel
/// answers EFAULT for it, and so do we.
pub(crate) fn is_wild<T>(pointer: *const T) -> bool {
    pointer.addr() < 4096
}
