//! The languages, and files in and out.

use std::fs;

use super::{Kitchen, POLICY, PROCESS, shell, status};

fn script(language: &str, text: &str) -> Kitchen {
    let text = serde_json::to_string(text).expect("a text");
    Kitchen::new(
        POLICY,
        &format!(
            "  - {{id: one, type: io.kestra.plugin.scripts.{language}.Script, taskRunner: {PROCESS}, script: {text}}}\n"
        ),
    )
}

#[test]
fn scripts_run_by_their_languages_programs_and_fenced() {
    for (language, text) in [
        (
            "python",
            "try: open('/etc/shadow')\nexcept OSError as e: print(e.errno)\nopen('/etc/passwd'); print('python')",
        ),
        (
            "node",
            "const fs = require('fs'); try { fs.readFileSync('/etc/shadow') } catch (e) { console.log(-e.errno) }\n\
                  fs.readFileSync('/etc/passwd'); console.log('node')",
        ),
        (
            "perl",
            "open(F, '/etc/shadow') or print $!+0, \"\\n\"; open(F, '/etc/passwd') or die; print \"perl\\n\"",
        ),
        ("shell", "cat /etc/shadow 2>/dev/null || echo 13; cat /etc/passwd > copy; echo shell"),
    ] {
        let kitchen = script(language, text);
        assert_eq!(kitchen.run(&[]).text(), format!("13\n{language}"));
        kitchen.assert_no_room_is_left();
    }
}

#[test]
fn a_shell_script_stops_at_the_first_failure() {
    assert_eq!(status(&script("shell", "false\nexit 5").run(&[])), 1);
}

#[test]
fn what_comes_before_a_script_prepares_it() {
    let kitchen = Kitchen::new(
        POLICY,
        &format!(
            "  - {{id: one, type: io.kestra.plugin.scripts.perl.Script, taskRunner: {PROCESS}, \
             beforeCommands: [export A=before], script: 'print \"$ENV{{A}}\\n\"'}}\n"
        ),
    );
    assert_eq!(kitchen.run(&[]).text(), "before");
}

#[test]
fn input_files_are_there() {
    let files = "inputFiles: {a.txt: one, 'sub/b.txt': '{{ inputs.given }}'}";
    let kitchen = Kitchen::shell_with(files, &["cat a.txt sub/b.txt"]);
    assert_eq!(kitchen.run(&["--input", "given=two"]).text(), "onetwo");
}

#[test]
fn output_files_are_kept_where_they_are_asked_for() {
    let outputs = "outputFiles: ['*.csv', 'sub/**']";
    let make = "mkdir -p sub; echo 1 > a.csv; echo 2 > sub/b; echo 3 > not";
    let kitchen = Kitchen::shell_with(outputs, &[make]);
    kitchen.run(&["--output", "kept"]).text();
    assert_eq!(fs::read_to_string(kitchen.path("kept/a.csv")).expect("kept"), "1\n");
    assert_eq!(fs::read_to_string(kitchen.path("kept/sub/b")).expect("kept"), "2\n");
    assert!(!kitchen.path("kept/not").exists());
    kitchen.assert_no_room_is_left();
}

/// The launcher is outside the fence: what it follows for a task, the task has read.
#[test]
fn an_output_file_that_is_a_link_is_not_followed() {
    for link in ["ln -s /etc/shadow out", "mkdir d; ln -s /etc d/out"] {
        let kitchen = Kitchen::shell_with("outputFiles: ['**']", &[link]);
        let outcome = kitchen.run(&["--output", "kept"]);
        assert_eq!(status(&outcome), 125, "{outcome:#?}");
        assert!(outcome.stderr.contains("cannot keep"), "{outcome:#?}");
        assert!(!kitchen.path("kept/out").exists());
        kitchen.assert_no_room_is_left();
    }
}

/// A place for output files that cannot be is known before the task runs.
#[test]
fn output_files_that_could_not_be_kept_are_not_made() {
    let kitchen = Kitchen::shell_with("outputFiles: [out]", &["echo ran; echo > out"]);
    kitchen.file("taken", "");
    let outcome = kitchen.run(&["--output", "taken/below"]);
    assert_eq!((status(&outcome), outcome.stdout.as_str()), (125, ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("`taken/below` cannot hold output files"), "{outcome:#?}");
}

/// What the task may not write the launcher does not write for it.
#[test]
fn a_link_that_a_task_puts_among_the_kept_files_is_not_followed() {
    let kitchen = Kitchen::shell(&[]);
    fs::create_dir(kitchen.path("closed")).expect("our own directory");
    let (kept, closed) = (kitchen.path("kept"), kitchen.path("closed"));
    let commands = [
        format!("ln -s {} {}/sub", closed.display(), kept.display()),
        "mkdir sub; echo x > sub/out".to_owned(),
    ];
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let task = shell("one", "outputFiles: ['sub/**']", &commands);
    kitchen.file("flow.yaml", &format!("tasks:\n{task}"));
    let outcome = kitchen.run(&["--output", "kept"]);
    assert_eq!(status(&outcome), 125, "{outcome:#?}");
    assert!(outcome.stderr.contains("cannot keep `sub/out`"), "{outcome:#?}");
    assert!(!closed.join("out").exists());
}

#[test]
fn a_task_of_several_is_named() {
    let tasks = shell("one", "", &["echo 1"]) + &shell("two", "", &["echo 2"]);
    let kitchen = Kitchen::new(POLICY, &tasks);
    assert_eq!(kitchen.run(&["two"]).text(), "2");
    let outcome = kitchen.run(&[]);
    assert_eq!(status(&outcome), 125);
    assert!(outcome.stderr.contains("one, two"), "{outcome:#?}");
}
