//! Whether a program that is about to start can be fenced: ld.so must load the shim into it.
//!
//! A file is looked at through a descriptor that holds it: which kind of program it is
//! ([`ringfence_policy::program`]), and whether the kernel would start it with rights or in a
//! mode in which ld.so drops the shim. A script is followed to its interpreter, the dynamic
//! loader run as a program to the program that it starts. What cannot be fenced is refused with
//! EACCES, never ENOEXEC: a shell answers that by running the file itself.

use core::ffi::{CStr, c_int};

use ringfence_policy::Access;
use ringfence_policy::program::{Interpreter, LoaderOption, Program, classify};

use super::vector::Vector;
use crate::arm::State;
use crate::place::{self, Decimal, Goal};
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno, How, process};
use crate::table;
use crate::text::{PATH_MAX, Text};

/// The interpreters that one script may lead through, as in the kernel.
const DEEPEST: u32 = 4;
/// What is read of a file at once: more than the kernel's part of a `#!` line, and in nearly
/// every program all its headers.
const HEAD: usize = 1024;
/// The longest interpreter's name that a head can hold.
const NAME: usize = 256;

/// A file that may be executed, held until it is started.
pub(crate) struct Held {
    pub(crate) fd: c_int,
    /// It may not be read: a descriptor by which it can be must show to no other thread.
    pub(crate) secret: bool,
}

impl Held {
    /// Holds what `goal` lets through; `text` has its place then.
    ///
    /// # Errors
    /// EACCES with a report for a refusal, else what the kernel answers.
    pub(crate) fn at(
        state: &State,
        dir: c_int,
        path: &[&[u8]],
        goal: &Goal,
        text: &mut Text,
    ) -> Answer<Self> {
        let fd = place::open_parts(state, dir, path, goal, text)?;
        Ok(Self::new(state, fd, text))
    }

    /// As [`Held::at`], of a text that is absolute already.
    ///
    /// # Errors
    /// As [`Held::at`].
    pub(crate) fn by_text(state: &State, goal: &Goal, text: &mut Text) -> Answer<Self> {
        let fd = place::open_text(state, goal, text)?;
        Ok(Self::new(state, fd, text))
    }

    fn new(state: &State, fd: c_int, text: &Text) -> Self {
        let secret = state.image.decide(text.bytes()).refuses(Access::READ).is_some();
        Self { fd, secret }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        sys::close(self.fd);
    }
}

/// A file to be looked into.
#[derive(Clone, Copy)]
pub(crate) struct File {
    pub(crate) fd: c_int,
    /// As [`Held::secret`].
    pub(crate) secret: bool,
}

impl From<&Held> for File {
    fn from(held: &Held) -> Self {
        Self { fd: held.fd, secret: held.secret }
    }
}

/// How a program that can be fenced is to be started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// By its descriptor: an ELF program.
    Binary,
    /// By its path, which the kernel hands to the interpreter.
    Script,
    /// Not by the kernel: it is neither.
    Shell,
}

/// What the look at one file found.
enum Found {
    /// A program that the shim can enter.
    Fenceable,
    /// One that can be entered if the file that it names is glibc's dynamic loader.
    By([u8; NAME], usize),
    /// A script and its interpreter's name.
    Script([u8; NAME], usize),
    /// The dynamic loader.
    Loader,
    /// Neither ELF nor `#!`.
    Neither,
}

/// Says how to start a program, if it can be fenced.
///
/// # Errors
/// EACCES with a report where it cannot be, or may not be executed; ELOOP for interpreters of
/// interpreters past the kernel's count; what the kernel answers for an interpreter.
pub(crate) fn examine(
    state: &State,
    call: Call,
    file: File,
    arguments: Vector<'_>,
) -> Answer<Start> {
    let fd = file.fd;
    match look(state, call, file)? {
        Found::Fenceable => Ok(Start::Binary),
        Found::By(name, length) => {
            check_loader(state, call, fd, name.get(..length).unwrap_or_default())?;
            Ok(Start::Binary)
        }
        Found::Loader => {
            check_loaded(state, call, fd, arguments)?;
            Ok(Start::Binary)
        }
        Found::Script(name, length) => {
            check_interpreter(state, call, fd, name.get(..length).unwrap_or_default())?;
            Ok(Start::Script)
        }
        Found::Neither => Ok(Start::Shell),
    }
}

/// Follows a script to the program that runs it; what that is must be fenceable.
fn check_interpreter(state: &State, call: Call, script: c_int, name: &[u8]) -> Answer<()> {
    let mut name = Name::new(name);
    for _ in 0..DEEPEST {
        let held = hold(state, call, name.bytes(), Access::EXECUTE)?;
        let found = look(state, call, File::from(&held))?;
        match &found {
            Found::By(loader, length) => {
                check_loader(state, call, held.fd, loader.get(..*length).unwrap_or_default())?;
            }
            // Its arguments would be the script's line and the caller's: nobody writes that.
            Found::Loader => refuse(state, call, script, Reason::LoaderArguments)?,
            // The kernel runs no program but ELF and scripts.
            Found::Neither => return Err(Errno::ENOEXEC),
            Found::Fenceable | Found::Script(..) => {}
        }
        match found {
            Found::Script(next, length) => name = Name { bytes: next, length },
            Found::Fenceable | Found::By(..) | Found::Loader | Found::Neither => return Ok(()),
        }
    }
    Err(Errno::ELOOP)
}

