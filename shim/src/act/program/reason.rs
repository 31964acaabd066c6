//! Why a program cannot be fenced, and saying so.

use core::ffi::c_int;

use crate::arm::State;
use crate::place;
use crate::report::{self, Call};
use crate::sys::{self, Answer};
use crate::text::PATH_MAX;

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
