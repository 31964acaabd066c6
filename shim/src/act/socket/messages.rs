//! Messages with an address in their heads: `sendmsg` and `sendmmsg`.

#![expect(
    unsafe_code,
    reason = "reads what the callers' pointers name, calls libc's own functions"
)]

use core::ffi::{c_int, c_uint};
use core::mem::offset_of;

use libc::{mmsghdr, msghdr};

use super::address::{Address, Way, reach};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer};

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
