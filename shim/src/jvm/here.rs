//! The machine that the process runs, and the calling thread's way into it.

#![expect(unsafe_code, reason = "keeps the one machine")]

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use ringfence_policy::Image;

use super::defining::Defining;
use super::jni::{Env, Field, Machine, Ref};
use super::jvmti::Tools;
use super::methods::Methods;
use super::names::Names;
use super::outside::Outside;
use super::pools::Pools;
use super::shapes::Shapes;
use crate::arm::State;
use crate::sys::{self, Answer};

/// What is known about the machine once it runs programs; it never changes, but for `main_class`.
pub(crate) struct Jvm {
    pub(crate) state: &'static State,
    pub(crate) machine: Machine,
    pub(crate) home: Home,
    pub(crate) tools: Tools,
    /// How to tell whether a thread is outside Java; `None` where the machine does not say.
    pub(crate) outside: Option<Outside>,
    pub(crate) names: &'static Names,
    pub(crate) methods: &'static Methods,
    pub(crate) defining: &'static Defining,
    pub(crate) shapes: &'static Shapes,
    /// Whether exceptions to rules about files are for certain classes.
    pub(crate) names_openers: bool,
    /// The number of the main class's name, 0 until it is asked for; see [`super::program`].
    pub(crate) main_class: AtomicU32,
    pub(crate) known: Known,
}

/// The process that the machine is in: in a child there is nobody to answer.
#[derive(Clone, Copy)]
pub(crate) struct Home {
    /// The number of the process, which a child in the same memory does not have.
    process: u32,
    /// In memory that a forked child finds cleared, whatever its number is in a name space of its own.
    is_here: &'static AtomicBool,
}

impl Home {
    pub(crate) fn new() -> Answer<Self> {
        let place = sys::map_counters(size_of::<AtomicBool>())?.cast::<AtomicBool>();
        // SAFETY: a fresh mapping, page-aligned, never unmapped; an atomic of zero is valid.
        let is_here = unsafe { &*place };
        is_here.store(true, Ordering::Relaxed);
        Ok(Self { process: sys::process(), is_here })
    }

    /// Whether the calling thread is the machine's, and not a child's.
    pub(crate) fn is_here(self) -> bool {
        self.is_here.load(Ordering::Relaxed) && sys::process() == self.process
    }
}

/// Objects of the machine's own, kept by global references, and fields of theirs.
pub(crate) struct Known {
    pub(crate) application_loader: Ref,
    pub(crate) platform_loader: Ref,
    pub(crate) io_exception: Ref,
    pub(crate) security_exception: Ref,
    pub(crate) proxy: Ref,
    pub(crate) thread: Ref,
    pub(crate) loader: Ref,
    pub(crate) executor: Ref,
    pub(crate) reference: Ref,
    /// `LauncherHelper`, where the main class is to be known.
    pub(crate) launcher: Option<Ref>,
    pub(crate) source: Source,
    pub(crate) pools: Pools,
    /// `BaseVirtualThread`, from JDK 21 on.
    pub(crate) virtual_thread: Option<Ref>,
    /// Whether a class made by a lookup is seen being made; else lambdas are not (before JDK 15).
    pub(crate) sees_lookups: bool,
}

/// The fields that lead from a protection domain to the URL that a class was loaded from.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) code_source: Field,
    pub(crate) location: Field,
    pub(crate) protocol: Field,
    pub(crate) host: Field,
    pub(crate) file: Field,
    pub(crate) handler: Field,
}

// SAFETY: global references and numbers of fields and methods are good in every thread.
unsafe impl Sync for Known {}

/// Null, then for ever the one machine: HotSpot makes no second in a process.
static JVM: AtomicPtr<Jvm> = AtomicPtr::new(null_mut());

impl Jvm {
    /// The machine, once programs run in it and class rules hold there.
    #[inline]
    pub(crate) fn get() -> Option<&'static Self> {
        // SAFETY: null, or what `keep` put there: never unmapped, never changed.
        unsafe { JVM.load(Ordering::Acquire).as_ref() }
    }

    /// Keeps what is known, for ever.
    pub(crate) fn keep(self) -> Option<&'static Self> {
        let place = sys::map_memory(size_of::<Self>()).ok()?.cast::<Self>();
        // SAFETY: page-aligned, and at least that large.
        unsafe { place.write(self) };
        // SAFETY: initialised, never unmapped, never written again.
        Some(unsafe { &*place })
    }

    /// From here on every thread judges by it.
    pub(crate) fn publish(&'static self) {
        JVM.store(core::ptr::from_ref(self).cast_mut(), Ordering::Release);
    }
}

/// The one JVMTI environment, made by whoever asks first; null before that.
static TOOLS: AtomicPtr<*const *const c_void> = AtomicPtr::new(null_mut());

/// The JVMTI environment; `None` while the machine gives none.
pub(super) fn tools(env: Env) -> Option<Tools> {
    if let Some(tools) = Tools::at(TOOLS.load(Ordering::Acquire)) {
        return Some(tools);
    }
    let tools = Tools::of(env.machine()?)?;
    // Of two that were made at once the second is left unused.
    let _ = TOOLS.compare_exchange(null_mut(), tools.raw(), Ordering::AcqRel, Ordering::Acquire);
    Tools::at(TOOLS.load(Ordering::Acquire))
}

/// One call on the machine: the calling thread's environment, and what is known.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    pub(crate) env: Env,
    pub(crate) jvm: &'static Jvm,
}

impl Here {
    pub(crate) fn tools(self) -> Tools {
        self.jvm.tools
    }

    pub(crate) fn known(self) -> &'static Known {
        &self.jvm.known
    }

    pub(crate) fn image(self) -> &'static Image<'static> {
        &self.jvm.state.image
    }
}
