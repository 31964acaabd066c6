//! All names of the places that a policy's rules are about.
//!
//! A rule is written with one name; a worker may use any. What is forbidden is forbidden under
//! every name that this machine gives it when the policy is compiled: as written, where links
//! lead, under other mounts. What is allowed grows only by root's own links.

mod links;
mod mounts;
mod text;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use ringfence_policy::{Access, Alias, Effect, FileRule, PathPattern, Policy};

pub(crate) use links::{Follow, Links};

use mounts::Mounts;
use text::{Spot, strip};
pub(crate) use text::{beneath, components, join, normalise, rest_below};

/// The most names that one rule may get; a machine with more has mounts that nobody oversees.
const MOST_NAMES: usize = 4096;

/// Why the names of a rule could not be found.
#[derive(Debug)]
pub(crate) enum PlacesError {
    /// `/proc/self/mountinfo` cannot be read.
    Mounts(std::io::Error),
    /// A rule has more names than are kept: its pattern.
    TooMany(String),
}

impl std::fmt::Display for PlacesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mounts(error) => write!(f, "cannot read /proc/self/mountinfo: {error}"),
            Self::TooMany(pattern) => {
                write!(f, "`{pattern}` has more than {MOST_NAMES} names by links and mounts")
            }
        }
    }
}

/// Gives every rule all names of its place, and the policy the links that are rewritten by text.
///
/// # Errors
/// Where the mounts cannot be read, or a rule has too many names.
pub(crate) fn widen(policy: &mut Policy, links: &Links) -> Result<(), PlacesError> {
    let mounts = std::fs::read("/proc/self/mountinfo").map_err(PlacesError::Mounts)?;
    let aliases = links::well_known(links);
    Names { mounts: Mounts::parse(&mounts), links, aliases }.widen(policy)
}

/// What the names of places are found by.
struct Names<'a> {
    mounts: Mounts,
    links: &'a Links,
    /// Links that are rewritten by text, and where they lead.
    aliases: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Names<'_> {
    fn widen(&self, policy: &mut Policy) -> Result<(), PlacesError> {
        for rule in &mut policy.rules {
            rule.names = match rule.effect {
                Effect::Forbid => self.forbidden(rule)?,
                Effect::Allow => self.allowed(rule),
            };
            rule.leaf = rule.leaf || rule.names.iter().all(is_file);
        }
        // A link that lies in a forbidden place must be judged by its own name.
        let kept =
            self.aliases.iter().filter(|(from, _)| !covered(&policy.rules, from, Access::ALL));
        policy.aliases =
            kept.map(|(from, to)| Alias { from: from.clone(), to: to.clone() }).collect();
        Ok(())
    }

    /// Every name of the rule's places: found until nothing new comes.
    fn forbidden(&self, rule: &FileRule) -> Result<Vec<PathPattern>, PlacesError> {
        let mut names: Vec<Spot> = rule.names.iter().map(Spot::of).collect();
        let mut seen: BTreeSet<Spot> = names.iter().cloned().collect();
        let mut next = 0;
        while let Some(spot) = names.get(next).cloned() {
            next += 1;
            let followed = self.links.chain(&spot.head, Follow::All).unwrap_or_default();
            let followed = followed.into_iter().map(|head| Spot { head, tail: spot.tail.clone() });
            let found = followed
                .chain(self.mounts.other_names(&spot))
                .chain(self.through_aliases(&spot))
                .chain(any_process(&spot));
            for found in found {
                if seen.insert(found.clone()) {
                    names.push(found);
                }
            }
            if names.len() > MOST_NAMES {
                return Err(PlacesError::TooMany(rule.pattern.clone()));
            }
        }
        Ok(names.iter().map(Spot::pattern).collect())
    }

    /// What a glob that reaches over a rewritten link means behind it: paths are rewritten before
    /// they are judged, and `/b*/sh` would miss `/usr/bin/sh`.
    fn through_aliases(&self, spot: &Spot) -> Vec<Spot> {
        let mut found = Vec::new();
        for (from, to) in &self.aliases {
            let below = rest_below(from, &spot.head).filter(|rest| !rest.is_empty());
            let names: Option<Vec<&[u8]>> = below.map(|rest| components(rest).collect());
            let tails = names.map(|names| strip(&spot.tail, &names)).unwrap_or_default();
            found.extend(tails.into_iter().map(|tail| Spot { head: to.clone(), tail }));
        }
        found
    }

    /// An exception's own name, and where root's links lead from it.
    fn allowed(&self, rule: &FileRule) -> Vec<PathPattern> {
        let mut names: Vec<PathPattern> = Vec::new();
        for spot in rule.names.iter().map(Spot::of) {
            let followed = self.links.chain(&spot.head, Follow::Roots).unwrap_or_default();
            // A head with a wildcard in its text would be read as one.
            let is_plain = |head: &Vec<u8>| !head.iter().any(|byte| matches!(byte, b'*' | b'?'));
            let followed = followed
                .into_iter()
                .filter(|head| spot.tail.is_empty() || is_plain(head))
                .map(|head| Spot { head, tail: spot.tail.clone() }.pattern());
            for name in std::iter::once(spot.pattern()).chain(followed) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }
}

