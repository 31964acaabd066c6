//! The whole reader: what a document says, how mistakes look to programs, and that no input is
//! too much for it.

use proptest::prelude::*;
use ringfence_policy::{Access, Console, Effect, PathPattern};

use super::harness::{accepted, load, refused, world};
use crate::cli::Mode;
use crate::read::document::{AuditTo, CallerKind};
use crate::read::render::{Format, render};
use crate::read::{self, presets, yaml};

fn native(body: &str) -> String {
    format!("ringfence:\n  version: 1\n{body}")
}

fn literal(path: &str) -> PathPattern {
    PathPattern::Literal(path.into())
}

#[test]
fn places_are_normalised_and_homes_expanded() {
    let document = accepted(&native(
        "  files:\n    forbidden: [//a/./b//, /, ~/.ssh, ~/, '${SECRETS}/x', {glob: /t/*/x}, {glob: /plain/}]\n",
    ));
    let names: Vec<_> = document.rules.iter().map(|rule| rule.names.clone()).collect();
    assert_eq!(
        names,
        [
            vec![literal("/a/b")],
            vec![literal("/")],
            vec![literal("/home/kestra/.ssh"), literal("/var/lib/kestra/.ssh")],
            vec![literal("/home/kestra"), literal("/var/lib/kestra")],
            vec![literal("/srv/secrets/x")],
            vec![PathPattern::Glob(b"/t/*/x".to_vec())],
            vec![literal("/plain")],
        ]
    );
    assert_eq!(document.rules[2].pattern, "~/.ssh");
}

#[test]
fn words_of_access_are_literal_in_rules_and_sufficient_in_exceptions() {
    let document = accepted(&native(
        "  files:
    forbidden:
      - {path: /a, access: [read, write]}
      - {path: /b, access: write, except: [/b/c]}
      - /d
    allowed:
      - {path: /a/x, access: read}
      - {path: /a/y, access: write}
      - {path: /a/z, access: execute}
",
    ));
    let found: Vec<_> = document
        .rules
        .iter()
        .map(|rule| (rule.pattern.as_str(), rule.effect, rule.access))
        .collect();
    let (forbid, allow) = (Effect::Forbid, Effect::Allow);
    assert_eq!(
        found,
        [
            ("/a", forbid, Access::READ.with(Access::WRITE)),
            ("/b", forbid, Access::WRITE),
            ("/b/c", allow, Access::WRITE),
            ("/d", forbid, Access::ALL),
            ("/a/x", allow, Access::READ.with(Access::LIST).with(Access::METADATA)),
            ("/a/y", allow, Access::WRITE.with(Access::METADATA)),
            ("/a/z", allow, Access::EXECUTE),
        ]
    );
    assert_eq!(document.rules[2].id, "files.forbidden[1].except[0]");
}

#[test]
fn an_exception_for_some_callers_is_never_one_for_all() {
    let of = |callers: &str| {
        let allowed = format!("    allowed: [{{path: /a/b, callers: [{callers}]}}]");
        accepted(&native(&format!("  files:\n    forbidden: [/a]\n{allowed}\n")))
    };
    let document = of("host, 'native:libscan.so'");
    let audience = document.rules[1].audience.as_ref().expect("it is for some");
    assert!(audience.host && audience.callers.len() == 1);
    let document = of("'python:acme', io.acme");
    let audience = document.rules[1].audience.as_ref().expect("it is for some");
    assert!(!audience.host && audience.callers.len() == 2);
}

#[test]
fn lists_of_the_same_callers_are_one_audience() {
    let document = accepted(&native(
        "  files:
    forbidden: [/a]
    allowed:
      - {path: /a/b, callers: [host, 'native:libscan.so', io.acme.Report]}
      - {path: /a/c, callers: ['java:io.acme.Report', 'native:libscan.so', host, host]}
      - {path: /a/d, callers: [io.acme.Report]}
",
    ));
    let audiences: Vec<_> =
        document.rules.iter().filter_map(|rule| rule.audience.as_ref()).collect();
    assert_eq!(audiences[0], audiences[1]);
    assert_ne!(audiences[1], audiences[2]);
    let kinds: Vec<_> = audiences[0].callers.iter().map(|one| (one.kind, &*one.text)).collect();
    assert_eq!(kinds, [(CallerKind::Java, "io.acme.Report"), (CallerKind::Native, "libscan.so")]);
}

