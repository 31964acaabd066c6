//! The interpreters of the process: found by what their library, or the program, exports.
//!
//! Those of the start are found when the shim arms. A library that is loaded later is found when it
//! first asks for a thread, a program or a forbidden file, since it is on the native stack then.

#![expect(unsafe_code, reason = "the interpreter's own functions, found in its tables")]

use core::ffi::CStr;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::layout::{Layout, THREAD_INTERPRETER, THREAD_NEXT};
use super::memory::Memory;
use super::objects::{Objects, Types};
use super::subjects::Table;
use crate::arm::State;
use crate::caller::{self, Callers, Frame, Look};
use crate::elf::Object;
use crate::report::give_up;
use crate::sys;

/// A function of the interpreter's that takes nothing and answers an address: it reads a variable,
/// the thread's or the process's, and does nothing else.
type Getter = unsafe extern "C" fn() -> usize;

/// `PyInterpreterState_ThreadHead`.
type First = unsafe extern "C" fn(usize) -> usize;

/// What is known about an interpreter; it never changes but for [`Objects::name_key`] and `host`.
pub(super) struct Interpreter {
    /// The number behind `3.` of its version.
    pub(super) minor: u8,
    pub(super) objects: Objects,
    /// ld.so's entry of the object that it is in.
    map: usize,
    /// The state of the thread that holds the lock; from 3.12 on, of the calling one if it does.
    current: Getter,
    /// The state that the calling thread was given first.
    own: Getter,
    main: Getter,
    globals: Getter,
    /// The last interpreter that was made in this process and is still there.
    head: Getter,
    /// The first of the states of an interpreter.
    first: First,
    /// The variables of the program's own module; 0 before they were seen.
    pub(super) host: AtomicUsize,
}

/// More states of threads than a process has.
const MOST_THREADS: usize = 100_000;

/// More than one interpreter in a process has been seen; more than these have not.
const MOST: usize = 4;

static KNOWN: [AtomicPtr<Interpreter>; MOST] = [const { AtomicPtr::new(null_mut()) }; MOST];

/// The state of a thread, and how what it leads to is read.
#[derive(Clone, Copy)]
pub(super) struct Thread {
    pub(super) state: usize,
    pub(super) memory: Memory,
    /// Whether it is of the interpreter that the process began with.
    pub(super) is_main: bool,
    /// Whether the thread runs with it.
    pub(super) is_current: bool,
}

/// The interpreters that were found.
pub(super) fn known() -> impl Iterator<Item = &'static Interpreter> {
    // SAFETY: null, or what `keep` put there: never unmapped, never changed.
    KNOWN.iter().map_while(|place| unsafe { place.load(Ordering::Acquire).as_ref() })
}

/// Notes the interpreters among the objects of the start. Where the policy names Python modules,
/// none that is not known runs.
pub(crate) fn look_for(objects: impl Iterator<Item = Object>, is_wanted: bool) {
    objects.for_each(|object| note(object, is_wanted));
}

/// Whether the code that a call returns to is an interpreter's.
pub(crate) fn is_interpreter(state: &State, frame: Frame) -> bool {
    let map = state.find_object.and_then(|find| caller::object_at(find, frame.code));
    map.is_some_and(|map| is_noted(state, map))
}

/// Whether an object, whose code is on the stack, is an interpreter that is known; it is noted.
fn is_noted(state: &State, map: usize) -> bool {
    let is_known = || known().any(|interpreter| interpreter.map == map);
    if !is_known()
        && let Some(object) = Object::at(map)
    {
        note(object, super::is_wanted(&state.image));
    }
    is_known()
}

/// Notes an interpreter that was loaded later, by whose code a call comes from.
pub(super) fn look_at(state: &State, callers: &Callers, from: Frame) {
    let Some(find) = state.find_object else { return };
    let look = |code| {
        if let Some(map) = caller::object_at(find, code) {
            is_noted(state, map);
        }
    };
    if known().next().is_some() {
        return look(from.code);
    }
    // Whose code could not be found out is not an interpreter's.
    let _ = caller::walk(state, callers, from, |frame, _, _| {
        look(frame.code);
        Look::On
    });
}

fn note(object: Object, is_wanted: bool) {
    let is_cpython = object.symbol(c"PyGILState_GetThisThreadState").is_some();
    match Interpreter::of(object) {
        Some(interpreter) if is_cpython => interpreter.keep(),
        _ if is_wanted && (is_cpython || object.symbol(c"pypy_main_startup").is_some()) => unread(),
        _ => {}
    }
}

/// An interpreter whose frames cannot be read does not run.
#[cold]
pub(super) fn unread() -> ! {
    give_up(
        b"RF407",
        b"rules about Python modules cannot hold in this Python",
        b"use CPython 3.9 to 3.14 with its global lock, or take them out of the policy",
    )
}

