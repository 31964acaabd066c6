//! The frames of a thread, from the innermost outwards.

use core::ops::ControlFlow;

use super::interpreter::{Interpreter, Thread};
use super::layout::{NO_CODE, TAG};
use super::memory::Memory;
use super::module::{Owner, owner};

/// More frames than fit into memory.
const MOST_FRAMES: usize = 100_000_000;

/// The files and modules that are remembered while a stack is read: programs go to and fro between
/// a few.
const SEEN: usize = 16;

/// The most bytes of a module's name.
pub(super) const LONGEST_NAME: usize = 256;
/// The most bytes of a file's name.
pub(super) const LONGEST_FILE: usize = 1024;

/// What is known about the code of a frame.
pub(super) struct Code<'a> {
    /// The name of the module whose variables it has, as these say; `None` where they do not.
    pub(super) name: Option<&'a [u8]>,
    /// The file that it was compiled from, as it says; empty where that cannot be told.
    pub(super) file: &'a [u8],
    /// The module's variables.
    pub(super) globals: usize,
}

/// The global variables of a frame, and the name of its file.
type Parts = (usize, usize);

/// The code at the end of a stack where everything began, and what is around that.
#[derive(Clone, Copy, Default)]
pub(super) struct Outermost {
    last: Parts,
    inner: Parts,
}

impl Interpreter {
    /// Shows the code of each frame, as long as there is to be more; the outermost one last. Of
    /// others with the same file and module some are left out.
    ///
    /// The thread's frames are its own, and what is read of code never changes, so those are still
    /// whoever holds the lock. `None` where a frame is not what the version's frames are: what it
    /// stands for would be guessed.
    pub(super) fn frames(
        &self,
        thread: Thread,
        mut show: impl FnMut(Code<'_>) -> ControlFlow<()>,
    ) -> Option<Outermost> {
        let layout = self.objects.layout;
        let still = Memory::Still;
        let mut frame = still.part(thread.state, layout.thread_frame).unwrap_or(0);
        if let Some(offset) = layout.by_c_frame {
            frame = still.part(frame, offset).unwrap_or(0);
        }
        let says = if thread.is_current { self.globals() } else { 0 };
        let mut is_confirmed = says == 0;
        let (mut seen, mut next, mut skipped) = ([(0, 0); SEEN], 0_usize, None);
        let mut outermost = Outermost::default();
        for _ in 0..MOST_FRAMES {
            if frame == 0 {
                break;
            }
            if self.is_code(frame) && !self.is_own(frame) {
                let here = self.parts(frame)?;
                is_confirmed |= here.0 == says;
                if here != outermost.last {
                    outermost = Outermost { last: here, inner: outermost.last };
                }
                skipped = seen.contains(&here).then_some(here);
                if skipped.is_none() {
                    if self.show(thread.memory, here, &mut show).is_break() {
                        return Some(outermost);
                    }
                    if let Some(place) = seen.get_mut(next % SEEN) {
                        *place = here;
                    }
                    next = next.wrapping_add(1);
                }
            }
            frame = still.part(frame, layout.frame.previous).unwrap_or(0);
        }
        if !is_confirmed || frame != 0 {
            return None;
        }
        if let Some(skipped) = skipped {
            // Nothing is left to break off.
            let _ = self.show(thread.memory, skipped, &mut show);
        }
        Some(outermost)
    }

    /// The variables of the program's own module, where a stack that was read begins with its code:
    /// it, or what of the standard library finds it by its name.
    pub(super) fn main_of(&self, thread: Thread, outermost: Outermost) -> Option<usize> {
        let mut found = None;
        for parts in [outermost.last, outermost.inner] {
            let is_on = self.show(thread.memory, parts, &mut |code| match owner(
                code.name, code.file, self.minor,
            ) {
                Owner::Runtime if code.name == Some(b"runpy") => ControlFlow::Continue(()),
                Owner::Host | Owner::Renamed(None, _) => {
                    found = Some(code.globals);
                    ControlFlow::Break(())
                }
                Owner::Runtime | Owner::Module(..) | Owner::Renamed(..) | Owner::Nobody => {
                    ControlFlow::Break(())
                }
            });
            if is_on.is_break() {
                break;
            }
        }
        found
    }

    /// Whether a frame is of a program's code, and not the interpreter's mark of where C called.
    fn is_code(&self, frame: usize) -> bool {
        self.objects.layout.frame.owner.is_none_or(|offset| {
            frame.checked_add(offset).and_then(|at| Memory::Still.byte(at)).unwrap_or(0) < NO_CODE
        })
    }

    /// Whether a frame is the interpreter's own, which stands below an `__init__` that it runs for a
    /// class: it is of no function, and what it has for variables was left there by another.
    fn is_own(&self, frame: usize) -> bool {
        let part = |offset| Memory::Still.part(frame, offset).unwrap_or(0) & !TAG;
        let layout = self.objects.layout;
        layout.frame.function.is_some_and(|offset| {
            let mut name = [0; 8];
            let file = Memory::Still.part(part(layout.frame.code), layout.code_filename);
            part(offset) == self.objects.types.none
                && self.objects.is_code(part(layout.frame.code))
                && self.objects.text(Memory::Still, file.unwrap_or(0), &mut name)
                    == Some(b"__init__".as_slice())
        })
    }

    /// The parts of a frame; `None` where it has no code.
    fn parts(&self, frame: usize) -> Option<Parts> {
        let layout = self.objects.layout;
        let part = |offset| Memory::Still.part(frame, offset).unwrap_or(0);
        let code = part(layout.frame.code) & !TAG;
        if !self.objects.is_code(code) {
            return None;
        }
        let file = Memory::Still.part(code, layout.code_filename).unwrap_or(0);
        Some((part(layout.frame.globals), file))
    }

    fn show(
        &self,
        memory: Memory,
        (globals, file): Parts,
        show: &mut impl FnMut(Code<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (mut name_bytes, mut file_bytes) = ([0; LONGEST_NAME], [0; LONGEST_FILE]);
        let name = self.objects.module_name(memory, globals, &mut name_bytes);
        let file = self.objects.text(Memory::Still, file, &mut file_bytes).unwrap_or_default();
        show(Code { name, file, globals })
    }
}
