//! Puts one call into a method of a class file (JVMS, chapter 4): `aload_0; invokestatic hook`.
//!
//! The four bytes keep the alignment of switches. What counts bytes of the code behind them is moved;
//! whatever is not as expected leaves the class as it was.

/// The bytes that a call takes.
const CALL: u16 = 4;
/// The constants that a call takes.
const CONSTANTS: u16 = 6;
/// The bytes that a patched class may have more, at most: the constants, and a call in each of a few
/// methods.
pub(super) const GROWTH: usize = 1024;

/// Where calls go, and to what.
#[derive(Clone, Copy)]
pub(super) struct Site {
    /// The method's name.
    pub(super) method: &'static [u8],
    /// Its type; none where every method of that name is meant.
    pub(super) kind: Option<&'static [u8]>,
    /// The class that has the hook, as class files write it.
    pub(super) hook_class: &'static [u8],
    pub(super) hook: &'static [u8],
    pub(super) hook_kind: &'static [u8],
}

/// Copies `class` into `into` with the calls; the length, and how many there are.
pub(super) fn patch(class: &[u8], site: Site, into: &mut [u8]) -> Option<(usize, u32)> {
    let mut patch = Patch {
        from: class,
        at: 0,
        into,
        length: 0,
        site,
        pool: Pool { class, count: 0 },
        above: 0,
        hook: 0,
        calls: 0,
    };
    patch.class()?;
    Some((patch.length, patch.calls))
}

/// The constants of a class.
#[derive(Clone, Copy)]
struct Pool<'a> {
    class: &'a [u8],
    count: u16,
}

/// A class, as it is copied.
struct Patch<'a, 'b> {
    from: &'a [u8],
    at: usize,
    into: &'b mut [u8],
    length: usize,
    site: Site,
    pool: Pool<'a>,
    /// The superclass, by its constant.
    above: u16,
    /// The hook, by its constant.
    hook: u16,
    calls: u32,
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

impl Pool<'_> {
    /// The length of the constant at `at`, and how many numbers it takes.
    fn size(&self, at: usize) -> Option<(usize, u16)> {
        Some(match self.class.get(at)? {
            1 => (usize::from(word(self.class, at.checked_add(1)?)?).checked_add(3)?, 1),
            3 | 4 | 9..=12 | 17 | 18 => (5, 1),
            5 | 6 => (9, 2),
            7 | 8 | 16 | 19 | 20 => (3, 1),
            15 => (4, 1),
            _ => return None,
        })
    }

    /// Where a constant begins.
    fn find(&self, number: u16) -> Option<usize> {
        let (mut at, mut next) = (10, 1);
        while next < number {
            let (length, numbers) = self.size(at)?;
            at = at.checked_add(length)?;
            next = next.checked_add(numbers)?;
        }
        (next == number && number < self.count).then_some(at)
    }

    fn is_text(&self, number: u16, wanted: &[u8]) -> Option<bool> {
        let at = self.find(number)?;
        let length = usize::from(word(self.class, at.checked_add(1)?)?);
        let start = at.checked_add(3)?;
        let text = self.class.get(start..start.checked_add(length)?)?;
        Some(self.class.get(at) == Some(&1) && text == wanted)
    }

    /// The class that a method's constant names.
    fn class_of_method(&self, number: u16) -> Option<u16> {
        let at = self.find(number)?;
        (self.class.get(at) == Some(&10)).then(|| word(self.class, at.checked_add(1)?))?
    }
}

