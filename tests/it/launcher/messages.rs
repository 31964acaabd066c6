//! What the launcher says, where, and with which status.

use super::{Launcher, finish};

#[test]
fn one_line_at_the_start() {
    let launcher = Launcher::new();
    let outcome = launcher.run(&["true"]);
    let expected = format!(
        "ringfence: fence up: 2 rules (2 paths) from {}; enforce; audit to stderr; kernel floor: off\n",
        launcher.policy.display()
    );
    assert_eq!((outcome.stderr, outcome.stdout.as_str()), (expected, ""));
    assert_eq!(launcher.run(&["-q", "true"]).stderr, "");
}

#[test]
fn the_line_at_the_start_as_json() {
    let launcher = Launcher::new();
    let outcome = launcher.run(&["--json", "printenv", "RINGFENCE_RUN"]);
    let line: serde_json::Value = serde_json::from_str(&outcome.stderr).expect("one JSON line");
    assert_eq!(line["event"], "start");
    assert_eq!(line["mode"], "enforce");
    assert_eq!(line["rules"]["paths"], 2);
    assert_eq!(line["run"], outcome.text());
}

#[test]
fn a_start_has_an_id_of_its_own() {
    let launcher = Launcher::new();
    let id = || launcher.run(&["-q", "printenv", "RINGFENCE_RUN"]).text().to_owned();
    let (first, second) = (id(), id());
    assert_eq!(first.len(), 16);
    assert_ne!(first, second);
}

#[test]
fn a_mistyped_option_is_125_and_no_command() {
    let launcher = Launcher::new();
    let outcome = finish(&mut launcher.plain(["run", "--polcy", "x", "true"]));
    assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
    assert!(outcome.stderr.contains("--policy"), "the remedy: {outcome:#?}");
    assert_eq!(finish(&mut launcher.plain(["run"])).status.code(), Some(125));
    assert_eq!(finish(&mut launcher.plain(["no-such-subcommand"])).status.code(), Some(2));
}

#[test]
fn a_kernel_floor_is_refused_while_there_is_none() {
    let launcher = Launcher::new();
    let outcome = launcher.run(&["--kernel", "require", "true"]);
    assert_eq!(outcome.status.code(), Some(125));
    assert!(outcome.stderr.contains("`--kernel off`"), "{outcome:#?}");
    for floor in ["auto", "off"] {
        assert_eq!(launcher.run(&["-q", "--kernel", floor, "true"]).status.code(), Some(0));
    }
}

#[test]
fn a_policy_with_mistakes_starts_nothing() {
    let launcher = Launcher::with_policy("ringfence:\n  version: 1\n  fles: {}\n");
    let outcome = launcher.expect_unstarted("error[RF");
    assert!(outcome.stderr.contains("policy.yaml:3:3"), "the place: {outcome:#?}");
    let missing = finish(&mut launcher.plain(["run", "-p", "/nonexistent.yaml", "true"]));
    assert_eq!(missing.status.code(), Some(125), "{missing:#?}");
}

#[test]
fn what_is_switched_off_is_named() {
    let text = "kestra:\n  ee:\n    javaSecurity:\n      enabled: false\n      \
                forbiddenPaths: [/nonexistent]\n";
    let launcher = Launcher::with_policy(text);
    let outcome = launcher.run(&["true"]);
    assert_eq!(outcome.status.code(), Some(0), "{outcome:#?}");
    assert!(outcome.stderr.contains("0 rules from"), "{outcome:#?}");
    let place = "; switched off: ";
    assert!(outcome.stderr.contains(place), "{outcome:#?}");
    assert!(outcome.stderr.contains("policy.yaml:4:"), "{outcome:#?}");
}

#[test]
fn an_audit_file_without_a_directory_starts_nothing() {
    let launcher = Launcher::new();
    let audit = launcher.scratch.text("nowhere/audit.jsonl");
    let outcome = launcher.run(&["--audit", &audit, "true"]);
    assert_eq!(outcome.status.code(), Some(125), "{outcome:#?}");
    assert!(outcome.stderr.contains("mkdir -p"), "the remedy: {outcome:#?}");
}

