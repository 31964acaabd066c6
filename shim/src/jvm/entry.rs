//! What the JDK's libraries call instead of the machine's own definitions.
//!
//! They call from native methods, where JNI and JVMTI may be used. The machine itself calls none of
//! these.

#![expect(unsafe_code, reason = "the border to the JDK's libraries and to the machine")]
#![cfg_attr(test, expect(non_snake_case, reason = "the machine's names, not exported from tests"))]
#![expect(clippy::fn_to_numeric_cast_any, reason = "functions of many types in one list")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

use super::bind::{self, Original, unbound};
use super::define::Plan;
use super::descent::Descent;
use super::here::{Here, Jvm, tools};
use super::jni::{Env, OK, RawEnv, RawVm, Ref};
use super::launch::Java_java_lang_ProcessImpl_forkAndExec;
use super::natives::Java_com_sun_management_internal_DiagnosticCommandImpl_executeDiagnosticCommand;
use super::slot::Busy;
use super::{begin, create, weave};
use crate::arm::{State, armed};
use crate::interpose::Hook;
use crate::lineage::{self, Lineage};
use crate::report::Call;

/// The local references that a hook makes at most, roughly: the machine checks it with -Xcheck:jni.
const REFERENCES: c_int = 512;

/// Lists every hook of this file.
macro_rules! list {
    ($($name:ident)*) => {
        /// Every hook of this file, which stand before a machine's definitions.
        pub(crate) static MACHINE: &[Hook] = &[$(
            Hook {
                name: concat!(stringify!($name), "\0").as_bytes(),
                entry: $name as *const c_void,
            },
        )*];
    };
}

list! {
    JNI_CreateJavaVM JVM_StartThread JVM_FindLoadedClass JVM_DefineClassWithSource
    JVM_LookupDefineClass JVM_RegisterSignal
    Java_com_sun_management_internal_DiagnosticCommandImpl_executeDiagnosticCommand
    Java_java_lang_ProcessImpl_forkAndExec
}

/// The machine's definition, of the type that jvm.h declares for it.
macro_rules! original {
    ($state:expr, $env:expr, $original:ident as fn($($ty:ty),* $(,)?) -> $ret:ty) => {{
        let Some(address) = bind::find($state, Original::$original, $env) else {
            unbound(b"this Java does not define what its own libraries call")
        };
        // SAFETY: the machine's function of that name, whose type jvm.h states.
        unsafe {
            core::mem::transmute::<*const c_void, unsafe extern "C" fn($($ty),*) -> $ret>(address)
        }
    }};
}

/// What a hook was called in: the state, and the thread's environment.
pub(super) struct Called {
    pub(super) state: &'static State,
    env: Option<Env>,
}

impl Called {
    /// # Safety
    /// `env` must be what a native method was called with.
    pub(super) unsafe fn by(env: RawEnv) -> Self {
        // SAFETY: as this function's own contract says: the thread is in native state.
        Self { state: armed(), env: unsafe { Env::new(env) } }
    }

    /// Lets the fence work, unless there is nothing to judge: no rules, a machine that does not run
    /// programs yet, or a call of the fence's own.
    #[inline]
    pub(super) fn judge<T>(&self, work: impl FnOnce(Here) -> T) -> Option<T> {
        if !begin::is_wanted(self.state) {
            return None;
        }
        self.judge_slowly(work)
    }

    #[inline(never)]
    fn judge_slowly<T>(&self, work: impl FnOnce(Here) -> T) -> Option<T> {
        let env = self.env?;
        let _busy = Busy::begin()?;
        let jvm = begin::begin(self.state, env)?;
        Some(env.framed(REFERENCES, || work(Here { env, jvm })))
    }
}

