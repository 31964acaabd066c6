//! Files that are held while they are looked into and started.

use core::ffi::c_int;

use ringfence_policy::Access;

use crate::arm::State;
use crate::place::{self, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD};
use crate::text::Text;

/// A file that may be executed, held until it is started.
pub(crate) struct Held {
    pub(crate) fd: c_int,
    /// It may not be read: a descriptor by which it can be must show to no other thread.
    pub(crate) secret: bool,
}

impl Held {
    /// Holds what `goal` lets through; `text` has its place then.
    ///
    /// # Errors
    /// EACCES with a report for a refusal, else what the kernel answers.
    pub(crate) fn at(
        state: &State,
        dir: c_int,
        path: &[&[u8]],
        goal: &Goal,
        text: &mut Text,
    ) -> Answer<Self> {
        let fd = place::open_parts(state, dir, path, goal, text)?;
        Ok(Self::new(state, fd, text))
    }

    /// As [`Held::at`], of a text that is absolute already.
    ///
    /// # Errors
    /// As [`Held::at`].
    pub(crate) fn by_text(state: &State, goal: &Goal, text: &mut Text) -> Answer<Self> {
        let fd = place::open_text(state, goal, text)?;
        Ok(Self::new(state, fd, text))
    }

    fn new(state: &State, fd: c_int, text: &Text) -> Self {
        let secret = state.image.decide(text.bytes()).refuses(Access::READ).is_some();
        Self { fd, secret }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        sys::close(self.fd);
    }
}

/// A file to be looked into.
#[derive(Clone, Copy)]
pub(crate) struct File {
    pub(crate) fd: c_int,
    /// As [`Held::secret`].
    pub(crate) secret: bool,
}

impl From<&Held> for File {
    fn from(held: &Held) -> Self {
        Self { fd: held.fd, secret: held.secret }
    }
}

/// Holds a file that is named by the program or by the caller's arguments.
#[inline(never)]
pub(super) fn hold(state: &State, call: Call, name: &[u8], access: Access) -> Answer<Held> {
    Held::at(state, CWD, &[name], &Goal::hold(call, access, true), &mut Text::new())
}
