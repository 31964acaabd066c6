//! The shim: what runs inside a fenced worker.
//!
//! The code here runs in somebody else's process, in any thread, at any moment: in a signal
//! handler, between fork and exec, in a vfork child that shares its parent's memory, on a stack of
//! 16 KiB, before any constructor. So it lives under these rules:
//!
//! 1. Fail closed: every way out of an error refuses the call or ends the process.
//! 2. No allocation, no lock, no panic, no thread-local variable but the words of `lineage`, no formatting
//!    machinery, no environment look-up and no `dlsym` in a hook. There is no allocator to call; what libc's own
//!    function would allocate, as the walkers do, comes from libc's (`act::heap`).
//! 3. Own system calls only (`sys`). No call to a name that another object can define: the
//!    few imports are listed in a test. Where libc has to do the work, its own definition is
//!    found in its tables (`interpose`).
//! 4. What is judged is a text in our own buffer; what is acted on is that text (`place`).
//!    The caller's memory is read once.
//! 5. errno is part of the ABI: untouched when a call passes, exactly one value when it fails.
//! 6. At most 9 KiB of stack.
//! 7. Nothing changes after arming (`arm`) but counters.
//! 8. `unsafe` is an address: the files that open with `#![expect(unsafe_code, …)]`.
//!
//! A new interposed call is a row in `hooks` and an act in the family's file under `act`.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::large_stack_arrays,
    clippy::wildcard_enum_match_arm
)]

mod act;
mod arm;
mod caller;
mod children;
mod doors;
mod elf;
mod exceptions;
mod gates;
mod hooks;
mod interpose;
mod jvm;
mod lineage;
mod place;
mod programs;
mod python;
mod report;
mod sys;
mod table;
mod text;
mod threads;

/// There is no allocator: a hook that allocates ends the process.
#[cfg(not(test))]
mod nothing_to_allocate {
    #![expect(unsafe_code, reason = "the trait is unsafe to implement")]

    use core::alloc::{GlobalAlloc, Layout};

    struct None;

    // SAFETY: null is the answer for "no memory", so no memory is ever handed out.
    unsafe impl GlobalAlloc for None {
        unsafe fn alloc(&self, _: Layout) -> *mut u8 {
            core::ptr::null_mut()
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    #[global_allocator]
    static NONE: None = None;
}

/// A fault in a hook must not let the call through: the process ends.
#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    let message =
        b"ringfence: a fault inside the fence; the process ends rather than run unfenced\n";
    // Nothing is left to do about a message that cannot be written.
    let _ = sys::write(2, message);
    sys::exit(134)
}
