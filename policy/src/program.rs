//! What kind of program a file is, read from its bytes as the kernel and ld.so read them.
//!
//! The launcher asks before it starts a worker, the shim at every exec: only a program into which
//! ld.so loads the shim can be fenced. Nothing here allocates, panics or trusts a length that the
//! file gives; a file that cannot be understood is never called fenceable.

mod elf;
mod script;

use self::elf::Elf;
use self::script::script;

/// The places where distributions keep glibc's dynamic loader.
const LOADERS: [&[u8]; 6] = [
    b"/lib64/ld-linux-x86-64.so.2",
    b"/usr/lib64/ld-linux-x86-64.so.2",
    b"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    b"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    b"/lib/ld-linux-x86-64.so.2",
    b"/usr/lib/ld-linux-x86-64.so.2",
];

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

#[cfg(test)]
mod tests;