/// Whether the place is there and no directory, so that no process can hold it as one.
fn is_file(name: &PathPattern) -> bool {
    let PathPattern::Literal(path) = name else { return false };
    std::fs::metadata(OsStr::from_bytes(path)).is_ok_and(|status| !status.is_dir())
}

/// `/proc/self` is whichever process asks, so a rule about it is about each of them, and about
/// their threads.
fn any_process(spot: &Spot) -> Vec<Spot> {
    let own = [&b"/proc/self"[..], b"/proc/thread-self"];
    let Some(rest) = own.iter().find_map(|own| rest_below(&spot.head, own)) else {
        return Vec::new();
    };
    let rest: Vec<Vec<u8>> =
        components(rest).map(<[u8]>::to_vec).chain(spot.tail.clone()).collect();
    let of = |process: &[&[u8]]| {
        let process = process.iter().map(|name| name.to_vec());
        Spot { head: b"/proc".to_vec(), tail: process.chain(rest.iter().cloned()).collect() }
    };
    vec![of(&[b"*"]), of(&[b"*", b"task", b"*"])]
}

/// Whether one of a rule's names covers a path.
pub(crate) fn covers(rule: &FileRule, path: &[u8]) -> bool {
    rule.names.iter().any(|name| Spot::of(name).covers(path))
}

/// Whether some rule, exceptions aside, refuses one of the accesses to a path.
pub(crate) fn covered(rules: &[FileRule], path: &[u8], access: Access) -> bool {
    let rules = rules.iter().filter(|r| r.effect == Effect::Forbid && r.access.intersects(access));
    rules.flat_map(|rule| &rule.names).any(|name| Spot::of(name).covers(path))
}

/// A path on the command line as an absolute text; a relative one begins at the working
/// directory.
///
/// # Errors
/// Where the working directory has no name.
pub(crate) fn absolute(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    if path.is_absolute() {
        return Ok(normalise(path.as_os_str().as_bytes()));
    }
    let directory = std::env::current_dir()?;
    Ok(normalise(&beneath(directory.as_os_str().as_bytes(), path.as_os_str().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::Place;

    fn rule(effect: Effect, names: &[PathPattern]) -> FileRule {
        FileRule {
            id: "forbiddenPaths[0]".into(),
            section: "forbiddenPaths".into(),
            pattern: "pattern".into(),
            names: names.to_vec(),
            effect,
            access: Access::ALL,
            place: Place { file: "p.yaml".into(), line: 1, column: 1 },
            reason: None,
            fixed: false,
            leaf: false,
            audience: None,
        }
    }

    fn widened(effect: Effect, name: PathPattern, links: &[(&str, &str)]) -> Policy {
        let mounts = b"1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 /usr /mnt rw - ext4 a rw\n";
        let aliases = links.iter().map(|(from, to)| ((*from).into(), (*to).into())).collect();
        let links = Links::default();
        let names = Names { mounts: Mounts::parse(mounts), links: &links, aliases };
        let mut policy = Policy { rules: vec![rule(effect, &[name])], ..Policy::default() };
        names.widen(&mut policy).expect("few names");
        policy
    }

    fn literal(path: &str) -> PathPattern {
        PathPattern::Literal(path.into())
    }

    fn glob(path: &str) -> PathPattern {
        PathPattern::Glob(path.into())
    }

    #[test]
    fn a_forbidden_place_is_forbidden_under_each_of_its_names() {
        let policy = widened(Effect::Forbid, literal("/usr/nothing"), &[]);
        assert_eq!(policy.rules[0].names, [literal("/usr/nothing"), literal("/mnt/nothing")]);
    }

    #[test]
    fn an_exception_does_not_grow_by_mounts() {
        let policy = widened(Effect::Allow, literal("/usr/nothing"), &[]);
        assert_eq!(policy.rules[0].names, [literal("/usr/nothing")]);
    }

    #[test]
    fn a_rule_about_the_process_itself_is_about_every_process() {
        let policy = widened(Effect::Forbid, literal("/proc/self/environ"), &[]);
        let names = &policy.rules[0].names;
        assert!(names.contains(&glob("/proc/*/environ")), "{names:?}");
        assert!(names.contains(&glob("/proc/*/task/*/environ")), "{names:?}");
    }

    #[test]
    fn a_glob_reaches_what_lies_behind_a_rewritten_link() {
        let policy = widened(Effect::Forbid, glob("/b*n/x"), &[("/bin", "/usr/bin")]);
        assert!(policy.rules[0].names.contains(&literal("/usr/bin/x")));
        assert_eq!(policy.aliases.len(), 1);
    }

    #[test]
    fn a_link_in_a_forbidden_place_is_not_rewritten() {
        let links = &[("/nonexistent/run", "/run")];
        assert_eq!(widened(Effect::Forbid, literal("/nonexistent"), links).aliases, []);
        assert_eq!(widened(Effect::Allow, literal("/nonexistent"), links).aliases.len(), 1);
    }
}
