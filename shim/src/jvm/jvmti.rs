//! JVMTI, as a table of functions: the slots that are needed, by their numbers in `jvmti.h`.

#![expect(unsafe_code, reason = "the border to the virtual machine")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "the machine calls a function of ours")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{NonNull, null_mut};

use super::jni::{Field, Machine, Method, RawEnv, Ref};

/// `JVMTI_VERSION_1_2`: has all that is needed, in every machine from JDK 11 on.
const VERSION: c_int = 0x3001_0200;
/// `JVMTI_PHASE_LIVE`.
const LIVE: c_int = 4;
/// `JVMTI_EVENT_CLASS_FILE_LOAD_HOOK`.
const CLASS_FILE_LOAD: c_int = 54;
/// Its place among the callbacks, which stand in the order of events, from number 50 on.
const CLASS_FILE_LOAD_PLACE: usize = 4;
/// `can_tag_objects`.
const CAN_TAG: u64 = 1;
/// `can_retransform_classes`.
const CAN_RETRANSFORM: u64 = 1 << 37;
/// `ACC_STATIC`.
const STATIC: c_int = 8;

/// `ACC_ABSTRACT`.
const ABSTRACT: c_int = 0x400;

/// `jvmtiFrameInfo`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) method: Option<Method>,
    pub(crate) location: i64,
}

impl Frame {
    pub(crate) const NONE: Self = Self { method: None, location: 0 };
}

/// `jvmtiEventClassFileLoadHook`.
pub(crate) type OnClassFile = unsafe extern "C" fn(
    *mut c_void,
    RawEnv,
    *mut c_void,
    *mut c_void,
    *const c_char,
    *mut c_void,
    c_int,
    *const u8,
    *mut c_int,
    *mut *mut u8,
);

/// `jvmtiHeapObjectCallback`.
type OnObject = unsafe extern "C" fn(i64, i64, *mut i64, *const i64) -> c_int;

/// `JVMTI_HEAP_OBJECT_EITHER`: tagged or not.
const EITHER: c_int = 3;
/// `JVMTI_ITERATION_CONTINUE`.
const CONTINUE: c_int = 1;

/// The machine shows an object's tag.
unsafe extern "C" fn tag_untagged(_: i64, _: i64, own: *mut i64, wanted: *const i64) -> c_int {
    // SAFETY: JVMTI says that the object's tag lies there, 0 for none; nobody else writes it now.
    let own = unsafe { &mut *own };
    if *own == 0 {
        // SAFETY: what `tag_all` gave, which waits for the end.
        *own = unsafe { wanted.read() };
    }
    CONTINUE
}

/// A JVMTI environment of our own; it lives as long as the machine.
#[derive(Clone, Copy)]
pub(crate) struct Tools(NonNull<*const *const c_void>);

// SAFETY: a JVMTI environment may be used by every attached thread (JVMTI, "Environments").
unsafe impl Send for Tools {}
// SAFETY: as above; the pointer itself never changes.
unsafe impl Sync for Tools {}

/// Calls the function with number `$index` of jvmti.h, which counts from one; yes when it succeeded.
macro_rules! call {
    ($env:expr, $index:literal, ($($arg:expr => $ty:ty),*)) => {{
        // SAFETY: an environment is a pointer to a table that lives as long as the machine.
        let table = unsafe { $env.0.read() };
        // SAFETY: jvmti.h says what stands in that slot, and slots are never taken away.
        let entry = unsafe { table.wrapping_add($index - 1).read() };
        // SAFETY: jvmti.h declares the function in that slot with this type.
        let entry = unsafe {
            core::mem::transmute::<
                *const c_void,
                unsafe extern "C" fn(*mut *const *const c_void $(, $ty)*) -> c_int,
            >(entry)
        };
        // SAFETY: the arguments are the machine's own references and memory of ours that lives
        // through the call, as the function's description demands.
        (unsafe { entry($env.0.as_ptr() $(, $arg)*) }) == 0
    }};
}

/// A text in memory of the machine's.
pub(crate) struct Text {
    tools: Tools,
    start: NonNull<c_char>,
}

