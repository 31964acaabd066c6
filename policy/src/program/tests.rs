extern crate std;

use std::fs;
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::{Interpreter, LoaderOption, Program, Script, classify};

const GLIBC: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";

/// The entries of a dynamic section, tag and value, and the strings behind them.
type Dynamic = (Vec<(u64, u64)>, Vec<u8>);

/// A small ELF file: one segment that holds the whole file at its own offset, an optional
/// interpreter, an optional dynamic section with the given entries and strings.
struct Maker {
    ident: [u8; 2],
    kind: u16,
    machine: u16,
    interpreter: Option<Vec<u8>>,
    dynamic: Option<Dynamic>,
    /// Segments of notes, by their alignment.
    notes: Vec<(u64, Vec<u8>)>,
    /// The bytes between the file header and the program headers.
    gap: usize,
}

impl Maker {
    fn dynamic() -> Self {
        let entries = std::vec![(1, 0), (0, 0)];
        Self {
            ident: [2, 1],
            kind: 3,
            machine: 62,
            interpreter: Some(GLIBC.to_vec()),
            dynamic: Some((entries, b"\0".to_vec())),
            notes: Vec::new(),
            gap: 0,
        }
    }

    fn loader(name: &[u8]) -> Self {
        let strings = [b"\0", name, b"\0"].concat();
        let dynamic = Some((std::vec![(14, 1), (5, u64::MAX), (0, 0)], strings));
        Self { interpreter: None, dynamic, ..Self::dynamic() }
    }

