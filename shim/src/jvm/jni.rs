//! The JNI, as a table of functions: the slots that are needed, by their numbers in `jni.h`.
//!
//! The numbers are part of Java's binary interface and never change.

#![expect(unsafe_code, reason = "the border to the virtual machine")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where the machine's own code lies")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{NonNull, null_mut};

use super::bind::unbound;

/// A reference to a Java object, valid in the local frame that it was made in.
///
/// Only the machine makes them, so whatever a `Ref` is given to finds an object behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Ref(NonNull<c_void>);

impl Ref {
    /// What a function of the machine's returned; null is no object.
    pub(crate) fn new(raw: *mut c_void) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    pub(crate) const fn raw(self) -> *mut c_void {
        self.0.as_ptr()
    }
}

/// The name of a field, as the machine numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Field(pub(super) NonNull<c_void>);

/// The name of a method, as the machine numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Method(pub(super) NonNull<c_void>);

/// `JNIEnv *`, as the machine passes it to a native method.
pub(crate) type RawEnv = *mut *const *const c_void;
/// `JavaVM *`.
pub(crate) type RawVm = *mut *const *const c_void;

/// `JNI_OK`.
pub(crate) const OK: c_int = 0;
/// `JNI_VERSION_10`: the oldest that JDK 11 answers.
pub(crate) const VERSION_10: c_int = 0x000a_0000;
/// `JNI_VERSION_1_6`: what an environment is asked for.
const VERSION_1_6: c_int = 0x0001_0006;

/// One native method for `RegisterNatives`.
#[repr(C)]
pub(crate) struct Native {
    pub(crate) name: *const c_char,
    pub(crate) signature: *const c_char,
    pub(crate) function: *const c_void,
}

/// The calling thread's way into the machine. It is never kept beyond the call that it came with.
#[derive(Clone, Copy)]
pub(crate) struct Env(NonNull<*const *const c_void>);

/// The function in slot `$index`.
macro_rules! slot {
    ($env:expr, $index:literal, fn($($ty:ty),*) -> $ret:ty) => {{
        // SAFETY: an environment is a pointer to a table that lives as long as the machine.
        let table = unsafe { $env.0.read() };
        // SAFETY: jni.h says what stands in that slot, and slots are never taken away.
        let entry = unsafe { table.wrapping_add($index).read() };
        // SAFETY: jni.h declares the function in that slot with this type.
        unsafe {
            core::mem::transmute::<*const c_void, unsafe extern "C" fn(RawEnv $(, $ty)*) -> $ret>(
                entry,
            )
        }
    }};
}

/// Calls the function in a slot.
macro_rules! call {
    ($env:expr, $index:literal, ($($arg:expr => $ty:ty),*) -> $ret:ty) => {{
        let entry = slot!($env, $index, fn($($ty),*) -> $ret);
        // SAFETY: the arguments are the machine's own references and texts of ours that live
        // through the call, as the slot's description demands.
        unsafe { entry($env.0.as_ptr() $(, $arg)*) }
    }};
}

impl Env {
    /// The environment that the machine passed.
    ///
    /// # Safety
    /// `raw` must be null or the calling thread's `JNIEnv *`, and the thread in native state.
    pub(crate) unsafe fn new(raw: RawEnv) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    pub(crate) const fn raw(self) -> RawEnv {
        self.0.as_ptr()
    }

    /// The address of a function of the machine's own library.
    pub(crate) fn address_within(self) -> usize {
        (slot!(self, 4, fn() -> c_int) as *const c_void).addr()
    }

    pub(crate) fn version(self) -> c_int {
        call!(self, 4, () -> c_int)
    }

    /// Defines a class of the boot loader's.
    pub(crate) fn define_boot_class(self, name: &CStr, bytes: &[u8]) -> Option<Ref> {
        let length = c_int::try_from(bytes.len()).ok()?;
        let class = call!(self, 5, (
            name.as_ptr() => *const c_char, null_mut() => *mut c_void,
            bytes.as_ptr() => *const u8, length => c_int
        ) -> *mut c_void);
        self.answer(class)
    }

    pub(crate) fn superclass(self, class: Ref) -> Option<Ref> {
        Ref::new(call!(self, 10, (class.raw() => *mut c_void) -> *mut c_void))
    }

