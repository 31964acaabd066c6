//! The rows of the table: what is measured, and what is aimed at.

use crate::fence::Side;
use crate::sample::Compare;
use crate::scratch::Tree;

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The name by which a filter picks it.
    pub(crate) name: &'static str,
    /// What the table calls it.
    pub(crate) work: &'static str,
    /// How the two are compared.
    pub(crate) compare: Compare,
    /// At most this much, or for [`Compare::Speed`] at least.
    pub(crate) target: f64,
    /// What the contestant is compared with.
    pub(crate) base: Side,
    /// The contestant.
    pub(crate) contestant: Side,
    /// How many pairs make a round.
    pub(crate) pairs: usize,
    /// What is done.
    pub(crate) work_kind: Work,
}

/// A kind of work; `@` in a path stands for the scratch directory.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// A call of `c/loop.c`: its name there, its directory, its path, and the errno of the base
    /// and of the contestant.
    Call(&'static str, &'static str, &'static str, [i32; 2]),
    /// A call of `java/Loop.java` and its file.
    Java(&'static str, &'static str),
    /// A call of `python/loop.py`.
    Python(&'static str),
    /// The same in a JVM that has virtual threads.
    Virtual(&'static str, &'static str),
    /// A program with its arguments, and the files that it needs.
    Program(&'static [&'static str], Tree),
    /// The memory of a process that waits.
    Memory,
}

/// A call that succeeds on both sides.
const fn call(
    name: &'static str,
    work: &'static str,
    target: f64,
    [call, directory, path]: [&'static str; 3],
) -> Row {
    Row {
        name,
        work,
        compare: Compare::Ratio,
        target,
        base: Side::Plain,
        contestant: Side::Fenced,
        pairs: 40,
        work_kind: Work::Call(call, directory, path, [0, 0]),
    }
}

/// A call that ends with the errno of the base or of the contestant.
const fn ends(row: Row, errno: [i32; 2]) -> Row {
    match row.work_kind {
        Work::Call(call, directory, path, _) => {
            Row { work_kind: Work::Call(call, directory, path, errno), ..row }
        }
        _ => row,
    }
}

/// A whole program, once for each sample.
const fn program(
    name: &'static str,
    work: &'static str,
    target: f64,
    arguments: &'static [&'static str],
    tree: Tree,
) -> Row {
    Row {
        name,
        work,
        compare: Compare::Ratio,
        target,
        base: Side::Plain,
        contestant: Side::Fenced,
        pairs: 2,
        work_kind: Work::Program(arguments, tree),
    }
}

/// `/bin/true` by another way of starting it.
const fn start(
    name: &'static str,
    work: &'static str,
    target: f64,
    [base, contestant]: [Side; 2],
) -> Row {
    Row {
        compare: Compare::AddedMilliseconds,
        base,
        contestant,
        pairs: 12,
        ..program(name, work, target, &["/bin/true"], Tree::Work)
    }
}

/// A call of the large policy against the small one.
const fn rules(name: &'static str, work: &'static str, target: f64, path: &'static str) -> Row {
    Row {
        base: Side::FewRules,
        contestant: Side::ManyRules,
        ..call(name, work, target, ["open", "/", path])
    }
}

/// A thread that is created and joined.
const fn thread(name: &'static str, work: &'static str, target: f64, contestant: Side) -> Row {
    Row { contestant, ..call(name, work, target, ["thread", "/", INPUT]) }
}

const fn java(name: &'static str, work: &'static str, call: &'static str) -> Row {
    Row {
        work_kind: Work::Java(call, INPUT),
        pairs: 40,
        ..program(name, work, 1.06, &[], Tree::Work)
    }
}

/// The same in a JVM, below so many frames, with rules about Java classes.
const fn java_thread(
    name: &'static str,
    work: &'static str,
    target: f64,
    call: &'static str,
) -> Row {
    Row { target, contestant: Side::JavaRules, ..java(name, work, call) }
}

