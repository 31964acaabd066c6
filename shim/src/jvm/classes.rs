//! What a class is, and whose.
//!
//! The answer is kept in a tag on the class, which goes with it: there is no table of classes that
//! could be full, and none that keeps a class from being unloaded.

use ringfence_policy::{CallerKind, Creation};

use super::here::Here;
use super::jni::{Method, Ref};
use super::kinds::{self, Facts, Info};
use super::loaders::Keeper;
use super::marks::{Marks, Reason, Standing, judge};

/// Loaders whose classes are other loaders', whose classes are other loaders': a script may go on for
/// as long as it likes, we do not.
const DEEPEST: u32 = 8;

/// An answer, and whether it will stay.
pub(super) struct Answer {
    pub(super) info: Info,
    pub(super) is_final: bool,
}

impl Answer {
    const fn now(info: Info) -> Self {
        Self { info, is_final: false }
    }

    const fn ever(info: Info) -> Self {
        Self { info, is_final: true }
    }
}

impl Here {
    /// What a class is.
    pub(crate) fn class(self, class: Ref) -> Info {
        self.class_within(class, 0).info
    }

    /// What the class of an object is.
    pub(crate) fn class_of(self, object: Ref) -> Info {
        let Some(class) = self.env.class_of(object) else { return self.nobody(b"?").info };
        let info = self.class(class);
        self.env.forget(class);
        info
    }

    pub(super) fn class_within(self, class: Ref, depth: u32) -> Answer {
        let tag = Info::from_tag(self.tools().tag(class));
        if let Some(known) = classified(tag) {
            return Answer::ever(known);
        }
        if depth > DEEPEST {
            return self.nobody(b"a loader's loader");
        }
        let answer = self.classify(class, tag, depth);
        if answer.is_final {
            let made = tag.facts.only(Facts::DEFINED.with(Facts::GENUINE));
            let facts = answer.info.facts.with(Facts::CLASSIFIED).with(made);
            self.tools().set_tag(class, Info { facts, ..answer.info }.tag());
        }
        answer
    }

    fn classify(self, class: Ref, tag: Info, depth: u32) -> Answer {
        let Some(mut signature) = self.tools().signature(class) else { return self.nobody(b"?") };
        if signature.bytes().first() != Some(&b'L') {
            // An array, or a primitive type: nobody's code.
            return Answer::ever(Info { facts: Facts::RUNTIME, marks: Marks::NONE });
        }
        // Made by `Unsafe.defineAnonymousClass`, which nobody sees: a lambda up to JDK 14.
        let unseen = !self.known().sees_lookups && signature.is_anonymous();
        let name = signature.class_name();
        let Ok(loader) = self.tools().loader(class) else { return self.nobody(name) };
        let Some(loader) = loader else { return runtime(name) };
        if self.env.is_same(loader, self.known().platform_loader) {
            return runtime(name);
        }
        if self.is_proxy(class) {
            let facts = Facts::RUNTIME.with(Facts::REFLECTION);
            return Answer::ever(Info { facts, marks: Marks::NONE });
        }
        if self.env.is_same(loader, self.known().application_loader) {
            return self.application_class(class, name, tag);
        }
        self.guest_class((class, name, unseen), loader, tag, depth)
    }

    fn application_class(self, class: Ref, name: &[u8], tag: Info) -> Answer {
        let mut marks = tag.marks;
        if marks.is_empty() {
            if self.jvm.defining.has(name) {
                return self.nobody(name);
            }
            // It may have been marked since it was first looked at, but not after `has` said no.
            let now = Info::from_tag(self.tools().tag(class));
            if let Some(known) = classified(now) {
                return Answer::ever(known);
            }
            marks = now.marks;
        }
        if !marks.is_empty() {
            let claimed = |name| self.marks_of(name, Standing::Claimed);
            let own = if self.is_subject(name) { claimed(name) } else { Marks::NONE };
            return Answer::ever(guest(marks, own));
        }
        if !self.is_subject(name) || self.is_main(name) {
            return Answer::ever(Info { facts: kinds::host(name), marks });
        }
        if self.image().has_subjects(CallerKind::Java) {
            return Answer::ever(guest(marks, self.marks_of(name, Standing::Verified)));
        }
        let marks = Marks::of_program(self.image(), self.jvm.names, name);
        Answer::ever(Info { facts: Facts::GUEST.with(Facts::PROGRAM), marks })
    }

