//! Who may create a thread, or start a program: rules about callers, by the beginning of a name.
//!
//! A name is a Java class as `Class.getName` writes it, a Python module, or the path, file name or
//! soname of a native object. A prefix covers the name itself and all beneath it, at a boundary:
//! the end, or one of `.`, `$`, `/` (of a hidden class, of a path) and `!` (of an object's symbol).
//! On one name the longer prefix wins; of two of the same length the one that forbids.
//!
//! A list governs only callers of the kinds that it names: [`CallerList::is_empty`] says that
//! nothing is to be asked about a kind, [`CallerList::has_authorized`] that whoever is not named
//! is refused.

use alloc::string::String;
use alloc::vec::Vec;

use crate::format::{CallerPrefix as Record, FORBIDS, Group};
use crate::hash;
use crate::image::halves;
use crate::{Effect, Place, RuleIndex};

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallerKind {
    /// A Java class.
    Java,
    /// A Python module.
    Python,
    /// A native library or program.
    Native,
}

impl CallerKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Java, Self::Python, Self::Native];
}

/// What a caller asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Creation {
    /// A thread of its own process.
    Thread,
    /// Another program.
    Process,
}

/// One entry about callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerRule {
    /// The rule's id, made from its place such as `authorizedClassPrefix[0]`.
    pub id: String,
    /// The list that it stands in, as messages name it: `forbiddenClassPrefix`,
    /// `threads.authorized`.
    pub section: String,
    /// What it is about.
    pub kind: CallerKind,
    /// The beginning of names, without the kind.
    pub prefix: String,
    /// [`Effect::Forbid`], or [`Effect::Allow`] for who is authorized.
    pub effect: Effect,
    /// Where it stands.
    pub place: Place,
}

/// A beginning of names that is no rule by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerPrefix {
    /// What it is about.
    pub kind: CallerKind,
    /// The beginning of names.
    pub text: String,
}

/// A file by its device and inode, as `stat` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

/// Who counts as a caller, and who is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers {
    /// Rules about who may create a thread.
    pub threads: Vec<CallerRule>,
    /// Rules about who may start a program.
    pub processes: Vec<CallerRule>,
    /// `threads.unattributed: deny`: a thread of nobody who is known is refused.
    pub deny_unattributed: bool,
    /// The callers that rules are about, the defaults among them; none for all.
    pub subjects: Vec<CallerPrefix>,
    /// The classes of the loaders that load plugins, by their whole names, the default among them.
    pub plugin_loaders: Vec<String>,
    /// The directories of plugins, as absolute paths, the default among them.
    pub plugin_directories: Vec<Vec<u8>>,
    /// The files beneath them when the worker was started.
    pub plugin_files: Vec<FileId>,
    /// Callers of the host that create threads on behalf of all.
    pub services: Vec<CallerPrefix>,
    /// No exemptions for shared pools.
    pub strict: bool,
}

impl Callers {
    /// The rules about one thing that is asked for.
    #[must_use]
    pub fn rules(&self, creation: Creation) -> &[CallerRule] {
        match creation {
            Creation::Thread => &self.threads,
            Creation::Process => &self.processes,
        }
    }
}

/// What a list says about one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerVerdict {
    /// This rule refuses it. [`RuleIndex::UNJUDGED`] where the image contradicts itself.
    Forbidden(RuleIndex),
    /// This rule authorizes it.
    Authorized(RuleIndex),
    /// No rule names it: allowed, unless the list authorizes others
    /// ([`CallerList::has_authorized`]).
    Unnamed,
}

/// Why a list refuses a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerRefusal {
    /// This rule forbids it. [`RuleIndex::UNJUDGED`] where the image contradicts itself.
    Forbidden(RuleIndex),
    /// Others are authorized, by this rule and more.
    Unauthorized(RuleIndex),
}

/// The lists of an image that are matched by prefix.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Threads,
    Processes,
    Subjects,
    Services,
    Loaders,
}

impl List {
    /// The number of groups that the lists of all kinds make.
    pub(crate) const GROUPS: usize = 15;

