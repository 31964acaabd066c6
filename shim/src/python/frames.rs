//! The frames of a thread, from the innermost outwards.

use core::ops::ControlFlow;

use super::interpreter::{Interpreter, Thread, unread};
use super::layout::{NO_CODE, TAG};
use super::memory::Memory;

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
}

impl Interpreter {
    /// Shows the code of each frame, as long as there is to be more; the outermost one last. Of
    /// others with the same file and module some are left out.
    ///
    /// The thread's frames are its own, and what is read of code never changes, so those are still
    /// whoever holds the lock. A frame that is not what the version's frames are ends the process:
    /// what it stands for would be guessed.
    pub(super) fn frames(&self, thread: Thread, mut show: impl FnMut(Code<'_>) -> ControlFlow<()>) {
        let layout = self.objects.layout;
        let still = Memory::Still;
        let mut frame = still.part(thread.state, layout.thread_frame).unwrap_or(0);
        if let Some(offset) = layout.by_c_frame {
            frame = still.part(frame, offset).unwrap_or(0);
        }
        let says = if thread.is_current { self.globals() } else { 0 };
        let mut is_confirmed = says == 0;
        let (mut seen, mut next, mut skipped) = ([(0, 0); SEEN], 0_usize, None);
        for _ in 0..MOST_FRAMES {
            if frame == 0 {
                break;
            }
            if self.is_code(frame) {
                let here = self.parts(frame);
                is_confirmed |= here.0 == says;
                skipped = seen.contains(&here).then_some(here);
                if skipped.is_none() {
                    if self.show(thread.memory, here, &mut show).is_break() {
                        return;
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
            unread();
        }
        if let Some(outermost) = skipped {
            // Nothing is left to break off.
            let _ = self.show(thread.memory, outermost, &mut show);
        }
    }

    /// Whether a frame is of a program's code, and not the interpreter's mark of where C called.
    fn is_code(&self, frame: usize) -> bool {
        self.objects.layout.frame.owner.is_none_or(|offset| {
            frame.checked_add(offset).and_then(|at| Memory::Still.byte(at)).unwrap_or(0) < NO_CODE
        })
    }

    /// The global variables of a frame, and the name of its file.
    fn parts(&self, frame: usize) -> (usize, usize) {
        let layout = self.objects.layout;
        let part = |offset| Memory::Still.part(frame, offset).unwrap_or(0);
        let code = part(layout.frame.code) & !TAG;
        if !self.objects.is_code(code) {
            unread();
        }
        let file = Memory::Still.part(code, layout.code_filename).unwrap_or(0);
        (part(layout.frame.globals), file)
    }

    fn show(
        &self,
        memory: Memory,
        (globals, file): (usize, usize),
        show: &mut impl FnMut(Code<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (mut name_bytes, mut file_bytes) = ([0; LONGEST_NAME], [0; LONGEST_FILE]);
        let name = self.objects.module_name(memory, globals, &mut name_bytes);
        let file = self.objects.text(Memory::Still, file, &mut file_bytes).unwrap_or_default();
        show(Code { name, file })
    }
}
