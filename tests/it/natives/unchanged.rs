//! What must stay as it was: threads that nobody refuses, Python, a JVM, a machine that has less.

use std::fs;

use super::{Vendor, lines};
use crate::harness::{Fence, Rules, fixture};
use crate::programs::{PYTHON, java_home};

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
