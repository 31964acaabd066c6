//! What a frame is: the kind of its class, and what that class and method are known for.
//!
//! The names here are those of the JDK, from 11 to 25. A name that a JDK does not have costs
//! nothing; one that it renames makes the fence stricter, never laxer: what is known for nothing is
//! exempt from nothing.

use super::marks::Marks;

/// Facts about a class, or about one of its methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(pub(crate) u32);

impl Facts {
    /// Of the boot or the platform loader, or made by the runtime: transparent.
    pub(crate) const RUNTIME: Self = Self(1);
    /// The application loader's, no subject: transparent, and the host's.
    pub(crate) const HOST: Self = Self(1 << 1);
    /// Calls what somebody else names: `java.lang.reflect`, method handles, proxies.
    pub(crate) const REFLECTION: Self = Self(1 << 2);
    /// On the way from a caller to the start: `Thread`, `ThreadContainer`.
    pub(crate) const THREAD: Self = Self(1 << 3);
    /// `VirtualThread`, on the same way, and the starter of its own helpers.
    pub(crate) const VIRTUAL: Self = Self(1 << 4);
    /// A static initialiser.
    pub(crate) const INITIALISER: Self = Self(1 << 5);
    /// `ThreadPoolExecutor.addWorker`.
    pub(crate) const ADD_WORKER: Self = Self(1 << 6);
    /// `ForkJoinPool.createWorker`.
    pub(crate) const CREATE_WORKER: Self = Self(1 << 7);
    /// `ThreadPerTaskExecutor.start`.
    pub(crate) const PER_TASK: Self = Self(1 << 8);
    /// Makes a worker of a pool for one that blocks, for as many as the caller likes.
    pub(crate) const COMPENSATION: Self = Self(1 << 9);
    /// Starts a timer or a listener that the whole JDK shares.
    pub(crate) const SHARED_TIMER: Self = Self(1 << 10);
    /// Starts the shutdown hooks, one after the other.
    pub(crate) const SHUTDOWN: Self = Self(1 << 11);
    /// Starts what waits for child processes.
    pub(crate) const PROCESSES: Self = Self(1 << 12);
    /// An executor of `java.util.concurrent`.
    pub(crate) const EXECUTOR: Self = Self(1 << 13);
    /// A host class that only wraps executors and tasks.
    pub(crate) const WRAPPER: Self = Self(1 << 14);
    /// `ClassLoader` and `SecureClassLoader`: between a loader and the definition of a class.
    pub(crate) const LOADER_BASE: Self = Self(1 << 15);
    /// The machine's own loaders.
    pub(crate) const BUILTIN_LOADER: Self = Self(1 << 16);
    /// `URLClassLoader`.
    pub(crate) const URL_LOADER: Self = Self(1 << 17);
    /// Between a lookup and the definition of a class.
    pub(crate) const LOOKUP: Self = Self(1 << 18);
    /// Spins classes on behalf of the class that a lookup is of: lambdas, string concatenation.
    pub(crate) const SPINNER: Self = Self(1 << 19);
    /// Of the JDK's own packages, which no program names: `sun`, `com.sun`, `jdk.internal`.
    pub(crate) const INTERNAL: Self = Self(1 << 20);
    /// Its methods have names worth asking for.
    pub(crate) const METHODS: Self = Self(1 << 21);
    /// A plugin loader's, or another loader's: its marks say whose.
    pub(crate) const GUEST: Self = Self(1 << 22);
    /// The worker of a pool, which takes whatever task comes.
    pub(crate) const WORKER: Self = Self(1 << 23);
    /// Refers to the pool that it works for.
    pub(crate) const HOLDER: Self = Self(1 << 25);
    /// What is reached through it is not what a thread runs: threads, loaders, executors.
    pub(crate) const OPAQUE: Self = Self(1 << 24);

    /// The application loader's, of a program whose classes are one subject together.
    pub(crate) const PROGRAM: Self = Self(1 << 26);
    /// Calls what its own caller names, at once: `Method.invoke`, `Constructor.newInstance`.
    pub(crate) const INVOKES: Self = Self(1 << 27);
    /// It carries the marks of others than its own name and its loader.
    pub(crate) const FOREIGN: Self = Self(1 << 28);
    /// In the tag of a class: it was defined where we saw it, by a loader that is not the machine's.
    pub(crate) const DEFINED: Self = Self(1 << 29);
    /// In the tag of a class: a plugin loader itself defined it, from a plugin's file.
    pub(crate) const GENUINE: Self = Self(1 << 30);
    /// In the tag of a class: the rest says what it is.
    pub(crate) const CLASSIFIED: Self = Self(1 << 31);

    pub(crate) const fn has(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }

    #[must_use]
    pub(crate) const fn only(self, some: Self) -> Self {
        Self(self.0 & some.0)
    }

    #[must_use]
    pub(crate) const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

/// A class or a frame: what it is, and whose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) facts: Facts,
    pub(crate) marks: Marks,
}

