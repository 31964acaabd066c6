//! The library's symbols: what it exports is the hook table, what it imports is nearly nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::artifacts;

/// What the library takes from other objects. Whatever else an executable or another preload
/// exports under a name that we import would be called by us.
const IMPORTS: [&str; 7] = [
    // Where errno is: a word of the thread's, without state.
    "__errno_location",
    // The start of the first stack: ld.so's variable, from which arming finds the program.
    "__libc_stack_end",
    // The environment of calls such as execv, which is wherever the program has put it.
    "environ",
    // Weak references that the linker's start files make; none is called while a program runs.
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
    "__cxa_finalize",
    "__gmon_start__",
];

/// Rows of the data that are no hooks, each with its reason.
const NO_HOOKS: &[(&str, &str)] =
    &[("uselib", "the kernel has no such call on x86-64 any more: ENOSYS, whoever asks")];

/// The names of a dynamic symbol table, without their versions.
fn names(library: &Path, which: &str) -> BTreeSet<String> {
    let output = Command::new("nm").args(["-D", "-P", which]).arg(library).output();
    let output = output.expect("binutils has nm");
    assert!(output.status.success(), "nm: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("symbols are ASCII");
    let names = text.lines().filter_map(|line| line.split(['@', ' ']).next());
    // A version's own symbol is no function.
    names.filter(|name| !name.starts_with("GLIBC_")).map(str::to_owned).collect()
}

/// The functions among a library's symbols: those of the text, weak ones, and those that ld.so chooses
/// an implementation for.
fn functions(library: &Path) -> BTreeSet<String> {
    let output = Command::new("nm").args(["-D", "-P", "--defined-only"]).arg(library).output();
    let output = output.expect("binutils has nm");
    assert!(output.status.success(), "nm: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("symbols are ASCII");
    let symbols = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?, words.next()?))
    });
    let functions = symbols.filter(|(_, kind)| matches!(*kind, "T" | "W" | "i"));
    functions.map(|(name, _)| name.split('@').next().unwrap_or(name).to_owned()).collect()
}

/// What the data say of functions that are no hooks: their reasons, by their names.
fn reasons() -> BTreeMap<&'static str, &'static str> {
    let mut reasons: BTreeMap<_, _> = NO_HOOKS.iter().copied().collect();
    let rows = include_str!("../data/libc-symbols.tsv").lines();
    for row in rows.filter(|row| !row.starts_with('#')) {
        if let [name, _, "ignore", why] = row.split('\t').collect::<Vec<_>>()[..] {
            assert_eq!(reasons.insert(name, why), None, "{name} has two reasons");
        }
    }
    let mut why = "";
    for line in include_str!("../data/libc-exports.txt").lines() {
        match line.strip_prefix("= ") {
            Some(reason) => why = reason,
            None if line.starts_with('#') => {}
            None => {
                for name in line.split(' ').filter(|name| !name.is_empty()) {
                    assert!(!why.is_empty(), "{name} stands under a reason");
                    assert_eq!(reasons.insert(name, why), None, "{name} has two reasons");
                }
            }
        }
    }
    reasons
}

/// The hooks that the shim's sources declare.
fn table() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("the shim's sources") {
            let path = entry.expect("the shim's sources").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.extend(declared(&fs::read_to_string(path).expect("a source file")));
            }
        }
    }
    found
}

/// The rows of a source file: `symbol(arguments) -> return, deny (…) => act` of the table,
/// `symbol touches …, refused …` of the gates, and the doors: `list! { symbol… }`.
fn declared(source: &str) -> Vec<String> {
    let rows = source.lines().filter(|line| line.contains(" -> ") && line.contains(", deny ("));
    let mut names: Vec<String> = rows
        .filter_map(|row| row.trim_start().split_once('('))
        .map(|(name, _)| name.to_owned())
        .filter(|name| {
            !name.is_empty() && !name.contains(|c: char| c != '_' && !c.is_alphanumeric())
        })
        .collect();
    let gates = source.lines().filter_map(|line| line.trim_start().split_once(" touches "));
    let gates = gates.filter(|(_, row)| row.contains(", refused ")).map(|(name, _)| name);
    // Not the pattern of the macro, which reads like a row.
    names.extend(gates.filter(|name| !name.contains('$')).map(str::to_owned));
    // Doors to functions that are written elsewhere.
    let elsewhere = source.lines().filter_map(|line| line.split_once(" => doors::"));
    names.extend(elsewhere.map(|(name, _)| name.trim().to_owned()));
    for list in source.split("\nlist! {").skip(1) {
        let list = list.split_once('}').expect("a list ends").0;
        names.extend(list.split_whitespace().map(str::to_owned));
    }
    // What a macro's own definition says is no row.
    names.retain(|name| name.chars().all(|c| c == '_' || c.is_alphanumeric()));
    names
}

