//! Tasks to plans.

use super::*;
use crate::defaults::document::Document;
use crate::read::span::Source;
use crate::task::select::select;

/// The plan of the only task of a flow.
fn plan_of(flow: &str, inputs: &[(String, String)]) -> Result<Plan, String> {
    let document = Document::read(&Source::new("flow.yaml", flow)).expect("a flow");
    let flow = document.value(document.roots[0]).expect("a value");
    let flows = [flow];
    let task = select(&flows, None, "flow.yaml").map_err(|refusal| refusal.to_text())?;
    let aliases = Aliases::new([]);
    let around = Surroundings {
        aliases: &aliases,
        inputs,
        directory: Path::new("/run/it's"),
        mounted: Path::new("/ringfence/work"),
        has: &|program| program == "python" || program == "/bin/sh",
    };
    Plan::read(&task, &around).map_err(|refusal| refusal.to_text())
}

/// The plan of a shell task with these properties.
fn shell(properties: &str) -> Result<Plan, String> {
    plan_of(&format!("{{id: a, type: io.kestra.plugin.scripts.shell.Commands, {properties}}}"), &[])
}

fn script(language: &str, properties: &str) -> Plan {
    let class = format!("io.kestra.plugin.scripts.{language}.Script");
    plan_of(&format!("{{id: a, type: {class}, {properties}}}"), &[]).expect("a plan")
}

#[test]
fn commands_become_one_word_of_lines() {
    let plan = shell("beforeCommands: [x=1], commands: [echo $x, 'exit 3']").expect("a plan");
    assert_eq!(plan.words, ["/bin/sh", "-c", "set -e\nx=1\necho $x\nexit 3"]);
    let plan = shell("failFast: false, interpreter: [/bin/bash, -euc], commands: [a]");
    assert_eq!(plan.expect("a plan").words, ["/bin/bash", "-euc", "a"]);
}

#[test]
fn a_script_is_a_file_and_its_languages_program() {
    let plan = script("python", "script: print(1)");
    assert_eq!(plan.words, ["python", "/run/it's/ringfence-script.py"]);
    assert_eq!(plan.files, [("ringfence-script.py".to_owned(), "print(1)".to_owned())]);
    let plan = script("shell", "script: exit 3");
    assert_eq!(plan.words, ["/bin/sh", "-e", "/run/it's/ringfence-script.sh"]);
    let plan = script("python", "script: x, containerImage: i");
    assert_eq!(plan.words, ["python", "/ringfence/work/ringfence-script.py"]);
}

#[test]
fn what_comes_before_a_script_is_run_by_the_interpreter() {
    let plan = script("perl", "beforeCommands: [export A=1], script: x");
    let lines = "set -e\nexport A=1\nperl '/run/it'\\''s/ringfence-script.pl'";
    assert_eq!(plan.words, ["/bin/sh", "-c", lines]);
}

#[test]
fn expressions_are_rendered_where_they_are_known() {
    let flow = "
id: f
namespace: n
inputs: [{id: who, type: STRING, defaults: World}, {id: given, type: STRING}]
variables: {v: 1}
tasks:
  - id: a
    type: io.kestra.plugin.scripts.shell.Commands
    env: {W: '{{ workingDir }}', '{{ task.id }}': x}
    commands: ['{{ inputs.who }} {{ inputs.given }} {{ vars.v }} {{ flow.id }}.{{ flow.namespace }}']
";
    let given = ("given".to_owned(), "G".to_owned());
    let plan = plan_of(flow, &[given]).expect("a plan");
    assert_eq!(plan.words[2], "set -e\nWorld G 1 f.n");
    assert_eq!(plan.environment[0], ("W".to_owned(), "/run/it's".to_owned()));
    assert_eq!(plan.environment[1].0, "a");
    assert!(plan_of(flow, &[]).expect_err("no value").contains("`{{ inputs.given }}`"));
}

#[test]
fn the_runner_is_the_task_runner() {
    let process = "taskRunner: {type: io.kestra.plugin.core.runner.Process}, commands: [a]";
    assert!(matches!(shell(process).expect("a plan").runner, Runner::Process));
    let alias = process.replace(
        "io.kestra.plugin.core.runner.Process",
        "io.kestra.core.models.tasks.runners.types.ProcessTaskRunner",
    );
    assert!(matches!(shell(&alias).expect("a plan").runner, Runner::Process));
    let other = shell(
        "taskRunner: {type: io.kestra.plugin.ee.kubernetes.runner.Kubernetes}, commands: [a]",
    );
    assert!(other.expect_err("another").contains("Kubernetes"));
}

