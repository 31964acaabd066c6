//! What the kernel says is mapped at an address, and what the object there calls itself.

#![expect(unsafe_code, reason = "reads the headers of a mapped object")]

use core::ops::Range;

use crate::sys::{self, Answer, CWD, Errno, How, Path};

/// More bytes than the kernel writes for a path.
pub(crate) const LONGEST_PATH: usize = 4096;

/// The bytes in front of a path are less than a hundred.
const LONGEST_LINE: usize = LONGEST_PATH + 100;

/// The most bytes of a name that an object gives itself.
const LONGEST_NAME: usize = 256;

/// The most mappings of one object that are looked at; linkers make four or five.
const MOST: usize = 16;

const DT_STRTAB: usize = 5;
const DT_SONAME: usize = 14;

/// The kernel's names for memory that stands for no file, although they look like paths.
const NO_FILE: [&[u8]; 4] = [b"/memfd:", b"/dev/zero", b"/SYSV", b"/anon_hugepage"];

/// What the kernel says of a file that has no name any more.
const DELETED: &[u8] = b" (deleted)";

/// A mapped object: the mappings of one file that follow each other.
pub(super) struct Object {
    /// Device and inode.
    file: (u64, u64),
    segments: [Range<usize>; MOST],
    used: usize,
    /// The mapping that was asked for.
    mapped: Range<usize>,
    path: [u8; LONGEST_PATH],
    length: usize,
}

/// Looks an address up; `None` for what lies in no file.
pub(super) fn find<T>(address: usize, look: impl FnOnce(Option<&Object>) -> T) -> Answer<T> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: 0 };
    let maps = sys::openat2(CWD, Path::from_c(c"/proc/thread-self/maps"), &how)?;
    // A process may have covered /proc by a list of its own.
    let found = if sys::file_system(maps)? == sys::PROC_SUPER_MAGIC {
        let mut object = Object::new();
        read(maps, address, &mut object).map(|found| look(found.then_some(&object)))
    } else {
        Err(Errno::EACCES)
    };
    sys::close(maps);
    found
}

/// Reads lines until the address was met and its object ends. Whether it lies in a file.
fn read(maps: core::ffi::c_int, address: usize, object: &mut Object) -> Answer<bool> {
    let mut buffer = [0_u8; LONGEST_LINE];
    let mut used = 0_usize;
    loop {
        let room = buffer.get_mut(used..).filter(|room| !room.is_empty()).ok_or(Errno::EIO)?;
        let length = sys::read(maps, room)?;
        if length == 0 {
            return Ok(object.is_found());
        }
        used = used.saturating_add(length);
        let mut rest = buffer.get(..used).unwrap_or_default();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at_checked(end).unwrap_or_default();
            match object.take(line, address).ok_or(Errno::EIO)? {
                Progress::Goes => {}
                Progress::Ends(found) => return Ok(found),
            }
            rest = behind.get(1..).unwrap_or_default();
        }
        let left = rest.len();
        buffer.copy_within(used.saturating_sub(left)..used, 0);
        used = left;
    }
}

enum Progress {
    Goes,
    /// All that is wanted was read; whether the address lies in a file.
    Ends(bool),
}

impl Object {
    fn new() -> Self {
        Self {
            file: (0, 0),
            segments: [const { 0..0 }; MOST],
            used: 0,
            mapped: 0..0,
            path: [0; LONGEST_PATH],
            length: 0,
        }
    }

    fn is_found(&self) -> bool {
        !self.mapped.is_empty()
    }

    /// Takes a line of the list; `None` for one that is none.
    fn take(&mut self, line: &[u8], address: usize) -> Option<Progress> {
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let mut range = fields.next()?.split(|byte| *byte == b'-');
        let range = hexadecimal(range.next()?)?..hexadecimal(range.next()?)?;
        let readable = fields.next()?.first() == Some(&b'r');
        let _offset = fields.next()?;
        let mut device = fields.next()?.split(|byte| *byte == b':');
        let device = (hexadecimal(device.next()?)?, hexadecimal(device.next()?)?);
        let device = (device.0 as u64) << 32 | device.1 as u64;
        let inode = decimal(fields.next()?)?;
        let path = fields.next().unwrap_or_default().trim_ascii_start();
        let is_file = inode != 0 && !NO_FILE.iter().any(|name| path.starts_with(name));
        if is_file && self.file != (device, inode) {
            if self.is_found() {
                return Some(Progress::Ends(true));
            }
            self.file = (device, inode);
            self.used = 0;
        }
        if range.contains(&address) {
            if !is_file {
                return Some(Progress::Ends(false));
            }
            self.mapped = range.clone();
            self.keep_path(path);
        }
        if is_file
            && readable
            && let Some(segment) = self.segments.get_mut(self.used)
        {
            *segment = range;
            self.used = self.used.saturating_add(1);
        }
        Some(Progress::Goes)
    }

