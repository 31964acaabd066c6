//! The ways around the fence that are known: each is shown to be open.
//!
//! A limit that closes makes its test fail, and then leaves this file and `docs/threat-model.md`
//! together.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::r#async::{both, count};
use crate::harness::{Fence, Rules, Scratch, fixture};
use crate::programs::{Jdk, PYTHON};
use crate::threads::files::{Files, OWN};
use crate::threads::scripts::SCRIPT;
use crate::threads::worker::{Task, Worker};

#[test]
fn a_system_call_instruction_of_the_programs_own_is_not_seen() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(fence.call(&scratch.words("open @/secret O_RDONLY")), "-1 EACCES");
    assert_eq!(fence.call(&scratch.words("raw open @/secret O_RDONLY")), "ok SECRET");
    assert_eq!(fence.call(&scratch.words("raw openat . @/secret O_RDONLY")), "ok SECRET");
    assert_eq!(fence.call(&scratch.words("raw openat2 . @/secret O_RDONLY")), "ok SECRET");
}

/// Reads the secret by calls that only the kernel sees, as [`instruction.c`] has them. The same calls by
/// libc's `syscall()` are `refused`, and both find the file where there is no fence.
///
/// [`instruction.c`]: ../fixtures/c/instruction.c
#[track_caller]
fn expect_open_by_instruction(way: &str, refused: &str) {
    let scratch = Scratch::new();
    scratch.directory("mounted");
    let printed = |fence: &Fence, words: &[&str]| {
        let places = [scratch.text("closed/secret"), scratch.text("mounted")];
        let words = words.iter().map(|word| (*word).to_owned()).chain(places);
        fence.run(fixture("instruction"), words).text().to_owned()
    };
    let (open, fence) = (Fence::open(), Fence::by_hand(&scratch.rules()));
    let reached = printed(&open, &[way]);
    if ["EPERM", "ENOSYS", "EOPNOTSUPP"].iter().any(|errno| reached.ends_with(errno)) {
        // The machine itself has none of that for anybody: a container's profile, a file system.
        return assert_eq!(printed(&fence, &[way]), reached, "{way}");
    }
    assert_eq!(reached, "ok SECRET", "{way}");
    assert_eq!(printed(&open, &["libc", way]), "ok SECRET", "{way}");
    assert_eq!(printed(&fence, &["libc", way]), refused, "{way}");
    assert_eq!(printed(&fence, &[way]), "ok SECRET", "{way}");
}

#[test]
fn an_io_uring_of_the_programs_own_opens_what_it_likes() {
    expect_open_by_instruction("uring", "io_uring_setup -1 ENOSYS");
}

#[test]
fn what_the_host_opened_and_hands_on_may_be_read() {
    let scratch = Scratch::new();
    let file = scratch.text("closed/secret");
    let rules = Rules::new().forbid(scratch.text("closed")).allow_for(&["host"], &file, &["read"]);
    let fence = Fence::by_launcher(&rules);
    let script = "import os, sys; print(os.read(int(sys.argv[1]), 6).decode())";
    let python = |redirection: &str| {
        let line = format!("{redirection}; exec \"$1\" -c \"$2\" 3");
        fence.run("/bin/bash", ["-c", &line, "bash", PYTHON, script, &file])
    };
    assert_eq!(python("exec 3< \"$3\"").text(), "SECRET");
    let opened = "import sys; open(sys.argv[1])";
    let refused = fence.run(PYTHON, ["-c", opened, &file]);
    assert!(refused.stderr.contains("PermissionError"), "by itself it does not: {refused:#?}");
}

#[test]
fn a_pool_of_the_host_s_opens_for_a_script_what_an_object_of_the_host_s_names() {
    let files = Files::new();
    let script = |on: &str| {
        let body = format!(
            "{on}.submit((java.util.concurrent.Callable) new io.kestra.core.services.Reader(\
             System.getProperty('conf'))).get()"
        );
        Task::plugin(on, "scripts.groovy.Eval", &body)
    };
    let pools =
        ["io.kestra.core.runners.Services.POOL", "java.util.concurrent.ForkJoinPool.commonPool()"];
    let worker = files.worker(Worker::fenced(Jdk::new(21), OWN), "closed");
    let came = worker.run(&pools.map(script));
    assert!(came[0].value.contains("secret"), "{}", came[0]);
    assert!(came[1].error.contains("Permission denied"), "everybody's pool does not: {}", came[1]);
}

#[test]
fn a_file_handle_by_a_system_call_instruction_opens_the_file() {
    expect_open_by_instruction("handle", "name_to_handle_at -1 EACCES");
}

