//! What the README and the pages in `docs/` say is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::harness::{artifacts, run};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The commands of the first block of the README, each with the lines that it prints.
fn demo() -> Vec<(String, Vec<String>)> {
    let readme = page("README.md");
    let block = readme.lines().skip_while(|line| !line.starts_with("    "));
    let mut demo: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.map_while(|line| line.strip_prefix("    ")) {
        match (line.strip_prefix("$ "), demo.last_mut()) {
            (Some(command), _) => demo.push((command.to_owned(), Vec::new())),
            (None, Some((_, output))) => output.push(line.to_owned()),
            (None, None) => panic!("the block begins with a command"),
        }
    }
    demo
}

/// The line with `PID` for the number of a process, which differs from run to run.
fn without_pid(line: &str) -> String {
    let Some((before, after)) = line.split_once("pid ") else { return line.to_owned() };
    format!("{before}pid PID{}", after.trim_start_matches(|digit: char| digit.is_ascii_digit()))
}

#[test]
fn the_demo_of_the_readme_prints_what_it_says() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let demo = demo();
    let (shown, rest) = demo.split_first().expect("a demo");
    assert_eq!(shown.0, "cat application.yml");
    fs::write(directory.path().join("application.yml"), shown.1.join("\n") + "\n").expect("ours");
    let class = "class Read { public static void main(String[] a) throws Exception { \
                 System.out.println(java.nio.file.Files.readString(java.nio.file.Path.of(a[0]))); } }";
    fs::write(directory.path().join("Read.java"), class).expect("ours");
    let launcher = artifacts().launcher.parent().expect("a directory");
    let path = format!("{}:{}", launcher.display(), std::env::var("PATH").expect("a PATH"));

    assert!(!rest.is_empty());
    for (line, expected) in rest {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(&directory);
        command.env("PATH", &path).env("LC_ALL", "C").env_remove("RINGFENCE_POLICY");
        let outcome = run(&mut command, b"", Duration::from_secs(60), line);
        let printed: Vec<String> = outcome.stdout.lines().map(without_pid).collect();
        let expected: Vec<String> = expected.iter().map(|line| without_pid(line)).collect();
        assert_eq!(printed, expected, "{line}");
    }
}

/// The words between backquotes in a page that are names of tests, as the module and the test.
fn tests_named_in(text: &str) -> BTreeSet<(String, String)> {
    let words = text.split('`').filter(|word| !word.contains(char::is_whitespace));
    let names = words.filter_map(|word| word.rsplit_once("::"));
    names.map(|(module, test)| (module.to_owned(), test.to_owned())).collect()
}

/// The modules in a module's folder.
fn modules_of(module: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(module);
    let files = fs::read_dir(path).expect("a folder").map(|file| file.expect("a file").path());
    let names = files.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()));
    names.map(|name| format!("{module}::{name}")).collect()
}

/// The names of the tests in a module's file.
fn tests_of(module: &str) -> BTreeSet<String> {
    let text = page(&format!("tests/it/{}.rs", module.replace("::", "/")));
    let name =
        |line: &str| line.strip_prefix("fn ")?.split_once('(').map(|(name, _)| name.to_owned());
    let follows = text.lines().zip(text.lines().skip(1)).filter(|(line, _)| *line == "#[test]");
    follows.filter_map(|(_, line)| name(line)).collect()
}

/// Each limit is named by its test, and no limit that has a test is left out.
#[test]
fn the_threat_model_names_the_test_of_each_limit() {
    let modules = modules_of("limits").into_iter().chain(["limits".to_owned()]);
    let tested: BTreeSet<(String, String)> = modules
        .flat_map(|module| tests_of(&module).into_iter().map(move |test| (module.clone(), test)))
        .collect();
    let mut named = tests_named_in(&page("docs/threat-model.md"));
    named.retain(|(module, _)| module == "limits" || module.starts_with("limits::"));
    assert_eq!(named, tested);
}

/// The tables of faults and of other guests name tests that exist, and leave none out.
#[test]
fn the_page_on_reliability_names_every_test_of_a_fault() {
    let named = tests_named_in(&page("docs/reliability.md"));
    for (module, test) in &named {
        assert!(tests_of(module).contains(test), "{module}::{test}");
    }
    for module in modules_of("faults").into_iter().chain(["guests".to_owned()]) {
        for test in tests_of(&module) {
            assert!(
                named.contains(&(module.clone(), test.clone())),
                "{module}::{test} is left out"
            );
        }
    }
}