impl Text {
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the machine's texts end with NUL, and this one is ours until it is given back.
        unsafe { CStr::from_ptr(self.start.as_ptr()) }.to_bytes()
    }

    /// Whether a class's signature is one that no compiler gives: a number stands behind the name.
    pub(crate) fn is_anonymous(&self) -> bool {
        let last = self.bytes().rsplit(|byte| matches!(byte, b'/' | b'.')).next();
        let number = last.and_then(|last| last.strip_suffix(b";")).unwrap_or_default();
        number.starts_with(b"0x") || number.iter().all(u8::is_ascii_digit) && !number.is_empty()
    }

    /// A class's signature as `Class.getName` writes the name; that of a lambda is the name of the
    /// class that it is in.
    pub(crate) fn class_name(&mut self) -> &[u8] {
        let length = self.bytes().len();
        // SAFETY: the same bytes, which the machine gave away; nobody else looks at them.
        let bytes =
            unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr().cast::<u8>(), length) };
        bytes.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'.');
        let bytes: &[u8] = bytes;
        let name = bytes.strip_prefix(b"L").and_then(|name| name.strip_suffix(b";"));
        let name = name.unwrap_or(bytes);
        let lambda = name.windows(8).position(|part| part == b"$$Lambda");
        name.get(..lambda.unwrap_or(name.len())).unwrap_or(name)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.tools.release(self.start.as_ptr().cast());
    }
}

/// Fields or classes, in memory of the machine's.
pub(crate) struct Items<T> {
    tools: Tools,
    start: NonNull<T>,
    count: usize,
}

impl<T> Items<T> {
    pub(crate) fn items(&self) -> &[T] {
        // SAFETY: the machine wrote that many, and they are ours until they are given back.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        self.tools.release(self.start.as_ptr().cast());
    }
}

impl Tools {
    /// An environment of our own; `None` before the machine is that far.
    pub(crate) fn of(machine: Machine) -> Option<Self> {
        machine.environment(VERSION).map(|env| Self(env.cast()))
    }

    pub(super) const fn raw(self) -> *mut *const *const c_void {
        self.0.as_ptr()
    }

    /// The environment that [`raw`](Self::raw) gave.
    pub(super) fn at(raw: *mut *const *const c_void) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    /// Whether classes are loaded and run as in a program.
    pub(crate) fn is_live(self) -> bool {
        let mut phase = 0;
        call!(self, 133, (&raw mut phase => *mut c_int)) && phase == LIVE
    }

    /// Asks for the right to tag objects.
    pub(crate) fn may_tag(self) -> bool {
        self.may(CAN_TAG)
    }

    /// Asks for the right to change classes.
    pub(crate) fn may_retransform(self) -> bool {
        self.may(CAN_RETRANSFORM)
    }

    fn may(self, what: u64) -> bool {
        // `jvmtiCapabilities` is 16 bytes of bits.
        let bits = [what, 0_u64];
        call!(self, 142, (bits.as_ptr() => *const u64))
    }

    /// The classes that a loader is known to lead to.
    pub(crate) fn classes_of(self, loader: Ref) -> Option<Items<Ref>> {
        let (mut count, mut start): (c_int, *mut Ref) = (0, null_mut());
        let done = call!(self, 79, (
            loader.raw() => *mut c_void, &raw mut count => *mut c_int,
            &raw mut start => *mut *mut Ref
        ));
        self.items(done, count, start)
    }

    /// Tags all objects of a class, and of those below it, that have no tag.
    pub(crate) fn tag_all(self, class: Ref, tag: i64) -> bool {
        call!(self, 112, (
            class.raw() => *mut c_void, EITHER => c_int, tag_untagged => OnObject,
            &raw const tag => *const i64
        ))
    }

    fn items<T>(self, done: bool, count: c_int, start: *mut T) -> Option<Items<T>> {
        let count = usize::try_from(count).ok()?;
        if done {
            NonNull::new(start).map(|start| Items { tools: self, start, count })
        } else {
            None
        }
    }

    /// Fills `frames` with those of the calling thread from `start` on, the nearest first.
    pub(crate) fn stack(self, start: usize, frames: &mut [Frame]) -> Option<&[Frame]> {
        let (start, most) = (c_int::try_from(start).ok()?, c_int::try_from(frames.len()).ok()?);
        let mut count = 0;
        let done = call!(self, 104, (
            null_mut() => *mut c_void, start => c_int, most => c_int,
            frames.as_mut_ptr() => *mut Frame, &raw mut count => *mut c_int
        ));
        if done { frames.get(..usize::try_from(count).ok()?) } else { None }
    }

    pub(crate) fn current_thread(self) -> Option<Ref> {
        let mut thread = null_mut();
        let done = call!(self, 18, (&raw mut thread => *mut *mut c_void));
        if done { Ref::new(thread) } else { None }
    }

    pub(crate) fn class_of_method(self, method: Method) -> Option<Ref> {
        let mut class = null_mut();
        let done = call!(self, 65, (
            method.0.as_ptr() => *mut c_void, &raw mut class => *mut *mut c_void
        ));
        if done { Ref::new(class) } else { None }
    }

    pub(crate) fn method_name(self, method: Method) -> Option<Text> {
        let mut name: *mut c_char = null_mut();
        let done = call!(self, 64, (
            method.0.as_ptr() => *mut c_void, &raw mut name => *mut *mut c_char,
            null_mut() => *mut *mut c_char, null_mut() => *mut *mut c_char
        ));
        self.text(done, name)
    }

