//! The calls that the JDK's own classes make to us: before a virtual thread starts, and when a pool
//! is constructed.
//!
//! No native method of the JDK's stands there. So a call is put into the classes, once, to a class
//! of ours with one native method, in their own package and for it alone.

#![expect(unsafe_code, reason = "called by the machine, and memory that it gives")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where native methods lie")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use ringfence_policy::CallerKind;

use super::begin::Boot;
use super::bind::unbound;
use super::here::{Here, Jvm, tools};
use super::jni::{Env, Native, RawEnv, Ref};
use super::patch::{self, Site};
use super::slot::Busy;
use crate::sys;

/// A class that calls us.
struct Woven {
    class: &'static CStr,
    site: Site,
    /// The calls that were put in, by the last time.
    calls: AtomicU32,
}

const THREADS: &CStr = c"java/lang/Ringfence";
const POOLS: &CStr = c"java/util/concurrent/Ringfence";

const fn pool(class: &'static CStr) -> Woven {
    let site = Site {
        method: b"<init>",
        kind: None,
        hook_class: POOLS.to_bytes(),
        hook: b"own",
        hook_kind: b"(Ljava/lang/Object;)V",
    };
    Woven { class, site, calls: AtomicU32::new(0) }
}

static WOVEN: [Woven; 4] = [
    Woven {
        class: c"java/lang/VirtualThread",
        site: Site {
            method: b"start",
            kind: Some(b"(Ljdk/internal/vm/ThreadContainer;)V"),
            hook_class: THREADS.to_bytes(),
            hook: b"check",
            hook_kind: b"(Ljava/lang/Thread;)V",
        },
        calls: AtomicU32::new(0),
    },
    pool(c"java/util/concurrent/ThreadPoolExecutor"),
    pool(c"java/util/concurrent/ForkJoinPool"),
    pool(c"java/util/concurrent/ThreadPerTaskExecutor"),
];

/// How far it is: nothing was done, somebody is at it, all calls are in.
static DONE: AtomicU32 = AtomicU32::new(OPEN);
const OPEN: u32 = 0;
const BEGUN: u32 = 1;
const WOVEN_IN: u32 = 2;

impl Here {
    /// Puts the calls in, unless they are there. It is done before the first class is there that is
    /// neither the runtime's nor the host's: until then all threads and pools are the host's, and
    /// most programs end before.
    #[inline]
    pub(super) fn weave_in(self) {
        if !is_in() {
            self.weave_once();
        }
    }

    #[cold]
    fn weave_once(self) {
        match DONE.compare_exchange(OPEN, BEGUN, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                let boot = Boot::of(self.jvm.state, self.env);
                if boot.and_then(|boot| self.weave(boot)).is_none() {
                    unbound(b"this Java's own classes do not take what rules about classes need");
                }
                DONE.store(WOVEN_IN, Ordering::Release);
            }
            // Whoever is at it waits for nobody: the machine has all of it done at a safepoint.
            Err(_) => {
                while !is_in() {
                    sys::process::give_way();
                }
            }
        }
    }

    /// A class of the application's loader is there, or is about to be.
    pub(super) fn weave_for(self, name: &[u8]) {
        if !is_in() && self.is_subject(name) {
            self.weave_once();
        }
    }

    /// The same, by a name in a Java text.
    pub(super) fn weave_for_text(self, name: Ref) {
        let mut buffer = [0; 512];
        match self.env.text(name, &mut buffer) {
            Some(name) => self.weave_for(name),
            None => self.weave_in(),
        }
    }

    /// Whether classes are there already that may be subjects'; `None` where the machine does not say.
    pub(super) fn has_subjects(self) -> Option<bool> {
        if !self.image().has_subjects(CallerKind::Java) {
            return Some(true);
        }
        let classes = self.tools().classes_of(self.known().application_loader)?;
        let is_subjects = |class: &Ref| {
            let signature = self.tools().signature(*class);
            signature.is_none_or(|mut name| self.is_subject(name.class_name()))
        };
        Some(classes.items().iter().any(is_subjects))
    }

    /// `None` where a class that is there does not take a call.
    fn weave(self, boot: Boot) -> Option<()> {
        let mut classes = [None; WOVEN.len()];
        for (place, woven) in classes.iter_mut().zip(&WOVEN) {
            *place = boot.class(woven.class);
        }
        let [threads, ..] = classes;
        if threads.is_some() {
            self.hook_class(THREADS, c"check", c"(Ljava/lang/Thread;)V", check as *const c_void)?;
        }
        self.hook_class(POOLS, c"own", c"(Ljava/lang/Object;)V", own as *const c_void)?;
        let mut there = [self.known().thread; WOVEN.len()];
        let count =
            there.iter_mut().zip(classes.iter().flatten()).map(|(to, from)| *to = *from).count();
        let tools = self.tools();
        let done = tools.may_retransform() && tools.retransform(there.get(..count)?, on_class_file);
        let is_called = |(class, woven): (&Option<Ref>, &Woven)| {
            class.is_none() || woven.calls.load(Ordering::Acquire) > 0
        };
        let all = done && classes.iter().zip(&WOVEN).all(is_called);
        // From here on pools are seen being made; those that are there are the host's.
        (all && self.own_all()).then_some(())
    }

    /// Defines a class with one native method, which is its package's alone.
    fn hook_class(
        self,
        class: &CStr,
        method: &CStr,
        kind: &CStr,
        function: *const c_void,
    ) -> Option<()> {
        let mut bytes = [0; 256];
        let length = class_file(&mut bytes, class, method, kind)?;
        let class = self.env.define_boot_class(class, bytes.get(..length)?)?;
        let native = Native { name: method.as_ptr(), signature: kind.as_ptr(), function };
        self.env.register(class, &[native]).then_some(())
    }
}

