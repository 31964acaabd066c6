//! Who makes a class: what is defined at run time carries whoever defines it.

use core::ffi::CStr;
use core::ops::ControlFlow;

use super::classes::classified;
use super::here::Here;
use super::jni::Ref;
use super::kinds::{Facts, Info};
use super::loaders::Keeper;
use super::marks::Marks;

/// What is to become of a class once it is defined.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// It is what its loader and its name say.
    Plain,
    /// It gets this tag.
    Tag(Info),
    /// It may not be defined.
    Refuse(Marks),
}

impl Here {
    /// A loader defines a class: `JVM_DefineClassWithSource`.
    pub(crate) fn before_definition(
        self,
        loader: Ref,
        domain: Option<Ref>,
        (name, source): (Option<&CStr>, Option<&CStr>),
    ) -> Plan {
        let known = self.known();
        if self.env.is_same(loader, known.platform_loader) {
            return Plan::Plain;
        }
        // A proxy is asked for by its class, not by how it came about.
        if source == Some(c"__dynamic_proxy__") {
            return Plan::Tag(Info { facts: Facts::DEFINED, marks: Marks::NONE });
        }
        if self.env.is_same(loader, known.application_loader) {
            self.weave_for_definition(name);
            return self.into_application(name.is_some());
        }
        let keeper = self.keeper(loader, 0);
        if keeper == Keeper::Reflection {
            return Plan::Plain;
        }
        self.weave_in();
        if self.loads_plugins(loader) {
            return self.into_plugin(loader, name, domain);
        }
        Plan::Tag(Info { facts: Facts::DEFINED, marks: self.definers() })
    }

    /// A class of the application's loader is about to be there: a subject's, or one whose name is
    /// not known yet.
    fn weave_for_definition(self, name: Option<&CStr>) {
        let mut buffer = [0; 512];
        match name.and_then(|name| dotted(name.to_bytes(), &mut buffer)) {
            Some(name) => self.weave_for(name),
            None => self.weave_in(),
        }
    }

    /// The application's loader reads its own files; what anybody else defines there is theirs.
    fn into_application(self, is_named: bool) -> Plan {
        if self.defined_by(Facts::BUILTIN_LOADER) {
            return Plan::Plain;
        }
        let marks = self.definers();
        if marks.is_empty() {
            return Plan::Plain;
        }
        // Nobody could tell a class without a name from others while it is being defined.
        if is_named {
            Plan::Tag(Info { facts: Facts::DEFINED, marks })
        } else {
            Plan::Refuse(marks)
        }
    }

    fn into_plugin(self, loader: Ref, name: Option<&CStr>, domain: Option<Ref>) -> Plan {
        if !self.is_met(loader) {
            let all = self.everybody();
            self.meet_plugin_loader(loader, all.is_whole && all.host && all.marks.is_empty());
        }
        let known = matches!(self.keeper(loader, 0), Keeper::Plugin(_));
        let genuine = known
            && self.defined_by(Facts::URL_LOADER)
            && domain.is_some_and(|domain| self.is_plugin_source(domain));
        if genuine {
            if let Some(name) = name {
                self.name_by_slashes(loader, name.to_bytes());
            }
            let facts = Facts::DEFINED.with(Facts::GENUINE);
            return Plan::Tag(Info { facts, marks: Marks::NONE });
        }
        Plan::Tag(Info { facts: Facts::DEFINED, marks: self.definers() })
    }

    /// Names a plugin by a class as the machine writes it. A name that is longer than any of a
    /// task's is none.
    fn name_by_slashes(self, loader: Ref, name: &[u8]) {
        let mut buffer = [0; 512];
        let Some(dotted) = dotted(name, &mut buffer) else { return };
        self.name_plugin(loader, dotted);
    }

    /// Whether the definition is a loader's own doing: behind the frames that every loader has in
    /// common the first one is of this kind.
    fn defined_by(self, loader: Facts) -> bool {
        let mut answer = false;
        // A stack that cannot be read is nobody's.
        let _ = self.near_frames(|frame| {
            if frame.is_runtime() && frame.facts.has(Facts::LOADER_BASE) {
                return ControlFlow::Continue(());
            }
            answer = frame.is_runtime() && frame.facts.has(loader);
            ControlFlow::Break(())
        });
        answer
    }

    fn definers(self) -> Marks {
        self.whoever(b"a class that nobody defined")
    }

    /// A lookup defines a class: `JVM_LookupDefineClass`.
    pub(crate) fn before_lookup(self, lookup: Ref) -> Plan {
        let mut spun = false;
        // A stack that cannot be read is nobody's.
        let _ = self.near_frames(|frame| {
            if frame.is_runtime() && frame.facts.has(Facts::SPINNER) {
                spun = true;
                return ControlFlow::Break(());
            }
            if frame.is_runtime() && frame.facts.has(Facts::LOOKUP) {
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(())
        });
        // The class that the lookup is of: a hidden one has a tag like any other.
        let of = self.class(lookup);
        let made = Info::from_tag(self.tools().tag(lookup)).facts;
        let genuine = made.only(Facts::GENUINE);
        if spun {
            // Whose it is, its loader says; the marks that somebody left go with it.
            let marks = if of.facts.has(Facts::FOREIGN) { of.marks } else { Marks::NONE };
            return Plan::Tag(Info { facts: Facts::DEFINED.with(genuine), marks });
        }
        self.weave_in();
        let marks = self.definers();
        if marks.is_empty() {
            let marks = if of.facts.has(Facts::FOREIGN) { of.marks } else { Marks::NONE };
            return Plan::Tag(Info { facts: Facts::DEFINED.with(genuine), marks });
        }
        Plan::Tag(Info { facts: Facts::DEFINED, marks: marks.join(of.marks) })
    }

    /// A class has been defined by plan.
    pub(crate) fn after_definition(self, class: Ref, tag: Info) {
        // Its initialiser may have run already, and somebody have looked.
        let now = Info::from_tag(self.tools().tag(class));
        let marks = classified(now).unwrap_or(now).marks.join(tag.marks);
        self.tools().set_tag(class, Info { facts: tag.facts, marks }.tag());
    }
}

/// A class's name as Java writes it; `None` where it does not fit.
fn dotted<'a>(name: &[u8], into: &'a mut [u8]) -> Option<&'a [u8]> {
    let text = into.get_mut(..name.len())?;
    for (to, from) in text.iter_mut().zip(name) {
        *to = if *from == b'/' { b'.' } else { *from };
    }
    Some(text)
}
