//! Getting into the machine, once, as soon as it runs programs.

use core::ffi::{CStr, c_void};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use ringfence_policy::{CallerKind, Creation};

use super::bind::{self, Original, unbound};
use super::defining::Defining;
use super::here::{Here, Home, Jvm, Known, Source};
use super::jni::{Env, Ref, VERSION_10};
use super::jvmti::Tools;
use super::methods::Methods;
use super::names::Names;
use super::outside::Outside;
use super::pools::Pools;
use super::shapes::Shapes;
use crate::arm::State;

/// Whether a thread is at it, or was.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// What is known about the machine; `None` while it does not run programs yet.
///
/// Whoever comes first does it. Until that is done no class of a program's is there.
pub(super) fn begin(state: &'static State, env: Env) -> Option<&'static Jvm> {
    if let Some(jvm) = Jvm::get() {
        return Some(jvm);
    }
    if BEGUN.load(Ordering::Acquire) {
        return None;
    }
    let tools = super::here::tools(env)?;
    if !tools.is_live() || BEGUN.swap(true, Ordering::AcqRel) {
        return None;
    }
    if env.version() < VERSION_10 {
        unbound(b"this Java is older than 11");
    }
    let Some(jvm) = env.framed(64, || enter(state, env, tools)) else {
        unbound(b"this Java does not show what rules about classes need")
    };
    Some(jvm)
}

fn enter(state: &'static State, env: Env, tools: Tools) -> Option<&'static Jvm> {
    let boot = Boot::of(state, env)?;
    let known = known(state, env, boot)?;
    let jvm = Jvm {
        state,
        machine: env.machine()?,
        home: Home::new().ok()?,
        tools,
        outside: Outside::find(state, env, tools, known.thread),
        names: Names::map().ok()?,
        methods: Methods::map().ok()?,
        defining: Defining::map().ok()?,
        shapes: Shapes::map().ok()?,
        names_openers: state.image.has_audience_of(CallerKind::Java),
        main_class: AtomicU32::new(0),
        known,
    }
    .keep()?;
    let here = Here { env, jvm };
    if !tools.may_tag() {
        return None;
    }
    // What an archive of classes brings along may run without being seen.
    if here.has_subjects()? {
        here.weave_in();
    }
    jvm.publish();
    Some(jvm)
}

fn known(state: &State, env: Env, boot: Boot) -> Option<Known> {
    let loaders = boot.class(c"jdk/internal/loader/ClassLoaders")?;
    let loader = |name| {
        let method = env.static_method(loaders, name, c"()Ljava/lang/ClassLoader;")?;
        env.keep(env.call(loaders, method)?)
    };
    Some(Known {
        application_loader: loader(c"appClassLoader")?,
        platform_loader: loader(c"platformClassLoader")?,
        io_exception: boot.class(c"java/io/IOException")?,
        security_exception: boot.class(c"java/lang/SecurityException")?,
        proxy: boot.class(c"java/lang/reflect/Proxy")?,
        thread: boot.class(c"java/lang/Thread")?,
        loader: boot.class(c"java/lang/ClassLoader")?,
        executor: boot.class(c"java/util/concurrent/ExecutorService")?,
        reference: boot.class(c"java/lang/ref/Reference")?,
        launcher: (!state.image.has_subjects(CallerKind::Java))
            .then(|| boot.class(c"sun/launcher/LauncherHelper"))
            .flatten(),
        source: source(env, boot)?,
        pools: Pools {
            carrier: boot.class(c"jdk/internal/misc/CarrierThread"),
            worker: boot.class(c"java/util/concurrent/ForkJoinWorkerThread")?,
            fork_join: boot.class(c"java/util/concurrent/ForkJoinPool")?,
            thread_pool: boot.class(c"java/util/concurrent/ThreadPoolExecutor")?,
            per_task: boot.class(c"java/util/concurrent/ThreadPerTaskExecutor"),
        },
        virtual_thread: boot.class(c"java/lang/BaseVirtualThread"),
        sees_lookups: bind::find(state, Original::LookupDefineClass, Some(env)).is_some(),
    })
}

fn source(env: Env, boot: Boot) -> Option<Source> {
    let domain = boot.class(c"java/security/ProtectionDomain")?;
    let code_source = boot.class(c"java/security/CodeSource")?;
    let url = boot.class(c"java/net/URL")?;
    let text = c"Ljava/lang/String;";
    Some(Source {
        code_source: env.field(domain, c"codesource", c"Ljava/security/CodeSource;")?,
        location: env.field(code_source, c"location", c"Ljava/net/URL;")?,
        protocol: env.field(url, c"protocol", text)?,
        host: env.field(url, c"host", text)?,
        file: env.field(url, c"file", text)?,
        handler: env.field(url, c"handler", c"Ljava/net/URLStreamHandler;")?,
    })
}

/// Finds classes of the boot loader's without running their initialisers, as JNI's own `FindClass`
/// would: that of `VirtualThread` starts threads.
#[derive(Clone, Copy)]
pub(super) struct Boot {
    env: Env,
    find: *const c_void,
}

impl Boot {
    pub(super) fn of(state: &State, env: Env) -> Option<Self> {
        Some(Self { env, find: bind::find(state, Original::FindBootClass, Some(env))? })
    }

    /// The class of that name, for ever; `None` where this JDK has none.
    pub(super) fn class(self, name: &CStr) -> Option<Ref> {
        let class = super::entry::find_boot_class(self.find, self.env, name);
        if self.env.clear() {
            return None;
        }
        self.env.keep(class?)
    }
}

/// Whether the policy has rules about Java classes at all, or exceptions to others that are for some.
#[inline]
pub(super) fn is_wanted(state: &State) -> bool {
    let is_about = |creation| !state.image.callers(creation, CallerKind::Java).is_empty();
    is_about(Creation::Thread) || is_about(Creation::Process) || state.image.has_audiences()
}
