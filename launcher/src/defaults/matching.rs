//! Which entries match a type, found by looking up each prefix of it, not each entry: the cost
//! depends on the length of the type, not on the number of entries.

use std::collections::HashMap;
use std::rc::Rc;

use super::aliases::{Aliases, without_version};

/// Entries in groups of one prefix.
#[derive(Debug)]
pub(super) struct Prefixes {
    /// The entries of each group; groups are in the order in which their prefixes came.
    groups: Vec<Vec<usize>>,
    by_prefix: HashMap<Rc<str>, usize>,
    /// The lengths that occur, so that no other prefix is looked up.
    lengths: Vec<usize>,
}

impl Prefixes {
    pub(super) fn new(entries: impl Iterator<Item = (Rc<str>, usize)>) -> Self {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut by_prefix: HashMap<Rc<str>, usize> = HashMap::new();
        for (prefix, number) in entries {
            let group = *by_prefix.entry(prefix).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(number);
        }
        let mut lengths: Vec<usize> = by_prefix.keys().map(|prefix| prefix.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Self { groups, by_prefix, lengths }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The entries of a group.
    pub(super) fn group(&self, group: usize) -> &[usize] {
        &self.groups[group]
    }

    /// The groups of every prefix of a text.
    pub(super) fn of_text<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.at_lengths(text, |_| true)
    }

    /// The groups of every prefix of a class that ends where a part of the name does.
    pub(super) fn of_class<'a>(&'a self, class: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.at_lengths(class, |length| ends_a_part(class, length))
    }

    fn at_lengths<'a>(
        &'a self,
        text: &'a str,
        accept: impl Fn(usize) -> bool + 'a,
    ) -> impl Iterator<Item = usize> + 'a {
        self.lengths
            .iter()
            .take_while(|&&length| length <= text.len())
            .filter(move |&&length| accept(length))
            .filter_map(|&length| self.by_prefix.get(text.get(..length)?))
            .copied()
    }
}

/// Whether the first `length` bytes of a class are whole parts of its name.
fn ends_a_part(class: &str, length: usize) -> bool {
    matches!(class.as_bytes().get(length), None | Some(b'.' | b'$'))
}

/// What the strict profile compares of an entry's type: without version, and without the full
/// stop or dollar sign that ends a prefix.
pub(super) fn normal(of_type: &str) -> &str {
    without_version(of_type).trim_end_matches(['.', '$'])
}

/// Whether, in the strict profile, an entry of this type matches a plugin of that type.
pub(super) fn matches(of_type: &str, plugin_type: &str, aliases: &Aliases) -> bool {
    [normal(of_type), aliases.canonical(normal(of_type))].into_iter().any(|prefix| {
        std::iter::once(without_version(plugin_type))
            .chain(aliases.names(plugin_type))
            .any(|name| name.starts_with(prefix) && ends_a_part(name, prefix.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::{Prefixes, matches};
    use crate::defaults::aliases::Aliases;

    #[test]
    fn a_prefix_ends_where_a_part_of_the_name_does() {
        let aliases = Aliases::new([]);
        for (prefix, class, expected) in [
            ("io.kestra.plugin.scripts", "io.kestra.plugin.scripts.shell.Commands", true),
            ("io.kestra.plugin.scripts", "io.kestra.plugin.scriptsx.Y", false),
            ("io.kestra.plugin.scripts.", "io.kestra.plugin.scripts.shell.Commands", true),
            ("x.Outer", "x.Outer$Inner", true),
            ("x.Outer$", "x.Outer$Inner", true),
            ("x.Outer", "x.OuterOther", false),
            ("x.Y", "x.Y:1.0.0", true),
            ("x.Y:2.0.0", "x.Y:1.0.0", true),
            ("io.kestra.core.tasks.log", "io.kestra.plugin.core.log.Log", true),
            ("io.kestra.plugin.core.log", "io.kestra.core.tasks.log.Log", true),
        ] {
            assert_eq!(matches(prefix, class, &aliases), expected, "{prefix} and {class}");
        }
    }

    #[test]
    fn every_prefix_is_found() {
        let texts = ["a", "a.b", "a.bc", "", "é"];
        let prefixes = Prefixes::new(texts.into_iter().zip(0..).map(|(text, n)| (text.into(), n)));
        let found = |groups: &mut dyn Iterator<Item = usize>| -> Vec<&str> {
            groups.map(|group| texts[prefixes.group(group)[0]]).collect()
        };
        assert_eq!(found(&mut prefixes.of_text("a.bc.d")), ["", "a", "a.b", "a.bc"]);
        assert_eq!(found(&mut prefixes.of_class("a.bc.d")), ["a", "a.bc"]);
        assert_eq!(found(&mut prefixes.of_text("èè")), [""]);
    }
}
