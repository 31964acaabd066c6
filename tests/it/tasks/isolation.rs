//! A task that no entry covers runs locally, and fenced.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::{Kitchen, POLICY, shell};

/// Lines that say, for each name, whether the task could read it.
fn probe(paths: &[&str]) -> String {
    let each = paths.iter().map(|path| {
        // The fence's own line about the refusal comes on the same stream.
        format!("cat {path} >/dev/null 2>err && echo read || sed '/^ringfence/d; s/.*: //' err")
    });
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn secrets_of_the_machine_are_out_of_reach() {
    let kitchen = Kitchen::shell(&[&probe(&["/etc/shadow", "/etc/passwd"])]);
    assert_eq!(kitchen.run(&[]).text(), "Permission denied\nread");
}

/// A task is not the host, whoever starts it.
#[test]
fn what_is_for_the_host_is_not_for_a_task() {
    let policy = |callers: &str| {
        format!(
            "{POLICY}\nringfence: {{version: 1, files: {{forbidden: [/etc/], allowed: \
             [{{path: /etc/hostname, access: read{callers}}}]}}}}"
        )
    };
    let tasks = shell("one", "", &[&probe(&["/etc/hostname", "/etc/passwd"])]);
    let said = |callers| Kitchen::new(&policy(callers), &tasks).run(&[]).text().to_owned();
    assert_eq!(said(", callers: [host]"), "Permission denied\nPermission denied");
    assert_eq!(said(""), "read\nPermission denied", "the control");
}

#[test]
fn the_workers_environment_is_out_of_reach() {
    let environ = ["/proc/$PPID/environ", "/proc/$PPID/task/$PPID/environ", "/proc/$PPID/stat"];
    let kitchen = Kitchen::shell(&["env", &probe(&environ)]);
    let outcome = kitchen.run(&[]);
    let (environment, answers) = outcome.text().split_at(outcome.text().find("Perm").expect("one"));
    assert_eq!(answers, "Permission denied\nPermission denied\nread");
    assert!(!environment.contains("hunter2"), "{environment}");
}

#[test]
fn the_environment_is_clean() {
    let kitchen = Kitchen::shell_with("env: {OWN: '1'}", &["env"]);
    let outcome = kitchen.run(&[]);
    let mut names: Vec<&str> =
        outcome.text().lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    let fence = ["LD_PRELOAD", "RINGFENCE_IMAGE", "RINGFENCE_RUN"];
    let mut expected = [&["HOME", "LANG", "OWN", "PATH", "PWD", "TMPDIR"][..], &fence].concat();
    expected.sort_unstable();
    assert_eq!(names, expected, "{}", outcome.text());
}

/// A descriptor that the launcher was started with, of a file or of a directory, is not the task's.
#[test]
fn no_descriptor_is_inherited_but_the_streams() {
    let each = "for fd in 0 1 2 8 9; do if [ -e /proc/$$/fd/$fd ]; then echo $fd; fi; done";
    let kitchen = Kitchen::shell(&[each]);
    let ours = kitchen.command();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "exec \"$@\" 8</etc/hostname 9</etc", "sh"]).arg(ours.get_program());
    shell.args(ours.get_args()).args(["-q", "--mode", "off", "flow.yaml"]);
    shell.current_dir(kitchen.path("")).env("TMPDIR", kitchen.path("tmp"));
    let outcome = crate::harness::run(&mut shell, b"", super::LIMIT, "the end of the task");
    assert_eq!(outcome.text(), "0\n1\n2");
}

#[test]
fn a_policy_lets_names_through() {
    let policy = "ringfence: {version: 1, tasks: {inheritEnv: [DATABASE_PASSWORD, NOT_SET]}}";
    let policy = format!("{policy}\n{POLICY}");
    let kitchen =
        Kitchen::new(&policy, &shell("one", "", &["echo $DATABASE_PASSWORD${NOT_SET-.}"]));
    assert_eq!(kitchen.run(&[]).text(), "hunter2.");
}

