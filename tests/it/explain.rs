//! `ringfence explain` and `ringfence test`: what they say is what the fence does.

use serde_json::Value;

use crate::check::ringfence;
use crate::harness::{Fence, Outcome, Scratch, fixture};

/// A tree with a policy in it that forbids `secret`, `closed/` but for `closed/inner/`, and writing
/// below `open/inner/`.
fn tree() -> Scratch {
    let scratch = Scratch::new();
    scratch.file(
        "policy.yaml",
        "ringfence:\n  version: 1\n  files:\n    forbidden:\n      - {path: ~/secret, reason: it is one}\n      \
         - ~/closed/\n      - {path: ~/open/inner/, access: write}\n    allowed:\n      \
         - {path: ~/closed/inner/, access: read}\n",
    );
    scratch.link("link", "secret");
    scratch.link("chain", scratch.path("link"));
    scratch.link("door", "closed");
    scratch
}

#[track_caller]
fn explain(scratch: &Scratch, words: &[&str]) -> Outcome {
    ringfence(scratch, &[&["explain", "-p", "policy.yaml"], words].concat(), "")
}

/// The answer and the exit status, with `@` for the tree.
#[track_caller]
fn said(scratch: &Scratch, words: &[&str]) -> (Option<i32>, String) {
    let outcome = explain(scratch, words);
    assert_eq!(outcome.stderr, "", "{outcome:#?}");
    (outcome.status.code(), scratch.generic(&outcome.stdout))
}

#[test]
fn a_refusal_names_the_way_the_rule_and_the_remedy() {
    let scratch = tree();
    let expected = "\
refused: reading `chain`
  `@/chain` is a link to `@/link`
  `@/link` is a link to `secret`
  `@/secret` is forbidden by files.forbidden `~/secret` (policy.yaml:5:16)
  its reason: it is one
  = help: take `~/secret` out at policy.yaml:5:16, or narrow its `access`: an exception for the very same place does not lift a rule
";
    assert_eq!(said(&scratch, &["--read", "chain"]), (Some(1), expected.to_owned()));
}

#[test]
fn the_nearest_exception_is_named_with_why_it_does_not_hold() {
    let scratch = tree();
    let expected = "\
refused: writing `closed/inner/secret`
  `@/closed/inner/secret` is forbidden by files.forbidden `~/closed/` (policy.yaml:6:9)
  the nearest exception is files.allowed `~/closed/inner/` (policy.yaml:9:16): it is not for `write`
  = help: to allow it, write `ringfence: {version: 1, files: {allowed: [{path: @/closed/inner/secret, access: write}]}}`
";
    let words = ["--write", "closed/inner/secret"];
    assert_eq!(said(&scratch, &words), (Some(1), expected.to_owned()));
    let (_, elsewhere) = said(&scratch, &["--read", "closed/secret"]);
    let nearest = "`~/closed/inner/` (policy.yaml:9:16): it is about another place\n";
    assert!(elsewhere.contains(nearest), "{elsewhere}");
}

#[test]
fn what_is_allowed_says_why() {
    let scratch = tree();
    let free = "allowed: reading `twin`\n  no rule is about `@/twin`\n";
    assert_eq!(said(&scratch, &["--read", "twin"]), (Some(0), free.to_owned()));
    let excepted = "\
allowed: reading `door/inner/secret`
  `@/door` is a link to `closed`
  `@/closed/inner/secret` is allowed by files.allowed `~/closed/inner/` (policy.yaml:9:16)
";
    let words = ["--read", "door/inner/secret"];
    assert_eq!(said(&scratch, &words), (Some(0), excepted.to_owned()));
}

#[test]
fn a_link_itself_is_another_question_than_what_it_leads_to() {
    let scratch = tree();
    assert_eq!(explain(&scratch, &["--write", "link"]).status.code(), Some(1));
    assert_eq!(explain(&scratch, &["--no-follow", "--write", "link"]).status.code(), Some(0));
    // A slash at its end follows it all the same.
    let words = ["--no-follow", "--metadata", "door/"];
    assert_eq!(explain(&scratch, &words).status.code(), Some(1));
}

