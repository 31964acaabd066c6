//! What kind of program a file is, read from its bytes as the kernel and ld.so read them.
//!
//! The launcher asks before it starts a worker, the shim at every exec: only a program into which
//! ld.so loads the shim can be fenced. Nothing here allocates, panics or trusts a length that the
//! file gives; a file that cannot be understood is never called fenceable.

/// The bytes of a file that the kernel looks at for `#!`; what lies beyond is cut off.
const SCRIPT_HEAD: usize = 256;
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
/// The places where distributions keep glibc's dynamic loader.
const LOADERS: [&[u8]; 6] = [
    b"/lib64/ld-linux-x86-64.so.2",
    b"/usr/lib64/ld-linux-x86-64.so.2",
    b"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    b"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    b"/lib/ld-linux-x86-64.so.2",
    b"/usr/lib/ld-linux-x86-64.so.2",
];

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

/// The first line of a script, as the kernel reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script<'a> {
    /// The program that runs the script; the kernel opens it relative to the working directory.
    pub interpreter: &'a [u8],
    /// The rest of the line, handed to the interpreter as one argument.
    pub argument: Option<&'a [u8]>,
}

/// The dynamic loader that a program asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interpreter {
    bytes: [u8; Self::CAPACITY],
    length: usize,
}

impl Interpreter {
    /// The longest name that is kept; a program that asks for a longer one is damaged.
    const CAPACITY: usize = 256;

    /// The path as the program gives it, without the final NUL.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether it is one of the places where distributions keep glibc's dynamic loader.
    ///
    /// Any other path is no proof that a program is dynamic: the file there must itself be
    /// [`Program::Loader`].
    #[must_use]
    pub fn is_known(&self) -> bool {
        LOADERS.contains(&self.path())
    }
}

impl core::fmt::Debug for Interpreter {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(to, "Interpreter(b\"{}\")", self.path().escape_ascii())
    }
}

/// What a file is to `execve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nothing is allocated, and few exist at a time")]
pub enum Program<'a> {
    /// A script that names its interpreter.
    Script(Script<'a>),
    /// A 64-bit x86-64 program that asks for a dynamic loader.
    Dynamic(Interpreter),
    /// glibc's dynamic loader itself, or a copy: run as a program it starts the one named in its
    /// arguments (see [`LoaderOption`]).
    Loader,
    /// A program that asks for no dynamic loader: the shim cannot enter it.
    Static,
    /// A dynamic program that names an audit library, which runs before any preloaded one.
    Audited,
    /// A dynamic program that Go's linker made: the shim would enter it, but Go's own library makes
    /// system calls without libc.
    Go,
    /// A program for a 32-bit address space, or with the bytes of its numbers in the other order.
    OtherClass,
    /// A program for another machine: its `e_machine`.
    OtherMachine(u16),
    /// An ELF file that no kernel can run: an object file, a core, a truncated or damaged one.
    Damaged,
    /// Neither ELF nor `#!`: the kernel answers ENOEXEC, and by the rule of `execvp` and of every
    /// shell it is a script for `/bin/sh`.
    Neither,
}

/// Tells what kind of program a file is.
///
/// `head` is the beginning of the file: all of it, or at least 256 bytes (1 KiB spares most second
/// reads). `more` reads at an offset into the buffer and says how many bytes it got; 0 stands for
/// the end of the file and for any error.
pub fn classify<'a>(head: &'a [u8], more: &mut dyn FnMut(u64, &mut [u8]) -> usize) -> Program<'a> {
    if head.starts_with(b"\x7fELF") {
        return Elf { head, more }.classify().unwrap_or(Program::Damaged);
    }
    script(head).map_or(Program::Neither, Program::Script)
}

/// What an argument in front of the program's name means to the dynamic loader run as a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoaderOption {
    /// Takes no value and opens nothing.
    Flag,
    /// Only looks at the program and does not start it: `--list`, `--verify`.
    Look,
    /// The next argument is a text that opens nothing.
    Text,
    /// The next argument is a list of directories, parted by colons or semicolons.
    Directories,
    /// The next argument is a list of libraries, parted by colons or spaces.
    Libraries,
    /// Loads code in front of the shim, or is not known.
    Refused,
    /// No option: the program.
    Program,
}

impl LoaderOption {
    /// The meaning of one argument, by glibc's own rule: options begin with `--`.
    #[must_use]
    pub fn of(argument: &[u8]) -> Self {
        match argument {
            b"--inhibit-cache"
            | b"--list-tunables"
            | b"--list-diagnostics"
            | b"--help"
            | b"--version" => Self::Flag,
            b"--list" | b"--verify" => Self::Look,
            b"--inhibit-rpath"
            | b"--argv0"
            | b"--glibc-hwcaps-prepend"
            | b"--glibc-hwcaps-mask" => Self::Text,
            b"--library-path" => Self::Directories,
            b"--preload" => Self::Libraries,
            _ if argument.starts_with(b"--") => Self::Refused,
            _ => Self::Program,
        }
    }
}

/// The kernel's reading of `#!` (`binfmt_script`): the whole line must fit, or at least the
/// interpreter's name with the byte that ends it, so that no cut name is ever run.
fn script(head: &[u8]) -> Option<Script<'_>> {
    let line = head.get(..SCRIPT_HEAD).unwrap_or(head).strip_prefix(b"#!")?;
    // Without a newline, a NUL ends it, or the end of a short file, which the kernel pads with NULs.
    let end = line.iter().position(|&byte| byte == b'\n' || byte == 0);
    let cut = end.is_none() && head.len() >= SCRIPT_HEAD;
    let newline = end.is_some_and(|end| line.get(end) == Some(&b'\n'));
    let line = trim_start(line.get(..end.unwrap_or(line.len()))?);
    let name_end = line.iter().position(|&byte| is_blank(byte));
    if cut && name_end.is_none() {
        return None;
    }
    let (interpreter, rest) = line.split_at_checked(name_end.unwrap_or(line.len()))?;
    if interpreter.is_empty() {
        return None;
    }
    // Of a line that is cut, the last byte gives way to a NUL of the kernel's.
    let rest = if cut { rest.split_last().map_or(rest, |(_, kept)| kept) } else { rest };
    let argument = trim_start(if newline || cut { trim_end(rest) } else { rest });
    Some(Script { interpreter, argument: (!argument.is_empty()).then_some(argument) })
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = text.split_first()
        && is_blank(first)
    {
        text = rest;
    }
    text
}

fn trim_end(mut text: &[u8]) -> &[u8] {
    while let Some((&last, rest)) = text.split_last()
        && is_blank(last)
    {
        text = rest;
    }
    text
}

/// A file that begins like ELF.
struct Elf<'a, 'r> {
    head: &'a [u8],
    more: &'r mut dyn FnMut(u64, &mut [u8]) -> usize,
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
    fn classify(&mut self) -> Option<Program<'static>> {
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

#[cfg(test)]
mod tests;