    /// Whether an object of `class` is one of `above` too.
    pub(crate) fn is_assignable(self, class: Ref, above: Ref) -> bool {
        call!(self, 11, (class.raw() => *mut c_void, above.raw() => *mut c_void) -> u8) != 0
    }

    /// Throws a new exception of that class; it is pending from then on.
    pub(crate) fn throw(self, class: Ref, message: &CStr) -> bool {
        let done = call!(self, 14, (
            class.raw() => *mut c_void, message.as_ptr() => *const c_char
        ) -> c_int);
        done == OK
    }

    /// Whether an exception is pending.
    pub(crate) fn is_pending(self) -> bool {
        call!(self, 228, () -> u8) != 0
    }

    /// Forgets a pending exception; whether there was one.
    pub(crate) fn clear(self) -> bool {
        let pending = self.is_pending();
        if pending {
            call!(self, 17, () -> ());
        }
        pending
    }

    fn answer(self, raw: *mut c_void) -> Option<Ref> {
        if self.clear() { None } else { Ref::new(raw) }
    }

    /// Runs `work` in a local frame of its own: no reference that it makes outlives it.
    ///
    /// A machine that gives no such frame (`-XX:MaxJNILocalCapacity`) ends: nothing could be judged.
    pub(crate) fn framed<T>(self, capacity: c_int, work: impl FnOnce() -> T) -> T {
        if call!(self, 19, (capacity => c_int) -> c_int) != OK {
            unbound(b"this Java gives no room for the references that rules about classes take");
        }
        let result = work();
        call!(self, 20, (null_mut() => *mut c_void) -> *mut c_void);
        result
    }

    /// A reference that is valid everywhere, for ever.
    pub(crate) fn keep(self, object: Ref) -> Option<Ref> {
        Ref::new(call!(self, 21, (object.raw() => *mut c_void) -> *mut c_void))
    }

    pub(crate) fn forget(self, object: Ref) {
        call!(self, 23, (object.raw() => *mut c_void) -> ());
    }

    pub(crate) fn is_same(self, one: Ref, other: Ref) -> bool {
        call!(self, 24, (one.raw() => *mut c_void, other.raw() => *mut c_void) -> u8) != 0
    }

    pub(crate) fn class_of(self, object: Ref) -> Option<Ref> {
        Ref::new(call!(self, 31, (object.raw() => *mut c_void) -> *mut c_void))
    }

    pub(crate) fn is_instance(self, object: Ref, class: Ref) -> bool {
        call!(self, 32, (object.raw() => *mut c_void, class.raw() => *mut c_void) -> u8) != 0
    }

    /// A field of instances. Looking for it may run the class's static initialiser.
    pub(crate) fn field(self, class: Ref, name: &CStr, signature: &CStr) -> Option<Field> {
        let field = call!(self, 94, (
            class.raw() => *mut c_void, name.as_ptr() => *const c_char,
            signature.as_ptr() => *const c_char
        ) -> *mut c_void);
        if self.clear() { None } else { NonNull::new(field).map(Field) }
    }

    /// What a field of `object` refers to; the field must be one of its class's.
    pub(crate) fn get(self, object: Ref, field: Field) -> Option<Ref> {
        let raw = field.0.as_ptr();
        Ref::new(call!(self, 95, (
            object.raw() => *mut c_void, raw => *mut c_void
        ) -> *mut c_void))
    }

    /// What a field of `object` holds that is a `long`; the field must be one of its class's.
    pub(crate) fn long(self, object: Ref, field: Field) -> i64 {
        let raw = field.0.as_ptr();
        call!(self, 101, (object.raw() => *mut c_void, raw => *mut c_void) -> i64)
    }

    /// A static method.
    pub(crate) fn static_method(self, class: Ref, name: &CStr, signature: &CStr) -> Option<Method> {
        let method = call!(self, 113, (
            class.raw() => *mut c_void, name.as_ptr() => *const c_char,
            signature.as_ptr() => *const c_char
        ) -> *mut c_void);
        if self.clear() { None } else { NonNull::new(method).map(Method) }
    }

