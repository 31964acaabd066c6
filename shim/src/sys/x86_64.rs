//! What only this architecture knows: the system call instruction, and the memory functions that
//! the compiler calls by name.

#![expect(unsafe_code, reason = "the system call instruction and the entry points in assembly")]

use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8, _mm_storeu_si128,
};
use core::arch::{asm, global_asm};
use core::mem::MaybeUninit;

use super::{CHUNK, Marks};

/// Performs a system call; the answer is the kernel's: a negative errno, or a result.
///
/// # Safety
/// The arguments must be what system call `number` demands: pointers valid for what it reads and
/// writes, and no effect on memory that Rust believes its own.
#[inline(always)]
pub(crate) unsafe fn syscall6(number: usize, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    let answer: isize;
    // SAFETY: the caller vouches for the arguments; the kernel changes rcx and r11 and no other
    // register but rax.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => answer,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    answer
}

/// Copies 16 bytes and says which of them are NUL, slash and dot.
///
/// # Safety
/// All 16 bytes at `from` must be mapped; that some lie outside the caller's object does not
/// matter to the processor, and the compiler does not see it.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) unsafe fn copy_chunk(from: *const u8, into: &mut [MaybeUninit<u8>; CHUNK]) -> Marks {
    let text: __m128i;
    // SAFETY: reads 16 mapped bytes.
    unsafe {
        asm!(
            "movdqu {text}, [{from}]",
            from = in(reg) from,
            text = out(xmm_reg) text,
            options(nostack, readonly, preserves_flags),
        );
    }
    // SAFETY: writes the 16 bytes of `into`, wherever they begin.
    unsafe { _mm_storeu_si128(into.as_mut_ptr().cast(), text) };
    let places = |byte: u8| {
        let equal = _mm_cmpeq_epi8(text, _mm_set1_epi8(byte.cast_signed()));
        _mm_movemask_epi8(equal).cast_unsigned()
    };
    Marks { nul: places(0), slash: places(b'/'), dot: places(b'.') }
}

// Hidden, so that an executable's own `memcpy` never runs inside a hook: the compiler emits calls
// to these names.
#[cfg(not(test))]
global_asm!(
    ".pushsection .text.ringfence_memory,\"ax\",@progbits",
    ".hidden memcpy",
    ".globl memcpy",
    ".type memcpy,@function",
    "memcpy:",
    ".hidden memmove",
    ".globl memmove",
    ".type memmove,@function",
    "memmove:",
    // Up to 64 bytes, all is read before anything is written, so an overlap does no harm; `rep
    // movsb` takes longer to start than they take to copy.
    "mov rax, rdi",
    "cmp rdx, 16",
    "jae 22f",
    "cmp edx, 8",
    "jae 21f",
    "cmp edx, 4",
    "jae 20f",
    "test edx, edx",
    "je 29f",
    "mov r10, rdx",
    "shr r10, 1",
    "movzx ecx, byte ptr [rsi]",
    "movzx r8d, byte ptr [rsi + r10]",
    "movzx r9d, byte ptr [rsi + rdx - 1]",
    "mov byte ptr [rdi], cl",
    "mov byte ptr [rdi + r10], r8b",
    "mov byte ptr [rdi + rdx - 1], r9b",
    "29:",
    "ret",
    "20:",
    "mov ecx, dword ptr [rsi]",
    "mov r8d, dword ptr [rsi + rdx - 4]",
    "mov dword ptr [rdi], ecx",
    "mov dword ptr [rdi + rdx - 4], r8d",
    "ret",
    "21:",
    "mov rcx, qword ptr [rsi]",
    "mov r8, qword ptr [rsi + rdx - 8]",
    "mov qword ptr [rdi], rcx",
    "mov qword ptr [rdi + rdx - 8], r8",
    "ret",
    "22:",
    "movdqu xmm0, [rsi]",
    "movdqu xmm1, [rsi + rdx - 16]",
    "cmp rdx, 32",
    "ja 23f",
    "movdqu [rdi], xmm0",
    "movdqu [rdi + rdx - 16], xmm1",
    "ret",
    "23:",
    "cmp rdx, 64",
    "ja 24f",
    "movdqu xmm2, [rsi + 16]",
    "movdqu xmm3, [rsi + rdx - 32]",
    "movdqu [rdi], xmm0",
    "movdqu [rdi + 16], xmm2",
    "movdqu [rdi + rdx - 32], xmm3",
    "movdqu [rdi + rdx - 16], xmm1",
    "ret",
    "24:",
    "mov r8, rdi",
    "sub r8, rsi",
    "cmp r8, rdx",
    "jb 25f",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    // The target begins within the source: from the end, with the first bytes read before.
    "25:",
    "lea r8, [rdx - 16]",
    "26:",
    "movdqu xmm1, [rsi + r8]",
    "movdqu [rdi + r8], xmm1",
    "sub r8, 16",
    "ja 26b",
    "movdqu [rdi], xmm0",
    "ret",
    ".size memcpy, . - memcpy",
    ".size memmove, . - memmove",
    ".hidden memset",
    ".globl memset",
    ".type memset,@function",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
    ".size memset, . - memset",
    ".hidden bcmp",
    ".globl bcmp",
    ".type bcmp,@function",
    ".hidden memcmp",
    ".globl memcmp",
    ".type memcmp,@function",
    "bcmp:",
    "memcmp:",
    "xor ecx, ecx",
    "3:",
    "cmp rcx, rdx",
    "je 4f",
    "movzx eax, byte ptr [rdi + rcx]",
    "movzx r8d, byte ptr [rsi + rcx]",
    "inc rcx",
    "sub eax, r8d",
    "je 3b",
    "ret",
    "4:",
    "xor eax, eax",
    "ret",
    ".size memcmp, . - memcmp",
    ".hidden strlen",
    ".globl strlen",
    ".type strlen,@function",
    "strlen:",
    "xor eax, eax",
    "5:",
    "cmp byte ptr [rdi + rax], 0",
    "je 6f",
    "inc rax",
    "jmp 5b",
    "6:",
    "ret",
    ".size strlen, . - strlen",
    ".popsection",
);

