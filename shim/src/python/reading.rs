//! What a stack says about who asks.

use core::ops::ControlFlow;

use ringfence_policy::{CallerKind, CallerList, CallerVerdict, Creation, Image, RuleIndex};

use super::frames::{Code, LONGEST_FILE, LONGEST_NAME};
use super::interpreter::{Interpreter, unread};
use super::module::{Beneath, Owner, beginnings, owner};
use super::subjects::{Gathered, Set};
use crate::report::Why;

/// Whose the innermost code is that is not the runtime's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nearest {
    Host,
    Module,
    Nobody,
}

/// Who is refused, and why.
pub(super) struct Refused {
    name: [u8; LONGEST_NAME],
    length: usize,
    pub(super) rule: RuleIndex,
    pub(super) why: Why,
}

impl Refused {
    /// The subject; empty where it is not known.
    pub(super) fn name(&self) -> &[u8] {
        self.name.get(..self.length).unwrap_or_default()
    }

    fn new(name: &[u8], rule: RuleIndex, why: Why) -> Self {
        let mut bytes = [0; LONGEST_NAME];
        bytes.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        Self { name: bytes, length: name.len().min(LONGEST_NAME), rule, why }
    }
}

/// A stack while it is read, from the innermost frame outwards.
pub(super) struct Reading<'i> {
    image: &'i Image<'static>,
    /// The rules about what is asked for.
    list: CallerList<'i>,
    gathered: Gathered,
    refused: Option<Refused>,
    nearest: Option<Nearest>,
    /// Whether there is any frame, and the outermost is of a thread that Python started.
    bottom: Option<bool>,
    /// Whether the thread descends from somebody whose name is not known any more.
    descends_from_lost: bool,
}

impl<'i> Reading<'i> {
    pub(super) fn new(image: &'i Image<'static>, creation: Creation) -> Self {
        Self {
            image,
            list: image.callers(creation, CallerKind::Python),
            gathered: Gathered::NONE,
            refused: None,
            nearest: None,
            bottom: None,
            descends_from_lost: false,
        }
    }

    /// Reads the frames that the calling thread has in an interpreter.
    pub(super) fn read(&mut self, interpreter: &Interpreter) {
        for thread in interpreter.threads().into_iter().flatten() {
            let read = interpreter.frames(thread, |code| {
                self.code(&code, interpreter.minor, thread.is_main);
                ControlFlow::Continue(())
            });
            if read.is_none() {
                unread();
            }
        }
    }

    fn code(&mut self, code: &Code<'_>, minor: u8, is_main: bool) {
        let owner = owner(code.name, code.file, minor);
        self.bottom = Some(owner == Owner::Runtime && code.name == Some(b"threading"));
        match owner {
            // The `__main__` of a subinterpreter is whatever somebody had it run, and acts for him.
            Owner::Host if !is_main => {}
            Owner::Runtime => {}
            Owner::Host => self.come_by(Nearest::Host),
            Owner::Nobody => self.nobody(),
            Owner::Renamed(name, place) => self.renamed(name, place, is_main),
            Owner::Module(name, place) => {
                self.come_by(Nearest::Module);
                let mut bytes = [0; LONGEST_NAME];
                match place.map(|place| place.name(&mut bytes)) {
                    Some(Some(own)) => self.subject(own),
                    Some(None) => self.nobody(),
                    None => {}
                }
                if let Some(name) = name {
                    self.subject(name);
                }
            }
        }
    }

    /// Adds who goes by a name, or by `__main__`, that the file does not bear out: each name that the
    /// file may stand for and a rule forbids, and beside a name of its own the file's.
    fn renamed(&mut self, name: Option<&[u8]>, place: Beneath<'_>, is_main: bool) {
        let mut bytes = [0; LONGEST_FILE];
        let mut is_forbidden = false;
        for end in place.ends_of() {
            if let Some(own) = end.name(&mut bytes)
                && forbids(self.image, own)
            {
                self.come_by(Nearest::Module);
                self.subject(own);
                is_forbidden = true;
            }
        }
        match name {
            Some(name) => {
                self.come_by(Nearest::Module);
                self.subject(name);
                let own = place.ends_of().next().and_then(|end| end.name(&mut bytes));
                if let Some(own) = own.filter(|_| !is_forbidden) {
                    self.subject(own);
                }
            }
            None if is_main && !is_forbidden => self.come_by(Nearest::Host),
            None => {}
        }
    }

