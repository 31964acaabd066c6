//! The objects that ld.so has loaded, read from their own tables.
//!
//! `dlsym` cannot find libc's definitions for us: it is a hook of ours, it may be another
//! preload's, and it takes locks. The tables can be read at any time, from any constructor.

#![expect(unsafe_code, reason = "reads what ld.so has mapped")]

use core::ffi::{CStr, c_char};
use core::ops::Range;
use core::slice;

/// `struct link_map` of link.h, as far as it is public.
#[repr(C)]
struct LinkMap {
    base: usize,
    name: *const c_char,
    dynamic: *const Dynamic,
    next: *const LinkMap,
    previous: *const LinkMap,
}

/// `Elf64_Dyn`.
#[repr(C)]
struct Dynamic {
    tag: i64,
    value: usize,
}

/// `Elf64_Sym`.
#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: usize,
    size: usize,
}

/// `struct r_debug` of link.h, as far as it is needed.
#[repr(C)]
struct Debug {
    version: i32,
    map: *const LinkMap,
}

const DT_NULL: i64 = 0;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_SONAME: i64 = 14;
const DT_DEBUG: i64 = 21;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const DT_VERSYM: i64 = 0x6fff_fff0;
const PT_DYNAMIC: u32 = 2;

unsafe extern "C" {
    /// Where the stack began: the argument count, the arguments, the environment, the auxiliary
    /// vector, each ended by a null. Set by ld.so before any constructor.
    static __libc_stack_end: *const usize;
    /// Our own dynamic section; the linker makes it.
    static _DYNAMIC: u8;
}

/// Where the first stack began: whatever is called lies below.
pub(crate) fn stack_end() -> usize {
    // SAFETY: a plain variable of ld.so's, written before any constructor.
    unsafe { (&raw const __libc_stack_end).read() }.addr()
}

/// What the kernel left on the stack at the start of the program.
pub(crate) struct Start {
    environment: *const *const c_char,
    auxiliary: *const usize,
}

impl Start {
    /// The start of this program; `None` before ld.so knows it.
    pub(crate) fn find() -> Option<Self> {
        // SAFETY: a plain variable of ld.so's, written before any constructor.
        let stack = unsafe { (&raw const __libc_stack_end).read() };
        if stack.is_null() {
            return None;
        }
        // SAFETY: the stack begins with the number of arguments (the System V ABI).
        let count = unsafe { stack.read() };
        let environment = stack.wrapping_add(count.checked_add(2)?).cast::<*const c_char>();
        let mut end = environment;
        // SAFETY: the environment ends with a null.
        while !unsafe { end.read() }.is_null() {
            end = end.wrapping_add(1);
        }
        Some(Self { environment, auxiliary: end.wrapping_add(1).cast() })
    }

