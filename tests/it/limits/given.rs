//! What somebody who may have it hands to somebody who may not.

use std::process::Command;

use super::environment;
use crate::harness::{Fence, Rules, Scratch};
use crate::programs::{Jdk, PYTHON};
use crate::threads::files::{Files, OWN, THREADS};
use crate::threads::worker::{Task, Worker};

#[test]
fn what_the_host_opened_and_hands_on_may_be_read() {
    let scratch = Scratch::new();
    let file = scratch.text("closed/secret");
    let rules = Rules::new().forbid(scratch.text("closed")).allow_for(&["host"], &file, &["read"]);
    let fence = Fence::by_launcher(&rules);
    // Code of no module is nobody's.
    let script = "import sys; exec(sys.argv[1], {'sys': sys})";
    let reads = "import os; print(os.read(3, 6).decode())";
    let python = |redirection: &str| {
        let line = format!("{redirection}; exec \"$1\" -c \"$2\" \"$4\"");
        fence.run("/bin/bash", ["-c", &line, "bash", PYTHON, script, &file, reads])
    };
    assert_eq!(python("exec 3< \"$3\"").text(), "SECRET");
    let refused = fence.run(PYTHON, ["-c", script, "open(sys.argv[2])", &file]);
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
fn a_plugin_opens_on_its_pool_what_a_script_names_to_it() {
    let files = Files::new();
    let file = files.file("closed");
    let script = "
        def task = io.kestra.core.runners.Services.plugins.type('io.kestra.plugin.gcp.Read')
        def context = new io.kestra.core.runners.RunContext(System.getProperty('conf'), null)
        task.getDeclaredConstructor().newInstance().run(context)";
    let script = Task::plugin("script", "scripts.groovy.Eval", script);
    // Its pool has a thread of its own then, on which nothing of the script's ever was.
    let tasks = [Task::plugin("own", "gcp.Read", &file), script];
    let came = files.worker(Worker::fenced(Jdk::new(21), THREADS), "closed").run(&tasks);
    let has: Vec<&str> = came[1].value.lines().filter(|way| way.contains("secret")).collect();
    let pool = ["pool: secret: 1", "thread of the pool: secret: 1"];
    assert_eq!(has, pool, "what it does on the script's own stack: {}", came[1]);
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