    /// Keeps a path, in which the kernel writes a line feed as `\012`.
    fn keep_path(&mut self, path: &[u8]) {
        let mut rest = path.strip_suffix(DELETED).unwrap_or(path);
        self.length = 0;
        while let Some((byte, behind)) = rest.split_first() {
            let (byte, behind) = match rest.strip_prefix(b"\\012") {
                Some(behind) => (b'\n', behind),
                None => (*byte, behind),
            };
            let Some(place) = self.path.get_mut(self.length) else { return };
            *place = byte;
            self.length = self.length.saturating_add(1);
            rest = behind;
        }
    }

    /// The addresses of the mapping that was asked for.
    pub(super) fn mapped(&self) -> Range<usize> {
        self.mapped.clone()
    }

    /// The real path, as the kernel knows it.
    pub(super) fn path(&self) -> &[u8] {
        self.path.get(..self.length).unwrap_or_default()
    }

    /// The last component of the path.
    pub(super) fn file_name(&self) -> &[u8] {
        self.path().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    /// What the object calls itself (`DT_SONAME`), out of its own tables as they are mapped.
    pub(super) fn soname(&self) -> Option<&[u8]> {
        let (bias, [strings, name]) = self.dynamic([DT_STRTAB, DT_SONAME])?;
        self.text(self.relocated(bias, strings?).checked_add(name?)?, LONGEST_NAME)
    }

    /// What its dynamic section says of each tag, and what to add to an address of its file.
    pub(super) fn dynamic<const N: usize>(
        &self,
        tags: [usize; N],
    ) -> Option<(usize, [Option<usize>; N])> {
        let base = self.base()?;
        let header: libc::Elf64_Ehdr = self.value(base)?;
        if !header.e_ident.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let at = |number: u16| {
            let table = base.checked_add(usize::try_from(header.e_phoff).ok()?)?;
            let size = size_of::<libc::Elf64_Phdr>();
            table.checked_add(usize::from(number).checked_mul(size)?)
        };
        let segment = |number| -> Option<libc::Elf64_Phdr> { self.value(at(number)?) };
        let segments = || (0..header.e_phnum).map_while(segment);
        let first = segments().find(|segment| segment.p_type == libc::PT_LOAD)?;
        let bias = base.wrapping_sub(usize::try_from(first.p_vaddr & !0xfff).ok()?);
        let dynamic = segments().find(|segment| segment.p_type == libc::PT_DYNAMIC)?;
        let dynamic = bias.wrapping_add(usize::try_from(dynamic.p_vaddr).ok()?);
        let mut found = [None; N];
        for number in 0..512_usize {
            let [tag, value]: [usize; 2] =
                self.value(dynamic.checked_add(number.checked_mul(16)?)?)?;
            if tag == 0 {
                break;
            }
            let wanted = found.iter_mut().zip(tags).find(|(_, wanted)| *wanted == tag);
            if let Some((place, _)) = wanted {
                *place = Some(value);
            }
        }
        Some((bias, found))
    }

    /// Where a table lies of which the dynamic section has the address: ld.so has made it one in
    /// memory, in its own way of loading.
    pub(super) fn relocated(&self, bias: usize, value: usize) -> usize {
        let is_in_memory = self.base().is_some_and(|base| value >= base);
        if is_in_memory { value } else { bias.wrapping_add(value) }
    }

    fn base(&self) -> Option<usize> {
        Some(self.segments.first()?.start)
    }

    /// The text at an address, up to its NUL, which the first `most` bytes must have.
    pub(super) fn text(&self, start: usize, most: usize) -> Option<&[u8]> {
        let segment = self.segment(start)?;
        let room = segment.end.checked_sub(start)?.min(most);
        let place = core::ptr::with_exposed_provenance::<u8>(start);
        // SAFETY: within a readable mapping of the object, whose code is on the caller's stack.
        let bytes = unsafe { core::slice::from_raw_parts(place, room) };
        bytes.get(..bytes.iter().position(|byte| *byte == 0)?)
    }

    /// The value at an address; `None` where the object has none mapped. Only for types that any
    /// bytes make.
    pub(super) fn value<T: Plain>(&self, start: usize) -> Option<T> {
        let end = start.checked_add(size_of::<T>())?;
        if end > self.segment(start)?.end {
            return None;
        }
        let place = core::ptr::with_exposed_provenance::<T>(start);
        // SAFETY: within a readable mapping of the object, and of a type without invalid values.
        Some(unsafe { place.read_unaligned() })
    }

    fn segment(&self, address: usize) -> Option<&Range<usize>> {
        self.segments.get(..self.used)?.iter().find(|segment| segment.contains(&address))
    }
}

/// Types that any bytes make a value of.
pub(super) trait Plain {}
impl Plain for libc::Elf64_Ehdr {}
impl Plain for libc::Elf64_Phdr {}
impl Plain for libc::Elf64_Sym {}
impl Plain for u32 {}
impl Plain for [u32; 2] {}
impl Plain for [u32; 4] {}
impl Plain for [usize; 2] {}

fn hexadecimal(text: &[u8]) -> Option<usize> {
    usize::from_str_radix(core::str::from_utf8(text).ok()?, 16).ok()
}

fn decimal(text: &[u8]) -> Option<u64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::fn_to_numeric_cast_any,
    reason = "a test"
)]
mod tests {
    use super::*;

