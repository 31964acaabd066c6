//! The dynamic loader: run as a program, and named by a program.

use core::ffi::{CStr, c_int};

use ringfence_policy::Access;
use ringfence_policy::program::{LoaderOption, Program, classify};

use super::held::{File, hold};
use super::look::{Found, look, read};
use super::reason::{Reason, refuse};
use crate::act::vector::Vector;
use crate::arm::State;
use crate::report::Call;
use crate::sys::{Answer, Errno};

/// A loader at an unusual place must be glibc's by its content.
pub(super) fn check_loader(state: &State, call: Call, program: c_int, name: &[u8]) -> Answer<()> {
    let held = hold(state, call, name, Access::EXECUTE)?;
    match read(File::from(&held), |head, more| classify(head, more) == Program::Loader) {
        Ok(true) => Ok(()),
        _ => refuse(state, call, program, Reason::OtherLibc),
    }
}

/// Judges the arguments of the dynamic loader run as a program, and what it is to start.
pub(super) fn check_loaded(
    state: &State,
    call: Call,
    loader: c_int,
    arguments: Vector<'_>,
) -> Answer<()> {
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
        Found::By(loader) => check_loader(state, call, held.fd, loader.bytes()),
        Found::Fenceable => Ok(()),
        // ld.so takes no script, and to load itself once more serves nobody.
        Found::Script(..) | Found::Loader | Found::Neither => {
            refuse(state, call, loader, Reason::LoaderArguments)
        }
    }
}
