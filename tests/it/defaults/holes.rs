//! The holes of Kestra's defaults. Each is shown open in the profiles that have it, with the very
//! policy and flow with which `ringfence` closes it.

use serde_yaml::Value;

use super::{Kitchen, at};

const KESTRA: [&str; 4] = ["kestra-0.17", "kestra-0.19", "kestra-1.3", "kestra-develop"];

/// A policy, a flow, and what one property becomes.
struct Hole {
    policy: &'static str,
    flow: &'static str,
    pointer: &'static str,
    /// Through the hole; `absent` when there is no such property.
    open: &'static str,
    /// In `ringfence`.
    closed: &'static str,
}

impl Hole {
    #[track_caller]
    fn is_open_in(&self, profiles: &[&str]) {
        let kitchen = Kitchen::with_policy(self.policy);
        let value = |profile: &str| {
            let flow = kitchen.resolve(self.flow, &["--profile", profile]).yaml();
            at(&flow, self.pointer).cloned()
        };
        let expected = |text: &str| -> Option<Value> {
            (text != "absent").then(|| serde_yaml::from_str(text).expect("YAML"))
        };
        for profile in profiles {
            assert_eq!(value(profile), expected(self.open), "open in {profile}");
        }
        assert_eq!(value("ringfence"), expected(self.closed), "closed");
        assert_ne!(self.open, self.closed);
    }
}

macro_rules! policy {
    ($entries:literal) => {
        concat!("kestra:\n  plugins:\n    defaults:\n", $entries)
    };
}

#[test]
fn a_forced_default_of_a_flow_beats_the_global_one_of_the_same_type() {
    Hole {
        policy: policy!("    - {type: x.Shell, forced: true, values: {image: safe}}\n"),
        flow: "tasks:\n- {type: x.Shell}\npluginDefaults:\n- {type: x.Shell, forced: true, values: {image: evil}}\n",
        pointer: "/tasks/0/image",
        open: "evil",
        closed: "safe",
    }
    .is_open_in(&["kestra-0.19"]);
}

#[test]
fn a_forced_default_of_a_flow_beats_a_global_one_by_its_longer_key() {
    Hole {
        policy: policy!("    - {type: io.kestra.plugin.scripts, forced: true, values: {image: safe}}\n"),
        flow: "tasks:\n- {type: io.kestra.plugin.scripts.shell.Commands}\npluginDefaults:\n- {type: io.kestra.plugin.scripts.shell, forced: true, values: {image: evil}}\n",
        pointer: "/tasks/0/image",
        open: "evil",
        closed: "safe",
    }
    .is_open_in(&["kestra-1.3"]);
}

#[test]
fn a_forced_default_of_a_flow_beats_a_global_one_by_its_spelling() {
    // The prefix with a full stop and an alias are other keys than the class.
    for spelling in ["x.old.Shell", "x.Shell.", "x."] {
        let policy = "kestra:\n  plugins:\n    defaults:\n    - {type: x.Shell, forced: true, values: {image: safe}}\nringfence:\n  version: 1\n  tasks: {aliases: {x.old.Shell: x.Shell}}\n";
        let flow = format!(
            "tasks:\n- {{type: x.Shell, image: mine}}\npluginDefaults:\n- {{type: {spelling}, forced: true, values: {{image: evil}}}}\n"
        );
        let kitchen = Kitchen::with_policy(policy);
        assert_eq!(kitchen.resolve(&flow, &[]).yaml()["tasks"][0]["image"], "safe", "{spelling}");
        let allowed = "tasks:\n- {type: x.Other, image: mine}\n";
        assert_eq!(kitchen.resolve(allowed, &[]).yaml()["tasks"][0]["image"], "mine");
    }
}

#[test]
fn a_prefix_matches_in_the_middle_of_a_name() {
    let hole = Hole {
        policy: policy!("    - {type: io.kestra.plugin.scripts, values: {image: x}}\n"),
        flow: "tasks:\n- {type: io.kestra.plugin.scriptsx.Y}\n- {type: io.kestra.plugin.scripts.shell.Commands}\n",
        pointer: "/tasks/0/image",
        open: "x",
        closed: "absent",
    };
    hole.is_open_in(&KESTRA);
    let flow = Kitchen::with_policy(hole.policy).resolve(hole.flow, &[]).yaml();
    assert_eq!(flow["tasks"][1]["image"], "x", "the class beneath the prefix is matched");
}

