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

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::mem::offset_of;

use libc::{mmsghdr, msghdr, sockaddr, sockaddr_un, socklen_t};
use ringfence_policy::Access;

use super::look::Held;
use crate::arm::State;
use crate::place::{self, Decimal, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno};
use crate::table;
use crate::text::Text;

/// Reaching a socket is writing to it, as the kernel sees it too (unix(7)).
const REACH: Access = Access::METADATA.with(Access::WRITE);

/// Where the path begins.
const PATH: usize = offset_of!(sockaddr_un, sun_path);

/// What the kernel reads of an address at most (`struct sockaddr_storage`).
const LONGEST: usize = size_of::<libc::sockaddr_storage>();

/// A path at which there is nothing, ever.
const NOTHING: &[u8] = b"/proc/thread-self/fd/-";

/// A copy of an address of the caller's, with cleared bytes behind it.
#[repr(C, align(8))]
struct Address {
    bytes: [u8; LONGEST],
    length: socklen_t,
    /// A pointer that cannot be read: for the kernel to judge.
    wild: Option<*const sockaddr>,
}

impl Address {
    const NONE: Self = Self { bytes: [0; LONGEST], length: 0, wild: None };

    /// # Safety
    /// `from` must be null, in the first page, or an address of `length` bytes.
    unsafe fn copy(from: *const sockaddr, length: socklen_t) -> Self {
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
    fn pointer(&self) -> *const sockaddr {
        self.wild.unwrap_or(self.bytes.as_ptr().cast())
    }

    /// The path of a Unix socket; `None` for every other address.
    fn path(&self) -> Option<&[u8]> {
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
    fn c_path(&self) -> *const c_char {
        self.bytes.as_ptr().wrapping_add(PATH).cast()
    }

    /// Puts another path in the place of the one that is there.
    fn set_path(&mut self, path: &[u8]) {
        let places = self.bytes.iter_mut().skip(PATH);
        for (place, byte) in places.zip(path.iter().copied().chain(core::iter::repeat(0))) {
            *place = byte;
        }
        let length = path.len().saturating_add(PATH).saturating_add(1);
        self.length = socklen_t::try_from(length).unwrap_or(0);
    }
}

/// How an address that was judged is reached.
enum Way {
    /// As it stands.
    Plain,
    /// By the descriptor that holds the socket, for as long.
    By { _held: Held },
    /// Not at all, unless the kernel finds something else wrong first.
    Missing(Errno),
}

impl Way {
    /// What the caller is told of a call that answered `value`.
    fn conclude<T: Into<i64> + Copy>(&self, value: T) -> Answer<T> {
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
fn reach(state: &State, call: Call, address: &mut Address) -> Answer<Way> {
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

/// A copy of a message's head, and of the address that it names.
struct Head {
    head: msghdr,
    address: Address,
}

impl Head {
    /// # Safety
    /// `from` must be a message, and not wild.
    unsafe fn copy(from: *const msghdr) -> Self {
        // SAFETY: as this function's own contract says; it is read once.
        let head = unsafe { from.read_volatile() };
        // SAFETY: sendmsg(2) demands an address of that length there.
        let address = unsafe { Address::copy(head.msg_name.cast(), head.msg_namelen) };
        Self { head, address }
    }

    /// The head for the kernel, which reads it.
    fn pointer(&mut self) -> *const msghdr {
        self.head.msg_name = self.address.pointer().cast_mut().cast();
        self.head.msg_namelen = self.address.length;
        &raw const self.head
    }
}

/// `sendmsg`.
///
/// # Safety
/// The pointers must be what sendmsg(2) demands.
pub(crate) unsafe fn send_message(
    state: &State,
    call: Call,
    socket: c_int,
    message: *const msghdr,
    flags: c_int,
) -> Answer<isize> {
    if sys::is_wild(message) {
        // SAFETY: libc's own function; the kernel answers EFAULT.
        let value = unsafe { (state.next.sendmsg)(socket, message, flags) };
        return Way::Plain.conclude(value as i64).map(|_| value);
    }
    // SAFETY: as this function's own contract says.
    let mut message = unsafe { Head::copy(message) };
    let way = reach(state, call, &mut message.address)?;
    // SAFETY: libc's own function, with a head that lives through the call.
    let value = unsafe { (state.next.sendmsg)(socket, message.pointer(), flags) };
    way.conclude(value as i64).map(|_| value)
}

/// The messages that are copied and handed over at once.
const BATCH: usize = 16;

/// The most messages of one call, as in the kernel (`UIO_MAXIOV`).
const MOST_MESSAGES: usize = 1024;

/// `sendmmsg`: what was sent before an error counts, and the error is not told.
///
/// # Safety
/// The pointers must be what sendmmsg(2) demands.
pub(crate) unsafe fn send_messages(
    state: &State,
    call: Call,
    socket: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
) -> Answer<c_int> {
    let count = usize::try_from(count).unwrap_or(MOST_MESSAGES).min(MOST_MESSAGES);
    if count == 0 || sys::is_wild(messages) {
        let count = c_uint::try_from(count).unwrap_or(0);
        // SAFETY: libc's own function; the kernel looks at the socket, and answers EFAULT.
        let value = unsafe { (state.next.sendmmsg)(socket, messages, count, flags) };
        return Way::Plain.conclude(value);
    }
    let mut sent = 0_usize;
    while sent < count {
        let rest = messages.wrapping_add(sent);
        let most = count.saturating_sub(sent).min(BATCH);
        // SAFETY: `most` messages are there, as this function's own contract says.
        let answer = match unsafe { send_batch(state, socket, rest, most, flags) } {
            // SAFETY: as above, one message.
            Ok(None) => unsafe { send_one(state, call, socket, rest, flags) }.map(|()| 1),
            Ok(Some(number)) => Ok(number),
            Err(errno) => Err(errno),
        };
        match answer {
            Ok(0) => break,
            Ok(number) => sent = sent.saturating_add(number),
            Err(errno) if sent == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    Ok(c_int::try_from(sent).unwrap_or(c_int::MAX))
}

// SAFETY: pointers and numbers, for which zeroes are a value.
const NO_MESSAGE: mmsghdr = unsafe { core::mem::zeroed() };

/// Where one of several messages has its head.
fn head_of(message: *mut mmsghdr) -> *const msghdr {
    message.wrapping_byte_add(offset_of!(mmsghdr, msg_hdr)).cast_const().cast()
}

/// Where one of several messages is told how much of it was sent.
fn length_of(message: *mut mmsghdr) -> *mut c_uint {
    message.wrapping_byte_add(offset_of!(mmsghdr, msg_len)).cast()
}

/// Sends the messages before the first that names a path; `None` when that is the first of all.
///
/// # Safety
/// As [`send_messages`].
#[inline(never)]
unsafe fn send_batch(
    state: &State,
    socket: c_int,
    messages: *mut mmsghdr,
    most: usize,
    flags: c_int,
) -> Answer<Option<usize>> {
    let mut addresses = [const { Address::NONE }; BATCH];
    let mut heads = [NO_MESSAGE; BATCH];
    let mut filled = 0_usize;
    for (place, address) in heads.iter_mut().zip(&mut addresses).take(most) {
        // SAFETY: a message is there.
        let mut head = unsafe { Head::copy(head_of(messages.wrapping_add(filled))) };
        if head.address.path().is_some() {
            break;
        }
        core::mem::swap(address, &mut head.address);
        head.head.msg_name = address.pointer().cast_mut().cast();
        place.msg_hdr = head.head;
        filled = filled.saturating_add(1);
    }
    let Ok(count @ 1..) = c_uint::try_from(filled) else { return Ok(None) };
    // SAFETY: libc's own function, with heads and addresses that live through the call.
    let value = unsafe { (state.next.sendmmsg)(socket, heads.as_mut_ptr(), count, flags) };
    let sent = usize::try_from(Way::Plain.conclude(value)?).unwrap_or(0);
    for (offset, head) in heads.iter().enumerate().take(sent) {
        let place = messages.wrapping_add(offset);
        // SAFETY: the caller's own message, for the kernel to write to.
        unsafe { length_of(place).write(head.msg_len) };
    }
    Ok(Some(sent))
}

/// # Safety
/// As [`send_messages`].
#[inline(never)]
unsafe fn send_one(
    state: &State,
    call: Call,
    socket: c_int,
    message: *mut mmsghdr,
    flags: c_int,
) -> Answer<()> {
    // SAFETY: as this function's own contract says.
    let value = unsafe { send_message(state, call, socket, head_of(message), flags) }?;
    let length = c_uint::try_from(value).unwrap_or(0);
    // SAFETY: the caller's own message, for the kernel to write to.
    unsafe { length_of(message).write(length) };
    Ok(())
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
