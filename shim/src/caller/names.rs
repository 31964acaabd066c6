//! How reports name who called.

use super::{Callers, Frame, LONGEST_PATH, Look, judge, look_up, walk};
use crate::arm::State;

/// The most bytes of the names on a stack.
const STACK: usize = 1024;

/// Who called, and what else is on the stack.
pub(crate) struct Names {
    bytes: [u8; LONGEST_PATH],
    caller: usize,
    stack: usize,
}

impl Names {
    /// Finds them out: who called by the frame that is held against it, and the stack from its
    /// innermost frame on.
    #[cold]
    pub(crate) fn find(state: &State, callers: &Callers, caller: Frame, innermost: Frame) -> Self {
        let mut names = Self { bytes: [0; LONGEST_PATH], caller: 0, stack: 0 };
        // What cannot be read again, the report does without.
        names.caller = write(state, caller, &mut names.bytes).unwrap_or(0);
        let mut left = state.image.audit().frames;
        let room = names.bytes.get_mut(names.caller..).unwrap_or_default();
        let most = room.len().min(STACK);
        let mut room = room.get_mut(..most).unwrap_or_default();
        let _ = walk(state, callers, innermost, |frame, _, _| {
            let Some(rest) = left.checked_sub(1) else { return Look::Enough };
            left = rest;
            let Some(length) = write(state, frame, room) else { return Look::Enough };
            let Some((name, behind)) = core::mem::take(&mut room).split_at_mut_checked(length)
            else {
                return Look::Enough;
            };
            // Names end with newlines, which a path may have too.
            name.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'?');
            let Some((end, behind)) = behind.split_first_mut() else { return Look::Enough };
            *end = b'\n';
            names.stack = names.stack.saturating_add(length).saturating_add(1);
            room = behind;
            Look::On
        });
        names
    }

    /// The real path of the caller's object, with `!` and the function behind it where rules tell
    /// functions apart; nothing for code that lies in no object.
    pub(crate) fn caller(&self) -> &[u8] {
        self.bytes.get(..self.caller).unwrap_or_default()
    }

    /// The same of the objects on the stack, from the innermost outwards, each ended by a newline.
    pub(crate) fn stack(&self) -> &[u8] {
        let behind = self.bytes.get(self.caller..).unwrap_or_default();
        behind.get(..self.stack).unwrap_or_default()
    }
}

/// Writes the name of the code that a call at a frame returns to, and answers its length; `None`
/// where it does not fit, or cannot be found out.
fn write(state: &State, frame: Frame, to: &mut [u8]) -> Option<usize> {
    // A call may be the last instruction of its function.
    let address = frame.code.saturating_sub(1);
    let room = to.len();
    let written = look_up(address, |object| match object {
        Some(object) => judge::write_name(state, object, address, to),
        None => 0,
    });
    written.ok().filter(|length| *length <= room)
}