#[test]
fn settings_are_read() {
    let document = accepted(&native(
        "  mode: audit
  locked: true
  debug: allow
  namespaces: deny
  presets: [{jvm: [/opt/java/x]}]
  audit: {to: ~/audit.jsonl, console: none, rate: 5, frames: 0}
  files: {forbidden: [/a]}
",
    ));
    assert_eq!((document.mode, document.locked), (Some(Mode::Audit), true));
    assert_eq!((document.debug, document.namespaces), (true, false));
    assert!(!document.presets.no_jvm);
    assert_eq!(document.presets.jvm, [b"/opt/java/x".to_vec()]);
    assert_eq!(document.audit.to, Some(AuditTo::File(b"/home/kestra/audit.jsonl".to_vec())));
    assert_eq!(document.audit.console, Some(Console::None));
    assert_eq!((document.audit.rate, document.audit.frames), (Some(5), Some(0)));
    for (to, expected) in [("stderr", AuditTo::Stderr), ("none", AuditTo::None)] {
        let text = native(&format!("  audit: {{to: {to}}}\n  files: {{forbidden: [/a]}}\n"));
        assert_eq!(accepted(&text).audit.to, Some(expected));
    }
}

#[test]
fn presets_are_on_as_the_sources_say() {
    let plain = accepted(&native("  files: {forbidden: [/a]}\n")).presets;
    assert!(!plain.no_jvm && !plain.kestra && !plain.credentials);
    let kestra =
        accepted("kestra.ee.javaSecurity: {enabled: true, forbiddenPaths: [/etc/]}").presets;
    assert!(!kestra.no_jvm && kestra.kestra);
    let none = accepted(&native("  presets: []\n  files: {forbidden: [/a]}\n")).presets;
    assert!(none.no_jvm && !none.kestra);
    let document = accepted(&native("  presets: [credentials]\n"));
    assert!(!document.presets.no_jvm);
    let shadow = document.rules.iter().find(|rule| rule.id == "shadow").expect("the rule");
    assert_eq!(shadow.place.file, "<built-in>");
    assert_eq!(shadow.names, [literal("/etc/shadow")]);
}

#[test]
fn the_built_in_policy_is_a_policy_of_reasoned_rules() {
    assert_eq!(yaml::documents(&presets::credentials()).expect("YAML").len(), 1);
    let document = accepted(&native("  presets: [credentials]\n"));
    assert!(document.warnings.iter().next().is_none());
    for rule in &document.rules {
        assert_eq!(rule.effect, Effect::Forbid, "{}", rule.id);
        assert!(rule.reason.is_some(), "{}", rule.id);
    }
    let names: Vec<_> = document.rules.iter().flat_map(|rule| &rule.names).collect();
    for path in ["/etc/shadow", "/home/kestra/.aws", "/var/lib/kestra/.ssh", "/run/docker.sock"] {
        assert!(names.contains(&&literal(path)), "{path}");
    }
    // What every program reads stays readable.
    for path in ["/etc/passwd", "/etc", "/etc/ssl/certs", "/home/kestra", "/home/kestra/.gitconfig"]
    {
        assert!(!names.contains(&&literal(path)), "{path}");
    }
}

#[test]
fn an_exception_for_the_very_place_lifts_a_rule_of_a_preset() {
    let text = |allowed: &str| {
        native(&format!("  presets: [credentials]\n  files: {{allowed: [{allowed}]}}\n"))
    };
    let forbids = |text: &str, id: &str| {
        let document = accepted(text);
        assert!(document.warnings.iter().next().is_none());
        assert_eq!(document.rules.len(), document.spans.len());
        let rule = document.rules.into_iter().find(|rule| rule.id == id);
        rule.map(|rule| (rule.effect, rule.access))
    };
    let all = Some((Effect::Forbid, Access::ALL));
    let other = text("/etc/ssl/private/public");
    assert_eq!(forbids(&other, "netrc"), all);
    assert_eq!(forbids(&text("~/.netrc"), "netrc"), None);
    assert_eq!(forbids(&text("~/.netrc"), "ssh"), all);
    assert_eq!(forbids(&text("{glob: /etc/ssh/ssh_host_*_key}"), "ssh-host-keys"), None);
    let left = Access::WRITE.with(Access::EXECUTE);
    assert_eq!(
        forbids(&text("{path: ~/.netrc, access: read}"), "netrc"),
        Some((Effect::Forbid, left))
    );
}

