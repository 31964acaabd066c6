//! The functions that an object exports: which of them an address of its code lies in.
//!
//! Names are found out of the table that ld.so binds by (`.dynsym`), which no stripping removes. What
//! is not in it has no name here: static functions, the parts of a function that a compiler moved
//! elsewhere, and what a function that is chosen when it is bound (an IFUNC) comes to.

use core::ops::Range;

use super::maps::Object;

/// The most bytes of a symbol's name that are looked at; C++ writes long ones. What is longer is a
/// function without a name that a rule could have.
const LONGEST_SYMBOL: usize = 1024;

/// More symbols than any library exports.
const MOST: usize = 1 << 20;

const DT_HASH: usize = 4;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_GNU_HASH: usize = 0x6fff_fef5;

const STT_NOTYPE: u8 = 0;
const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;

/// The table of an object.
pub(super) struct Exports<'a> {
    object: &'a Object,
    /// What to add to an address of the object's file.
    bias: usize,
    symbols: usize,
    strings: usize,
    /// The numbers of those that it defines.
    numbers: Range<usize>,
}

impl<'a> Exports<'a> {
    /// `None` for an object without such a table, or with one that contradicts itself.
    pub(super) fn of(object: &'a Object) -> Option<Self> {
        let (bias, found) = object.dynamic([DT_SYMTAB, DT_STRTAB, DT_GNU_HASH, DT_HASH])?;
        let [symbols, strings, gnu_hash, hash] =
            found.map(|value| value.map(|value| object.relocated(bias, value)));
        let numbers = match (gnu_hash, hash) {
            (Some(table), _) => hashed(object, table)?,
            (None, Some(table)) => 0..object.value::<[u32; 2]>(table)?[1] as usize,
            (None, None) => return None,
        };
        let numbers = Some(numbers).filter(|numbers| numbers.end <= MOST)?;
        Some(Self { object, bias, symbols: symbols?, strings: strings?, numbers })
    }

    /// Names each function that the address lies in: several where one is another's alias.
    /// Answers the addresses around it, in the mapping that the object was asked for by, of which
    /// the same holds.
    pub(super) fn around(&self, address: usize, mut name: impl FnMut(&[u8])) -> Range<usize> {
        let mut around = self.object.mapped();
        for number in self.numbers.clone() {
            let Some((text, function)) = self.function(number) else { continue };
            for edge in [function.start, function.end] {
                if edge <= address {
                    around.start = around.start.max(edge);
                } else {
                    around.end = around.end.min(edge);
                }
            }
            if function.contains(&address) {
                name(self.object.text(text, LONGEST_SYMBOL).unwrap_or_default());
            }
        }
        around
    }

    /// Where the name and the code of a symbol lie, if it is a function that is defined here. One
    /// without a size covers nothing.
    fn function(&self, number: usize) -> Option<(usize, Range<usize>)> {
        let size = size_of::<libc::Elf64_Sym>();
        let symbol: libc::Elf64_Sym =
            self.object.value(self.symbols.checked_add(number.checked_mul(size)?)?)?;
        let is_function = matches!(symbol.st_info & 0xf, STT_NOTYPE | STT_FUNC | STT_GNU_IFUNC);
        if symbol.st_shndx == 0 || !is_function {
            return None;
        }
        let start = self.bias.wrapping_add(usize::try_from(symbol.st_value).ok()?);
        let end = start.checked_add(usize::try_from(symbol.st_size).ok()?)?;
        let text = self.strings.checked_add(usize::try_from(symbol.st_name).ok()?)?;
        Some((text, start..end))
    }
}

/// The numbers of the symbols that a GNU hash table has: all that can be bound to. It does not say
/// how many they are; the last one stands at the end of the last chain.
fn hashed(object: &Object, table: usize) -> Option<Range<usize>> {
    let [buckets, first, bloom, _] = object.value::<[u32; 4]>(table)?.map(|word| word as usize);
    if buckets > MOST || bloom > MOST {
        return None;
    }
    let start = table.checked_add(bloom.checked_mul(8)?.checked_add(16)?)?;
    let word = |number: usize| -> Option<usize> {
        let place = start.checked_add(number.checked_mul(4)?)?;
        object.value::<u32>(place).map(|word| word as usize)
    };
    let mut last = 0;
    for bucket in 0..buckets {
        last = last.max(word(bucket)?);
    }
    // An empty bucket is 0.
    let Some(mut chain) = last.checked_sub(first) else { return Some(first..first) };
    while word(buckets.checked_add(chain)?)? & 1 == 0 {
        chain = chain.checked_add(1).filter(|chain| *chain < MOST)?;
    }
    Some(first..first.checked_add(chain)?.checked_add(1)?)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::fn_to_numeric_cast_any,
    reason = "a test"
)]
mod tests {
    use super::super::maps;
    use super::*;

    /// The names of the exported functions around an address, and whether those around it are the
    /// same.
    fn names(address: usize) -> Vec<String> {
        let found = maps::find(address, |object| {
            let exports = Exports::of(object.expect("a file"))?;
            let at = |address| {
                let mut names = Vec::new();
                let range = exports.around(address, |name| names.push(name.to_vec()));
                assert!(range.contains(&address));
                (names, range)
            };
            let (names, range) = at(address);
            assert_eq!(at(range.start), (names.clone(), range.clone()));
            assert_eq!(at(range.end.checked_sub(1)?), (names.clone(), range));
            Some(names)
        });
        let names = found.expect("it is mapped").expect("it has a table");
        names.into_iter().map(|name| String::from_utf8(name).expect("ASCII")).collect()
    }

    #[test]
    fn an_address_lies_in_all_the_names_of_its_function() {
        let mut found = names(libc::open as *const () as usize + 3);
        found.sort();
        assert_eq!(found, ["__open", "__open64", "open", "open64"]);
        assert_eq!(names(libc::getpid as *const () as usize), ["__getpid", "getpid"]);
    }

    #[test]
    fn a_function_that_is_not_exported_has_no_name() {
        assert!(
            names(a_function_that_is_not_exported_has_no_name as *const () as usize).is_empty()
        );
    }
}
