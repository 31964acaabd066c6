//! Why a fence cannot hold, told to whoever started the program.

use crate::arm::NOT_FENCED;
use crate::report::Line;
use crate::sys::{self, Errno};

/// Why the fence cannot hold.
pub(super) struct Fault {
    what: &'static [u8],
    about: &'static [u8],
    remedy: &'static [u8],
}

impl Fault {
    pub(super) const fn new(what: &'static [u8], remedy: &'static [u8]) -> Self {
        Self { what, about: b"", remedy }
    }

    pub(super) const fn about(
        what: &'static [u8],
        about: &'static [u8],
        remedy: &'static [u8],
    ) -> Self {
        Self { what, about, remedy }
    }

    /// Says so and ends the process: nothing may run unfenced.
    pub(super) fn exit(&self) -> ! {
        let mut bytes = [0_u8; 1024];
        let mut line = Line::new(&mut bytes);
        line.text(b"ringfence: ");
        line.text(self.what);
        if !self.about.is_empty() {
            line.text(b" ");
            line.shown(self.about);
        }
        line.text(b"; ");
        line.text(self.remedy);
        line.text(b"\n");
        // Nothing is left to do about a message that cannot be written.
        let _ = sys::write(2, line.bytes());
        sys::exit(NOT_FENCED)
    }
}

pub(super) const AGAIN: &[u8] = b"start the command by `ringfence run` again";

pub(super) const fn no_memory() -> Fault {
    Fault::new(b"no memory for the fence", b"raise the limit of the address space")
}

/// The fault that an error of this kind is, whatever was asked for.
pub(super) const fn exhausted(errno: Errno) -> Option<Fault> {
    match errno {
        Errno(libc::EMFILE) => Some(Fault::new(
            b"no descriptor is left to open the policy image",
            b"raise the limit of open files: `ulimit -n`",
        )),
        Errno(libc::ENFILE) => Some(Fault::new(
            b"the machine has no descriptor left to open the policy image",
            b"raise fs.file-max, or end what holds so many files",
        )),
        Errno(libc::ENOMEM) => Some(no_memory()),
        _ => None,
    }
}
