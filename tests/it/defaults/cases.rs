//! The cases of `tests/data/defaults-cases.yaml`: facts about Kestra, most of them asserted by its
//! own tests. Every one runs through the command, in every profile that it names.

use std::fmt::Write as _;

use serde_yaml::{Mapping, Value};

use super::{Answer, Kitchen, at};

const CASES: &str = include_str!("../../data/defaults-cases.yaml");

/// The names in the file and ours. `p2.0` has no defaults, so there is nothing to reproduce.
const PROFILES: [(&str, &str); 4] = [
    ("p0.17", "kestra-0.17"),
    ("p0.19", "kestra-0.19"),
    ("p1.3", "kestra-1.3"),
    ("develop", "kestra-develop"),
];

#[test]
fn every_case_holds_in_every_profile_that_it_names() {
    let file: Value = serde_yaml::from_str(CASES).expect("the cases are YAML");
    let cases = file["cases"].as_sequence().expect("a list of cases");
    let (mut checks, mut failures) = (0, String::new());
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        for profile in profiles_of(case) {
            let mut check = Check { name, profile, count: 0, failures: &mut failures };
            check.case(case);
            let count = check.count;
            let elsewhere = matches!(
                name,
                "templated-refuses-flowable-and-itself" | "config-map-keys-keep-case"
            );
            assert!(count > 0 || elsewhere, "nothing of {name} was checked");
            checks += count;
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(cases.len() >= 56 && checks >= 250, "{} cases, {checks} checks", cases.len());
}

/// The profiles of a case; none for a case of Kestra 2.0 alone.
fn profiles_of(case: &Value) -> Vec<&'static str> {
    let names = |key: &str| -> Vec<&str> {
        case[key].as_sequence().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (named, not) = (names("profiles"), names("not_profiles"));
    let known = PROFILES.iter().filter(|(name, _)| named.contains(name) || named.contains(&"all"));
    known.filter(|(name, _)| !not.contains(name)).map(|&(_, profile)| profile).collect()
}

struct Check<'a> {
    name: &'a str,
    profile: &'static str,
    count: usize,
    failures: &'a mut String,
}

impl Check<'_> {
    fn that(&mut self, holds: bool, what: &str) {
        self.count += 1;
        if !holds {
            let _ = writeln!(self.failures, "{} in {}: {what}", self.name, self.profile);
        }
    }

    fn case(&mut self, case: &Value) {
        if let Some(entry) = case.get("validate") {
            let answer =
                self.run(case, std::slice::from_ref(entry), &Value::Mapping(Mapping::new()));
            let valid = case["expect_valid"].as_bool().expect("expect_valid");
            let as_expected = if valid {
                answer.status == 0
            } else {
                answer.status == 2 && answer.err.contains("RF120")
            };
            self.that(as_expected, &format!("status {}: {}", answer.status, answer.err));
        } else if let Some(merge) = case.get("merge") {
            self.merge(case, merge);
        } else if let Some(flow) = case.get("flow") {
            let globals = case["global_defaults"].as_sequence().cloned().unwrap_or_default();
            let answer = self.run(case, &globals, flow);
            self.flow(case, &answer);
        }
    }

    /// `merge(a, b)` is what a plugin `b` becomes by the default `a`.
    fn merge(&mut self, case: &Value, merge: &Value) {
        let entry: Value = serde_yaml::from_str("{type: x.Y, values: {}}").expect("YAML");
        let (mut entry, mut plugin) = (entry, merge["b"].clone());
        entry["values"] = merge["a"].clone();
        plugin["type"] = "x.Y".into();
        let mut flow = Mapping::new();
        flow.insert("tasks".into(), Value::Sequence(vec![plugin]));
        let answer = self.run(case, &[entry], &Value::Mapping(flow));
        let mut expected = case["merged"].clone();
        expected["type"] = "x.Y".into();
        let got = answer.yaml();
        self.that(got["tasks"][0] == expected, &format!("{:?}", got["tasks"][0]));
    }

    fn flow(&mut self, case: &Value, answer: &Answer) {
        let flow = answer.yaml();
        for (pointer, expected) in pairs(&case["expect"]) {
            let got = at(&flow, pointer);
            self.that(got == Some(expected), &format!("{pointer} is {got:?}, not {expected:?}"));
        }
        for (pointer, expected) in pairs(&case["expect_unordered"]) {
            let sorted = |value: Option<&Value>| {
                let mut items: Vec<String> = value
                    .and_then(Value::as_sequence)
                    .into_iter()
                    .flatten()
                    .map(|item| format!("{item:?}"))
                    .collect();
                items.sort();
                items
            };
            let got = at(&flow, pointer);
            self.that(sorted(got) == sorted(Some(expected)), &format!("{pointer} is {got:?}"));
        }
        for pointer in
            case["expect_absent"].as_sequence().into_iter().flatten().filter_map(Value::as_str)
        {
            let got = at(&flow, pointer);
            self.that(got.is_none(), &format!("{pointer} is {got:?}"));
        }
        self.beyond_values(&flow, &answer.err);
    }

    /// What the case says under `expect_other`, where the command can show it.
    fn beyond_values(&mut self, flow: &Value, err: &str) {
        let spec = |task: usize| -> Value {
            serde_yaml::from_str(flow["tasks"][task]["spec"].as_str().unwrap_or_default())
                .expect("YAML")
        };
        let (holds, what) = match self.name {
            "templated-spec-without-property" | "templated-spec-with-property-forced" => {
                (spec(0)["format"] == "It's alive!", "the default reaches the spec")
            }
            "templated-spec-with-property-nonforced" => {
                (spec(0)["format"] == "It's mine!", "the spec's own value stays")
            }
            "templated-and-plain-agree" => {
                (spec(1)["message"] == flow["tasks"][0]["message"], "both get the same message")
            }
            "forced-type-default-enforced-on-ref-plugin" => {
                (err.contains("pluginDefaultsRef"), "a warning names pluginDefaultsRef")
            }
            "ref-unresolved-reported" => {
                let reported = err.matches("[RF323]").count() == 1 && err.contains("`missing`");
                (reported, "exactly `missing` is reported")
            }
            "ref-not-found-at-runtime" => {
                (err.contains("`does-not-exist`"), "the name is reported")
            }
            _ => return,
        };
        self.that(holds, what);
    }

    /// Runs the command on a flow, printed by the same library that reads the answer: as YAML, and
    /// the JSON must say the same.
    fn run(&mut self, case: &Value, globals: &[Value], flow: &Value) -> Answer {
        let kitchen = Kitchen::with_policy(&policy(case, globals));
        let flow = serde_yaml::to_string(flow).expect("YAML");
        let answer = kitchen.resolve(&flow, &["--profile", self.profile]);
        if answer.status < 2 {
            let json = kitchen.run(&["--profile", self.profile, "--format", "json", "flow.yaml"]);
            let json: Value = serde_yaml::from_str(&json.out).expect("JSON is YAML");
            self.that(json == answer.yaml(), "JSON and YAML differ");
        }
        answer
    }
}

