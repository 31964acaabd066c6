//! The code of a method with the call in it, and what counts its bytes.

use super::pool::{long, word};
use super::{CALL, Patch};

impl Patch<'_, '_> {
    /// Where the call goes in a method's code: at its beginning, or in a constructor behind the call
    /// of the superclass's; `None` in one that calls another of its own class.
    fn place(&self, code: &[u8]) -> Option<u16> {
        if self.site.method != b"<init>" {
            return Some(0);
        }
        // `aload_0`, then arguments that are constants.
        let arguments = code.strip_prefix(&[0x2a])?;
        let count = arguments.iter().take_while(|byte| matches!(byte, 1..=8)).count();
        let call = arguments.get(count..)?;
        let of = self.pool.class_of_method(word(call, 1)?)?;
        let is_above = call.first() == Some(&0xb7) && of == self.above;
        is_above.then(|| u16::try_from(count.checked_add(4)?).ok())?
    }

    pub(super) fn code(&mut self) -> Option<()> {
        let start = self.at.checked_add(14)?;
        let length = long(self.from, self.at.checked_add(10)?)?;
        let code = self.from.get(start..start.checked_add(length)?)?;
        let Some(place) = self.place(code) else { return self.attribute() };
        self.copy(2)?;
        let size = self.length;
        // Its own length, and the sizes of stack and locals; the length of the code is another.
        self.copy(8)?;
        self.at = self.at.checked_add(4)?;
        let new = u32::try_from(length.checked_add(usize::from(CALL))?).ok()?;
        self.put(&new.to_be_bytes())?;
        self.copy(usize::from(place))?;
        self.put(&[0x2a, 0xb8])?;
        self.put_word(self.hook)?;
        self.copy(length.checked_sub(usize::from(place))?)?;
        for _ in 0..self.copy_word()? {
            let (from, to, handler) = (self.word()?, self.word()?, self.word()?);
            let from = if from >= place { from.checked_add(CALL)? } else { from };
            self.put_word(from)?;
            self.put_word(moved(to, place)?)?;
            self.put_word(moved(handler, place)?)?;
            self.copy(2)?;
        }
        self.attributes(Some(place))?;
        let all = self.length.checked_sub(size)?.checked_sub(4)?;
        self.mend_long(size, all)?;
        self.calls = self.calls.checked_add(1)?;
        Some(())
    }

    fn lines(&mut self, place: u16) -> Option<()> {
        self.copy(6)?;
        for _ in 0..self.copy_word()? {
            let at = self.word()?;
            self.put_word(moved(at, place)?)?;
            self.copy(2)?;
        }
        Some(())
    }

    fn locals(&mut self, place: u16) -> Option<()> {
        self.copy(6)?;
        for _ in 0..self.copy_word()? {
            let (start, length) = (self.word()?, self.word()?);
            let end = moved(start.checked_add(length)?, place)?;
            let start = moved(start, place)?;
            self.put_word(start)?;
            self.put_word(end.checked_sub(start)?)?;
            self.copy(6)?;
        }
        Some(())
    }

    /// Attributes; those of code that moves from a place on.
    pub(super) fn attributes(&mut self, moves: Option<u16>) -> Option<()> {
        for _ in 0..self.copy_word()? {
            let name = word(self.from, self.at)?;
            let Some(place) = moves else {
                self.attribute()?;
                continue;
            };
            if self.pool.is_text(name, b"LineNumberTable")? {
                self.lines(place)?;
            } else if self.pool.is_text(name, b"LocalVariableTable")?
                || self.pool.is_text(name, b"LocalVariableTypeTable")?
            {
                self.locals(place)?;
            } else if self.pool.is_text(name, b"StackMapTable")? {
                self.stack_maps(place)?;
            } else {
                self.attribute()?;
            }
        }
        Some(())
    }
}

/// Where code lies that lay at `at` before the call was put in at `place`; what begins there
/// begins with the call.
fn moved(at: u16, place: u16) -> Option<u16> {
    if at > place { at.checked_add(CALL) } else { Some(at) }
}
