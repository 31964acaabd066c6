//! What is printed in which form, and the exit status.

use serde_json::Value;

use super::Kitchen;

const POLICY: &str = "kestra: {plugins: {defaults: [{type: x.Log, values: {level: ERROR}}, {type: x.Shell, forced: true, values: {image: safe}}]}}\n";

#[test]
fn the_status_says_whether_a_forced_value_overrode_an_authors() {
    let kitchen = Kitchen::with_policy(POLICY);
    for (flow, status) in [
        ("tasks: []\n", 0),
        ("tasks: [{type: x.Log}]\n", 0),
        ("tasks: [{type: x.Shell}]\n", 0),
        ("tasks: [{type: x.Shell, image: safe}]\n", 0),
        ("tasks: [{type: x.Shell, image: }]\n", 0),
        ("tasks: [{type: x.Shell, image: evil}]\n", 1),
        ("tasks: [{type: x.Shell, image: evil]\n", 2),
    ] {
        kitchen.resolve(flow, &[]).expect(status);
        let checked = kitchen.resolve(flow, &["--check"]);
        assert_eq!(checked.expect(status), "", "--check prints no flow");
    }
}

#[test]
fn a_mistake_in_one_flow_prints_none() {
    let kitchen = Kitchen::with_policy(POLICY);
    kitchen.file("good.yaml", "tasks: [{type: x.Log}]\n").file("bad.yaml", "a: [\n");
    let answer = kitchen.run(&["good.yaml", "bad.yaml", "missing.yaml"]);
    assert_eq!(answer.expect(2), "");
    assert!(answer.err.contains("bad.yaml:"), "{}", answer.err);
    assert!(answer.err.contains("cannot read `missing.yaml`: No such file"), "{}", answer.err);
    assert_eq!(kitchen.run(&["good.yaml"]).expect(0), "tasks: [{type: x.Log, level: ERROR}]\n");
}

#[test]
fn several_flows_and_directories_are_documents_with_their_names() {
    let kitchen = Kitchen::with_policy(POLICY);
    kitchen.file("flows/b.yml", "id: b");
    kitchen.file("flows/a/x.yaml", "---\nid: x\n");
    kitchen.file("flows/notes.txt", "not: [yaml");
    kitchen.file("c.yaml", "tasks: [{type: x.Log}]\n");
    let expected = "# flows/a/x.yaml\n---\nid: x\n--- # flows/b.yml\nid: b\n--- # c.yaml\ntasks: [{type: x.Log, level: ERROR}]\n";
    assert_eq!(kitchen.run(&["flows", "c.yaml"]).expect(0), expected);
    kitchen.file("empty/notes.txt", "");
    let answer = kitchen.run(&["empty"]);
    assert_eq!(answer.expect(2), "");
    assert!(answer.err.contains("no *.yaml or *.yml in `empty`"), "{}", answer.err);
}

#[test]
fn the_difference_is_one_that_patch_understands() {
    let kitchen = Kitchen::with_policy(POLICY);
    let answer = kitchen.resolve("id: f\ntasks:\n- type: x.Log\n", &["--diff"]);
    let expected = "--- a/flow.yaml\n+++ b/flow.yaml\n@@ -1,3 +1,4 @@\n id: f\n tasks:\n - type: x.Log\n+  level: ERROR\n";
    assert_eq!(answer.expect(0), expected);
    assert_eq!(kitchen.resolve("id: f\n", &["--diff"]).expect(0), "");
}

#[test]
fn json_is_one_line_a_flow_and_with_reasons_an_object() {
    let kitchen = Kitchen::with_policy(POLICY);
    let flow = "id: 007\nn: [1, -2, 0x1F, 1.50, .inf, 1e3, true, ~, '1']\ntasks:\n- {type: x.Shell, image: evil}\n";
    let answer = kitchen.resolve(flow, &["--format", "json"]);
    let expected = "{\"id\":7,\"n\":[1,-2,31,1.5,\".inf\",1000.0,true,null,\"1\"],\"tasks\":[{\"type\":\"x.Shell\",\"image\":\"safe\"}]}\n";
    assert_eq!(answer.expect(1), expected);
    let answer = kitchen.resolve(flow, &["--format", "json", "--why"]);
    let object: Value = serde_json::from_str(answer.expect(1)).expect("one JSON object");
    assert_eq!(object["file"], "flow.yaml");
    assert_eq!(object["flows"][0]["tasks"][0]["image"], "safe");
    let expected = serde_json::json!([{
        "path": "/tasks/0/image", "at": "flow.yaml:4:26", "before": "evil", "after": "safe",
        "entries": [{"at": "policy.yaml:1:70", "forced": true}], "overrides": true,
    }]);
    assert_eq!(object["changes"], expected);
}

#[test]
fn the_profile_of_the_policy_holds_and_the_option_wins_over_it() {
    let policy = "ringfence:\n  version: 1\n  tasks:\n    profile: kestra-1.3\n    defaults: [{type: x.Shell, forced: true, values: {volumes: [a]}}]\n";
    let kitchen = Kitchen::with_policy(policy);
    let flow = "tasks: [{type: x.Shell, volumes: [b]}]\n";
    let joined = "tasks: [{type: x.Shell, volumes: [b, a]}]\n";
    assert_eq!(kitchen.resolve(flow, &[]).expect(1), joined);
    let strict = kitchen.resolve(flow, &["--profile", "ringfence"]);
    assert_eq!(strict.expect(1), "tasks: [{type: x.Shell, volumes: [a]}]\n");
}

#[test]
fn what_two_entries_and_an_answered_name_did_is_told_apart() {
    let policy = "\
kestra:
  plugins:
    defaults:
    - {type: x.Shell, values: {runner: {type: x.Docker}}}
    - {type: x.Docker, forced: true, values: {user: nobody}}
    - {type: x.Log, ref: quiet, values: {level: ERROR}}
";
    let kitchen = Kitchen::with_policy(policy);
    let flow = "tasks:\n- type: x.Shell\n- type: x.Log\n  pluginDefaultsRef: quiet\n";
    let answer = kitchen.resolve(flow, &["--why"]);
    assert_eq!(
        answer.expect(0),
        "tasks:\n- type: x.Shell\n  runner:\n    type: x.Docker\n    user: nobody\n- type: x.Log\n  level: ERROR\n"
    );
    let why: Vec<&str> = answer.err.lines().take_while(|line| !line.contains("warning")).collect();
    assert_eq!(
        why,
        [
            "flow.yaml:2:3: tasks[0].runner.type: not set -> x.Docker (default of policy.yaml:4:7)",
            "flow.yaml:2:3: tasks[0].runner.user: not set -> nobody (forced by policy.yaml:5:7)",
            "flow.yaml:4:22: tasks[1].pluginDefaultsRef: quiet -> gone (the name is answered)",
            "flow.yaml:3:3: tasks[1].level: not set -> ERROR (default of policy.yaml:6:7)",
        ]
    );
}

#[test]
fn a_flow_may_come_from_standard_input() {
    use std::io::Write as _;
    use std::process::Stdio;
    let kitchen = Kitchen::with_policy(POLICY);
    let mut command = kitchen.command();
    command.args(["-p", "policy.yaml", "--why", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("a pipe").write_all(b"tasks: [{type: x.Log}]\n").expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.stdout, b"tasks: [{type: x.Log, level: ERROR}]\n");
    assert!(
        output.stderr.starts_with(b"<stdin>:1:9: "),
        "{:?}",
        String::from_utf8_lossy(&output.stderr)
    );
}
