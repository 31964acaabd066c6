//! Who may create a thread or start a program, by the Python module: every way that the language
//! has, refused to a package that is listed, and open to its twin of another name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Fence, Outcome, Rules, Scratch, fixture};
use crate::programs::{PYTHON, pythons, source};

/// The least number of ways that the fixture has.
const LEAST: usize = 75;

/// A package and its twin, in a directory that is only on the path, and installed.
struct Packages {
    scratch: Scratch,
}

impl Packages {
    fn new() -> Self {
        let packages = Self { scratch: Scratch::new() };
        let text = fs::read_to_string(source("python/callers/package.py")).expect("a fixture");
        for place in [Place::OnThePath, Place::Installed] {
            for name in ["vendor", "twin"] {
                let file = packages.directory(place).join(name).join("__init__.py");
                fs::create_dir_all(file.parent().expect("a directory")).expect("ours");
                fs::write(file, &text).expect("ours");
            }
        }
        packages
    }

    fn directory(&self, place: Place) -> PathBuf {
        self.scratch.path(match place {
            Place::OnThePath => "plain",
            Place::Installed => "site-packages",
        })
    }

    fn command(&self, fence: &Fence, python: &Path, package: &str, place: Place) -> Command {
        let mut command = fence.command(python);
        // What they compile would be found by the next.
        command.arg("-B").arg(source("python/callers/host.py"));
        command.arg(self.directory(place)).arg(package);
        if place == Place::Installed {
            command.arg("installed");
        }
        command
    }

    /// How each way ended.
    #[track_caller]
    fn ways(&self, fence: &Fence, python: &Path, package: &str, place: Place) -> Vec<Way> {
        let outcome = fence.finish(&mut self.command(fence, python, package, place));
        let lines = outcome.text().lines();
        let ways: Vec<Way> = lines.map(|line| Way::new(line, &outcome)).collect();
        assert!(ways.len() >= LEAST, "{} tries its ways: {outcome:#?}", python.display());
        ways
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    OnThePath,
    Installed,
}

#[derive(Debug, PartialEq)]
struct Way {
    name: String,
    end: String,
}

impl Way {
    #[track_caller]
    fn new(line: &str, all: &Outcome) -> Self {
        let Some((name, end)) = line.split_once(": ") else { panic!("{line:?} in {all:#?}") };
        Self { name: name.to_owned(), end: end.to_owned() }
    }

    fn is_hosts(&self) -> bool {
        self.name.starts_with("host/")
    }

