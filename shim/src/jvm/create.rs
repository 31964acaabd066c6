//! What a machine is created with.

#![expect(unsafe_code, reason = "reads the options of a machine")]

use core::ffi::{CStr, c_char, c_int, c_void};

use super::bind::give_up;
use crate::act::vector;
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

/// The variables whose words the machine takes for options of its own.
const VARIABLES: [&[u8]; 2] = [b"JAVA_TOOL_OPTIONS", b"_JAVA_OPTIONS"];

/// What options ask for that class rules cannot go along with.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// To come back from a checkpoint.
    restores: bool,
    /// To note which classes an archive of JDK 24 and later is to have.
    records: bool,
    /// To make the archive of what was noted, where no program runs.
    assembles: bool,
}

impl Asked {
    fn note(&mut self, options: &[u8]) {
        self.restores |= says(options, b"-XX:CRaCRestoreFrom");
        self.records |=
            says(options, b"-XX:AOTCacheOutput") || says(options, b"-XX:AOTMode=record");
        self.assembles |= says(options, b"-XX:AOTMode=create");
    }
}

/// Whether a word stands in options; the machine leaves quotes out wherever they stand.
fn says(options: &[u8], word: &[u8]) -> bool {
    (0..options.len()).any(|from| {
        let rest = options.get(from..).unwrap_or_default();
        let mut rest = rest.iter().filter(|byte| !matches!(byte, b'\'' | b'"'));
        word.iter().all(|byte| rest.next() == Some(byte))
    })
}

/// Ends the process where the machine would come back from a checkpoint: with it would come the
/// fence that there was then, whatever the policy says now. Nor can it note classes for an archive:
/// it leaves out those that were changed, and does not survive that they are missing.
///
/// # Safety
/// `arguments` must be null or a `JavaVMInitArgs`.
pub(super) unsafe fn check_options(arguments: *mut c_void) {
    let mut asked = Asked::default();
    // SAFETY: as this function's own contract says.
    unsafe {
        each_option(arguments, |option| asked.note(option));
    }
    for name in VARIABLES {
        // SAFETY: the machine reads the variable at the same moment, by the same promise.
        if let Some(options) = unsafe { vector::variable(name) } {
            asked.note(options);
        }
    }
    if asked.restores {
        give_up(
            b"RF408",
            b"-XX:CRaCRestoreFrom brings back the fence of the checkpoint, not this policy's",
            b"start Java without it",
        );
    }
    if asked.records && !asked.assembles {
        give_up(
            b"RF409",
            b"under rules about Java classes no AOT cache can be made",
            b"make it without a fence; it may be used with one",
        );
    }
}

/// Shows each option that a machine is created with.
///
/// # Safety
/// As [`check_options`].
unsafe fn each_option(arguments: *mut c_void, mut show: impl FnMut(&[u8])) {
    // SAFETY: as this function's own contract says.
    let Some(arguments) = (unsafe { arguments.cast::<Arguments>().as_ref() }) else { return };
    for number in 0..usize::try_from(arguments.count).unwrap_or(0) {
        if sys::is_wild(arguments.options) {
            return;
        }
        // SAFETY: there are as many options as the structure says.
        let option = unsafe { arguments.options.wrapping_add(number).read() };
        if !sys::is_wild(option.text) {
            // SAFETY: an option's text is a C string.
            show(unsafe { CStr::from_ptr(option.text) }.to_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn an_option_is_found_among_others_and_in_quotes() {
        let word = b"-XX:CRaCRestoreFrom";
        assert!(says(b"-Xmx1g -XX:CRaCRestoreFrom=/x", word));
        assert!(says(b"\"-XX:CRaC\"'Restore'From=/x", word));
        assert!(!says(b"-XX:CRaCCheckpointTo=/x -XX:CRaC RestoreFrom", word));
        assert!(!says(b"", word));
    }
}