impl Interpreter {
    fn of(object: Object) -> Option<Self> {
        let getter = |name: &CStr| {
            let address = object.symbol(name)?;
            let address = core::ptr::with_exposed_provenance::<core::ffi::c_void>(address);
            // SAFETY: a function of that name in an interpreter takes nothing and answers an
            // address, in every version that `minor` lets through.
            Some(unsafe { core::mem::transmute::<*const core::ffi::c_void, Getter>(address) })
        };
        let minor = minor(object)?;
        Some(Self {
            minor,
            objects: Objects {
                layout: Layout::of(minor)?,
                types: Types {
                    code: object.symbol(c"PyCode_Type")?,
                    text: object.symbol(c"PyUnicode_Type")?,
                    dict: object.symbol(c"PyDict_Type")?,
                    none: object.symbol(c"_Py_NoneStruct")?,
                },
                name_key: AtomicUsize::new(0),
            },
            map: object.address(),
            // Its name since 3.13, and the one before.
            current: getter(c"PyThreadState_GetUnchecked")
                .or_else(|| getter(c"_PyThreadState_UncheckedGet"))?,
            own: getter(c"PyGILState_GetThisThreadState")?,
            main: getter(c"PyInterpreterState_Main")?,
            head: getter(c"PyInterpreterState_Head")?,
            globals: getter(c"PyEval_GetGlobals")?,
            first: {
                let address = object.symbol(c"PyInterpreterState_ThreadHead")?;
                let address = core::ptr::with_exposed_provenance::<core::ffi::c_void>(address);
                // SAFETY: the function of that name takes an interpreter and answers a state.
                unsafe { core::mem::transmute::<*const core::ffi::c_void, First>(address) }
            },
            host: AtomicUsize::new(0),
        })
    }

    /// Whether a call comes from the interpreter's own code.
    pub(super) fn calls(&self, state: &State, from: Frame) -> bool {
        state.find_object.and_then(|find| caller::object_at(find, from.code)) == Some(self.map)
    }

    /// Keeps what is known, for ever.
    fn keep(self) {
        let known = Table::map().is_ok().then(|| sys::map_memory(size_of::<Self>()).ok()).flatten();
        let Some(place) = known.map(<*mut u8>::cast::<Self>) else {
            give_up(b"RF407", b"no memory for what is known about Python", b"raise its limit")
        };
        // SAFETY: page-aligned, and at least that large.
        unsafe { place.write(self) };
        let taken = |slot: &AtomicPtr<Self>| {
            slot.compare_exchange(null_mut(), place, Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        if !KNOWN.iter().any(taken) {
            unread();
        }
    }

    /// Whether there are others in the process beside the one that it began with.
    pub(super) fn has_others(&self) -> bool {
        // SAFETY: as the type says.
        let head = unsafe { (self.head)() };
        // SAFETY: as above.
        head != unsafe { (self.main)() }
    }

    /// The states of the calling thread: the one that it runs with, and where that is another, the
    /// one that it was given first, or that it has in the interpreter that the process began with.
    pub(super) fn threads(&self) -> [Option<Thread>; 2] {
        // SAFETY: as the type says.
        let own = unsafe { (self.own)() };
        // SAFETY: as above.
        let current = unsafe { (self.current)() };
        // SAFETY: as above.
        let main = unsafe { (self.main)() };
        let is_held = current != 0 && (current == own || self.is_ours(current));
        let thread = |state, is_current| Thread {
            state,
            // From 3.12 on each interpreter may have a lock of its own.
            memory: if is_current { Memory::Still } else { Memory::Moving },
            is_main: Memory::Still.part(state, THREAD_INTERPRETER) == Some(main),
            is_current,
        };
        let innermost = if is_held { thread(current, true) } else { thread(own, false) };
        if innermost.state == 0 {
            return [None, None];
        }
        let outer = if innermost.state != own && own != 0 {
            Some(own)
        } else if innermost.is_main {
            None
        } else {
            self.state_in(main)
        };
        [Some(innermost), outer.map(|state| thread(state, false))]
    }

    /// The state that the calling thread has in an interpreter. Others make theirs and give them
    /// back meanwhile; its own stays, and where it is not found there is none of a host's.
    fn state_in(&self, interpreter: usize) -> Option<usize> {
        // SAFETY: as the field says; it reads a variable of the interpreter, which stays.
        let first = unsafe { (self.first)(interpreter) };
        let next = |state: &usize| Memory::Moving.part(*state, THREAD_NEXT);
        core::iter::successors(Some(first), next)
            .take(MOST_THREADS)
            .take_while(|state| *state != 0)
            .find(|state| self.is_ours(*state))
    }

    /// Whether a state, which may be another thread's and go away meanwhile, is the calling
    /// thread's.
    fn is_ours(&self, state: usize) -> bool {
        let id = Memory::Moving.part(state, self.objects.layout.thread_id);
        id == Some(sys::thread_pointer())
    }

    /// The global variables of what the calling thread runs, as the interpreter says; the thread
    /// must hold the lock. 0 for none.
    pub(super) fn globals(&self) -> usize {
        // SAFETY: as the type says: it reads the innermost frame.
        unsafe { (self.globals)() }
    }
}

/// The number behind `3.` in the version of an interpreter that is known; `None` for any other, and
/// for one without a global lock.
fn minor(object: Object) -> Option<u8> {
    let word = |address, offset| Memory::Still.part(address, offset);
    let Some(version) = object.symbol(c"Py_Version") else {
        // Told by the functions that each version brought.
        object.symbol(c"PyThreadState_GetInterpreter")?;
        return Some(if object.symbol(c"Py_NewRef").is_some() { 10 } else { 9 });
    };
    // `PY_VERSION_HEX`: major, minor, micro and level, a byte each.
    let [_, _, minor, major, ..] = word(version, 0)?.to_le_bytes();
    if minor >= 13 {
        // What debuggers read: a word to know it by, the version, and whether there is no lock.
        let offsets = object.symbol(c"_PyRuntime")?;
        let is_known = word(offsets, 0)?.to_le_bytes() == *b"xdebugpy";
        if !is_known || word(offsets, 16)? != 0 {
            return None;
        }
    }
    (major == 3).then_some(minor)
}
