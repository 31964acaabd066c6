//! Exceptions for certain callers: who is in an audience, and what that changes.

use proptest::prelude::*;
use ringfence_policy::{
    Access, Audiences, CallerKind, CompileError, Effect, Image, Policy, compile, reference,
};

use crate::support::{audience, path, policy, random_policy_for_some};

/// A policy whose exceptions are for these audiences, in order.
fn scoped(rules: &str, audiences: &[&str]) -> Policy {
    let mut policy = policy(rules);
    let exceptions = policy.rules.iter_mut().filter(|rule| rule.effect == Effect::Allow);
    for (rule, letters) in exceptions.zip(audiences) {
        rule.audience = Some(audience(letters));
    }
    policy
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_image_decides_for_each_audience_as_the_reference(
        policy in random_policy_for_some(true),
        paths in prop::collection::vec(path(6), 1..20),
        among in any::<u8>(),
    ) {
        let among = Audiences::from_bits(among);
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for path in paths {
            let text = path.as_bytes();
            let expected = reference::decide_among(&policy, text, among);
            prop_assert_eq!(image.decide_among(text, among), expected, "{}", path);
            prop_assert_eq!(image.decide(text), reference::decide(&policy, text), "{}", path);
        }
    }

    /// What is judged by the path alone is judged as if they were not there.
    #[test]
    fn for_nobody_in_particular_such_exceptions_are_none(
        policy in random_policy_for_some(true),
        paths in prop::collection::vec(path(6), 1..20),
    ) {
        let mut without = policy.clone();
        without.rules.retain(|rule| rule.audience.is_none());
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for path in paths {
            let text = path.as_bytes();
            let refused = reference::decide(&without, text).refused();
            prop_assert_eq!(image.decide(text).refused(), refused, "{}", path);
            prop_assert_eq!(refused | image.decide_among(text, Audiences::ALL).refused(), refused);
        }
    }

    #[test]
    fn the_image_knows_who_is_in_an_audience_as_the_reference(
        policy in random_policy_for_some(false),
        name in "[hab]([./][ab])?",
    ) {
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for kind in CallerKind::ALL {
            let found = image.audiences_of(kind, name.as_bytes());
            let expected = reference::audiences_of(&policy, kind, name.as_bytes());
            prop_assert_eq!(found, expected, "{}", name);
        }
    }
}

#[test]
fn an_exception_is_for_its_own_audience() {
    let policy = scoped("forbid /srv; allow /srv/a; allow /srv/b; allow /srv/c", &["h", "a", "h"]);
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    let host = image.host_audiences();
    let library = image.audiences_of(CallerKind::Native, b"a");
    assert_eq!((host.bits(), library.bits()), (1, 2), "equal lists are one audience");
    let refused = |path: &str, among| image.decide_among(path.as_bytes(), among).refused();
    for (path, who, expected) in [
        ("/srv/a", host, Access::NONE),
        ("/srv/c/x", host, Access::NONE),
        ("/srv/b", host, Access::ALL),
        ("/srv/b", library, Access::NONE),
        ("/srv/a", library, Access::ALL),
        ("/srv/a", Audiences::NONE, Access::ALL),
        ("/srv/d", Audiences::ALL, Access::ALL),
    ] {
        assert_eq!(refused(path, who), expected, "{path}");
    }
    assert!(image.has_audiences());
    assert_eq!(image.audiences_of(CallerKind::Java, b"a"), Audiences::NONE, "of another kind");
    let has = CallerKind::ALL.map(|kind| image.has_audience_of(kind));
    assert_eq!(has, CallerKind::ALL.map(|kind| kind == CallerKind::Native));
    assert_eq!(image.audiences_of(CallerKind::Native, b"ab"), Audiences::NONE, "no boundary");
}

#[test]
fn at_the_same_place_the_rule_wins_for_everybody() {
    let policy = scoped("forbid /srv/a; allow /srv/a", &["h"]);
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    assert_eq!(image.decide_among(b"/srv/a", Audiences::ALL).refused(), Access::ALL);
}

#[test]
fn what_says_nothing_is_refused() {
    let id = |policy: &Policy| match compile(policy) {
        Err(CompileError::Audience { rule }) => rule,
        other => panic!("an error about an audience, not {other:?}"),
    };
    assert_eq!(id(&scoped("forbid /srv; allow /srv/a", &[""])), "files[1]", "for nobody");
    let mut forbids = policy("forbid /srv");
    forbids.rules[0].audience = Some(audience("h"));
    assert_eq!(id(&forbids), "files[0]", "no exception");
    let mut prefix = scoped("forbid /srv; allow /srv/a", &["a"]);
    let named = prefix.rules[1].audience.as_mut().expect("just given");
    named.callers[0].text = "a/".into();
    assert!(matches!(compile(&prefix), Err(CompileError::NotPrefix { .. })));
}

#[test]
fn a_policy_has_as_many_audiences_as_there_are_bits() {
    let of = |count: u8| {
        let exceptions: Vec<String> =
            (0..count).map(|n| format!("allow /srv/{}", char::from(b'a' + n))).collect();
        let letters: Vec<String> = (0..count).map(|n| char::from(b'i' + n).to_string()).collect();
        let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
        scoped(&format!("forbid /srv; {}", exceptions.join("; ")), &letters)
    };
    assert_eq!(Audiences::MOST, 8);
    let policy = of(8);
    let bytes = compile(&policy).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    assert_eq!(image.audiences_of(CallerKind::Native, b"p"), Audiences::only(7));
    assert_eq!(compile(&of(9)), Err(CompileError::TooManyAudiences));
}