#[test]
fn the_mode_is_the_options_the_variables_or_the_policys() {
    let launcher = Launcher::new();
    let secret = launcher.scratch.text("secret");
    let read = |option: &[&str], variable: &str| {
        let words = [option, &["cat", &secret]].concat();
        finish(launcher.command(words).env("RINGFENCE_MODE", variable))
    };
    assert_eq!(read(&[], "").status.code(), Some(1));
    assert_eq!(read(&[], "enforce").status.code(), Some(1));
    let audited = read(&[], "audit");
    assert_eq!(audited.text(), "SECRET");
    assert!(audited.stderr.contains("audit only"), "{audited:#?}");
    assert!(audited.stderr.contains(&secret), "it is reported: {audited:#?}");
    let off = read(&["-m", "off"], "enforce");
    assert_eq!(off.text(), "SECRET");
    assert_eq!(off.stderr, "ringfence: no fence: the mode is off\n");
    assert_eq!(read(&[], "lenient").status.code(), Some(125));
}

#[test]
fn a_locked_policy_is_only_made_stricter() {
    let text = "ringfence:\n  version: 1\n  mode: audit\n  locked: true\n  \
                files: {forbidden: [/nonexistent]}\n";
    let launcher = Launcher::with_policy(text);
    assert_eq!(launcher.run(&["-q", "-m", "off", "true"]).status.code(), Some(125));
    let variable = finish(launcher.command(["-q", "true"]).env("RINGFENCE_MODE", "off"));
    assert_eq!(variable.status.code(), Some(125));
    assert_eq!(launcher.run(&["-q", "-m", "enforce", "true"]).status.code(), Some(0));
    assert_eq!(launcher.run(&["-q", "true"]).status.code(), Some(0));
}

#[test]
fn paths_on_the_command_line_are_forbidden_too() {
    let launcher = Launcher::new();
    let twin = launcher.scratch.text("twin");
    assert_eq!(launcher.run(&["-q", "cat", &twin]).text(), "twin");
    let denied = launcher.run(&["-q", "--deny", &twin, "cat", &twin]);
    assert_eq!(denied.stdout, "", "{denied:#?}");
    assert!(denied.stderr.contains("Permission denied"), "{denied:#?}");
    let mut relative = launcher.command(["-q", "--deny", "twin", "cat", "twin"]);
    let relative = finish(relative.current_dir(launcher.scratch.path("")));
    assert!(relative.stderr.contains("Permission denied"), "{relative:#?}");
}

#[test]
fn a_dry_run_starts_nothing_and_names_every_place() {
    let launcher = Launcher::new();
    let marker = launcher.scratch.text("open/marker");
    let outcome = launcher.run(&["--dry-run", "touch", &marker]);
    assert!(!launcher.scratch.path("open/marker").exists());
    assert!(outcome.text().contains(&launcher.scratch.text("secret")), "{outcome:#?}");
    assert_eq!(outcome.stderr, "");
    assert_eq!(launcher.run(&["-q", "touch", &marker]).status.code(), Some(0));
    assert!(launcher.scratch.path("open/marker").exists());
}

#[test]
fn denials_go_to_the_file_that_is_named() {
    let launcher = Launcher::new();
    let [secret, _] = launcher.reads();
    let audit = launcher.scratch.text("open/audit.jsonl");
    let denied = launcher.run(&["-q", "--audit", &audit, "cat", &secret]);
    assert_eq!(denied.status.code(), Some(1), "{denied:#?}");
    let text = std::fs::read_to_string(&audit).expect("it was written");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().any(|line| line["path"] == secret.as_str()), "{text}");
    // The worker itself cannot write there, however it opens the file.
    let forged = format!("echo forged >> {audit}");
    let forger = launcher.run(&["-q", "--audit", &audit, "sh", "-c", &forged]);
    assert!(forger.stderr.contains("Permission denied"), "{forger:#?}");
    assert!(!std::fs::read_to_string(&audit).expect("readable").contains("forged\n"));
}

#[test]
fn the_policy_cannot_be_rewritten_from_inside() {
    let launcher = Launcher::new();
    let policy = launcher.policy.display().to_string();
    let read = launcher.run(&["-q", "cat", &policy]);
    assert!(read.text().contains("forbidden"), "reading it is allowed: {read:#?}");
    let forger = launcher.run(&["-q", "sh", "-c", &format!("echo >> {policy}")]);
    assert!(forger.stderr.contains("Permission denied"), "{forger:#?}");
}