impl Info {
    /// A tag of a class or a loader.
    pub(crate) const fn tag(self) -> i64 {
        self.word().cast_signed()
    }

    pub(crate) const fn from_tag(tag: i64) -> Self {
        Self::from_word(tag.cast_unsigned())
    }

    pub(crate) const fn word(self) -> u64 {
        self.facts.0 as u64 | (self.marks.word() as u64) << 32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self { facts: Facts(word as u32), marks: Marks::from_word((word >> 32) as u32) }
    }

    /// Neither the runtime's nor the host's own.
    pub(crate) const fn is_subject(self) -> bool {
        !self.marks.is_empty() || !self.facts.has(Facts(Facts::RUNTIME.0 | Facts::HOST.0))
    }

    pub(crate) const fn is_runtime(self) -> bool {
        self.facts.has(Facts::RUNTIME)
    }
}

/// Classes of the runtime's by their whole names.
const CLASSES: &[(&[u8], Facts)] = &[
    (b"java.lang.Thread", Facts::THREAD),
    (b"java.lang.VirtualThread", Facts::VIRTUAL),
    (b"java.util.concurrent.ThreadPoolExecutor", Facts(Facts::METHODS.0 | Facts::EXECUTOR.0)),
    (b"java.util.concurrent.ForkJoinPool", Facts(Facts::METHODS.0 | Facts::EXECUTOR.0)),
    (b"java.util.concurrent.ThreadPerTaskExecutor", Facts(Facts::METHODS.0 | Facts::EXECUTOR.0)),
    (b"java.util.concurrent.ThreadPoolExecutor$Worker", Facts(Facts::WORKER.0 | Facts::HOLDER.0)),
    (b"java.util.concurrent.ThreadPerTaskExecutor$TaskRunner", Facts::HOLDER),
    (b"java.util.concurrent.ThreadPerTaskExecutor$ThreadBoundFuture", Facts::HOLDER),
    (b"java.util.concurrent.CompletableFuture$Delayer", Facts::SHARED_TIMER),
    (b"sun.net.www.http.KeepAliveCache", Facts(Facts::SHARED_TIMER.0 | Facts::OPAQUE.0)),
    (b"sun.net.www.protocol.https.HttpsClient", Facts::OPAQUE),
    (b"sun.nio.ch.Poller", Facts::SHARED_TIMER),
    (b"java.lang.ApplicationShutdownHooks", Facts::METHODS),
    (b"java.util.prefs.AbstractPreferences", Facts::METHODS),
    (b"java.lang.ClassLoader", Facts(Facts::LOADER_BASE.0 | Facts::LOOKUP.0)),
    (b"java.security.SecureClassLoader", Facts::LOADER_BASE),
    (b"java.net.URLClassLoader", Facts::URL_LOADER),
    (b"java.lang.invoke.BootstrapMethodInvoker", Facts::SPINNER),
    (b"jdk.internal.reflect.MethodHandleAccessorFactory", Facts::SPINNER),
    (b"java.lang.reflect.Method", Facts::INVOKES),
    (b"java.lang.reflect.Constructor", Facts::INVOKES),
    (b"java.lang.String", Facts::OPAQUE),
    (b"java.lang.Class", Facts::OPAQUE),
    (b"java.lang.ThreadGroup", Facts::OPAQUE),
    (b"java.lang.Module", Facts::OPAQUE),
    (b"java.lang.invoke.MethodType", Facts::OPAQUE),
    (b"java.lang.invoke.LambdaForm", Facts::OPAQUE),
    (b"java.security.AccessControlContext", Facts::OPAQUE),
];

