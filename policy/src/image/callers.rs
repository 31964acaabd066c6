//! What an image says about callers.

use super::Image;
use crate::callers::{CallerKind, CallerList, Creation, FileId, List};
use crate::format::Settings;

impl<'a> Image<'a> {
    /// The rules about callers of one kind that ask for a thread or for a program.
    #[must_use]
    #[inline]
    pub fn callers(&self, creation: Creation, kind: CallerKind) -> CallerList<'a> {
        self.list(List::from(creation), kind)
    }

    /// Whether a thread of nobody who is known is refused: `threads.unattributed: deny`.
    #[must_use]
    #[inline]
    pub fn denies_unattributed(&self) -> bool {
        self.has(Settings::UNATTRIBUTED)
    }

    /// Whether the policy, or the default for Kestra's, says which callers of this kind are
    /// subjects.
    #[must_use]
    pub fn has_subjects(&self, kind: CallerKind) -> bool {
        !self.list(List::Subjects, kind).is_empty()
    }

    /// Whether a name is that of a subject; see [`has_subjects`](Self::has_subjects).
    #[must_use]
    pub fn is_subject(&self, kind: CallerKind, name: &[u8]) -> bool {
        self.list(List::Subjects, kind).covers(name)
    }

    /// Whether rules are about a caller of that name: it is a subject, or nobody says who is one. In
    /// Java all others are the host or the runtime.
    #[must_use]
    pub fn concerns(&self, kind: CallerKind, name: &[u8]) -> bool {
        !self.has_subjects(kind) || self.is_subject(kind, name)
    }

    /// Whether this is the whole name of a class whose instances load plugins.
    #[must_use]
    pub fn is_plugin_loader(&self, class: &[u8]) -> bool {
        self.list(List::Loaders, CallerKind::Java).find(class).is_some()
    }

    /// The directories that plugins are loaded from, as absolute normalised paths.
    pub fn plugin_directories(&self) -> impl Iterator<Item = &'a [u8]> {
        let image = *self;
        image.callers.directories.iter().filter_map(move |text| image.text(text))
    }

    /// Whether a file lay beneath those directories when the worker was started.
    #[must_use]
    pub fn is_plugin_file(&self, file: FileId) -> bool {
        self.callers.has_file(file)
    }

    /// Whether a name is that of a host's service, which creates threads on behalf of all.
    #[must_use]
    pub fn is_service(&self, kind: CallerKind, name: &[u8]) -> bool {
        self.list(List::Services, kind).covers(name)
    }

    /// `callers.strict`: no exemptions for shared pools.
    #[must_use]
    pub fn strict(&self) -> bool {
        self.has(Settings::STRICT)
    }

    fn list(&self, list: List, kind: CallerKind) -> CallerList<'a> {
        let tables = (self.callers.groups, self.callers.prefixes);
        CallerList::new(tables, self.strings, list.group(kind))
    }
}
