//! The machine's own definitions of what the shim stands before, and the proof that it does.

#![expect(unsafe_code, reason = "the machine's own functions, found in its tables")]

use core::ffi::{CStr, c_char, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::jni::Env;
use crate::arm::State;
pub(super) use crate::report::give_up;

/// What the machine defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Original {
    CreateMachine,
    StartThread,
    FindLoadedClass,
    DefineClass,
    LookupDefineClass,
    RegisterSignal,
    FindBootClass,
    ExecuteCommand,
    ForkAndExec,
}

/// Their names, in the order of [`Original`].
const NAMES: [&CStr; 9] = [
    c"JNI_CreateJavaVM",
    c"JVM_StartThread",
    c"JVM_FindLoadedClass",
    c"JVM_DefineClassWithSource",
    c"JVM_LookupDefineClass",
    c"JVM_RegisterSignal",
    c"JVM_FindClassFromBootLoader",
    c"Java_com_sun_management_internal_DiagnosticCommandImpl_executeDiagnosticCommand",
    c"Java_java_lang_ProcessImpl_forkAndExec",
];

/// Their addresses; 0 while they are not known.
static FOUND: [AtomicUsize; NAMES.len()] = [const { AtomicUsize::new(0) }; NAMES.len()];

/// Whether a thread of the machine's was started through us.
static STARTED: AtomicBool = AtomicBool::new(false);

/// A thread was started through us: `start0` is bound to our definition.
pub(super) fn note_start() {
    STARTED.store(true, Ordering::Release);
}

pub(super) fn was_started() -> bool {
    STARTED.load(Ordering::Acquire)
}

fn place(original: Original) -> &'static AtomicUsize {
    static NONE: AtomicUsize = AtomicUsize::new(0);
    FOUND.get(original as usize).unwrap_or(&NONE)
}

/// Somebody was told where one of these is, and got ours instead.
pub(super) fn note(name: &CStr, address: *mut c_void) {
    let place = NAMES.iter().zip(&FOUND).find(|(known, _)| **known == name);
    if let Some((_, place)) = place {
        place.store(address.expose_provenance(), Ordering::Release);
    }
}

/// Where the machine defines it. `env` leads to the machine's library where it is not known yet.
pub(super) fn find(state: &State, original: Original, env: Option<Env>) -> Option<*const c_void> {
    let known = place(original).load(Ordering::Acquire);
    if known != 0 {
        return Some(core::ptr::with_exposed_provenance(known));
    }
    if let Some(env) = env {
        bind(state, env);
    } else {
        let name = NAMES.get(original as usize)?;
        // SAFETY: dlsym's own arguments; `RTLD_NEXT` is whoever stands behind us, the caller.
        let found = unsafe { (state.next.dlsym)(libc::RTLD_NEXT, name.as_ptr()) };
        note(name, found);
    }
    let known = place(original).load(Ordering::Acquire);
    (known != 0).then(|| core::ptr::with_exposed_provenance(known))
}

/// Finds all of them in the library that an environment's functions are in, however it was loaded.
#[cold]
fn bind(state: &State, env: Env) {
    let Some(library) = library_at(state, env.address_within()) else { return };
    let each = NAMES.iter().zip(&FOUND).skip(1);
    for (name, place) in each {
        // SAFETY: dlsym's own arguments: a handle that dlopen gave, and a C string.
        let found = unsafe { (state.next.dlsym)(library, name.as_ptr()) };
        if !found.is_null() {
            place.store(found.expose_provenance(), Ordering::Release);
        }
    }
}

/// `Dl_info` of dlfcn.h.
#[repr(C)]
struct Information {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

/// A handle of the library that an address lies in; it stays loaded. libc's own look-up is asked,
/// since not every machine has the hash table that ours reads.
fn library_at(state: &State, address: usize) -> Option<*mut c_void> {
    let mut information = Information {
        file: core::ptr::null(),
        base: null_mut(),
        symbol: core::ptr::null(),
        address: null_mut(),
    };
    let address = core::ptr::with_exposed_provenance(address);
    // SAFETY: dladdr writes a `Dl_info`.
    let known = unsafe { (state.next.dladdr)(address, (&raw mut information).cast()) };
    if known == 0 {
        return None;
    }
    // SAFETY: the name under which ld.so knows the library, which is there already.
    let handle =
        unsafe { (state.next.dlopen)(information.file, libc::RTLD_NOLOAD | libc::RTLD_LAZY) };
    (!handle.is_null()).then_some(handle)
}

/// The machine's library.
#[derive(Clone, Copy)]
pub(super) struct Library(*mut c_void);

impl Library {
    pub(super) fn of(state: &State, env: Env) -> Option<Self> {
        library_at(state, env.address_within()).map(Self)
    }

    /// What it exports by that name, data or code.
    pub(super) fn symbol(self, state: &State, name: &CStr) -> *const c_void {
        // SAFETY: dlsym's own arguments: a handle that dlopen gave, and a C string.
        unsafe { (state.next.dlsym)(self.0, name.as_ptr()) }
    }
}

/// A machine that the shim does not get into.
#[cold]
pub(super) fn unbound(why: &[u8]) -> ! {
    give_up(
        b"RF407",
        why,
        b"use a HotSpot JDK from 11 on, or take the rules about Java classes out of the policy",
    )
}
