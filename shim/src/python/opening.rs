//! Who opens a file, or hands that on to a thread, as far as exceptions for certain callers ask.
//!
//! Unlike a rule that refuses, an exception is for those only of whom it is known that they asked. So
//! what is let pass elsewhere is nobody here: code whose file does not bear its name out, `__main__`
//! that is not the program's own module, and what the standard library was left to call.

use core::ops::ControlFlow;
use core::sync::atomic::Ordering;

use ringfence_policy::{Audiences, CallerKind, Image};

use super::frames::{Code, LONGEST_FILE, Outermost};
use super::interpreter::{Interpreter, Thread, known};
use super::module::{Beneath, Owner, owner};
use crate::arm::State;
use crate::lineage::Bars;
use crate::sys;

/// What is asked about a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Who opens a file or starts a program.
    Opens,
    /// For whom a thread will be.
    Creates,
}

/// The modules of the standard library that open what the code that called them names. All others may
/// have been given, by somebody who is not on the stack any more, what they do: event loops, pools,
/// servers, loggers, and what shows the source of code that names any file as its own.
const OPENERS: [&[u8]; 33] = [
    b"_frozen_importlib",
    b"_frozen_importlib_external",
    b"_pyio",
    b"bz2",
    b"codecs",
    b"compression",
    b"configparser",
    b"dbm",
    b"fileinput",
    b"genericpath",
    b"glob",
    b"gzip",
    b"importlib",
    b"io",
    b"logging.config",
    b"lzma",
    b"netrc",
    b"os",
    b"pathlib",
    b"pkgutil",
    b"posixpath",
    b"runpy",
    b"shelve",
    b"shutil",
    b"sqlite3",
    b"ssl",
    b"subprocess",
    b"tarfile",
    b"tempfile",
    b"tokenize",
    b"xml.etree",
    b"zipfile",
    b"zipimport",
];

/// What keeps the calling thread's Python code from exceptions; nothing where there is none. `None`
/// where it cannot be told who asks.
pub(crate) fn opener(state: &State, asked: Asked) -> Option<Bars> {
    let mut found = Bars::NONE;
    let mut is_read = !state.interprets;
    for interpreter in known() {
        is_read = true;
        found = found.join(bars(&state.image, interpreter, asked)?);
    }
    is_read.then_some(found)
}

fn bars(image: &Image<'static>, interpreter: &Interpreter, asked: Asked) -> Option<Bars> {
    // Of a thread that has given the lock back it is not known in which of them it is.
    if interpreter.has_others() {
        return None;
    }
    let mut opening = Opening {
        image,
        asked,
        named: Audiences::ALL,
        has_subjects: false,
        has_caller: false,
        main: None,
    };
    let threads = interpreter.threads();
    if threads.iter().all(Option::is_none) {
        return Some(Bars::NONE);
    }
    for thread in threads.into_iter().flatten() {
        let mut is_known = true;
        let outermost = interpreter.frames(thread, |code| {
            let step = opening.code(&code, interpreter.minor);
            is_known = step.is_continue();
            step
        })?;
        if !is_known {
            return None;
        }
        learn(interpreter, thread, outermost);
    }
    opening.bars(interpreter.host.load(Ordering::Relaxed))
}

/// Remembers the program's own module, by its variables, once: it stands at the end of the stack of
/// the thread that the process began with, and has called whoever starts another.
fn learn(interpreter: &Interpreter, thread: Thread, outermost: Outermost) {
    let is_first = interpreter.host.load(Ordering::Relaxed) == 0 && sys::thread() == sys::process();
    if is_first && let Some(main) = interpreter.main_of(thread, outermost) {
        interpreter.host.store(main, Ordering::Relaxed);
    }
}

/// A stack while it is read, from the innermost frame outwards.
struct Opening<'i> {
    image: &'i Image<'static>,
    asked: Asked,
    /// Each subject on it is in these.
    named: Audiences,
    has_subjects: bool,
    /// Whether there was anybody but the standard library.
    has_caller: bool,
    /// The variables of what calls itself the program's own module.
    main: Option<usize>,
}

impl Opening<'_> {
    /// Takes a frame; breaks where nobody is known to have asked.
    fn code(&mut self, code: &Code<'_>, minor: u8) -> ControlFlow<()> {
        let owner = owner(code.name, code.file, minor);
        match owner {
            Owner::Runtime => {
                let is_lent = self.asked == Asked::Opens && !self.has_caller;
                if is_lent && !code.name.is_some_and(opens) {
                    return ControlFlow::Break(());
                }
                return ControlFlow::Continue(());
            }
            Owner::Nobody => return ControlFlow::Break(()),
            Owner::Host | Owner::Renamed(None, _) => match self.main {
                Some(main) if main != code.globals => self.subject(Audiences::NONE),
                _ => self.main = Some(code.globals),
            },
            Owner::Module(name, Some(place)) => {
                let own = self.audiences_at(place);
                self.subject(own & name.map_or(Audiences::ALL, |name| self.audiences(name)));
            }
            Owner::Module(Some(name), None) => {
                let is_borne_out = Beneath::of(code.file).is_some_and(|path| path.ends(name));
                let named = if is_borne_out { self.audiences(name) } else { Audiences::NONE };
                self.subject(named);
            }
            Owner::Renamed(Some(name), place) => {
                let own = place.ends_of().next().map(|end| self.audiences_at(end));
                self.subject(own.unwrap_or(Audiences::NONE) & self.audiences(name));
            }
            Owner::Module(None, None) => self.subject(Audiences::NONE),
        }
        self.has_caller = true;
        ControlFlow::Continue(())
    }

    fn subject(&mut self, named: Audiences) {
        self.has_subjects = true;
        self.named &= named;
    }

    fn audiences(&self, name: &[u8]) -> Audiences {
        self.image.audiences_of(CallerKind::Python, name)
    }

    fn audiences_at(&self, place: Beneath<'_>) -> Audiences {
        let mut bytes = [0; LONGEST_FILE];
        place.name(&mut bytes).map_or(Audiences::NONE, |name| self.audiences(name))
    }

    /// What keeps them from exceptions, where these are the variables of the program's own module.
    fn bars(mut self, host: usize) -> Option<Bars> {
        if self.main.is_some_and(|main| main != host) {
            self.subject(Audiences::NONE);
        }
        let bars = if self.has_subjects { Bars::all_but(self.named) } else { Bars::NONE };
        self.has_caller.then_some(bars)
    }
}

/// Among them, what loads a module once somebody asks for a part of it: who made it so is not there.
const LATE: &[u8] = b"importlib.util";

/// Whether a module of the standard library opens what its caller names.
fn opens(name: &[u8]) -> bool {
    name != LATE
        && OPENERS.iter().any(|opener| {
            name.strip_prefix(*opener).is_some_and(|rest| matches!(rest.first(), None | Some(b'.')))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_opens_for_its_caller_by_its_own_name_or_beneath() {
        for name in ["os", "pathlib", "pathlib._local", "zipfile._path", "logging.config"] {
            assert!(opens(name.as_bytes()), "{name}");
        }
        for name in ["", "oslo", "logging", "logging.handlers", "asyncio.events", "importlib.util"]
        {
            assert!(!opens(name.as_bytes()), "{name}");
        }
    }
}
