//! What the rules say about an object, or about one function that it exports.

use ringfence_policy::{CallerKind, CallerList, Creation, RuleIndex};

use super::exports::Exports;
use super::maps::{LONGEST_PATH, Object};
use super::{Caller, Code, Part, Verdict};
use crate::arm::State;

/// The names that the runtime's objects give themselves.
const RUNTIME: [&[u8]; 9] = [
    b"libc.so.6",
    b"ld-linux-x86-64.so.2",
    b"libpthread.so.0",
    b"librt.so.1",
    b"libanl.so.1",
    b"libdl.so.2",
    b"libstdc++.so.6",
    b"libc++.so.1",
    b"libgcc_s.so.1",
];

/// The names that the objects of a JVM which create its own threads give themselves.
const JVM: [&[u8]; 2] = [b"libjvm.so", b"libjli.so"];

/// An object as the rules see it: its names, and the lists about threads and about programs.
struct Judged<'a> {
    names: [&'a [u8]; 3],
    own_name: Option<&'a [u8]>,
    lists: [CallerList<'a>; 2],
}

/// What each list says about each name.
type Said = [[Verdict; 3]; 2];

impl<'a> Judged<'a> {
    fn new(state: &'a State, object: &'a Object) -> Self {
        let own_name = object.soname();
        let lists = [Creation::Thread, Creation::Process]
            .map(|creation| state.image.callers(creation, CallerKind::Native));
        let names = [object.path(), object.file_name(), own_name.unwrap_or_default()];
        Self { names, own_name, lists }
    }

    fn whole(&self) -> Said {
        self.lists.map(|list| self.names.map(|name| Verdict::new(list.judge(name))))
    }

    /// Whether any rule is about a function of the object's, and not about all of it.
    fn has_parts(&self) -> bool {
        self.lists.iter().any(|list| self.names_parts(list))
    }

    fn names_parts(&self, list: &CallerList<'_>) -> bool {
        let mut names = self.names.iter().filter(|name| !name.is_empty());
        names.any(|name| list.names_parts_of(name))
    }

    /// What rules may say about some function of the object's.
    fn worst(&self, mut said: Said) -> Said {
        for (list, said) in self.lists.iter().zip(&mut said) {
            if list.has_forbidden() && self.names_parts(list) {
                *said = said.map(|verdict| verdict.or(Verdict::against(RuleIndex::UNJUDGED)));
            }
        }
        said
    }

    /// What rules say about a function by this name: `whole` where none is about it.
    fn part(&self, symbol: &[u8]) -> Said {
        let mut buffer = [0; LONGEST_PATH];
        self.lists.map(|list| {
            self.names.map(|name| {
                let text = joined(&mut buffer, name, symbol);
                if name.is_empty() { Verdict::default() } else { Verdict::new(list.judge(text)) }
            })
        })
    }

    /// Who calls, if this is what the rules say.
    fn caller(&self, object: &Object, said: &Said) -> Caller {
        let [threads, processes] =
            said.map(|verdicts| verdicts.into_iter().fold(Verdict::default(), Verdict::or));
        let is_one_of = |names: &[&[u8]]| self.own_name.is_some_and(|own| names.contains(&own));
        let unnamed = threads == Verdict::default() && processes == Verdict::default();
        if is_one_of(&JVM) && self.own_name == Some(object.file_name()) {
            Caller::Jvm
        } else if unnamed && is_one_of(&RUNTIME) {
            Caller::Runtime
        } else {
            Caller::Object { threads, processes }
        }
    }
}

/// A name of an object, and a symbol of its, as far as there is room: no rule is longer.
fn joined<'b>(buffer: &'b mut [u8], name: &[u8], symbol: &[u8]) -> &'b [u8] {
    let length = name.len().saturating_add(1).saturating_add(symbol.len());
    let bytes = name.iter().chain(b"!").chain(symbol);
    buffer.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    buffer.get(..length.min(buffer.len())).unwrap_or_default()
}

/// What is known of the code at an address of the object. Its functions are told apart only where a
/// rule is about one of them.
pub(super) fn judge(state: &State, object: &Object, address: usize) -> Code {
    let judged = Judged::new(state, object);
    let whole = judged.whole();
    let mut code = Code {
        range: object.mapped(),
        object: object.mapped().start,
        caller: judged.caller(object, &whole),
        part: Part::Whole,
        is_program: state.entry.is_some_and(|entry| object.mapped().contains(&entry)),
    };
    if !judged.has_parts() {
        return code;
    }
    let Some(exports) = Exports::of(object) else {
        // Which function it is cannot be told: it may be one that is forbidden.
        code.caller = judged.caller(object, &judged.worst(whole));
        return code;
    };
    code.part = Part::Inner;
    let mut said = whole;
    code.range = exports.around(address, |symbol| {
        code.part = Part::Exported;
        let part = judged.part(symbol);
        let places = said.as_flattened_mut().iter_mut();
        for ((place, new), whole) in places.zip(part.as_flattened()).zip(whole.as_flattened()) {
            // Of a function's names one that a rule is about says more than its object's, and of
            // two such the one that is forbidden.
            if new != whole {
                *place = if place == whole { *new } else { place.or(*new) };
            }
        }
    });
    code.caller = judged.caller(object, &said);
    // A rule about a function of the program's is about that alone, not about all that it does.
    code.is_program &= said == whole;
    code
}

/// Writes how a report names the code at an address: by its object's path, and where rules tell
/// the object's functions apart, by the function too. Answers how long that is.
pub(super) fn write_name(state: &State, object: &Object, address: usize, to: &mut [u8]) -> usize {
    let judged = Judged::new(state, object);
    let exports = if judged.has_parts() { Exports::of(object) } else { None };
    let whole = judged.whole();
    let mut length = object.path().len();
    to.iter_mut().zip(object.path()).for_each(|(to, from)| *to = *from);
    let mut is_named = false;
    if let Some(exports) = exports {
        exports.around(address, |symbol| {
            // The name that a rule is about, else the first.
            let is_first = length == object.path().len();
            if is_first || (!is_named && judged.part(symbol) != whole) {
                is_named = judged.part(symbol) != whole;
                length = joined(to, object.path(), symbol).len();
            }
        });
    }
    length
}