    fn come_by(&mut self, nearest: Nearest) {
        self.nearest.get_or_insert(nearest);
    }

    /// Nobody knows who asks.
    pub(super) fn nobody(&mut self) {
        self.come_by(Nearest::Nobody);
        self.gathered.add_nobody();
    }

    /// Adds a subject, and notes if a rule refuses it.
    fn subject(&mut self, name: &[u8]) {
        self.gathered.add(significant(self.image, name));
        let is_forbidden = |refused: &Refused| refused.why == Why::Forbidden;
        match (self.list.judge(name), self.list.first_authorized()) {
            (CallerVerdict::Forbidden(rule), _)
                if !self.refused.as_ref().is_some_and(is_forbidden) =>
            {
                self.refused = Some(Refused::new(name, rule, Why::Forbidden));
            }
            (CallerVerdict::Unnamed, Some(others)) if self.refused.is_none() => {
                self.refused = Some(Refused::new(name, others, Why::Unauthorized));
            }
            _ => {}
        }
    }

    /// Adds those that the thread descends from.
    pub(super) fn inherit(&mut self, set: Set) {
        set.names().for_each(|name| self.subject(name));
        if set.has_nobody() {
            self.gathered.add_nobody();
        }
        if set.has_lost() {
            self.descends_from_lost = true;
            self.gathered.add_lost();
        }
    }

    /// Whether there is no Python code at all.
    pub(super) fn is_bare(&self) -> bool {
        self.bottom.is_none()
    }

    /// Whether the innermost code that is not the runtime's is the host's.
    pub(super) fn is_hosts(&self) -> bool {
        self.nearest == Some(Nearest::Host)
    }

    /// Everybody who was found.
    pub(super) fn set(&self) -> Set {
        self.gathered.set()
    }

    /// Why the rules refuse it; `None` where they do not.
    pub(super) fn refused(self) -> Option<Refused> {
        let list = self.list;
        let (authorized, first) = (list.first_authorized(), list.first()?);
        if self.refused.is_some() {
            return self.refused;
        }
        // Nothing but the runtime, and not on a thread of Python's own: what the interpreter calls at
        // its end, or C at any time, for whoever asked for that.
        let is_nobodys = self.nearest.is_none() && self.bottom == Some(false);
        let has_nobody = self.gathered.has_nobody();
        let unknown = has_nobody && (authorized.is_some() || self.nearest.is_none())
            || self.descends_from_lost
            || self.nearest == Some(Nearest::Nobody)
            || is_nobodys && self.gathered.is_empty();
        unknown.then(|| Refused::new(b"", first, Why::Unattributed))
    }
}

/// The modules of the standard library that make a child only to start a program in it.
const STARTERS: [&[u8]; 2] = [b"subprocess", b"multiprocessing.util"];

/// Whether the innermost code on the calling thread is about to start a program by a child.
pub(super) fn is_starting(interpreter: &Interpreter) -> bool {
    let mut found = false;
    // While it waits for the child the thread may have given the lock back.
    if let Some(thread) = interpreter.threads().into_iter().flatten().next() {
        let read = interpreter.frames(thread, |code| {
            found = owner(code.name, code.file, interpreter.minor) == Owner::Runtime
                && code.name.is_some_and(|name| STARTERS.contains(&name));
            ControlFlow::Break(())
        });
        if read.is_none() {
            unread();
        }
    }
    found
}

/// Whether any list forbids a name.
fn forbids(image: &Image<'_>, name: &[u8]) -> bool {
    [Creation::Thread, Creation::Process].into_iter().any(|creation| {
        let verdict = image.callers(creation, CallerKind::Python).judge(name);
        matches!(verdict, CallerVerdict::Forbidden(_))
    })
}

/// The beginning of a name that says all that the lists of the policy say about the whole: at
/// least the top-level package.
fn significant<'n>(image: &Image<'_>, name: &'n [u8]) -> &'n [u8] {
    let verdicts = |name: &[u8]| {
        [Creation::Thread, Creation::Process]
            .map(|creation| image.callers(creation, CallerKind::Python).judge(name))
    };
    let whole = verdicts(name);
    beginnings(name).find(|beginning| verdicts(beginning) == whole).unwrap_or(name)
}
