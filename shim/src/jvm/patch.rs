//! Puts one call into a method of a class file (JVMS, chapter 4): `aload_0; invokestatic hook`.
//!
//! The four bytes keep the alignment of switches. What counts bytes of the code behind them is moved;
//! whatever is not as expected leaves the class as it was.

mod code;
mod frames;
mod pool;

use pool::{Pool, long, word};

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

    fn attribute(&mut self) -> Option<()> {
        let length = long(self.from, self.at.checked_add(2)?)?;
        self.copy(length.checked_add(6)?)
    }
}

#[cfg(test)]
mod tests;