fn policy(case: &Value, globals: &[Value]) -> String {
    let mut text = String::from("ringfence: {version: 1, files: {forbidden: [/nowhere]}}\n");
    if let Some(aliases) = case.get("aliases") {
        let aliases = serde_yaml::to_string(aliases).expect("YAML");
        text = String::from("ringfence:\n  version: 1\n  tasks:\n    aliases:\n");
        aliases.lines().for_each(|line| writeln!(text, "      {line}").expect("a line"));
    }
    let entries = serde_yaml::to_string(globals).expect("YAML");
    text.push_str("kestra:\n  plugins:\n    defaults:\n");
    entries.lines().for_each(|line| writeln!(text, "      {line}").expect("a line"));
    text
}

fn pairs(map: &Value) -> impl Iterator<Item = (&str, &Value)> {
    map.as_mapping().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?, value)))
}

#[test]
fn kestra_2_has_no_defaults_and_so_no_profile() {
    let kitchen = Kitchen::with_policy("ringfence: {version: 1, files: {forbidden: [/nowhere]}}\n");
    let answer = kitchen.resolve("id: f\n", &["--profile", "kestra-2.0"]);
    answer.expect(2);
    assert!(answer.err.contains("kestra-develop"), "the profiles are named: {}", answer.err);
}

#[test]
fn a_templated_task_may_hold_neither_a_flowable_task_nor_itself() {
    let kitchen = Kitchen::with_policy("ringfence: {version: 1, files: {forbidden: [/nowhere]}}\n");
    let flow = |of_type: &str| {
        format!(
            "tasks:\n- type: io.kestra.plugin.core.templating.TemplatedTask\n  spec: 'type: {of_type}'\n"
        )
    };
    for (of_type, refused) in [
        ("io.kestra.plugin.core.flow.Sequential", true),
        ("io.kestra.core.tasks.templating.TemplatedTask", true),
        ("io.kestra.plugin.core.debug.Return", false),
    ] {
        for profile in ["kestra-1.3", "ringfence"] {
            let answer = kitchen.resolve(&flow(of_type), &["--profile", profile]);
            answer.expect(0);
            assert_eq!(answer.err.contains("[RF325]"), refused, "{of_type}: {}", answer.err);
        }
    }
}

#[test]
fn keys_in_values_keep_their_case() {
    let kitchen = Kitchen::with_policy(
        "kestra:\n  plugins:\n    defaults:\n    - type: x.Y\n      values:\n        env: {AB_VALUE: a, ABCVALUE: b, ab-value: c}\n",
    );
    let flow = kitchen.resolve("tasks:\n- type: x.Y\n", &[]).yaml();
    let expected: Value =
        serde_yaml::from_str("{AB_VALUE: a, ABCVALUE: b, ab-value: c}").expect("YAML");
    assert_eq!(flow["tasks"][0]["env"], expected);
}
