//! What the rules of an image demand of the program and its libc.

#![expect(unsafe_code, reason = "knows one of libc's functions by its address")]

use ringfence_policy::{CallerKind, Creation, Image};

use super::fault::{Fault, no_memory};
use crate::caller::{Callers, FindObject};
use crate::elf::Object;

/// Refuses a program in which rules could not hold: a Java machine that is the program's own calls
/// itself, not us.
///
/// # Errors
/// RF407.
pub(super) fn check_program(image: Image<'_>, program: Object) -> Result<(), Fault> {
    if names_any(image, &[CallerKind::Java]) && program.symbol(c"JNI_CreateJavaVM").is_some() {
        return Err(Fault::new(
            b"rules about Java classes cannot hold in a program with a Java machine built in [RF407]",
            b"use a JDK whose libjvm is a library",
        ));
    }
    Ok(())
}

/// libc's own way to an object by an address, where it has one.
///
/// # Errors
/// It has none, and there are rules that follow native stacks.
pub(super) fn find_object(image: Image<'_>, libc: Object) -> Result<Option<FindObject>, Fault> {
    let Some(address) = libc.symbol(c"_dl_find_object") else {
        if !follows_stacks(image) {
            return Ok(None);
        }
        return Err(Fault::new(
            b"rules about native libraries and Python modules, and exceptions for certain callers, take a libc that shows its objects (_dl_find_object)",
            b"use glibc 2.35 or newer, or leave them out of the policy",
        ));
    };
    let address = core::ptr::with_exposed_provenance::<core::ffi::c_void>(address);
    // SAFETY: libc's function of that name, whose type dlfcn.h states.
    Ok(Some(unsafe { core::mem::transmute::<*const core::ffi::c_void, FindObject>(address) }))
}

/// What rules about callers need; `None` where there are none.
///
/// # Errors
/// No memory.
pub(super) fn callers(image: Image<'_>) -> Result<Option<&'static Callers>, Fault> {
    if !asks_for_callers(image) {
        return Ok(None);
    }
    Callers::map().map(Some).map_err(|_| no_memory())
}

/// Whether any rule is about callers of one of these kinds.
fn names_any(image: Image<'_>, kinds: &[CallerKind]) -> bool {
    kinds.iter().any(|kind| {
        let lists = [Creation::Thread, Creation::Process];
        lists.into_iter().any(|creation| !image.callers(creation, *kind).is_empty())
    })
}

/// Whether any rule is about who calls.
fn asks_for_callers(image: Image<'_>) -> bool {
    names_any(image, &CallerKind::ALL) || image.denies_unattributed() || image.has_audiences()
}

/// Whether any rule is about those further out on native stacks. Java's own are read by the machine.
fn follows_stacks(image: Image<'_>) -> bool {
    names_any(image, &[CallerKind::Native, CallerKind::Python])
        || image.denies_unattributed()
        || image.has_audiences()
}
