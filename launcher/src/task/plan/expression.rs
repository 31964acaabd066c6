//! Expressions in properties: those whose value is known without a server are rendered, and any
//! other one is an error. Run as it stands, `rm -rf {{ inputs.directory }}/` would be another
//! command than its author wrote.

use std::collections::BTreeMap;

use crate::run::refusal::Refusal;

/// What expressions may name, and what each comes to.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<String, String>);

impl Known {
    /// Gives a name its value, in place of an earlier one.
    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// A text with its expressions replaced; `what` names the property in messages.
    ///
    /// # Errors
    /// RF412 for an expression that is not known.
    pub(crate) fn render(&self, text: &str, what: &str) -> Result<String, Refusal> {
        let mut rendered = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{']) {
            let (before, from) = rest.split_at(at);
            rendered += before;
            if from.starts_with("{%") || from.starts_with("{#") {
                return Err(unknown(first_line(from), what));
            }
            let Some(inner) = from.strip_prefix("{{") else {
                rendered.push('{');
                rest = &from[1..];
                continue;
            };
            let (name, after) =
                inner.split_once("}}").ok_or_else(|| unknown(first_line(from), what))?;
            let name = name.trim_matches('-').trim();
            let whole = &from[..from.len() - after.len()];
            rendered += self.0.get(name).ok_or_else(|| unknown(whole, what))?;
            rest = after;
        }
        Ok(rendered + rest)
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn unknown(expression: &str, what: &str) -> Refusal {
    Refusal::coded("RF412", format!("`{expression}` in {what} is known to a server only"))
        .note("known here: `inputs.NAME`, `vars.NAME`, `workingDir`, `flow.id`, `flow.namespace`, `task.id`, `task.type`")
        .help("give an input by `--input NAME=VALUE`, or write the value itself")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> Result<String, String> {
        let mut known = Known::default();
        known.set("inputs.name", "World");
        known.set("task.id", "hello");
        known.render(text, "`commands[0]`").map_err(|refusal| refusal.to_text())
    }

    #[test]
    fn what_is_known_is_rendered() {
        for (text, expected) in [
            ("no expression { } }} {x", "no expression { } }} {x"),
            ("Hello {{ inputs.name }}!", "Hello World!"),
            ("{{inputs.name}}{{- task.id -}}", "Worldhello"),
            ("${HOME} {}", "${HOME} {}"),
        ] {
            assert_eq!(rendered(text), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_its_own_text() {
        for text in
            ["{{ outputs.a.b }}", "{{ inputs.name | upper }}", "{{ open", "{% if x %}", "{# x #}"]
        {
            let error = rendered(&format!("echo {text} end")).expect_err(text);
            assert!(error.contains("RF412") && error.contains("`commands[0]`"), "{error}");
            assert!(error.contains(text), "{error}");
        }
    }
}