/// Of each path the answer is what `open` gives inside the fence.
#[test]
fn the_answer_is_what_the_fence_does() {
    let scratch = tree();
    scratch.link("open/up", "../closed");
    scratch.link("dangling", "closed/new");
    let policy = scratch.path("policy.yaml");
    let cases = [
        "secret",
        "twin",
        "link",
        "chain",
        "closed/secret",
        "closed/inner/secret",
        "door/secret",
        "door/inner/secret",
        "open/../secret",
        "open/../twin",
        "closed/../twin",
        "door/../twin",
        "open/up/secret",
        "open/up/inner/secret",
        "open//inner/./twin",
        "open/inner/../../link",
        "dangling",
        "open/none/../twin",
        "closed/inner/../inner/secret",
        "./twin",
        "twin/x",
        "/proc/self/root@/secret",
        "/bin/../@/secret",
        "/etc/hostname",
    ];
    for (call, flags, question) in [
        ("open", "O_RDONLY", "--read"),
        ("open", "O_WRONLY", "--write"),
        ("stat", "", "--metadata"),
        ("opendir", "", "--list"),
    ] {
        let mut refused = 0;
        for path in cases {
            let path = path.replace('@', &scratch.text(""));
            let fence = Fence::by_policies(&[&policy], &[]);
            let mut command = fence.command(fixture("call"));
            command.args([call, &path]).args(flags.split_whitespace());
            command.current_dir(scratch.path("")).env("HOME", scratch.path(""));
            let done = fence.finish(&mut command);
            let answer = explain(&scratch, &[question, &path]);
            match answer.status.code() {
                // What a process holds: asked for the place itself, it is refused.
                Some(2) => assert!(path.starts_with("/proc/self/"), "{path}: {answer:#?}"),
                status => {
                    let denied = done.text().contains("EACCES");
                    let expected = Some(i32::from(denied));
                    assert_eq!(status, expected, "{question} {path}: {done:#?} {answer:#?}");
                    refused += usize::from(denied);
                }
            }
        }
        assert!(refused > 8 && refused < cases.len() - 4, "{question}: {refused} are refused");
    }
}

#[test]
fn the_remedy_works_as_it_is_written() {
    let scratch = tree();
    let through_two = scratch.link("closed/hop", scratch.path("closed/inner/secret"));
    let wanted = ["closed/secret", "closed/inner/../secret", through_two.to_str().expect("UTF-8")];
    for path in wanted {
        let cat = |policies: &[&str]| {
            let mut words = vec!["run", "-q"];
            policies.iter().for_each(|policy| words.extend(["-p", policy]));
            words.extend(["--", "cat", path]);
            ringfence(&scratch, &words, "")
        };
        let before = cat(&["policy.yaml"]);
        assert!(before.stderr.contains("Permission denied"), "{path}: {before:#?}");
        let answer = explain(&scratch, &["--json", "--read", path]);
        let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
        let policy = answer["remedy"]["policy"].as_str().expect("exceptions help here");
        scratch.file("more.yaml", policy);
        assert_eq!(cat(&["policy.yaml", "more.yaml"]).text(), "SECRET", "{path}: {policy}");
    }
}

#[test]
fn an_exception_is_proposed_wherever_one_holds() {
    let scratch = tree();
    let text = "ringfence: {version: 1, files: {forbidden: [{glob: @/**/closed}]}}";
    scratch.file("glob.yaml", &text.replace('@', &scratch.text("")));
    let ask = |path: &str| {
        let outcome = ringfence(&scratch, &["explain", "-p", "glob.yaml", "--read", path], "");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
        scratch.generic(&outcome.stdout)
    };
    let beneath = "files: {allowed: [{path: @/closed/inner/secret, access: read}]}";
    assert!(ask("closed/inner/secret").contains(beneath));
    assert!(ask("closed").contains("= help: take `@/**/closed` out at glob.yaml:1:"));
}

