//! What is refused before anything is started.

use super::{Kitchen, LIMIT, POLICY, PROCESS, shell, status};
use crate::harness::run;

/// The properties of a task, the status and words of the message.
#[track_caller]
fn refused(policy: &str, task: &str, expected: i32, words: &[&str]) {
    let kitchen = Kitchen::new(policy, &format!("  - {{id: one, {task}}}\n"));
    let outcome = kitchen.run(&[]);
    assert_eq!(status(&outcome), expected, "{task}: {outcome:#?}");
    for word in words {
        assert!(outcome.stderr.contains(word), "{task}: no `{word}` in {}", outcome.stderr);
    }
    assert_eq!(outcome.stdout, "", "{task}");
    kitchen.assert_no_room_is_left();
}

const SHELL: &str = "type: io.kestra.plugin.scripts.shell.Commands";

#[test]
fn what_is_no_script_or_has_another_runner_is_named() {
    let log = "type: io.kestra.plugin.core.log.Log, message: hello";
    refused(POLICY, log, 125, &["RF410", "`io.kestra.plugin.core.log.Log`"]);
    let kubernetes = "taskRunner: {type: io.kestra.plugin.ee.kubernetes.runner.Kubernetes}";
    let task = format!("{SHELL}, commands: [echo x], {kubernetes}");
    refused(POLICY, &task, 125, &["RF410", "Kubernetes", "nothing was started"]);
}

#[test]
fn a_missing_interpreter_is_not_found() {
    let task = format!(
        "{SHELL}, taskRunner: {PROCESS}, interpreter: [no-such-shell, -c], commands: [echo x]"
    );
    refused(POLICY, &task, 127, &["`no-such-shell` was not found"]);
    let ruby = "type: io.kestra.plugin.scripts.julia.Script, script: x";
    refused(POLICY, &format!("{ruby}, taskRunner: {PROCESS}"), 127, &["`julia` was not found"]);
}

/// What the task's own directory does not have is not taken from where `ringfence` was started.
#[test]
fn an_interpreter_is_looked_for_from_where_the_task_begins() {
    let kitchen = Kitchen::shell_with("interpreter: [./program, -c]", &["echo x"]);
    std::fs::copy("/bin/sh", kitchen.path("program")).expect("our own file");
    for mode in ["enforce", "off"] {
        let outcome = kitchen.run(&["--mode", mode]);
        assert_eq!((status(&outcome), outcome.stdout.as_str()), (127, ""), "{outcome:#?}");
        assert!(outcome.stderr.contains("`./program` was not found"), "{outcome:#?}");
    }
}

