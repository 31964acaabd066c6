//! How a walk reaches what it is at: from a directory that it holds, or by a path.

#![expect(unsafe_code, reason = "paths that are the walk's own, libc's directory streams")]

use core::ffi::{c_char, c_int};

use super::{CHANGE, Walk};
use crate::act::{scan, steps};
use crate::sys::{self, Answer, CWD};

impl Walk {
    pub(super) fn base(&self) -> usize {
        usize::try_from(self.position.base).unwrap_or(0)
    }

    /// With `FTW_CHDIR`: goes to the directory that the start is in.
    pub(super) fn go_to_start(&mut self) -> Answer<()> {
        let base = self.base();
        match base {
            0 => Ok(()),
            // SAFETY: a C string of ours.
            1 => unsafe { steps::go(self.state, self.call, c"/".as_ptr()) },
            _ => {
                let slash = base.saturating_sub(1);
                if let Some(byte) = self.path.items_mut().get_mut(slash) {
                    *byte = 0;
                }
                let above = self.path.items().as_ptr().cast();
                // SAFETY: a C string of ours.
                let gone = unsafe { steps::go(self.state, self.call, above) };
                if let Some(byte) = self.path.items_mut().get_mut(slash) {
                    *byte = b'/';
                }
                gone
            }
        }
    }

    /// The name of what is visited as it can be reached now, where no directory of it is held.
    fn reach(&self) -> *const c_char {
        let text = self.path.items();
        let text = if self.has(CHANGE) { text.get(self.base()..).unwrap_or(text) } else { text };
        match text.first() {
            Some(0) | None => c".".as_ptr(),
            Some(_) => text.as_ptr().cast(),
        }
    }

    /// The directory that is held and the path from there.
    fn place(&self) -> (c_int, *const c_char) {
        match self.levels.top().and_then(|level| level.descriptor(self.state)) {
            Some(fd) => (fd, self.path.items().get(self.base()..).unwrap_or(&[0]).as_ptr().cast()),
            None => (CWD, self.reach()),
        }
    }

    pub(super) fn inspect(&self, follow: bool) -> Answer<libc::stat> {
        let (dir, path) = self.place();
        // SAFETY: the path is a C string of ours.
        unsafe { steps::inspect(self.state, self.call, dir, path, follow) }
    }

    pub(super) fn open(&self) -> Answer<*mut libc::DIR> {
        let (dir, path) = self.place();
        // SAFETY: the path is a C string of ours.
        unsafe { scan::stream(self.state, self.call, dir, path) }
    }

    /// With `FTW_CHDIR`: goes back to the directory above.
    pub(super) fn climb(&self) -> Answer<()> {
        let above = self.levels.top().and_then(|level| level.descriptor(self.state));
        if let Some(fd) = above
            && steps::go_to(self.state, self.call, fd).is_ok()
        {
            return Ok(());
        }
        let path = if self.position.base == 1 { c"/" } else { c".." };
        // SAFETY: a C string of ours.
        unsafe { steps::go(self.state, self.call, path.as_ptr()) }
            .inspect_err(|errno| sys::set_errno(*errno))
    }
}