#[test]
fn another_processs_memory_is_written_by_a_system_call_instruction() {
    expect_open_by_instruction("vm", "process_vm_writev -1 EPERM");
    expect_open_by_instruction("memory", "open -1 EACCES");
    expect_open_by_instruction("ptrace", "ptrace -1 EPERM");
}

#[test]
fn another_name_for_a_place_is_made_by_a_system_call_instruction() {
    expect_open_by_instruction("bind", "unshare -1 EPERM");
    expect_open_by_instruction("pivot", "unshare -1 EPERM");
    expect_open_by_instruction("chroot", "chroot -1 EPERM");
}

#[test]
fn native_code_that_writes_over_our_code_is_not_judged_any_more() {
    // Nothing asks for leave to make its own process's code writable: compilers live by it.
    expect_open_by_instruction("mprotect", "ok SECRET");
}

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

/// Who may give a file a name of his choice gives a library one that no rule has.
#[test]
fn a_library_under_other_names_is_another_library() {
    let scratch = Scratch::new();
    let copy = scratch.path("libother.so");
    fs::copy(fixture("libvendor.so"), &copy).expect("copied");
    let rules = Rules::new().forbid_threads("native:libvendor.so");
    let fence = Fence::by_hand(&rules);
    let printed = |library: &Path| {
        let words = [library.as_os_str(), "vendor:pthread_create".as_ref()];
        fence.run(fixture("threads"), words).text().to_owned()
    };
    assert_eq!(printed(&fixture("libvendor.so")), "pthread_create EPERM");
    assert_eq!(printed(&copy), "pthread_create 0 ran");
}

#[test]
fn a_hard_link_made_before_is_another_name_of_the_file() {
    let scratch = Scratch::new();
    fs::hard_link(scratch.path("secret"), scratch.path("hard")).expect("one file system");
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(fence.call(&scratch.words("open @/secret O_RDONLY")), "-1 EACCES");
    assert_eq!(fence.call(&scratch.words("open @/hard O_RDONLY")), "ok SECRET");
}

#[test]
fn a_copy_made_before_is_another_file() {
    let scratch = Scratch::new();
    fs::copy(scratch.path("secret"), scratch.path("copy")).expect("our own directory");
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(fence.call(&scratch.words("open @/copy O_RDONLY")), "ok SECRET");
}

#[test]
fn a_bind_mount_made_later_is_another_name_of_the_place() {
    let scratch = Scratch::new();
    scratch.directory("mounted");
    // The mount is made by somebody outside, after the policy was compiled: the fence's own
    // environment is put in place behind it.
    let fence = Fence::by_hand(&scratch.rules());
    let inner = fence.command(fixture("call"));
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c"]);
    command.arg("mount --bind \"$1\" \"$2\" && exec env LD_PRELOAD=\"$3\" RINGFENCE_IMAGE=\"$4\" \"$5\" open \"$2/secret\" O_RDONLY");
    command.arg("sh").arg(scratch.path("closed")).arg(scratch.path("mounted"));
    for name in ["LD_PRELOAD", "RINGFENCE_IMAGE"] {
        let set = inner.get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
        command.arg(set.expect("by hand, both are set"));
    }
    command.arg(fixture("call"));
    let outcome = Fence::open().finish(&mut command);
    assert_eq!(outcome.text(), "ok SECRET", "the test needs the right to mount");
}

#[test]
fn a_descriptor_that_was_inherited_open_may_be_read() {
    // What the parent opened, the worker was given: a redirection of a forbidden file works.
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let mut command = Command::new("sh");
    let mut inner = fence.command("cat");
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    // The shell is not fenced, its child is.
    command.env_remove("LD_PRELOAD").arg("-c").arg("LD_PRELOAD=$L exec cat < \"$1\"");
    let preload = inner.get_envs().find(|(key, _)| *key == "LD_PRELOAD").and_then(|(_, v)| v);
    command.env("L", preload.expect("by hand, it is set")).arg("sh").arg(scratch.path("secret"));
    assert_eq!(Fence::open().finish(&mut command).text(), "SECRET");
    let refused = fence.finish(inner.arg(scratch.path("secret")));
    assert!(refused.stderr.contains("Permission denied"), "{refused:#?}");
}

/// What another process opened and hands over by a Unix socket, was given: a file may be read, and a
/// directory gone on from, by names that no rule ends in.
#[test]
fn what_is_handed_over_by_a_socket_is_not_judged_again() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&Rules::new().forbid(scratch.path("closed")));
    let mut from = Fence::open().command("python3");
    for (name, value) in environment(&fence) {
        from.env(format!("FENCED_{}", name.display()), value);
    }
    let takes = "
