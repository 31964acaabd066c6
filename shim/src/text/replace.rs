//! What takes the place of a part of a text: a link's target, a directory's own text.

#![expect(unsafe_code, reason = "a buffer that is not cleared at every call")]

use super::{BEHIND, LONGEST, PATH_MAX, Text};
use crate::sys::{self, Answer, Errno};

impl Text {
    /// Lets `fill` write a link's target into the room behind the text, where [`path`](Self::path)
    /// and [`with_prefix`](Self::with_prefix) leave it alone; answers its length.
    ///
    /// # Errors
    /// What `fill` says; ENAMETOOLONG for a target that fills the room.
    pub(crate) fn receive_behind(
        &mut self,
        fill: impl FnOnce(sys::Room<'_>) -> Answer<usize>,
    ) -> Answer<usize> {
        let room = self.bytes.get_mut(self.length.saturating_add(BEHIND)..);
        let room = room.filter(|room| !room.is_empty()).ok_or(Errno::ENAMETOOLONG)?;
        let filled = fill(&mut *room)?;
        room.get_mut(filled).ok_or(Errno::ENAMETOOLONG)?.write(0);
        Ok(filled)
    }

    /// The target of that length behind the text, with its NUL.
    pub(crate) fn behind(&self, length: usize) -> &[u8] {
        let room = self.bytes.get(self.length.saturating_add(BEHIND)..).unwrap_or_default();
        let bytes = room.get(..=length).unwrap_or_default();
        // SAFETY: `receive_behind` had them written, and nothing was since.
        unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Puts the target of that length behind the text in the place of the bytes from `start` to
    /// `end`, without `.`, `//` and the like; an absolute target drops what was before it.
    ///
    /// # Errors
    /// ENAMETOOLONG when the whole does not fit.
    pub(crate) fn splice_behind(&mut self, start: usize, end: usize, length: usize) -> Answer<()> {
        let target = self.length.saturating_add(BEHIND);
        let parts = self.bytes.get_mut(end..target.saturating_add(length));
        let parts = parts.ok_or(Errno::ENAMETOOLONG)?;
        // What followed the link goes behind its target; then both are packed into their place.
        let turn = parts.len().saturating_sub(length);
        parts.rotate_left(turn);
        let tail = turn.saturating_sub(BEHIND);
        let whole = end.saturating_add(length).saturating_add(tail);
        let from_root = self.raw(end) == Some(b'/');
        let (slash, dot) = (self.slash, self.dot);
        self.pack(end, whole, if from_root { 0 } else { start }, true);
        // Only at the end of the whole path does a target's own slash count.
        if slash || tail != 0 {
            (self.slash, self.dot) = (slash, dot);
        }
        if self.length == 0 { self.push(b'/') } else { Ok(()) }
    }

    /// Puts an absolute text in the place of the first `end` bytes.
    ///
    /// # Errors
    /// ENAMETOOLONG when the whole does not fit.
    pub(crate) fn begin_with(&mut self, head: &[u8], end: usize) -> Answer<()> {
        let head = if head == b"/" { b"" } else { head };
        let tail = self.length.saturating_sub(end);
        let length = head.len().saturating_add(tail);
        if length > LONGEST {
            return Err(Errno::ENAMETOOLONG);
        }
        self.bytes.copy_within(end.min(self.length)..self.length, head.len());
        let place = self.bytes.get_mut(..head.len()).ok_or(Errno::ENAMETOOLONG)?;
        place.write_copy_of_slice(head);
        self.length = length;
        if length == 0 { self.push(b'/') } else { Ok(()) }
    }

    /// Puts `target` in the place of the bytes from `start` to `end`, without `.`, `//` and the
    /// like; an absolute target drops what was before it.
    ///
    /// # Errors
    /// ENAMETOOLONG when the whole does not fit.
    pub(crate) fn splice(&mut self, start: usize, end: usize, target: &[u8]) -> Answer<()> {
        let tail = self.length.saturating_sub(end);
        // The tail waits at the far end of the buffer, where the text cannot reach it.
        let wait = PATH_MAX.saturating_sub(tail);
        if end <= self.length {
            self.bytes.copy_within(end..self.length, wait);
        }
        let begin = if target.first() == Some(&b'/') { 0 } else { start };
        self.length = begin.min(self.length);
        if self.bytes() == b"/" {
            self.length = 0;
        }
        let (mut ends_in_slash, mut ends_in_dot) = (false, false);
        for name in target.split(|byte| *byte == b'/') {
            let dot = name == b"." || name == b"..";
            ends_in_slash = name.is_empty() || dot;
            ends_in_dot = dot || (name.is_empty() && ends_in_dot);
            if name.is_empty() || name == b"." {
                continue;
            }
            let need = self.length.saturating_add(name.len()).saturating_add(1);
            if need > wait {
                return Err(Errno::ENAMETOOLONG);
            }
            self.push(b'/')?;
            self.append(name)?;
        }
        if tail == 0 {
            if !self.slash {
                (self.slash, self.dot) = (ends_in_slash, ends_in_dot);
            }
        } else if self.length.saturating_add(tail) > LONGEST {
            return Err(Errno::ENAMETOOLONG);
        } else {
            self.bytes.copy_within(wait..PATH_MAX, self.length);
            self.length = self.length.saturating_add(tail);
        }
        if self.length == 0 {
            self.push(b'/')?;
        }
        Ok(())
    }

    /// Takes the bytes from `start` to `end` out.
    pub(crate) fn remove(&mut self, start: usize, end: usize) -> Answer<()> {
        if start <= end && end <= self.length {
            self.bytes.copy_within(end..self.length, start);
            self.length = self.length.saturating_sub(end.saturating_sub(start));
        }
        if self.length == 0 { self.push(b'/') } else { Ok(()) }
    }

    /// Makes a relative text absolute: `fill` writes the directory's own text into a buffer and
    /// answers its length. Answers the length of that text, or 0 for the root.
    ///
    /// # Errors
    /// What `fill` says; ENOENT for a directory without a text; ENAMETOOLONG.
    pub(crate) fn put_base(
        &mut self,
        fill: impl FnOnce(sys::Room<'_>) -> Answer<usize>,
    ) -> Answer<usize> {
        let name = self.length;
        let wait = PATH_MAX.saturating_sub(name);
        self.bytes.copy_within(0..name, wait);
        self.length = 0;
        let base = self.receive(wait, fill)?;
        if self.bytes().first() != Some(&b'/') {
            return Err(Errno::ENOENT);
        }
        if base == 1 {
            self.length = 0;
        }
        let base = self.length;
        if name > 0 {
            self.push(b'/')?;
            if self.length > wait || self.length.saturating_add(name) > LONGEST {
                return Err(Errno::ENAMETOOLONG);
            }
            self.bytes.copy_within(wait..PATH_MAX, self.length);
            self.length = self.length.saturating_add(name);
        } else if base == 0 {
            self.push(b'/')?;
        }
        Ok(base)
    }

    /// Lets `fill` write the text, of less than `most` bytes.
    ///
    /// # Errors
    /// What `fill` says; ENAMETOOLONG when it filled the buffer.
    pub(crate) fn receive(
        &mut self,
        most: usize,
        fill: impl FnOnce(sys::Room<'_>) -> Answer<usize>,
    ) -> Answer<usize> {
        let room = self.bytes.get_mut(..most).ok_or(Errno::ENAMETOOLONG)?;
        let filled = fill(room)?;
        if filled >= most {
            return Err(Errno::ENAMETOOLONG);
        }
        self.length = filled;
        Ok(filled)
    }
}