/// Classes of the runtime's by the beginnings of their names.
const BEGINNINGS: &[(&[u8], Facts)] = &[
    (b"java.lang.reflect.", Facts(Facts::REFLECTION.0 | Facts::SPINNER.0)),
    (b"jdk.internal.reflect.", Facts::REFLECTION),
    (b"sun.reflect.", Facts::REFLECTION),
    (b"java.lang.invoke.", Facts::REFLECTION),
    (b"java.lang.invoke.MethodHandles", Facts::LOOKUP),
    (b"java.lang.invoke.InnerClassLambdaMetafactory", Facts::SPINNER),
    (b"java.lang.invoke.StringConcatFactory", Facts::SPINNER),
    (b"java.lang.invoke.InvokerBytecodeGenerator", Facts::SPINNER),
    (b"java.lang.invoke.ClassSpecializer", Facts::SPINNER),
    (b"java.lang.invoke.MethodHandleProxies", Facts::SPINNER),
    (b"java.lang.invoke.MethodHandleImpl", Facts::SPINNER),
    (b"java.lang.runtime.", Facts::SPINNER),
    (b"java.lang.System$", Facts(Facts::THREAD.0 | Facts::LOOKUP.0)),
    (b"jdk.internal.vm.", Facts::THREAD),
    (b"java.lang.Ringfence", Facts::THREAD),
    (b"java.lang.ProcessHandleImpl", Facts::PROCESSES),
    (b"java.lang.ProcessImpl", Facts::PROCESSES),
    (b"sun.security.ssl.TransportContext", Facts::SHARED_TIMER),
    (b"sun.nio.ch.Poller$", Facts::SHARED_TIMER),
    (b"java.lang.VirtualThread$", Facts::VIRTUAL),
    (b"java.util.concurrent.ForkJoinWorkerThread", Facts::WORKER),
    (b"java.util.concurrent.ForkJoinPool$", Facts::EXECUTOR),
    (b"java.util.concurrent.ThreadPoolExecutor$", Facts::EXECUTOR),
    (b"java.util.concurrent.Executors$", Facts::EXECUTOR),
    (b"java.util.concurrent.AbstractExecutorService", Facts::EXECUTOR),
    (b"java.util.concurrent.ExecutorCompletionService", Facts::EXECUTOR),
    (b"java.util.concurrent.ScheduledThreadPoolExecutor", Facts::EXECUTOR),
    (b"java.util.concurrent.ThreadPerTaskExecutor$", Facts::EXECUTOR),
    (b"jdk.internal.loader.", Facts::BUILTIN_LOADER),
    (b"sun.", Facts::INTERNAL),
    (b"com.sun.", Facts::INTERNAL),
    (b"jdk.internal.", Facts::INTERNAL),
];

/// Methods of the classes with [`Facts::METHODS`].
const METHODS: &[(&[u8], &[u8], Facts)] = &[
    (b"java.util.concurrent.ThreadPoolExecutor", b"addWorker", Facts::ADD_WORKER),
    (b"java.util.concurrent.ForkJoinPool", b"createWorker", Facts::CREATE_WORKER),
    (b"java.util.concurrent.ThreadPerTaskExecutor", b"start", Facts::PER_TASK),
    (b"java.util.concurrent.ForkJoinPool", b"tryCompensate", Facts::COMPENSATION),
    (b"java.util.concurrent.ForkJoinPool", b"managedBlock", Facts::COMPENSATION),
    (b"java.util.concurrent.ForkJoinPool", b"compensatedBlock", Facts::COMPENSATION),
    (b"java.util.concurrent.ForkJoinPool", b"startDelayScheduler", Facts::SHARED_TIMER),
    (b"java.lang.ApplicationShutdownHooks", b"runHooks", Facts::SHUTDOWN),
    (
        b"java.util.prefs.AbstractPreferences",
        b"startEventDispatchThreadIfNecessary",
        Facts::SHARED_TIMER,
    ),
];

/// Host classes between a pool and whoever uses it.
const WRAPPERS: &[&[u8]] = &[b"io.micrometer.core.instrument.internal.", b"io.micrometer.context."];

/// What a class of the runtime's is known for.
pub(crate) fn runtime(name: &[u8]) -> Facts {
    let exact = CLASSES.iter().filter(|(known, _)| *known == name);
    let begins = BEGINNINGS.iter().filter(|(known, _)| name.starts_with(known));
    exact.chain(begins).fold(Facts::RUNTIME, |facts, (_, more)| facts.with(*more))
}

/// What a host's class is known for.
pub(crate) fn host(name: &[u8]) -> Facts {
    let wraps = WRAPPERS.iter().any(|known| name.starts_with(known));
    if wraps { Facts::HOST.with(Facts::WRAPPER) } else { Facts::HOST }
}

/// What a method of a class with [`Facts::METHODS`] adds to what that is known for.
pub(crate) fn method(class: &[u8], name: &[u8]) -> Facts {
    let known = METHODS.iter().filter(|(of, known, _)| *of == class && *known == name);
    known.fold(Facts::default(), |facts, (_, _, more)| facts.with(*more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_known_by_its_whole_name() {
        assert!(runtime(b"java.lang.Thread").has(Facts::THREAD));
        assert!(!runtime(b"java.lang.ThreadLocal").has(Facts::THREAD));
        assert!(runtime(b"java.lang.ProcessHandleImpl$1").has(Facts::PROCESSES));
        assert!(runtime(b"java.lang.reflect.Method").has(Facts::REFLECTION));
    }

    #[test]
    fn a_method_is_known_in_its_own_class_only() {
        let pool = b"java.util.concurrent.ThreadPoolExecutor";
        assert_eq!(method(pool, b"addWorker"), Facts::ADD_WORKER);
        assert_eq!(method(b"java.util.concurrent.ForkJoinPool", b"addWorker"), Facts::default());
    }

    #[test]
    fn both_halves_of_a_word_come_back() {
        let info = Info { facts: Facts(0x89ab_cdef), marks: Marks::from_word(0x0123_4567) };
        assert_eq!(Info::from_word(info.word()), info);
    }
}
