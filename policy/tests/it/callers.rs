//! Rules about callers: what a prefix covers, who wins, and that the image says the same.

use proptest::prelude::*;
use ringfence_policy::{
    CallerKind, CallerPrefix, CallerRefusal, CallerRule, CallerVerdict, Callers, CompileError,
    Creation, Effect, FileId, Image, Place, Policy, compile, reference,
};

use crate::support;

/// The rules of a text: `forbid io.kestra.plugin.scripts; authorize native:libgomp.so.1`.
fn rules(section: &str, text: &str) -> Vec<CallerRule> {
    let rules = text.split(';').map(str::trim).filter(|rule| !rule.is_empty()).enumerate();
    rules.map(|(number, rule)| self::rule(section, number, rule)).collect()
}

fn rule(section: &str, number: usize, text: &str) -> CallerRule {
    let (verb, prefix) = text.split_once(' ').expect("a rule has a verb and a prefix");
    let (kind, prefix) = match prefix.split_once(':') {
        Some(("native", rest)) => (CallerKind::Native, rest),
        Some(("python", rest)) => (CallerKind::Python, rest),
        _ => (CallerKind::Java, prefix),
    };
    CallerRule {
        id: format!("{section}[{number}]"),
        section: section.to_owned(),
        kind,
        prefix: prefix.to_owned(),
        effect: if verb == "forbid" { Effect::Forbid } else { Effect::Allow },
        place: Place { file: "application.yml".to_owned(), line: 7, column: 11 },
    }
}

fn threads(text: &str) -> Policy {
    let callers = Callers { threads: rules("threads", text), ..Callers::default() };
    // Rules about files come first in the numbering.
    Policy { callers, ..support::policy("forbid /etc; allow /etc/ssl") }
}

/// What becomes of a Java class: its own rule, or what the list means for who is not named.
fn fate(text: &str, class: &str) -> String {
    let policy = threads(text);
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    let list = image.callers(Creation::Thread, CallerKind::Java);
    let verdict = list.judge(class.as_bytes());
    let slow =
        reference::callers::judge(&policy, Creation::Thread, CallerKind::Java, class.as_bytes());
    assert_eq!(verdict, slow, "{text}: {class}");
    let name = |index| image.rule(index).expect("the rule is there").pattern.to_owned();
    let refusal = match verdict {
        CallerVerdict::Forbidden(rule) => Some(CallerRefusal::Forbidden(rule)),
        CallerVerdict::Authorized(_) => None,
        CallerVerdict::Unnamed => list.first_authorized().map(CallerRefusal::Unauthorized),
    };
    assert_eq!(list.refuses(class.as_bytes()), refusal, "{text}: {class}");
    match verdict {
        CallerVerdict::Forbidden(rule) => format!("forbidden by {}", name(rule)),
        CallerVerdict::Authorized(rule) => format!("authorized by {}", name(rule)),
        CallerVerdict::Unnamed if list.has_authorized() => {
            format!("not {}", name(list.first_authorized().expect("there is one")))
        }
        CallerVerdict::Unnamed if list.is_empty() => "not asked".to_owned(),
        CallerVerdict::Unnamed => "allowed".to_owned(),
    }
}

macro_rules! fates {
    ($($name:ident: $rules:literal, $class:literal => $fate:literal;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(fate($rules, $class), $fate);
        }
    )*};
}