    /// The value of the last variable of that name, which is the one that ld.so takes.
    pub(crate) fn variable(&self, name: &[u8]) -> Option<&'static CStr> {
        let mut found = None;
        let mut place = self.environment;
        loop {
            // SAFETY: the environment ends with a null, where the loop ends.
            let entry = unsafe { place.read() };
            if entry.is_null() {
                return found;
            }
            // SAFETY: each entry is a C string that lives as long as the program.
            let entry = unsafe { CStr::from_ptr(entry) };
            if let Some(value) = entry.to_bytes_with_nul().strip_prefix(name)
                && let Some(value) = value.strip_prefix(b"=")
            {
                found = CStr::from_bytes_with_nul(value).ok();
            }
            place = place.wrapping_add(1);
        }
    }

    /// The first instruction of the program.
    pub(crate) fn entry(&self) -> Option<usize> {
        self.auxiliary(libc::AT_ENTRY)
    }

    fn auxiliary(&self, key: u64) -> Option<usize> {
        let mut place = self.auxiliary;
        loop {
            // SAFETY: the vector is pairs of words that end with a key of null.
            let found = unsafe { place.read() };
            if found == 0 {
                return None;
            }
            if found as u64 == key {
                // SAFETY: a key is followed by its value.
                return Some(unsafe { place.wrapping_add(1).read() });
            }
            place = place.wrapping_add(2);
        }
    }

    /// The first object of ld.so's list, by the main program's `DT_DEBUG`.
    pub(crate) fn objects(&self) -> Option<Object> {
        let headers = self.auxiliary(libc::AT_PHDR)?;
        let count = self.auxiliary(libc::AT_PHNUM)?;
        let headers = core::ptr::with_exposed_provenance::<libc::Elf64_Phdr>(headers);
        // SAFETY: the kernel, or ld.so, says where the program's headers are mapped.
        let headers = unsafe { slice::from_raw_parts(headers, count) };
        let table = headers.iter().find(|header| header.p_type == libc::PT_PHDR);
        let base =
            table.map_or(0, |own| headers.as_ptr().addr().wrapping_sub(to_size(own.p_vaddr)));
        let dynamic = headers.iter().find(|header| header.p_type == PT_DYNAMIC)?;
        let dynamic = base.wrapping_add(to_size(dynamic.p_vaddr));
        let debug = entry(core::ptr::with_exposed_provenance(dynamic), DT_DEBUG)?;
        let debug = core::ptr::with_exposed_provenance::<Debug>(debug);
        // SAFETY: ld.so put the address of its own structure there at the start.
        let debug = unsafe { debug.as_ref() }?;
        Object::new(debug.map)
    }
}

fn to_size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn entry(mut dynamic: *const Dynamic, tag: i64) -> Option<usize> {
    loop {
        // SAFETY: a dynamic section ends with DT_NULL, where the loop ends.
        let found = unsafe { dynamic.as_ref() }?;
        if found.tag == tag {
            return Some(found.value);
        }
        if found.tag == DT_NULL {
            return None;
        }
        dynamic = dynamic.wrapping_add(1);
    }
}

/// One loaded object.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    map: &'static LinkMap,
}

impl Object {
    fn new(map: *const LinkMap) -> Option<Self> {
        // SAFETY: null, or an entry of ld.so's list. We follow it while the program starts, when
        // the list is whole and no object that is in it can be unloaded.
        unsafe { map.as_ref() }.map(|map| Self { map })
    }

    /// The object that ld.so's entry at this address is about. Code of it must be on the calling
    /// thread's stack, so that it stays.
    pub(crate) fn at(address: usize) -> Option<Self> {
        Self::new(core::ptr::with_exposed_provenance(address))
    }

    /// Where ld.so's entry about it is.
    pub(crate) fn address(self) -> usize {
        core::ptr::from_ref(self.map).expose_provenance()
    }

    /// The next object in the order of lookup.
    pub(crate) fn next(self) -> Option<Self> {
        Self::new(self.map.next)
    }

    fn dynamic(self) -> *const Dynamic {
        self.map.dynamic
    }

    /// Whether this is the shim itself.
    pub(crate) fn is_ours(self) -> bool {
        self.dynamic().addr() == (&raw const _DYNAMIC).addr()
    }

