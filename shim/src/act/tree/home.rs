//! Where a walk that changes the working directory came from.

#![expect(unsafe_code, reason = "paths of ours for the steps")]

use crate::act::heap::List;
use crate::act::{look, steps};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, Errno};
use crate::text::{PATH_MAX, Text};

/// The working directory that a walk with `FTW_CHDIR` goes back to.
pub(super) enum Home {
    Held(look::Held),
    /// One that may not be read; it is known by its name.
    Named(List<u8>),
}

impl Home {
    #[inline(never)]
    pub(super) fn find(state: &'static State, call: Call) -> Answer<Self> {
        // SAFETY: a C string of ours.
        match unsafe { steps::open(state, call, c".".as_ptr(), libc::O_CLOEXEC) } {
            Ok(fd) => Ok(Self::Held(look::Held::new(fd))),
            Err(Errno::EACCES) => {
                let mut text = Text::new();
                text.receive(PATH_MAX, sys::getcwd)?;
                let mut name = List::new(&state.next);
                name.append(text.ended().ok_or(Errno::ENOENT)?)?;
                Ok(Self::Named(name))
            }
            Err(errno) => Err(errno),
        }
    }

    /// Where that fails, the walk's own result says more.
    pub(super) fn go_back(&self, state: &State, call: Call) {
        let errno = sys::errno();
        let _ = match self {
            Self::Held(held) => steps::go_to(state, call, held.number()),
            // SAFETY: a C string of ours.
            Self::Named(name) => unsafe { steps::go(state, call, name.items().as_ptr().cast()) },
        };
        sys::set_errno(errno);
    }
}