    const LIST: &[u8] = b"\
55d0c0000000-55d0c0001000 r--p 00000000 fe:01 100                        /usr/bin/worker
55d0c0001000-55d0c0002000 r-xp 00001000 fe:01 100                        /usr/bin/worker
55d0c0009000-55d0c000a000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000001000 r--p 00000000 fe:01 200                        /opt/v/a\\012b c.so
7f0000001000-7f0000002000 r-xp 00001000 fe:01 200                        /opt/v/a\\012b c.so
7f0000002000-7f0000003000 rw-p 00000000 00:00 0 
7f0000003000-7f0000004000 r-xp 00000000 00:00 0 
7f0000004000-7f0000005000 r-xp 00000000 00:01 300                        /memfd:liba.so (deleted)
7f0000005000-7f0000006000 r-xp 00000000 fe:02 200                        /tmp/gone.so (deleted)
7f0000006000-7f0000007000 r-xp 00000000 00:00 0                          [vdso]
";

    fn path(address: usize) -> Option<String> {
        let mut object = Object::new();
        for line in LIST.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match object.take(line, address).expect("a line of the list") {
                Progress::Goes => {}
                Progress::Ends(false) => return None,
                Progress::Ends(true) => break,
            }
        }
        object.is_found().then(|| String::from_utf8(object.path().to_vec()).expect("UTF-8"))
    }

    #[test]
    fn an_address_lies_in_the_file_that_is_mapped_there() {
        assert_eq!(path(0x55d0_c000_1fff).as_deref(), Some("/usr/bin/worker"));
        assert_eq!(path(0x7f00_0000_1000).as_deref(), Some("/opt/v/a\nb c.so"));
        assert_eq!(path(0x7f00_0000_5000).as_deref(), Some("/tmp/gone.so"), "it was a file");
    }

    #[test]
    fn memory_that_is_no_file_s_is_nobody_s() {
        for address in [
            0x55d0_c000_9000, // the heap
            0x7f00_0000_2000, // between the parts of an object, as its zeros are
            0x7f00_0000_3000, // generated
            0x7f00_0000_4000, // a file in memory alone
            0x7f00_0000_6000, // the kernel's own
            0x1000,           // nothing
        ] {
            assert_eq!(path(address), None, "{address:x}");
        }
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let mut object = Object::new();
        for line in [&b""[..], b"x", b"1-2", b"1-2 r--p 0 fe:01 x /a", b"1-2 r--p 0 fe 1 /a"] {
            assert!(object.take(line, 1).is_none(), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_library_s_own_name_is_read_from_its_mapping() {
        let libc = libc::getpid as *const () as usize;
        let own = find(libc, |object| {
            let object = object.expect("libc is a file");
            let name = object.soname().map(<[u8]>::to_vec);
            (name, object.mapped().contains(&libc), object.file_name().to_vec())
        });
        assert_eq!(own, Ok((Some(b"libc.so.6".to_vec()), true, b"libc.so.6".to_vec())));
        let name = |address| find(address, |object| object.map(|o| o.soname().is_some()));
        assert_eq!(name(what_is_no_list_is_an_error as *const () as usize), Ok(Some(false)));
        let stack = 0_u8;
        assert_eq!(name((&raw const stack).addr()), Ok(None), "the stack is no file");
    }
}
