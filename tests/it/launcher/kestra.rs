//! Task defaults on their way to a Kestra worker. Here a script stands for it, which shows what it
//! is given; `tests/kestra-defaults.sh` has a real one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::harness::{Outcome, artifacts, run};

const POLICY: &str = "
kestra:
  plugins:
    defaults:
      - {type: io.kestra.plugin.scripts, forced: true, values: {containerImage: ours}}
ringfence:
  version: 1
  files: {forbidden: [/etc/shadow]}
";

/// What `ringfence run` says and what a program of this name is given.
fn started(name: &str, policy: &str, variables: &[(&str, &str)]) -> Outcome {
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join(name);
    fs::write(&program, "echo \"${MICRONAUT_APPLICATION_JSON-nothing}\"\n").expect("our own file");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("our own file");
    fs::write(directory.path().join("policy.yaml"), policy).expect("our own file");
    let mut command = std::process::Command::new(&artifacts().launcher);
    command.args(["run", "-p", "policy.yaml", "--"]).arg(&program).args(["server", "worker"]);
    command.current_dir(&directory).env_remove("RINGFENCE_POLICY");
    command.envs(variables.iter().copied());
    run(&mut command, b"", Duration::from_secs(60), "the worker")
}

#[test]
fn a_kestra_worker_gets_the_policys_defaults_and_it_is_said_what_stays_open() {
    let outcome = started("kestra", POLICY, &[]);
    let given: serde_json::Value = serde_json::from_str(outcome.text()).expect("JSON");
    let entry = &given["kestra"]["plugins"]["defaults"][0];
    assert_eq!(
        (&entry["type"], &entry["forced"]),
        (&"io.kestra.plugin.scripts".into(), &true.into())
    );
    assert_eq!(entry["values"]["containerImage"], "ours");
    let said = "1 task default (1 forced) reach this Kestra worker by MICRONAUT_APPLICATION_JSON";
    assert_eq!(outcome.stderr.matches(said).count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("a flow's forced entry wins"), "{}", outcome.stderr);
}

#[test]
fn another_worker_gets_nothing() {
    let outcome = started("airflow", POLICY, &[]);
    assert_eq!(outcome.text(), "nothing");
    assert!(!outcome.stderr.contains("task default"), "{}", outcome.stderr);
}

#[test]
fn a_variable_that_empties_the_list_starts_nothing() {
    let outcome = started("kestra", POLICY, &[("KESTRA_PLUGINS_DEFAULTS", "[]")]);
    assert_eq!((outcome.status.code(), outcome.stdout.as_str()), (Some(125), ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("`KESTRA_PLUGINS_DEFAULTS`"), "{outcome:#?}");
}

#[test]
fn an_invalid_entry_starts_nothing() {
    let broken = POLICY.replace("values: {containerImage: ours}", "value: {}");
    let outcome = started("kestra", &broken, &[]);
    assert_eq!((outcome.status.code(), outcome.stdout.as_str()), (Some(125), ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("RF120"), "{outcome:#?}");
}

#[test]
fn check_says_whom_defaults_reach_and_proposes_what_goes_with_a_forced_container() {
    let directory = tempfile::tempdir().expect("a directory");
    let forced = POLICY.replace(
        "containerImage: ours",
        "taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}",
    );
    let closed = forced.clone() + "  processes: {forbidden: [io.kestra.plugin.scripts]}\n";
    for (policy, proposed) in [(forced.as_str(), true), (POLICY, false), (&closed, false)] {
        let file = directory.path().join("policy.yaml");
        fs::write(&file, policy).expect("our own file");
        let mut command = std::process::Command::new(&artifacts().launcher);
        let outcome =
            run(command.arg("check").arg(&file), b"", Duration::from_secs(60), "the check");
        assert!(outcome.text().contains("of workers, a Kestra worker gets them"), "{outcome:#?}");
        let proposal = "processes: {forbidden: [io.kestra.plugin.scripts]}";
        assert_eq!(outcome.stdout.contains(proposal), proposed, "{outcome:#?}");
    }
}
