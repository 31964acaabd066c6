//! Reading what the interpreter has in memory.

#![expect(unsafe_code, reason = "reads the interpreter's structures")]

use crate::sys;

/// How memory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// By plain loads: it cannot change meanwhile, since it is the calling thread's own, never
    /// changes, or the thread holds the interpreter's lock.
    Still,
    /// Through the kernel: another thread may give it back meanwhile. What comes out may be
    /// anything then, but nothing faults.
    Moving,
}

impl Memory {
    /// Fills the bytes from an address; `None` where nothing is there.
    pub(super) fn copy(self, address: usize, bytes: &mut [u8]) -> Option<()> {
        match self {
            Self::Still => {
                let from = core::ptr::with_exposed_provenance::<u8>(address);
                if sys::is_wild(from) {
                    return None;
                }
                // SAFETY: the interpreter's own structures say that so much lies there, and it is
                // still, as the variant says; `bytes` is ours, so they do not overlap.
                unsafe { core::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
                Some(())
            }
            Self::Moving => sys::copy_own(address, bytes).ok(),
        }
    }

    /// The word at an address.
    pub(super) fn word(self, address: usize) -> Option<usize> {
        let mut bytes = [0; 8];
        self.copy(address, &mut bytes)?;
        Some(usize::from_ne_bytes(bytes))
    }

    /// The word at an offset of a structure.
    pub(super) fn part(self, structure: usize, offset: usize) -> Option<usize> {
        if structure == 0 {
            return None;
        }
        self.word(structure.checked_add(offset)?)
    }

    /// The byte at an address.
    pub(super) fn byte(self, address: usize) -> Option<u8> {
        let mut byte = [0];
        self.copy(address, &mut byte)?;
        let [byte] = byte;
        Some(byte)
    }
}
