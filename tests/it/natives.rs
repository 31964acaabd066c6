//! Who may create a thread, by the native object that asks: refused, and its allowed twin.

mod functions;
mod programs;
mod stacks;
mod unchanged;

use std::fs;
use std::path::PathBuf;

use crate::harness::{Fence, Outcome, Rules, Scratch, fixture};

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
