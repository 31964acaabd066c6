//! The modules on a stack, for reports.

use core::ops::ControlFlow;

use super::frames::Code;
use super::interpreter::known;
use crate::arm::State;

/// The most bytes of the names on a stack.
const STACK: usize = 1024;

/// The modules on the calling thread's stack.
pub(super) struct Names {
    bytes: [u8; STACK],
    used: usize,
}

impl Names {
    /// Reads them once more, as many as reports are to have.
    #[cold]
    pub(super) fn find(state: &State) -> Self {
        let mut names = Self { bytes: [0; STACK], used: 0 };
        let mut left = state.image.audit().frames;
        let mut last = 0..0;
        for interpreter in known() {
            for thread in interpreter.threads().into_iter().flatten() {
                // What cannot be read again, the report does without.
                let _ = interpreter.frames(thread, |code| {
                    let name = shown(&code);
                    if names.bytes.get(last.clone()) == Some(name) {
                        return ControlFlow::Continue(());
                    }
                    let start = names.used;
                    if left == 0 || !names.add(name) {
                        return ControlFlow::Break(());
                    }
                    last = start..names.used.saturating_sub(1);
                    left = left.saturating_sub(1);
                    ControlFlow::Continue(())
                });
            }
        }
        names
    }

    /// Adds one where there is room.
    fn add(&mut self, name: &[u8]) -> bool {
        let end = self.used.saturating_add(name.len());
        let Some(room) = self.bytes.get_mut(self.used..=end) else { return false };
        // Names end with newlines, which those that code chose may have too.
        let name = name.iter().map(|byte| if *byte == b'\n' { b'?' } else { *byte });
        room.iter_mut().zip(name.chain([b'\n'])).for_each(|(to, from)| *to = from);
        self.used = end.saturating_add(1);
        true
    }

    /// The names, from the innermost outwards, each ended by a newline.
    pub(super) fn stack(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }
}

/// The name that the code's module goes by; its file, where it goes by none.
fn shown<'a>(code: &Code<'a>) -> &'a [u8] {
    match code.name {
        Some(name) if !name.is_empty() => name,
        _ if !code.file.is_empty() => code.file,
        _ => b"?",
    }
}