// core is built to unwind; we abort, so nothing ever calls these.
#[cfg(not(test))]
global_asm!(
    ".pushsection .text.ringfence_unwinding,\"ax\",@progbits",
    ".hidden rust_eh_personality",
    ".globl rust_eh_personality",
    "rust_eh_personality:",
    "ud2",
    ".hidden _Unwind_Resume",
    ".globl _Unwind_Resume",
    "_Unwind_Resume:",
    "ud2",
    ".popsection",
);

/// clone(2) with a stack: the new task calls `run(argument)` and ends.
///
/// # Safety
/// As [`super::start`].
pub(super) unsafe fn start(
    flags: usize,
    top: *mut u8,
    run: unsafe extern "C" fn(*mut core::ffi::c_void),
    argument: *mut core::ffi::c_void,
) -> isize {
    let answer: isize;
    // SAFETY: the caller vouches for the stack and the function; the new task never leaves this
    // block, and the old one comes back with what the kernel changes marked as changed.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 7f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "xor edi, edi",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "7:",
            exit = const libc::SYS_exit,
            inlateout("rax") super::number(libc::SYS_clone) => answer,
            in("rdi") flags,
            in("rsi") top,
            in("rdx") 0_usize,
            in("r10") 0_usize,
            in("r8") 0_usize,
            in("r12") run,
            in("r13") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    answer
}

// Six words of each thread, in the block that ld.so makes for the libraries of the start.
global_asm!(
    ".pushsection .tbss.ringfence_lineage,\"awT\",@nobits",
    ".hidden ringfence_lineage",
    ".globl ringfence_lineage",
    ".type ringfence_lineage, @tls_object",
    ".size ringfence_lineage, 48",
    ".balign 16",
    "ringfence_lineage:",
    ".zero 48",
    ".popsection",
);

// One word more of each thread.
global_asm!(
    ".pushsection .tbss.ringfence_held,\"awT\",@nobits",
    ".hidden ringfence_held",
    ".globl ringfence_held",
    ".type ringfence_held, @tls_object",
    ".size ringfence_held, 8",
    ".balign 8",
    "ringfence_held:",
    ".zero 8",
    ".popsection",
);

/// Where the calling thread's word is for what was found out about it.
#[inline(always)]
pub(crate) fn held() -> *mut usize {
    let place: *mut usize;
    // SAFETY: as in `lineage`.
    unsafe {
        asm!(
            "mov {place}, qword ptr [rip + ringfence_held@GOTTPOFF]",
            "add {place}, qword ptr fs:[0]",
            place = out(reg) place,
            options(nostack, readonly),
        );
    }
    place
}

/// Where the calling thread's lineage is.
#[inline(always)]
pub(crate) fn lineage() -> *mut crate::lineage::Lineage {
    let place: *mut crate::lineage::Lineage;
    // SAFETY: reads the offset of the words from the library's own table, and the address of the
    // thread's block, which is the first word of that block.
    unsafe {
        asm!(
            "mov {place}, qword ptr [rip + ringfence_lineage@GOTTPOFF]",
            "add {place}, qword ptr fs:[0]",
            place = out(reg) place,
            options(nostack, readonly),
        );
    }
    place
}

/// The address of the calling thread's block, which libc puts at the end of the stacks that it
/// makes, and of those that a program gives it.
#[inline(always)]
pub(super) fn thread_block() -> usize {
    let block: usize;
    // SAFETY: the first word of the block is its own address.
    unsafe {
        asm!("mov {block}, qword ptr fs:[0]", block = out(reg) block, options(nostack, readonly));
    }
    block
}
