//! Exceptions for certain callers in Python: a file of the host's, and one of a package's, by every way
//! that the language has; each that is refused is open to its twin.

use std::fs;
use std::path::Path;

use crate::harness::{Fence, Outcome, Rules, Scratch, fixture};
use crate::programs::{PYTHON, pythons, source};

/// The least number of lines that the fixture prints.
const LEAST: usize = 100;

/// A package and its twin, a closed file and an open one.
struct Place {
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::empty();
        for name in ["closed", "open", "packages/vendor", "packages/twin"] {
            scratch.directory(name);
        }
        for name in ["closed/own.yml", "closed/other.yml", "open/own.yml"] {
            scratch.file(name, "secret: 1\n");
        }
        for package in ["vendor", "twin"] {
            for (from, to) in [("opening", "__init__"), ("package", "how")] {
                let text = fs::read_to_string(source(&format!("python/callers/{from}.py")));
                let text = text.expect("a fixture");
                scratch.file(&format!("packages/{package}/{to}.py"), &text);
            }
        }
        Self { scratch }
    }

    fn rules(&self, callers: &[&str]) -> Rules {
        let closed = self.scratch.text("closed");
        Rules::new().forbid(closed).allow_for(callers, self.own(), &["read"])
    }

    /// The file that some callers may read.
    fn own(&self) -> String {
        self.scratch.text("closed/own.yml")
    }

    fn fence(&self, callers: &[&str]) -> Fence {
        Fence::by_launcher(&self.rules(callers))
    }

    /// How each way of the fixture ended: its name, and `ran` or `refused EACCES`.
    #[track_caller]
    fn ways(&self, fence: &Fence, python: &Path, package: &str, file: &str) -> Vec<Way> {
        let mut command = fence.command(python);
        command.arg("-B").arg(source("python/callers/files.py"));
        command.arg(self.scratch.path("packages")).arg(package).arg(self.scratch.path(file));
        let outcome = fence.finish(&mut command);
        let way = |line: &str| {
            let (name, end) = line.split_once(": ").unwrap_or_else(|| panic!("{outcome:#?}"));
            (name.to_owned(), end.to_owned())
        };
        let ways: Vec<Way> = outcome.text().lines().map(way).collect();
        assert!(ways.len() >= LEAST, "{} tries its ways: {outcome:#?}", python.display());
        ways
    }

    /// What a program of Python's own prints, with the packages on its path.
    #[track_caller]
    fn said(&self, fence: &Fence, python: &Path, words: &[&str]) -> Outcome {
        let mut command = fence.command(python);
        command.arg("-B").args(words).env("PYTHONPATH", self.scratch.path("packages"));
        fence.finish(&mut command)
    }
}

type Way = (String, String);

#[track_caller]
fn expect_each(ways: &[Way], python: &Path, runs: impl Fn(&str) -> bool) {
    let is_wrong = |way: &&Way| {
        let expected: &[&str] =
            if runs(&way.0) { &["ran"] } else { &["refused", "refused EACCES"] };
        !expected.contains(&way.1.as_str())
    };
    let wrong: Vec<&Way> = ways.iter().filter(is_wrong).collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", python.display());
}

/// The ways by a library in C that nobody named.
fn is_native(way: &str) -> bool {
    way.contains("/native/") || way == "package/how/c_callback"
}

/// The ways of a package whose code does not show that it is its.
fn is_disguised(way: &str) -> bool {
    let disguised = ["compiled", "executed", "of_other_globals", "renamed"];
    way.strip_prefix("package/how/").is_some_and(|way| disguised.contains(&way))
}

#[test]
fn the_host_has_its_file_in_every_way_and_a_package_has_it_in_none() {
    let place = Place::new();
    let fence = place.fence(&["host"]);
    for python in pythons() {
        let ways = place.ways(&fence, &python, "vendor", "closed/own.yml");
        expect_each(&ways, &python, |way| way.starts_with("host/") && !is_native(way));
        let ways = place.ways(&fence, &python, "vendor", "open/own.yml");
        expect_each(&ways, &python, |_| true);
    }
    let ways = place.ways(&fence, Path::new(PYTHON), "vendor", "closed/other.yml");
    expect_each(&ways, Path::new(PYTHON), |_| false);
}

