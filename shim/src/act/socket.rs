//! Unix sockets: reaching one by its path, and making one.
//!
//! Only an address of the family `AF_UNIX` with a path is judged; the kernel is handed a copy of
//! every address, so that what was looked at is what counts. The calls themselves are libc's own,
//! since they may wait and a thread may be cancelled meanwhile.
//!
//! A socket is *reached* through `/proc/thread-self/fd/N` of a descriptor that holds what was
//! judged. Neither side ever sees that name: getpeername(2) tells what the other side was bound
//! to. Another thread may put another object under the number, of those that the process holds
//! already; so it gains nothing unless a rule forbids writing to a socket that may be inspected.
//!
//! A socket is *made* at the caller's own path, since both sides see that name from then on, and
//! bind(2) can be told neither a directory nor to follow no links. A single name is made in the
//! directory that was judged. For a path of several names there is a limit: a thread that can put
//! a link in the place of a directory on the way, between verdict and call, can have a new socket
//! made in a directory that it may not write to. What exists is neither opened nor replaced.

#![expect(
    unsafe_code,
    reason = "reads what the callers' pointers name, calls libc's own functions"
)]

mod address;
mod messages;

use core::ffi::{c_int, c_void};

use libc::{sockaddr, socklen_t};
use ringfence_policy::Access;

use self::address::{Address, Way, reach};
pub(crate) use self::messages::{send_message, send_messages};
use crate::arm::State;
use crate::place::{self, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno};
use crate::table;
use crate::text::Text;

/// `connect`.
///
/// # Safety
/// The pointer must be what connect(2) demands.
pub(crate) unsafe fn connect(
    state: &State,
    call: Call,
    socket: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let mut address = unsafe { Address::copy(address, length) };
    let way = reach(state, call, &mut address)?;
    // SAFETY: libc's own function, with an address that lives through the call.
    let value = unsafe { (state.next.connect)(socket, address.pointer(), address.length) };
    way.conclude(value)
}

/// What `sendto` sends.
#[derive(Clone, Copy)]
pub(crate) struct Bytes {
    /// The caller's own memory.
    pub(crate) start: *const c_void,
    /// How many.
    pub(crate) length: usize,
    /// `MSG_DONTWAIT` and its kind.
    pub(crate) flags: c_int,
}

/// `sendto`.
///
/// # Safety
/// The pointers must be what sendto(2) demands.
pub(crate) unsafe fn send_to(
    state: &State,
    call: Call,
    socket: c_int,
    bytes: Bytes,
    address: *const sockaddr,
    length: socklen_t,
) -> Answer<isize> {
    let Bytes { start, length: size, flags } = bytes;
    // SAFETY: as this function's own contract says.
    let mut address = unsafe { Address::copy(address, length) };
    let way = reach(state, call, &mut address)?;
    let (to, length) = (address.pointer(), address.length);
    // SAFETY: libc's own function, with the caller's bytes and an address that lives through it.
    let value = unsafe { (state.next.sendto)(socket, start, size, flags, to, length) };
    way.conclude(value as i64).map(|_| value)
}

/// `bind`.
///
/// # Safety
/// The pointer must be what bind(2) demands.
pub(crate) unsafe fn bind(
    state: &State,
    call: Call,
    socket: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let address = unsafe { Address::copy(address, length) };
    if address.path().is_some() && bind_path(state, call, socket, &address)? {
        return Ok(0);
    }
    // SAFETY: libc's own function, with an address that lives through the call.
    let value = unsafe { (state.next.bind)(socket, address.pointer(), address.length) };
    Way::Plain.conclude(value)
}

/// Judges the place at which a socket would be made; answers whether it was made there.
#[inline(never)]
fn bind_path(state: &State, call: Call, socket: c_int, address: &Address) -> Answer<bool> {
    let goal = Goal::hold(call, Access::WRITE, false);
    let mut text = Text::new();
    // SAFETY: a C string, as `c_path` says.
    match unsafe { place::open(state, CWD, address.c_path(), &goal, &mut text) } {
        // Something is there; the kernel says so.
        Ok(fd) => sys::close(fd),
        Err(Errno::EACCES) => return Err(Errno::EACCES),
        // Nothing is there, or the kernel finds the same wrong with the path.
        Err(_) => {}
    }
    let single = !address.path().unwrap_or_default().contains(&b'/');
    if !single || text.bytes().first() != Some(&b'/') {
        // Not one name, or one that may be made in whatever directory the process is in.
        return Ok(false);
    }
    let parent = text.bytes().iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    let call = (socket, address.pointer(), address.length);
    text.with_prefix(parent, |parent| table::bind_in(parent, call)).map(|()| true)
}

/// `clntunix_create` and `svcunix_create`, remote calls of the last century over a Unix socket,
/// which libc keeps for old programs: refused, since libc would reach or make the socket itself.
///
/// # Safety
/// None: nothing is read, but every act is called alike.
pub(crate) unsafe fn call_by_old_means(_: &State, _: Call) -> Answer<*mut c_void> {
    Err(Errno::EACCES)
}
