//! The shape of a place that a rule names, and how a glob matches.
//!
//! A rule covers all beneath its place, so `**` at the end of a glob adds nothing and is not part
//! of its shape: `/srv/**` is `/srv`. What remains may match several beginnings of one path
//! (`/srv/**/.git` two of `/srv/a/.git/b/.git/c`). Its length, by which it is compared with other
//! rules, is then the choice that refuses more: of a rule that forbids the longest beginning, of
//! an exception the shortest.

use crate::PathPattern;

/// A name of a rule, reduced to what it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape<'a> {
    /// A place.
    Literal(&'a [u8]),
    /// A glob with a wildcard, not ending in `**`.
    Glob(&'a [u8]),
}

impl<'a> Shape<'a> {
    pub(crate) fn of(pattern: &'a PathPattern) -> Self {
        match pattern {
            PathPattern::Literal(place) => Self::Literal(place),
            PathPattern::Glob(glob) => {
                let mut rest = glob.as_slice();
                while let Some(shorter) = rest.strip_suffix(b"/**") {
                    rest = shorter;
                }
                match rest {
                    b"" => Self::Literal(b"/"),
                    _ if is_wild(rest) => Self::Glob(rest),
                    _ => Self::Literal(rest),
                }
            }
        }
    }

    /// The last component, which may have wildcards; none of `/`.
    pub(crate) fn last_component(self) -> Option<&'a [u8]> {
        let (Self::Literal(text) | Self::Glob(text)) = self;
        components(text).last()
    }

    /// The last component, if every place that the shape names ends in just that: not of `/`, nor
    /// of a glob that ends in a wildcard.
    pub(crate) fn last_name(self) -> Option<&'a [u8]> {
        self.last_component().filter(|name| matches!(self, Self::Literal(_)) || !is_wild(name))
    }

    /// The last component of a glob, if it has a wildcard.
    pub(crate) fn last_wildcard(self) -> Option<&'a [u8]> {
        self.last_component().filter(|name| matches!(self, Self::Glob(_)) && is_wild(name))
    }
}

/// Whether a text has a wildcard in it.
pub(crate) fn is_wild(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'?'))
}

/// The components of an absolute path; none of `/`.
pub(crate) fn components(path: &[u8]) -> Components<'_> {
    Components { rest: path.strip_prefix(b"/").unwrap_or(path) }
}

/// What [`components`] returns: cheap to copy, to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Components<'a> {
    rest: &'a [u8],
}

impl<'a> Components<'a> {
    /// The components that have not been taken yet, as text.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|byte| *byte == b'/').unwrap_or(self.rest.len());
        let (component, after) = self.rest.split_at_checked(end)?;
        self.rest = after.get(1..).unwrap_or_default();
        Some(component)
    }
}

/// How many components of `path` the glob matches, if any; the fewest that it can, or the most.
///
/// Each run of components between two `**` is put where it first fits. No later place could help
/// those after it, so there is nothing to come back to, and the work is bounded by the product of
/// the two lengths. The last run alone decides how much is matched: for the most, it is tried at
/// every later place too.
pub(crate) fn glob_length(
    glob: Components<'_>,
    path: Components<'_>,
    longest: bool,
) -> Option<u32> {
    let mut run = glob;
    let mut start = path;
    let mut skipped = 0_u32;
    let mut may_skip = false;
    let mut found = None;
    loop {
        match run_length(run, start) {
            Some(Fit { length, next: Some(next), rest }) => {
                // A run with another after it: fixed where it first fits.
                skipped = skipped.saturating_add(length);
                (run, start, may_skip) = (next, rest, true);
                continue;
            }
            Some(Fit { length, next: None, .. }) => {
                found = Some(skipped.saturating_add(length));
                if !(longest && may_skip) {
                    return found;
                }
            }
            None if !may_skip => return found,
            None => {}
        }
        if start.next().is_none() {
            return found;
        }
        skipped = skipped.saturating_add(1);
    }
}

/// A run of a glob that fits the beginning of a path.
struct Fit<'g, 'p> {
    /// The components of the run.
    length: u32,
    /// What comes after the `**` that ends it, if one does.
    next: Option<Components<'g>>,
    /// What comes after it in the path.
    rest: Components<'p>,
}

/// Fits the components of `glob` up to the next `**` to the beginning of `path`.
fn run_length<'g, 'p>(mut glob: Components<'g>, mut path: Components<'p>) -> Option<Fit<'g, 'p>> {
    let mut length = 0_u32;
    while let Some(wanted) = glob.next() {
        if wanted == b"**" {
            return Some(Fit { length, next: Some(glob), rest: path });
        }
        if !component_matches(wanted, path.next()?) {
            return None;
        }
        length = length.saturating_add(1);
    }
    Some(Fit { length, next: None, rest: path })
}

/// What a path is to the places that a glob matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Above {
    /// Nothing that it matches lies beneath the path.
    No,
    /// Something may, through a `**`.
    Maybe,
    /// The path is the beginning of such a place.
    Yes,
}

/// Whether what the glob matches may lie beneath the path.
pub(crate) fn above(mut glob: Components<'_>, path: Components<'_>) -> Above {
    for name in path {
        match glob.next() {
            Some(b"**") => return Above::Maybe,
            Some(wanted) if component_matches(wanted, name) => {}
            _ => return Above::No,
        }
    }
    if glob.next().is_some() { Above::Yes } else { Above::No }
}

/// Whether one component matches, `*` and `?` standing for bytes.
///
/// Only the last `*` is ever come back to: what an earlier one could take, the later can too.
pub(crate) fn component_matches(wanted: &[u8], name: &[u8]) -> bool {
    let (mut wanted, mut name) = (wanted, name);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (wanted.split_first(), name.split_first()) {
            (Some((b'*', after)), _) => {
                star = Some((after, name));
                wanted = after;
                continue;
            }
            (Some((w, after)), Some((n, rest))) if *w == b'?' || w == n => {
                (wanted, name) = (after, rest);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        // The star takes one byte more.
        let Some((after, [_, rest @ ..])) = star else { return false };
        star = Some((after, rest));
        (wanted, name) = (after, rest);
    }
}