#[test]
fn a_package_that_is_named_has_it_and_neither_its_twin_nor_the_host_nor_their_programs() {
    let place = Place::new();
    let fence = place.fence(&["python:vendor"]);
    let is_vendors = |way: &str| {
        way.starts_with("package/")
            && !way.contains("/children/")
            && !is_native(way)
            && !is_disguised(way)
    };
    for python in pythons() {
        let ways = place.ways(&fence, &python, "vendor", "closed/own.yml");
        expect_each(&ways, &python, is_vendors);
        let ways = place.ways(&fence, &python, "twin", "closed/own.yml");
        expect_each(&ways, &python, |_| false);
    }
    let both = place.fence(&["python:vendor", "host"]);
    let ways = place.ways(&both, Path::new(PYTHON), "vendor", "closed/own.yml");
    let is_hosts = |way: &str| way.starts_with("host/") && !is_native(way);
    expect_each(&ways, Path::new(PYTHON), |way| is_vendors(way) || is_hosts(way));
}

/// A deputy lends nothing: neither by its call nor by its thread.
#[test]
fn everybody_that_has_a_part_in_it_must_be_named() {
    let place = Place::new();
    let script = "
import sys, threading, twin, vendor
def tried(function, *words):
    try:
        print(function(*words))
    except PermissionError as error:
        print(error.errno)
def own(path):
    return vendor.plain_open(path)
path = sys.argv[1]
tried(vendor.plain_open, path)
tried(own, path)
tried(twin.lent, vendor.plain_open, path)
tried(vendor.lent, twin.plain_open, path)
tried(twin.in_a_thread, path, vendor.plain_open)
tried(vendor.in_a_thread, path, vendor.in_a_thread)
";
    let said = |callers: &[&str], python: &Path| {
        let outcome = place.said(&place.fence(callers), python, &["-c", script, &place.own()]);
        outcome.text().lines().collect::<Vec<_>>().join(" ")
    };
    for python in pythons() {
        assert_eq!(said(&["python:vendor"], &python), "ran ran 13 13 13 ran");
        assert_eq!(said(&["python:vendor", "python:twin"], &python), "ran ran ran ran ran ran");
        assert_eq!(said(&["host"], &python), "13 13 13 13 13 13");
        assert_eq!(said(&["python:vendor2", "java:vendor"], &python), "13 13 13 13 13 13");
    }
}

/// However Python is told what to run; what was started with it is the host.
#[test]
fn a_program_is_the_host_by_whichever_way_it_was_started() {
    let place = Place::new();
    let text = "import sys; print(open(sys.argv[-1]).read().strip())";
    let script = place.scratch.file("packages/script.py", text);
    let script = script.to_str().expect("UTF-8");
    let own = place.own();
    let other = place.scratch.text("closed/other.yml");
    let fence = place.fence(&["host"]);
    let ways: [&[&str]; 3] = [&[script], &["-m", "script"], &["-c", text]];
    for python in pythons() {
        for words in ways {
            let said = |file: &str| place.said(&fence, &python, &[words, &[file]].concat());
            assert_eq!(said(&own).text(), "secret: 1", "{words:?}");
            assert!(said(&other).stderr.contains("PermissionError"), "{words:?}: the control");
        }
        let mut command = fence.command(&python);
        command.args(["-", &own]);
        let outcome = fence.finish_with(
            &mut command,
            text.as_bytes(),
            std::time::Duration::from_secs(60),
            "the end of what stands on standard input",
        );
        assert_eq!(outcome.text(), "secret: 1");
        // A module that is imported is no `__main__`.
        let said = place.said(&fence, &python, &["-c", "import script", &own]);
        assert!(said.stderr.contains("PermissionError"), "{said:#?}");
    }
}

/// In which of several interpreters a thread is, it does not show while it waits for a file.
#[test]
fn with_a_subinterpreter_nobody_is_known() {
    let place = Place::new();
    let script = "
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
def tried():
    try:
        print(open(sys.argv[1]).read().strip(), flush=True)
    except PermissionError as error:
        print(error.errno, flush=True)
tried()
made = interpreters.create()
tried()
interpreters.run_string(made, f'''
try:
    print(open({sys.argv[1]!r}).read().strip(), flush=True)
except PermissionError as error:
    print(error.errno, flush=True)
''')
interpreters.destroy(made)
tried()
";
    for python in pythons() {
        let said = |file: &str| {
            let words = ["-c", script, &place.scratch.text(file)];
            place.said(&place.fence(&["host"]), &python, &words).text().to_owned()
        };
        assert_eq!(said("closed/own.yml"), "secret: 1\n13\n13\nsecret: 1", "{}", python.display());
        assert_eq!(said("open/own.yml"), ["secret: 1"; 4].join("\n"), "the control");
    }
}

