//! Damaged and foreign images, and what an image tells beside verdicts.

use proptest::prelude::*;
use ringfence_policy::{
    Access, Alias, Audit, BUILD, CompileError, Console, FileRule, Image, ImageError, Mode,
    PathPattern, Policy, RuleIndex, compile,
};

use crate::support::policy;

fn small_image() -> Vec<u8> {
    let mut policy = policy("forbid /etc; allow:read /etc/ssl; forbid /home/*/.ssh");
    policy.aliases = vec![Alias { from: b"/bin".into(), to: b"/usr/bin".into() }];
    compile(&policy).expect("the policy compiles")
}

#[test]
fn every_single_bit_counts() {
    let mut bytes = small_image();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Image::parse(&bytes).is_err(), "bit {bit} is flipped");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(Image::parse(&bytes).is_ok(), "the control: nothing is flipped");
}

/// Damage that is let through touches no verdict: it is in the rules' texts and places.
#[test]
fn what_verdicts_are_made_of_is_verified_alone_too() {
    let whole = small_image();
    let paths = ["/etc/passwd", "/etc/ssl/x", "/home/ann/.ssh/id", "/bin/sh", "/srv"];
    let verdicts =
        |bytes: &[u8]| {
            let image = Image::parse_to_judge(bytes).ok()?;
            Some(paths.map(|path| {
                (image.decide(path.as_bytes()), image.alias(path.as_bytes()).is_some())
            }))
        };
    let expected = verdicts(&whole);
    assert!(expected.is_some(), "the control: nothing is flipped");
    let mut bytes = whole.clone();
    let mut passed = 0;
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Some(found) = verdicts(&bytes) {
            assert_eq!(Some(found), expected, "bit {bit} is flipped");
            passed += 1;
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(passed > 0 && passed < bytes.len() * 4, "{passed} of {}", bytes.len() * 8);
}

#[test]
fn every_truncation_is_named() {
    let bytes = small_image();
    for length in 0..bytes.len() {
        let refused = Image::parse(&bytes[..length]).err();
        assert!(
            matches!(refused, Some(ImageError::Truncated { length: found, .. }) if found == length),
            "{length} bytes: {refused:?}"
        );
    }
}

#[track_caller]
fn refusal(change: impl FnOnce(&mut Vec<u8>)) -> (ImageError, String) {
    let mut bytes = small_image();
    change(&mut bytes);
    let error = Image::parse(&bytes).expect_err("the image is refused");
    (error, error.to_string())
}

#[test]
fn another_file_is_foreign() {
    let (error, text) = refusal(|bytes| bytes[..4].copy_from_slice(b"\x7fELF"));
    assert_eq!(error, ImageError::Foreign);
    assert_eq!(text, "not a ringfence policy image");
    assert_eq!(Image::parse(b"ringfence:").unwrap_err(), ImageError::Foreign);
}

#[test]
fn a_future_version_is_named() {
    let (error, text) = refusal(|bytes| bytes[8] = 200);
    assert_eq!(error, ImageError::OtherVersion { found: 200 });
    assert_eq!(text, "format 200 is newer than this build's format 1");
}

#[test]
fn another_build_is_named() {
    let (_, text) = refusal(|bytes| bytes[12..18].copy_from_slice(b"99.0.1"));
    assert!(text.starts_with("made by ringfence 99.0.1"), "{text}");
    assert!(text.ends_with(&format!(", not by this build, {BUILD}")), "{text}");
}

#[test]
fn a_longer_file_is_named() {
    let (error, text) = refusal(|bytes| bytes.push(0));
    assert!(matches!(error, ImageError::TooLong { .. }), "{text}");
}

#[test]
fn a_damaged_byte_is_named() {
    let (error, text) = refusal(|bytes| *bytes.last_mut().expect("not empty") ^= 0x80);
    assert_eq!(error, ImageError::Damaged);
    assert_eq!(text, "damaged: its checksum does not match");
}

#[test]
fn what_the_policy_says_is_read_back() {
    let mut policy = policy("forbid:read /etc; allow /etc/ssl");
    policy.mode = Mode::Audit;
    policy.namespaces = true;
    policy.rules[0].reason = Some("holds secrets".to_owned());
    policy.rules[1].place.line = 0;
    policy.audit = Audit {
        file: b"/var/log/audit.jsonl".into(),
        json_to_stderr: true,
        console: Console::None,
        rate: 1000,
        frames: 8,
    };
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    assert_eq!(image.mode(), Mode::Audit);
    assert_eq!((image.debug(), image.namespaces(), image.new_privileges()), (false, true, false));
    let audit = image.audit();
    assert_eq!(audit.file, b"/var/log/audit.jsonl");
    assert_eq!((audit.json_to_stderr, audit.console), (true, Console::None));
    assert_eq!((audit.rate, audit.frames), (1000, 8));

    let index = image.decide(b"/etc/passwd").refuses(Access::READ).expect("it is refused");
    let rule = image.rule(index).expect("the rule is there");
    assert_eq!((rule.id, rule.section, rule.pattern), ("files[0]", "files", "/etc"));
    assert_eq!(
        (rule.place.to_string().as_str(), rule.reason),
        ("policy.yml:7:3", Some("holds secrets"))
    );
    let by_default = compile(&Policy::default()).expect("the policy compiles");
    let empty = Image::parse(&by_default).expect("the image is whole");
    assert_eq!(
        (empty.mode(), empty.audit().file, empty.rule_count()),
        (Mode::Enforce, &b""[..], 0)
    );
    assert_eq!(empty.rule(index), None, "the index is that of another image");
}

#[test]
fn a_refusal_without_a_rule_has_a_view() {
    let bytes = small_image();
    let image = Image::parse(&bytes).expect("the image is whole");
    let index = image.decide(b"relative").refuses(Access::READ).expect("it is refused");
    assert_eq!(index, RuleIndex::UNJUDGED);
    assert_eq!(image.rule(index).map(|rule| rule.id), Some("unjudged"));
}

#[test]
fn an_alias_is_a_whole_component() {
    let bytes = small_image();
    let image = Image::parse(&bytes).expect("the image is whole");
    assert_eq!(image.alias(b"/bin/sh"), Some((4, &b"/usr/bin"[..])));
    assert_eq!(image.alias(b"/bin"), Some((4, &b"/usr/bin"[..])));
    assert_eq!(image.alias(b"/bind"), None);
    assert_eq!(image.alias(b"/usr/bin"), None);
}

#[test]
fn equal_policies_have_equal_images() {
    assert_eq!(small_image(), small_image());
}

/// The message about a policy whose one rule has these names.
#[track_caller]
fn mistake(names: &[PathPattern]) -> String {
    let mut policy = policy("forbid /etc");
    policy.rules[0].names = names.to_vec();
    compile(&policy).expect_err("the policy is refused").to_string()
}

#[test]
fn a_name_that_is_not_normalised_is_refused() {
    for name in ["", "etc", "/etc/", "//", "/a//b", "/a/./b", "/a/../b", "/a/..", "/a\0b"] {
        for pattern in [PathPattern::Literal(name.into()), PathPattern::Glob(name.into())] {
            let text = mistake(&[pattern]);
            assert!(text.starts_with("files[0]: `") && text.contains("absolute"), "{name}: {text}");
        }
    }
}

#[test]
fn a_rule_that_says_nothing_is_refused() {
    assert_eq!(mistake(&[]), "files[0]: names no path or no access");
    let mut policy = policy("forbid /etc");
    policy.rules[0].access = Access::NONE;
    assert_eq!(compile(&policy), Err(CompileError::Empty { rule: "files[0]".to_owned() }));
}

#[test]
fn a_name_longer_than_any_path_is_refused() {
    let long = format!("/{}", "a".repeat(70_000));
    assert!(mistake(&[PathPattern::Literal(long.into())]).contains("70001 bytes"));
}

#[test]
fn a_link_to_two_places_is_refused() {
    let link = |to: &str| Alias { from: b"/bin".into(), to: to.into() };
    let with = |aliases| compile(&Policy { aliases, ..Policy::default() });
    assert!(matches!(with(vec![link("/a"), link("/b")]), Err(CompileError::Alias { .. })));
    assert!(with(vec![link("/a"), link("/a")]).is_ok(), "the control: twice the same place");
}

#[test]
fn many_rules_are_all_found() {
    let one = policy("forbid /etc").rules.remove(0);
    let path = |number: usize| format!("/data/{}/file-{number}", number % 7);
    let rule = |number| FileRule {
        names: vec![PathPattern::Literal(path(number).into())],
        pattern: path(number),
        ..one.clone()
    };
    let policy = Policy { rules: (0..5000).map(rule).collect(), ..Policy::default() };
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    for number in 0..5000 {
        let decision = image.decide(path(number).as_bytes());
        let index = decision.refuses(Access::READ).map(|index| index.number() as usize);
        assert_eq!(index, Some(number));
        assert!(image.decide(format!("{}x", path(number)).as_bytes()).refused().is_empty());
        assert!(image.is_rule_name(format!("file-{number}").as_bytes()));
    }
    let false_names =
        (0..5000).filter(|number| image.is_rule_name(format!("other-{number}").as_bytes()));
    assert!(false_names.count() < 100, "less than 2 % of other names are taken for rules'");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_parse_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Image::parse(&bytes).is_err());
    }
}