fates! {
    no_rule_asks_nobody: "", "a.B" => "not asked";
    a_rule_about_libraries_asks_no_class: "forbid native:liba.so; authorize python:b", "a.B" => "not asked";
    the_class_itself_is_covered: "forbid a.B", "a.B" => "forbidden by a.B";
    a_package_covers_its_classes: "forbid a.b", "a.b.C" => "forbidden by a.b";
    a_class_covers_what_is_nested_in_it: "forbid a.B", "a.B$1" => "forbidden by a.B";
    a_class_covers_hidden_ones_of_it: "forbid a.B", "a.B/0x00007f1" => "forbidden by a.B";
    a_class_covers_its_lambdas: "forbid a.B", "a.B$$Lambda/0x7f" => "forbidden by a.B";
    a_longer_name_is_another: "forbid a.gcp", "a.gcpevil.X" => "allowed";
    a_shorter_name_is_another: "forbid a.gcp.X", "a.gcp" => "allowed";
    a_prefix_stands_at_the_beginning: "forbid a.b", "x.a.b" => "allowed";
    the_longer_prefix_wins: "forbid a; authorize a.b", "a.b.C" => "authorized by a.b";
    the_longer_prefix_wins_if_it_forbids: "authorize a; forbid a.b", "a.b.C" => "forbidden by a.b";
    the_shorter_one_holds_beside_it: "authorize a; forbid a.b", "a.c" => "authorized by a";
    of_equal_ones_the_one_that_forbids_wins: "authorize a.b; forbid a.b", "a.b" => "forbidden by a.b";
    who_is_not_named_is_not_authorized: "authorize a.b; authorize c", "d.E" => "not a.b";
    who_is_not_forbidden_is_allowed: "forbid a.b", "d.E" => "allowed";
    an_empty_name_is_nobody: "authorize a.b", "" => "not a.b";
    a_dollar_at_the_end_is_part_of_the_name: "forbid a.B$", "a.B$" => "forbidden by a.B$";
    a_dollar_in_front_is_a_boundary_of_its_own: "forbid a.B$", "a.B$C" => "allowed";
}

/// A list of classes says nothing about programs, nor one about programs anything about threads.
#[test]
fn each_creation_has_lists_of_its_own() {
    let callers = Callers {
        threads: rules("threads.forbidden", "forbid a"),
        processes: rules("processes.authorized", "authorize a; authorize native:/usr/bin/make"),
        ..Callers::default()
    };
    let policy = Policy { callers, ..Policy::default() };
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    let verdict = |creation, kind, name: &[u8]| {
        let verdict = image.callers(creation, kind).judge(name);
        assert_eq!(verdict, reference::callers::judge(&policy, creation, kind, name));
        match verdict {
            CallerVerdict::Forbidden(rule) | CallerVerdict::Authorized(rule) => {
                let rule = image.rule(rule).expect("the rule is there");
                format!("{} {} {} {}", rule.id, rule.section, rule.pattern, rule.place)
            }
            CallerVerdict::Unnamed => "unnamed".to_owned(),
        }
    };
    assert_eq!(
        verdict(Creation::Thread, CallerKind::Java, b"a.B"),
        "threads.forbidden[0] threads.forbidden a application.yml:7:11"
    );
    assert_eq!(
        verdict(Creation::Process, CallerKind::Java, b"a.B"),
        "processes.authorized[0] processes.authorized a application.yml:7:11"
    );
    assert_eq!(verdict(Creation::Thread, CallerKind::Native, b"/usr/bin/make"), "unnamed");
    let make = verdict(Creation::Process, CallerKind::Native, b"/usr/bin/make!main");
    assert!(make.starts_with("processes.authorized[1] "), "{make}");
}

