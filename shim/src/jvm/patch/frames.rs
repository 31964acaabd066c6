//! The stack maps of a method, by which the machine verifies its code.

use super::{CALL, Patch};

impl Patch<'_, '_> {
    /// Each frame says how far it is from the one before, so the first alone moves.
    pub(super) fn stack_maps(&mut self, place: u16) -> Option<()> {
        self.copy(2)?;
        let size = self.length;
        self.copy(4)?;
        let count = self.copy_word()?;
        for number in 0..count {
            let is_first = number == 0;
            let kind = *self.from.get(self.at)?;
            self.at = self.at.checked_add(1)?;
            let distance = match kind {
                0..=63 => u16::from(kind),
                64..=127 => u16::from(kind.checked_sub(64)?),
                247..=255 => self.word()?,
                _ => return None,
            };
            if is_first && distance < place {
                return None;
            }
            let distance = if is_first { distance.checked_add(CALL)? } else { distance };
            self.frame(kind, distance, place)?;
        }
        let all = self.length.checked_sub(size)?.checked_sub(4)?;
        self.mend_long(size, all)
    }

    fn frame(&mut self, kind: u8, distance: u16, place: u16) -> Option<()> {
        match (kind, u8::try_from(distance)) {
            (0..=63, Ok(near @ 0..=63)) => return self.put(&[near]),
            (64..=127, Ok(near @ 0..=63)) => {
                self.put(&[near.checked_add(64)?])?;
                return self.types(1, place);
            }
            (0..=63, _) => self.put(&[251])?,
            (64..=127, _) => self.put(&[247])?,
            _ => self.put(&[kind])?,
        }
        self.put_word(distance)?;
        match kind {
            64..=127 | 247 => self.types(1, place),
            252..=254 => self.types(u16::from(kind).checked_sub(251)?, place),
            255 => {
                for _ in 0..2 {
                    let count = self.copy_word()?;
                    self.types(count, place)?;
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    fn types(&mut self, count: u16, place: u16) -> Option<()> {
        for _ in 0..count {
            match *self.from.get(self.at)? {
                7 => self.copy(3)?,
                // An object that is not constructed yet is known by where it was made.
                8 => {
                    self.copy(1)?;
                    let at = self.word()?;
                    self.put_word(if at >= place { at.checked_add(CALL)? } else { at })?;
                }
                // `this` before its superclass's constructor: there is no such frame behind the call.
                6 => return None,
                0..=5 => self.copy(1)?,
                _ => return None,
            }
        }
        Some(())
    }
}
