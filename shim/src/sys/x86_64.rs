//! What only this architecture knows: the system call instruction, and the memory functions that
//! the compiler calls by name.

#![expect(unsafe_code, reason = "the system call instruction and the entry points in assembly")]

use core::arch::asm;
#[cfg(not(test))]
use core::arch::global_asm;
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
#[inline(always)]
pub(super) unsafe fn copy_chunk(from: *const u8, into: &mut [MaybeUninit<u8>; CHUNK]) -> Marks {
    let (nul, slash, dot): (u32, u32, u32);
    // SAFETY: reads 16 mapped bytes, writes the 16 bytes of `into`.
    unsafe {
        asm!(
            "movdqu {text}, [{from}]",
            "movdqu [{into}], {text}",
            "pxor {probe}, {probe}",
            "pcmpeqb {probe}, {text}",
            "pmovmskb {nul:e}, {probe}",
            "movd {probe}, {slashes:e}",
            "pshufd {probe}, {probe}, 0",
            "pcmpeqb {probe}, {text}",
            "pmovmskb {slash:e}, {probe}",
            "movd {probe}, {dots:e}",
            "pshufd {probe}, {probe}, 0",
            "pcmpeqb {probe}, {text}",
            "pmovmskb {dot:e}, {probe}",
            from = in(reg) from,
            into = in(reg) into.as_mut_ptr(),
            slashes = in(reg) 0x2f2f_2f2f_u32,
            dots = in(reg) 0x2e2e_2e2e_u32,
            text = out(xmm_reg) _,
            probe = out(xmm_reg) _,
            nul = out(reg) nul,
            slash = out(reg) slash,
            dot = out(reg) dot,
            options(nostack),
        );
    }
    Marks { nul, slash, dot }
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
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    ".size memcpy, . - memcpy",
    ".hidden memmove",
    ".globl memmove",
    ".type memmove,@function",
    "memmove:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "mov r8, rdi",
    "sub r8, rsi",
    "cmp r8, rdx",
    "jb 2f",
    "rep movsb",
    "ret",
    "2:",
    "lea rdi, [rdi + rdx - 1]",
    "lea rsi, [rsi + rdx - 1]",
    "std",
    "rep movsb",
    "cld",
    "ret",
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
