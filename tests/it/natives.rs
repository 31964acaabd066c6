//! Who may create a thread, by the native object that asks: refused, its allowed twin, and what
//! must stay as it was.

mod functions;

use std::fs;
use std::path::PathBuf;

use crate::harness::{Fence, Outcome, Rules, Scratch, fixture};
use crate::programs::{PYTHON, java_home};

/// Every way to a thread.
const WAYS: [&str; 18] = [
    "pthread_create",
    "thrd_create",
    "dlsym-default",
    "dlsym-next",
    "dlsym-handle",
    "dlvsym",
    "timer_create",
    "mq_notify",
    "aio_read",
    "aio_write",
    "aio_fsync",
    "lio_listio",
    "lio_listio-each",
    "getaddrinfo_a",
    "qsort",
    "clone",
    "syscall-clone",
    "syscall-clone3",
];

/// The vendor's library, which calls itself libscan.so.3, in a place of its own.
struct Vendor {
    scratch: Scratch,
}

impl Vendor {
    fn new() -> Self {
        let scratch = Scratch::new();
        let vendor = Self { scratch };
        vendor.copy("closed/libvendor.so");
        vendor
    }

    /// A copy of the library by another name.
    fn copy(&self, name: &str) -> String {
        let place = PathBuf::from(self.scratch.text(name));
        fs::create_dir_all(place.parent().expect("a directory")).expect("made");
        fs::copy(fixture("libvendor.so"), &place).expect("copied");
        self.scratch.text(name)
    }

    fn path(&self) -> String {
        self.scratch.text("closed/libvendor.so")
    }

    /// A rule's prefix for the library's own path.
    fn prefix(&self) -> String {
        format!("native:{}", self.path())
    }

    /// What `threads LIBRARY WORDS…` prints inside a fence.
    #[track_caller]
    fn lines(&self, fence: &Fence, words: &[&str]) -> Vec<String> {
        let path = self.path();
        lines(&fence.run(fixture("threads"), [&[path.as_str()], words].concat()))
    }
}

#[track_caller]
fn lines(outcome: &Outcome) -> Vec<String> {
    outcome.text().lines().map(str::to_owned).collect()
}

/// What the ways print where nothing refuses them. A thread without shared signal handlers is an
/// error of the kernel's own.
fn allowed() -> Vec<String> {
    let line = |way: &&str| match way.strip_prefix("syscall-") {
        Some(_) => format!("{way} EINVAL"),
        None => format!("{way} 0 ran"),
    };
    WAYS.iter().map(line).collect()
}

fn refused() -> Vec<String> {
    WAYS.iter().map(|way| format!("{way} EPERM")).collect()
}

