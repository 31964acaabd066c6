//! Whether the policy lets a task start a program of this machine.

use crate::read::classes::{Refused, judge};
use crate::read::document::PrefixRules;
use crate::run::refusal::Refusal;

/// Asks `processes` about a class.
///
/// # Errors
/// RF413 with the place of the rule.
pub(super) fn may_start(class: &str, rules: &PrefixRules) -> Result<(), Refusal> {
    let refusal = |why: String| {
        Err(Refusal::coded("RF413", format!("`{class}` may start no local program"))
            .note(why)
            .help("force a container as the runner of such tasks"))
    };
    match judge(class, rules) {
        Ok(()) => Ok(()),
        Err(Refused::Forbidden(prefix)) => {
            refusal(format!("{} `{}` ({})", prefix.section, prefix.text, prefix.span))
        }
        Err(Refused::Unnamed(_)) => refusal("`processes.authorized` does not name it".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::document::{CallerKind, Prefix};
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
