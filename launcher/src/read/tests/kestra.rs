//! Kestra's own configuration.

use ringfence_policy::{Access, Effect, PathPattern};

use super::harness::{accepted, refused, warned};

/// The four blocks of Kestra's page on worker isolation, letter by letter.
const SEED: [&str; 4] = [
    include_str!("../../../../tests/data/worker-isolation/authorized-classes.yml"),
    include_str!("../../../../tests/data/worker-isolation/forbidden-classes.yml"),
    include_str!("../../../../tests/data/worker-isolation/log-level.yml"),
    include_str!("../../../../tests/data/worker-isolation/forced-docker.yml"),
];

#[test]
fn the_four_blocks_of_the_documentation_are_accepted_unchanged() {
    for block in SEED {
        assert_eq!(warned(block), "", "{block}");
    }
    let first = accepted(SEED[0]);
    let [rule] = first.rules.as_slice() else { panic!("one rule: {:?}", first.rules) };
    assert_eq!(rule.id, "forbiddenPaths[0]");
    assert_eq!(rule.section, "forbiddenPaths");
    assert_eq!(rule.pattern, "/etc/");
    assert_eq!(rule.names, [PathPattern::Literal(b"/etc".to_vec())]);
    assert_eq!((rule.effect, rule.access), (Effect::Forbid, Access::ALL));
    assert_eq!((rule.place.line, rule.place.column), (6, 11));
    let authorized: Vec<_> = first.threads.authorized.iter().map(|prefix| &*prefix.text).collect();
    assert_eq!(authorized, ["io.kestra.plugin.core", "io.kestra.plugin.gcp"]);
    assert_eq!(accepted(SEED[1]).threads.forbidden[0].text, "io.kestra.plugin.scripts");
    assert_eq!(accepted(SEED[2]).defaults[0].section, "kestra.plugins.defaults");
    assert_eq!(accepted(SEED[3]).defaults[0].section, "kestra.tasks.defaults");
}

#[test]
fn rf101_an_unknown_key() {
    let text = "\
kestra:
  ee:
    javaSecurity:
      enabled: true
      forbidenPaths:
        - /etc/
";
    assert_eq!(
        refused(text),
        "\
error[RF101]: unknown key `forbidenPaths` in `kestra.ee.javaSecurity`
 --> p:5:7
  |
5 |       forbidenPaths:
  |       ^^^^^^^^^^^^^ unknown key
  |
help: did you mean
  |
5 |       forbiddenPaths:
  |             +"
    );
}

#[test]
fn rf105_enabled_is_missing() {
    let text = "\
kestra:
  ee:
    javaSecurity:
      forbiddenPaths: [/etc/]
";
    assert_eq!(
        refused(text),
        "\
error[RF105]: `kestra.ee.javaSecurity` has rules but no `enabled`
 --> p:3:5
  = help: Kestra leaves it off by default; add `enabled: true` (or `false`) so that nobody has to guess"
    );
}

#[test]
fn rf202_a_variable_that_is_not_set() {
    let text = "\
kestra:
  ee:
    javaSecurity:
      enabled: true
      forbiddenPaths: [\"${TEAM_SECRETS}/\", \"${SECRETS}/\", \"${NONE:/var/empty}\"]
";
    assert_eq!(
        refused(text),
        "\
error[RF202]: environment variable `TEAM_SECRETS` is not set
 --> p:5:25
  |
5 |       forbiddenPaths: [\"${TEAM_SECRETS}/\", \"${SECRETS}/\", \"${NONE:/var/empty}\"]
  |                         ^^^^^^^^^^^^^^^ not set
  |
  = help: an empty value would make this rule name another place, so it is refused; give a default: `${TEAM_SECRETS:/var/empty}`"
    );
}
