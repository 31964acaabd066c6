//! A policy that concerns nothing of what programs do changes nothing: real work gives the same
//! output, status and files with and without it.

mod modules;

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::harness::{Fence, Rules, Scratch, fixture};
use crate::programs::{PYTHON, java_home, source};

/// A dynamically linked one, which `tests/setup.sh` unpacks: Debian's static one cannot be fenced.
const BUSYBOX: &str = "/opt/ringfence-busybox/bin/busybox";

/// For minutes of work, beside other tests.
const LIMIT: Duration = Duration::from_secs(900);

/// Rules on places that no work comes near; no name in it ends such a rule.
fn far() -> Rules {
    Rules::new().forbid("/srv/ringfence-nowhere/closed").forbid("/var/ringfence-nowhere")
}

/// Rules whose last names are those of the files that the work is about: each call on such a name
/// takes the long way, by the whole text of its path.
fn namesakes() -> Rules {
    let names = ["tree", "src", "main.c", "repository", ".git", "numbers", "lib", "out", "a", "t"];
    names.iter().fold(far(), |rules, name| rules.forbid(Path::new("/srv/elsewhere").join(name)))
}

/// What a piece of work leaves behind.
#[derive(Debug, PartialEq)]
struct Done {
    status: Option<i32>,
    stdout: String,
    stderr: String,
    tree: BTreeMap<PathBuf, Entry>,
}

/// A file as it must come out again; times and inode numbers differ from run to run.
#[derive(Debug, PartialEq)]
struct Entry {
    mode: u32,
    owner: (u32, u32),
    links: u64,
    /// A hash of a file's bytes or a link's target.
    content: u64,
}

/// Every entry below a directory.
fn tree(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(directory) = todo.pop() {
        for entry in fs::read_dir(&directory).expect("our own directory") {
            let path = entry.expect("our own directory").path();
            let meta = fs::symlink_metadata(&path).expect("nobody else is here");
            let kind = meta.file_type();
            let content = if kind.is_symlink() {
                fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
            } else if kind.is_file() {
                fs::read(&path).expect("our own file")
            } else {
                Vec::new()
            };
            if kind.is_dir() {
                todo.push(path.clone());
            }
            let mut hash = DefaultHasher::new();
            content.hash(&mut hash);
            let entry = Entry {
                mode: meta.mode(),
                owner: (meta.uid(), meta.gid()),
                links: if kind.is_dir() { 0 } else { meta.nlink() },
                content: hash.finish(),
            };
            let name = path.strip_prefix(root).expect("below the root").to_path_buf();
            entries.insert(name, entry);
        }
    }
    entries
}

/// Does a piece of work `rounds` times in a fresh directory, always of the same name.
#[track_caller]
fn done(fence: &Fence, scratch: &Scratch, script: &str, rounds: u32) -> Done {
    let here = scratch.directory("work");
    let mut command = command(fence, script, rounds);
    command.current_dir(&here).env("HOME", scratch.path("open")).env_remove("TZ");
    let outcome = fence.finish_with(&mut command, b"", LIMIT, "the end of the work");
    let done = Done {
        status: outcome.status.code(),
        stdout: outcome.stdout,
        stderr: outcome.stderr,
        tree: tree(&here),
    };
    fs::remove_dir_all(&here).expect("our own directory");
    done
}

fn command(fence: &Fence, script: &str, rounds: u32) -> Command {
    let path = source(&format!("real/{script}"));
    let mut command = match script {
        "busybox.sh" => fence.command(BUSYBOX),
        "perl.pl" => fence.command("/usr/bin/perl"),
        _ if script.ends_with(".py") => fence.command(PYTHON),
        _ => fence.command("/bin/bash"),
    };
    if script == "busybox.sh" {
        command.arg("sh");
    }
    command.arg(path).arg(rounds.to_string());
    if script == "java.sh" {
        command.arg(java_home(17).join("bin/javac")).args([java_home(17), java_home(25)]);
        command.env("CLASSPATH", fixture("java"));
    }
    command
}

/// Fails unless the work comes out the same inside a fence of such rules.
#[track_caller]
fn expect_unchanged(script: &str, rules: &Rules, rounds: u32) {
    let scratch = Scratch::new();
    let open = done(&Fence::open(), &scratch, script, rounds);
    assert_eq!(open.status, Some(0), "the work is done without a fence: {}", open.stderr);
    assert!(open.stdout.lines().count() > 10, "the work has something to say: {}", open.stdout);
    let fenced = done(&Fence::by_launcher(rules), &scratch, script, rounds);
    expect_same("standard output", &open.stdout, &fenced.stdout);
    expect_same("standard error", &open.stderr, &fenced.stderr);
    assert_eq!(fenced.status, open.status, "{script}: exit status");
    for (name, entry) in &open.tree {
        assert_eq!(fenced.tree.get(name), Some(entry), "{script}: {}", name.display());
    }
    assert_eq!(fenced.tree.len(), open.tree.len(), "{script}: files left behind");
    // For the table in docs/reliability.md.
    let (lines, files) = (open.stdout.lines().count(), open.tree.len());
    println!("| {script} | {rounds} | {lines} | {files} | the same |");
}

