//! Numbers in a table of a loaded object, as DWARF writes them.

#![expect(unsafe_code, reason = "reads tables of loaded objects")]

/// A table in memory, read forwards.
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    pub(super) at: usize,
    pub(super) end: usize,
}

impl Bytes {
    pub(super) fn byte(&mut self) -> Option<u8> {
        if self.at >= self.end {
            return None;
        }
        let place = core::ptr::with_exposed_provenance::<u8>(self.at);
        self.at = self.at.checked_add(1)?;
        // SAFETY: within a loaded object's tables, as ld.so and the object itself say.
        Some(unsafe { place.read() })
    }

    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Some(bytes)
    }

    pub(super) fn word(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.end)?;
        Some(())
    }

    /// Passes over what begins with its length.
    pub(super) fn skip_block(&mut self) -> Option<()> {
        let length = self.size()?;
        self.skip(length)
    }

    /// An unsigned number of seven bits a byte.
    pub(super) fn number(&mut self) -> Option<u64> {
        let (mut value, mut shift) = (0_u64, 0_u32);
        loop {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift = shift.checked_add(7).filter(|shift| *shift < 64)?;
        }
    }

    pub(super) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// The same with a sign.
    pub(super) fn signed(&mut self) -> Option<i64> {
        let (mut value, mut shift) = (0_i64, 0_u32);
        loop {
            let byte = self.byte()?;
            value |= i64::from(byte & 0x7f).checked_shl(shift)?;
            shift = shift.checked_add(7).filter(|shift| *shift < 64)?;
            if byte & 0x80 == 0 {
                let sign = byte & 0x40 != 0;
                return Some(if sign { value | (-1_i64).checked_shl(shift)? } else { value });
            }
        }
    }

    /// An address that is written as a distance of four bytes from where it stands.
    pub(super) fn relative(&mut self) -> Option<usize> {
        let here = self.at;
        let distance = self.take().map(i32::from_le_bytes)?;
        here.checked_add_signed(isize::try_from(distance).ok()?)
    }
}