/// A thread of Python's that is started and joined, below so many frames.
const fn python_thread(
    name: &'static str,
    work: &'static str,
    target: f64,
    (contestant, call): (Side, &'static str),
) -> Row {
    Row {
        work_kind: Work::Python(call),
        pairs: 40,
        contestant,
        ..program(name, work, target, &[], Tree::Work)
    }
}

const INPUT: &str = "@/work/data/input.txt";

/// All rows, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    call("open-absolute", "open+close, absolute", 1.06, ["open", "/", INPUT]),
    call("open-relative", "relative, by names", 1.08, ["open", "@/work", "data/input.txt"]),
    call("open-relative-text", "relative, by text", 1.45, ["open", "@/work", "etc/input.txt"]),
    call(
        "openat",
        "by directory descriptor, by names",
        1.08,
        ["openat", "@/work", "data/input.txt"],
    ),
    call(
        "openat-text",
        "by directory descriptor, by text",
        2.8,
        ["openat", "@/work", "etc/input.txt"],
    ),
    call("open-alias", "through an alias (/bin)", 1.08, ["open", "/", "/bin/true"]),
    ends(
        call("open-missing", "a missing file", 1.10, ["open", "/", "@/work/data/missing"]),
        [libc::ENOENT, libc::ENOENT],
    ),
    call("open-symlink", "a symlink on the way", 4.2, ["open", "/", "@/work/link/input.txt"]),
    call("open-dotdot", "an inner `..`", 2.0, ["open", "/", "@/work/data/../data/input.txt"]),
    call("fopen", "fopen", 1.15, ["fopen", "/", INPUT]),
    call("opendir", "opendir + 100 entries", 1.05, ["opendir", "/", "@/work/hundred"]),
    call("realpath", "realpath", 0.6, ["realpath", "/", INPUT]),
    call("stat", "stat", 2.3, ["stat", "/", INPUT]),
    call("access", "access", 2.9, ["access", "/", INPUT]),
    call("readlink", "readlink", 2.9, ["readlink", "/", "@/work/link"]),
    call("lstat-name", "lstat of a single name", 1.08, ["lstat", "@/work", "input.txt"]),
    call("fstatat-name", "fstatat of a single name", 1.08, ["fstatat", "@/work", "input.txt"]),
    ends(
        call(
            "unlink-name",
            "unlink of a single name, missing",
            1.08,
            ["unlink", "@/work", "missing.txt"],
        ),
        [libc::ENOENT, libc::ENOENT],
    ),
    call("create-unlink", "create+close+unlink", 1.20, ["create", "/", "@/work/data/new.txt"]),
    call("rename", "rename, there and back", 1.6, ["rename", "/", "@/work/data/moving.txt"]),
    ends(
        call("open-refused", "a refused open, audit on", 1.5, ["open", "/", "/etc/hostname"]),
        [0, libc::EACCES],
    ),
    Row {
        compare: Compare::Speed,
        ..call("open-threads", "8 threads opening, throughput", 0.95, ["open-threads", "/", INPUT])
    },
    thread("thread", "pthread_create+join", 1.03, Side::Fenced),
    thread("thread-forbidding", "with native rules that forbid", 1.05, Side::Forbidding),
    thread("thread-authorizing", "with native rules that authorize", 1.05, Side::Authorizing),
    Row {
        work_kind: Work::Call("thread-deep", "/", INPUT, [0, 0]),
        ..thread("thread-deep", "that forbid, below 50 frames", 1.10, Side::Forbidding)
    },
    Row {
        pairs: 12,
        ..call("posix-spawn", "posix_spawn of /bin/true", 1.25, ["spawn", "/", "/bin/true"])
    },
    start("start-preload", "start of /bin/true, by preload", 0.25, [Side::Plain, Side::Fenced]),
    start("start-launcher", "start of /bin/true, by launcher", 3.0, [Side::Plain, Side::Launched]),
    program(
        "jvm-start",
        "JVM start",
        1.03,
        &["java", "-cp", "@/tools", "Loop", "start"],
        Tree::Work,
    ),
    Row {
        contestant: Side::JavaRules,
        ..program(
            "jvm-start-rules",
            "JVM start, with class rules",
            1.05,
            &["java", "-cp", "@/tools", "Loop", "start"],
            Tree::Work,
        )
    },
    Row { target: 1.01, ..java("java-thread", "start+join of a Java thread", "thread-10") },
    java_thread("java-thread-10", "with class rules, below 10 frames", 1.04, "thread-10"),
    java_thread("java-thread-50", "below 50 frames", 1.08, "thread-50"),
    java_thread("java-thread-200", "below 200 frames", 1.20, "thread-200"),
    Row {
        work_kind: Work::Virtual("virtual-10", INPUT),
        ..java_thread("virtual-thread-10", "a virtual thread, below 10 frames", 1.15, "")
    },
    Row {
        work_kind: Work::Virtual("virtual-many", INPUT),
        ..java_thread("virtual-threads-10", "10,000 of them at once", 1.15, "")
    },
    Row {
        contestant: Side::JavaRules,
        ..program(
            "javac",
            "javac of 500 classes, with class rules",
            1.02,
            &["javac", "-d", "@/classes/out", "@@/classes/sources"],
            Tree::Classes,
        )
    },
    java("java-open", "opening in Java", "open"),
    java("java-read", "readAllBytes in Java", "read"),
    python_thread(
        "python-thread",
        "start+join of a Python thread",
        1.02,
        (Side::Fenced, "thread-10"),
    ),
    python_thread(
        "python-thread-10",
        "with module rules, below 10 frames",
        1.15,
        (Side::PythonRules, "thread-10"),
    ),
    python_thread("python-thread-50", "below 50 frames", 1.15, (Side::PythonRules, "thread-50")),
    program("find", "find, 50,000 files", 1.10, &["find", "@/files", "-newer", INPUT], Tree::Files),
    program(
        "git-status",
        "git status, 5,000 files",
        1.8,
        &["git", "-C", "@/repository", "status"],
        Tree::Repository,
    ),
    program(
        "compileall",
        "compileall",
        1.10,
        &["python3", "-m", "compileall", "-q", "-f", "@/python"],
        Tree::Python,
    ),
    program(
        "tar",
        "tar, 5,000 files",
        1.10,
        &["tar", "-cf", "@/out.tar", "-C", "@/repository", "."],
        Tree::Repository,
    ),
    program(
        "grep",
        "grep -r, 5,000 files",
        1.10,
        &["grep", "-rc", "two", "@/repository"],
        Tree::Repository,
    ),
    program(
        "gcc",
        "gcc of a small file",
        1.10,
        &["gcc", "-O2", "-o", "@/out.o", "-c", "@/tools/loop.c"],
        Tree::Work,
    ),
    Row {
        compare: Compare::AddedMebibytes,
        pairs: 1,
        work_kind: Work::Memory,
        ..call("memory", "memory (PSS of a process)", 0.3, ["", "", ""])
    },
    rules("rules-outside", "100,000 rules against 10: outside", 1.03, INPUT),
    rules("rules-beside", "in a directory full of rules", 1.20, "@/many/free"),
    start("rules-map", "mapping the image", 1.0, [Side::FewRules, Side::ManyRules]),
];

impl Row {
    /// Whether it runs a Java program of ours.
    pub(crate) fn needs_java(&self) -> bool {
        match self.work_kind {
            Work::Java(..) | Work::Virtual(..) => true,
            Work::Program(arguments, _) => matches!(arguments[0], "java" | "javac"),
            Work::Call(..) | Work::Python(..) | Work::Memory => false,
        }
    }

    /// Whether it is a program that runs behind any peer, compared with itself as it is.
    pub(crate) fn is_whole_program(&self) -> bool {
        // A JVM reads its configuration in /etc/, which a peer does not except.
        matches!(self.work_kind, Work::Program(..))
            && self.base == Side::Plain
            && !self.needs_java()
    }

    /// Whether it is pinned: loops are, but for that of eight threads.
    pub(crate) fn runs_on_one_processor(&self) -> bool {
        matches!(
            self.work_kind,
            Work::Call(..) | Work::Java(..) | Work::Virtual(..) | Work::Python(..)
        ) && self.compare != Compare::Speed
    }
}