    fn bytes(&self) -> Vec<u8> {
        let count = 1 + u16::from(self.interpreter.is_some()) + u16::from(self.dynamic.is_some());
        let count = count + u16::try_from(self.notes.len()).unwrap();
        let table = 64 + self.gap;
        let mut tail = table + 56 * usize::from(count);
        let mut body = Vec::new();
        let mut headers = Vec::new();
        if let Some(text) = &self.interpreter {
            headers.push((3u32, tail, text.len(), 8));
            body.extend(text);
            tail += text.len();
        }
        if let Some((entries, strings)) = &self.dynamic {
            let strings_at = (tail + entries.len() * 16) as u64;
            headers.push((2, tail, entries.len() * 16, 8));
            for &(tag, value) in entries {
                body.extend(tag.to_le_bytes());
                body.extend(if value == u64::MAX { strings_at } else { value }.to_le_bytes());
            }
            body.extend(strings);
            tail += entries.len() * 16 + strings.len();
        }
        for (alignment, notes) in &self.notes {
            headers.push((4, tail, notes.len(), *alignment));
            body.extend(notes);
            tail += notes.len();
        }
        headers.insert(0, (1, 0, tail, 8));
        let mut file = Vec::new();
        file.extend(b"\x7fELF");
        file.extend(self.ident);
        file.resize(16, 0);
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.extend((table as u64).to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.extend(0u32.to_le_bytes());
        for half in [64, 56, count, 0, 0, 0] {
            file.extend(half.to_le_bytes());
        }
        file.resize(table, 0);
        for (kind, offset, size, alignment) in headers {
            file.extend(kind.to_le_bytes());
            file.extend(5u32.to_le_bytes());
            // Loaded elsewhere than it lies in the file, so that the two cannot be mistaken.
            for value in [offset, offset, offset, size, size] {
                file.extend((value as u64).to_le_bytes());
            }
            file.extend(alignment.to_le_bytes());
        }
        file.extend(body);
        file
    }
}

/// Classifies with a head of `head` bytes and reads the rest in pieces of at most `piece`.
fn classify_in_pieces(file: &[u8], head: usize, piece: usize) -> std::string::String {
    let mut more = |offset: u64, into: &mut [u8]| {
        let rest = usize::try_from(offset).ok().and_then(|at| file.get(at..)).unwrap_or_default();
        let got = rest.len().min(into.len()).min(piece);
        into[..got].copy_from_slice(&rest[..got]);
        got
    };
    std::format!("{:?}", classify(&file[..head.min(file.len())], &mut more))
}

fn kind(file: &[u8]) -> String {
    let whole = classify_in_pieces(file, file.len(), 0);
    assert_eq!(whole, classify_in_pieces(file, 256, 7), "a short head and reads in pieces differ");
    whole
}

fn script(head: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    match classify(head, &mut |_, _| 0) {
        Program::Script(Script { interpreter, argument }) => Some((interpreter, argument)),
        Program::Neither => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_script_names_its_interpreter_and_one_argument() {
    let sh = &b"/bin/sh"[..];
    assert_eq!(script(b"#!/bin/sh\n"), Some((sh, None)));
    assert_eq!(script(b"#! \t/bin/sh \t\n"), Some((sh, None)));
    assert_eq!(script(b"#!/bin/sh -e x\t \nls\n"), Some((sh, Some(&b"-e x"[..]))));
    assert_eq!(script(b"#!/bin/sh"), Some((sh, None)), "the end of the file ends the line");
    assert_eq!(script(b"#!/bin/sh\0x\n"), Some((sh, None)), "so does a NUL");
    assert_eq!(script(b"#!sh\n"), Some((&b"sh"[..], None)), "a relative name stays one");
}

#[test]
fn a_line_without_an_interpreter_is_no_script() {
    for head in [&b"#!\n/bin/sh\n"[..], b"#!", b"#!  \t\n", b"#", b"", b" #!/bin/sh\n", b"echo\n"] {
        assert_eq!(script(head), None, "{}", head.escape_ascii());
    }
}

#[test]
fn a_cut_interpreter_is_never_run_and_a_cut_argument_is() {
    let line = |name: usize, rest: &str| {
        let name = "n".repeat(name);
        std::format!("#!/{name}{rest}").into_bytes()
    };
    // 256 bytes: "#!/" and 252 bytes of name leave one for the newline.
    assert_eq!(script(&line(252, "\nmore")).map(|found| found.0.len()), Some(253));
    assert_eq!(script(&line(253, "\nmore")), None, "the newline is past the 256 bytes");
    assert_eq!(script(&line(252, " more")).map(|found| found.1), Some(None));
    assert_eq!(script(&line(250, " xyz\n")).map(|found| found.1), Some(Some(&b"x"[..])));
    assert_eq!(script(&line(247, " xyz  \n")).map(|found| found.1), Some(Some(&b"xyz"[..])));
}

#[test]
fn a_dynamic_program_gives_its_loader() {
    assert_eq!(
        kind(&Maker::dynamic().bytes()),
        r#"Dynamic(Interpreter(b"/lib64/ld-linux-x86-64.so.2"))"#
    );
    let musl =
        Maker { interpreter: Some(b"/lib/ld-musl-x86_64.so.1\0".to_vec()), ..Maker::dynamic() };
    assert_eq!(kind(&musl.bytes()), r#"Dynamic(Interpreter(b"/lib/ld-musl-x86_64.so.1"))"#);
    let exec = Maker { kind: 2, dynamic: None, ..Maker::dynamic() };
    assert!(kind(&exec.bytes()).starts_with("Dynamic"));
    let far = Maker { gap: 5_000, ..Maker::dynamic() };
    assert!(kind(&far.bytes()).starts_with("Dynamic"), "headers beyond the head are read");
}

#[test]
fn only_the_places_of_glibc_are_known_loaders() {
    let named = |path: &[u8]| {
        let mut bytes = [0; 256];
        bytes[..path.len()].copy_from_slice(path);
        Interpreter { bytes, length: path.len() }
    };
    assert!(named(b"/lib64/ld-linux-x86-64.so.2").is_known());
    for path in
        [&b"/tmp/ld-linux-x86-64.so.2"[..], b"ld-linux-x86-64.so.2", b"/lib/ld-musl-x86_64.so.1"]
    {
        assert!(!named(path).is_known(), "{}", path.escape_ascii());
    }
}

#[test]
fn a_program_without_a_loader_is_static_unless_it_is_the_loader() {
    assert_eq!(kind(&Maker::loader(b"ld-linux-x86-64.so.2").bytes()), "Loader");
    for name in [&b"ld-linux-x86-64.so.20"[..], b"ld-musl-x86_64.so.1", b"", b"libc.so.6"] {
        assert_eq!(kind(&Maker::loader(name).bytes()), "Static", "{}", name.escape_ascii());
    }
    let bare = Maker { interpreter: None, dynamic: None, ..Maker::dynamic() };
    assert_eq!(kind(&bare.bytes()), "Static");
    let unnamed = Maker { interpreter: None, ..Maker::dynamic() };
    assert_eq!(kind(&unnamed.bytes()), "Static", "static and position independent");
}

#[test]
fn an_audit_library_is_seen() {
    for tag in [0x6fff_fefb, 0x6fff_fefc] {
        let dynamic = Some((std::vec![(tag, 1), (0, 0)], b"\0x\0".to_vec()));
        assert_eq!(kind(&Maker { dynamic, ..Maker::dynamic() }.bytes()), "Audited");
    }
}

/// A note as linkers write it.
fn note(owner: &[u8], kind: u32, description: &[u8], alignment: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [owner.len(), description.len(), kind as usize] {
        bytes.extend(u32::try_from(number).unwrap().to_le_bytes());
    }
    bytes.extend(owner);
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
    bytes.extend(description);
    bytes.resize(bytes.len().next_multiple_of(alignment), 0);
    bytes
}

#[test]
fn what_go_s_linker_made_is_seen_by_its_note() {
    let build = note(b"GNU\0", 3, &[7; 20], 4);
    let property = note(b"GNU\0", 5, &[7; 12], 8);
    let go = note(b"Go\0\0", 4, &[b'x'; 83], 4);
    let other = note(b"Go\0\0", 5, b"", 4);
    let with = |notes: &[(u64, &[&[u8]])]| {
        let notes = notes.iter().map(|(alignment, notes)| (*alignment, notes.concat())).collect();
        kind(&Maker { notes, ..Maker::dynamic() }.bytes())
    };
    let dynamic = kind(&Maker::dynamic().bytes());
    for notes in [
        &[(4, &[&go[..]][..])][..],
        &[(8, &[&property[..]]), (4, &[&build, &go])],
        &[(4, &[&build, &other, &go, &build])],
    ] {
        assert_eq!(with(notes), "Go", "{notes:?}");
    }
    let cut = &go[..14];
    let endless = &[0xff; 40][..];
    for notes in [
        &[(4, &[&build[..], &other][..])][..],
        &[(8, &[&property])],
        &[(4, &[cut])],
        &[(4, &[endless, &go])],
        &[(4, &[])],
    ] {
        assert_eq!(with(notes), dynamic, "{notes:?}");
    }
    let without_loader = Maker { interpreter: None, notes: std::vec![(4, go)], ..Maker::dynamic() };
    assert_eq!(kind(&without_loader.bytes()), "Static");
}

#[test]
fn other_classes_and_machines_are_told_apart() {
    for ident in [[1, 1], [2, 2], [0, 0]] {
        assert_eq!(kind(&Maker { ident, ..Maker::dynamic() }.bytes()), "OtherClass");
    }
    assert_eq!(kind(&Maker { machine: 183, ..Maker::dynamic() }.bytes()), "OtherMachine(183)");
}

#[test]
fn what_no_kernel_runs_is_damaged() {
    let whole = Maker::dynamic().bytes();
    assert_eq!(kind(&Maker { kind: 1, ..Maker::dynamic() }.bytes()), "Damaged", "an object file");
    for length in 4..whole.len() - 1 {
        assert_eq!(kind(&whole[..length]), "Damaged", "cut to {length} bytes");
    }
    let open = Some(b"/lib64/ld-linux-x86-64.so.2".to_vec());
    assert_eq!(kind(&Maker { interpreter: open, ..Maker::dynamic() }.bytes()), "Damaged");
    let endless = Some((std::vec![(1, 0)], Vec::new()));
    assert_eq!(kind(&Maker { dynamic: endless, ..Maker::dynamic() }.bytes()), "Damaged");
}

#[test]
fn the_programs_of_this_machine_are_understood() {
    let own = fs::read(std::env::current_exe().unwrap()).unwrap();
    let mut more = |offset: u64, into: &mut [u8]| {
        let rest = own.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let got = rest.len().min(into.len());
        into[..got].copy_from_slice(&rest[..got]);
        got
    };
    let Program::Dynamic(interpreter) = classify(&own[..1024], &mut more) else {
        panic!("the test program itself is dynamic");
    };
    assert!(interpreter.is_known(), "{interpreter:?}");
    let loader = Path::new(str::from_utf8(interpreter.path()).unwrap());
    assert_eq!(kind(&fs::read(loader).unwrap()), "Loader");
}

#[test]
fn an_option_of_the_loader_that_is_not_known_is_refused() {
    assert_eq!(LoaderOption::of(b"--audit"), LoaderOption::Refused);
    assert_eq!(LoaderOption::of(b"--preload=x"), LoaderOption::Refused);
    assert_eq!(LoaderOption::of(b"--"), LoaderOption::Refused);
    assert_eq!(LoaderOption::of(b"--preload"), LoaderOption::Libraries);
    assert_eq!(LoaderOption::of(b"--library-path"), LoaderOption::Directories);
    assert_eq!(LoaderOption::of(b"--inhibit-cache"), LoaderOption::Flag);
    assert_eq!(LoaderOption::of(b"-x"), LoaderOption::Program);
    assert_eq!(LoaderOption::of(b"/bin/cat"), LoaderOption::Program);
}

proptest! {
    #[test]
    fn damaged_programs_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        loader in any::<bool>(),
        head in 0usize..700,
        piece in 1usize..100,
    ) {
        let maker =
            if loader { Maker::loader(b"ld-linux-x86-64.so.2") } else { Maker::dynamic() };
        let mut file = maker.bytes();
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        classify_in_pieces(&file, head, piece);
    }

    #[test]
    fn any_bytes_never_panic(
        tail in proptest::collection::vec(any::<u8>(), 0..400),
        elf in any::<bool>(),
    ) {
        let start: &[u8] = if elf { b"\x7fELF\x02\x01" } else { b"#!" };
        classify_in_pieces(&[start, &tail].concat(), 256, 16);
    }
}
