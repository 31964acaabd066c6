//! What `docs/tasks.md` says is so: each of its files is made, each of its commands is run.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::containers::{Yard, client, dynamic};
use super::{LIMIT, POLICY};
use crate::harness::{artifacts, run};

/// The commands of the page, in order, each with the lines that stand below it.
fn commands() -> Vec<(String, Vec<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tasks.md");
    let text = fs::read_to_string(path).expect("the page");
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, lines))) => lines.push(line.to_owned()),
            (None, None) => panic!("the page begins with a command"),
        }
    }
    commands
}

#[test]
fn the_page_prints_what_it_says() {
    let yard = Yard::new(POLICY, "");
    yard.image("docker.io/library/ubuntu:latest", dynamic);
    for file in ["policy.yaml", "flow.yaml"] {
        fs::remove_file(yard.kitchen.path(file)).expect("our own file");
    }
    let launcher = artifacts().launcher.parent().expect("a directory");
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    for (line, expected) in commands {
        // The first time that a file is shown is where the reader makes it.
        if let Some(name) =
            line.strip_prefix("cat ").filter(|name| !yard.kitchen.path(name).exists())
        {
            yard.kitchen.file(name, &(expected.join("\n") + "\n"));
            continue;
        }
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec 2>&1; {line}")]);
        command.current_dir(yard.kitchen.path("")).env("TMPDIR", yard.kitchen.path("tmp"));
        command.env("PATH", format!("{}:/usr/bin:/bin", launcher.display()));
        command.env_remove("RINGFENCE_POLICY");
        let outcome = run(yard.environment(&mut command), b"", LIMIT, &line);
        // Two streams meet in one: their lines come in no fixed order.
        let mut printed: Vec<&str> = outcome.stdout.lines().collect();
        let client = format!(" by {}, ", client());
        let expected = expected.join("\n").replace(" by podman, ", &client);
        let mut expected: Vec<&str> = expected.lines().collect();
        printed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(printed, expected, "{line}");
    }
    yard.assert_nothing_is_left();
}