#[test]
fn programs_read_the_answer_as_one_object() {
    let scratch = tree();
    let outcome = explain(&scratch, &["--json", "--list", "door"]);
    let answer: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(answer["verdict"], "refused");
    assert_eq!(answer["access"], "list");
    assert_eq!(answer["way"][0]["link"], scratch.text("door"));
    assert_eq!(answer["refused_at"]["path"], scratch.text("closed"));
    assert_eq!(answer["rule"]["from"], "policy.yaml:6:9");
    assert_eq!(answer["rule"]["fixed"], false);
}

#[test]
fn what_the_fence_stands_on_has_no_remedy() {
    let scratch = tree();
    let (status, text) = said(&scratch, &["--write", "policy.yaml"]);
    assert_eq!(status, Some(1));
    assert!(
        text.contains("  = help: nothing lifts this rule: the fence itself stands on it\n"),
        "{text}"
    );
    assert_eq!(explain(&scratch, &["--read", "policy.yaml"]).status.code(), Some(0));
}

#[test]
fn a_question_without_an_answer_is_2() {
    let scratch = tree();
    for words in [
        &["--read", "/proc/self/fd/0"][..],
        &["--read", ""],
        &[],
        &["--read", "twin", "--write", "twin"],
        &["-p", "missing.yaml", "--read", "twin"],
    ] {
        let outcome = explain(&scratch, words);
        assert_eq!(outcome.status.code(), Some(2), "{words:?}: {outcome:#?}");
        assert_ne!(outcome.stderr, "", "{words:?}");
    }
}

#[test]
fn a_policy_that_only_reports_says_so() {
    let scratch = tree();
    scratch
        .file("audit.yaml", "ringfence: {version: 1, mode: audit, files: {forbidden: [~/twin]}}");
    let outcome = ringfence(&scratch, &["explain", "-p", "audit.yaml", "--read", "twin"], "");
    assert_eq!(outcome.status.code(), Some(1));
    assert!(outcome.stdout.contains("the mode is `audit`"), "{outcome:#?}");
}

#[test]
fn the_tests_of_a_policy_are_answered() {
    let scratch = tree();
    let text = "ringfence:\n  version: 1\n  files: {forbidden: [~/secret]}\n  tests:\n    \
                - {name: hidden, read: @/link, expect: deny}\n    - {write: ~/twin, expect: allow}\n"
        .replace('@', &scratch.text(""));
    scratch.file("tested.yaml", &text);
    let passed = ringfence(&scratch, &["test", "tested.yaml"], "");
    let expected = "\
ok hidden: read `@/link` expects deny (tested.yaml:5:28)
ok write `~/twin` expects allow (tested.yaml:6:15)
2 passed, 0 failed, 0 not answered
";
    let said = scratch.generic(&passed.stdout);
    assert_eq!((passed.status.code(), said.as_str()), (Some(0), expected));

    scratch.file("tested.yaml", &format!("{text}    - {{read: ~/twin, expect: deny}}\n"));
    let failed = ringfence(&scratch, &["test", "tested.yaml"], "");
    assert_eq!(failed.status.code(), Some(1));
    let line = "FAILED read `~/twin` expects deny, but is allowed (tested.yaml:7:14)\n";
    assert!(failed.stdout.contains(line), "{failed:#?}");

    scratch.file("tested.yaml", &format!("{text}    - {{read: no/root, expect: deny}}\n"));
    assert_eq!(ringfence(&scratch, &["test", "tested.yaml"], "").status.code(), Some(2));
    assert_eq!(ringfence(&scratch, &["test", "policy.yaml"], "").status.code(), Some(2), "none");
}

