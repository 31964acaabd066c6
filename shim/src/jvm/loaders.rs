//! Whose the classes of a loader are.
//!
//! The machine's own loaders need no answer. Of a plugin loader each instance is known or not from
//! the first class that it defines on: a script can make such a loader as well. Any other loader's
//! classes are the subject's that made the loader's *class*, whatever parents it was given.

use ringfence_policy::CallerKind;

use super::here::Here;
use super::jni::Ref;
use super::kinds::{Facts, Info};
use super::marks::{Marks, Standing};

/// Whose the classes of a loader are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// The runtime's: it makes classes by which reflection calls.
    Reflection,
    /// A plugin's, with the marks of its libraries; none while its own class is not known.
    Plugin(Marks),
    /// A subject's.
    Owned(Marks),
    /// Nobody's who is known.
    Nobody,
    /// Nobody's as yet.
    Unknown,
}

/// In the tag of a loader: which [`Keeper`].
const REFLECTION: Facts = Facts(1);
const PLUGIN: Facts = Facts(2);
const OWNED: Facts = Facts(4);
const NOBODY: Facts = Facts(8);

impl Keeper {
    const fn from_tag(tag: i64) -> Option<Self> {
        let Info { facts, marks } = Info::from_tag(tag);
        match facts {
            REFLECTION => Some(Self::Reflection),
            PLUGIN => Some(Self::Plugin(marks)),
            OWNED => Some(Self::Owned(marks)),
            NOBODY => Some(Self::Nobody),
            _ => None,
        }
    }

    const fn tag(self) -> i64 {
        let (facts, marks) = match self {
            Self::Reflection => (REFLECTION, Marks::NONE),
            Self::Plugin(marks) => (PLUGIN, marks),
            Self::Owned(marks) => (OWNED, marks),
            Self::Nobody => (NOBODY, Marks::NONE),
            Self::Unknown => return 0,
        };
        Info { facts, marks }.tag()
    }
}

impl Here {
    /// Whose the classes of a loader are that is not the machine's own.
    pub(super) fn keeper(self, loader: Ref, depth: u32) -> Keeper {
        if let Some(keeper) = Keeper::from_tag(self.tools().tag(loader)) {
            return keeper;
        }
        let Some(class) = self.env.class_of(loader) else { return Keeper::Unknown };
        let keeper = self.keeper_by_class(class, depth.saturating_add(1));
        self.env.forget(class);
        self.settle(loader, keeper)
    }

    /// Keeps an answer, unless another thread kept one meanwhile.
    fn settle(self, loader: Ref, keeper: Keeper) -> Keeper {
        if let Some(kept) = Keeper::from_tag(self.tools().tag(loader)) {
            return kept;
        }
        if keeper != Keeper::Unknown {
            self.tools().set_tag(loader, keeper.tag());
        }
        keeper
    }

    fn keeper_by_class(self, class: Ref, depth: u32) -> Keeper {
        let answer = self.class_within(class, depth);
        let Some(mut signature) = self.tools().signature(class) else { return Keeper::Unknown };
        let name = signature.class_name();
        let info = answer.info;
        if info.is_runtime() {
            let reflects = name.starts_with(b"jdk.internal.reflect.")
                || name == b"sun.reflect.misc.MethodUtil";
            return if reflects { Keeper::Reflection } else { Keeper::Nobody };
        }
        // An instance of it is known by the first class that it defines, or never.
        if self.is_plugin_loader(info, name) || !answer.is_final {
            return Keeper::Unknown;
        }
        if info.marks.is_empty() { Keeper::Nobody } else { Keeper::Owned(info.marks) }
    }

    /// A class of plugin loaders, which is the host's own.
    fn is_plugin_loader(self, class: Info, name: &[u8]) -> bool {
        class.facts.has(Facts::HOST) && self.image().is_plugin_loader(name)
    }

    /// Whether a loader is an instance of a plugin loader's class, known or not.
    pub(super) fn loads_plugins(self, loader: Ref) -> bool {
        if let Some(keeper) = Keeper::from_tag(self.tools().tag(loader)) {
            return matches!(keeper, Keeper::Plugin(_));
        }
        let Some(class) = self.env.class_of(loader) else { return false };
        let info = self.class(class);
        let signature = self.tools().signature(class);
        self.env.forget(class);
        signature.is_some_and(|mut name| self.is_plugin_loader(info, name.class_name()))
    }

    /// The first class of a plugin loader is about to be defined: by the host, or not.
    pub(super) fn meet_plugin_loader(self, loader: Ref, by_host: bool) -> Keeper {
        let keeper = if by_host { Keeper::Plugin(Marks::NONE) } else { Keeper::Nobody };
        self.settle(loader, keeper)
    }

    /// Whether it is known whose a loader's classes are.
    pub(super) fn is_met(self, loader: Ref) -> bool {
        Keeper::from_tag(self.tools().tag(loader)).is_some()
    }

    /// A plugin's file brings a class of that name: the first subject's name is the plugin's, and
    /// its libraries go by it. First is whose definition began first: a task's superclasses are
    /// defined within its own.
    pub(super) fn name_plugin(self, loader: Ref, class: &[u8]) {
        let unnamed =
            Keeper::from_tag(self.tools().tag(loader)) == Some(Keeper::Plugin(Marks::NONE));
        if unnamed && self.image().is_subject(CallerKind::Java, class) {
            let marks = self.marks_of(class, Standing::Verified);
            self.tools().set_tag(loader, Keeper::Plugin(marks).tag());
        }
    }
}