import os, socket, sys
_, fds, _, _ = socket.recv_fds(socket.socket(fileno=int(sys.argv[1])), 1, 2)
print(os.read(fds[0], 6).decode(), os.read(os.open('secret', 0, dir_fd=fds[1]), 6).decode())
try: open(sys.argv[2] + '/secret')
except OSError as error: print(error.errno)
";
    let gives = "
import os, socket, subprocess, sys
here, there = socket.socketpair()
fds = [os.open(sys.argv[2] + '/secret', 0), os.open(sys.argv[2], 0)]
env = dict(os.environ, **{n[7:]: v for n, v in os.environ.items() if n.startswith('FENCED_')})
command = ['python3', '-c', sys.argv[1], str(there.fileno()), sys.argv[2]]
child = subprocess.Popen(command, env=env, pass_fds=[there.fileno()])
socket.send_fds(here, [b'.'], fds)
sys.exit(child.wait())
";
    from.args(["-c", gives, takes]).arg(scratch.path("closed"));
    assert_eq!(fence.finish(&mut from).text(), format!("SECRET SECRET\n{}", libc::EACCES));
    // Without anybody outside there is nobody to hand it over.
    let mut command = fence.command("python3");
    command.args(["-c", gives, takes]).arg(scratch.path("closed"));
    assert!(fence.finish(&mut command).stderr.contains("PermissionError"));
}

/// A script that the kernel hands to another program than the one that it names, because an operator
/// registered its kind (`binfmt_misc`), is judged by what it names. What is neither ELF nor script
/// is not started.
#[test]
fn a_script_that_the_kernel_hands_to_another_is_judged_by_its_first_line() {
    let scratch = Scratch::new();
    for (name, text) in [("script", "#!/bin/true --kind\n"), ("other", "OTHER\n")] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(scratch.file(name, text), mode).expect("our own file");
    }
    // What a user namespace registers binds nobody else.
    let script = r#"
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || { echo none; exit; }
echo ":other:M::OTHER::$1:" >/proc/sys/fs/binfmt_misc/register
echo ":script:M::#!/bin/true --kind::$1:" >/proc/sys/fs/binfmt_misc/register
for name in other script; do
    "$2" execve "$3/$name"
    LD_PRELOAD=$PRELOADED "$2" execve "$3/$name"
    true
done
"#;
    let fence = Fence::by_hand(&scratch.rules());
    let mut command = Command::new("unshare");
    for (name, value) in environment(&fence) {
        command.env(if name == "LD_PRELOAD" { "PRELOADED".into() } else { name }, value);
    }
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.args([fixture("still"), fixture("start"), scratch.path("")]);
    let outcome = Fence::open().finish(&mut command);
    // Before Linux 6.7 the kinds of all user namespaces are the machine's, and not for a test to change.
    if outcome.text() != "none" {
        assert_eq!(outcome.text(), "static\n-1 ENOEXEC\nstatic\nstatic", "{outcome:#?}");
    }
}