/// Whoever is not named is told for whom an exception is, and a policy's tests ask for each.
#[test]
fn an_exception_for_some_is_none_for_others() {
    let scratch = tree();
    let allowed = "{path: ~/closed/secret, access: read, callers: [host, com.acme.Report]}";
    let tests = [
        "{read: ~/closed/secret, expect: deny}",
        "{read: ~/closed/secret, by: host, expect: allow}",
        "{read: ~/closed/secret, by: [com.acme.Report$1], expect: allow}",
        "{read: ~/closed/secret, by: [com.acme.Report, com.acme.Other], expect: deny}",
        "{write: ~/closed/secret, by: host, expect: deny}",
    ];
    let text = format!(
        "ringfence:\n  version: 1\n  callers: {{subjects: [com.acme]}}\n  files:\n    \
         forbidden: [~/closed/]\n    allowed:\n      - {allowed}\n  tests:\n    - {}\n",
        tests.join("\n    - ")
    );
    scratch.file("policy.yaml", &text);
    let (status, answer) = said(&scratch, &["--read", "closed/secret"]);
    assert_eq!(status, Some(1));
    let nearest = "the nearest exception is files.allowed `~/closed/secret` (policy.yaml:7:16): \
                   it is for `host`, `java:com.acme.Report` only";
    assert!(answer.contains(nearest), "{answer}");
    let tested = ringfence(&scratch, &["test", "policy.yaml"], "");
    assert!(tested.stdout.ends_with("5 passed, 0 failed, 0 not answered\n"), "{tested:#?}");
}

/// Rules about classes, modules and libraries, with tests of its own behind them.
const CALLERS: &str = "ringfence:
  version: 1
  threads: {authorized: [com.acme.core, 'native:libgomp.so.1']}
  processes: {forbidden: [com.acme.scripts], authorized: [com.acme]}
  callers: {subjects: [com.acme]}
  tests:
";

#[test]
fn who_may_start_a_program_is_answered_for_each_caller() {
    let scratch = Scratch::new();
    scratch.file("policy.yaml", CALLERS.trim_end_matches("  tests:\n"));
    let refused = "\
refused: starting a program on behalf of `com.acme.core.Run`, `com.acme.scripts.Eval`, `java.lang.Thread`
  `com.acme.core.Run` is authorized by processes.authorized `com.acme` (policy.yaml:4:59)
  `com.acme.scripts.Eval` is forbidden by processes.forbidden `com.acme.scripts` (policy.yaml:4:27)
  `java.lang.Thread` is the host's, which no rule is about
  = help: take `com.acme.scripts` out at policy.yaml:4:27, or name there more exactly whom it is about
";
    let by = ["--by", "com.acme.scripts.Eval", "java.lang.Thread"];
    let words = [&["--process", "com.acme.core.Run"][..], &by].concat();
    assert_eq!(said(&scratch, &words), (Some(1), refused.to_owned()));
    let (status, text) = said(&scratch, &["--process", "com.acme.scriptsx.Eval"]);
    assert_eq!(status, Some(0), "another package: {text}");
    let (status, text) = said(&scratch, &["--process", "native:/opt/libx.so"]);
    assert_eq!((status, text.contains("no rule is about `/opt/libx.so`")), (Some(0), true));
}

