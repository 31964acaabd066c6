//! The address of a socket: a copy of the caller's, judged, and made to lead to what was judged.

#![expect(unsafe_code, reason = "reads what the callers' pointers name")]

use core::ffi::{c_char, c_int};
use core::mem::offset_of;

use libc::{sockaddr, sockaddr_un, socklen_t};
use ringfence_policy::Access;

use crate::act::look::Held;
use crate::arm::State;
use crate::place::{self, Decimal, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno};
use crate::text::Text;

/// Reaching a socket is writing to it, as the kernel sees it too (unix(7)).
const REACH: Access = Access::METADATA.with(Access::WRITE);

/// Where the path begins.
pub(super) const PATH: usize = offset_of!(sockaddr_un, sun_path);

/// What the kernel reads of an address at most (`struct sockaddr_storage`).
const LONGEST: usize = size_of::<libc::sockaddr_storage>();

/// A path at which there is nothing, ever.
const NOTHING: &[u8] = b"/proc/thread-self/fd/-";

/// A copy of an address of the caller's, with cleared bytes behind it.
#[repr(C, align(8))]
pub(super) struct Address {
    bytes: [u8; LONGEST],
    pub(super) length: socklen_t,
    /// A pointer that cannot be read: for the kernel to judge.
    wild: Option<*const sockaddr>,
}

impl Address {
    pub(super) const NONE: Self = Self { bytes: [0; LONGEST], length: 0, wild: None };

    /// # Safety
    /// `from` must be null, in the first page, or an address of `length` bytes.
    pub(super) unsafe fn copy(from: *const sockaddr, length: socklen_t) -> Self {
        let mut copy = Self { length, ..Self::NONE };
        if sys::is_wild(from) {
            copy.wild = Some(from);
            return copy;
        }
        let length = usize::try_from(length).unwrap_or(LONGEST);
        let from = from.cast::<u8>();
        for (offset, byte) in copy.bytes.iter_mut().take(length).enumerate() {
            // SAFETY: within the address; volatile, so that it is read once though another thread
            // may change it.
            *byte = unsafe { from.wrapping_add(offset).read_volatile() };
        }
        copy
    }

    /// The address for the kernel.
    pub(super) fn pointer(&self) -> *const sockaddr {
        self.wild.unwrap_or(self.bytes.as_ptr().cast())
    }

    /// The path of a Unix socket; `None` for every other address.
    pub(super) fn path(&self) -> Option<&[u8]> {
        let [low, high, ..] = self.bytes;
        let length = usize::try_from(self.length).ok()?;
        // The kernel answers EINVAL for a length that a `sockaddr_un` cannot have.
        let may_have = self.wild.is_none() && length <= size_of::<sockaddr_un>();
        if !may_have || c_int::from(u16::from_ne_bytes([low, high])) != libc::AF_UNIX {
            return None;
        }
        let path = self.bytes.get(PATH..length)?;
        let path = path.split(|byte| *byte == 0).next()?;
        // An abstract address begins with a NUL.
        (!path.is_empty()).then_some(path)
    }

    /// The path of an address that has one, as a C string: cleared bytes follow it.
    pub(super) fn c_path(&self) -> *const c_char {
        self.bytes.as_ptr().wrapping_add(PATH).cast()
    }

    /// Puts another path in the place of the one that is there.
    pub(super) fn set_path(&mut self, path: &[u8]) {
        let places = self.bytes.iter_mut().skip(PATH);
        for (place, byte) in places.zip(path.iter().copied().chain(core::iter::repeat(0))) {
            *place = byte;
        }
        let length = path.len().saturating_add(PATH).saturating_add(1);
        self.length = socklen_t::try_from(length).unwrap_or(0);
    }
}

/// How an address that was judged is reached.
pub(super) enum Way {
    /// As it stands.
    Plain,
    /// By the descriptor that holds the socket, for as long.
    By { _held: Held },
    /// Not at all, unless the kernel finds something else wrong first.
    Missing(Errno),
}

impl Way {
    /// What the caller is told of a call that answered `value`.
    pub(super) fn conclude<T: Into<i64> + Copy>(&self, value: T) -> Answer<T> {
        if value.into() != -1 {
            return Ok(value);
        }
        match (self, sys::errno()) {
            (Self::Missing(errno), Errno::ENOENT) => Err(*errno),
            (_, errno) => Err(errno),
        }
    }
}

/// Judges an address before it is reached, and makes it lead to what was judged.
///
/// # Errors
/// EACCES with a report for a refusal.
pub(super) fn reach(state: &State, call: Call, address: &mut Address) -> Answer<Way> {
    if address.path().is_none() { Ok(Way::Plain) } else { reach_path(state, call, address) }
}

// Its buffers are gone when libc's call waits.
#[inline(never)]
fn reach_path(state: &State, call: Call, address: &mut Address) -> Answer<Way> {
    let goal = Goal::hold(call, REACH, true);
    let mut text = Text::new();
    // SAFETY: a C string, as `c_path` says.
    match unsafe { place::open(state, CWD, address.c_path(), &goal, &mut text) } {
        Ok(fd) => {
            let held = Held::new(fd);
            let number = u32::try_from(fd).map_err(|_| Errno::EBADF)?;
            address.set_path(Decimal::new(b"/proc/thread-self/fd/").text(number)?);
            Ok(Way::By { _held: held })
        }
        Err(Errno::EACCES) => Err(Errno::EACCES),
        Err(errno) => {
            // What is wrong with the socket itself comes first.
            address.set_path(NOTHING);
            Ok(Way::Missing(errno))
        }
    }
}