/// Whether the calls are in.
pub(super) fn is_in() -> bool {
    DONE.load(Ordering::Acquire) == WOVEN_IN
}

/// A class file: `final synthetic class NAME { static native METHOD; }`.
fn class_file(into: &mut [u8], class: &CStr, method: &CStr, kind: &CStr) -> Option<usize> {
    let mut length = 0_usize;
    let mut put = |bytes: &[u8]| -> Option<()> {
        let end = length.checked_add(bytes.len())?;
        into.get_mut(length..end)?.copy_from_slice(bytes);
        length = end;
        Some(())
    };
    // The version of Java 8, which needs no stack maps; six constants.
    put(&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52, 0, 7])?;
    for (text, is_class) in
        [(class, true), (c"java/lang/Object", true), (method, false), (kind, false)]
    {
        put(&[1])?;
        put(&u16::try_from(text.count_bytes()).ok()?.to_be_bytes())?;
        put(text.to_bytes())?;
        if is_class {
            put(&[7, 0, if text == class { 1 } else { 3 }])?;
        }
    }
    // `final super synthetic`, itself, its superclass; no interface, no field, one method.
    put(&[0x10, 0x30, 0, 2, 0, 4, 0, 0, 0, 0, 0, 1])?;
    // `static native`, its name and type; no attributes.
    put(&[0x01, 0x08, 0, 5, 0, 6, 0, 0, 0, 0])?;
    Some(length)
}

/// The machine shows a class file that it is about to use.
unsafe extern "C" fn on_class_file(
    _tools: *mut c_void,
    env: RawEnv,
    redefined: *mut c_void,
    loader: *mut c_void,
    name: *const c_char,
    _domain: *mut c_void,
    length: c_int,
    bytes: *const u8,
    new_length: *mut c_int,
    new_bytes: *mut *mut u8,
) {
    if redefined.is_null() || !loader.is_null() || name.is_null() {
        return;
    }
    // SAFETY: JVMTI says that a name is a C string.
    let name = unsafe { CStr::from_ptr(name) };
    let Some(woven) = WOVEN.iter().find(|woven| woven.class == name) else { return };
    let Ok(length) = usize::try_from(length) else { return };
    // SAFETY: JVMTI says that as many bytes lie there.
    let class = unsafe { core::slice::from_raw_parts(bytes, length) };
    // SAFETY: the machine's own call, on an attached thread.
    let Some(env) = (unsafe { Env::new(env) }) else { return };
    let (Some(tools), room) = (tools(env), length.saturating_add(patch::GROWTH)) else { return };
    let Some(start) = tools.allocate(room) else { return };
    // SAFETY: memory of the machine's of that size, which nobody else has; bytes are written
    // before they are read.
    let into = unsafe { core::slice::from_raw_parts_mut(start.as_ptr(), room) };
    let patched = patch::patch(class, woven.site, into);
    let Some((made, calls @ 1..)) = patched else {
        tools.release(start.as_ptr());
        return;
    };
    woven.calls.store(calls, Ordering::Release);
    let Ok(made) = c_int::try_from(made) else { return };
    // SAFETY: JVMTI says that these two are to be written when the class is to change.
    unsafe { new_length.write(made) };
    // SAFETY: as above.
    unsafe { new_bytes.write(start.as_ptr()) };
}

/// Lets the fence work in a native method of ours.
///
/// # Safety
/// `env` must be what the native method was called with.
unsafe fn judge(env: RawEnv, object: *mut c_void, work: impl FnOnce(Here, Ref)) {
    // SAFETY: as this function's own contract says.
    let Some(env) = (unsafe { Env::new(env) }) else { return };
    let (Some(jvm), Some(object)) = (Jvm::get(), Ref::new(object)) else { return };
    let Some(_busy) = Busy::begin() else { return };
    env.framed(512, || work(Here { env, jvm }, object));
}

/// `java.lang.Ringfence.check(Thread)`: a virtual thread is about to start.
unsafe extern "C" fn check(env: RawEnv, _class: *mut c_void, thread: *mut c_void) {
    // SAFETY: registered as this native method.
    unsafe {
        judge(env, thread, |here, thread| here.start_virtual(thread));
    }
}

/// `java.util.concurrent.Ringfence.own(Object)`: a pool is being constructed.
unsafe extern "C" fn own(env: RawEnv, _class: *mut c_void, pool: *mut c_void) {
    // SAFETY: registered as this native method.
    unsafe { judge(env, pool, |here, pool| here.own_pool(pool)) }
}