/// In Kestra the older `runner: PROCESS` beats `taskRunner`, forced or not.
#[test]
fn the_older_properties_do_not_beat_the_task_runner() {
    let docker = "taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}";
    let plan = shell(&format!(
        "{docker}, containerImage: new, runner: PROCESS, docker: {{image: old}}, commands: [a]"
    ))
    .expect("a plan");
    let Runner::Container(container) = plan.runner else { panic!("{:?}", plan.runner) };
    assert_eq!(container.image, "new");
    assert_eq!(plan.notes.len(), 2);
}

#[test]
fn without_a_task_runner_the_older_properties_count() {
    for (properties, image) in [
        ("docker: {image: i}", Some("i")),
        ("containerImage: i", Some("i")),
        ("runner: DOCKER, containerImage: i", Some("i")),
        ("runner: PROCESS, containerImage: i", None),
        ("env: {}", None),
    ] {
        let plan = shell(&format!("{properties}, commands: [a]")).expect("a plan");
        let found = match &plan.runner {
            Runner::Container(container) => Some(container.image.as_str()),
            Runner::Process => None,
        };
        assert_eq!(found, image, "{properties}");
    }
}

#[test]
fn a_container_has_what_its_runner_says() {
    let plan = shell(
        "containerImage: i, commands: [a], taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker, \
         user: '7', entryPoint: ['', e], networkMode: none, volumes: ['/a:/b'], extraHosts: ['h:1.2.3.4'], \
         cpu: {cpus: 1.5}, memory: {memory: 64MB}, shmSize: 1m, pullPolicy: NEVER, privileged: true, env: {A: 1}}",
    );
    let Runner::Container(container) = plan.expect("a plan").runner else { panic!("a container") };
    assert_eq!(container.user.as_deref(), Some("7"));
    assert_eq!(container.entry_point, ["e"]);
    assert_eq!(container.network.as_deref(), Some("none"));
    assert_eq!(container.volumes, ["/a:/b"]);
    assert_eq!(container.hosts, ["h:1.2.3.4"]);
    assert_eq!(container.cpus.as_deref(), Some("1.5"));
    assert_eq!(container.memory.as_deref(), Some("64MB"));
    assert_eq!(container.shared_memory.as_deref(), Some("1m"));
    assert_eq!(container.pull, Pull::Never);
    assert!(container.privileged);
    assert_eq!(container.environment, [("A".to_owned(), "1".to_owned())]);
}

#[test]
fn what_cannot_be_done_is_refused_by_its_name() {
    let docker = "taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker";
    for (properties, why) in [
        ("commands: []".to_owned(), "`commands` is missing or empty"),
        ("commands: a".to_owned(), "`commands` is no list"),
        ("commands: [a], disabled: true".to_owned(), "`disabled` is true"),
        ("commands: [a], dependencies: [x]".to_owned(), "`dependencies` is not done"),
        ("commands: [a], interpreter: []".to_owned(), "`interpreter` names no program"),
        ("commands: [a], timeout: soon".to_owned(), "`timeout` is `soon`"),
        ("commands: [a], failFast: perhaps".to_owned(), "neither true nor false"),
        ("commands: [a], env: {'A=B': 1}".to_owned(), "no name of a variable"),
        ("commands: [\"a\\0b\"]".to_owned(), "NUL"),
        ("commands: [a], inputFiles: {../x: y}".to_owned(), "no path within"),
        ("commands: [a], inputFiles: {/x: y}".to_owned(), "no path within"),
        ("commands: [a], inputFiles: {x: 'kestra:///y'}".to_owned(), "`kestra://` address"),
        ("commands: [a], outputFiles: [../x]".to_owned(), "no path within"),
        ("commands: [a], namespaceFiles: {enabled: true}".to_owned(), "`namespaceFiles`"),
        (format!("commands: [a], {docker}}}"), "`containerImage` is missing"),
        (format!("commands: [a], containerImage: -v, {docker}}}"), "no name of an image"),
        (format!("commands: [a], containerImage: i, {docker}, host: x}}"), "`taskRunner.host`"),
        (format!("commands: [a], containerImage: i, {docker}, pullPolicy: x}}"), "pullPolicy"),
        (
            format!("commands: [a], containerImage: i, {docker}, memory: {{memorySwap: 1}}}}"),
            "`taskRunner.memory.memorySwap`",
        ),
    ] {
        let error = shell(&properties).expect_err(&properties);
        assert!(error.contains(why), "{properties}: {error}");
    }
    let log = plan_of("{id: a, type: io.kestra.plugin.core.log.Log, message: x}", &[]);
    assert!(log.expect_err("no script").contains("`a` is no script"));
}