#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn JVM_StartThread(env: RawEnv, thread: *mut c_void) {
    // SAFETY: libjava binds this to `Thread.start0`.
    let called = unsafe { Called::by(env) };
    bind::note_start();
    let next = original!(called.state, called.env, StartThread as fn(RawEnv, *mut c_void) -> ());
    // SAFETY: the caller's own arguments.
    let start = || unsafe { next(env, thread) };
    match called.judge(|here| Ref::new(thread).map(|thread| here.start_thread(thread))) {
        Some(Some(None)) => {}
        Some(Some(Some(descent))) => inheriting(descent, start),
        Some(None) | None => start(),
    }
}

/// Has threads created that descend from these, and the calling thread from its own afterwards.
fn inheriting(descent: Descent, create: impl FnOnce()) {
    let own = lineage::current();
    let java = descent.word();
    if own.java == java {
        return create();
    }
    lineage::set(Lineage { java, ..own });
    create();
    lineage::set(own);
}

#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn JVM_FindLoadedClass(
    env: RawEnv,
    loader: *mut c_void,
    name: *mut c_void,
) -> *mut c_void {
    // SAFETY: libjava calls this from a native method of `ClassLoader`.
    let called = unsafe { Called::by(env) };
    if Jvm::get().is_none() {
        // The application's loader asks before it defines the first class of a program.
        called.judge(|_| ());
    }
    let next = original!(
        called.state,
        called.env,
        FindLoadedClass as fn(RawEnv, *mut c_void, *mut c_void) -> *mut c_void
    );
    // SAFETY: the caller's own arguments.
    let class = unsafe { next(env, loader, name) };
    // From an archive of classes it comes without being defined.
    if !class.is_null() && !weave::is_in() {
        called.judge(|here| Ref::new(name).map(|name| here.weave_for_text(name)));
    }
    class
}

#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn JVM_DefineClassWithSource(
    env: RawEnv,
    name: *const c_char,
    loader: *mut c_void,
    bytes: *const i8,
    length: c_int,
    domain: *mut c_void,
    source: *const c_char,
) -> *mut c_void {
    // SAFETY: libjava calls this from a native method of `ClassLoader`.
    let called = unsafe { Called::by(env) };
    let by = Ref::new(loader);
    // SAFETY: jvm.h demands a C string or null.
    let class = unsafe { c_text(name) };
    // SAFETY: as above.
    let origin = unsafe { c_text(source) };
    let plan = called
        .judge(|here| {
            by.map_or(Plan::Plain, |by| {
                here.before_definition(by, Ref::new(domain), (class, origin))
            })
        })
        .unwrap_or(Plan::Plain);
    let next = original!(
        called.state,
        called.env,
        DefineClass
            as fn(
                RawEnv,
                *const c_char,
                *mut c_void,
                *const i8,
                c_int,
                *mut c_void,
                *const c_char,
            ) -> *mut c_void
    );
    defined(&called, plan, class, || {
        // SAFETY: the caller's own arguments.
        unsafe { next(env, name, loader, bytes, length, domain, source) }
    })
}

#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn JVM_LookupDefineClass(
    env: RawEnv,
    lookup: *mut c_void,
    name: *const c_char,
    bytes: *const i8,
    length: c_int,
    domain: *mut c_void,
    initialize: u8,
    flags: c_int,
    data: *mut c_void,
) -> *mut c_void {
    // SAFETY: libjava calls this from a native method of `ClassLoader`.
    let called = unsafe { Called::by(env) };
    // SAFETY: jvm.h demands a C string or null.
    let class = unsafe { c_text(name) };
    let plan = called
        .judge(|here| Ref::new(lookup).map_or(Plan::Plain, |lookup| here.before_lookup(lookup)))
        .unwrap_or(Plan::Plain);
    let next = original!(
        called.state,
        called.env,
        LookupDefineClass
            as fn(
                RawEnv,
                *mut c_void,
                *const c_char,
                *const i8,
                c_int,
                *mut c_void,
                u8,
                c_int,
                *mut c_void,
            ) -> *mut c_void
    );
    defined(&called, plan, class, || {
        // SAFETY: the caller's own arguments.
        unsafe { next(env, lookup, name, bytes, length, domain, initialize, flags, data) }
    })
}

