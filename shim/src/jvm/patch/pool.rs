//! The constants of a class file.

/// The constants of a class.
#[derive(Clone, Copy)]
pub(super) struct Pool<'a> {
    pub(super) class: &'a [u8],
    pub(super) count: u16,
}

impl Pool<'_> {
    /// The length of the constant at `at`, and how many numbers it takes.
    pub(super) fn size(&self, at: usize) -> Option<(usize, u16)> {
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

    pub(super) fn is_text(&self, number: u16, wanted: &[u8]) -> Option<bool> {
        let at = self.find(number)?;
        let length = usize::from(word(self.class, at.checked_add(1)?)?);
        let start = at.checked_add(3)?;
        let text = self.class.get(start..start.checked_add(length)?)?;
        Some(self.class.get(at) == Some(&1) && text == wanted)
    }

    /// The class that a method's constant names.
    pub(super) fn class_of_method(&self, number: u16) -> Option<u16> {
        let at = self.find(number)?;
        (self.class.get(at) == Some(&10)).then(|| word(self.class, at.checked_add(1)?))?
    }
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

pub(super) fn long(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}
