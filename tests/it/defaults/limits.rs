//! What is refused, in words and not by a crash.

use std::fmt::Write as _;

use super::Kitchen;

const POLICY: &str = "kestra: {plugins: {defaults: [{type: x.Log, values: {level: ERROR}}]}}\n";

/// The status is 2, nothing is printed, and the message has this code.
#[track_caller]
fn refused(policy: &str, flow: &str, code: &str) -> String {
    let answer = Kitchen::with_policy(policy).resolve(flow, &[]);
    assert_eq!(answer.expect(2), "");
    assert!(answer.err.contains(&format!("error[{code}]")), "{}", answer.err);
    answer.err
}

fn policy(entry: &str) -> String {
    format!("kestra:\n  plugins:\n    defaults:\n    - {entry}\n")
}

#[test]
fn invalid_entries_of_a_policy_are_all_reported_with_their_places() {
    for (entry, words) in [
        ("{type: x.Log}", "has no `values`"),
        ("{type: x.Log, values: }", "has no `values`"),
        ("{type: x.Log, values: 1}", "has `values` that are not a map"),
        ("{type: x.Log, values: {level: }}", "gives `level` no value"),
        ("{values: {level: ERROR}}", "has no `type`"),
        ("{type: [x.Log], values: {level: ERROR}}", "has a `type` that is not a name"),
        (
            "{type: x.Log, forced: maybe, values: {level: ERROR}}",
            "has a `forced` that is neither true nor false",
        ),
        ("{type: x.Log, force: true, values: {level: ERROR}}", "has an unknown key `force`"),
        ("x.Log", "is not a map with `type` and `values`"),
    ] {
        let message = refused(&policy(entry), "id: f\n", "RF120");
        assert!(message.contains(words), "{entry}: {message}");
        assert!(message.contains("policy.yaml:4:7"), "{entry}: {message}");
        let strict = Kitchen::with_policy(&policy(entry));
        strict
            .file("flow.yaml", "id: f\n")
            .run(&["--profile", "kestra-1.3", "flow.yaml"])
            .expect(2);
    }
    refused(&policy("{type: x.Log, values: {level: ERROR, level: INFO}}"), "id: f\n", "RF102");
    let twice = format!("{}    - {{type: x.Shell}}\n", policy("{type: x.Log}"));
    assert_eq!(refused(&twice, "id: f\n", "RF120").matches("[RF120]").count(), 2);
    Kitchen::with_policy(&policy("{type: x.Log, forced: 'yes', values: {level: ERROR}}"))
        .resolve("id: f\n", &[])
        .expect(0);
}

#[test]
fn entries_without_end_are_named() {
    let own = policy("{type: x, values: {child: {type: x.Y}}}");
    let message = refused(&own, "tasks: [{type: x.Z}]\n", "RF121");
    assert!(message.contains("policy.yaml:4:7"), "{message}");
    let pair = format!(
        "{}    - {{type: x.B, forced: true, values: {{type: x.A}}}}\n",
        policy("{type: x.A, forced: true, values: {type: x.B}}")
    );
    let message = refused(&pair, "tasks: [{type: x.A}]\n", "RF121");
    assert!(message.contains("4 |") && message.contains("5 |"), "both are shown: {message}");
    let finite = policy("{type: x.Z, values: {child: {type: x.Y}}}");
    Kitchen::with_policy(&finite).resolve("tasks: [{type: x.Z}]\n", &[]).expect(0);
    for endless in [own, pair] {
        let kitchen = Kitchen::with_policy(&endless);
        kitchen.resolve("tasks: [{type: x.Q}]\n", &["--profile", "kestra-1.3"]).expect(0);
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let message = refused(POLICY, "tasks:\n- type: x.Log\n  type: x.Other\n", "RF102");
    assert!(message.contains("flow.yaml:3:3"), "{message}");
    refused(POLICY, "{[a]: b}\n", "RF112");
    refused(POLICY, "a: !secret b\n", "RF009");
    refused(POLICY, "<<: 7\n", "RF008");
    refused(POLICY, "a: &a [*a]\n", "RF007");
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let nested = |depth: usize| format!("{}{}\n", open.repeat(depth), close.repeat(depth));
        refused(POLICY, &nested(129), "RF005");
        refused(POLICY, &nested(100_000), "RF005");
        Kitchen::with_policy(POLICY).resolve(&nested(100), &[]).expect(0);
    }
    refused(POLICY, &"- ".repeat(50_000), "RF005");
    let mut block = String::new();
    for depth in 0..2_000 {
        writeln!(block, "{}a:", " ".repeat(depth)).expect("a line");
    }
    refused(POLICY, &block, "RF005");
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").expect("a line");
    }
    refused(POLICY, &bomb, "RF006");
    let mut merges = String::from("m0: &m0 {k: v}\n");
    for level in 1..40 {
        writeln!(
            merges,
            "m{level}: &m{level} {{<<: [*m{0}, *m{0}], k{level}: [*m{0}, *m{0}]}}",
            level - 1
        )
        .expect("a line");
    }
    refused(POLICY, &merges, "RF006");
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).expect("a line");
    }
    refused(POLICY, &chain, "RF005");
}

#[test]
fn a_hundred_megabytes_are_refused_before_they_are_read() {
    let kitchen = Kitchen::with_policy(POLICY);
    let file = std::fs::File::create(kitchen.path("huge.yaml")).expect("a file");
    file.set_len(100 << 20).expect("a sparse file");
    let answer = kitchen.run(&["huge.yaml"]);
    assert_eq!(answer.expect(2), "");
    assert!(answer.err.contains("error[RF004]"), "{}", answer.err);
    assert!(answer.err.contains("`huge.yaml` is larger than 16 MiB"), "{}", answer.err);
}

#[test]
fn more_than_a_million_values_are_refused() {
    let flow = format!("[{}]\n", "1,".repeat(1_000_001));
    refused(POLICY, &flow, "RF006");
}

#[test]
fn what_is_no_text_is_refused() {
    let kitchen = Kitchen::with_policy(POLICY);
    let answer = kitchen.file("flow.yaml", b"id: \xff\n").run(&["flow.yaml"]);
    assert_eq!(answer.expect(2), "");
    assert!(answer.err.contains("error[RF003]"), "{}", answer.err);
}