    /// The number of the prefixes of one kind in the list of an audience; they stand behind.
    pub(crate) const fn audience_group(audience: u32, kind: CallerKind) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "both enumerations are small")]
        let (groups, kinds) = (Self::GROUPS as u32, CallerKind::ALL.len() as u32);
        audience.saturating_mul(kinds).saturating_add(groups).saturating_add(kind as u32)
    }

    /// The number of the prefixes of one kind in one list.
    pub(crate) const fn group(self, kind: CallerKind) -> u32 {
        let kinds = CallerKind::ALL.len();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::arithmetic_side_effects,
            reason = "both enumerations are small"
        )]
        let group = (self as usize * kinds + kind as usize) as u32;
        group
    }
}

impl From<Creation> for List {
    fn from(creation: Creation) -> Self {
        match creation {
            Creation::Thread => Self::Threads,
            Creation::Process => Self::Processes,
        }
    }
}

/// What a prefix is found by: its bytes, and the list that it is in.
pub(crate) fn key(prefix: &[u8], group: u32) -> u64 {
    hash::in_directory(hash::component(prefix), group)
}

/// Whether a prefix may end before this byte.
const fn is_boundary(byte: u8) -> bool {
    matches!(byte, b'.' | b'$' | b'/' | b'!')
}

/// The rules of one kind about one thing that is asked for, matched where they lie.
///
/// Nothing is allocated, nothing panics, and no byte is read that is not there, whatever the image
/// says; what contradicts itself forbids.
#[derive(Clone, Copy, Debug)]
pub struct CallerList<'a> {
    prefixes: &'a [Record],
    strings: &'a [u8],
    group: u32,
    /// The numbers of the first rule that authorizes and of the first that forbids, plus one.
    first: (u32, u32),
}

impl<'a> CallerList<'a> {
    pub(crate) fn new(
        (groups, prefixes): (&'a [Group], &'a [Record]),
        strings: &'a [u8],
        group: u32,
    ) -> Self {
        // An image without its groups is damaged: it authorizes nobody.
        let first = groups.get(group as usize).map_or((u32::MAX, u32::MAX), halves);
        Self { prefixes, strings, group, first }
    }

