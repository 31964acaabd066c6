//! From a caller's path to a text.

#![expect(
    unsafe_code,
    reason = "a caller's string, and a buffer that is not cleared at every call"
)]

use core::ffi::c_char;

use super::{Shape, Slashes, Text};
use crate::sys::{self, Answer, Errno};

impl Text {
    /// Copies a C string of the caller's, once, and makes a text of it. Where its slashes are is
    /// known of a path that came as a text.
    ///
    /// # Errors
    /// EFAULT for a null or wild pointer, ENOENT for an empty path, ENAMETOOLONG for one that
    /// does not fit.
    ///
    /// # Safety
    /// `path` must be null, in the first page, or a C string, as the libc function that the
    /// caller called demands.
    #[inline(always)]
    pub(crate) unsafe fn load(&mut self, path: *const c_char) -> Answer<(Shape, Slashes)> {
        // SAFETY: as this function's own contract says.
        let slashes = unsafe { self.copy(path) }?;
        match self.bytes().first() {
            None => Err(Errno::ENOENT),
            Some(first) => {
                let absolute = *first == b'/';
                let parent = slashes.is_none() && self.tidy();
                Ok((Shape { absolute, parent }, slashes))
            }
        }
    }

    /// Copies a C string of the caller's as it is, once; answers where its slashes are, or `None`
    /// where it is to be tidied.
    ///
    /// # Errors
    /// EFAULT for a null or wild pointer, ENAMETOOLONG for one that does not fit.
    ///
    /// # Safety
    /// As [`load`](Self::load).
    #[inline(always)]
    pub(crate) unsafe fn copy(&mut self, path: *const c_char) -> Answer<Slashes> {
        if sys::is_wild(path) {
            return Err(Errno::EFAULT);
        }
        self.length = 0;
        self.slash = false;
        self.dot = false;
        let mut irregular = false;
        let mut after_slash = false;
        let mut first = true;
        let mut slashes = 0_u64;
        let mut length = 0_usize;
        loop {
            let room = self.bytes.get_mut(length..).and_then(<[_]>::first_chunk_mut);
            let Some(room) = room else { return Err(Errno::ENAMETOOLONG) };
            // SAFETY: the string goes on here: no chunk before this one held its NUL.
            let marks = unsafe { sys::copy_chunk(path, length, room) };
            // A slash before a slash, a dot or the end is for `tidy` to look at, a leading dot too.
            let odd = marks.slash | marks.dot | marks.nul;
            let behind = marks.nul & marks.nul.wrapping_neg();
            let within = behind.wrapping_sub(1) | behind;
            irregular |= (marks.slash & (odd >> 1)) & within != 0;
            irregular |= after_slash && odd & 1 != 0;
            irregular |= first && marks.dot & 1 != 0;
            first = false;
            if length < 64 {
                slashes |= u64::from(marks.slash & within) << length;
            }
            if marks.nul != 0 {
                let rest = marks.nul.trailing_zeros() as usize;
                self.length = length.saturating_add(rest);
                break;
            }
            after_slash = marks.slash & (1 << 15) != 0;
            length = length.saturating_add(sys::CHUNK);
        }
        Ok(if irregular { None } else { Some(slashes) })
    }

    /// Where the slashes of the text are; `None` for an empty one.
    pub(crate) fn slashes(&self) -> Slashes {
        let mut slashes = 0_u64;
        let mut from = 0_usize;
        while from < self.length.min(64) {
            let chunk = self.bytes.get(from..)?.first_chunk()?;
            slashes |= u64::from(sys::slashes(chunk)) << from;
            from = from.saturating_add(sys::CHUNK);
        }
        // What lies behind the text is no part of it.
        let kept = u32::try_from(self.length).ok()?.min(64);
        Some(slashes & u64::MAX.checked_shr(64_u32.saturating_sub(kept))?)
    }

    /// Copies parts that stand one behind the other, as they are.
    ///
    /// # Errors
    /// ENAMETOOLONG for what does not fit.
    pub(crate) fn put_parts(&mut self, parts: &[&[u8]]) -> Answer<()> {
        self.length = 0;
        self.slash = false;
        self.dot = false;
        parts.iter().try_for_each(|part| self.append(part))
    }

    /// Makes a text of the bytes that were put here as they are.
    ///
    /// # Errors
    /// ENOENT for none, or for a NUL among them.
    pub(crate) fn settle(&mut self) -> Answer<Shape> {
        match self.bytes().first() {
            // The kernel would read no further than a NUL.
            None => Err(Errno::ENOENT),
            Some(_) if self.bytes().contains(&0) => Err(Errno::ENOENT),
            Some(first) => {
                let absolute = *first == b'/';
                Ok(Shape { absolute, parent: self.tidy() })
            }
        }
    }

    /// Takes `.`, `//` and a slash at the end out; answers whether a `..` is left.
    #[inline(never)]
    fn tidy(&mut self) -> bool {
        let absolute = self.bytes().first() == Some(&b'/');
        let parent = self.pack(0, self.length, 0, absolute);
        if self.length == 0 && absolute {
            self.length = self.put(0, b'/');
        }
        parent
    }

    /// Writes the names that lie between `read` and `end` to `place`, with one slash between them
    /// and, when `absolute`, before the first; the text ends behind them. Answers whether one of
    /// them is `..`.
    ///
    /// What is written never overtakes what is read: `place` is not behind `read`, each name loses
    /// slashes and gains none but the first, for which an absolute path has one and any other must
    /// leave room.
    pub(super) fn pack(
        &mut self,
        mut read: usize,
        end: usize,
        place: usize,
        absolute: bool,
    ) -> bool {
        let mut parent = false;
        self.length = place;
        while read < end {
            let Some(byte) = self.raw(read) else { break };
            if byte == b'/' {
                self.slash = true;
                read = read.saturating_add(1);
                continue;
            }
            self.slash = false;
            self.dot = false;
            let before = self.length;
            if absolute || before > place {
                self.length = self.put(before, b'/');
            }
            let name = self.length;
            while read < end {
                match self.raw(read) {
                    None | Some(b'/') => break,
                    Some(byte) => self.length = self.put(self.length, byte),
                }
                read = read.saturating_add(1);
            }
            match self.bytes().get(name..) {
                Some(b".") => {
                    self.cut(before);
                    self.slash = true;
                    self.dot = true;
                }
                Some(b"..") => {
                    parent = true;
                    self.slash = true;
                    self.dot = true;
                }
                _ => {}
            }
        }
        parent
    }

    /// A byte that `load` copied, though the text may have been cut before it.
    pub(super) fn raw(&self, place: usize) -> Option<u8> {
        // SAFETY: `tidy` asks for places below the length that `load` copied.
        self.bytes.get(place).map(|byte| unsafe { byte.assume_init_read() })
    }

    /// Writes a byte at `place`; answers the place behind it.
    fn put(&mut self, place: usize, byte: u8) -> usize {
        match self.bytes.get_mut(place) {
            Some(slot) => {
                slot.write(byte);
                place.saturating_add(1)
            }
            None => place,
        }
    }
}