/// Fails unless two texts are the same, naming the first lines that differ.
#[track_caller]
fn expect_same(what: &str, open: &str, fenced: &str) {
    let wrong: Vec<_> = open.lines().zip(fenced.lines()).filter(|(o, f)| o != f).take(10).collect();
    assert!(wrong.is_empty(), "{what}, without and with a fence: {wrong:#?}");
    let (open, fenced) = (open.lines().count(), fenced.lines().count());
    assert_eq!(fenced, open, "{what}: the number of lines with and without a fence");
}

macro_rules! unchanged {
    ($($name:ident: $script:literal, $rounds:literal;)+) => {
        mod far_rules_change_nothing_for {$(
            #[test]
            fn $name() {
                super::expect_unchanged($script, &super::far(), $rounds);
            }
        )+}

        mod namesake_rules_change_nothing_for {$(
            #[test]
            fn $name() {
                super::expect_unchanged($script, &super::namesakes(), 1);
            }
        )+}

        mod minutes_of_work_change_nothing_for {$(
            #[test]
            #[ignore = "takes minutes: .ci/run --long"]
            fn $name() {
                super::expect_unchanged($script, &super::far(), 20 * $rounds);
            }
        )+}
    };
}

unchanged! {
    bash: "bash.sh", 6;
    coreutils: "coreutils.sh", 4;
    find: "find.sh", 3;
    git: "git.sh", 2;
    tar: "tar.sh", 4;
    gcc: "gcc.sh", 2;
    python: "python.py", 4;
    java: "java.sh", 1;
    busybox: "busybox.sh", 2;
    perl: "perl.pl", 3;
}

/// How CPython's own tests of these modules end: the exit status, and each test with its result.
fn results(fence: &Fence, modules: &[&str]) -> (Option<i32>, String) {
    let scratch = Scratch::new();
    let results = scratch.path("results.xml");
    let mut command = fence.command(PYTHON);
    command.args(["-m", "test", "--junit-xml"]).arg(&results).args(modules);
    command.current_dir(scratch.path("open"));
    // It ends with 2 when a test of CPython's fails in this environment, fence or none.
    let outcome = fence.finish_with(&mut command, b"", LIMIT, "the end of CPython's tests");
    assert!(results.exists(), "no results: {outcome:#?}");
    let mut list = Command::new(PYTHON);
    let list = list.arg(source("python/results.py")).arg(&results).output();
    let list = String::from_utf8(list.expect("python3 runs").stdout).expect("test names");
    (outcome.status.code(), list)
}

/// [`results`] without a fence and inside one. Most of the time is spent asleep, so the two go side
/// by side.
fn both(modules: &[&str], rules: &Rules) -> [(Option<i32>, String); 2] {
    thread::scope(|scope| {
        let open = scope.spawn(|| results(&Fence::open(), modules));
        let fenced = results(&Fence::by_launcher(rules), modules);
        [open.join().expect("the control"), fenced]
    })
}

/// CPython's own tests of what we interpose: each ends as it does without a fence.
fn cpython(modules: &[&str]) {
    cpython_with(modules, &far());
}

/// Rules about the threads and programs of libraries that are not there, which each of both is held to.
fn far_threads() -> Rules {
    ["native:/srv/ringfence-nowhere/", "native:libscan.so.3", "native:libscan.so!start"]
        .into_iter()
        .fold(far(), |rules, prefix| rules.forbid_threads(prefix).forbid_processes(prefix))
}

fn cpython_with(modules: &[&str], rules: &Rules) {
    let [(open_status, open), (fenced_status, fenced)] = both(modules, rules);
    assert!(open.lines().count() > 80, "the tests ran: {open}");
    expect_same("results", &open, &fenced);
    assert_eq!(fenced_status, open_status);
}

#[test]
fn cpython_tests_of_os_and_files_end_the_same() {
    cpython(&["test_os", "test_posix", "test_fileio"]);
}

#[test]
fn cpython_tests_of_io_end_the_same() {
    cpython(&["test_io"]);
}

#[test]
fn cpython_tests_of_subprocess_end_the_same() {
    cpython(&["test_subprocess"]);
}

/// These time themselves, and fail now and then on a busy machine, fence or none.
#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn cpython_tests_of_threads_end_the_same() {
    cpython_with(&["test_threading", "test_thread"], &far_threads());
}

#[test]
#[ignore = "takes minutes: .ci/run --long"]
fn cpython_tests_of_multiprocessing_end_the_same() {
    for start in ["fork", "forkserver", "spawn"] {
        cpython_with(&[&format!("test_multiprocessing_{start}")], &far_threads());
    }
}
