//! What an object's `.eh_frame` says about the frame that an address of its code has.

use super::bytes::Bytes;
use super::{Found, Step};

/// `DW_EH_PE_pcrel | DW_EH_PE_sdata4`, the one way in which linkers write addresses.
pub(super) const RELATIVE: u8 = 0x1b;

/// What a description of frames (an FDE) says about an address.
pub(super) fn describe(mut description: Bytes, code: usize) -> Option<Found> {
    let length = usize::try_from(description.word()?).ok()?;
    description.end = description.at.checked_add(length).filter(|end| *end <= description.end)?;
    let here = description.at;
    let back = usize::try_from(description.word()?).ok()?;
    let common = Bytes { at: here.checked_sub(back)?, end: description.end };
    let common = Common::read(common)?;
    let start = description.relative()?;
    let size = usize::try_from(description.word()?).ok()?;
    if !(start..start.checked_add(size)?).contains(&code) {
        return None;
    }
    let augmentation = description.size()?;
    description.skip(augmentation)?;
    let mut rows = Rows { row: Row::default(), first: Row::default(), common: &common };
    rows.run(common.instructions, start, usize::MAX)?;
    rows.first = rows.row;
    rows.run(description, start, code)?;
    rows.row.found()
}

/// What descriptions have in common (a CIE).
struct Common {
    code_unit: u64,
    data_unit: i64,
    instructions: Bytes,
}

impl Common {
    fn read(mut bytes: Bytes) -> Option<Self> {
        let length = usize::try_from(bytes.word()?).ok()?;
        bytes.end = bytes.at.checked_add(length)?;
        let is_common = bytes.word()? == 0;
        let version = bytes.byte()?;
        if !is_common || version != 1 || bytes.byte()? != b'z' {
            return None;
        }
        let letters = bytes.at;
        while bytes.byte()? != 0 {}
        let mut letters = Bytes { at: letters, end: bytes.at };
        let (code_unit, data_unit) = (bytes.number()?, bytes.signed()?);
        if bytes.byte()? != RETURN_ADDRESS {
            return None;
        }
        let size = bytes.size()?;
        let mut values = Bytes { at: bytes.at, end: bytes.at.checked_add(size)? };
        bytes.skip(size)?;
        loop {
            match letters.byte()? {
                0 => break,
                b'R' if values.byte()? == RELATIVE => {}
                b'L' => values.skip(1)?,
                b'P' => {
                    // Both of its usual forms are of four bytes.
                    (values.byte()? & 0x0f == RELATIVE & 0x0f).then_some(())?;
                    values.skip(4)?;
                }
                // Among others `S`: what such a frame was called by did not call.
                _ => return None,
            }
        }
        Some(Self { code_unit, data_unit, instructions: bytes })
    }
}

/// The numbers of registers.
const BASE: u64 = 6;
const STACK: u64 = 7;
const RETURN_ADDRESS: u8 = 16;

/// What holds at one address of code.
#[derive(Clone, Copy, Default)]
struct Row {
    /// The register that the outer frame's stack pointer is found from, and how far above.
    register: u64,
    offset: i64,
    /// Where rbp was saved, from there.
    base: Option<i64>,
    /// rbp cannot be told, or nobody called.
    lost: bool,
    /// Nobody called.
    first: bool,
}

impl Row {
    fn found(self) -> Option<Found> {
        if self.first {
            return Some(Found::First);
        }
        if self.lost || !matches!(self.register, BASE | STACK) {
            return None;
        }
        let saved = match self.base {
            Some(place) => usize::try_from(place.checked_neg()?).ok().filter(|at| at % 8 == 0)? / 8,
            None => 0,
        };
        let offset = usize::try_from(self.offset).ok().filter(|offset| offset % 8 == 0)?;
        Some(Found::Step(Step { by_base: self.register == BASE, offset, saved }))
    }
}

/// The instructions of `.eh_frame` (`DW_CFA_…`). Three have their operand in their low bits.
const LOW: u8 = 0x3f;
const SHORT_ADVANCE: u8 = 1;
const SHORT_OFFSET: u8 = 2;
const SHORT_RESTORE: u8 = 3;
const NOTHING: u8 = 0x00;
const ADVANCE_1: u8 = 0x02;
const ADVANCE_2: u8 = 0x03;
const ADVANCE_4: u8 = 0x04;
const OFFSET: u8 = 0x05;
const RESTORE: u8 = 0x06;
const UNDEFINED: u8 = 0x07;
const SAME_VALUE: u8 = 0x08;
const IN_REGISTER: u8 = 0x09;
const REMEMBER: u8 = 0x0a;
const GO_BACK: u8 = 0x0b;
const FRAME: u8 = 0x0c;
const FRAME_REGISTER: u8 = 0x0d;
const FRAME_OFFSET: u8 = 0x0e;
const FRAME_EXPRESSION: u8 = 0x0f;
const EXPRESSION: u8 = 0x10;
const VALUE_EXPRESSION: u8 = 0x16;
const ARGUMENTS_SIZE: u8 = 0x2e;