    /// A class of a loader that is not the machine's own.
    fn guest_class(
        self,
        (class, name, unseen): (Ref, &[u8], bool),
        loader: Ref,
        tag: Info,
        depth: u32,
    ) -> Answer {
        let keeper = self.keeper(loader, depth);
        if keeper == Keeper::Reflection {
            let facts = Facts::RUNTIME.with(Facts::REFLECTION);
            return Answer::ever(Info { facts, marks: Marks::NONE });
        }
        if !tag.facts.has(Facts::DEFINED) && !unseen {
            return self.nobody(name);
        }
        let guest = |own| guest(tag.marks, own);
        match keeper {
            Keeper::Plugin(_) if !tag.facts.has(Facts::GENUINE) && !unseen => {
                Answer::ever(guest(self.marks_of(name, Standing::Nobody)))
            }
            Keeper::Plugin(plugin) if self.is_subject(name) => {
                Answer::ever(guest(self.plugin_marks(class, name, plugin)))
            }
            // Until the plugin's own class is known, a library goes by its own name.
            Keeper::Plugin(plugin) if plugin.is_empty() => {
                Answer::now(guest(self.marks_of(name, Standing::Library)))
            }
            Keeper::Plugin(marks) => Answer::ever(guest(marks)),
            Keeper::Owned(marks) => Answer::ever(guest(marks)),
            // Where every class is a subject, a program's own loaders are no reason for doubt.
            Keeper::Nobody if !self.image().has_subjects(CallerKind::Java) => {
                Answer::ever(guest(self.marks_of(name, Standing::Claimed)))
            }
            Keeper::Nobody | Keeper::Reflection => {
                Answer::ever(guest(self.marks_of(name, Standing::Nobody)))
            }
            Keeper::Unknown => Answer::now(guest(self.marks_of(name, Standing::Nobody))),
        }
    }

    /// The marks of a plugin's own class. One that is abstract is the task only by name: it runs for
    /// those below it, and goes by the plugin's name as well as by a rule that forbids its own.
    fn plugin_marks(self, class: Ref, name: &[u8], plugin: Marks) -> Marks {
        let own = self.marks_of(name, Standing::Verified);
        if plugin.is_empty() || !self.tools().is_abstract(class) {
            return own;
        }
        let about = |creation| {
            let reason = judge(self.image(), creation, name, Standing::Verified);
            if matches!(reason, Some(Reason::Forbidden(_))) { own.join(plugin) } else { plugin }
        };
        Marks::each(about(Creation::Thread), about(Creation::Process))
    }

    fn is_proxy(self, class: Ref) -> bool {
        let known = self.known();
        let Some(above) = self.env.superclass(class) else { return false };
        let may_be = self.env.is_same(above, known.proxy);
        self.env.forget(above);
        if !may_be {
            return false;
        }
        // Anybody may write a class below `Proxy`; which ones are its own it knows itself.
        let method = self.env.static_method(known.proxy, c"isProxyClass", c"(Ljava/lang/Class;)Z");
        method.and_then(|method| self.env.ask(known.proxy, method, class)) == Some(true)
    }

    /// Whether a name is a subject's; where the policy says nothing of subjects, every program's
    /// class is one.
    pub(super) fn is_subject(self, name: &[u8]) -> bool {
        self.image().concerns(CallerKind::Java, name)
    }

    pub(crate) fn marks_of(self, name: &[u8], standing: Standing) -> Marks {
        Marks::of(self.image(), self.jvm.names, name, standing)
    }

    fn nobody(self, name: &[u8]) -> Answer {
        let marks = self.marks_of(name, Standing::Nobody);
        Answer::now(Info { facts: Facts::GUEST, marks })
    }

    /// What a frame is whose method has this number.
    pub(crate) fn method(self, method: Method) -> Info {
        if let Some(info) = self.jvm.methods.find(method) {
            return info;
        }
        let Some(class) = self.tools().class_of_method(method) else {
            return self.nobody(b"?").info;
        };
        let mut answer = self.class_within(class, 0);
        answer.info.facts = answer.info.facts.with(self.of_method(class, method, answer.info));
        self.env.forget(class);
        if answer.is_final {
            self.jvm.methods.keep(method, answer.info);
        }
        answer.info
    }

    /// What a method adds to what its class is known for.
    fn of_method(self, class: Ref, method: Method, info: Info) -> Facts {
        let Some(name) = self.tools().method_name(method) else { return Facts::default() };
        if name.bytes() == b"<clinit>" {
            return Facts::INITIALISER;
        }
        if !info.facts.has(Facts::METHODS) {
            return Facts::default();
        }
        let Some(mut class) = self.tools().signature(class) else { return Facts::default() };
        kinds::method(class.class_name(), name.bytes())
    }
}

/// What the tag of a class says, once that is settled. In the tag of the runtime's and the host's,
/// which have no marks, a number stands instead ([`super::shapes`]).
pub(super) fn classified(tag: Info) -> Option<Info> {
    let plain = tag.facts.has(Facts::RUNTIME.with(Facts::HOST));
    let marks = if plain { Marks::NONE } else { tag.marks };
    tag.facts.has(Facts::CLASSIFIED).then_some(Info { facts: tag.facts, marks })
}

/// What a class is that is a subject's, with the marks that others left on it. For what is made at run
/// time nobody can answer.
fn guest(left: Marks, own: Marks) -> Info {
    let facts = if left.is_empty() { Facts::GUEST } else { Facts::GUEST.with(Facts::FOREIGN) };
    Info { facts, marks: left.join(own).strict() }
}

fn runtime(name: &[u8]) -> Answer {
    Answer::ever(Info { facts: kinds::runtime(name), marks: Marks::NONE })
}
