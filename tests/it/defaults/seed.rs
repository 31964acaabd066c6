//! The two blocks of defaults of Kestra's page on worker isolation, letter by letter, with flows
//! whose authors want something else.

use super::Kitchen;

/// The page's first block.
const LOG_LEVEL: &str = include_str!("../../data/worker-isolation/log-level.yml");

/// The page's last block.
const FORCED_DOCKER: &str = include_str!("../../data/worker-isolation/forced-docker.yml");

#[test]
fn the_level_of_a_log_task_is_error_where_its_author_does_not_set_it() {
    let kitchen = Kitchen::with_policy(LOG_LEVEL);
    let flow = "\
id: f
tasks:
  - id: quiet
    type: io.kestra.plugin.core.log.Log
    message: x
  - id: loud
    type: io.kestra.plugin.core.log.Log
    level: INFO
";
    let answer = kitchen.resolve(flow, &["--why"]);
    let expected = flow.replace("    message: x\n", "    level: ERROR\n    message: x\n");
    assert_eq!(answer.expect(0), expected);
    assert_eq!(
        answer.err,
        "flow.yaml:3:5: tasks[0].level: not set -> ERROR (default of policy.yaml:4:7)\n"
    );
}

#[test]
fn a_shell_task_whose_author_wants_a_process_runs_in_docker() {
    let kitchen = Kitchen::with_policy(FORCED_DOCKER);
    let flow = "\
id: f
tasks:
  - id: shell
    type: io.kestra.plugin.scripts.shell.Commands
    containerImage: evil:1 # mine
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - id
";
    let answer = kitchen.resolve(flow, &["--why"]);
    let expected = flow.replace("evil:1", "ubuntu:latest").replace(
        "io.kestra.plugin.core.runner.Process",
        "io.kestra.plugin.scripts.runner.docker.Docker",
    );
    assert_eq!(answer.expect(1), expected);
    let why: Vec<&str> = answer.err.lines().take_while(|line| !line.contains("warning")).collect();
    assert_eq!(
        why,
        [
            "flow.yaml:5:21: tasks[0].containerImage: evil:1 -> ubuntu:latest (forced by policy.yaml:4:9)",
            "flow.yaml:7:13: tasks[0].taskRunner.type: io.kestra.plugin.core.runner.Process -> io.kestra.plugin.scripts.runner.docker.Docker (forced by policy.yaml:4:9)",
        ]
    );
}

#[test]
fn an_alias_of_the_shell_type_does_not_escape() {
    let kitchen = Kitchen::with_policy(FORCED_DOCKER);
    let flow = |of_type: &str| {
        format!(
            "id: f\ntasks:\n  - id: shell\n    type: {of_type}\n    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}\n"
        )
    };
    let alias = flow("io.kestra.core.tasks.scripts.Bash");
    let answer = kitchen.resolve(&alias, &[]).yaml();
    assert_eq!(answer["tasks"][0]["containerImage"], "ubuntu:latest");
    assert_eq!(
        answer["tasks"][0]["taskRunner"]["type"],
        "io.kestra.plugin.scripts.runner.docker.Docker"
    );
    let another = flow("io.kestra.plugin.scripts.python.Commands");
    assert_eq!(kitchen.resolve(&another, &[]).expect(0), another, "another task is left alone");
}

#[test]
fn an_alias_that_the_policy_names_does_not_escape_either() {
    let aliases = "ringfence:\n  version: 1\n  tasks:\n    aliases: {my.Shell: io.kestra.plugin.scripts.shell.Commands}\n";
    let flow = "tasks:\n  - {id: shell, type: my.Shell, containerImage: evil:1}\n";
    let kitchen = Kitchen::with_policy(FORCED_DOCKER);
    assert_eq!(kitchen.resolve(flow, &[]).expect(0), flow, "without the alias it is another type");
    kitchen.file("policy.yaml", format!("{FORCED_DOCKER}{aliases}"));
    assert_eq!(kitchen.resolve(flow, &[]).yaml()["tasks"][0]["containerImage"], "ubuntu:latest");
}

#[test]
fn both_blocks_in_one_policy_do_what_each_does() {
    let kitchen = Kitchen::new();
    kitchen.file("policies/a.yaml", LOG_LEVEL).file("policies/b.yaml", FORCED_DOCKER);
    kitchen.file("flow.yaml", "tasks:\n- {type: io.kestra.plugin.core.log.Log}\n- {type: io.kestra.plugin.scripts.shell.Commands}\n");
    let answer = Kitchen::answer(kitchen.command().args(["-p", "policies", "flow.yaml"])).yaml();
    assert_eq!(answer["tasks"][0]["level"], "ERROR");
    assert_eq!(answer["tasks"][1]["containerImage"], "ubuntu:latest");
}
