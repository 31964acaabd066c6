//! Rules about the functions that a library exports, `native:LIBRARY!SYMBOL`: who of them makes
//! threads and starts programs, beside the others of the same library.

use super::lines;
use crate::harness::{Fence, Outcome, Rules, fixture};

const MAKES: &str = "pthread_create 0 ran";
const REFUSED: &str = "pthread_create EPERM";

/// What `threads LIBRARY WORDS…` comes to, where a word `NAME` calls that function of the library's.
fn run(fence: &Fence, words: &[&str]) -> Outcome {
    let library = fixture("libparts.so").display().to_string();
    let way = |word: &&str| match *word {
        word if word.starts_with("own") => word.to_owned(),
        word if word.starts_with("across:") => format!("{word}:pthread_create"),
        name => format!("call:{name}:pthread_create"),
    };
    let words: Vec<String> = [library].into_iter().chain(words.iter().map(way)).collect();
    fence.run(fixture("threads"), words)
}

#[track_caller]
fn expect(rules: Rules, cases: &[(&str, &str)]) {
    let words: Vec<&str> = cases.iter().map(|(word, _)| *word).collect();
    let expected: Vec<&str> = cases.iter().map(|(_, line)| *line).collect();
    assert_eq!(lines(&run(&Fence::by_hand(&rules), &words)), expected);
}

fn forbid(name: &str) -> Rules {
    Rules::new().forbid_threads(format!("native:{name}"))
}

fn authorize(name: &str) -> Rules {
    Rules::new().authorize_threads(format!("native:{name}"))
}

const OWN: &str = "own:pthread_create";

#[test]
fn a_forbidden_function_makes_no_thread_and_its_neighbours_do() {
    let path = fixture("libparts.so").display().to_string();
    for object in [path.as_str(), "libparts.so", "libparts.so.1"] {
        let rules = forbid(&format!("{object}!parts_scan"));
        expect(rules, &[("parts_scan", REFUSED), ("parts_make", MAKES), (OWN, MAKES)]);
    }
    // Another library's function of that name, and what the name only begins.
    for name in ["libother.so!parts_scan", "libparts.so!parts_sca", "libparts.so!parts"] {
        expect(forbid(name), &[("parts_scan", MAKES), ("parts_make", MAKES)]);
    }
}

#[test]
fn beside_an_authorized_function_nobody_else_makes_a_thread() {
    let rules = authorize("libparts.so.1!parts_scan");
    expect(rules, &[("parts_scan", MAKES), ("parts_make", REFUSED), (OWN, REFUSED)]);
}

#[test]
fn a_function_s_name_says_more_than_its_library_s() {
    let rules = forbid("libparts.so.1").authorize_threads("native:libparts.so.1!parts_scan");
    expect(rules, &[("parts_scan", MAKES), ("parts_make", REFUSED), ("parts_sort", REFUSED)]);
    let rules = authorize("libparts.so.1").forbid_threads("native:libparts.so.1!parts_scan");
    expect(rules, &[("parts_scan", REFUSED), ("parts_make", MAKES), ("parts_sort", MAKES)]);
    // Of two names of the library one that is forbidden is enough.
    let rules = forbid("libparts.so").authorize_threads("native:libparts.so.1!parts_scan");
    expect(rules, &[("parts_scan", REFUSED)]);
}

/// What works for a function without being exported is that function's, also when libc calls it
/// back; what a thread runs by itself is only the library's.
#[test]
fn a_function_without_a_name_is_whoever_s_called_it() {
    let cases = |sorts, nests| [("parts_sort", sorts), ("parts_nest", nests)];
    expect(forbid("libparts.so.1!parts_sort"), &cases(REFUSED, MAKES));
    expect(authorize("libparts.so.1!parts_sort"), &cases(MAKES, "nest EPERM"));
    expect(forbid("libparts.so.1!parts_nest"), &cases(MAKES, "nest EPERM"));
    expect(authorize("libparts.so.1!parts_nest"), &cases(REFUSED, REFUSED));
    let both = authorize("libparts.so.1!parts_nest").authorize_threads("native:libparts.so.1");
    expect(both, &cases(MAKES, MAKES));
}

#[test]
fn the_nearest_function_asks_and_a_forbidden_one_has_no_other_make_its_threads() {
    expect(forbid("libparts.so.1!parts_through"), &[("parts_through", REFUSED)]);
    expect(forbid("libparts.so.1!parts_make"), &[("parts_through", REFUSED)]);
    expect(authorize("libparts.so.1!parts_make"), &[("parts_through", MAKES)]);
    let far = authorize("libparts.so.1!parts_through");
    expect(far, &[("parts_through", REFUSED), ("parts_make", REFUSED)]);
}