#[test]
fn what_the_policy_says_about_callers_is_read_back() {
    let prefix = |kind, text: &str| CallerPrefix { kind, text: text.to_owned() };
    let callers = Callers {
        deny_unattributed: true,
        subjects: vec![prefix(CallerKind::Java, "io.kestra.plugin")],
        plugin_loaders: vec!["io.kestra.core.plugins.PluginClassLoader".to_owned()],
        plugin_directories: vec![b"/app/plugins".into(), b"/opt/more".into()],
        plugin_files: vec![
            FileId { device: 1 << 40, inode: 7 },
            FileId { device: 2, inode: 1 << 40 },
            FileId { device: 2, inode: 9 },
        ],
        services: vec![prefix(CallerKind::Java, "io.kestra.core.queues")],
        strict: true,
        ..Callers::default()
    };
    let bytes = compile(&Policy { callers, ..Policy::default() }).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    assert!(image.denies_unattributed() && image.strict());
    assert!(image.has_subjects(CallerKind::Java) && !image.has_subjects(CallerKind::Python));
    assert!(image.is_subject(CallerKind::Java, b"io.kestra.plugin.core.log.Log"));
    assert!(!image.is_subject(CallerKind::Java, b"io.kestra.plugins.Log"));
    assert!(image.concerns(CallerKind::Java, b"io.kestra.plugin.core.log.Log"));
    assert!(!image.concerns(CallerKind::Java, b"io.kestra.plugins.Log"));
    assert!(!image.is_subject(CallerKind::Native, b"io.kestra.plugin"));
    assert!(image.is_plugin_loader(b"io.kestra.core.plugins.PluginClassLoader"));
    assert!(!image.is_plugin_loader(b"io.kestra.core.plugins.PluginClassLoader$Own"));
    assert!(image.is_service(CallerKind::Java, b"io.kestra.core.queues.Queue$1"));
    let directories: Vec<_> = image.plugin_directories().collect();
    assert_eq!(directories, [&b"/app/plugins"[..], b"/opt/more"]);
    for (device, inode, known) in
        [(1 << 40, 7, true), (2, 1 << 40, true), (2, 9, true), (2, 7, false), (7, 1 << 40, false)]
    {
        assert_eq!(image.is_plugin_file(FileId { device, inode }), known, "{device}:{inode}");
    }

    let by_default = compile(&Policy::default()).expect("the policy compiles");
    let empty = Image::parse(&by_default).expect("the image is whole");
    assert!(!empty.denies_unattributed() && !empty.strict());
    assert!(!empty.has_subjects(CallerKind::Java) && !empty.is_subject(CallerKind::Java, b"a"));
    assert!(empty.concerns(CallerKind::Java, b"a"), "where nobody says who is one, all are");
    assert!(!empty.is_plugin_file(FileId { device: 2, inode: 9 }));
}

#[test]
fn what_is_no_prefix_is_refused() {
    for prefix in ["", "a.", "/opt/", "a!", "a\0b"] {
        let mut policy = threads("forbid a");
        policy.callers.threads[0].prefix = prefix.to_owned();
        let error = compile(&policy).expect_err(prefix);
        assert!(matches!(&error, CompileError::NotPrefix { rule, .. } if rule == "threads[0]"));
        assert!(error.to_string().starts_with("threads[0]: `"), "{error}");
    }
    let mut policy = threads("forbid a");
    policy.callers.plugin_directories = vec![b"plugins".into()];
    assert!(matches!(compile(&policy), Err(CompileError::NotNormalised { .. })));
    policy.callers.plugin_directories = vec![b"/plugins".into()];
    assert!(compile(&policy).is_ok(), "the control");
}

/// Flips each bit of an image with rules about callers: every damage is found.
#[test]
fn a_damaged_list_is_refused() {
    let mut bytes = compile(&threads("forbid a.b; authorize native:liba.so")).expect("it compiles");
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Image::parse(&bytes).is_err(), "bit {bit} is flipped");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(Image::parse(&bytes).is_ok(), "the control: nothing is flipped");
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(("[ab]{1,2}", "[.$/!]"), 1..6).prop_map(|parts| {
        let text: String = parts.into_iter().flat_map(|(name, end)| [name, end]).collect();
        text[..text.len() - 1].to_owned()
    })
}

fn random_rule() -> impl Strategy<Value = CallerRule> {
    (name(), any::<bool>(), prop::sample::select(&CallerKind::ALL[..])).prop_map(
        |(prefix, forbids, kind)| CallerRule {
            prefix,
            kind,
            ..rule("threads", 0, if forbids { "forbid a" } else { "authorize a" })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_image_judges_as_the_reference(
        threads in prop::collection::vec(random_rule(), 0..12),
        processes in prop::collection::vec(random_rule(), 0..4),
        names in prop::collection::vec(name(), 1..20),
    ) {
        let callers = Callers { threads, processes, ..Callers::default() };
        let policy = Policy { callers, ..support::policy("forbid /etc") };
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for creation in [Creation::Thread, Creation::Process] {
            for kind in CallerKind::ALL {
                let list = image.callers(creation, kind);
                let rules = || policy.callers.rules(creation).iter().filter(|r| r.kind == kind);
                prop_assert_eq!(list.is_empty(), rules().next().is_none());
                prop_assert_eq!(list.has_authorized(), rules().any(|r| r.effect == Effect::Allow));
                for name in &names {
                    let slow = reference::callers::judge(&policy, creation, kind, name.as_bytes());
                    prop_assert_eq!(list.judge(name.as_bytes()), slow, "{}", name);
                }
            }
        }
    }
}
