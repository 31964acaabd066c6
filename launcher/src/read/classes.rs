//! What lists of prefixes say about a class of Java's, before anything runs.

use ringfence_policy::CallerKind;

use super::document::{Prefix, PrefixRules};

/// Why a class may not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused<'a> {
    /// A forbidden prefix covers it.
    Forbidden(&'a Prefix),
    /// There are authorized prefixes, of which this is the first, and none covers it.
    Unnamed(&'a Prefix),
}

/// The longer prefix decides, and of two of the same length the one that forbids.
///
/// # Errors
/// Where the lists refuse the class.
pub(crate) fn judge<'a>(class: &str, rules: &'a PrefixRules) -> Result<(), Refused<'a>> {
    let (yes, no) = (longest(class, &rules.authorized), longest(class, &rules.forbidden));
    let length = |prefix: Option<&Prefix>| prefix.map_or(0, |prefix| prefix.text.len());
    match (no, java(&rules.authorized).next()) {
        (Some(prefix), _) if length(no) >= length(yes) => Err(Refused::Forbidden(prefix)),
        (_, Some(first)) if yes.is_none() => Err(Refused::Unnamed(first)),
        _ => Ok(()),
    }
}

/// The longest prefix that covers a class.
fn longest<'a>(class: &str, prefixes: &'a [Prefix]) -> Option<&'a Prefix> {
    java(prefixes)
        .filter(|prefix| covers(&prefix.text, class))
        .max_by_key(|prefix| prefix.text.len())
}

/// Whether a prefix covers a class or a package.
pub(crate) fn covers(prefix: &str, class: &str) -> bool {
    let rest = class.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '$']))
}

/// A list governs only callers of the kinds that it names.
fn java(prefixes: &[Prefix]) -> impl Iterator<Item = &Prefix> {
    prefixes.iter().filter(|prefix| prefix.kind == CallerKind::Java)
}
