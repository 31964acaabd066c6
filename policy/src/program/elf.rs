//! What a file in ELF says of itself, as the kernel and ld.so read it.

use super::{Interpreter, Program};

/// The size of a program header of 64-bit ELF, the only one that the kernel accepts.
const PROGRAM_HEADER: u64 = 56;
/// The most bytes of program headers that the kernel reads.
const PROGRAM_HEADERS: u64 = 65_536;
/// The most bytes of a dynamic section that are searched; real ones have some dozens of entries,
/// of 16 bytes each.
const DYNAMIC_BYTES: u64 = 65_536;
/// The most bytes of notes that are read in a segment, each of a few dozen bytes.
const NOTE_BYTES: u64 = 4096;
/// The note in which Go's linker puts the identity of a build: its owner, with the NUL and padding,
/// and its type (`ELF_NOTE_GOBUILDID_TAG` of cmd/link).
const GO_NOTE: (&[u8; 4], u64) = (b"Go\0\0", 4);
/// The name by which glibc's dynamic loader calls itself, whatever its file is called.
const LOADER_NAME: &[u8] = b"ld-linux-x86-64.so.2";

const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
const DT_NULL: u64 = 0;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_DEPAUDIT: u64 = 0x6fff_fefb;
const DT_AUDIT: u64 = 0x6fff_fefc;

/// A file that begins like ELF.
pub(super) struct Elf<'a, 'r> {
    pub(super) head: &'a [u8],
    pub(super) more: &'r mut dyn FnMut(u64, &mut [u8]) -> usize,
}

/// Where the program headers are.
#[derive(Clone, Copy)]
struct Headers {
    offset: u64,
    count: u64,
}

/// One program header, less what nobody asks for.
struct Header {
    kind: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    alignment: u64,
}

/// What the dynamic section says.
#[derive(Default)]
struct Dynamic {
    strings: Option<u64>,
    name: Option<u64>,
    audits: bool,
}