struct Name {
    bytes: [u8; NAME],
    length: usize,
}

impl Name {
    /// A name that fits, as those of a head do.
    fn new(name: &[u8]) -> Self {
        let mut bytes = [0; NAME];
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = *from;
        }
        Self { bytes, length: name.len().min(NAME) }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A loader at an unusual place must be glibc's by its content.
fn check_loader(state: &State, call: Call, program: c_int, name: &[u8]) -> Answer<()> {
    let held = hold(state, call, name, Access::EXECUTE)?;
    match read(File::from(&held), |head, more| classify(head, more) == Program::Loader) {
        Ok(true) => Ok(()),
        _ => refuse(state, call, program, Reason::OtherLibc),
    }
}

/// Judges the arguments of the dynamic loader run as a program, and what it is to start.
fn check_loaded(state: &State, call: Call, loader: c_int, arguments: Vector<'_>) -> Answer<()> {
    let mut arguments = arguments.texts().skip(1);
    let mut only_look = false;
    let loads = Access::READ.with(Access::EXECUTE);
    while let Some(argument) = arguments.next() {
        let option = LoaderOption::of(argument.to_bytes());
        let parts: &[u8] = match option {
            LoaderOption::Flag => continue,
            LoaderOption::Look => {
                only_look = true;
                continue;
            }
            LoaderOption::Refused => {
                return refuse(state, call, loader, Reason::LoaderArguments);
            }
            LoaderOption::Program => {
                return check_started(state, call, loader, argument, only_look);
            }
            LoaderOption::Text => b"",
            LoaderOption::Directories => b":;",
            LoaderOption::Libraries => b": ",
        };
        let value = arguments.next().unwrap_or_default().to_bytes();
        if parts.is_empty() {
            continue;
        }
        for name in value.split(|byte| parts.contains(byte)).filter(|name| name.contains(&b'/')) {
            judge(state, call, name, loads)?;
        }
    }
    // Without a program it prints its help.
    Ok(())
}

/// Judges what ld.so opens: what is not there is no matter of ours.
fn judge(state: &State, call: Call, name: &[u8], access: Access) -> Answer<()> {
    match hold(state, call, name, access) {
        Err(Errno::EACCES) => Err(Errno::EACCES),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The program that the dynamic loader is to start.
fn check_started(
    state: &State,
    call: Call,
    loader: c_int,
    name: &CStr,
    only_look: bool,
) -> Answer<()> {
    let name = name.to_bytes();
    if !name.contains(&b'/') {
        // ld.so would search its library path, where nothing was judged.
        return refuse(state, call, loader, Reason::LoaderArguments);
    }
    let held = hold(state, call, name, Access::READ.with(Access::EXECUTE))?;
    if only_look {
        return Ok(());
    }
    match look(state, call, File::from(&held))? {
        Found::By(loader, length) => {
            check_loader(state, call, held.fd, loader.get(..length).unwrap_or_default())
        }
        Found::Fenceable => Ok(()),
        // ld.so takes no script, and to load itself once more serves nobody.
        Found::Script(..) | Found::Loader | Found::Neither => {
            refuse(state, call, loader, Reason::LoaderArguments)
        }
    }
}

/// Holds a file that is named by the program or by the caller's arguments.
#[inline(never)]
fn hold(state: &State, call: Call, name: &[u8], access: Access) -> Answer<Held> {
    Held::at(state, CWD, &[name], &Goal::hold(call, access, true), &mut Text::new())
}

/// Looks at one file. Its own stack frame, so that it is gone when the next path is judged.
#[inline(never)]
fn look(state: &State, call: Call, file: File) -> Answer<Found> {
    let fd = file.fd;
    let stat = sys::fstat(fd)?;
    // Anything else would block, or is a directory.
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Err(Errno::EACCES);
    }
    let flags = libc::AT_EMPTY_PATH | libc::AT_EACCESS;
    sys::faccessat2(fd, sys::Path::EMPTY, libc::X_OK, flags)?;
    if stat.st_mode & (libc::S_ISUID | libc::S_ISGID) != 0 && state.image.new_privileges() {
        refuse(state, call, fd, Reason::SetId)?;
    }
    let outcome = read(file, |head, more| {
        if head.is_empty() && stat.st_size != 0 {
            return Err(Reason::Unreadable);
        }
        judge_kind(classify(head, more))
    });
    match outcome {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(reason)) => refuse(state, call, fd, reason).map(|()| Found::Fenceable),
        Err(reason) => refuse(state, call, fd, reason).map(|()| Found::Fenceable),
    }
}

fn judge_kind(program: Program<'_>) -> Result<Found, Reason> {
    match program {
        Program::Dynamic(interpreter) => Ok(loaded_by(&interpreter)),
        Program::Script(script) => {
            let name = Name::new(script.interpreter);
            Ok(Found::Script(name.bytes, name.length))
        }
        Program::Loader => Ok(Found::Loader),
        Program::Neither => Ok(Found::Neither),
        Program::Static => Err(Reason::Static),
        Program::Audited => Err(Reason::Audited),
        Program::Go => Err(Reason::Go),
        Program::OtherClass => Err(Reason::OtherClass),
        Program::OtherMachine(_) => Err(Reason::OtherMachine),
        Program::Damaged => Err(Reason::Damaged),
    }
}

fn loaded_by(interpreter: &Interpreter) -> Found {
    if interpreter.is_known() {
        return Found::Fenceable;
    }
    let name = Name::new(interpreter.path());
    Found::By(name.bytes, name.length)
}

/// Reads a file, and hands over its head and a way to read more.
fn read<T>(
    file: File,
    act: impl FnOnce(&[u8], &mut dyn FnMut(u64, &mut [u8]) -> usize) -> T,
) -> Result<T, Reason> {
    if file.secret {
        let answer = table::privately(|| read_open(file.fd, act));
        return answer.unwrap_or(Err(Reason::Unreadable));
    }
    read_open(file.fd, act)
}

fn read_open<T>(
    fd: c_int,
    act: impl FnOnce(&[u8], &mut dyn FnMut(u64, &mut [u8]) -> usize) -> T,
) -> Result<T, Reason> {
    let file = reopen(fd).map_err(|_| Reason::Unreadable)?;
    let answer = if process::has_attribute(file, c"security.capability") {
        Err(Reason::Capabilities)
    } else {
        let mut head = [0; HEAD];
        let mut more = |offset, into: &mut [u8]| sys::pread(file, into, offset).unwrap_or(0);
        let length = more(0, &mut head);
        Ok(act(head.get(..length).unwrap_or_default(), &mut more))
    };
    sys::close(file);
    answer
}

fn reopen(fd: c_int) -> Answer<c_int> {
    let mut link = Decimal::new(b"/proc/thread-self/fd/");
    let number = u32::try_from(fd).map_err(|_| Errno::EBADF)?;
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: 0 };
    sys::openat2(CWD, link.path(number)?, &how)
}

