//! The lints: each with a policy that it is about, and a twin that it leaves alone.

use super::{Answer, Kitchen};

const NOTHING: &str = "id: f\n";

/// Whether a code is among the warnings.
#[track_caller]
fn warns(answer: &Answer, code: &str) -> bool {
    assert!(answer.status < 2, "{}", answer.err);
    answer.err.contains(&format!("warning[{code}]"))
}

fn policy(entries: &[&str]) -> String {
    let entries: String = entries.iter().map(|entry| format!("    - {entry}\n")).collect();
    format!("kestra:\n  plugins:\n    defaults:\n{entries}")
}

#[track_caller]
fn lint(code: &str, warned: &[&str], left_alone: &[&str]) -> String {
    let twin = Kitchen::with_policy(&policy(left_alone)).resolve(NOTHING, &[]);
    assert!(!warns(&twin, code), "{}", twin.err);
    let answer = Kitchen::with_policy(&policy(warned)).resolve(NOTHING, &[]);
    assert!(warns(&answer, code), "{}", answer.err);
    answer.err
}

#[test]
fn a_forced_entry_for_a_misspelt_type() {
    let message = lint(
        "RF331",
        &["{type: io.kestra.plugin.scripts.shell.Comands, forced: true, values: {a: 1}}"],
        &["{type: io.kestra.plugin.scripts.shell.Commands, forced: true, values: {a: 1}}"],
    );
    assert!(
        message.contains("did you mean `io.kestra.plugin.scripts.shell.Commands`"),
        "{message}"
    );
    let kitchen = Kitchen::with_policy(&policy(&["{type: my.Task, forced: true, values: {a: 1}}"]));
    assert!(warns(&kitchen.resolve(NOTHING, &[]), "RF331"));
    assert!(!warns(&kitchen.resolve("tasks: [{type: my.Task}]\n", &[]), "RF331"), "a flow has it");
}

#[test]
fn docker_for_some_script_tasks_only() {
    let docker =
        "forced: true, values: {taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}}";
    let message = lint(
        "RF303",
        &[&format!("{{type: io.kestra.plugin.scripts.shell.Commands, {docker}}}")],
        &[&format!("{{type: io.kestra.plugin.scripts, {docker}}}")],
    );
    assert!(message.contains("can still run on the worker itself"), "{message}");
}

#[test]
fn a_docker_runner_with_gaps() {
    let entry = "{type: io.kestra.plugin.scripts, forced: true, values: {taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}}}";
    let closed = "{type: io.kestra.plugin.scripts.runner.docker.Docker, forced: true, values: {privileged: false, networkMode: none, host: '', volumes: [], user: nobody}}";
    let message = lint("RF330", &[entry], &[entry, closed]);
    assert!(
        message.contains("`privileged`, `networkMode`, `host`, `volumes`, `user`"),
        "{message}"
    );
}

#[test]
fn a_variable_in_an_entry() {
    lint(
        "RF327",
        &["{type: x.Log, values: {level: '${LVL:WARN}'}}"],
        &["{type: x.Log, values: {level: '{{ vars.level }}'}}"],
    );
}

#[test]
fn a_property_in_kebab_case() {
    let message = lint(
        "RF328",
        &["{type: x.Shell, values: {container-image: a}}"],
        &["{type: x.Shell, values: {containerImage: a, env: {MY-VAR: b, my-var: c}}}"],
    );
    assert!(message.contains("containerImage"), "{message}");
}

#[test]
fn a_list_in_two_files() {
    let kitchen = Kitchen::new();
    kitchen.file("a.yaml", policy(&["{type: x.A, values: {a: 1}}"]));
    kitchen.file("b.yaml", policy(&["{type: x.B, values: {a: 1}}"]));
    kitchen.file("flow.yaml", "tasks: [{type: x.A}, {type: x.B}]\n");
    let run =
        |policies: &[&str]| Kitchen::answer(kitchen.command().args(policies).arg("flow.yaml"));
    let both = run(&["-p", "a.yaml", "-p", "b.yaml"]);
    assert!(warns(&both, "RF326"), "{}", both.err);
    assert_eq!(both.out, "tasks: [{type: x.A, a: 1}, {type: x.B, a: 1}]\n", "here both count");
    assert!(!warns(&run(&["-p", "a.yaml"]), "RF326"));
}

#[test]
fn a_variable_that_empties_the_list() {
    let kitchen = Kitchen::with_policy(&policy(&["{type: x.A, values: {a: 1}}"]));
    kitchen.file("flow.yaml", NOTHING);
    let run = |name: &str| {
        Kitchen::answer(kitchen.command().env(name, "[]").args(["-p", "policy.yaml", "flow.yaml"]))
    };
    assert!(warns(&run("KESTRA_PLUGINS_DEFAULTS"), "RF329"));
    assert!(!warns(&run("KESTRA_PLUGINS_DEFAULTS_0_TYPE"), "RF329"));
}

#[test]
fn forced_in_a_flow_of_the_development_line() {
    let kitchen = Kitchen::with_policy(&policy(&["{type: x.A, values: {a: 1}}"]));
    let flow =
        "pluginDefaults: [{type: x.B, forced: true, values: {b: 1}}]\ntasks: [{type: x.B, b: 2}]\n";
    let develop = kitchen.resolve(flow, &["--profile", "kestra-develop"]);
    assert!(warns(&develop, "RF321"), "{}", develop.err);
    assert_eq!(develop.expect(0), flow);
    assert!(!warns(&kitchen.resolve(flow, &["--profile", "kestra-1.3"]), "RF321"));
}

#[test]
fn a_templated_task_whose_type_is_an_expression() {
    let kitchen = Kitchen::with_policy(&policy(&["{type: x.A, values: {a: 1}}"]));
    let flow = |spec: &str| {
        format!(
            "tasks:\n- type: io.kestra.plugin.core.templating.TemplatedTask\n  spec: '{spec}'\n"
        )
    };
    assert!(warns(&kitchen.resolve(&flow("type: \"{{ inputs.type }}\""), &[]), "RF324"));
    assert!(warns(&kitchen.resolve(&flow("{{ inputs.task }}: ["), &[]), "RF324"));
    assert!(!warns(&kitchen.resolve(&flow("type: x.B"), &[]), "RF324"));
}

#[test]
fn check_says_the_same_about_the_defaults_of_a_policy() {
    let kitchen = Kitchen::with_policy(&policy(&["{type: x.Log, values: {container-image: a}}"]));
    let check = || {
        let mut command = kitchen.command();
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        command.current_dir(kitchen.path("")).env_clear().args(["check", "policy.yaml"]);
        Kitchen::answer(&mut command)
    };
    let answer = check();
    answer.expect(0);
    assert!(answer.err.contains("warning[RF328]"), "{}", answer.err);
    kitchen.file("policy.yaml", policy(&["{type: x.Log}", "{values: {a: 1}}"]));
    let answer = check();
    answer.expect(1);
    assert_eq!(answer.err.matches("error[RF120]").count(), 2, "{}", answer.err);
    assert!(
        answer.err.contains("policy.yaml:4:7") && answer.err.contains("policy.yaml:5:7"),
        "{}",
        answer.err
    );
}