/// Rows that a description comes back to.
#[derive(Default)]
struct Kept {
    rows: [Row; 4],
    depth: usize,
}

impl Kept {
    fn push(&mut self, row: Row) -> Option<()> {
        *self.rows.get_mut(self.depth)? = row;
        self.depth = self.depth.checked_add(1)?;
        Some(())
    }

    fn pop(&mut self) -> Option<Row> {
        self.depth = self.depth.checked_sub(1)?;
        self.rows.get(self.depth).copied()
    }
}

struct Rows<'a> {
    row: Row,
    /// What the common instructions come to.
    first: Row,
    common: &'a Common,
}

impl Rows<'_> {
    /// Runs instructions up to the row of an address.
    fn run(&mut self, mut bytes: Bytes, start: usize, code: usize) -> Option<()> {
        let mut at = start;
        let mut kept = Kept::default();
        while bytes.at < bytes.end {
            let instruction = bytes.byte()?;
            let Some(distance) = self.advance(instruction, &mut bytes)? else {
                self.apply(instruction, &mut bytes, &mut kept)?;
                continue;
            };
            at = at.checked_add(distance)?;
            if at > code {
                break;
            }
        }
        Some(())
    }

    /// How far an instruction goes on in the code, if that is what it says.
    fn advance(&self, instruction: u8, bytes: &mut Bytes) -> Option<Option<usize>> {
        let units = match (instruction >> 6, instruction) {
            (SHORT_ADVANCE, _) => u64::from(instruction & LOW),
            (0, ADVANCE_1) => u64::from(bytes.byte()?),
            (0, ADVANCE_2) => u64::from(bytes.take().map(u16::from_le_bytes)?),
            (0, ADVANCE_4) => u64::from(bytes.word()?),
            _ => return Some(None),
        };
        usize::try_from(units.checked_mul(self.common.code_unit)?).ok().map(Some)
    }

    /// Does what an instruction says about the row.
    fn apply(&mut self, instruction: u8, bytes: &mut Bytes, kept: &mut Kept) -> Option<()> {
        match (instruction >> 6, instruction) {
            (SHORT_OFFSET, _) => {
                let place = bytes.number()?;
                self.saved(u64::from(instruction & LOW), self.scaled(place)?);
            }
            (SHORT_RESTORE, _) => self.restored(u64::from(instruction & LOW)),
            (_, NOTHING) => {}
            (_, ARGUMENTS_SIZE) => bytes.number().map(drop)?,
            (_, OFFSET) => {
                let (register, place) = (bytes.number()?, bytes.number()?);
                self.saved(register, self.scaled(place)?);
            }
            (_, RESTORE) => self.restored(bytes.number()?),
            (_, UNDEFINED) => {
                let register = bytes.number()?;
                // The first frame of a thread says so by its return address.
                self.row.first |= register == u64::from(RETURN_ADDRESS);
                self.lose(register);
            }
            (_, SAME_VALUE) => {
                if bytes.number()? == BASE {
                    self.row.base = None;
                }
            }
            (_, IN_REGISTER) => {
                self.lose(bytes.number()?);
                bytes.number()?;
            }
            (_, REMEMBER) => kept.push(self.row)?,
            (_, GO_BACK) => self.row = kept.pop()?,
            (_, FRAME) => {
                self.row.register = bytes.number()?;
                self.row.offset = i64::try_from(bytes.number()?).ok()?;
            }
            (_, FRAME_REGISTER) => self.row.register = bytes.number()?,
            (_, FRAME_OFFSET) => self.row.offset = i64::try_from(bytes.number()?).ok()?,
            // As in a procedure linkage table: nothing stands in a call there.
            (_, FRAME_EXPRESSION) => {
                bytes.skip_block()?;
                self.row.register = u64::MAX;
            }
            (_, EXPRESSION | VALUE_EXPRESSION) => {
                self.lose(bytes.number()?);
                bytes.skip_block()?;
            }
            _ => return None,
        }
        Some(())
    }

    fn scaled(&self, place: u64) -> Option<i64> {
        i64::try_from(place).ok()?.checked_mul(self.common.data_unit)
    }

    fn saved(&mut self, register: u64, place: i64) {
        if register == BASE {
            self.row.base = Some(place);
        } else if register == u64::from(RETURN_ADDRESS) && place != -8 {
            self.row.lost = true;
        }
    }

    fn restored(&mut self, register: u64) {
        if register == BASE {
            self.row.base = self.first.base;
        }
    }

    /// rbp, or who called, is not to be told from here on.
    fn lose(&mut self, register: u64) {
        self.row.lost |= register == BASE || register == u64::from(RETURN_ADDRESS);
    }
}
