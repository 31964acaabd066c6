//! Whether a program that is about to start can be fenced: ld.so must load the shim into it.
//!
//! A file is looked at through a descriptor that holds it: which kind of program it is
//! ([`ringfence_policy::program`]), and whether the kernel would start it with rights or in a
//! mode in which ld.so drops the shim. A script is followed to its interpreter, the dynamic
//! loader run as a program to the program that it starts. What cannot be fenced is refused with
//! EACCES, never ENOEXEC: a shell answers that by running the file itself.

mod held;
mod loader;
mod look;
mod reason;

use core::ffi::c_int;

use ringfence_policy::Access;

use self::held::hold;
pub(crate) use self::held::{File, Held};
use self::loader::{check_loaded, check_loader};
use self::look::{Found, Name, look};
pub(crate) use self::reason::{Reason, refuse};
use super::vector::Vector;
use crate::arm::State;
use crate::report::Call;
use crate::sys::{Answer, Errno};

/// The interpreters that one script may lead through, as in the kernel.
const DEEPEST: u32 = 4;
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
        Found::By(name) => {
            check_loader(state, call, fd, name.bytes())?;
            Ok(Start::Binary)
        }
        Found::Loader => {
            check_loaded(state, call, fd, arguments)?;
            Ok(Start::Binary)
        }
        Found::Script(name) => {
            check_interpreter(state, call, fd, name)?;
            Ok(Start::Script)
        }
        Found::Neither => Ok(Start::Shell),
    }
}

/// Follows a script to the program that runs it; what that is must be fenceable.
fn check_interpreter(state: &State, call: Call, script: c_int, mut name: Name) -> Answer<()> {
    for _ in 0..DEEPEST {
        let held = hold(state, call, name.bytes(), Access::EXECUTE)?;
        let found = look(state, call, File::from(&held))?;
        match &found {
            Found::By(loader) => check_loader(state, call, held.fd, loader.bytes())?,
            // Its arguments would be the script's line and the caller's: nobody writes that.
            Found::Loader => refuse(state, call, script, Reason::LoaderArguments)?,
            // The kernel runs no program but ELF and scripts.
            Found::Neither => return Err(Errno::ENOEXEC),
            Found::Fenceable | Found::Script(..) => {}
        }
        match found {
            Found::Script(next) => name = next,
            Found::Fenceable | Found::By(..) | Found::Loader | Found::Neither => return Ok(()),
        }
    }
    Err(Errno::ELOOP)
}