/// The objects that this process has mapped under these names.
fn mapped(name: &str) -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").expect("a process has a map");
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).map(Path::new);
    let mut found = paths.filter(|path| path.file_name().is_some_and(|file| file == name));
    found.next().unwrap_or_else(|| panic!("{name} is mapped")).to_owned()
}

#[test]
fn what_is_exported_is_the_hook_table() {
    let exported = names(&artifacts().library, "--defined-only");
    let table = table();
    assert!(table.len() > 70, "the sources are read: {table:?}");
    let surplus: Vec<_> = exported.difference(&table).collect();
    assert!(surplus.is_empty(), "exported, but no row of the table: {surplus:?}");
    let missing: Vec<_> = table.difference(&exported).collect();
    assert!(missing.is_empty(), "a row of the table, but not exported: {missing:?}");
}

#[test]
fn every_hook_is_a_symbol_of_the_running_libc() {
    let mut libc = names(&mapped("libc.so.6"), "--defined-only");
    libc.extend(names(&mapped("ld-linux-x86-64.so.2"), "--defined-only"));
    assert!(libc.contains("openat") && libc.contains("_dl_mcount"), "both are read");
    let table = table();
    // What a Java machine defines, and its own libraries call.
    let is_machines = |name: &str| {
        ["JVM_", "JNI_CreateJavaVM", "Java_"].iter().any(|known| name.starts_with(known))
    };
    let unknown: Vec<_> = table.difference(&libc).filter(|name| !is_machines(name)).collect();
    assert!(unknown.is_empty(), "nobody calls these: {unknown:?}");
}

#[test]
fn every_function_of_the_running_libc_is_a_hook_or_has_a_reason() {
    let libc = mapped("libc.so.6");
    let mut exported = functions(&libc);
    assert!(exported.len() > 2_000 && exported.contains("memcpy"), "libc's symbols are read");
    for other in ["libpthread.so.0", "librt.so.1", "libdl.so.2"] {
        // Empty since glibc 2.34, and not everywhere any more.
        let other = libc.with_file_name(other);
        if other.exists() {
            let found = functions(&other);
            exported.extend(found.into_iter().filter(|name| !name.ends_with("_placeholder")));
        }
    }
    let (table, reasons) = (table(), reasons());
    let both: Vec<_> = reasons.keys().filter(|name| table.contains(**name)).collect();
    assert!(both.is_empty(), "these are hooks and need no reason: {both:?}");
    let unknown: Vec<_> = exported
        .iter()
        .filter(|name| !table.contains(*name) && !reasons.contains_key(name.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "this libc has functions that nobody has looked at: {unknown:?}\n\
         for each, read what it does: if it opens, changes, inspects or lists a place, starts a \
         program or a thread, or gives names another meaning, it needs a row in shim/src/hooks.rs, \
         doors.rs or gates.rs; else put it under its reason in tests/data/libc-exports.txt"
    );
}

#[test]
fn nearly_nothing_is_imported() {
    let imported = names(&artifacts().library, "--undefined-only");
    let listed = IMPORTS.map(str::to_owned).into();
    let surplus: Vec<_> = imported.difference(&listed).collect();
    assert!(surplus.is_empty(), "another object may define these: {surplus:?}");
    assert!(imported.contains("__errno_location"), "the table is read");
}

#[test]
fn nothing_that_is_imported_is_hooked() {
    let imported = names(&artifacts().library, "--undefined-only");
    let table = table();
    let both: Vec<_> = imported.intersection(&table).collect();
    assert!(both.is_empty(), "a hook would call itself: {both:?}");
}

#[test]
fn every_symbol_that_opens_or_looks_is_a_hook_or_has_a_reason() {
    let data = include_str!("../data/libc-symbols.tsv");
    let rows: Vec<Vec<&str>> = data
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect())
        .collect();
    assert!(rows.len() > 90, "the data are read");
    let table = table();
    let reasons: BTreeMap<_, _> = NO_HOOKS.iter().copied().collect();
    let mut missing = Vec::new();
    for row in &rows {
        let [name, _, todo, _] = row[..] else { panic!("four columns: {row:?}") };
        match (todo, table.contains(name), reasons.contains_key(name)) {
            ("hook" | "refuse", false, false) => missing.push(name),
            ("hook" | "refuse", true, true) => panic!("{name} is a hook and needs no reason"),
            ("hook" | "refuse" | "ignore", ..) => {}
            _ => panic!("what is to be done with {name}?"),
        }
    }
    assert!(missing.is_empty(), "neither a hook nor a reason: {missing:?}");
    let stale: Vec<_> =
        reasons.keys().filter(|name| !rows.iter().any(|row| row[0] == **name)).collect();
    assert!(stale.is_empty(), "reasons for no row: {stale:?}");
}