#[test]
fn who_may_create_a_thread_is_answered_with_what_to_write() {
    let scratch = Scratch::new();
    scratch.file("policy.yaml", CALLERS.trim_end_matches("  tests:\n"));
    let outcome = explain(&scratch, &["--json", "--thread", "com.acme.gcp.Publish"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
    let answer: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(answer["verdict"], "refused");
    assert_eq!(answer["callers"][0]["verdict"], "not authorized");
    assert_eq!(answer["callers"][0]["rule"]["from"], "policy.yaml:3:26");
    let remedy = answer["remedies"][0].as_str().expect("there is one");
    let written = remedy.split('`').nth(1).expect("it quotes a policy");
    scratch.file("more.yaml", written);
    let again = explain(&scratch, &["-p", "more.yaml", "--thread", "com.acme.gcp.Publish"]);
    assert_eq!(again.status.code(), Some(0), "{again:#?}");
    for (library, status) in [("/usr/lib/libgomp.so.1.0", 0), ("/usr/lib/libomp.so", 1)] {
        let outcome = explain(&scratch, &["--thread", &format!("native:{library}")]);
        assert_eq!(outcome.status.code(), Some(status), "{outcome:#?}");
    }
    for words in [&["--thread", "java:"][..], &["--read", "x", "--by", "a.B"]] {
        assert_eq!(explain(&scratch, words).status.code(), Some(2), "{words:?}");
    }
}

/// Without subjects all classes of a program are one.
#[test]
fn who_answers_for_the_classes_of_a_plain_program_is_said() {
    let scratch = Scratch::new();
    let rules = "{authorized: [com.acme.good], forbidden: [com.acme.evil]}";
    scratch.file("policy.yaml", &format!("ringfence:\n  version: 1\n  threads: {rules}\n"));
    let allowed = "\
allowed: creating a thread on behalf of `com.acme.lib.Pool`, `com.acme.good.A`
  no rule is about `com.acme.lib.Pool`, and `com.acme.good.A` answers for it
  `com.acme.good.A` is authorized by threads.authorized `com.acme.good` (policy.yaml:3:26)
";
    let words = ["--thread", "com.acme.lib.Pool", "--by", "com.acme.good.A"];
    assert_eq!(said(&scratch, &words), (Some(0), allowed.to_owned()));
    for (words, expected) in [
        (&["--thread", "com.acme.lib.Pool"][..], "is not among threads.authorized"),
        (
            &["--thread", "com.acme.evil.B", "--by", "com.acme.good.A"],
            "`com.acme.evil.B` is forbidden",
        ),
        (
            &["--thread", "com.acme.lib.Pool", "--by", "native:libx.so"],
            "is not among threads.authorized",
        ),
    ] {
        let (status, text) = said(&scratch, words);
        assert_eq!((status, text.contains(expected)), (Some(1), true), "{text}");
    }
}

#[test]
fn the_tests_of_a_policy_ask_about_callers_too() {
    let scratch = Scratch::new();
    let right = [
        "{thread: com.acme.core.Log, expect: allow}",
        "{thread: com.acme.core.Log, by: [com.acme.gcp.X], expect: deny}",
        "{process: com.acme.core.Log, by: com.acme.scripts.Eval, expect: deny}",
        "{process: com.acme.gcp.X, by: [host], expect: allow}",
        "{process: host, expect: allow}",
        "{thread: 'native:/opt/libx.so', expect: deny}",
    ];
    let tests: String = right.iter().map(|test| format!("    - {test}\n")).collect();
    scratch.file("policy.yaml", &format!("{CALLERS}{tests}"));
    let passed = ringfence(&scratch, &["test", "policy.yaml"], "");
    assert_eq!(passed.status.code(), Some(0), "{passed:#?}");
    assert!(passed.stdout.ends_with("6 passed, 0 failed, 0 not answered\n"), "{passed:#?}");
    let swap = |test: &&str| match test.strip_suffix("deny}") {
        Some(rest) => format!("    - {rest}allow}}\n"),
        None => format!("    - {}deny}}\n", test.trim_end_matches("allow}")),
    };
    let wrong: String = right.iter().map(swap).collect();
    scratch.file("policy.yaml", &format!("{CALLERS}{wrong}"));
    let failed = ringfence(&scratch, &["test", "policy.yaml"], "");
    assert_eq!(failed.status.code(), Some(1), "{failed:#?}");
    assert!(failed.stdout.ends_with("0 passed, 6 failed, 0 not answered\n"), "{failed:#?}");
}