impl Elf<'_, '_> {
    /// `None` where a part cannot be read.
    pub(super) fn classify(&mut self) -> Option<Program<'static>> {
        let ident = self.read::<20>(0)?;
        if ident.get(4..6) != Some(&[2, 1]) {
            return Some(Program::OtherClass);
        }
        let machine = number(&ident, 18, 2)?;
        if machine != u64::from(EM_X86_64) {
            return u16::try_from(machine).ok().map(Program::OtherMachine);
        }
        let kind = number(&ident, 16, 2)?;
        if kind != u64::from(ET_EXEC) && kind != u64::from(ET_DYN) {
            return None;
        }
        let headers = self.headers()?;
        let dynamic = match self.find(headers, |header| header.kind == PT_DYNAMIC)? {
            Some(header) => self.dynamic(headers, &header)?,
            None => Dynamic::default(),
        };
        // The kernel takes the first PT_INTERP; ld.so reads the dynamic section in memory.
        match self.find(headers, |header| header.kind == PT_INTERP)? {
            Some(_) if dynamic.audits => Some(Program::Audited),
            Some(_) if self.is_go(headers)? => Some(Program::Go),
            Some(header) => self.interpreter(&header).map(Program::Dynamic),
            None if self.is_loader(headers, &dynamic) => Some(Program::Loader),
            None => Some(Program::Static),
        }
    }

    fn headers(&mut self) -> Option<Headers> {
        let file = self.read::<64>(0)?;
        let count = number(&file, 56, 2)?;
        let fits = count.checked_mul(PROGRAM_HEADER)? <= PROGRAM_HEADERS;
        (number(&file, 54, 2)? == PROGRAM_HEADER && count != 0 && fits)
            .then_some(Headers { offset: number(&file, 32, 8)?, count })
    }

    /// The first program header that `wanted` accepts; the outer `None` where one is unreadable.
    fn find(
        &mut self,
        headers: Headers,
        wanted: impl Fn(&Header) -> bool,
    ) -> Option<Option<Header>> {
        for index in 0..headers.count {
            let header = self.header(headers, index)?;
            if wanted(&header) {
                return Some(Some(header));
            }
        }
        Some(None)
    }

    fn header(&mut self, headers: Headers, index: u64) -> Option<Header> {
        let at = index.checked_mul(PROGRAM_HEADER)?.checked_add(headers.offset)?;
        let bytes = self.read::<56>(at)?;
        Some(Header {
            kind: u32::try_from(number(&bytes, 0, 4)?).ok()?,
            offset: number(&bytes, 8, 8)?,
            address: number(&bytes, 16, 8)?,
            file_size: number(&bytes, 32, 8)?,
            alignment: number(&bytes, 48, 8)?,
        })
    }

    /// Whether Go's linker says that it made the program; `None` where a header is unreadable.
    fn is_go(&mut self, headers: Headers) -> Option<bool> {
        for index in 0..headers.count {
            let header = self.header(headers, index)?;
            if header.kind == PT_NOTE && self.has_go_note(&header).unwrap_or(false) {
                return Some(true);
            }
        }
        Some(false)
    }

    /// `None` where the notes end, or are not what notes are: nobody else minds those.
    fn has_go_note(&mut self, segment: &Header) -> Option<bool> {
        // Since 2018 there are notes whose descriptions are padded to 8 bytes.
        let padding = if segment.alignment == 8 { 8_u64 } else { 4 };
        let end = segment.offset.checked_add(segment.file_size.min(NOTE_BYTES))?;
        let mut at = segment.offset;
        loop {
            let start = self.read::<16>(at).filter(|_| at < end)?;
            let (owner, description) = (number(&start, 0, 4)?, number(&start, 4, 4)?);
            if owner == 4 && (start.last_chunk()?, number(&start, 8, 4)?) == GO_NOTE {
                return Some(true);
            }
            let behind = owner.checked_next_multiple_of(4)?.checked_add(12)?;
            let behind = behind.checked_next_multiple_of(padding)?.checked_add(description)?;
            at = at.checked_add(behind.checked_next_multiple_of(padding)?)?;
        }
    }

    /// The kernel's rule: at least one byte and a NUL at the very end; the text ends at the first.
    fn interpreter(&mut self, header: &Header) -> Option<Interpreter> {
        let size = usize::try_from(header.file_size).ok()?;
        let mut bytes = [0; Interpreter::CAPACITY];
        let text = bytes.get_mut(..size)?;
        if self.read_into(header.offset, text) != size || text.last() != Some(&0) {
            return None;
        }
        let length = text.iter().position(|&byte| byte == 0)?;
        (length != 0).then_some(Interpreter { bytes, length })
    }

    fn dynamic(&mut self, headers: Headers, section: &Header) -> Option<Dynamic> {
        let mut found = Dynamic::default();
        let start = self.in_file(headers, section.address)?;
        let size = section.file_size.min(DYNAMIC_BYTES);
        let mut done = 0;
        while done < size {
            // Many entries at once: a read is dear beside a look at an entry.
            let mut bytes = [0; 512];
            let rest = usize::try_from(size.checked_sub(done)?).ok()?;
            let wanted = bytes.len().min(rest);
            let got = self.read_into(start.checked_add(done)?, bytes.get_mut(..wanted)?);
            let (entries, _) = bytes.get(..got)?.as_chunks::<16>();
            for entry in entries {
                let value = number(entry, 8, 8)?;
                match number(entry, 0, 8)? {
                    DT_NULL => return Some(found),
                    DT_STRTAB => found.strings = Some(value),
                    DT_SONAME => found.name = Some(value),
                    DT_AUDIT | DT_DEPAUDIT => found.audits = true,
                    _ => {}
                }
            }
            done = done.checked_add(u64::try_from(entries.len()).ok()?.checked_mul(16)?)?;
            if entries.is_empty() {
                return None;
            }
        }
        // ld.so would read on past the section.
        None
    }

    /// Whether it calls itself glibc's dynamic loader.
    fn is_loader(&mut self, headers: Headers, dynamic: &Dynamic) -> bool {
        let mut name = [0; LOADER_NAME.len() + 1];
        let at = dynamic
            .strings
            .zip(dynamic.name)
            .and_then(|(strings, name)| self.in_file(headers, strings.checked_add(name)?));
        at.is_some_and(|at| self.read_into(at, &mut name) == name.len())
            && name.strip_suffix(&[0]) == Some(LOADER_NAME)
    }

    /// The place in the file of what is loaded at `address`.
    fn in_file(&mut self, headers: Headers, address: u64) -> Option<u64> {
        let holds = |header: &Header| {
            let within = address.checked_sub(header.address);
            header.kind == PT_LOAD && within.is_some_and(|within| within < header.file_size)
        };
        let header = self.find(headers, holds)??;
        address.checked_sub(header.address)?.checked_add(header.offset)
    }

    fn read<const N: usize>(&mut self, offset: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.read_into(offset, &mut bytes) == N).then_some(bytes)
    }

    /// Fills `into` from the head where it holds all of it, else from the file.
    fn read_into(&mut self, offset: u64, into: &mut [u8]) -> usize {
        let held = usize::try_from(offset).ok().and_then(|from| self.head.get(from..));
        if let Some(held) = held.and_then(|held| held.get(..into.len())) {
            into.copy_from_slice(held);
            return into.len();
        }
        let mut filled = 0;
        while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let got = u64::try_from(filled)
                .ok()
                .and_then(|done| offset.checked_add(done))
                .map_or(0, |at| (self.more)(at, rest).min(rest.len()));
            if got == 0 {
                break;
            }
            filled = filled.saturating_add(got);
        }
        filled
    }
}

/// A little-endian number of `size` bytes, at most 8.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.get(..size)?;
    Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}
