//! Threads and programs that are taken for somebody else's.

use crate::harness::{Fence, Rules, Scratch, fixture};
use crate::programs::Jdk;
use crate::threads::scripts::SCRIPT;
use crate::threads::worker::{Task, Worker};

/// A start routine of the library's, on a thread of the program's, that jumps to pthread_create: only
/// libc is on the stack, and nobody knows on whose behalf.
#[test]
fn a_jump_from_the_first_frame_of_a_thread_hides_its_library() {
    let library = fixture("libvendor.so");
    let rules = Rules::new().forbid_threads(format!("native:{}", library.display()));
    let printed = |rules: &Rules, word: &str| {
        let words = [library.as_os_str(), word.as_ref()];
        Fence::by_hand(rules).run(fixture("threads"), words).text().to_owned()
    };
    assert_eq!(printed(&rules, "vendor:pthread_create"), "pthread_create EPERM");
    assert_eq!(printed(&rules, "borrowed"), "borrowed 0 ran");
    // It is closed for code that nobody knows, at the cost of others'.
    assert_eq!(printed(&rules.deny_unattributed(), "borrowed"), "borrowed EPERM");
}

/// What `threads` prints of functions of `libparts.so`, under a rule that forbids one part of it.
fn parts_printed(forbidden: &str, functions: &[&str]) -> String {
    let rules = Rules::new().forbid_threads(format!("native:libparts.so.1{forbidden}"));
    let words = functions.iter().map(|name| format!("call:{name}:pthread_create"));
    let library = fixture("libparts.so").display().to_string();
    Fence::by_hand(&rules)
        .run(fixture("threads"), [library].into_iter().chain(words))
        .text()
        .to_owned()
}

/// Compilers make a jump of a call that is a function's last, and then it is its caller's.
#[test]
fn a_call_that_is_a_jump_is_seen_as_the_caller_s_of_its_function() {
    assert_eq!(parts_printed("", &["parts_make"]), "pthread_create EPERM");
    assert_eq!(parts_printed("", &["parts_last", "parts_join"]), "last ran");
    assert_eq!(parts_printed("!parts_make", &["parts_jump"]), "pthread_create EPERM");
    assert_eq!(parts_printed("!parts_jump", &["parts_jump"]), "pthread_create 0 ran");
}

/// The name leads to the function that chooses; the one that is chosen is not exported.
#[test]
fn a_function_that_is_chosen_when_it_is_bound_has_no_name() {
    assert_eq!(parts_printed("", &["parts_chosen"]), "pthread_create EPERM");
    assert_eq!(parts_printed("!parts_chosen", &["parts_chosen"]), "pthread_create 0 ran");
}

#[test]
fn a_thread_by_a_system_call_instruction_is_not_seen() {
    let library = fixture("libvendor.so");
    let rules = Rules::new().forbid_threads(format!("native:{}", library.display()));
    let fence = Fence::by_hand(&rules);
    let printed = |way: &str| {
        let words = [library.as_os_str(), way.as_ref()];
        fence.run(fixture("threads"), words).text().to_owned()
    };
    assert_eq!(printed("vendor:syscall-clone"), "syscall-clone EPERM");
    assert_eq!(printed("vendor:instruction"), "instruction EINVAL", "the kernel's own answer");
}

/// A host that has a signal call whatever a package leaves with it.
#[track_caller]
fn expect_started_by_the_host(left: &str) {
    let scratch = Scratch::new();
    scratch.file("vendor.py", left);
    let host = scratch.file(
        "host.py",
        "import os, signal, vendor
try:
    vendor.ask()
    print('ran')
except PermissionError:
    print('refused')
signal.signal(signal.SIGUSR1, lambda *_: vendor.left())
os.kill(os.getpid(), signal.SIGUSR1)
",
    );
    let rules = Rules::new().forbid_processes("python:vendor");
    for (fence, first) in [(Fence::open(), "ran"), (Fence::by_hand(&rules), "refused")] {
        let mut command = fence.command("/usr/bin/python3");
        let printed = fence.finish(command.arg("-B").arg(&host));
        let mut lines: Vec<&str> = printed.text().lines().collect();
        // What the shell prints and what Python does come by different ways.
        lines.sort_unstable();
        let mut expected = [first, "started"];
        expected.sort_unstable();
        assert_eq!(lines, expected, "{printed:#?}");
    }
}

#[test]
fn python_code_by_the_hosts_name_is_the_hosts() {
    expect_started_by_the_host(
        "import os, subprocess
def ask():
    subprocess.run(['/bin/true'])
here = {'__name__': '__main__', 'os': os}
exec(compile('left = lambda: os.system(\"echo started\")', '/app/host.py', 'exec'), here)
left = here['left']
",
    );
}

#[test]
fn a_python_library_function_left_with_the_host_is_called_by_the_host() {
    expect_started_by_the_host(
        "import functools, os, subprocess
def ask():
    subprocess.run(['/bin/true'])
left = functools.partial(os.system, 'echo started')
",
    );
}

/// Whoever may start a program may have it load native code into the JVM. Attaching goes by a socket,
/// whose file a rule can forbid.
#[test]
fn a_child_of_a_script_attaches_to_its_jvm() {
    let jdk = Jdk::new(17);
    let script = format!(
        "def own = new File('/proc/self').canonicalFile.name
        def words = ['{}', own, 'JVMTI.agent_load', System.getProperty('library')]
        new ProcessBuilder(words).redirectErrorStream(true).start().inputStream.text",
        jdk.program("jcmd").display()
    );
    let said = |files: &str| {
        let scratch = Scratch::new();
        let policy = format!(
            "ringfence:\n  version: 1\n  callers: {{subjects: [io.kestra.plugin]}}\n  \
             threads: {{forbidden: [io.kestra.plugin.scripts]}}\n{files}"
        );
        let worker = Worker::by(jdk.clone(), &scratch.file("policy.yaml", &policy));
        worker.run(&[Task::new("attach", SCRIPT, &*script)])[0].value.clone()
    };
    // The library is no agent, and that is all that is wrong.
    let loaded = "Agent_OnAttach is not available in";
    assert!(said("").contains(loaded), "{}", said(""));
    let refused = said("  files: {forbidden: [{glob: '/tmp/.java_pid*'}]}\n");
    assert!(
        !refused.contains(loaded) && refused.contains("Unable to open socket file"),
        "{refused}"
    );
}
