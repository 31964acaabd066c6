//! What kind of program a file is.

use core::ffi::c_int;

use ringfence_policy::program::{Interpreter, Program, classify};

use super::held::File;
use super::reason::{Reason, refuse};
use crate::arm::State;
use crate::place::Decimal;
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno, How, process};
use crate::table;

/// What is read of a file at once: more than the kernel's part of a `#!` line, and in nearly
/// every program all its headers.
const HEAD: usize = 1024;
/// The longest interpreter's name that a head can hold.
const NAME: usize = 256;

/// What the look at one file found.
pub(super) enum Found {
    /// A program that the shim can enter.
    Fenceable,
    /// One that can be entered if the file that it names is glibc's dynamic loader.
    By(Name),
    /// A script and its interpreter's name.
    Script(Name),
    /// The dynamic loader.
    Loader,
    /// Neither ELF nor `#!`.
    Neither,
}

/// The name of an interpreter.
pub(super) struct Name {
    bytes: [u8; NAME],
    length: usize,
}

impl Name {
    /// A name that fits, as those of a head do.
    pub(super) fn new(name: &[u8]) -> Self {
        let mut bytes = [0; NAME];
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = *from;
        }
        Self { bytes, length: name.len().min(NAME) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Looks at one file. Its own stack frame, so that it is gone when the next path is judged.
#[inline(never)]
pub(super) fn look(state: &State, call: Call, file: File) -> Answer<Found> {
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
        Program::Script(script) => Ok(Found::Script(Name::new(script.interpreter))),
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
    Found::By(Name::new(interpreter.path()))
}

/// Reads a file, and hands over its head and a way to read more.
pub(super) fn read<T>(
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
