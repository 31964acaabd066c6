//! What a machine is created with.

#![expect(unsafe_code, reason = "reads the options of a machine")]

use core::ffi::{CStr, c_char, c_int, c_void};

use super::bind::give_up;
use crate::sys;

/// `JavaVMInitArgs` of jni.h.
#[repr(C)]
struct Arguments {
    version: c_int,
    count: c_int,
    options: *const MachineOption,
    ignore_unrecognized: u8,
}

/// `JavaVMOption` of jni.h.
#[repr(C)]
struct MachineOption {
    text: *const c_char,
    extra: *mut c_void,
}

/// Ends the process where the machine would come back from a checkpoint: with it would come the
/// fence that there was then, whatever the policy says now.
///
/// # Safety
/// `arguments` must be null or a `JavaVMInitArgs`.
pub(super) unsafe fn check_options(arguments: *mut c_void) {
    // SAFETY: as this function's own contract says.
    let Some(arguments) = (unsafe { arguments.cast::<Arguments>().as_ref() }) else { return };
    for number in 0..usize::try_from(arguments.count).unwrap_or(0) {
        if sys::is_wild(arguments.options) {
            return;
        }
        // SAFETY: there are as many options as the structure says.
        let option = unsafe { arguments.options.wrapping_add(number).read() };
        if sys::is_wild(option.text) {
            continue;
        }
        // SAFETY: an option's text is a C string.
        let text = unsafe { CStr::from_ptr(option.text) }.to_bytes();
        if text.starts_with(b"-XX:CRaCRestoreFrom") {
            give_up(
                b"RF408",
                b"-XX:CRaCRestoreFrom brings back the fence of the checkpoint, not this policy's",
                b"start Java without it",
            );
        }
    }
}
