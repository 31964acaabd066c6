//! The rules about callers: what is wrong with them, and how they lie in an image.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::layout::Layout;
use super::{CompileError, LONGEST, check_name};
use crate::audience::prefixes;
use crate::callers::{CallerKind, Creation, List, key};
use crate::format::FORBIDS;
use crate::{Audience, Callers, Effect};

/// Refuses what would say nothing, or something else than what is written.
pub(super) fn check(callers: &Callers) -> Result<(), CompileError> {
    for rule in callers.threads.iter().chain(&callers.processes) {
        check_prefix(&rule.id, &rule.prefix)?;
    }
    for prefix in callers.subjects.iter().chain(&callers.services) {
        check_prefix("callers", &prefix.text)?;
    }
    for class in &callers.plugin_loaders {
        check_prefix("callers.pluginLoaders", class)?;
    }
    for directory in &callers.plugin_directories {
        check_name("callers.pluginDirs", directory)?;
    }
    Ok(())
}

pub(super) fn check_prefix(rule: &str, prefix: &str) -> Result<(), CompileError> {
    if prefix.len() > LONGEST {
        return Err(CompileError::TooLong { rule: rule.into(), length: prefix.len() });
    }
    if prefix.is_empty() || prefix.ends_with(['.', '/', '!']) || prefix.contains('\0') {
        return Err(CompileError::NotPrefix { rule: rule.into(), prefix: prefix.into() });
    }
    Ok(())
}

/// The sections of an image that are about callers.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) groups: Vec<[u32; 2]>,
    pub(super) prefixes: Vec<[u32; 6]>,
    pub(super) directories: Vec<[u32; 2]>,
    pub(super) files: Vec<[u32; 4]>,
}

/// The rule and the place of its text, of each prefix in each group: that which forbids, or the
/// first that authorizes.
type Words = BTreeMap<(u64, u32, u32), ([u32; 2], u32)>;

/// Lays out what a policy says about callers; `None` if it does not fit.
pub(super) fn tables<'a>(
    callers: &'a Callers,
    audiences: &[&'a Audience],
    layout: &mut Layout<'a>,
) -> Option<Tables> {
    let groups = CallerKind::ALL.len().checked_mul(audiences.len())?.checked_add(List::GROUPS)?;
    let tables = Tables { groups: vec![[0; 2]; groups], ..Tables::default() };
    let mut building = Building { layout, tables, words: Words::new() };
    building.add_rules(callers)?;
    building.add_lists(callers)?;
    for (number, audience) in (0..).zip(audiences) {
        for (kind, text) in prefixes(audience) {
            building.add_name(List::audience_group(number, kind), text.as_bytes())?;
        }
    }
    building.add_plugins(callers)?;
    Some(building.finish())
}

/// The tables, as they come about.
struct Building<'a, 'l> {
    layout: &'l mut Layout<'a>,
    tables: Tables,
    words: Words,
}

impl<'a> Building<'a, '_> {
    fn add_rules(&mut self, callers: &'a Callers) -> Option<()> {
        for creation in [Creation::Thread, Creation::Process] {
            for rule in callers.rules(creation) {
                let number = self.layout.caller_rule(rule)?;
                let group = List::from(creation).group(rule.kind);
                let forbids = rule.effect == Effect::Forbid;
                let firsts = self.tables.groups.get_mut(group as usize)?;
                let first = firsts.get_mut(usize::from(forbids))?;
                if *first == 0 {
                    *first = number.checked_add(1).filter(|next| *next < FORBIDS)?;
                }
                let word = number | if forbids { FORBIDS } else { 0 };
                self.add(rule.prefix.as_bytes(), group, word)?;
            }
        }
        Some(())
    }

    /// The lists that are no rules.
    fn add_lists(&mut self, callers: &'a Callers) -> Option<()> {
        let subjects =
            callers.subjects.iter().map(|prefix| (List::Subjects, prefix.kind, &prefix.text));
        let services =
            callers.services.iter().map(|prefix| (List::Services, prefix.kind, &prefix.text));
        let loaders =
            callers.plugin_loaders.iter().map(|class| (List::Loaders, CallerKind::Java, class));
        for (list, kind, text) in subjects.chain(services).chain(loaders) {
            self.add_name(list.group(kind), text.as_bytes())?;
        }
        Some(())
    }

    /// The directories and files of plugins.
    fn add_plugins(&mut self, callers: &'a Callers) -> Option<()> {
        for directory in &callers.plugin_directories {
            self.tables.directories.push(self.layout.string(directory)?);
        }
        let mut files = callers.plugin_files.clone();
        files.sort_unstable();
        files.dedup();
        self.tables.files = files
            .iter()
            .map(|file| {
                let ([a, b], [c, d]) = (split(file.device), split(file.inode));
                [a, b, c, d]
            })
            .collect();
        Some(())
    }

    /// Adds a prefix that is no rule to its group.
    fn add_name(&mut self, group: u32, text: &'a [u8]) -> Option<()> {
        *self.tables.groups.get_mut(group as usize)? = [1, 0];
        self.add(text, group, 0)
    }

    /// Adds a prefix to its group, where it may be already.
    fn add(&mut self, prefix: &'a [u8], group: u32, word: u32) -> Option<()> {
        let text = self.layout.string(prefix)?;
        // Equal texts have equal places, so the place stands for the text.
        let known = self.words.entry((key(prefix, group), text[0], group)).or_insert((text, word));
        if word & FORBIDS != 0 && known.1 & FORBIDS == 0 {
            known.1 = word;
        }
        Some(())
    }

    fn finish(self) -> Tables {
        let prefixes = self
            .words
            .into_iter()
            .map(|((key, _, group), (text, word))| record(key, text, word, group))
            .collect();
        Tables { prefixes, ..self.tables }
    }
}

fn record(key: u64, [offset, length]: [u32; 2], word: u32, group: u32) -> [u32; 6] {
    let [low, high] = split(key);
    [low, high, offset, length, word, group]
}

/// The low and the high half.
#[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
const fn split(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}