/// A script without `#!` is run by libc's posix_spawn of before 2.15; ours is one function for all.
#[test]
fn an_old_posix_spawn_runs_no_script_without_a_first_line() {
    let scratch = Scratch::new();
    let script = scratch.file("script", "echo ran\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("our own file");
    let printed = |fence: &Fence, way: &str| {
        fence.run(fixture("start"), [way.as_ref(), script.as_os_str()]).stdout
    };
    let fence = Fence::by_hand(&scratch.rules());
    assert_eq!(printed(&Fence::open(), "spawn-old"), "ran\n");
    assert_eq!(printed(&fence, "spawn-old"), "-1 ENOEXEC\n");
    assert_eq!(printed(&fence, "spawn"), printed(&Fence::open(), "spawn"), "of today");
}

#[test]
fn a_spawn_into_a_control_group_answers_enotsup() {
    let fence = Fence::by_hand(&Rules::new().forbid("/nowhere/at/all"));
    let printed = |words: &[&str]| fence.run(fixture("start"), words).stdout;
    assert_eq!(printed(&["cgroup", "spawn", "/bin/echo", "ran"]), "-1 EOPNOTSUPP\n");
    assert_eq!(printed(&["spawn", "/bin/echo", "ran"]), "ran\n");
}

/// What a fence put by hand sets in the environment.
fn environment(fence: &Fence) -> Vec<(OsString, OsString)> {
    let command = fence.command("true");
    command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect()
}

#[test]
fn a_pattern_for_processes_leaves_what_their_threads_show() {
    // procfs shows a process's files once more for each of its threads, and `/proc/thread-self` leads there.
    let fence = |pattern: &str| Fence::by_hand(&Rules::new().forbid_glob(pattern));
    let opens = |fence: &Fence, path: &str| fence.call(&["open", path, "O_RDONLY"]) != "-1 EACCES";
    for path in ["/proc/self/environ", "/proc/thread-self/environ"] {
        assert!(opens(&Fence::open(), path), "{path}");
    }
    let processes = fence("/proc/*/environ");
    assert!(!opens(&processes, "/proc/self/environ"));
    assert!(opens(&processes, "/proc/thread-self/environ"));
    // Two stars find both.
    let both = fence("/proc/**/environ");
    assert!(!opens(&both, "/proc/self/environ"));
    assert!(!opens(&both, "/proc/thread-self/environ"));
    assert!(opens(&both, "/proc/self/status"));
}

#[test]
fn native_code_that_writes_over_our_stack_decides_what_is_opened() {
    let scratch = Scratch::new();
    let names = [scratch.text("twin"), scratch.text("secret")];
    let run = |fence: Fence| fence.run(fixture("overwrite"), names.clone()).text().to_owned();
    assert_eq!(run(Fence::by_hand(&scratch.rules())), "leaked");
    assert_eq!(run(Fence::open()), "never", "there is no copy to write over");
}

#[test]
fn a_handler_that_jumps_out_of_a_look_may_leave_its_descriptor_open() {
    // Looking takes an O_PATH descriptor for a moment. Blocking signals for that moment would cost
    // every stat two more calls of the kernel's; the object is one that the process may hold.
    let (fenced, open) = both("longjmp", "a handler that jumps out");
    assert!(count(&fenced, "descriptors") > 0, "{fenced}");
    assert_eq!(count(&open, "descriptors"), 0, "{open}");
}

#[test]
fn an_open_that_waits_is_no_cancellation_point() {
    // The program ends by its limit of time: the thread that waits for a FIFO is not cancelled.
    let (fenced, open) = both("cancelled", "the cancellation of an open of a FIFO");
    assert_eq!(fenced, "waits");
    assert_eq!(open, "cancelled");
}

/// `environment.hide` leaves variables out where a program is started. A child that goes on as what
/// its parent was has its parent's memory.
#[test]
fn a_forked_child_that_starts_no_program_has_its_parents_variables() {
    let directory = tempfile::tempdir().expect("a directory");
    let policy = directory.path().join("policy.yaml");
    let text = "ringfence: {version: 1, environment: {hide: [SECRET_A]}}";
    std::fs::write(&policy, text).expect("our own file");
    let fence = Fence::by_policies(&[&policy], &[]);
    let script = "
import os
child = os.fork()
if child == 0:
    print(os.environ.get('SECRET_A'), flush=True)
    os.execvp('sh', ['sh', '-c', 'echo ${SECRET_A-gone}'])
os.waitpid(child, 0)
";
    let mut command = fence.command("python3");
    command.args(["-c", script]).env("SECRET_A", "one");
    assert_eq!(fence.finish(&mut command).text(), "one\ngone");
}

/// Programs look at each directory on the way to their script, so a task may look at the directory
/// of all tasks, and at what is beneath it. Names there cannot be listed, and cannot be guessed.
#[test]
fn the_file_of_another_task_can_be_looked_at_by_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path().canonicalize().expect("it is there");
    let flow = "{id: a, type: io.kestra.plugin.scripts.shell.Commands, commands: ['eval \"$LOOK\"'], env: {LOOK: '{{ inputs.look }}'}}";
    std::fs::write(at.join("flow.yaml"), flow).expect("our own file");
    let printed = |look: &str| {
        let mut task = Command::new(&crate::harness::artifacts().launcher);
        task.args(["task", "-q", "flow.yaml", "--input", &format!("look={look}")]);
        task.current_dir(&at).env("TMPDIR", &at).env_remove("RINGFENCE_POLICY");
        let limit = std::time::Duration::from_secs(60);
        crate::harness::run(&mut task, b"", limit, "the end of the task").stdout
    };
    let rooms = printed("cd ../..; pwd");
    let other = Path::new(rooms.trim()).join("other");
    fs::create_dir(&other).expect("our own directory");
    fs::write(other.join("file"), "four").expect("our own file");
    let file = other.join("file").display().to_string();
    let look = format!("stat -c %s {file}; cat {file} || ls {} || echo closed", other.display());
    assert_eq!(printed(&look), "4\nclosed\n");
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
