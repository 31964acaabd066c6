//! Whether the machine knows a thread to be outside Java: only there may it be asked anything.
//!
//! Code of a library usually runs there, but not always: a call by `java.lang.foreign` that is marked
//! as critical leaves the thread inside, and the machine itself loads an agent's library from within.
//! No interface tells one from the other, so the thread's own word about it is read, where the
//! machine tells debuggers that it lies.

#![expect(unsafe_code, reason = "reads the machine's description of itself")]

use core::ffi::{CStr, c_char, c_int, c_void};

use super::bind::Library;
use super::jni::{Env, Ref};
use super::jvmti::Tools;
use crate::arm::State;
use crate::sys;

/// `_thread_in_native`, in every HotSpot.
const IN_NATIVE: c_int = 4;
/// The fields that the machine describes at most; it has some two thousand.
const DESCRIBED: usize = 20_000;
/// The bytes of the machine's own object for a thread, at most.
const LARGEST: usize = 1 << 16;

/// From a thread's environment to the word that says where it runs: both are parts of the machine's
/// own object for the thread, each at a place of its own.
#[derive(Clone, Copy)]
pub(crate) struct Outside {
    environment: usize,
    word: usize,
}

impl Outside {
    /// `None` where the machine does not describe itself, or not rightly. The calling thread must be
    /// outside Java.
    pub(super) fn find(state: &State, env: Env, tools: Tools, class: Ref) -> Option<Self> {
        let thread = tools.current_thread()?;
        let field = env.field(class, c"eetop", c"J")?;
        let object = usize::try_from(env.long(thread, field)).ok().filter(|object| *object != 0)?;
        let environment = env.raw().addr().checked_sub(object)?;
        let library = Library::of(state, env)?;
        let word = described(state, library, c"JavaThread", c"_thread_state")?;
        let found = Self { environment, word };
        (environment < LARGEST && word < LARGEST && found.is_outside(env)).then_some(found)
    }

    /// Whether the calling thread, whose environment that is, is outside Java.
    pub(crate) fn is_outside(self, env: Env) -> bool {
        let object = env.raw().cast::<u8>().wrapping_sub(self.environment);
        let word = object.wrapping_add(self.word).cast::<c_int>();
        // SAFETY: a word of the machine's object for the calling thread, which nobody else writes
        // while the thread runs and which lives as long as it; `find` has seen both places be right.
        (unsafe { word.read_volatile() }) == IN_NATIVE
    }
}

/// Where a field of a class of the machine's lies in its objects.
fn described(state: &State, library: Library, class: &CStr, field: &CStr) -> Option<usize> {
    let number = |name| {
        let number = word_at::<u64>(library.symbol(state, name))?;
        usize::try_from(number).ok()
    };
    let stride = number(c"gHotSpotVMStructEntryArrayStride")?;
    let class_place = number(c"gHotSpotVMStructEntryTypeNameOffset")?;
    let field_place = number(c"gHotSpotVMStructEntryFieldNameOffset")?;
    let offset_place = number(c"gHotSpotVMStructEntryOffsetOffset")?;
    let mut entry = word_at::<*const c_void>(library.symbol(state, c"gHotSpotVMStructs"))?;
    for _ in 0..DESCRIBED {
        // The last one has no names.
        let of = text_at(entry.wrapping_byte_add(class_place))?;
        let name = text_at(entry.wrapping_byte_add(field_place))?;
        if of == class && name == field {
            let offset = word_at::<u64>(entry.wrapping_byte_add(offset_place))?;
            return usize::try_from(offset).ok();
        }
        entry = entry.wrapping_byte_add(stride);
    }
    None
}

/// A text of the machine's description of itself.
fn text_at(place: *const c_void) -> Option<&'static CStr> {
    let text = word_at::<*const c_char>(place)?;
    // SAFETY: the texts of the description are C strings and constants of the machine's.
    (!sys::is_wild(text)).then(|| unsafe { CStr::from_ptr(text) })
}

/// A word of the description.
fn word_at<T: Copy>(place: *const c_void) -> Option<T> {
    // SAFETY: data that the machine exports, at places that it names itself.
    (!sys::is_wild(place)).then(|| unsafe { place.cast::<T>().read_unaligned() })
}
