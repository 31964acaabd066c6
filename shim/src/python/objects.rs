//! Texts and dictionaries of the interpreter's, read where they lie.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::layout::{DICT_KEYS, DICT_VALUES, KeysLayout, Layout, TEXT_LENGTH, TEXT_STATE, TYPE};
use super::memory::Memory;

/// What an object is told by: the addresses of the interpreter's own types.
#[derive(Debug)]
pub(super) struct Types {
    pub(super) code: usize,
    pub(super) text: usize,
    pub(super) dict: usize,
    /// The one object that is no other: `None`.
    pub(super) none: usize,
}

/// Reads objects of one interpreter.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) layout: &'static Layout,
    pub(super) types: Types,
    /// The one text `__name__` that all modules have; 0 before it was seen.
    pub(super) name_key: AtomicUsize,
}

/// What a module's name is found by.
const NAME: &[u8] = b"__name__";

/// The keys that are looked at by their texts where another thread may change them: each costs a
/// system call.
const PATIENCE: usize = 64;

/// Entries that are copied at a time, and the bytes of the larger kind of entry.
const CHUNK: usize = 16;
const ENTRY: usize = 24;

/// A text's head.
struct Text {
    length: usize,
    /// Bytes of a character; with 1, all of them may be ASCII.
    kind: usize,
    is_ascii: bool,
    is_interned: bool,
    start: usize,
}

/// The entries of a dictionary whose keys and values lie together.
#[derive(Clone, Copy)]
struct Entries {
    start: usize,
    count: usize,
    size: usize,
    /// Where an entry has its key; its value is the next word.
    key: usize,
}

impl Objects {
    fn is(&self, memory: Memory, object: usize, kind: usize) -> bool {
        memory.part(object, TYPE) == Some(kind)
    }

    /// Whether an object is code.
    pub(super) fn is_code(&self, object: usize) -> bool {
        self.is(Memory::Still, object, self.types.code)
    }

    /// A text's characters as UTF-8 in the buffer; `None` where it is no text or does not fit.
    pub(super) fn text<'b>(
        &self,
        memory: Memory,
        object: usize,
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        let text = self.head(memory, object)?;
        if text.is_ascii {
            let bytes = buffer.get_mut(..text.length)?;
            memory.copy(text.start, bytes)?;
            return Some(bytes);
        }
        let mut used = 0_usize;
        for number in 0..text.length {
            let mut unit = [0; 4];
            let place = text.start.checked_add(number.checked_mul(text.kind)?)?;
            memory.copy(place, unit.get_mut(..text.kind)?)?;
            // Half of a pair stands for a byte that is no UTF-8; as any sign, it matches no rule.
            let sign = char::from_u32(u32::from_le_bytes(unit)).unwrap_or('\u{fffd}');
            let room = buffer.get_mut(used..used.checked_add(sign.len_utf8())?)?;
            used = used.checked_add(sign.encode_utf8(room).len())?;
        }
        buffer.get(..used)
    }

    fn head(&self, memory: Memory, object: usize) -> Option<Text> {
        if !self.is(memory, object, self.types.text) {
            return None;
        }
        let length = memory.part(object, TEXT_LENGTH)?;
        // The low half: two bits for interned, three for the kind, then compact and ASCII.
        let state = memory.part(object, TEXT_STATE)?;
        let (kind, is_compact, is_ascii) =
            (state >> 2 & 7, state >> 5 & 1 == 1, state >> 6 & 1 == 1);
        if !is_compact || !matches!(kind, 1 | 2 | 4) {
            return None;
        }
        let head = if is_ascii { self.layout.ascii_size } else { self.layout.compact_size };
        let is_interned = state & 3 != 0;
        Some(Text { length, kind, is_ascii, is_interned, start: object.checked_add(head)? })
    }

    /// The name that a module's dictionary says it has; `None` where it says none.
    pub(super) fn module_name<'b>(
        &self,
        memory: Memory,
        globals: usize,
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        let entries = self.entries(memory, globals)?;
        let known = self.name_key.load(Ordering::Relaxed);
        let is_known = |key| (key == known && known != 0).then_some(());
        let value = self.find(memory, entries, is_known).or_else(|| {
            let mut patience = PATIENCE;
            self.find(memory, entries, |key| {
                if memory == Memory::Moving {
                    patience = patience.checked_sub(1)?;
                }
                self.is_name(memory, key)
            })
        })?;
        self.text(memory, value, buffer)
    }

    /// The value of the first key that there is.
    fn find(
        &self,
        memory: Memory,
        entries: Entries,
        mut is_it: impl FnMut(usize) -> Option<()>,
    ) -> Option<usize> {
        let mut copied = [0; CHUNK * ENTRY];
        let mut start = entries.start;
        let mut left = entries.count;
        while left > 0 {
            let here = left.min(CHUNK);
            let bytes = copied.get_mut(..here.checked_mul(entries.size)?)?;
            memory.copy(start, bytes)?;
            for entry in bytes.chunks_exact(entries.size) {
                let (words, _) = entry.get(entries.key..)?.as_chunks::<8>();
                let [key, value, ..] = words else { return None };
                let (key, value) = (usize::from_ne_bytes(*key), usize::from_ne_bytes(*value));
                if key != 0 && value != 0 && is_it(key).is_some() {
                    return Some(value);
                }
            }
            start = start.checked_add(bytes.len())?;
            left = left.checked_sub(here)?;
        }
        None
    }

    /// Whether a key is `__name__`. A subclass of text may call itself equal to anything; it is
    /// not asked.
    fn is_name(&self, memory: Memory, key: usize) -> Option<()> {
        let text = self.head(memory, key)?;
        let mut bytes = [0; NAME.len()];
        if !text.is_ascii || text.length != NAME.len() {
            return None;
        }
        memory.copy(text.start, &mut bytes)?;
        if bytes != *NAME {
            return None;
        }
        // Of interned texts there is one of each, which lives as long as any module.
        if text.is_interned {
            self.name_key.store(key, Ordering::Relaxed);
        }
        Some(())
    }

    fn entries(&self, memory: Memory, dict: usize) -> Option<Entries> {
        let is_plain = self.is(memory, dict, self.types.dict);
        // An object's attributes keep their values elsewhere; a module's do not.
        if !is_plain || memory.part(dict, DICT_VALUES)? != 0 {
            return None;
        }
        let keys = memory.part(dict, DICT_KEYS)?;
        match self.layout.keys {
            KeysLayout::Sized => {
                // Reference count, size, look-up, usable, used; then the indices.
                let size = memory.part(keys, 8)?;
                let index = match size {
                    ..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => 8,
                };
                let start = keys.checked_add(40)?.checked_add(size.checked_mul(index)?)?;
                Some(Entries { start, count: memory.part(keys, 32)?, size: ENTRY, key: 8 })
            }
            KeysLayout::Logarithmic => {
                // Reference count; the logarithms of the size and of the indices' bytes, the kind;
                // usable, used; then the indices.
                let (indices, kind) =
                    (memory.byte(keys.checked_add(9)?)?, memory.byte(keys.checked_add(10)?)?);
                let indices = 1_usize.checked_shl(u32::from(indices))?;
                let start = keys.checked_add(32)?.checked_add(indices)?;
                let (size, key) = match kind {
                    0 => (ENTRY, 8),
                    1 => (16, 0),
                    _ => return None,
                };
                Some(Entries { start, count: memory.part(keys, 24)?, size, key })
            }
        }
    }
}
