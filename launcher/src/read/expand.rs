//! `${NAME}` in values: the native form with `:-` before a default, and Micronaut's with `:`.

use std::ops::Range;

use super::world::World;

/// The two ways to write a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `${NAME:-default}`; a variable that is empty counts as unset.
    Native,
    /// `${NAME:default}`, as Micronaut reads it.
    Kestra,
}

impl Syntax {
    /// What stands between the name and the default.
    pub(crate) fn separator(self) -> &'static str {
        match self {
            Self::Native => ":-",
            Self::Kestra => ":",
        }
    }
}

/// Why a text cannot be expanded, and the bytes of it that are to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The range in the text.
    pub(crate) at: Range<usize>,
    /// What is wrong there.
    pub(crate) reason: Reason,
}

/// What can be wrong with a `${…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The variable is not set, and there is no default.
    Unset(String),
    /// The variable is set to nothing, and there is no default that could take its place.
    Empty(String),
    /// The closing `}` is missing.
    Unclosed,
    /// What stands between the braces is no name of an environment variable.
    NoName(String),
    /// Defaults in defaults, too many.
    TooDeep,
}

const MAX_DEPTH: usize = 16;

/// Replaces every `${…}`. The result is bytes, since environment variables are.
pub(crate) fn expand(text: &str, syntax: Syntax, world: &World) -> Result<Vec<u8>, Failure> {
    expand_at(text, 0, syntax, world, 0)
}

fn expand_at(
    text: &str,
    offset: usize,
    syntax: Syntax,
    world: &World,
    depth: usize,
) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${") {
        let start = rest + found;
        out.extend_from_slice(&text.as_bytes()[rest..start]);
        let fail =
            |length: usize, reason| Failure { at: offset + start..offset + start + length, reason };
        if depth >= MAX_DEPTH {
            return Err(fail(2, Reason::TooDeep));
        }
        let Some(length) = closed(&text[start..]) else {
            return Err(fail(text.len() - start, Reason::Unclosed));
        };
        let inside = &text[start + 2..start + length - 1];
        let (name, default) = match inside.find(syntax.separator()) {
            Some(at) => {
                let at_default = at + syntax.separator().len();
                (&inside[..at], Some((&inside[at_default..], offset + start + 2 + at_default)))
            }
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(fail(length, Reason::NoName(name.to_owned())));
        }
        match (world.variable(name), default) {
            (Some(value), _) if !value.is_empty() => out.extend_from_slice(value),
            (Some(_), None) => return Err(fail(length, Reason::Empty(name.to_owned()))),
            // Micronaut would take the empty value, and a rule would name less than it says.
            (Some(_), Some(_)) if syntax == Syntax::Kestra => {
                return Err(fail(length, Reason::Empty(name.to_owned())));
            }
            (_, Some((default, at))) => {
                out.extend(expand_at(default, at, syntax, world, depth + 1)?);
            }
            (None, None) => return Err(fail(length, Reason::Unset(name.to_owned()))),
        }
        rest = start + length;
    }
    out.extend_from_slice(&text.as_bytes()[rest..]);
    Ok(out)
}

/// The length of the `${…}` that the text starts with, to the `}` that belongs to it.
fn closed(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut previous = 0;
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        match byte {
            b'{' if previous == b'$' => open += 1,
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        previous = byte;
    }
    None
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn world() -> World {
        let variables = [("A", "/a"), ("B", "b"), ("EMPTY", "")];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        World { variables: variables.into(), ..World::default() }
    }

    fn native(text: &str) -> Result<String, Failure> {
        expand(text, Syntax::Native, &world()).map(|out| String::from_utf8(out).expect("UTF-8"))
    }

    fn kestra(text: &str) -> Result<String, Failure> {
        expand(text, Syntax::Kestra, &world()).map(|out| String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn variables_and_defaults_are_expanded() {
        assert_eq!(native("${A}/x/${B}").as_deref(), Ok("/a/x/b"));
        assert_eq!(native("${C:-/c}").as_deref(), Ok("/c"));
        assert_eq!(native("${EMPTY:-/c}").as_deref(), Ok("/c"));
        assert_eq!(native("${C:-${D:-${A}}}/x").as_deref(), Ok("/a/x"));
        assert_eq!(native("no $A, {A} or $").as_deref(), Ok("no $A, {A} or $"));
        assert_eq!(kestra("${C:/c}${A:/x}").as_deref(), Ok("/c/a"));
        assert_eq!(kestra("${C:-/c}").as_deref(), Ok("-/c"));
        assert_eq!(kestra("${C:}").as_deref(), Ok(""));
    }

    #[test]
    fn what_cannot_be_expanded_says_where_and_why() {
        let failure = |at, reason| Err(Failure { at, reason });
        assert_eq!(native("/x/${C}/y"), failure(3..7, Reason::Unset("C".into())));
        assert_eq!(native("${EMPTY}"), failure(0..8, Reason::Empty("EMPTY".into())));
        assert_eq!(kestra("${EMPTY:/x}"), failure(0..11, Reason::Empty("EMPTY".into())));
        assert_eq!(native("a${C:-${D}"), failure(1..10, Reason::Unclosed));
        assert_eq!(native("${C:-x${D}}"), failure(6..10, Reason::Unset("D".into())));
        assert_eq!(kestra("${random.uuid}"), failure(0..14, Reason::NoName("random.uuid".into())));
        assert_eq!(native("${C:x}"), failure(0..6, Reason::NoName("C:x".into())));
        let deep = format!("{}x{}", "${C:-".repeat(40), "}".repeat(40));
        assert!(matches!(native(&deep), Err(Failure { reason: Reason::TooDeep, .. })));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_failures_lie_within_it(text in "[$\\{\\}:A-Cé-]{0,30}") {
            for syntax in [Syntax::Native, Syntax::Kestra] {
                if let Err(failure) = expand(&text, syntax, &world()) {
                    prop_assert!(text.get(failure.at).is_some());
                }
            }
        }
    }
}
