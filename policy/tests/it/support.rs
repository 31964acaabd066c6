//! Policies made of one line, and random ones.

use proptest::prelude::*;
use ringfence_policy::{
    Access, Audience, CallerKind, CallerPrefix, Effect, FileRule, PathPattern, Place, Policy,
};

/// The rules of a text: `forbid /etc`, `allow:read,list /etc/ssl`, `fixed:write,leaf /run/image`,
/// separated by `;`. A path with a wildcard is a glob.
pub(crate) fn policy(text: &str) -> Policy {
    let rules = text.split(';').map(str::trim).filter(|rule| !rule.is_empty()).enumerate();
    Policy {
        rules: rules.map(|(number, rule)| self::rule(number, rule)).collect(),
        ..Policy::default()
    }
}

fn rule(number: usize, text: &str) -> FileRule {
    let (head, names) = text.split_once(' ').expect("a rule has a verb and a path");
    let (verb, words) = head.split_once(':').unwrap_or((head, ""));
    let words: Vec<&str> = words.split(',').filter(|word| !word.is_empty()).collect();
    let named = words.iter().filter_map(|word| access(word)).fold(Access::NONE, |a, b| a | b);
    FileRule {
        id: format!("files[{number}]"),
        section: "files".to_owned(),
        pattern: names.to_owned(),
        names: names.split(' ').map(name).collect(),
        effect: if verb == "allow" { Effect::Allow } else { Effect::Forbid },
        access: if named.is_empty() { Access::ALL } else { named },
        place: Place { file: "policy.yml".to_owned(), line: 7, column: 3 },
        reason: None,
        fixed: verb == "fixed",
        leaf: words.contains(&"leaf"),
        audience: None,
    }
}

/// A literal place, or a glob if the text has a wildcard.
pub(crate) fn name(text: &str) -> PathPattern {
    if text.contains(['*', '?']) {
        PathPattern::Glob(text.into())
    } else {
        PathPattern::Literal(text.into())
    }
}

/// An access by its keyword.
pub(crate) fn access(word: &str) -> Option<Access> {
    Some(match word {
        "read" => Access::READ,
        "write" => Access::WRITE,
        "list" => Access::LIST,
        "execute" => Access::EXECUTE,
        "metadata" => Access::METADATA,
        _ => return None,
    })
}

/// Names of one and two letters, so that random paths meet random rules.
fn component() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ab]", 1 => "[ab]{2}", 1 => "c"]
}

fn wild_component() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => component(),
        1 => Just("*".to_owned()),
        2 => Just("**".to_owned()),
        1 => "[a?*]{2,3}",
        1 => Just("?".to_owned()),
    ]
}

fn absolute(components: Vec<String>) -> String {
    format!("/{}", components.join("/"))
}

/// A random absolute path of at most `longest` components.
pub(crate) fn path(longest: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(component(), 0..=longest).prop_map(absolute)
}

fn random_access() -> impl Strategy<Value = Access> {
    prop_oneof![2 => Just(Access::ALL), 3 => (1_u8..32).prop_map(Access::from_bits)]
}

fn pattern(globs: bool) -> BoxedStrategy<PathPattern> {
    let literal = path(4).prop_map(|text| PathPattern::Literal(text.into()));
    if !globs {
        return literal.boxed();
    }
    let glob = prop::collection::vec(wild_component(), 0..5)
        .prop_map(|components| PathPattern::Glob(absolute(components).into()));
    prop_oneof![literal, glob].boxed()
}

fn random_rule(globs: bool) -> impl Strategy<Value = FileRule> {
    let names = prop::collection::vec(pattern(globs), 1..3);
    (names, random_access(), any::<bool>(), prop::bool::weighted(0.15), prop::bool::weighted(0.4))
        .prop_map(|(names, access, forbids, fixed, leaf)| FileRule {
            names,
            access,
            effect: if forbids { Effect::Forbid } else { Effect::Allow },
            fixed,
            leaf,
            audience: None,
            ..rule(0, "forbid /")
        })
}

/// An audience of a few letters: `h` is the host, others are libraries.
pub(crate) fn audience(letters: &str) -> Audience {
    let named = letters.chars().filter(|letter| *letter != 'h');
    let prefix = |letter: char| CallerPrefix { kind: CallerKind::Native, text: letter.to_string() };
    Audience { host: letters.contains('h'), callers: named.map(prefix).collect() }
}

/// A random policy, some of whose exceptions are for an audience only.
pub(crate) fn random_policy_for_some(globs: bool) -> impl Strategy<Value = Policy> {
    let rule = (random_rule(globs), prop::option::weighted(0.6, "[hab]{1,2}"));
    let rule = rule.prop_map(|(mut rule, letters)| {
        if rule.effect == Effect::Allow {
            rule.fixed = false;
            rule.audience = letters.map(|letters| audience(&letters));
        }
        rule
    });
    prop::collection::vec(rule, 0..7).prop_map(|rules| Policy { rules, ..Policy::default() })
}

/// A random policy of a few rules that cross each other.
pub(crate) fn random_policy(globs: bool) -> impl Strategy<Value = Policy> {
    prop::collection::vec(random_rule(globs), 0..7)
        .prop_map(|rules| Policy { rules, ..Policy::default() })
}