    /// Calls a static method of one object that answers yes or no; an exception is `None`.
    pub(crate) fn ask(self, class: Ref, method: Method, object: Ref) -> Option<bool> {
        let arguments = [object.raw()];
        let answer = call!(self, 119, (
            class.raw() => *mut c_void, method.0.as_ptr() => *mut c_void,
            arguments.as_ptr() => *const *mut c_void
        ) -> u8);
        if self.clear() { None } else { Some(answer != 0) }
    }

    /// The same for a method that answers an object.
    pub(crate) fn call(self, class: Ref, method: Method) -> Option<Ref> {
        let arguments = [null_mut()];
        let answer = call!(self, 116, (
            class.raw() => *mut c_void, method.0.as_ptr() => *mut c_void,
            arguments.as_ptr() => *const *mut c_void
        ) -> *mut c_void);
        self.answer(answer)
    }

    /// A static field of that class. Looking for it may run the class's static initialiser.
    pub(crate) fn static_object(self, class: Ref, name: &CStr, signature: &CStr) -> Option<Ref> {
        let field = call!(self, 144, (
            class.raw() => *mut c_void, name.as_ptr() => *const c_char,
            signature.as_ptr() => *const c_char
        ) -> *mut c_void);
        if self.clear() || field.is_null() {
            return None;
        }
        Ref::new(call!(self, 145, (
            class.raw() => *mut c_void, field => *mut c_void
        ) -> *mut c_void))
    }

    /// Copies a string, as modified UTF-8; `None` when it does not fit.
    pub(crate) fn text(self, string: Ref, into: &mut [u8]) -> Option<&[u8]> {
        let length = call!(self, 168, (string.raw() => *mut c_void) -> c_int);
        let length = usize::try_from(length).ok()?;
        // The machine puts a NUL behind it.
        if length >= into.len() {
            return None;
        }
        let characters = call!(self, 164, (string.raw() => *mut c_void) -> c_int);
        call!(self, 221, (
            string.raw() => *mut c_void, 0 => c_int, characters => c_int,
            into.as_mut_ptr() => *mut u8
        ) -> ());
        if self.clear() { None } else { into.get(..length) }
    }

    pub(crate) fn array_length(self, array: Ref) -> c_int {
        call!(self, 171, (array.raw() => *mut c_void) -> c_int)
    }

    /// An element of an array of objects, at an index below its length.
    pub(crate) fn element(self, array: Ref, index: c_int) -> Option<Ref> {
        let element = call!(self, 173, (array.raw() => *mut c_void, index => c_int) -> *mut c_void);
        self.answer(element)
    }

    pub(crate) fn register(self, class: Ref, natives: &[Native]) -> bool {
        let Ok(count) = c_int::try_from(natives.len()) else { return false };
        let done = call!(self, 215, (
            class.raw() => *mut c_void, natives.as_ptr() => *const Native, count => c_int
        ) -> c_int);
        !self.clear() && done == OK
    }

    /// The machine that the environment belongs to.
    pub(crate) fn machine(self) -> Option<Machine> {
        let mut vm: RawVm = null_mut();
        let done = call!(self, 219, (&raw mut vm => *mut RawVm) -> c_int);
        if done == OK { NonNull::new(vm).map(Machine) } else { None }
    }
}

/// A Java machine: `JavaVM *`.
#[derive(Clone, Copy)]
pub(crate) struct Machine(NonNull<*const *const c_void>);

// SAFETY: the invocation interface may be called from any thread (JNI, "The Invocation API").
unsafe impl Send for Machine {}
// SAFETY: as above; the pointer itself never changes.
unsafe impl Sync for Machine {}

impl Machine {
    /// An environment of the calling thread's: of JVMTI by its version; `None` where there is none.
    pub(crate) fn environment(self, version: c_int) -> Option<NonNull<c_void>> {
        let mut env: *mut c_void = null_mut();
        let entry = slot!(self, 6, fn(*mut *mut c_void, c_int) -> c_int);
        // SAFETY: GetEnv writes one pointer, and may be called from any thread.
        let done = unsafe { entry(self.0.as_ptr(), &raw mut env, version) };
        if done == OK { NonNull::new(env) } else { None }
    }

    /// The calling thread's JNI environment, if it is attached.
    pub(crate) fn attached(self) -> Option<Env> {
        self.environment(VERSION_1_6).map(|env| Env(env.cast()))
    }
}
