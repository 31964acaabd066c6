//! A path in a buffer of our own: the text that is judged, and acted on.
//!
//! A text holds no `.`, no `//` and no slash at its end (`/` apart); it may hold `..` until
//! [`crate::place`] has taken them out. Its bytes cannot change under us the way the caller's can.

#![expect(unsafe_code, reason = "a buffer that is not cleared at every call")]

use core::mem::MaybeUninit;

use crate::sys::{Answer, Errno, Path};

mod load;
mod replace;

/// The kernel's `PATH_MAX`: the bytes of a path with its NUL.
pub(crate) const PATH_MAX: usize = 4096;

/// The most bytes of a text, so that a NUL fits behind it.
const LONGEST: usize = PATH_MAX - 1;

/// The bytes behind a text that may hold its slash, its dot and its NUL.
const BEHIND: usize = 3;

/// What a caller's path looked like, before it was a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// It began with a slash.
    pub(crate) absolute: bool,
    /// A component is `..`.
    pub(crate) parent: bool,
}

/// Which of the first 64 bytes of a text are slashes, the first one in the lowest bit; `None` where
/// that is not known.
pub(crate) type Slashes = Option<u64>;

/// A path text; see the module.
pub(crate) struct Text {
    length: usize,
    /// The path ended in `/` or `/.`: the last name is followed and must be a directory.
    slash: bool,
    /// The last name was `.` or `..`, of which the kernel makes no name: with `O_CREAT` it answers
    /// otherwise than for a name and a slash.
    dot: bool,
    bytes: [MaybeUninit<u8>; PATH_MAX],
}

impl Text {
    /// An empty text.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self {
            length: 0,
            slash: false,
            dot: false,
            bytes: [const { MaybeUninit::uninit() }; PATH_MAX],
        }
    }

    /// The text's bytes.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        let start = self.bytes.as_ptr().cast::<u8>();
        // SAFETY: what lengthens a text writes the bytes first: `push`, `put`, a copy, the kernel.
        unsafe { core::slice::from_raw_parts(start, self.length) }
    }

    /// The number of bytes.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Whether the last name must be a directory.
    pub(crate) const fn slash(&self) -> bool {
        self.slash
    }

    /// Puts one byte at the end.
    #[inline(always)]
    pub(crate) fn push(&mut self, byte: u8) -> Answer<()> {
        if self.length >= LONGEST {
            return Err(Errno::ENAMETOOLONG);
        }
        let place = self.bytes.get_mut(self.length).ok_or(Errno::ENAMETOOLONG)?;
        place.write(byte);
        self.length = self.length.saturating_add(1);
        Ok(())
    }

    /// Puts bytes at the end as they are.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Answer<()> {
        bytes.iter().try_for_each(|byte| self.push(*byte))
    }

    /// Cuts the text to `length` bytes; one that is shorter stays.
    pub(crate) fn cut(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// The text as the kernel takes it; an empty one is `.`.
    pub(crate) fn path(&mut self) -> Answer<Path<'_>> {
        if self.length == 0 {
            return Ok(Path::from_c(c"."));
        }
        let end = self.length;
        let slash = self.slash && self.bytes() != b"/";
        let behind: &[u8] = match (slash, self.dot) {
            (false, _) => b"\0",
            (true, false) => b"/\0",
            (true, true) => b"/.\0",
        };
        for (place, byte) in (end..).zip(behind) {
            self.byte_mut(place)?.write(*byte);
        }
        let nul = end.saturating_add(behind.len()).saturating_sub(1);
        let start = self.bytes.as_ptr().cast::<u8>();
        // SAFETY: the text's bytes were written by `push`, those up to the NUL just now.
        Path::new(unsafe { core::slice::from_raw_parts(start, nul.saturating_add(1)) })
    }

    /// The text with its NUL; `None` for an empty one.
    pub(crate) fn ended(&mut self) -> Option<&[u8]> {
        let end = self.length;
        self.bytes.get_mut(end)?.write(0);
        let start = self.bytes.as_ptr().cast::<u8>();
        // SAFETY: the text's bytes, and the NUL just now.
        (end > 0).then(|| unsafe { core::slice::from_raw_parts(start, end.saturating_add(1)) })
    }

    /// Calls `act` with the first `length` bytes as a path of their own.
    pub(crate) fn with_prefix<T>(
        &mut self,
        length: usize,
        act: impl FnOnce(Path<'_>) -> Answer<T>,
    ) -> Answer<T> {
        if length >= self.length {
            let slash = core::mem::replace(&mut self.slash, false);
            let answer = self.path().and_then(act);
            self.slash = slash;
            return answer;
        }
        if length == 0 {
            return act(Path::from_c(c"/"));
        }
        let kept = core::mem::replace(self.byte_mut(length)?, MaybeUninit::new(0));
        let start = self.bytes.as_ptr().cast::<u8>();
        // SAFETY: these bytes lie within the text, and the byte at `length` is the NUL just put.
        let path = unsafe { core::slice::from_raw_parts(start, length.saturating_add(1)) };
        let answer = Path::new(path).and_then(act);
        *self.byte_mut(length)? = kept;
        answer
    }

    fn byte_mut(&mut self, place: usize) -> Answer<&mut MaybeUninit<u8>> {
        self.bytes.get_mut(place).ok_or(Errno::ENAMETOOLONG)
    }
}