/// One function by two names, two functions by one name.
#[test]
fn a_rule_is_about_all_that_has_its_name() {
    for name in ["parts_make", "parts_alias"] {
        let cases = |line| [("parts_make", line), ("parts_alias", line)];
        expect(forbid(&format!("libparts.so.1!{name}")), &cases(REFUSED));
        expect(authorize(&format!("libparts.so.1!{name}")), &cases(MAKES));
    }
    let both = authorize("libparts.so.1!parts_make");
    let both = both.forbid_threads("native:libparts.so.1!parts_alias");
    expect(both, &[("parts_make", REFUSED), ("parts_alias", REFUSED)]);

    let versions = ["parts_versioned@V1", "parts_versioned@V2"];
    expect(forbid("libparts.so.1!parts_versioned"), &versions.map(|name| (name, REFUSED)));
    expect(authorize("libparts.so.1!parts_versioned"), &versions.map(|name| (name, MAKES)));
}

/// The program is behind all that its libraries do; one function of its is not.
#[test]
fn a_forbidden_function_of_the_program_s_has_no_library_make_its_threads() {
    let program = fixture("threads").display().to_string();
    let cases = |across| [("across:parts_make", across), ("parts_make", MAKES), (OWN, MAKES)];
    expect(forbid(&format!("{program}!program_across")), &cases(REFUSED));
    expect(forbid(&format!("{program}!program_other")), &cases(MAKES));
    let all = [("across:parts_make", MAKES), ("parts_make", MAKES), (OWN, REFUSED)];
    expect(forbid(&program), &all);
}

#[test]
fn a_function_starts_programs_by_its_own_rules() {
    let started = |rules: Rules| lines(&run(&Fence::by_launcher(&rules), &["parts_start"]));
    let names = ["libparts.so.1!parts_start", "libparts.so.1!parts_make"];
    let [start, other] = names.map(|name| format!("native:{name}"));
    assert_eq!(started(Rules::new().forbid_processes(&start)), ["start EACCES"]);
    assert_eq!(started(Rules::new().forbid_processes(&other)), ["start 0"]);
    assert_eq!(started(Rules::new().authorize_processes(&start)), ["start 0"]);
    assert_eq!(started(Rules::new().authorize_processes(&other)), ["start EACCES"]);
}

#[test]
fn a_refusal_names_the_function() {
    let outcome = run(&Fence::by_hand(&forbid("libparts.so.1!parts_sort")), &["parts_sort"]);
    let name = format!("{}!parts_sort", fixture("libparts.so").display());
    let [event] = outcome.audit.as_slice() else { panic!("one event: {outcome:#?}") };
    assert_eq!(event["caller"]["name"], name.as_str());
    assert_eq!(event["rule"]["id"], "threads.forbidden[0]");
    assert!(outcome.stderr.contains(&format!("denied thread by {name} [")), "{outcome:#?}");
    // Of two names the one that a rule has.
    let outcome = run(&Fence::by_hand(&forbid("libparts.so.1!parts_alias")), &["parts_make"]);
    assert!(outcome.stderr.contains("libparts.so!parts_alias ["), "{outcome:#?}");
}

/// The names of what is on the stack, the innermost first, and no more than the policy wants.
#[test]
fn an_audit_line_has_the_frames_of_the_stack() {
    let library = fixture("libparts.so").display().to_string();
    let program = fixture("threads").display().to_string();
    let frames = |frames: Option<u32>| {
        let directory = tempfile::tempdir().expect("a directory");
        let (policy, audit) =
            (directory.path().join("policy.yaml"), directory.path().join("audit.jsonl"));
        let most = frames.map_or_else(String::new, |most| format!(", frames: {most}"));
        let text = format!(
            "ringfence:\n  version: 1\n  audit: {{to: {}{most}}}\n  threads: {{forbidden: ['native:{library}!parts_sort']}}\n",
            audit.display()
        );
        std::fs::write(&policy, text).expect("our own file");
        assert_eq!(lines(&run(&Fence::by_policies(&[&policy], &[]), &["parts_sort"])), [REFUSED]);
        let text = std::fs::read_to_string(&audit).expect("it was written");
        let event = text.lines().find(|line| line.contains("thread.create")).expect("an event");
        let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
        event["caller"]["frames"].clone()
    };
    // Static functions and libc's sorting, on behalf of parts_sort, which the program called; then libc
    // again, which called the program.
    let Some(all) = frames(None).as_array().cloned() else { panic!("a list of frames") };
    assert_eq!(all[0], format!("{library}!parts_sort"));
    assert_eq!(all[1], program);
    assert!(all[2].as_str().is_some_and(|name| name.contains("/libc.so.6")), "{all:?}");
    assert_eq!(frames(Some(1)), serde_json::json!([all[0]]));
    assert_eq!(frames(Some(0)), serde_json::Value::Null);
}