#[test]
fn a_task_typed_by_an_alias_escapes() {
    Hole {
        policy: policy!(
            "    - {type: io.kestra.plugin.core.log.Log, forced: true, values: {level: ERROR}}\n"
        ),
        flow: "tasks:\n- {type: io.kestra.core.tasks.log.Log, level: TRACE}\n",
        pointer: "/tasks/0/level",
        open: "TRACE",
        closed: "ERROR",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_task_typed_with_a_version_is_matched_all_the_same() {
    let kitchen = Kitchen::with_policy(policy!(
        "    - {type: x.Shell, forced: true, values: {image: safe}}\n"
    ));
    let flow = kitchen.resolve("tasks:\n- {type: 'x.Shell:1.0', image: evil}\n", &[]).yaml();
    assert_eq!(flow["tasks"][0]["image"], "safe");
}

#[test]
fn a_forced_list_is_added_to_that_of_the_author() {
    Hole {
        policy: policy!(
            "    - {type: x.Docker, forced: true, values: {volumes: ['/data:/data:ro']}}\n"
        ),
        flow: "tasks:\n- taskRunner: {type: x.Docker, volumes: ['/:/host']}\n",
        pointer: "/tasks/0/taskRunner/volumes",
        open: "['/:/host', '/data:/data:ro']",
        closed: "['/data:/data:ro']",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_forced_empty_list_takes_nothing_away() {
    Hole {
        policy: policy!("    - {type: x.Docker, forced: true, values: {volumes: []}}\n"),
        flow: "tasks:\n- taskRunner: {type: x.Docker, volumes: ['/:/host']}\n",
        pointer: "/tasks/0/taskRunner/volumes",
        open: "['/:/host']",
        closed: "[]",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_forced_empty_map_takes_nothing_away() {
    Hole {
        policy: policy!("    - {type: x.Docker, forced: true, values: {env: {}}}\n"),
        flow: "tasks:\n- taskRunner: {type: x.Docker, env: {LD_PRELOAD: ''}}\n",
        pointer: "/tasks/0/taskRunner/env",
        open: "{LD_PRELOAD: ''}",
        closed: "{}",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_forced_null_takes_nothing_away() {
    Hole {
        policy: policy!("    - {type: x.Docker, forced: true, values: {runner: {host: null}}}\n"),
        flow: "tasks:\n- {type: x.Docker, runner: {host: 'tcp://evil'}}\n",
        pointer: "/tasks/0/runner/host",
        open: "tcp://evil",
        closed: "null",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_runner_that_a_default_injects_gets_no_default_itself() {
    Hole {
        policy: policy!(
            "    - {type: x.Shell, forced: true, values: {taskRunner: {type: x.Docker}}}\n    - {type: x.Docker, forced: true, values: {networkMode: none}}\n"
        ),
        flow: "tasks:\n- {type: x.Shell}\n",
        pointer: "/tasks/0/taskRunner/networkMode",
        open: "absent",
        closed: "none",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_plugin_whose_type_a_default_rewrites_gets_no_default_of_its_new_type() {
    Hole {
        policy: policy!(
            "    - {type: x.Process, forced: true, values: {type: x.Docker}}\n    - {type: x.Docker, forced: true, values: {networkMode: none}}\n"
        ),
        flow: "tasks:\n- {type: x.Shell, taskRunner: {type: x.Process}}\n",
        pointer: "/tasks/0/taskRunner/networkMode",
        open: "absent",
        closed: "none",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_forced_runner_keeps_the_keys_of_the_runner_that_the_author_chose() {
    Hole {
        policy: policy!("    - {type: x.Shell, forced: true, values: {taskRunner: {type: x.Docker}}}\n"),
        flow: "tasks:\n- type: x.Shell\n  taskRunner: {type: x.Batch, privileged: true, networkMode: host}\n",
        pointer: "/tasks/0/taskRunner",
        open: "{type: x.Docker, privileged: true, networkMode: host}",
        closed: "{type: x.Docker}",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_runner_whose_own_type_is_rewritten_keeps_its_keys() {
    Hole {
        policy: policy!(
            "    - {type: x.Process, forced: true, values: {type: x.Docker, image: a}}\n"
        ),
        flow: "tasks:\n- {id: t, type: x.Shell, taskRunner: {type: x.Process, privileged: true}}\n",
        pointer: "/tasks/0/taskRunner",
        open: "{type: x.Docker, image: a, privileged: true}",
        closed: "{type: x.Docker, image: a}",
    }
    .is_open_in(&KESTRA);
}

#[test]
fn a_task_whose_type_is_rewritten_keeps_what_every_task_has_and_no_more() {
    let kitchen =
        Kitchen::with_policy(policy!("    - {type: x.Old, forced: true, values: {type: x.New}}\n"));
    let flow = "tasks:\n- {id: t, type: x.Old, timeout: PT1M, script: rm}\n";
    let flow = kitchen.resolve(flow, &[]).yaml();
    let expected: Value =
        serde_yaml::from_str("{id: t, type: x.New, timeout: PT1M}").expect("YAML");
    assert_eq!(flow["tasks"][0], expected);
}

#[test]
fn an_invalid_default_in_a_flow_takes_the_forced_ones_of_the_server_away() {
    let policy = policy!("    - {type: x.Shell, forced: true, values: {image: safe}}\n");
    let kitchen = Kitchen::with_policy(policy);
    for invalid in ["{type: x.Z}", "{values: {a: 1}}", "{type: x.Z, values: 1}", "7"] {
        let flow =
            format!("tasks:\n- {{type: x.Shell, image: evil}}\npluginDefaults: [{invalid}]\n");
        for profile in KESTRA {
            let answer = kitchen.resolve(&flow, &["--profile", profile]);
            assert_eq!(answer.expect(0), flow, "the flow as it was");
            assert!(answer.err.contains("warning[RF320]"), "{}", answer.err);
        }
        let answer = kitchen.resolve(&flow, &[]);
        assert_eq!(answer.expect(2), "");
        assert!(answer.err.contains("error[RF120]"), "{}", answer.err);
    }
    let valid =
        "tasks:\n- {type: x.Shell, image: evil}\npluginDefaults: [{type: x.Z, values: {a: 1}}]\n";
    assert_eq!(kitchen.resolve(valid, &[]).yaml()["tasks"][0]["image"], "safe");
}

#[test]
fn an_old_server_does_not_reach_the_task_in_a_templated_task() {
    Hole {
        policy: policy!("    - {type: x.Shell, forced: true, values: {image: safe}}\n"),
        flow: "tasks:\n- type: io.kestra.plugin.core.templating.TemplatedTask\n  spec: |\n    type: x.Shell\n    image: evil # mine\n",
        pointer: "/tasks/0/spec",
        open: "\"type: x.Shell\\nimage: evil # mine\\n\"",
        closed: "\"type: x.Shell\\nimage: safe # mine\\n\"",
    }
    .is_open_in(&["kestra-0.17", "kestra-0.19"]);
}