#[test]
fn without_a_home_the_built_in_rules_are_fewer_and_own_rules_are_refused() {
    let at_home = |homes: &[&[u8]], body: &str| {
        let text = native(body);
        let mut world = world(&text);
        world.homes = homes.iter().map(|home| home.to_vec()).collect();
        read::load(&["env:POLICY".into()], &world)
    };
    let preset = "  presets: [credentials]\n";
    let with = at_home(&[b"/root"], preset).expect("a policy").rules.len();
    let without = at_home(&[], preset).expect("a policy").rules;
    assert!(without.len() < with && without.iter().any(|rule| rule.id == "shadow"));
    let own = at_home(&[], "  files: {forbidden: [~/.aws]}\n").expect_err("no home");
    assert_eq!(own.iter().next().map(|mistake| mistake.code), Some("RF201"));
    // A container's user often has the root directory for a home.
    let root = at_home(&[b""], "  files: {forbidden: [~/.aws]}\n").expect("a policy");
    assert_eq!(root.rules[0].names, [literal("/.aws")]);
}

#[test]
fn what_one_source_denies_no_other_allows() {
    let allow = native("  debug: allow\n  files: {forbidden: [/a]}\n");
    let deny = native("  debug: deny\n  files: {forbidden: [/a]}\n");
    assert!(accepted(&allow).debug);
    assert!(!accepted(&format!("{allow}---\n{deny}")).debug);
    assert!(!accepted(&format!("{deny}---\n{allow}")).debug);
}

#[test]
fn a_refusal_by_a_built_in_rule_names_the_exception() {
    let document = accepted(&native("  presets: [credentials]\n"));
    let reason = |id: &str| {
        let rule = document.rules.iter().find(|rule| rule.id == id);
        rule.and_then(|rule| rule.reason.clone()).expect("a reason")
    };
    assert_eq!(
        reason("shadow"),
        "password hashes; an exception is written `files: {allowed: [/etc/shadow]}`"
    );
    assert_eq!(
        reason("ssh-host-keys"),
        "private keys of the machine; an exception is written \
         `files: {allowed: [{glob: /etc/ssh/ssh_host_*_key}]}`"
    );
}

#[test]
fn prefixes_have_kinds() {
    let document = accepted(&native(
        "  threads: {forbidden: [a.B$C, 'java:d', 'python:e_f', 'native:libgomp.so.1']}\n",
    ));
    let found: Vec<_> = document
        .threads
        .forbidden
        .iter()
        .map(|prefix| (prefix.kind, prefix.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (CallerKind::Java, "a.B$C"),
            (CallerKind::Java, "d"),
            (CallerKind::Python, "e_f"),
            (CallerKind::Native, "libgomp.so.1")
        ]
    );
}

#[test]
fn rules_that_are_switched_off_are_checked_and_not_kept() {
    let off = "kestra.ee.javaSecurity: {enabled: off, forbiddenPaths: [/etc/], authorizedClassPrefix: [a]}";
    let document = accepted(off);
    assert!(document.binds_no_process());
    assert_eq!(document.disabled.len(), 1);
    assert_eq!((document.disabled[0].line, document.disabled[0].column), (1, 26));
    assert!(refused(&off.replace("/etc/", "etc")).starts_with("error[RF201]"));
}

#[test]
fn booleans_of_kestra_may_come_from_variables() {
    let text = "kestra.ee.javaSecurity: {enabled: '${ON:yes}', forbiddenPaths: [/etc/]}";
    assert_eq!(accepted(text).rules.len(), 1);
}

