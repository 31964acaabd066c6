//! Whether the policy lets a task start a program of this machine.

use crate::read::document::{CallerKind, Prefix, PrefixRules};
use crate::run::refusal::Refusal;

/// Asks `processes` about a class: the longer prefix decides, and of two of the same length the one
/// that forbids.
///
/// # Errors
/// RF413 with the place of the rule.
pub(super) fn may_start(class: &str, rules: &PrefixRules) -> Result<(), Refusal> {
    let refusal = |why: String| {
        Err(Refusal::coded("RF413", format!("`{class}` may start no local program"))
            .note(why)
            .help("force a container as the runner of such tasks"))
    };
    let (yes, no) = (longest(class, &rules.authorized), longest(class, &rules.forbidden));
    let length = |prefix: Option<&Prefix>| prefix.map_or(0, |prefix| prefix.text.len());
    match no {
        Some(prefix) if length(no) >= length(yes) => {
            refusal(format!("{} `{}` ({})", prefix.section, prefix.text, prefix.span))
        }
        _ if yes.is_none() && java(&rules.authorized).next().is_some() => {
            refusal("`processes.authorized` does not name it".into())
        }
        _ => Ok(()),
    }
}

/// The longest prefix that covers a class.
fn longest<'a>(class: &str, prefixes: &'a [Prefix]) -> Option<&'a Prefix> {
    let covers = |prefix: &&Prefix| {
        let rest = class.strip_prefix(prefix.text.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    java(prefixes).filter(covers).max_by_key(|prefix| prefix.text.len())
}

/// A list governs only callers of the kinds that it names.
fn java(prefixes: &[Prefix]) -> impl Iterator<Item = &Prefix> {
    prefixes.iter().filter(|prefix| prefix.kind == CallerKind::Java)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::span::{Source, Span};

    const SHELL: &str = "io.kestra.plugin.scripts.shell.Commands";

    fn rules(authorized: &[&str], forbidden: &[&str]) -> PrefixRules {
        let list = |texts: &[&str]| {
            let prefix = |text: &&str| Prefix {
                kind: if text.contains("lib") { CallerKind::Native } else { CallerKind::Java },
                text: (*text).to_owned(),
                section: "processes.forbidden".to_owned(),
                index: 0,
                span: Span::start_of(&Source::new("p.yaml", "")),
            };
            texts.iter().map(prefix).collect()
        };
        let (authorized, forbidden) = (list(authorized), list(forbidden));
        PrefixRules { authorized, forbidden, deny_unattributed: false }
    }

    #[test]
    fn the_longer_prefix_decides_and_forbidding_wins_a_tie() {
        let (scripts, shell) = ("io.kestra.plugin.scripts", "io.kestra.plugin.scripts.shell");
        for (authorized, forbidden, allowed) in [
            (&[][..], &[][..], true),
            (&[], &[scripts], false),
            (&[], &["io.kestra.plugin.script"], true),
            (&[], &[SHELL], false),
            (&[shell], &[scripts], true),
            (&[scripts], &[shell], false),
            (&[scripts], &[scripts], false),
            (&["io.kestra.plugin.gcp"], &[], false),
            (&["libgomp.so.1"], &[], true),
        ] {
            let answer = may_start(SHELL, &rules(authorized, forbidden));
            assert_eq!(answer.is_ok(), allowed, "{authorized:?} {forbidden:?}");
        }
    }

    #[test]
    fn a_refusal_says_where_the_rule_stands() {
        let refusal = may_start(SHELL, &rules(&[], &["io.kestra"])).expect_err("forbidden");
        let text = refusal.to_text();
        assert!(text.contains("RF413") && text.contains("`io.kestra` (p.yaml:1:1)"), "{text}");
    }
}
