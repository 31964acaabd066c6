//! The hooks that are no plain functions: those that libc must see called by the caller itself,
//! and those whose arguments C declares with `...` past the first.
//!
//! A door saves the registers that carry arguments, asks its act what is to become of them, puts
//! them back and jumps to the address that the act answers: libc's own function, which then
//! returns to the caller, or a stub that returns a value.

#![expect(unsafe_code, reason = "naked functions, and the registers of a call")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where code lies is what a door answers")]

use core::arch::naked_asm;
use core::ffi::{c_char, c_int, c_long, c_void};

use crate::act::loader::{self, Symbol};
use crate::act::{debug, number, spaces, start};
use crate::arm::armed;
use crate::caller::Frame;
use crate::interpose::Hook;
use crate::report::Call;
use crate::sys::{self, Answer, Errno};

/// The body of a door: `$judge` gets the registers and the door's number, and answers where to go.
macro_rules! door_body {
    ($judge:path, $number:expr) => {
        // The stack is aligned when a function is called; 8 bytes are its return address.
        // What is judged on the way asks who calls, and so goes through this frame too.
        core::arch::naked_asm!(
            ".cfi_startproc",
            "sub rsp, 72",
            ".cfi_adjust_cfa_offset 72",
            "mov [rsp], rdi",
            "mov [rsp + 8], rsi",
            "mov [rsp + 16], rdx",
            "mov [rsp + 24], rcx",
            "mov [rsp + 32], r8",
            "mov [rsp + 40], r9",
            "lea rax, [rsp + 80]",
            "mov [rsp + 48], rax",
            "mov [rsp + 56], rbp",
            "mov rdi, rsp",
            "mov esi, {number}",
            "call {judge}",
            "mov rdi, [rsp]",
            "mov rsi, [rsp + 8]",
            "mov rdx, [rsp + 16]",
            "mov rcx, [rsp + 24]",
            "mov r8, [rsp + 32]",
            "mov r9, [rsp + 40]",
            "add rsp, 72",
            ".cfi_adjust_cfa_offset -72",
            "jmp rax",
            ".cfi_endproc",
            judge = sym $judge,
            number = const $number,
        )
    };
}
pub(crate) use door_body;

/// What a call brought along, and with what libc is called, in the order of the x86-64 ABI.
#[repr(C)]
pub(crate) struct Registers {
    words: [usize; 6],
    /// The caller's words on the stack, from the seventh argument on.
    stack: *const usize,
    /// The caller's rbp.
    base: usize,
}

impl Registers {
    /// The first six arguments.
    pub(crate) const fn words(&self) -> [usize; 6] {
        self.words
    }

    /// The frame that the call was made from.
    pub(crate) fn frame(&self) -> Frame {
        // SAFETY: a call leaves it right below the caller's words on the stack.
        let code = unsafe { self.stack.wrapping_sub(1).read() };
        Frame { code, stack: self.stack.expose_provenance(), base: self.base }
    }
}

/// What becomes of a call.
pub(crate) type Next = *const c_void;

/// Makes doors: `symbol => function of the registers that answers where to go on;`
macro_rules! doors {
    ($($name:ident => $judge:path;)*) => {
        $(
            #[unsafe(naked)]
            #[cfg_attr(not(test), unsafe(no_mangle))]
            unsafe extern "C" fn $name() {
                door_body!($judge, 0)
            }
        )*
    };
}

/// Makes doors for functions whose arguments end with a list: `symbol => function of the first
/// argument and the list, as an array that a null ends`.
///
/// The list lies in registers and goes on on the stack behind the return address. With that out of
/// the way and the registers pushed, it is one array.
macro_rules! list_doors {
    ($($name:ident => $act:path;)*) => {
        $(
            /// The function behind the door of that name, which is in [`crate::programs`].
            #[unsafe(naked)]
            pub(crate) unsafe extern "C" fn $name() {
                naked_asm!(
                    "pop rax",
                    "push r9",
                    "push r8",
                    "push rcx",
                    "push rdx",
                    "push rsi",
                    "mov rsi, rsp",
                    // Also aligns the stack: six words and the return address were even.
                    "push rax",
                    "call {act}",
                    "pop rcx",
                    "add rsp, 40",
                    "push rcx",
                    "ret",
                    act = sym $act,
                )
            }
        )*
    };
}

/// Lists every hook of this file.
macro_rules! list {
    ($($name:ident)*) => {
        /// Every hook of this file.
        pub(crate) static DOORS: &[Hook] = &[$(
            Hook { name: concat!(stringify!($name), "\0").as_bytes(), entry: $name as Next },
        )*];
    };
}

doors! {
    dlopen => judge_dlopen;
    dlmopen => judge_dlmopen;
    dlsym => judge_dlsym;
    dlvsym => judge_dlvsym;
    clone => judge_clone;
    __clone => judge_clone;
    ptrace => judge_ptrace;
    syscall => judge_syscall;
}

list_doors! {
    execl => exec_list;
    execle => exec_list_environment;
    execlp => exec_list_search;
}

list! { dlopen dlmopen dlsym dlvsym clone __clone ptrace syscall }

/// Returns its first argument to the caller.
#[unsafe(naked)]
unsafe extern "C" fn give_back() {
    naked_asm!("mov rax, rdi", "ret")
}

/// Where to go on to return a value.
pub(crate) fn answer(registers: &mut Registers, value: usize) -> Next {
    registers.words = [value, 0, 0, 0, 0, 0];
    give_back as Next
}