impl Patch<'_, '_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length.checked_add(bytes.len())?;
        let room = self.into.get_mut(self.length..end)?;
        room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.length = end;
        Some(())
    }

    fn put_word(&mut self, value: u16) -> Option<()> {
        self.put(&value.to_be_bytes())
    }

    /// Reads a word without copying it.
    fn word(&mut self) -> Option<u16> {
        let value = word(self.from, self.at)?;
        self.at = self.at.checked_add(2)?;
        Some(value)
    }

    fn copy(&mut self, length: usize) -> Option<()> {
        let end = self.at.checked_add(length)?;
        let bytes = self.from.get(self.at..end)?;
        self.at = end;
        self.put(bytes)
    }

    fn copy_word(&mut self) -> Option<u16> {
        let value = word(self.from, self.at)?;
        self.copy(2)?;
        Some(value)
    }

    /// Writes a length that is known only now.
    fn mend_long(&mut self, at: usize, value: usize) -> Option<()> {
        let bytes = u32::try_from(value).ok()?.to_be_bytes();
        let room = self.into.get_mut(at..at.checked_add(4)?)?;
        room.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Some(())
    }

    fn class(&mut self) -> Option<()> {
        self.copy(8)?;
        self.pool.count = self.word()?;
        self.constants()?;
        self.copy(4)?;
        self.above = self.copy_word()?;
        let interfaces = self.copy_word()?;
        self.copy(usize::from(interfaces).checked_mul(2)?)?;
        for _ in 0..self.copy_word()? {
            self.copy(6)?;
            self.attributes(None)?;
        }
        for _ in 0..self.copy_word()? {
            self.method()?;
        }
        self.attributes(None)?;
        (self.at == self.from.len()).then_some(())
    }

    /// The constants, and those of the call behind them.
    fn constants(&mut self) -> Option<()> {
        let count = self.pool.count;
        self.put_word(count.checked_add(CONSTANTS)?)?;
        let (mut end, mut next) = (self.at, 1);
        while next < count {
            let (length, numbers) = self.pool.size(end)?;
            end = end.checked_add(length)?;
            next = next.checked_add(numbers)?;
        }
        self.copy(end.checked_sub(self.at)?)?;
        let number = |after: u16| count.checked_add(after);
        let Site { hook_class, hook, hook_kind, .. } = self.site;
        self.put_text(hook_class)?;
        self.put(&[7])?;
        self.put_word(number(0)?)?;
        self.put_text(hook)?;
        self.put_text(hook_kind)?;
        self.put(&[12])?;
        self.put_word(number(2)?)?;
        self.put_word(number(3)?)?;
        self.put(&[10])?;
        self.put_word(number(1)?)?;
        self.put_word(number(4)?)?;
        self.hook = number(5)?;
        Some(())
    }

    fn put_text(&mut self, text: &[u8]) -> Option<()> {
        self.put(&[1])?;
        self.put_word(u16::try_from(text.len()).ok()?)?;
        self.put(text)
    }

    fn method(&mut self) -> Option<()> {
        let name = word(self.from, self.at.checked_add(2)?)?;
        let kind = word(self.from, self.at.checked_add(4)?)?;
        let wanted = self.pool.is_text(name, self.site.method)?
            && match self.site.kind {
                Some(wanted) => self.pool.is_text(kind, wanted)?,
                None => true,
            };
        self.copy(6)?;
        for _ in 0..self.copy_word()? {
            let name = word(self.from, self.at)?;
            if wanted && self.pool.is_text(name, b"Code")? {
                self.code()?;
            } else {
                self.attribute()?;
            }
        }
        Some(())
    }

    /// Attributes; those of code that moves from a place on.
    fn attributes(&mut self, moves: Option<u16>) -> Option<()> {
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

    fn attribute(&mut self) -> Option<()> {
        let length = long(self.from, self.at.checked_add(2)?)?;
        self.copy(length.checked_add(6)?)
    }

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

    fn code(&mut self) -> Option<()> {
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

    /// Each frame says how far it is from the one before, so the first alone moves.
    fn stack_maps(&mut self, place: u16) -> Option<()> {
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

/// Where code lies that lay at `at` before the call was put in at `place`; what begins there
/// begins with the call.
fn moved(at: u16, place: u16) -> Option<u16> {
    if at > place { at.checked_add(CALL) } else { Some(at) }
}

#[cfg(test)]
mod tests;
