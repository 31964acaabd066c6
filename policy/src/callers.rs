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

mod list;

use alloc::string::String;
use alloc::vec::Vec;

pub(crate) use self::list::key;
pub use self::list::{CallerList, CallerRefusal, CallerVerdict};
use crate::format::{CallerPrefix as Record, Group};
use crate::{Effect, Place};

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
mod tests;