    /// A class's name as in a class file: `Ljava/lang/String;`, `[I`.
    pub(crate) fn signature(self, class: Ref) -> Option<Text> {
        let mut name: *mut c_char = null_mut();
        let done = call!(self, 48, (
            class.raw() => *mut c_void, &raw mut name => *mut *mut c_char,
            null_mut() => *mut *mut c_char
        ));
        self.text(done, name)
    }

    fn text(self, done: bool, start: *mut c_char) -> Option<Text> {
        if done { NonNull::new(start).map(|start| Text { tools: self, start }) } else { None }
    }

    pub(crate) fn is_abstract(self, class: Ref) -> bool {
        let mut modifiers = 0;
        let done = call!(self, 51, (
            class.raw() => *mut c_void, &raw mut modifiers => *mut c_int
        ));
        done && modifiers & ABSTRACT != 0
    }

    /// The loader of a class: `Ok(None)` is the boot loader.
    pub(crate) fn loader(self, class: Ref) -> Result<Option<Ref>, ()> {
        let mut loader = null_mut();
        let done = call!(self, 57, (
            class.raw() => *mut c_void, &raw mut loader => *mut *mut c_void
        ));
        if done { Ok(Ref::new(loader)) } else { Err(()) }
    }

    /// The fields that a class declares.
    pub(crate) fn fields(self, class: Ref) -> Option<Items<Field>> {
        let (mut count, mut start): (c_int, *mut Field) = (0, null_mut());
        let done = call!(self, 53, (
            class.raw() => *mut c_void, &raw mut count => *mut c_int,
            &raw mut start => *mut *mut Field
        ));
        self.items(done, count, start)
    }

    /// The name and the type of a field of instances; `None` for a static one.
    pub(crate) fn instance_field(self, class: Ref, field: Field) -> Option<(Text, Text)> {
        let mut modifiers = 0;
        let known = call!(self, 62, (
            class.raw() => *mut c_void, field.0.as_ptr() => *mut c_void,
            &raw mut modifiers => *mut c_int
        ));
        if !known || modifiers & STATIC != 0 {
            return None;
        }
        let (mut name, mut kind): (*mut c_char, *mut c_char) = (null_mut(), null_mut());
        let done = call!(self, 60, (
            class.raw() => *mut c_void, field.0.as_ptr() => *mut c_void,
            &raw mut name => *mut *mut c_char, &raw mut kind => *mut *mut c_char,
            null_mut() => *mut *mut c_char
        ));
        Some((self.text(done, name)?, self.text(done, kind)?))
    }

    /// The tag of an object; 0 when it has none.
    pub(crate) fn tag(self, object: Ref) -> i64 {
        let mut tag = 0;
        let done = call!(self, 106, (object.raw() => *mut c_void, &raw mut tag => *mut i64));
        if done { tag } else { 0 }
    }

    /// Tags an object, which keeps it from nothing: the tag goes with the object.
    pub(crate) fn set_tag(self, object: Ref, tag: i64) -> bool {
        call!(self, 107, (object.raw() => *mut c_void, tag => i64))
    }

    /// Memory of the machine's, as it demands for class files.
    pub(crate) fn allocate(self, length: usize) -> Option<NonNull<u8>> {
        let mut start = null_mut();
        let length = i64::try_from(length).ok()?;
        let done = call!(self, 46, (length => i64, &raw mut start => *mut *mut u8));
        if done { NonNull::new(start) } else { None }
    }

    pub(super) fn release(self, start: *mut u8) {
        // Memory that was allocated there: there is no reason to refuse it.
        let _ = call!(self, 47, (start => *mut u8));
    }

    /// Has `classes` retransformed by `change`, and nobody's class afterwards.
    pub(crate) fn retransform(self, classes: &[Ref], change: OnClassFile) -> bool {
        let mut callbacks = [core::ptr::null::<c_void>(); 48];
        let Some(entry) = callbacks.get_mut(CLASS_FILE_LOAD_PLACE) else { return false };
        *entry = change as *const c_void;
        let Ok(size) = c_int::try_from(size_of_val(&callbacks)) else { return false };
        let Ok(count) = c_int::try_from(classes.len()) else { return false };
        let done = call!(self, 122, (callbacks.as_ptr() => *const *const c_void, size => c_int))
            && self.notify(true)
            && call!(self, 152, (count => c_int, classes.as_ptr() => *const Ref));
        self.notify(false) && done
    }

    fn notify(self, on: bool) -> bool {
        call!(self, 2, (
            c_int::from(on) => c_int, CLASS_FILE_LOAD => c_int, null_mut() => *mut c_void
        ))
    }
}