    /// Whether there is no rule: callers of this kind are not governed, and need not be found out.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.first.0 | self.first.1 == 0
    }

    /// Whether somebody is authorized, and so everybody else of this kind is not.
    #[must_use]
    #[inline]
    pub const fn has_authorized(&self) -> bool {
        self.first.0 != 0
    }

    /// Whether somebody is forbidden.
    #[must_use]
    #[inline]
    pub const fn has_forbidden(&self) -> bool {
        self.first.1 != 0
    }

    /// The first rule that authorizes somebody, for messages about who is not named.
    #[must_use]
    pub const fn first_authorized(&self) -> Option<RuleIndex> {
        match self.first.0.checked_sub(1) {
            Some(number) => Some(RuleIndex(number)),
            None => None,
        }
    }

    /// The first rule, of those that authorize somebody before those that forbid, for messages
    /// about who is not known.
    #[must_use]
    pub const fn first(&self) -> Option<RuleIndex> {
        match (self.first_authorized(), self.first.1.checked_sub(1)) {
            (Some(rule), _) => Some(rule),
            (None, Some(number)) => Some(RuleIndex(number)),
            (None, None) => None,
        }
    }

    /// What the list says about a name; see the module for what covers it, and who wins.
    ///
    /// A name may have any bytes and any length; its whole beginning is looked at, boundary by
    /// boundary, so the caller bounds it.
    #[must_use]
    pub fn judge(&self, name: &[u8]) -> CallerVerdict {
        if self.is_empty() {
            return CallerVerdict::Unnamed;
        }
        for end in (1..=name.len()).rev() {
            let (Some(beginning), rest) = (name.get(..end), name.get(end)) else { continue };
            if rest.is_none_or(|next| is_boundary(*next))
                && let Some(word) = self.find(beginning)
            {
                let rule = RuleIndex(word & !FORBIDS);
                return match word & FORBIDS {
                    0 => CallerVerdict::Authorized(rule),
                    _ if word == u32::MAX => CallerVerdict::Forbidden(RuleIndex::UNJUDGED),
                    _ => CallerVerdict::Forbidden(rule),
                };
            }
        }
        CallerVerdict::Unnamed
    }

    /// Whether some rule is about a part of what has this name, a symbol of a native object: its
    /// prefix is the name, `!` and more. Where it is not, the name says it all.
    #[must_use]
    pub fn names_parts_of(&self, name: &[u8]) -> bool {
        let is_part =
            |text: &[u8]| text.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"!"));
        // Every prefix is looked at: who asks keeps the answer.
        let own = self.prefixes.iter().map(entry).filter(|(_, _, (_, group))| *group == self.group);
        !self.is_empty()
            && own.into_iter().any(|(_, (offset, length), _)| {
                let text = self.strings.get(offset as usize..);
                text.and_then(|text| text.get(..length as usize)).is_none_or(is_part)
            })
    }

    /// Why the list refuses a caller that goes by this name; `None` where it does not.
    ///
    /// Whether rules are about such a caller at all, see [`crate::Image::concerns`].
    #[must_use]
    pub fn refuses(&self, name: &[u8]) -> Option<CallerRefusal> {
        match self.judge(name) {
            CallerVerdict::Forbidden(rule) => Some(CallerRefusal::Forbidden(rule)),
            CallerVerdict::Authorized(_) => None,
            CallerVerdict::Unnamed => self.first_authorized().map(CallerRefusal::Unauthorized),
        }
    }

    /// Whether a prefix of the list covers the name, whatever it says.
    pub(crate) fn covers(&self, name: &[u8]) -> bool {
        self.judge(name) != CallerVerdict::Unnamed
    }

    /// The rule and effect of exactly this prefix; the one that forbids stands first.
    pub(crate) fn find(&self, prefix: &[u8]) -> Option<u32> {
        let key = key(prefix, self.group);
        let start = self.prefixes.partition_point(|record| entry(record).0 < key);
        let same = self.prefixes.get(start..)?.iter().map(entry);
        for (found, (offset, length), (word, group)) in same {
            if found != key {
                return None;
            }
            let text = self.strings.get(offset as usize..);
            match text.and_then(|text| text.get(..length as usize)) {
                None => return Some(u32::MAX),
                Some(text) if group == self.group && hash::is_same(text, prefix) => {
                    return Some(word);
                }
                Some(_) => {}
            }
        }
        None
    }
}

/// The key of a record, its text, and its rule and group.
const fn entry(record: &Record) -> (u64, (u32, u32), (u32, u32)) {
    let ([key, text, rule], _) = record.as_chunks::<8>() else { return (0, (0, 0), (0, 0)) };
    (u64::from_le_bytes(*key), halves(text), halves(rule))
}

/// What an image says about callers beside the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sections<'a> {
    pub(crate) groups: &'a [Group],
    pub(crate) prefixes: &'a [Record],
    pub(crate) directories: &'a [[u8; 8]],
    pub(crate) files: &'a [[u8; 16]],
}

impl Sections<'_> {
    pub(crate) fn has_file(&self, file: FileId) -> bool {
        let wanted = (file.device, file.inode);
        let found = self.files.partition_point(|record| file_of(record) < wanted);
        self.files.get(found).is_some_and(|record| file_of(record) == wanted)
    }
}