/// Has a class defined, and marks it.
fn defined(
    called: &Called,
    plan: Plan,
    name: Option<&CStr>,
    define: impl FnOnce() -> *mut c_void,
) -> *mut c_void {
    let tag = match plan {
        Plan::Plain => return define(),
        Plan::Refuse(marks) => {
            let call = Call("ClassLoader.defineClass");
            let refused = called.judge(|here| here.refuse_escape(call, marks));
            return if refused == Some(true) { null_mut() } else { define() };
        }
        Plan::Tag(tag) => tag,
    };
    let defining = (!tag.marks.is_empty()).then(Jvm::get).flatten().zip(name);
    let _open = defining.map(|(jvm, name)| jvm.defining.begin(name.to_bytes()));
    let class = define();
    if let Some(made) = Ref::new(class) {
        called.judge(|here| here.after_definition(made, tag));
    }
    class
}

#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn JVM_RegisterSignal(signal: c_int, handler: *mut c_void) -> *mut c_void {
    let state = armed();
    let env = Jvm::get().and_then(|jvm| jvm.machine.attached());
    let called = Called { state, env };
    if Jvm::get().is_some() && called.judge(Here::may_handle_signals) == Some(false) {
        // -1 is "no": the exception that is pending says why.
        return core::ptr::without_provenance_mut(usize::MAX);
    }
    let next = original!(state, env, RegisterSignal as fn(c_int, *mut c_void) -> *mut c_void);
    // SAFETY: the caller's own arguments.
    unsafe { next(signal, handler) }
}

#[cfg_attr(not(test), unsafe(no_mangle))]
unsafe extern "C" fn JNI_CreateJavaVM(
    machine: *mut RawVm,
    env: *mut RawEnv,
    arguments: *mut c_void,
) -> c_int {
    let state = armed();
    let is_wanted = begin::is_wanted(state);
    if is_wanted {
        // SAFETY: the invocation API demands a `JavaVMInitArgs` there.
        unsafe { create::check_options(arguments) };
    }
    let next =
        original!(state, None, CreateMachine as fn(*mut RawVm, *mut RawEnv, *mut c_void) -> c_int);
    // SAFETY: the caller's own arguments.
    let done = unsafe { next(machine, env, arguments) };
    // The Reference Handler is always started, so a machine that started no thread through us starts
    // them by another way. The rest waits for the first class
    // that a program loads: of natives that are registered without Java code the machine warns.
    if done == OK && is_wanted {
        if !bind::was_started() {
            unbound(b"this Java starts threads by a way of its own");
        }
        // SAFETY: where it is done, something stands there.
        let env = unsafe { env.read() };
        // SAFETY: it is the environment of the calling thread.
        let env = unsafe { Env::new(env) };
        // One that was built without JVMTI would never let us begin.
        if env.and_then(tools).is_none() {
            unbound(b"this Java does not show what rules about classes need");
        }
    }
    done
}

/// Finds a class of the boot loader's without running its initialiser.
pub(super) fn find_boot_class(find: *const c_void, env: Env, name: &CStr) -> Option<Ref> {
    // SAFETY: `JVM_FindClassFromBootLoader`, whose type jvm.h states.
    let find = unsafe {
        core::mem::transmute::<
            *const c_void,
            unsafe extern "C" fn(RawEnv, *const c_char) -> *mut c_void,
        >(find)
    };
    // SAFETY: the calling thread's environment, and a C string.
    Ref::new(unsafe { find(env.raw(), name.as_ptr()) })
}

/// The hook of that name, with the NUL, and the machine's definition that it stands before.
pub(crate) fn hook(name: &CStr, found: *mut c_void) -> Option<*const c_void> {
    let hook = MACHINE.iter().find(|hook| hook.name == name.to_bytes_with_nul())?;
    bind::note(name, found);
    Some(hook.entry)
}

/// The caller's C string.
///
/// # Safety
/// `text` must be null or a C string that lives as long as the call.
unsafe fn c_text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: as this function's own contract says.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}