#[test]
fn all_mistakes_are_shown_at_once_in_the_order_of_the_text() {
    let text = native(
        "  tests: [{read: /a}]\n  mode: x\n  files:\n    forbidden: [a, b]\n  colour: red\n",
    );
    let found = refused(&text);
    let codes: Vec<&str> = found.lines().filter_map(|line| line.get(6..11)).collect();
    let codes: Vec<&str> = codes.into_iter().filter(|code| code.starts_with("RF")).collect();
    assert_eq!(codes, ["RF104", "RF205", "RF201", "RF201", "RF101"]);
}

#[test]
fn programs_get_json_lines_and_workflow_commands() {
    let mistakes = load(&native("  mode: enforced\n  files: {forbidden: [\"50%,\\n\"]}\n"));
    let mistakes = mistakes.expect_err("mistakes");
    assert_eq!(
        render(&mistakes, Format::Github),
        "::error file=env%3APOLICY,line=3,col=9,title=RF205::`enforced` is no value of \
         `ringfence.mode`%0Ait is one of `enforce`, `audit` and `off`%0Adid you mean `enforce`\n\
         ::error file=env%3APOLICY,line=4,col=23,title=RF201::`50%25,%0A` is not an absolute \
         path%0Arules name absolute paths; did you mean `/work/50%25,%0A`?\n"
    );
    let lines = render(&mistakes, Format::Json);
    let first: serde_json::Value =
        serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        first,
        serde_json::json!({
            "code": "RF205",
            "severity": "error",
            "title": "`enforced` is no value of `ringfence.mode`",
            "at": {"file": "env:POLICY", "line": 3, "column": 9, "text": "enforced"},
            "label": "not one of its words",
            "help": ["it is one of `enforce`, `audit` and `off`"],
            "suggestion": {
                "at": {"file": "env:POLICY", "line": 3, "column": 9, "text": "enforced"},
                "replacement": "enforce",
            },
        })
    );
    assert_eq!(lines.lines().count(), 2);
}

#[test]
fn text_has_colours_that_can_be_taken_off() {
    let mistakes = load("a: [").expect_err("no YAML");
    assert!(render(&mistakes, Format::Text).contains("\u{1b}["));
}

/// Pieces that policies are made of, and what may go wrong with them.
const PIECES: [&str; 44] = [
    "kestra:\n",
    "  ee:\n",
    "    javaSecurity:\n",
    "      enabled: true\n",
    "      forbiddenPaths:\n",
    "        - /etc/\n",
    "        - ${X\n",
    "      authorizedClassPrefix: [a.b]\n",
    "ringfence:\n",
    "  version: 1\n",
    "  files:\n",
    "    forbidden:\n",
    "      - /a\n",
    "      - {path: /b, except: [/b/c]}\n",
    "      - {glob: '/**/x*'}\n",
    "    allowed: []\n",
    "  presets: [credentials]\n",
    "  mode: audit\n",
    "  tests:\n",
    "    - {read: /a, expect: deny}\n",
    "---\n",
    "kestra.ee.java-security.enabled: yes\n",
    "  tasks: {defaults: [{type: x}]}\n",
    "&a ",
    "*a",
    "<<: *a\n",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "\n",
    "  ",
    "'",
    "\"",
    "é",
    "\t",
    "!x ",
    "~",
    "|\n",
    ">\n",
    "# x\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_policy_of_pieces_panics(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30)
    ) {
        check_total(&pieces.concat());
    }

    #[test]
    fn no_policy_with_a_stray_character_panics(at in 0..600_usize, stray in any::<char>()) {
        let mut text = include_str!("cases/accepted-whole-format.yaml").replace("  include: [parts/more-*.yaml]\n", "");
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.insert(at, stray);
        check_total(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        check_total(&String::from_utf8_lossy(&bytes));
    }
}

/// Reads a text and writes all that is to be said about it, in every format.
fn check_total(text: &str) {
    let mistakes = match read::load(&["env:POLICY".into()], &world(text)) {
        Ok(document) => document.warnings,
        Err(mistakes) => {
            assert!(mistakes.has_errors());
            mistakes
        }
    };
    for format in [Format::Text, Format::Json, Format::Github] {
        let _ = render(&mistakes, format);
    }
}
