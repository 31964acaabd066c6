//! `environment.hide`: named variables do not reach the children of a worker.

use crate::harness::Fence;

/// A fence that hides these patterns, with further lines of the policy.
fn hiding(patterns: &str, more: &str) -> (tempfile::TempDir, Fence) {
    let directory = tempfile::tempdir().expect("a directory");
    let policy = directory.path().join("policy.yaml");
    let text = format!("ringfence:\n  version: 1\n  environment: {{hide: {patterns}}}\n{more}");
    std::fs::write(&policy, text).expect("our own file");
    let fence = Fence::by_policies(&[&policy], &[]);
    (directory, fence)
}

/// What a program prints in which these are set.
#[track_caller]
fn printed(fence: &Fence, words: &[&str]) -> String {
    let mut command = fence.command(words[0]);
    command.args(&words[1..]).env("SECRET_A", "one").env("DB_PASSWORD", "two");
    command.env("OTHER", "three").env_remove("SECRET_B");
    fence.finish(&mut command).text().to_owned()
}

const SHOW: &str = "echo ${SECRET_A-gone} ${DB_PASSWORD-gone} ${OTHER-gone}";

#[test]
fn the_worker_keeps_what_its_children_do_not_get() {
    let (_directory, fence) = hiding("[SECRET_*, DB_PASSWORD]", "");
    let script =
        "eval \"$1\"; sh -c \"$1\"; env | grep -c SECRET_ || :; sh -c 'sh -c \"$1\"; :' x \"$1\"";
    let expected = "one two three\ngone gone three\n0\ngone gone three";
    assert_eq!(printed(&fence, &["sh", "-c", script, "x", SHOW]), expected);
    let (_directory, fence) = hiding("[NOTHING]", "");
    let open = "one two three\none two three\n1\none two three";
    assert_eq!(printed(&fence, &["sh", "-c", script, "x", SHOW]), open, "the control");
}

/// A start script replaces itself by its worker, which is to have everything.
#[test]
fn a_worker_that_becomes_another_program_keeps_them_too() {
    let (_directory, fence) = hiding("[SECRET_*]", "");
    let script = format!("exec sh -c 'exec sh -c \"{}\"'", SHOW.replace('$', "\\$"));
    assert_eq!(printed(&fence, &["sh", "-c", &script]), "one two three");
}

#[test]
fn no_way_of_starting_a_child_hands_them_over() {
    let (_directory, fence) = hiding("['SECRET_?', DB_*]", "");
    let script = format!(
        "
import ctypes, os, subprocess
show = '{SHOW}'
given = dict(os.environ, SECRET_B='given')
assert os.environ['SECRET_A'] == 'one'
os.system(show)
print(os.popen(show).read(), end='', flush=True)
subprocess.run(['sh', '-c', show])
subprocess.run(['sh', '-c', show + '; echo ${{SECRET_B-gone}}'], env=given)
subprocess.run(['sh', '-c', show], close_fds=False)
os.waitpid(os.posix_spawn('/bin/sh', ['sh', '-c', show], given), 0)
for start in (os.execve, lambda *words: os.execvpe(*words)):
    child = os.fork()
    if child == 0:
        start('/bin/sh', ['sh', '-c', show], given)
    os.waitpid(child, 0)
os.waitpid(os.spawnve(os.P_NOWAIT, '/bin/sh', ['sh', '-c', show], given), 0)
"
    );
    let printed = printed(&fence, &["python3", "-c", &script]);
    let expected = vec!["gone gone three"; 9];
    let lines: Vec<&str> = printed.lines().filter(|line| *line != "gone").collect();
    assert_eq!(lines, expected, "{printed}");
    assert_eq!(printed.lines().count(), 10, "the one that was given is gone too: {printed}");
}

#[test]
fn the_environment_of_the_worker_cannot_be_read_from_proc() {
    let (_directory, fence) = hiding("[SECRET_*]", "");
    let read = "for f in environ task/$PPID/environ mem task/$PPID/mem stat; do \
                cat /proc/$PPID/$f >/dev/null 2>&1 && echo $f read || echo $f refused; done";
    let script = format!("sh -c '{read}'; :");
    let expected =
        "environ refused\ntask/PID/environ refused\nmem refused\ntask/PID/mem refused\nstat read";
    let found = printed(&fence, &["sh", "-c", &script]);
    let found: Vec<String> = found
        .lines()
        .map(|line| match line.split_once('/') {
            Some((task, rest)) => format!("{task}/PID/{}", rest.split_once('/').expect("two").1),
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(found.join("\n"), expected);
}

/// With everything hidden, what carries the fence is not.
#[test]
fn the_fence_itself_is_never_hidden() {
    let (_directory, fence) = hiding("['*']", "  files: {forbidden: [/etc/hostname]}\n");
    let script = "/bin/sh -c '/bin/cat /etc/hostname 2>/dev/null || /bin/echo refused; \
                  /bin/cat /etc/passwd >/dev/null && /bin/echo read; /usr/bin/env'";
    let found = printed(&fence, &["sh", "-c", script]);
    let (answers, environment) = found.split_at(found.find("read\n").expect("it is read") + 5);
    assert_eq!(answers, "refused\nread\n");
    let mut names: Vec<&str> =
        environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    // The shell sets PWD for its own children, of which env is one that it becomes.
    names.retain(|name| *name != "PWD");
    assert_eq!(names, ["LD_PRELOAD", "RINGFENCE_IMAGE", "RINGFENCE_RUN"]);
}

#[test]
fn a_policy_that_only_audits_hides_nothing() {
    let (_directory, fence) = hiding("[SECRET_*]", "  mode: audit\n");
    assert_eq!(printed(&fence, &["sh", "-c", &format!("sh -c '{SHOW}'; :")]), "one two three");
}