const fn file_of(record: &[u8; 16]) -> (u64, u64) {
    let ([device, inode], _) = record.as_chunks::<8>() else { return (0, 0) };
    (u64::from_le_bytes(*device), u64::from_le_bytes(*inode))
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::format::BODY_AT;
    use crate::image::seal;
    use crate::{Image, Policy, compile};

    fn image() -> Vec<u8> {
        let rule = |prefix: &str, effect| CallerRule {
            id: "threads[0]".into(),
            section: "threads".into(),
            kind: CallerKind::Java,
            prefix: prefix.into(),
            effect,
            place: Place { file: "policy.yml".into(), line: 1, column: 1 },
        };
        let callers = Callers {
            threads: vec![rule("a.b", Effect::Allow), rule("a.b.C", Effect::Forbid)],
            plugin_files: vec![FileId { device: 1, inode: 2 }],
            plugin_directories: vec![b"/app/plugins".to_vec()],
            ..Callers::default()
        };
        compile(&Policy { callers, ..Policy::default() }).unwrap()
    }

    #[test]
    fn each_list_of_each_kind_is_a_group_of_its_own() {
        let lists = [List::Threads, List::Processes, List::Subjects, List::Services, List::Loaders];
        let groups = lists.iter().flat_map(|list| CallerKind::ALL.map(|kind| list.group(kind)));
        assert!(groups.eq(0..u32::try_from(List::GROUPS).unwrap()));
    }

    #[test]
    fn a_rule_about_a_symbol_is_about_a_part_of_its_object_alone() {
        let rule = |kind, prefix: &str| CallerRule {
            id: "threads[0]".into(),
            section: "threads".into(),
            kind,
            prefix: prefix.into(),
            effect: Effect::Allow,
            place: Place { file: "policy.yml".into(), line: 1, column: 1 },
        };
        let native = ["liba.so!start", "/opt/libb.so", "libc.so.1!x"];
        let mut threads = native.map(|prefix| rule(CallerKind::Native, prefix)).to_vec();
        threads.push(rule(CallerKind::Java, "libd.so!x"));
        let callers = Callers { threads, ..Callers::default() };
        let bytes = compile(&Policy { callers, ..Policy::default() }).unwrap();
        let image = Image::parse(&bytes).unwrap();
        let has_parts = |creation, name: &str| {
            image.callers(creation, CallerKind::Native).names_parts_of(name.as_bytes())
        };
        for (name, expected) in [
            ("liba.so", true),
            ("liba.so!start", false),
            ("liba", false),
            ("/opt/libb.so", false),
            ("libc.so", false),
            ("libc.so.1", true),
            ("libd.so", false),
            ("", false),
        ] {
            assert_eq!(has_parts(Creation::Thread, name), expected, "{name}");
            assert!(!has_parts(Creation::Process, name), "{name}");
        }
        let list = image.callers(Creation::Thread, CallerKind::Native);
        assert!(matches!(list.judge(b"liba.so!start"), CallerVerdict::Authorized(_)));
        assert!(matches!(list.judge(b"liba.so!start.cold"), CallerVerdict::Authorized(_)));
        assert_eq!(list.judge(b"liba.so!started"), CallerVerdict::Unnamed);
        assert_eq!(list.judge(b"liba.so"), CallerVerdict::Unnamed);
    }

    #[test]
    fn a_list_whose_texts_are_not_there_forbids() {
        let records = [[key(b"a", 0), u64::MAX, 0]];
        let records = records.map(|words| {
            let mut record = [0; 24];
            let (places, _) = record.as_chunks_mut::<8>();
            places.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_le_bytes());
            record
        });
        let list = CallerList::new((&[[1; 8]], &records), b"", 0);
        assert_eq!(list.judge(b"a.B"), CallerVerdict::Forbidden(RuleIndex::UNJUDGED));
        let none = CallerList::new((&[], &records), b"", 0);
        assert!(none.has_authorized() && !none.is_empty(), "an image without groups");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// With the checksum put right, whatever the bytes are: no panic and no endless loop.
        #[test]
        fn a_forged_list_is_read_within_its_bounds(
            forged in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        ) {
            let mut bytes = image();
            for (at, value) in forged {
                let at = BODY_AT + at.index(bytes.len() - BODY_AT);
                bytes[at] = value;
            }
            // Where that fails, the forgery is one that is noticed.
            let _ = seal(&mut bytes);
            let Ok(image) = Image::parse(&bytes) else { return Ok(()) };
            for name in ["a.b.C", "a.b", "x", ""] {
                let list = image.callers(Creation::Thread, CallerKind::Java);
                let _ = list.names_parts_of(name.as_bytes());
                if let CallerVerdict::Forbidden(rule) = list.judge(name.as_bytes()) {
                    let _ = image.rule(rule).is_some();
                }
                let _ = image.is_subject(CallerKind::Native, name.as_bytes());
            }
            let _ = image.is_plugin_file(FileId { device: 1, inode: 2 });
            let _ = image.plugin_directories().count();
        }
    }
}
