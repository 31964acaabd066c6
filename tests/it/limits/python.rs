//! Python code that is taken for somebody else's, or runs on a thread that somebody else asked for.

use crate::harness::{Fence, Outcome, Rules, Scratch};
use crate::programs::PYTHON;

/// A host that imports `vendor.py`, with the path of a file that is for these callers only.
#[track_caller]
fn run(callers: &[&str], vendor: &str, host: &str) -> Outcome {
    let scratch = Scratch::new();
    scratch.file("vendor.py", vendor);
    let host = scratch.file("host.py", host);
    let secret = scratch.path("closed/secret");
    let rules = Rules::new().forbid(scratch.path("closed")).allow_for(callers, &secret, &["read"]);
    let fence = Fence::by_launcher(&rules);
    fence.finish(fence.command(PYTHON).arg("-B").arg(host).arg(secret))
}

/// The package has the file where the host calls what it left, and has it not where it asks itself.
#[track_caller]
fn expect_left_with_the_host(callers: &[&str], vendor: &str) {
    let host = "
import sys, vendor
for function in [vendor.ask, vendor.left(sys.argv[1])]:
    try:
        print(function(sys.argv[1]).read().strip())
    except PermissionError as error:
        print(error.errno)
";
    let outcome = run(callers, vendor, host);
    assert_eq!(outcome.text(), format!("{}\nSECRET", libc::EACCES), "{outcome:#?}");
}

const ASK: &str = "
import builtins, functools, sys, types
def ask(path):
    return open(path)
";

#[test]
fn a_python_library_function_left_with_the_host_opens_what_is_the_hosts() {
    let left = "
def left(path):
    return functools.partial(open, mode='r')
";
    expect_left_with_the_host(&["host"], &format!("{ASK}{left}"));
}

#[test]
fn python_code_with_the_hosts_variables_is_the_hosts() {
    let left = "
def left(path):
    return types.FunctionType(ask.__code__, vars(sys.modules['__main__']))
";
    expect_left_with_the_host(&["host"], &format!("{ASK}{left}"));
}

#[test]
fn python_code_by_the_name_and_file_of_a_module_has_its_exceptions() {
    let left = "
def left(path):
    code = ask.__code__.replace(co_filename='/app/report.py')
    return types.FunctionType(code, {'__name__': 'report', '__builtins__': builtins})
";
    expect_left_with_the_host(&["python:report"], &format!("{ASK}{left}"));
}

/// Who is on the stack of the call is asked, and whom that thread descends from.
#[test]
fn what_a_python_thread_will_run_is_not_asked() {
    let scratch = Scratch::new();
    scratch.file(
        "vendor.py",
        "
import threading
def work():
    print('runs')
    try:
        threading.Thread(target=len, args=((),)).start()
    except RuntimeError as error:
        print(error)
def start():
    threading.Thread(target=work).start()
",
    );
    let host = "
import threading, vendor
try:
    vendor.start()
except RuntimeError as error:
    print(error)
made = threading.Thread(target=vendor.work)
made.start()
made.join()
";
    let host = scratch.file("host.py", host);
    let fence = Fence::by_hand(&Rules::new().forbid_threads("python:vendor"));
    let outcome = fence.finish(fence.command(PYTHON).arg("-B").arg(host));
    let refused = "can't start new thread";
    assert_eq!(outcome.text(), [refused, "runs", refused].join("\n"));
}
