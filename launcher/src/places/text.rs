//! Absolute paths and globs as text, by whole components.

use ringfence_policy::PathPattern;

/// The components of a path, without empty ones.
pub(crate) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !component.is_empty())
}

/// An absolute path of these components.
pub(crate) fn join<'a>(components: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut path = Vec::new();
    for component in components {
        path.push(b'/');
        path.extend_from_slice(component);
    }
    if path.is_empty() { b"/".to_vec() } else { path }
}

/// `base` with the components of `rest` beneath it.
pub(crate) fn beneath(base: &[u8], rest: &[u8]) -> Vec<u8> {
    join(components(base).chain(components(rest)))
}

/// An absolute path without `.`, `..`, `//` and a slash at its end; a link is not looked at.
pub(crate) fn normalise(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for component in components(path) {
        match component {
            b"." => {}
            b".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    join(kept)
}

/// What is left of `path` below `base`, empty where they are equal; `None` where it is not
/// beneath.
pub(crate) fn rest_below<'a>(path: &'a [u8], base: &[u8]) -> Option<&'a [u8]> {
    let base = if base == b"/" { b"" } else { base };
    let rest = path.strip_prefix(base)?;
    match rest {
        [] | b"/" => Some(b""),
        [b'/', ..] => Some(rest),
        _ => None,
    }
}

/// A place that a rule names, split where wildcards begin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// The part without wildcards.
    pub(crate) head: Vec<u8>,
    /// The components from the first with a wildcard on; empty for a plain path.
    pub(crate) tail: Vec<Vec<u8>>,
}

impl Spot {
    /// The place that a pattern names.
    pub(crate) fn of(pattern: &PathPattern) -> Self {
        let glob = match pattern {
            PathPattern::Literal(path) => return Self { head: normalise(path), tail: Vec::new() },
            PathPattern::Glob(glob) => glob,
        };
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        for component in components(glob) {
            if tail.is_empty() && !is_wild(component) {
                head.push(component);
            } else {
                tail.push(component.to_vec());
            }
        }
        Self { head: join(head), tail }
    }

    /// The pattern that names this place.
    pub(crate) fn pattern(&self) -> PathPattern {
        let tail = self.tail.iter().map(Vec::as_slice);
        let path = join(components(&self.head).chain(tail));
        if self.tail.iter().any(|component| is_wild(component)) {
            PathPattern::Glob(path)
        } else {
            PathPattern::Literal(path)
        }
    }

    /// Whether the place or one above it is `path`: whether a rule here covers `path`.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        let Some(rest) = rest_below(path, &self.head) else { return false };
        let rest: Vec<&[u8]> = components(rest).collect();
        (0..=rest.len()).any(|count| strip(&self.tail, &rest[..count]).iter().any(Vec::is_empty))
    }
}

fn is_wild(component: &[u8]) -> bool {
    component.iter().any(|byte| matches!(byte, b'*' | b'?'))
}

/// What is left of a pattern's components after these names: nothing where they do not fit it,
/// several answers where a `**` may stand for more or fewer of them. An empty remainder means
/// that the names are the place itself, or lie beneath it.
pub(crate) fn strip(tail: &[Vec<u8>], names: &[&[u8]]) -> Vec<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    collect(tail, names, &mut found);
    found.sort_unstable();
    found.dedup();
    found
}

fn collect(tail: &[Vec<u8>], names: &[&[u8]], found: &mut Vec<Vec<Vec<u8>>>) {
    let (Some(first), Some(name)) = (tail.first(), names.first()) else {
        // Either all names are used up, or the pattern ends above them and covers them whole.
        return found.push(tail.to_vec());
    };
    if first == b"**" {
        collect(&tail[1..], names, found);
        collect(tail, &names[1..], found);
    } else if fits(first, name) {
        collect(&tail[1..], &names[1..], found);
    }
}

/// Whether a component with `*` and `?` fits a name.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            fits(rest, name) || name.split_first().is_some_and(|(_, name)| fits(pattern, name))
        }
        (Some((b'?', rest)), Some((_, name))) => fits(rest, name),
        (Some((byte, rest)), Some((other, name))) => byte == other && fits(rest, name),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Spot {
        Spot::of(&PathPattern::Glob(text.into()))
    }

    #[test]
    fn a_path_is_normalised_by_text() {
        for (path, expected) in
            [("/etc/", "/etc"), ("/a//b/./c/../d", "/a/b/d"), ("/..", "/"), ("/", "/")]
        {
            assert_eq!(normalise(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn beneath_is_by_whole_components() {
        assert_eq!(rest_below(b"/etc/x", b"/etc"), Some(&b"/x"[..]));
        assert_eq!(rest_below(b"/etc", b"/etc"), Some(&b""[..]));
        assert_eq!(rest_below(b"/etcetera", b"/etc"), None);
        assert_eq!(rest_below(b"/etc", b"/"), Some(&b"/etc"[..]));
    }

    #[test]
    fn a_glob_is_split_where_wildcards_begin() {
        let spot = glob("/tmp/kestra/*/.netrc");
        assert_eq!(spot.head, b"/tmp/kestra");
        assert_eq!(spot.tail, [b"*".to_vec(), b".netrc".to_vec()]);
        assert_eq!(spot.pattern(), PathPattern::Glob(b"/tmp/kestra/*/.netrc".to_vec()));
    }

    #[test]
    fn stripping_names_leaves_the_rest_of_the_pattern() {
        let tail = [b"*".to_vec(), b"secret".to_vec()];
        assert_eq!(strip(&tail, &[b"a"]), [[b"secret".to_vec()]]);
        assert_eq!(strip(&tail, &[b"a", b"b"]), Vec::<Vec<Vec<u8>>>::new());
        assert_eq!(strip(&tail, &[b"a", b"secret", b"x"]), [Vec::<Vec<u8>>::new()]);
    }

    #[test]
    fn two_stars_stand_for_any_number_of_components() {
        let tail = [b"**".to_vec(), b"k".to_vec()];
        assert_eq!(strip(&tail, &[b"a"]), [tail.to_vec()]);
        assert_eq!(strip(&tail, &[b"k"]), [vec![], tail.to_vec()]);
    }

    #[test]
    fn a_spot_covers_itself_and_all_beneath() {
        assert!(glob("/t/*/k").covers(b"/t/a/k"));
        assert!(glob("/t/*/k").covers(b"/t/a/k/deep"));
        assert!(!glob("/t/*/k").covers(b"/t/a"));
        assert!(!glob("/t/*/k").covers(b"/t/a/kk"));
        assert!(Spot::of(&PathPattern::Literal(b"/".to_vec())).covers(b"/x"));
    }

    #[test]
    fn wildcards_fit_within_a_component() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("??", "ab", true),
            ("??", "a", false),
            ("[a]", "a", false),
            ("[a]", "[a]", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}