fn by(who: &str) -> Vec<String> {
    WAYS.iter().map(|way| format!("{who}:{way}")).collect()
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn a_forbidden_library_makes_no_thread_in_any_way_and_the_program_does_in_each() {
    let vendor = Vendor::new();
    for fence in [Fence::by_hand, Fence::by_launcher] {
        let fence = fence(&Rules::new().forbid_threads(vendor.prefix()));
        assert_eq!(vendor.lines(&fence, &strs(&by("vendor"))), refused());
        assert_eq!(vendor.lines(&fence, &strs(&by("own"))), allowed(), "the control");
    }
    let open = vendor.lines(&Fence::open(), &strs(&by("vendor")));
    assert_eq!(open, allowed(), "the library, unfenced");
}

#[test]
fn with_an_authorized_library_nobody_else_makes_a_thread() {
    let vendor = Vendor::new();
    let fence = Fence::by_launcher(&Rules::new().authorize_threads(vendor.prefix()));
    assert_eq!(vendor.lines(&fence, &strs(&by("vendor"))), allowed());
    assert_eq!(vendor.lines(&fence, &strs(&by("own"))), refused());
}

/// The library by each of its names, and by what only resembles one.
#[test]
fn a_library_is_known_by_its_path_its_directory_its_file_name_and_its_soname() {
    let vendor = Vendor::new();
    let closed = vendor.scratch.text("closed");
    for (prefix, expected) in [
        (vendor.path(), "EPERM"),
        (format!("{closed}/"), "EPERM"),
        (closed.clone(), "EPERM"),
        ("libvendor.so".to_owned(), "EPERM"),
        ("libvendor".to_owned(), "EPERM"),
        ("libscan.so.3".to_owned(), "EPERM"),
        ("libscan.so".to_owned(), "EPERM"),
        ("libscan.so.30".to_owned(), "0 ran"),
        ("libscan.so.3.1".to_owned(), "0 ran"),
        ("libvend".to_owned(), "0 ran"),
        ("scan.so.3".to_owned(), "0 ran"),
        (format!("{closed}x"), "0 ran"),
        (format!("{closed}/libvendor.so.1"), "0 ran"),
    ] {
        let fence = Fence::by_hand(&Rules::new().forbid_threads(format!("native:{prefix}")));
        let lines = vendor.lines(&fence, &["vendor:pthread_create"]);
        assert_eq!(lines, [format!("pthread_create {expected}")], "{prefix}");
    }
}

#[test]
fn a_link_to_the_library_is_the_library() {
    let vendor = Vendor::new();
    vendor.scratch.link("open/libgood.so", vendor.path());
    let good = vendor.scratch.text("open/libgood.so");
    let ways = ["vendor:pthread_create", "own:pthread_create"];
    let expected = ["pthread_create EPERM", "pthread_create 0 ran"];
    // Loaded by a link, with a rule for the file; and loaded by the file, with one for the link.
    let of_file = Fence::by_launcher(&Rules::new().forbid_threads(vendor.prefix()));
    let words = [&[good.as_str()], &ways[..]].concat();
    assert_eq!(lines(&of_file.run(fixture("threads"), words)), expected);
    let of_link = Fence::by_launcher(&Rules::new().forbid_threads(format!("native:{good}")));
    assert_eq!(vendor.lines(&of_link, &ways), expected);
}

#[test]
fn the_longer_name_decides_and_a_forbidden_name_beats_an_authorized_one() {
    let vendor = Vendor::new();
    let closed = format!("native:{}/", vendor.scratch.text("closed"));
    let first = |rules: Rules| {
        let fence = Fence::by_hand(&rules);
        vendor.lines(&fence, &["vendor:pthread_create"]).remove(0)
    };
    let deeper = Rules::new().authorize_threads(vendor.prefix()).forbid_threads(closed.clone());
    assert_eq!(first(deeper), "pthread_create 0 ran");
    let wider = Rules::new().authorize_threads(closed).forbid_threads(vendor.prefix());
    assert_eq!(first(wider), "pthread_create EPERM");
    let names =
        Rules::new().authorize_threads(vendor.prefix()).forbid_threads("native:libscan.so.3");
    assert_eq!(first(names), "pthread_create EPERM", "each name is judged by itself");
}

/// A library that has another one make its threads is behind these; one that is not on the stack
/// is not.
#[test]
fn a_forbidden_library_has_no_other_make_its_threads() {
    let vendor = Vendor::new();
    let other = vendor.copy("open/libother.so");
    let fence = Fence::by_hand(&Rules::new().forbid_threads(vendor.prefix()));
    let through = format!("through:{other}");
    assert_eq!(vendor.lines(&fence, &[&through]), ["through EPERM"]);
    let words = [other.as_str(), "vendor:pthread_create", &through];
    let control = ["pthread_create 0 ran", "pthread_create 0 ran", "through 0"];
    assert_eq!(lines(&fence.run(fixture("threads"), words)), control);
    // Where others are authorized, the nearest library is who asks.
    let fence = Fence::by_hand(&Rules::new().authorize_threads(format!("native:{other}")));
    let expected = ["through 0", "pthread_create EPERM"];
    let printed = vendor.lines(&fence, &[&through, "vendor:pthread_create"]);
    assert_eq!(printed[1..], expected);
}

/// Another library where the first one lay: what was known of the place is not believed.
#[test]
fn a_library_that_takes_another_s_place_is_judged_anew() {
    let vendor = Vendor::new();
    let good = vendor.copy("open/libgood.so");
    let fence = Fence::by_hand(&Rules::new().forbid_threads(vendor.prefix()));
    let (close_closed, close_good) = (format!("close:{}", vendor.path()), format!("close:{good}"));
    let way = "vendor:pthread_create";
    let words = [&good, way, &close_closed, way, &close_good, way];
    let mut printed = lines(&fence.run(fixture("threads"), words));
    printed.retain(|line| !line.ends_with(" address"));
    let (runs, fails) = ("pthread_create 0 ran", "pthread_create EPERM");
    assert_eq!(printed, [runs, fails, runs]);
}

#[test]
fn a_thread_s_own_code_is_judged_and_not_who_made_the_thread() {
    let vendor = Vendor::new();
    let words = ["nested:pthread_create", "lent:pthread_create", "handler:pthread_create"];
    let authorized = Fence::by_hand(&Rules::new().authorize_threads(vendor.prefix()));
    let expected = ["pthread_create 0 ran", "pthread_create EPERM", "pthread_create EPERM"];
    assert_eq!(vendor.lines(&authorized, &words), expected);
    // The program's name too.
    let program = format!("native:{}", fixture("threads").display());
    let both = Rules::new().authorize_threads(vendor.prefix()).authorize_threads(program);
    let expected = ["pthread_create 0 ran"; 3];
    assert_eq!(vendor.lines(&Fence::by_hand(&both), &words), expected);
}

#[test]
fn a_forked_child_is_judged_like_its_parent() {
    let vendor = Vendor::new();
    let fence = Fence::by_hand(&Rules::new().forbid_threads(vendor.prefix()));
    let words = ["vendor:pthread_create", "child:pthread_create", "own:pthread_create"];
    let expected = ["pthread_create EPERM", "pthread_create EPERM", "pthread_create 0 ran"];
    assert_eq!(vendor.lines(&fence, &words), expected);
}

/// Code that lies in no file is nobody's: it is let through, refused where the policy says so, and
/// never authorized.
#[test]
fn generated_code_is_nobody_s() {
    let vendor = Vendor::new();
    let program = format!("native:{}", fixture("threads").display());
    let words = ["jit", "own:pthread_create"];
    for (rules, generated) in [
        (Rules::new().forbid_threads(vendor.prefix()), "jit 0 ran"),
        (Rules::new().forbid_threads(vendor.prefix()).deny_unattributed(), "jit EPERM"),
        (Rules::new().deny_unattributed(), "jit EPERM"),
        (Rules::new().authorize_threads(program), "jit EPERM"),
    ] {
        let printed = vendor.lines(&Fence::by_launcher(&rules), &words);
        assert_eq!(printed, [generated, "pthread_create 0 ran"]);
    }
}

/// A jump in the place of a call leaves libc as the caller: then the thread's own lineage counts.
#[test]
fn a_caller_that_hides_behind_libc_is_who_made_its_thread() {
    let vendor = Vendor::new();
    let fence = Fence::by_hand(&Rules::new().authorize_threads(vendor.prefix()));
    assert_eq!(vendor.lines(&fence, &["tailed"]), ["tailed 0 ran"]);
    let program = format!("native:{}", fixture("threads").display());
    let deny = Rules::new().forbid_threads(vendor.prefix()).deny_unattributed();
    assert_eq!(vendor.lines(&Fence::by_hand(&deny), &["tail"]), ["tail EPERM"]);
    let own = Fence::by_hand(&Rules::new().authorize_threads(program));
    assert_eq!(vendor.lines(&own, &["tail"]), ["tail 0 ran"], "the control");
}

#[test]
fn in_audit_mode_the_thread_runs_and_is_told_of() {
    let vendor = Vendor::new();
    let rules = Rules::new().forbid_threads(vendor.prefix()).audit_only();
    let fence = Fence::by_hand(&rules);
    let path = vendor.path();
    let words = [path.as_str(), "own:pthread_create", "vendor:pthread_create"];
    let outcome = fence.run(fixture("threads"), words);
    assert_eq!(lines(&outcome), ["pthread_create 0 ran", "pthread_create 0 ran"]);
    let [event] = outcome.audit.as_slice() else { panic!("one event: {outcome:#?}") };
    assert_eq!(event["event"], "would_deny");
    assert_eq!(event["op"], "thread.create");
}

#[test]
fn a_refusal_says_who_asked_and_which_rule_said_no() {
    let vendor = Vendor::new();
    let path = vendor.path();
    let refusal = |rules: Rules, words: [&str; 1]| {
        let words = [&[path.as_str()], &words[..]].concat();
        let outcome = Fence::by_hand(&rules).run(fixture("threads"), words);
        let [event] = outcome.audit.as_slice() else { panic!("one event: {outcome:#?}") };
        (outcome.stderr.trim_end().to_owned(), event.clone())
    };
    let forbids = Rules::new().forbid_threads("native:libscan.so");
    let (line, event) = refusal(forbids, ["vendor:pthread_create"]);
    assert!(
        line.starts_with(&format!("ringfence: denied thread by {path} [threads, pid ")),
        "{line}"
    );
    assert!(line.ends_with("]: threads.forbidden `libscan.so` (policy.yaml:1:1)"), "{line}");
    assert_eq!(event["event"], "deny");
    assert_eq!(event["op"], "thread.create");
    assert_eq!(event["call"], "pthread_create");
    assert_eq!(event["errno"], "EPERM");
    assert_eq!(event["caller"]["kind"], "native");
    assert_eq!(event["caller"]["name"], path.as_str());
    assert_eq!(event["why"], "forbidden");
    assert_eq!(event["rule"]["id"], "threads.forbidden[0]");

    let authorizes = Rules::new().authorize_threads("native:libother.so");
    let (line, event) = refusal(authorizes, ["vendor:thrd_create"]);
    assert!(line.ends_with("]: not among threads.authorized (policy.yaml:1:1)"), "{line}");
    assert_eq!((&event["call"], &event["why"]), (&"thrd_create".into(), &"not authorized".into()));

    let (line, event) = refusal(Rules::new().deny_unattributed(), ["jit"]);
    assert!(line.starts_with("ringfence: denied thread by code of no known caller ["), "{line}");
    assert!(line.ends_with("]: threads.unattributed is `deny`"), "{line}");
    assert_eq!((&event["caller"]["name"], &event["why"]), (&"".into(), &"unattributed".into()));
    assert_eq!(event["rule"], serde_json::Value::Null);
}

/// What threads come to, with rules about another library and with one that each thread inherits.
#[test]
fn threads_that_may_be_made_are_as_they_were() {
    let words =
        ["many", "detached", "unwound", "tiny", "errors", "handler", "children", "together"];
    let expected = [
        "many 10000 ran, 0 errors",
        "detached 0 errors",
        "unwound 2 cleanups, left, cancelled",
        "tiny 0 0",
        "errors 1500 EINVAL, 1500 EAGAIN, then 0, 1 ran",
        "handler 0",
        "children 0 failures",
        "together 0 failures",
    ];
    let program = format!("native:{}", fixture("swarm").display());
    for fence in [
        Fence::open(),
        Fence::by_hand(&Rules::new().forbid_threads("native:libscan.so")),
        Fence::by_hand(&Rules::new().authorize_threads(program)),
    ] {
        let outcome = fence.run(fixture("swarm"), words);
        assert_eq!(lines(&outcome), expected);
        assert!(outcome.audit.is_empty(), "{outcome:#?}");
    }
}

/// A refusal takes a small thread's stack no further than it goes.
#[test]
fn a_refusal_fits_into_the_smallest_stack() {
    let program = format!("native:{}", fixture("swarm").display());
    let fence = Fence::by_hand(&Rules::new().forbid_threads(program).audit_only());
    let outcome = fence.run(fixture("swarm"), ["tiny"]);
    assert_eq!(lines(&outcome), ["tiny 0 0"]);
    assert_eq!(outcome.audit.len(), 2, "both were told of: {outcome:#?}");
}

const IN_PYTHON: &str = "\
import ctypes, sys, threading
ran = []
def start():
    thread = threading.Thread(target=ran.append, args=(1,))
    thread.start()
    thread.join()
    return len(ran)
def tried(act):
    try:
        return act()
    except RuntimeError as error:
        return error
print('threading', tried(start))
vendor = ctypes.CDLL(sys.argv[1])
print('vendor', vendor.vendor_nest(b'pthread_create'))
";

#[test]
fn python_s_threads_are_python_s_and_a_library_s_are_its_own() {
    let vendor = Vendor::new();
    let path = vendor.path();
    let printed = |rules: Rules| {
        let mut lines = lines(&Fence::by_hand(&rules).run(PYTHON, ["-c", IN_PYTHON, &path]));
        lines.retain(|line| !line.starts_with("pthread_create"));
        lines
    };
    let other = Rules::new().forbid_threads("native:libother.so");
    assert_eq!(printed(other), ["threading 1", "vendor 0"]);
    let library = Rules::new().forbid_threads(vendor.prefix());
    assert_eq!(printed(library), ["threading 1", format!("vendor {}", libc::EPERM).as_str()]);
    let real = fs::canonicalize(PYTHON).expect("it is installed");
    let python = Rules::new().forbid_threads(format!("native:{}", real.display()));
    assert_eq!(printed(python), ["threading can't start new thread", "vendor 0"]);
}

/// What a container's profile may take away. Where the caller cannot be found out, there is no
/// thread for anybody.
#[test]
fn without_a_look_at_the_caller_there_is_no_thread() {
    let vendor = Vendor::new();
    let path = vendor.path();
    let fence = Fence::by_hand(&Rules::new().forbid_threads(vendor.prefix()));
    let program = fixture("threads");
    let program = program.to_str().expect("UTF-8");
    let (own, theirs) = ("own:pthread_create", "vendor:pthread_create");
    for (without, expected) in [
        (&["unshare=EPERM"][..], ["0 ran", "EPERM"]),
        (&["close_range=ENOSYS"], ["0 ran", "EPERM"]),
        (&["mincore=EPERM"], ["0 ran", "EPERM"]),
        (&["unshare=EPERM", "close_range=ENOSYS"], ["EAGAIN", "EAGAIN"]),
    ] {
        let words = [without, &["--", program, &path, own, theirs]].concat();
        let printed = lines(&fence.run(fixture("without"), words));
        assert_eq!(printed, expected.map(|text| format!("pthread_create {text}")), "{without:?}");
    }
}

/// A JVM's own threads are no library's: not refused even where others are authorized.
#[test]
fn a_jvm_lives_with_rules_about_libraries() {
    let java = java_home(17).join("bin/java");
    for rules in [
        Rules::new().forbid_threads("native:libjvm.so").forbid_threads("native:libscan.so"),
        Rules::new().authorize_threads("native:libscan.so"),
        Rules::new().forbid_threads("native:libscan.so").deny_unattributed(),
    ] {
        let outcome = Fence::by_hand(&rules).run(&java, ["-Xint", "-version"]);
        assert!(outcome.status.success(), "{outcome:#?}");
        assert!(outcome.stderr.contains("17."), "{outcome:#?}");
        assert!(outcome.audit.is_empty(), "{outcome:#?}");
    }
}

/// Every way of the `start` fixture to a program.
const STARTS: [&str; 18] = [
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "execl",
    "execle",
    "execlp",
    "fexecve",
    "execveat",
    "execveat-path",
    "spawn",
    "spawnp",
    "syscall-execve",
    "syscall-execveat",
    "vfork execve",
    "fork execl",
    "system",
    "popen",
];

#[test]
fn a_forbidden_program_starts_no_other_in_any_way() {
    let program = fixture("start");
    let fenced = |rules: Rules, way: &str| {
        let started = if matches!(way, "system" | "popen") { "true" } else { "/bin/true" };
        Fence::by_hand(&rules).run(&program, way.split(' ').chain([started]))
    };
    for way in STARTS {
        let prefix = format!("native:{}", program.display());
        let refused = fenced(Rules::new().forbid_processes(prefix), way);
        assert_eq!(refused.stdout, "-1 EACCES\n", "{way}: {refused:#?}");
        assert_eq!(refused.audit[0]["op"], "process.start", "{way}");
        let allowed = fenced(Rules::new().forbid_processes("native:libscan.so.3"), way);
        assert!(allowed.status.success() && allowed.stdout.is_empty(), "{way}: {allowed:#?}");
    }
}

#[test]
fn a_library_and_its_program_start_programs_each_by_its_own_rules() {
    let vendor = Vendor::new();
    let words = ["own-program", "vendor-program", "own:pthread_create", "vendor:pthread_create"];
    let threads = ["pthread_create 0 ran", "pthread_create 0 ran"];
    let program = format!("native:{}", fixture("threads").display());
    for (rules, expected) in [
        (Rules::new().forbid_processes(vendor.prefix()), ["0", "EACCES"]),
        (Rules::new().authorize_processes(vendor.prefix()), ["EACCES", "0"]),
        (Rules::new().forbid_processes(&program), ["EACCES", "0"]),
        (Rules::new().authorize_processes(&program), ["0", "EACCES"]),
    ] {
        let mut printed = vendor.lines(&Fence::by_launcher(&rules), &words);
        assert_eq!(printed.split_off(2), threads, "threads have lists of their own");
        let [own, theirs] = expected;
        assert_eq!(printed, [format!("own-program {own}"), format!("vendor-program {theirs}")]);
    }
}
