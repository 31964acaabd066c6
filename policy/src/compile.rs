//! Turns a policy as written into an image.

mod callers;
mod layout;
mod trie;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::pattern::{Shape, components};
use crate::{
    Audiences, Effect, FileRule, Image, ImageError, PathPattern, Policy, RuleIndex, audiences,
};
use layout::Layout;

/// The longest place that a rule may name, in bytes: more than the kernel takes for a path.
const LONGEST: usize = u16::MAX as usize;

/// Why a policy has no image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// A rule names no place, or is about no access: it would say nothing, in silence.
    Empty {
        /// The rule's id.
        rule: String,
    },
    /// A name is not an absolute text without `.`, `..`, `//`, a trailing slash and NUL.
    NotNormalised {
        /// The rule's id, or `alias`.
        rule: String,
        /// The name.
        name: Vec<u8>,
    },
    /// A name has more bytes than any path.
    TooLong {
        /// The rule's id, or `alias`.
        rule: String,
        /// The bytes that it has.
        length: usize,
    },
    /// The beginning of callers' names is empty, ends where a name goes on, or has a NUL.
    NotPrefix {
        /// The rule's id, or `callers`.
        rule: String,
        /// The prefix.
        prefix: String,
    },
    /// The name of a variable is empty, or holds `=` or NUL.
    NotVariable {
        /// The name.
        name: Vec<u8>,
    },
    /// A link is said to lead to two places, or is `/`.
    Alias {
        /// The link.
        from: Vec<u8>,
    },
    /// A rule that forbids, or that nothing lifts, is said to hold for certain callers only; or an
    /// exception is for nobody.
    Audience {
        /// The rule's id.
        rule: String,
    },
    /// The exceptions are for more audiences than [`Audiences::MOST`].
    TooManyAudiences,
    /// The image would not fit into its 32-bit offsets.
    TooLarge,
    /// The image could not be read back: a fault of the compiler.
    Unreadable(ImageError),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { rule } => write!(f, "{rule}: names no path or no access"),
            Self::NotNormalised { rule, name } => write!(
                f,
                "{rule}: `{}` is not an absolute path without `.`, `..`, `//`, a last `/` or NUL",
                name.escape_ascii()
            ),
            Self::TooLong { rule, length } => {
                write!(f, "{rule}: a path of {length} bytes, at most {LONGEST} are possible")
            }
            Self::NotPrefix { rule, prefix } => {
                write!(f, "{rule}: `{}` is no beginning of names", prefix.escape_debug())
            }
            Self::NotVariable { name } => {
                write!(f, "`{}` is no name of a variable", name.escape_ascii())
            }
            Self::Alias { from } => {
                write!(f, "alias `{}` has no single place to lead to", from.escape_ascii())
            }
            Self::Audience { rule } => {
                write!(
                    f,
                    "{rule}: only an exception holds for certain callers, and for some at all"
                )
            }
            Self::TooManyAudiences => {
                write!(
                    f,
                    "exceptions are for at most {} different lists of callers",
                    Audiences::MOST
                )
            }
            Self::TooLarge => f.write_str("the policy is too large for an image (4 GiB)"),
            Self::Unreadable(error) => write!(f, "the image made of the policy is {error}"),
        }
    }
}

impl core::error::Error for CompileError {}

/// Compiles a policy to the bytes of its image. Equal policies have equal images.
///
/// # Errors
/// [`CompileError`] names the rule that cannot be kept as it is written. Nothing is dropped or
/// mended: a rule that would silently cover something else is an error.
pub fn compile(policy: &Policy) -> Result<Vec<u8>, CompileError> {
    let audiences = audiences(policy);
    if audiences.len() > Audiences::MOST {
        return Err(CompileError::TooManyAudiences);
    }
    let mut layout = Layout::default();
    for (index, rule) in (0..).map(RuleIndex).zip(&policy.rules) {
        check_rule(rule)?;
        layout.rule(index, rule).ok_or(CompileError::TooLarge)?;
        if let Some(audience) = &rule.audience {
            let number = audiences.iter().position(|known| *known == audience);
            let number = number.and_then(|number| u32::try_from(number).ok());
            layout.scope(index, number.ok_or(CompileError::TooLarge)?);
        }
    }
    for alias in &policy.aliases {
        let conflict = || CompileError::Alias { from: alias.from.clone() };
        check_name("alias", &alias.from)?;
        check_name("alias", &alias.to)?;
        if alias.from == b"/" || !layout.alias(alias).ok_or(CompileError::TooLarge)? {
            return Err(conflict());
        }
    }
    for name in &policy.hidden {
        if name.is_empty() || name.iter().any(|byte| b"=\0".contains(byte)) {
            return Err(CompileError::NotVariable { name: name.clone() });
        }
    }
    callers::check(&policy.callers)?;
    let image = layout.finish(policy).ok_or(CompileError::TooLarge)?;
    Image::parse(&image).map_err(CompileError::Unreadable)?;
    Ok(image)
}

fn check_rule(rule: &FileRule) -> Result<(), CompileError> {
    if rule.names.is_empty() || rule.access.is_empty() {
        return Err(CompileError::Empty { rule: rule.id.clone() });
    }
    if let Some(audience) = &rule.audience {
        if rule.effect != Effect::Allow
            || rule.fixed
            || !audience.host && audience.callers.is_empty()
        {
            return Err(CompileError::Audience { rule: rule.id.clone() });
        }
        for prefix in &audience.callers {
            callers::check_prefix(&rule.id, &prefix.text)?;
        }
    }
    for name in &rule.names {
        let (PathPattern::Literal(written) | PathPattern::Glob(written)) = name;
        check_name(&rule.id, written)?;
        let (Shape::Literal(covered) | Shape::Glob(covered)) = Shape::of(name);
        check_name(&rule.id, covered)?;
    }
    Ok(())
}

/// Refuses what is not the absolute normalised text of a path.
fn check_name(rule: &str, name: &[u8]) -> Result<(), CompileError> {
    if name.len() > LONGEST {
        return Err(CompileError::TooLong { rule: rule.into(), length: name.len() });
    }
    let is_plain = |component: &[u8]| !matches!(component, b"" | b"." | b"..");
    let is_normalised = name == b"/"
        || name.starts_with(b"/")
            && !name.ends_with(b"/")
            && !name.contains(&0)
            && components(name).all(is_plain);
    if is_normalised {
        return Ok(());
    }
    Err(CompileError::NotNormalised { rule: rule.into(), name: name.into() })
}