/// Where to go on to fail with an errno.
pub(crate) fn fail(registers: &mut Registers, errno: Errno) -> Next {
    sys::set_errno(errno);
    answer(registers, usize::MAX)
}

/// The low half of a register, as C's int has it.
#[expect(clippy::cast_possible_truncation, reason = "the upper half of an int's register is noise")]
const fn int(word: usize) -> c_int {
    word as u32 as c_int
}

const fn word(value: c_int) -> usize {
    value.cast_unsigned() as usize
}

fn text(word: usize) -> *const c_char {
    core::ptr::with_exposed_provenance(word)
}

extern "C" fn judge_dlopen(registers: &mut Registers) -> Next {
    let state = armed();
    let [name, flags, ..] = registers.words;
    // SAFETY: the caller called dlopen(3), which demands a C string or null.
    let (name, flags) = unsafe { loader::open(state, Call("dlopen"), text(name), int(flags)) };
    registers.words = [name.expose_provenance(), word(flags), 0, 0, 0, 0];
    state.next.dlopen as Next
}

extern "C" fn judge_dlmopen(registers: &mut Registers) -> Next {
    let state = armed();
    let [space, name, flags, ..] = registers.words;
    let (space, name, flags) = {
        let (call, space) = (Call("dlmopen"), space.cast_signed());
        // SAFETY: the caller called dlmopen(3), which demands a C string or null.
        unsafe { loader::open_in_space(state, call, space, text(name), int(flags)) }
    };
    registers.words = [space.cast_unsigned(), name.expose_provenance(), word(flags), 0, 0, 0];
    state.next.dlmopen as Next
}

extern "C" fn judge_dlsym(registers: &mut Registers) -> Next {
    let state = armed();
    let [handle, name, ..] = registers.words;
    let handle = core::ptr::with_exposed_provenance_mut(handle);
    // SAFETY: the caller called dlsym(3), with what that demands.
    let symbol = unsafe { loader::symbol(state, handle, text(name)) };
    go_on(registers, symbol, state.next.dlsym as Next)
}

extern "C" fn judge_dlvsym(registers: &mut Registers) -> Next {
    let state = armed();
    let [handle, name, version, ..] = registers.words;
    let handle = core::ptr::with_exposed_provenance_mut(handle);
    // SAFETY: the caller called dlvsym(3), with what that demands.
    let symbol = unsafe { loader::versioned_symbol(state, handle, text(name), text(version)) };
    go_on(registers, symbol, state.next.dlvsym as Next)
}

fn go_on(registers: &mut Registers, symbol: Symbol, libc: Next) -> Next {
    match symbol {
        Symbol::Ours(entry) => answer(registers, entry.expose_provenance()),
        Symbol::Found(found) => answer(registers, found.expose_provenance()),
        Symbol::AskLibc => libc,
    }
}

extern "C" fn judge_clone(registers: &mut Registers) -> Next {
    let state = armed();
    let [_, _, flags, ..] = registers.words;
    let flags = u64::from(int(flags).cast_unsigned());
    if spaces::makes_spaces(state, flags) {
        return fail(registers, Errno::EPERM);
    }
    match number::makes_thread(state, Call("clone"), flags, registers.frame()) {
        Ok(()) => state.next.clone as Next,
        Err(errno) => fail(registers, errno),
    }
}

extern "C" fn judge_ptrace(registers: &mut Registers) -> Next {
    let state = armed();
    match debug::may_debug(state) {
        Ok(()) => state.next.ptrace as Next,
        Err(errno) => fail(registers, errno),
    }
}

extern "C" fn judge_syscall(registers: &mut Registers) -> Next {
    let state = armed();
    let [call, a, b, c, d, e] = registers.words;
    // Nobody asked for a fence, or nothing is to be judged.
    if state.environment.is_none() || !number::is_judged(call) {
        return state.next.syscall as Next;
    }
    // SAFETY: the seventh argument lies in front of the caller's frame: syscall(2) takes seven,
    // and what stands there when fewer were given is read by libc's own function too.
    let f = unsafe { registers.stack.read() };
    let call = c_long::from_ne_bytes(call.to_ne_bytes());
    // SAFETY: the caller's own system call, with what that demands.
    match unsafe { number::act(state, call, [a, b, c, d, e, f], registers.frame()) } {
        number::Outcome::Pass => state.next.syscall as Next,
        number::Outcome::Refuse(errno) => fail(registers, errno),
        number::Outcome::Done(value) => answer(registers, value),
    }
}

type List = *const *const c_char;

extern "C" fn exec_list(path: *const c_char, list: List) -> c_int {
    // SAFETY: the caller called execl(3), whose list ends with a null.
    refused(unsafe { start::here(armed(), Call("execl"), path, list) })
}

extern "C" fn exec_list_environment(path: *const c_char, list: List) -> c_int {
    // SAFETY: the caller called execle(3), whose list ends with a null and an array behind it.
    refused(unsafe { start::list_with_environment(armed(), Call("execle"), path, list) })
}

extern "C" fn exec_list_search(file: *const c_char, list: List) -> c_int {
    // SAFETY: the caller called execlp(3), whose list ends with a null.
    refused(unsafe { start::search_here(armed(), Call("execlp"), file, list) })
}

fn refused(answer: Answer<c_int>) -> c_int {
    if let Err(errno) = answer {
        sys::set_errno(errno);
    }
    -1
}