#[test]
fn a_tasks_own_variables_do_not_take_the_fence_away() {
    let properties = "env: {LD_PRELOAD: '', RINGFENCE_IMAGE: /dev/null, LD_AUDIT: /x.so}";
    let kitchen = Kitchen::shell_with(properties, &[&probe(&["/etc/shadow", "/etc/passwd"])]);
    assert_eq!(kitchen.run(&[]).text(), "Permission denied\nread");
}

#[test]
fn the_directories_of_other_tasks_are_out_of_reach() {
    // Another task's directory, as it is while that task runs.
    let kitchen = Kitchen::shell(&[]);
    let user = kitchen.path("tmp").metadata().expect("it is there").uid();
    let rooms = kitchen.path("tmp").join(format!("ringfence-tasks-{user}"));
    let other = rooms.join("other/work");
    fs::create_dir_all(&other).expect("our own directory");
    fs::set_permissions(&rooms, Permissions::from_mode(0o700)).expect("our own directory");
    fs::write(other.join("secret"), "").expect("our own file");
    let secret = other.join("secret").display().to_string();
    symlink(&other, kitchen.path("link")).expect("our own link");
    let link = kitchen.path("link/secret").display().to_string();
    let own = probe(&[&secret, &link, "../../other/work/secret", "own", "$PWD/own"]);
    let list = "ls ../.. 2>&1 | sed '/^ringfence/d; s/.*: //'; ls ..";
    kitchen
        .file("flow.yaml", &format!("tasks:\n{}", shell("one", "", &["echo > own", &own, list])));
    let refused = "Permission denied\n".repeat(3);
    let text = kitchen.run(&[]).text().to_owned();
    assert_eq!(text, format!("{refused}read\nread\nPermission denied\nhome\ntmp\nwork"));
    fs::remove_dir_all(rooms.join("other")).expect("our own directory");
    kitchen.assert_no_room_is_left();
}

#[test]
fn the_working_directory_is_private_and_holds_home_and_temporary_files() {
    let kitchen = Kitchen::shell(&["stat -c %a . $HOME $TMPDIR", "pwd; echo $HOME; mktemp"]);
    let outcome = kitchen.run(&[]);
    let lines: Vec<&str> = outcome.text().lines().collect();
    assert_eq!(lines[..3], ["700", "700", "700"]);
    let root = kitchen.path("tmp").display().to_string();
    assert!(lines[3..].iter().all(|path| path.starts_with(&root)), "{lines:?}");
    kitchen.assert_no_room_is_left();
}

#[test]
fn the_image_of_a_task_goes_with_it() {
    let kitchen = Kitchen::shell(&["echo $RINGFENCE_IMAGE"]);
    let image = kitchen.run(&[]).text().to_owned();
    assert!(image.ends_with(".img"), "{image}");
    assert!(!std::path::Path::new(&image).exists(), "{image}");
}

#[test]
fn rules_of_a_policy_hold_too() {
    let kitchen = Kitchen::shell(&[]);
    kitchen.file("closed", "");
    kitchen.file("open", "");
    let closed = kitchen.path("closed").display().to_string();
    let open = kitchen.path("open").display().to_string();
    kitchen.file(
        "policy.yaml",
        &format!("ringfence: {{version: 1, files: {{forbidden: [{closed}]}}}}"),
    );
    kitchen
        .file("flow.yaml", &format!("tasks:\n{}", shell("one", "", &[&probe(&[&closed, &open])])));
    assert_eq!(kitchen.run(&[]).text(), "Permission denied\nread");
}

#[test]
fn without_a_fence_the_same_is_in_reach() {
    let kitchen = Kitchen::shell(&[&probe(&["/etc/shadow", "/proc/$PPID/environ"])]);
    let outcome = kitchen.run(&["--mode", "off"]);
    assert_eq!(outcome.text(), "read\nread", "the control of the tests above");
}