/// What Python runs when the program's own code has ended, or before it begins, has no caller.
#[test]
fn what_runs_when_nobody_is_on_the_stack_is_nobodys() {
    let place = Place::new();
    let script = "
import atexit, os, shutil, sys
out = sys.argv[2]
atexit.register(shutil.copyfile, sys.argv[1], out)
atexit.register(os.open, sys.argv[1], os.O_RDONLY)
def last():
    open(sys.argv[1])
atexit.register(last)
";
    let out = place.scratch.path("out");
    let said = |file: &str| {
        let words = ["-c", script, &place.scratch.text(file), out.to_str().expect("UTF-8")];
        let outcome = place.said(&place.fence(&["host"]), Path::new(PYTHON), &words);
        (outcome.stderr.matches("PermissionError").count(), fs::remove_file(&out).is_ok())
    };
    assert_eq!(said("closed/own.yml"), (2, false));
    assert_eq!(said("open/own.yml"), (0, true));
}

/// The library of a module of Python's own is one that must be named.
#[test]
fn a_library_that_python_calls_must_be_named_beside_the_host() {
    let place = Place::new();
    let make = "import sqlite3, sys; made = sqlite3.connect(sys.argv[1]); made.execute('create table a (b)'); made.commit()";
    for file in ["closed/own.yml", "open/own.yml"] {
        let path = place.scratch.path(file);
        fs::remove_file(&path).expect("our own");
        let made = Fence::open();
        made.run(PYTHON, [std::ffi::OsStr::new("-c"), make.as_ref(), path.as_os_str()]);
        assert!(path.exists());
    }
    let script = "
import sqlite3, sys
try:
    made = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro&immutable=1', uri=True)
    print(made.execute('select count(*) from a').fetchall())
except sqlite3.OperationalError as error:
    print(error)
";
    let said = |callers: &[&str], file: &str| {
        let words = ["-c", script, &place.scratch.text(file)];
        // SQLite looks at each directory on the way.
        let rules = Rules::new()
            .forbid_access(place.scratch.path("closed"), &["read", "write"])
            .allow_for(callers, place.own(), &["read"]);
        place.said(&Fence::by_launcher(&rules), Path::new(PYTHON), &words).text().to_owned()
    };
    assert_eq!(said(&["host"], "closed/own.yml"), "unable to open database file");
    assert_eq!(said(&["host"], "open/own.yml"), "[(0,)]");
    assert_eq!(said(&["host", "native:libsqlite3.so.0"], "closed/own.yml"), "[(0,)]");
    let other = said(&["host", "native:libz.so.1"], "closed/own.yml");
    assert_eq!(other, "unable to open database file");
}

/// The program of another language is the host; what it has Python run is `__main__`, and the packages
/// that this imports are not.
#[test]
fn an_interpreter_that_is_loaded_late_is_read() {
    let place = Place::new();
    let home = Path::new("/opt/ringfence-cpython-3.14");
    for name in ["small", "other"] {
        let text = "def read(path):\n    return open(path).read().strip()\n";
        place.scratch.file(&format!("packages/{name}.py"), text);
    }
    let said = |callers: &[&str], package: &str| {
        let fence = place.fence(callers);
        let text = format!(
            "
import sys
sys.path.insert(0, {:?})
import {package} as package
for function in [package.read, lambda path: open(path).read().strip()]:
    try:
        print(function({:?}))
    except PermissionError as error:
        print(error.errno)
",
            place.scratch.text("packages"),
            place.own(),
        );
        let mut command = fence.command(fixture("embed"));
        command.arg(home.join("libpython3.14.so.1.0")).arg(&text).env("PYTHONHOME", home);
        fence.finish(&mut command).text().to_owned()
    };
    assert_eq!(said(&["host"], "small"), "13\nsecret: 1");
    assert_eq!(said(&["python:small"], "small"), "secret: 1\n13");
    assert_eq!(said(&["python:small"], "other"), "13\n13");
}

#[test]
fn an_interpreter_that_is_not_known_does_not_run_where_modules_have_exceptions() {
    let place = Place::new();
    let named = place.fence(&["host", "python:vendor"]).run(fixture("unknown_python"), [""; 0]);
    assert_eq!(named.status.code(), Some(125), "{named:#?}");
    assert!(named.stderr.contains("[RF407]"), "{named:#?}");
    for callers in [["host"], ["native:libvendor.so"]] {
        assert_eq!(place.fence(&callers).run(fixture("unknown_python"), [""; 0]).text(), "ran");
    }
}