    /// Code of the package that has another module's name, from no file.
    fn is_disguised(&self) -> bool {
        self.name.starts_with("executed/")
    }
}

#[track_caller]
fn expect_each(ways: &[Way], python: &Path, expected: impl Fn(&Way) -> &'static str) {
    let wrong: Vec<&Way> = ways.iter().filter(|way| way.end != expected(way)).collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", python.display());
}

fn forbidding(name: &str) -> Rules {
    Rules::new().forbid_threads(name).forbid_processes(name)
}

fn authorizing(name: &str) -> Rules {
    Rules::new().authorize_threads(name).authorize_processes(name)
}

#[test]
fn a_forbidden_package_makes_no_thread_and_no_program_in_any_way_and_another_does_in_each() {
    let packages = Packages::new();
    let fence = Fence::by_launcher(&forbidding("python:vendor"));
    let refused = |way: &Way| if way.is_hosts() { "ran" } else { "refused" };
    for python in pythons() {
        for place in [Place::OnThePath, Place::Installed] {
            let ways = packages.ways(&fence, &python, "vendor", place);
            expect_each(&ways, &python, refused);
        }
        let ways = packages.ways(&fence, &python, "twin", Place::OnThePath);
        expect_each(&ways, &python, |_| "ran");
        let open = packages.ways(&Fence::open(), &python, "vendor", Place::Installed);
        expect_each(&open, &python, |_| "ran");
    }
}

#[test]
fn with_an_authorized_package_nobody_else_but_the_host_makes_a_thread_or_a_program() {
    let packages = Packages::new();
    let fence = Fence::by_hand(&authorizing("python:vendor"));
    // Nothing says that a module which is not installed is not the host that it calls itself.
    let is_hosts = |way: &Way| way.is_hosts() || way.name.starts_with("renamed/");
    let refused = |way: &Way| if is_hosts(way) { "ran" } else { "refused" };
    let allowed = |way: &Way| if way.is_disguised() { "refused" } else { "ran" };
    for python in pythons() {
        let ways = packages.ways(&fence, &python, "twin", Place::OnThePath);
        expect_each(&ways, &python, refused);
        let ways = packages.ways(&fence, &python, "vendor", Place::OnThePath);
        expect_each(&ways, &python, allowed);
    }
}

#[test]
fn a_list_about_threads_leaves_programs_alone_and_the_other_way_round() {
    let packages = Packages::new();
    for (rules, refused) in [
        (Rules::new().forbid_threads("python:vendor"), "/thread"),
        (Rules::new().forbid_processes("python:vendor"), "/program"),
    ] {
        let fence = Fence::by_hand(&rules);
        let ways = packages.ways(&fence, Path::new(PYTHON), "vendor", Place::Installed);
        let (those, others): (Vec<Way>, Vec<Way>) = ways
            .into_iter()
            .filter(|way| !way.is_hosts())
            .partition(|way| way.name.ends_with(refused));
        // These take a thread and a program each.
        let both = ["in_a_loop/program", "pool_of_multiprocessing/thread"];
        expect_each(&those, Path::new(PYTHON), |_| "refused");
        for way in others.iter().filter(|way| !both.contains(&way.name.as_str())) {
            // A loop that could not have its thread has left its child to the next.
            assert!(way.end.starts_with("ran"), "{way:?}");
        }
    }
}

/// A program of Python's own with modules beside it.
fn program(scratch: &Scratch, files: &[(&str, &str)]) -> PathBuf {
    for (name, text) in files {
        if let Some((directory, _)) = name.split_once('/') {
            scratch.directory(directory);
        }
        scratch.file(name, text);
    }
    scratch.path("main.py")
}

#[track_caller]
fn says(fence: &Fence, python: &Path, program: &Path) -> Outcome {
    fence.finish(fence.command(python).arg("-B").arg(program))
}

const STARTS: &str = "
import threading
def start():
    made = threading.Thread(target=len, args=((),))
    made.start()
    made.join()
";

#[test]
fn a_prefix_names_a_package_and_what_is_beneath_it_and_the_longer_one_wins() {
    let scratch = Scratch::new();
    let main = program(
        &scratch,
        &[
            ("lake/__init__.py", ""),
            ("lake/papermill.py", STARTS),
            ("lake/papermill2.py", STARTS),
            ("lake/trusted.py", STARTS),
            ("lakeside.py", STARTS),
            (
                "main.py",
                "
import lake.papermill, lake.papermill2, lake.trusted, lakeside
for module in [lake.papermill, lake.papermill2, lake.trusted, lakeside]:
    try:
        module.start()
        print(module.__name__)
    except RuntimeError as error:
        print(error)
",
            ),
        ],
    );
    let said = |rules: &Rules| says(&Fence::by_hand(rules), Path::new(PYTHON), &main);
    let no = "can't start new thread";
    let one = Rules::new().forbid_threads("python:lake.papermill");
    assert_eq!(said(&one).text(), [no, "lake.papermill2", "lake.trusted", "lakeside"].join("\n"));
    let all_but =
        Rules::new().forbid_threads("python:lake").authorize_threads("python:lake.trusted");
    assert_eq!(said(&all_but).text(), [no, no, "lake.trusted", no].join("\n"));
}

#[test]
fn a_refusal_names_the_module_the_rule_and_the_call() {
    let scratch = Scratch::new();
    let main = "import lake.papermill\nlake.papermill.start()\n";
    let files = [("lake/__init__.py", ""), ("lake/papermill.py", STARTS), ("main.py", main)];
    let main = program(&scratch, &files);
    let fence = Fence::by_launcher(&Rules::new().forbid_threads("python:lake"));
    let outcome = says(&fence, Path::new(PYTHON), &main);
    assert!(outcome.stderr.contains("RuntimeError: can't start new thread"), "{outcome:#?}");
    let line = "denied thread by lake.papermill [";
    assert!(outcome.stderr.contains(line), "{outcome:#?}");
    assert!(outcome.stderr.contains("]: threads.forbidden `lake` ("), "{outcome:#?}");
    let [denial] = outcome.audit.as_slice() else { panic!("one denial: {outcome:#?}") };
    assert_eq!(denial["op"], "thread.create");
    assert_eq!(denial["call"], "pthread_create");
    assert_eq!(denial["errno"], "EPERM");
    assert_eq!(denial["caller"]["kind"], "python");
    assert_eq!(denial["caller"]["name"], "lake.papermill");
    assert_eq!(denial["rule"]["pattern"], "lake");
    assert_eq!(denial["caller"]["frames"], json!(["threading", "lake.papermill", "__main__"]));
}

/// Code without a module goes by its file, and there are no more names than the policy wants.
#[test]
fn a_refusal_names_so_many_modules_as_the_policy_wants() {
    let scratch = Scratch::new();
    let made = "
import lake
exec(compile('lake.start()', '<a\\nb>', 'exec'), {'lake': lake})
";
    let main = program(&scratch, &[("lake.py", STARTS), ("main.py", made)]);
    let audit = scratch.text("audit.jsonl");
    for (frames, expected) in [
        (8, json!(["threading", "lake", "<a?b>", "__main__"])),
        (2, json!(["threading", "lake"])),
        (0, Value::Null),
    ] {
        let policy = json!({"ringfence": {
            "version": 1,
            "threads": {"forbidden": ["python:lake"]},
            "audit": {"to": audit, "frames": frames},
        }});
        let policy = scratch.file("policy.yaml", &policy.to_string());
        let outcome = says(&Fence::by_policies(&[&policy], &[]), Path::new(PYTHON), &main);
        assert!(outcome.stderr.contains("can't start new thread"), "{outcome:#?}");
        let lines = fs::read_to_string(&audit).expect("it was written");
        let denial: Value = serde_json::from_str(lines.lines().next().expect("one")).expect("JSON");
        assert_eq!(denial["caller"]["frames"], expected, "{denial}");
        fs::remove_file(&audit).expect("our own");
    }
}

/// A thread that a package may create starts no program for it, whatever the thread runs.
#[test]
fn a_thread_acts_for_who_created_it() {
    let scratch = Scratch::new();
    let main = program(
        &scratch,
        &[
            (
                "vendor.py",
                "
import subprocess, threading
def start(run, *words):
    threading.Thread(target=run, args=words).start()
",
            ),
            (
                "other.py",
                "
import subprocess
def run():
    try:
        subprocess.run(['/bin/true'], check=True)
        print('ran')
    except PermissionError:
        print('refused')
",
            ),
            (
                "main.py",
                "
import other, vendor
other.run()
vendor.start(other.run)
",
            ),
        ],
    );
    let rules = Rules::new().forbid_processes("python:vendor");
    for python in pythons() {
        assert_eq!(says(&Fence::by_hand(&rules), &python, &main).text(), "ran\nrefused");
        assert_eq!(says(&Fence::open(), &python, &main).text(), "ran\nran");
        let audited = says(&Fence::by_hand(&rules.clone().audit_only()), &python, &main);
        assert_eq!(audited.text(), "ran\nran", "told and not enforced");
        assert_eq!(audited.audit[0]["caller"]["name"], "vendor");
    }
}

/// Nobody is known whose code this is: it has neither a module's name nor a file, and nothing but
/// it is on the stack.
#[test]
fn code_of_no_module_starts_nothing_where_there_are_rules() {
    let scratch = Scratch::new();
    let main = program(
        &scratch,
        &[(
            "main.py",
            "
import os, signal, threading
code = compile('import os\\nprint(os.system(\"true\"), flush=True)', '<none>', 'exec')
signal.signal(signal.SIGUSR1, lambda *_: exec(code, {}))
os.kill(os.getpid(), signal.SIGUSR1)
def own():
    print(os.system('true'))
own()
",
        )],
    );
    let rules = Rules::new().forbid_processes("python:vendor");
    for python in pythons() {
        let outcome = says(&Fence::by_hand(&rules), &python, &main);
        assert_eq!(outcome.text(), "-1\n0");
        assert_eq!(outcome.audit[0]["why"], "unattributed");
        assert_eq!(says(&Fence::open(), &python, &main).text(), "0\n0");
    }
}

/// In a virtual environment the interpreter is a link, and packages lie elsewhere.
#[test]
fn a_virtual_environment_changes_nothing() {
    let scratch = Scratch::new();
    for (number, python) in pythons().into_iter().enumerate() {
        let place = scratch.path(&format!("environment{number}"));
        let made = Fence::open().finish(
            Fence::open().command(&python).args(["-m", "venv", "--without-pip"]).arg(&place),
        );
        assert!(made.status.success(), "{made:#?}");
        let inside = place.join("bin/python");
        let find = "import sysconfig; print(sysconfig.get_path('purelib'))";
        let packages = Fence::open().run(&inside, ["-c", find]).text().trim().to_owned();
        fs::write(Path::new(&packages).join("vendor.py"), STARTS).expect("our own");
        let fence = Fence::by_launcher(&Rules::new().forbid_threads("python:vendor"));
        let outcome = fence.run(&inside, ["-c", "import vendor; vendor.start()"]);
        assert!(outcome.stderr.contains("denied thread by vendor"), "{outcome:#?}");
        let other = fence.run(&inside, ["-c", &format!("{STARTS}\nstart(); print('ran')")]);
        assert_eq!(other.text(), "ran");
    }
}

/// What a subinterpreter runs acts for who runs it, and for who its threads descend from.
#[test]
fn a_subinterpreter_acts_for_whoever_runs_it() {
    let scratch = Scratch::new();
    let main = program(
        &scratch,
        &[
            (
                "vendor.py",
                "
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
def run(text):
    made = interpreters.create()
    interpreters.run_string(made, text)
    interpreters.destroy(made)
",
            ),
            (
                "main.py",
                "
import vendor
vendor.run('import os; print(os.system(\"true\"), flush=True)')
",
            ),
        ],
    );
    for python in pythons() {
        let said = |name: &str| {
            let rules = Rules::new().forbid_processes(name);
            says(&Fence::by_hand(&rules), &python, &main).text().to_owned()
        };
        assert_eq!(said("python:vendor"), "-1", "{}", python.display());
        assert_eq!(said("python:another"), "0", "{}", python.display());
    }
}

/// The interpreter is not there at the start, and only its own library knows its functions.
#[test]
fn an_interpreter_that_is_loaded_late_is_found() {
    let scratch = Scratch::new();
    scratch.file("vendor.py", STARTS);
    let home = Path::new("/opt/ringfence-cpython-3.14");
    let text = format!(
        "
import sys
sys.path.insert(0, {:?})
import vendor
try:
    vendor.start()
    print('ran')
except RuntimeError as error:
    print(error)
",
        scratch.path("").display().to_string(),
    );
    let said = |rules: Rules| {
        let fence = Fence::by_hand(&rules);
        let mut command = fence.command(fixture("embed"));
        command.arg(home.join("libpython3.14.so.1.0")).arg(&text).env("PYTHONHOME", home);
        fence.finish(&mut command).text().to_owned()
    };
    assert_eq!(said(Rules::new().forbid_threads("python:vendor")), "can't start new thread");
    assert_eq!(said(Rules::new().forbid_threads("python:another")), "ran");
}

#[test]
fn an_interpreter_that_is_not_known_does_not_run_where_there_are_rules() {
    let run = |rules: Rules| Fence::by_hand(&rules).run(fixture("unknown_python"), [""; 0]);
    for rules in [
        Rules::new().forbid_threads("python:vendor"),
        Rules::new().authorize_processes("python:vendor"),
    ] {
        let outcome = run(rules);
        assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
        assert!(outcome.stderr.contains("[RF407]"), "{outcome:#?}");
    }
    assert_eq!(run(Rules::new().forbid_threads("native:vendor")).text(), "ran");
}

/// A package that has more names than the fence remembers is not forgotten with them: what the
/// threads that it started may do is not known any more, so they may do nothing.
#[test]
fn a_package_does_not_hide_among_names_of_its_own_making() {
    let scratch = Scratch::new();
    let text = "
import os, threading
def go(mark):
    def made(target, *words):
        thread = threading.Thread(target=target, args=words)
        thread.start()
        thread.join()
    def named(name, code, **given):
        exec(compile(code, '<many>', 'exec'), {'__name__': name, 'made': made, 'named': named, **given})
    for number in range(100):
        named(f'outer{number}', 'for number in range(100): named(f\"inner{number}\", \"made(len, ())\")')
    named('last', 'made(*given)', given=(os.system, f': > {mark}'))
";
    fs::write(scratch.path("vendor.py"), text).expect("ours");
    let (theirs, hosts) = (scratch.path("theirs"), scratch.path("hosts"));
    let script = format!(
        "import os, vendor; vendor.go({:?}); os.system(': > {}')",
        theirs.display().to_string(),
        hosts.display()
    );
    let started = |fence: &Fence| {
        let mut python = fence.command(PYTHON);
        python.args(["-Bc", &script]).env("PYTHONPATH", scratch.path(""));
        let outcome = fence.finish(&mut python);
        outcome.text();
        ([&theirs, &hosts].map(|mark| fs::remove_file(mark).is_ok()), outcome.stderr)
    };
    assert_eq!(started(&Fence::open()).0, [true, true]);
    let fence = Fence::by_launcher(&Rules::new().forbid_processes("python:vendor"));
    let (programs, said) = started(&fence);
    assert_eq!(programs, [false, true], "the host's own program starts: {said}");
    assert!(said.contains("denied program by"), "{said}");
}