/// Why a program cannot be fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It asks for no dynamic loader.
    Static,
    /// Its dynamic loader is not glibc's.
    OtherLibc,
    /// 32 bits, or the other byte order.
    OtherClass,
    /// For another machine.
    OtherMachine,
    /// An ELF file that no kernel runs.
    Damaged,
    /// It names an audit library.
    Audited,
    /// Go's library makes its own system calls.
    Go,
    /// It has file capabilities.
    Capabilities,
    /// It changes its user or group.
    SetId,
    /// Its content cannot be read.
    Unreadable,
    /// The dynamic loader, with arguments that the fence does not follow.
    LoaderArguments,
}

impl Reason {
    /// What a person is told: why, and what to do.
    pub(crate) const fn text(self) -> &'static [u8] {
        match self {
            Self::Static => {
                b"it is linked statically, so the fence cannot enter it; \
                use a dynamically linked build"
            }
            Self::OtherLibc => b"its dynamic loader is not glibc's; use a build for glibc",
            Self::OtherClass => b"it is no 64-bit program; use a 64-bit build",
            Self::OtherMachine => b"it is built for another machine; use an x86-64 build",
            Self::Damaged => b"it is a damaged program, or none; install it again",
            Self::Audited => {
                b"it loads an audit library in front of the fence; \
                link it without --audit"
            }
            Self::Go => {
                b"it is a Go program, which makes its system calls without libc, past the fence; \
                use another program"
            }
            Self::Capabilities => {
                b"it has file capabilities, with which ld.so drops the fence; \
                remove them by setcap -r"
            }
            Self::SetId => {
                b"it is setuid or setgid, and ld.so drops the fence; \
                start the worker without --allow-new-privs"
            }
            Self::Unreadable => {
                b"its content cannot be read, so nobody knows whether the fence \
                can enter it; make it readable"
            }
            Self::LoaderArguments => {
                b"the dynamic loader is asked for what the fence cannot \
                follow; start the program itself"
            }
        }
    }
}

/// Reports a program that cannot be fenced; in audit mode it is let through.
#[cold]
#[inline(never)]
pub(crate) fn refuse(state: &State, call: Call, fd: c_int, reason: Reason) -> Answer<()> {
    let mut text = [0_u8; PATH_MAX];
    let length = place::directory_text(fd, sys::room(&mut text)).unwrap_or(0);
    report::unfenceable(state, call, text.get(..length).unwrap_or_default(), reason.text())
}
