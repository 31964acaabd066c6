//! A path in a buffer of our own: the text that is judged, and acted on.
//!
//! A text holds no `.`, no `//` and no slash at its end (`/` apart); it may hold `..` until
//! [`crate::place`] has taken them out. Its bytes cannot change under us the way the caller's can.

#![expect(unsafe_code, reason = "a buffer that is not cleared at every call")]

use core::ffi::c_char;
use core::mem::MaybeUninit;

use crate::sys::{self, Answer, Errno, Path};

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
    fn pack(&mut self, mut read: usize, end: usize, place: usize, absolute: bool) -> bool {
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

    /// A byte that `load` copied, though the text may have been cut before it.
    fn raw(&self, place: usize) -> Option<u8> {
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
    /// like; an absolute target drops what was before it. Says whether the target holds a `..`.
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