    /// The path that it was loaded by.
    pub(crate) fn name(self) -> &'static CStr {
        // SAFETY: ld.so keeps the names of startup objects for ever.
        unsafe { CStr::from_ptr(self.map.name) }
    }

    /// Whether its own name (`DT_SONAME`) is this.
    pub(crate) fn is_named(self, wanted: &CStr) -> bool {
        let (Some(name), Some(strings)) = (entry(self.dynamic(), DT_SONAME), self.table(DT_STRTAB))
        else {
            return false;
        };
        let name = core::ptr::with_exposed_provenance(strings.wrapping_add(name));
        // SAFETY: the string table is mapped and its strings end with NUL.
        unsafe { CStr::from_ptr(name) == wanted }
    }

    /// The address of one of its tables. ld.so has made addresses of what its dynamic section
    /// says, but in the vdso, which it cannot write.
    fn table(self, tag: i64) -> Option<usize> {
        let value = entry(self.dynamic(), tag)?;
        let relocated = value >= self.map.base;
        Some(if relocated { value } else { value.wrapping_add(self.map.base) })
    }

    /// The addresses at which its segments lie.
    pub(crate) fn range(self) -> Range<usize> {
        let base = self.map.base;
        let file = core::ptr::with_exposed_provenance::<libc::Elf64_Ehdr>(base);
        // SAFETY: the first segment of a library begins with its file header.
        let file = unsafe { file.read() };
        let table = core::ptr::with_exposed_provenance(base.wrapping_add(to_size(file.e_phoff)));
        // SAFETY: the program headers lie in the same segment, and are never changed.
        let headers: &[libc::Elf64_Phdr] =
            unsafe { slice::from_raw_parts(table, usize::from(file.e_phnum)) };
        let loaded = headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
        let end =
            loaded.map(|header| to_size(header.p_vaddr).wrapping_add(to_size(header.p_memsz)));
        base..base.wrapping_add(end.max().unwrap_or(0))
    }

    /// The address of its default version of a symbol.
    pub(crate) fn symbol(self, name: &CStr) -> Option<usize> {
        let table = Table {
            hash: core::ptr::with_exposed_provenance(self.table(DT_GNU_HASH)?),
            symbols: core::ptr::with_exposed_provenance(self.table(DT_SYMTAB)?),
            strings: core::ptr::with_exposed_provenance(self.table(DT_STRTAB)?),
            versions: core::ptr::with_exposed_provenance(self.table(DT_VERSYM)?),
        };
        let value = table.find(name)?;
        Some(self.map.base.wrapping_add(value))
    }
}

/// The tables of an object for looking symbols up (the GNU hash table).
struct Table {
    hash: *const u32,
    symbols: *const Symbol,
    strings: *const c_char,
    versions: *const u16,
}

impl Table {
    fn word(&self, place: usize) -> usize {
        // SAFETY: the hash table is mapped, and the places come from its own header.
        (unsafe { self.hash.wrapping_add(place).read() }) as usize
    }

    fn find(&self, name: &CStr) -> Option<usize> {
        let hash = name
            .to_bytes()
            .iter()
            .fold(5381_u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)));
        let (buckets, first, bloom) = (self.word(0), self.word(1), self.word(2));
        // The Bloom filter has words of 64 bits.
        let start = bloom.wrapping_mul(2).wrapping_add(4);
        let bucket = (hash as usize).checked_rem(buckets)?;
        let mut index = self.word(start.wrapping_add(bucket));
        if index < first {
            return None;
        }
        let chains = start.wrapping_add(buckets);
        loop {
            let found = self.word(chains.wrapping_add(index.wrapping_sub(first)));
            if (found | 1) == (hash as usize | 1) && self.is_default(index, name) {
                // SAFETY: the index comes from the object's own hash table.
                let symbol = unsafe { self.symbols.wrapping_add(index).read() };
                return Some(symbol.value);
            }
            if found & 1 == 1 {
                return None;
            }
            index = index.wrapping_add(1);
        }
    }

    /// Whether a symbol is defined under that name, in the version that a program is linked to.
    fn is_default(&self, index: usize, name: &CStr) -> bool {
        // SAFETY: the index comes from the object's own hash table.
        let symbol = unsafe { self.symbols.wrapping_add(index).read() };
        // SAFETY: there is a version for each symbol; the high bit hides a superseded one.
        let hidden = unsafe { self.versions.wrapping_add(index).read() } & 0x8000 != 0;
        if hidden || symbol.section == 0 {
            return false;
        }
        let text = self.strings.wrapping_add(symbol.name as usize);
        // SAFETY: the string table's strings end with NUL.
        unsafe { CStr::from_ptr(text) == name }
    }
}
