//! A policy in a string, in a world of its own.

use annotate_snippets::Renderer;

use crate::read::document::Document;
use crate::read::mistakes::{Mistakes, Severity};
use crate::read::world::World;
use crate::read::{self, render};

/// A world with two homes and a few variables; `POLICY` holds the text.
pub(super) fn world(text: &str) -> World {
    let variables =
        [("POLICY", text), ("TEAM", "blue"), ("EMPTY", ""), ("SECRETS", "/srv/secrets")];
    World {
        variables: variables.map(|(name, value)| (name.into(), value.into())).into(),
        homes: vec![b"/home/kestra".to_vec(), b"/var/lib/kestra".to_vec()],
        directory: Some(b"/work".to_vec()),
    }
}

pub(super) fn load(text: &str) -> Result<Document, Mistakes> {
    read::load(&["env:POLICY".into()], &world(text))
}

/// The document of a policy that is accepted without errors.
pub(super) fn accepted(text: &str) -> Document {
    load(text).unwrap_or_else(|mistakes| panic!("refused:\n{}", show(&mistakes)))
}

/// All messages about a policy that is refused.
pub(super) fn refused(text: &str) -> String {
    let mistakes = load(text).expect_err("the policy is refused");
    assert!(mistakes.iter().any(|mistake| mistake.severity() == Severity::Error));
    show(&mistakes)
}

/// All messages about a policy that is accepted.
pub(super) fn warned(text: &str) -> String {
    show(&accepted(text).warnings)
}

pub(super) fn show(mistakes: &Mistakes) -> String {
    let texts: Vec<String> =
        mistakes.iter().map(|mistake| render::text(mistake, &Renderer::plain())).collect();
    // The source of every test has the same name; `p` keeps the texts short.
    texts.join("\n\n").replace("env:POLICY", "p")
}
