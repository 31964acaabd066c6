//! Arming: the image is mapped and checked once, before any verdict.
//!
//! The first hook or the constructor arms, whichever comes first; until then nothing passes,
//! since other libraries' constructors and allocators open files before ours runs. What cannot be
//! armed ends the process: a worker without its fence never runs.

#![expect(unsafe_code, reason = "keeps the one state, stands among the constructors")]

mod demands;
mod environment;
mod fault;
mod image;
mod store;
mod surroundings;

use core::ffi::c_int;
use core::ops::Range;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use ringfence_policy::{Audiences, Image};

pub(crate) use self::environment::{Environment, NOT_BY_HOST};
use self::fault::{AGAIN, Fault, no_memory};
use self::store::Store;
use crate::caller::{Callers, FindObject};
use crate::elf::{Object, Start};
use crate::interpose::Next;
use crate::python;
use crate::report::{self, Counters};
use crate::sys;

/// The exit status of a fence that does not hold, as the launcher's.
pub(crate) const NOT_FENCED: c_int = 125;

/// What every hook works with; it never changes once it is there.
pub(crate) struct State {
    /// The policy.
    pub(crate) image: Image<'static>,
    /// libc's own definitions.
    pub(crate) next: Next,
    /// Where libc lies.
    pub(crate) libc: Range<usize>,
    /// Where our own library lies.
    pub(crate) own: Range<usize>,
    /// The program is a JDK's own, which starts a Java machine.
    pub(crate) java: bool,
    /// The program itself runs Python code, whose callers no native frame shows.
    pub(crate) interprets: bool,
    /// libc's own tables, for definitions that are seldom wanted.
    pub(crate) symbols: Object,
    /// What every child is given; `None` when nobody asked for a fence (the library stands in
    /// `/etc/ld.so.preload` and no variable names it or an image), so that nothing is refused.
    pub(crate) environment: Option<Environment>,
    /// The process that armed itself. A program that it becomes by exec is still the same process; a
    /// child of its is not.
    pub(crate) process: u32,
    /// The device and inode of the standard error output at the start.
    pub(crate) console: Option<(u64, u64)>,
    /// Counts of denials, in memory that a forked child finds cleared.
    pub(crate) counters: &'static Counters,
    /// What rules about callers need; `None` where there are none.
    pub(crate) callers: Option<&'static Callers>,
    /// libc's own way to an object by an address; glibc 2.34 has none.
    pub(crate) find_object: Option<FindObject>,
    /// Where the program begins, which tells its code from that of libraries.
    pub(crate) entry: Option<usize>,
}

/// Null, then for ever the one state. No lock: a signal handler would wait for itself.
static STATE: AtomicPtr<State> = AtomicPtr::new(null_mut());

/// The state, armed if it was not yet.
#[inline(always)]
pub(crate) fn armed() -> &'static State {
    match get() {
        Some(state) => state,
        None => arm(),
    }
}

#[inline(always)]
fn get() -> Option<&'static State> {
    // SAFETY: null, or what `arm` put there: a state that is never unmapped and never changes.
    unsafe { STATE.load(Ordering::Acquire).as_ref() }
}

#[cfg_attr(not(test), unsafe(link_section = ".init_array"))]
#[used]
static CONSTRUCTOR: extern "C" fn() = construct;

extern "C" fn construct() {
    armed();
}

#[cfg_attr(not(test), unsafe(link_section = ".fini_array"))]
#[used]
static DESTRUCTOR: extern "C" fn() = conclude;

/// Tells what was counted and not reported yet.
extern "C" fn conclude() {
    if let Some(state) = get() {
        report::flush(state);
    }
}

#[cold]
#[inline(never)]
fn arm() -> &'static State {
    let state = match build() {
        Ok(state) => state,
        Err(fault) => fault.exit(),
    };
    let ours = core::ptr::from_ref(state).cast_mut();
    // Two threads may both have armed; the first to be here is the one that counts.
    match STATE.compare_exchange(null_mut(), ours, Ordering::Release, Ordering::Acquire) {
        Ok(_) => state,
        Err(_) => get().unwrap_or(state),
    }
}

fn build() -> Result<&'static State, Fault> {
    let start = Start::find().ok_or(Fault::new(b"no program start found", AGAIN))?;
    let Objects { program, ours, libc, loader } = objects(&start)?;
    let next = Next::find(libc, loader).map_err(|name| {
        Fault::about(b"libc does not define", name.to_bytes(), b"use glibc 2.34 or newer")
    })?;
    surroundings::check_kernel()?;
    let (image, store, environment) = match environment::image_path(&start, ours) {
        Some(path) => {
            let image = image::map_image(path)?;
            let (store, environment) = environment::environment(&start, ours, path, image)?;
            (image, store, Some(environment))
        }
        None => (image::empty_image()?, Store::map(0)?, None),
    };
    let by_host = environment.as_ref().is_some_and(|environment| environment.host.is_some());
    let among = if by_host { image.host_audiences() } else { Audiences::NONE };
    surroundings::check_descriptors(image, among)?;
    let console = sys::fstat(2).ok().map(|stat| (stat.st_dev, stat.st_ino));
    let counters = Counters::map().map_err(|_| no_memory())?;
    demands::check_program(image, program)?;
    let names_modules = python::is_wanted(&image);
    if names_modules || by_host {
        python::look_for(each(program), names_modules);
    }
    store.keep(State {
        process: sys::process(),
        image,
        next,
        libc: libc.range(),
        own: ours.range(),
        java: each(program).any(|object| object.is_named(c"libjli.so")),
        interprets: interprets(program),
        symbols: libc,
        environment,
        console,
        counters,
        find_object: demands::find_object(image, libc)?,
        callers: demands::callers(image)?,
        entry: start.entry(),
    })
}

/// Whether a program is an interpreter of Python's, known or not.
fn interprets(program: Object) -> bool {
    [c"Py_IsInitialized", c"pypy_main_startup"]
        .into_iter()
        .any(|symbol| program.symbol(symbol).is_some())
}

/// Those of ld.so's objects that arming is about.
struct Objects {
    /// The program itself, from which on the list goes.
    program: Object,
    ours: Object,
    libc: Object,
    loader: Option<Object>,
}

fn objects(start: &Start) -> Result<Objects, Fault> {
    let program = start.objects().ok_or(Fault::new(
        b"ld.so's list of objects was not found",
        b"fence a dynamically linked glibc program",
    ))?;
    let ours = each(program).find(|object| object.is_ours()).ok_or(Fault::new(
        b"the shim is not in ld.so's list of objects",
        b"load it by LD_PRELOAD, not by dlmopen",
    ))?;
    let libc = each(program).find(|object| object.is_named(c"libc.so.6")).ok_or(Fault::new(
        b"the program's libc is not glibc",
        b"use an image with glibc 2.34 or newer",
    ))?;
    let loader = each(program).find(|object| object.is_named(c"ld-linux-x86-64.so.2"));
    Ok(Objects { program, ours, libc, loader })
}

fn each(first: Object) -> impl Iterator<Item = Object> {
    core::iter::successors(Some(first), |object| object.next())
}