#[test]
fn a_script_without_its_interpreter_names_both() {
    let kitchen = Kitchen::shell(&[]);
    let script = kitchen.path("script").display().to_string();
    kitchen.file("script", "#!/no/such/shell\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, executable).expect("our own file");
    let properties = format!("interpreter: ['{script}']");
    kitchen.file("flow.yaml", &format!("tasks:\n{}", shell("one", &properties, &["x"])));
    let outcome = kitchen.run(&[]);
    assert_eq!(status(&outcome), 127, "{outcome:#?}");
    for words in ["`/no/such/shell` was not found".to_owned(), format!("`{script}` is run by it")] {
        assert!(outcome.stderr.contains(&words), "{words}: {outcome:#?}");
    }
}

#[test]
fn an_interpreter_that_cannot_be_fenced_is_refused() {
    let task = format!(
        "{SHELL}, taskRunner: {PROCESS}, interpreter: [/bin/busybox, sh, -c], commands: [echo x]"
    );
    refused(POLICY, &task, 125, &["RF401", "static"]);
}

#[test]
fn an_expression_of_a_server_is_not_run_as_it_stands() {
    let task =
        format!("{SHELL}, taskRunner: {PROCESS}, commands: ['rm -rf {{{{ outputs.a.dir }}}}/']");
    refused(POLICY, &task, 125, &["RF412", "`{{ outputs.a.dir }}`"]);
}

#[test]
fn a_class_that_may_start_no_program_is_refused_with_the_place_of_the_rule() {
    let policy = "ringfence:\n  version: 1\n  processes:\n    forbidden:\n      - io.kestra.plugin.scripts\n";
    let kitchen = Kitchen::new(policy, &shell("one", "", &["echo x"]));
    let outcome = kitchen.run(&[]);
    assert_eq!(status(&outcome), 125, "{outcome:#?}");
    assert!(outcome.stderr.contains("RF413"), "{outcome:#?}");
    assert!(outcome.stderr.contains("policy.yaml:5:9"), "{outcome:#?}");
    let other = policy.replace("scripts", "scripts.python");
    let kitchen = Kitchen::new(&other, &shell("one", "", &["echo x"]));
    assert_eq!(kitchen.run(&[]).text(), "x", "the control");
}

#[test]
fn a_forced_property_says_which_entry_forced_it() {
    let policy = format!(
        "kestra:\n  plugins:\n    defaults:\n      - type: io.kestra.plugin.scripts\n        forced: true\n        values:\n          \
         taskRunner: {PROCESS}\n"
    );
    let kubernetes = "{type: io.kestra.plugin.ee.kubernetes.runner.Kubernetes, namespace: x}";
    let task =
        format!("  - {{id: one, {SHELL}, taskRunner: {kubernetes}, commands: [echo ran]}}\n");
    let kitchen = Kitchen::new(&policy, &task);
    let mut command = kitchen.command();
    command.arg("flow.yaml");
    let outcome = run(&mut command, b"", LIMIT, "the end of the task");
    assert_eq!(outcome.text(), "ran");
    let line = "ringfence: task one: `tasks[0].taskRunner.type` is forced by policy.yaml:4:9";
    assert!(outcome.stderr.lines().any(|found| found == line), "{}", outcome.stderr);
}

#[test]
fn a_mistake_in_the_arguments_is_never_taken_for_the_tasks_status() {
    let kitchen = Kitchen::shell(&["echo x"]);
    for words in
        [&["--polcy", "x", "flow.yaml"][..], &[], &["flow.yaml", "--input", "x"], &["none.yaml"]]
    {
        let mut command = kitchen.command();
        command.args(words);
        let outcome = run(&mut command, b"", LIMIT, "the message");
        assert_eq!(status(&outcome), 125, "{words:?}");
    }
}

#[test]
fn a_directory_is_no_flow() {
    let kitchen = Kitchen::shell(&["echo x"]);
    let mut command = kitchen.command();
    let outcome = run(command.arg("."), b"", LIMIT, "the message");
    assert_eq!(status(&outcome), 125);
    assert!(outcome.stderr.contains("`.` is a directory"), "{outcome:#?}");
}

#[test]
fn a_name_neither_ends_its_line_nor_talks_to_the_terminal() {
    let task = shell("\"a\\nringfence: fence up\\e[31m\"", "", &["echo ran"]);
    let kitchen = Kitchen::new(POLICY, &task);
    let mut command = kitchen.command();
    let outcome = run(command.arg("flow.yaml"), b"", LIMIT, "the end of the task");
    assert_eq!(outcome.text(), "ran");
    let line = "ringfence: task a\\nringfence: fence up\\u{1b}[31m: io.kestra";
    assert!(outcome.stderr.lines().any(|found| found.starts_with(line)), "{}", outcome.stderr);
}

#[test]
fn a_program_is_told_the_end_of_what_was_refused() {
    for (arguments, id) in [
        (&["--json", "flow.yaml"][..], serde_json::json!("one")),
        (&["--json", "flow.yaml", "two"], serde_json::json!("two")),
        (&["--json", "none.yaml"], serde_json::Value::Null),
    ] {
        let kitchen = Kitchen::shell_with("disabled: true", &["echo x"]);
        let mut command = kitchen.command();
        let outcome = run(command.args(arguments), b"", LIMIT, "the refusal");
        let end: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("one line");
        let expected = serde_json::json!(
            {"event": "end", "task": id, "outcome": "refused", "status": 125}
        );
        assert_eq!((status(&outcome), end), (125, expected));
        let reason = outcome.stderr.lines().last().unwrap_or_default();
        let reason: serde_json::Value = serde_json::from_str(reason).expect("JSON");
        assert!(reason["code"].is_string(), "{outcome:#?}");
    }
}

#[test]
fn a_task_inside_a_fence_is_refused() {
    let kitchen = Kitchen::shell(&[]);
    let launcher = crate::harness::artifacts().launcher.display().to_string();
    let inner = format!("{launcher} task -p /dev/null {}", kitchen.path("flow.yaml").display());
    kitchen.file("flow.yaml", &format!("tasks:\n{}", shell("one", "", &[&inner])));
    let outcome = kitchen.run(&[]);
    assert_eq!(status(&outcome), 125, "{outcome:#?}");
    assert!(outcome.stderr.contains("inside a fence already"), "{outcome:#?}");
}
