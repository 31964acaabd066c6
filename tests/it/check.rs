//! Policies through the binary: what check, show and help say, and that what was read is what is
//! enforced.

use std::process::Command;
use std::time::Duration;

use crate::harness::{Outcome, Scratch, artifacts, run};

/// Runs the launcher in the tree, with `HOME` there and no policy named by the environment.
#[track_caller]
pub(crate) fn ringfence(scratch: &Scratch, words: &[&str], input: &str) -> Outcome {
    let mut command = Command::new(&artifacts().launcher);
    command.args(words).current_dir(scratch.path("")).env("HOME", scratch.path(""));
    for name in ["RINGFENCE_POLICY", "RINGFENCE_MODE", "LD_PRELOAD", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("PLACE", scratch.path("secret"));
    run(&mut command, input.as_bytes(), Duration::from_secs(60), "the launcher")
}

const VALID: &str = "kestra.ee.javaSecurity: {enabled: true, forbiddenPaths: [/etc/]}\n";
const INVALID: &str = "\
kestra:
  ee:
    javaSecurity:
      enabled: true
      forbidenPaths:
        - /etc/
";

#[test]
fn a_valid_policy_is_summed_up_on_the_standard_output() {
    let scratch = Scratch::new();
    scratch.file("application.yml", VALID);
    let outcome = ringfence(&scratch, &["check", "application.yml"], "");
    assert_eq!(outcome.status.code(), Some(0));
    assert_eq!(outcome.stdout, "application.yml: valid: 1 forbidden path\n");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn mistakes_are_shown_on_the_standard_error_output() {
    let scratch = Scratch::new();
    scratch.file("application.yml", INVALID);
    let outcome = ringfence(&scratch, &["check", "application.yml"], "");
    assert_eq!(outcome.status.code(), Some(1));
    assert_eq!(outcome.stdout, "");
    assert_eq!(
        outcome.stderr,
        "\
error[RF101]: unknown key `forbidenPaths` in `kestra.ee.javaSecurity`
 --> application.yml:5:7
  |
5 |       forbidenPaths:
  |       ^^^^^^^^^^^^^ unknown key
  |
help: did you mean
  |
5 |       forbiddenPaths:
  |             +

1 error; `ringfence help CODE` says more about a code
"
    );
}

#[test]
fn programs_read_mistakes_from_the_standard_output() {
    let scratch = Scratch::new();
    let outcome = ringfence(&scratch, &["check", "--format", "json", "-"], INVALID);
    assert_eq!((outcome.status.code(), outcome.stderr.as_str()), (Some(1), ""));
    let mistake: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("one line");
    assert_eq!(mistake["code"], "RF101");
    assert_eq!(mistake["at"]["file"], "<stdin>");
    let outcome = ringfence(&scratch, &["check", "--format=github", "-"], INVALID);
    assert!(outcome.stdout.starts_with("::error file=<stdin>,line=5,col=7,title=RF101::"));
}

#[test]
fn what_cannot_be_read_is_no_answer() {
    let scratch = Scratch::new();
    let outcome = ringfence(&scratch, &["check", "none.yaml"], "");
    assert_eq!(outcome.status.code(), Some(2));
    let message = "error[RF010]: cannot read `none.yaml`: no such file or directory";
    assert!(outcome.stderr.starts_with(message), "{outcome:?}");
    assert_eq!(ringfence(&scratch, &["check", "--fromat", "x"], "").status.code(), Some(2));
    assert_eq!(ringfence(&scratch, &["help", "RF999"], "").status.code(), Some(2));
}

#[test]
fn nothing_is_taken_from_the_current_directory() {
    let scratch = Scratch::new();
    for name in ["policy.yaml", "ringfence.yaml", "application.yml"] {
        scratch.file(name, INVALID);
    }
    let outcome = ringfence(&scratch, &["check"], "");
    assert!(!outcome.stderr.contains("RF101"), "{outcome:?}");
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let scratch = Scratch::new();
    let plain = ringfence(&scratch, &["check", "-"], INVALID).stderr;
    let coloured = ringfence(&scratch, &["check", "--color", "always", "-"], INVALID).stderr;
    assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
}

#[test]
fn show_names_the_place_of_each_rule() {
    let scratch = Scratch::new();
    scratch.file(
        "application.yml",
        "kestra.ee.javaSecurity:\n  enabled: true\n  forbiddenPaths: [~/x/, '${PLACE}']\n",
    );
    let json = ringfence(&scratch, &["show", "--json", "application.yml"], "");
    let shown: serde_json::Value = serde_json::from_str(json.text()).expect("JSON");
    let rule = &shown["files"][1];
    assert_eq!(rule["forbidden"], scratch.text("secret"));
    assert_eq!(rule["written"], "${PLACE}");
    assert_eq!(rule["from"], "application.yml:3:26");
    let yaml = ringfence(&scratch, &["show", "application.yml"], "");
    let line = format!("- forbidden: {}\n", scratch.text("secret"));
    assert!(yaml.text().contains(&line), "{yaml:?}");
}

#[test]
fn help_explains_codes_and_subcommands() {
    let scratch = Scratch::new();
    let code = ringfence(&scratch, &["help", "rf105"], "");
    assert!(code.text().starts_with("RF105: `enabled` is missing\n\n"), "{code:?}");
    assert!(ringfence(&scratch, &["help", "codes"], "").text().contains("\nRF201  "));
    assert!(ringfence(&scratch, &["help", "check"], "").text().contains("--format"));
    assert!(ringfence(&scratch, &["help"], "").text().contains("check"));
}

/// Reads a file of the tree under a policy.
#[track_caller]
fn read(scratch: &Scratch, policy: &str, name: &str) -> Outcome {
    let file = scratch.text(name);
    ringfence(scratch, &["run", "-q", "-p", policy, "--", "cat", &file], "")
}

#[track_caller]
fn refused(scratch: &Scratch, policy: &str, name: &str) -> Outcome {
    let outcome = read(scratch, policy, name);
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    // EACCES, as cat says it.
    assert!(outcome.stderr.contains("Permission denied"), "{outcome:?}");
    outcome
}

#[test]
fn every_spelling_of_a_rule_forbids_the_same() {
    let scratch = Scratch::new();
    let secret = scratch.text("secret");
    let policies = [
        format!("kestra: {{ee: {{javaSecurity: {{enabled: true, forbiddenPaths: [{secret}]}}}}}}"),
        format!(
            "kestra: {{ee: {{java-security: {{enabled: yes, forbidden-paths: [{secret}/]}}}}}}"
        ),
        format!("kestra.ee.java_security: {{ENABLED: on, forbidden_paths: [/{secret}/.]}}"),
        "kestra.ee.javaSecurity: {enabled: true, forbiddenPaths: [\"${PLACE}\"]}".to_owned(),
        "kestra.ee.javaSecurity: {enabled: true, forbiddenPaths: [\"${NONE:${PLACE}}\"]}"
            .to_owned(),
        "kestra.ee.javaSecurity: {enabled: true, forbiddenPaths: [~/secret]}".to_owned(),
        "ringfence: {version: 1, files: {forbidden: [~/secret]}}".to_owned(),
        "ringfence: {version: 1, files: {forbidden: [{path: \"${NONE:-~}/secret\"}]}}".to_owned(),
        format!("x: &x [{secret}]\nringfence: {{version: 1, files: {{forbidden: *x}}}}"),
    ];
    for policy in policies {
        scratch.file("policy.yaml", &policy);
        refused(&scratch, "policy.yaml", "secret");
        assert_eq!(read(&scratch, "policy.yaml", "twin").text(), "twin", "{policy}");
    }
}

#[test]
fn includes_are_enforced() {
    let scratch = Scratch::new();
    scratch.directory("conf.d");
    scratch.file("conf.d/a.yaml", "ringfence: {version: 1, files: {forbidden: [~/secret]}}");
    scratch
        .file("policy.yaml", "ringfence: {version: 1, include: ['conf.d/*.yaml'], mode: enforce}");
    refused(&scratch, "policy.yaml", "secret");
    assert_eq!(read(&scratch, "policy.yaml", "twin").text(), "twin");
}

/// Whoever could write an included file could write the policy.
#[test]
fn an_included_file_cannot_be_rewritten_from_inside() {
    let scratch = Scratch::new();
    scratch.directory("conf.d");
    scratch.file("conf.d/a.yaml", "ringfence: {version: 1, files: {forbidden: [~/secret]}}");
    scratch.file("conf.d/a.txt", "not included\n");
    scratch.file("policy.yaml", "ringfence: {version: 1, include: ['conf.d/*.yaml']}");
    let write = |name: &str| {
        let line = format!("echo x >> {}", scratch.text(name));
        ringfence(&scratch, &["run", "-q", "-p", "policy.yaml", "--", "sh", "-c", &line], "")
    };
    assert_eq!(write("conf.d/a.txt").status.code(), Some(0));
    for name in ["conf.d/a.yaml", "policy.yaml"] {
        let outcome = write(name);
        assert!(outcome.stderr.contains("Permission denied"), "{name}: {outcome:?}");
    }
}

#[test]
fn a_mistake_in_an_included_file_is_shown_where_it_stands() {
    let scratch = Scratch::new();
    scratch.directory("conf.d");
    scratch.file("conf.d/b.yaml", "ringfence:\n  version: 1\n  files: {forbiden: [/etc/]}\n");
    scratch.file("policy.yaml", "ringfence: {version: 1, include: ['conf.d/*.yaml']}");
    let outcome = ringfence(&scratch, &["check", "policy.yaml"], "");
    assert_eq!(outcome.status.code(), Some(1));
    assert!(outcome.stderr.contains("\n --> conf.d/b.yaml:3:11\n"), "{outcome:?}");
}

#[test]
fn a_refusal_by_the_built_in_policy_names_the_exception_to_write() {
    let scratch = Scratch::new();
    let file = scratch.file(".netrc", "machine example\n");
    let file = file.to_str().expect("UTF-8");
    // No policy is named, and none stands in the default place.
    let outcome = ringfence(&scratch, &["run", "--", "cat", file], "");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("Permission denied"), "{outcome:?}");
    assert!(outcome.stderr.contains("from the built-in policy `credentials`"), "{outcome:?}");
    let exception = "ringfence: {version: 1, presets: [credentials], files: {allowed: [~/.netrc]}}";
    let advice = format!("an exception is written `{exception}`");
    assert!(outcome.stderr.contains(&advice), "{outcome:?}");
    // As it is advised, so it works; and the other rules still hold.
    scratch.file("policy.yaml", exception);
    assert_eq!(read(&scratch, "policy.yaml", ".netrc").text(), "machine example");
    scratch.file(".pgpass", "x");
    refused(&scratch, "policy.yaml", ".pgpass");
}

#[test]
fn a_policy_with_mistakes_starts_nothing() {
    let scratch = Scratch::new();
    scratch.file("application.yml", INVALID);
    let outcome = read(&scratch, "application.yml", "twin");
    assert_eq!(outcome.status.code(), Some(125));
    assert_eq!(outcome.stdout, "");
    assert!(outcome.stderr.starts_with("error[RF101]: "), "{outcome:?}");
}

#[test]
fn rules_that_are_switched_off_are_named_at_the_start() {
    let scratch = Scratch::new();
    scratch.file("a.yml", "kestra.ee.javaSecurity: {enabled: false, forbiddenPaths: [~/secret]}");
    let file = scratch.text("secret");
    let outcome = ringfence(&scratch, &["run", "-p", "a.yml", "--", "cat", &file], "");
    assert_eq!(outcome.text(), "SECRET");
    assert!(outcome.stderr.contains("switched off: the rules at a.yml:1:26"), "{outcome:?}");
}

const CONTAINED: &str = "\
kestra:
  plugins:
    defaults:
      - type: io.kestra.plugin.scripts.shell
        forced: true
        values: {taskRunner: {type: io.kestra.plugin.scripts.runner.docker.Docker}}
  ee.javaSecurity:
    enabled: true
    LISTS
";

/// The page's own blocks together: its Docker runner could not read a word of what a container prints.
#[test]
fn a_forced_container_whose_runner_may_create_no_thread_is_warned_of() {
    let scripts = "io.kestra.plugin.scripts";
    let every =
        format!("[io.kestra.plugin.core, {scripts}.shell, {scripts}.exec, {scripts}.runner]");
    for (lists, class) in [
        ("authorizedClassPrefix: [io.kestra.plugin.core]".to_owned(), Some("shell")),
        (
            format!("authorizedClassPrefix: [{scripts}.shell]"),
            Some("exec.scripts.runners.CommandsWrapper"),
        ),
        (
            format!("authorizedClassPrefix: [{scripts}.shell, {scripts}.exec]"),
            Some("runner.docker.Docker"),
        ),
        (format!("forbiddenClassPrefix: [{scripts}]"), Some("shell")),
        (format!("authorizedClassPrefix: {every}"), None),
        (format!("forbiddenClassPrefix: [{scripts}.groovy, {scripts}.jython]"), None),
    ] {
        let scratch = Scratch::new();
        scratch.file("application.yml", &CONTAINED.replace("LISTS", &lists));
        let outcome = ringfence(&scratch, &["check", "application.yml"], "");
        assert_eq!(outcome.status.code(), Some(0), "{outcome:#?}");
        let title = class.map(|class| {
            format!("warning[RF333]: tasks are forced into containers, and `{scripts}.{class}` may create no thread\n")
        });
        let warned = outcome.stderr.contains("RF333");
        assert_eq!(warned, class.is_some(), "{lists}: {outcome:#?}");
        assert!(title.is_none_or(|title| outcome.stderr.contains(&title)), "{lists}: {outcome:#?}");
    }
}
