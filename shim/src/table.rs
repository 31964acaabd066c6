//! A private descriptor table: calls that must agree on a descriptor which no other thread can
//! put something else under.
//!
//! A helper thread, which runs while the caller waits as in vfork(2), takes a copy of the
//! descriptor table, opens and looks in there, and hands the outcome back over a socket. It costs
//! some 50 microseconds, so only calls come here that cannot do without.

#![expect(unsafe_code, reason = "a thread of our own, and a message with a descriptor")]

use core::ffi::{c_int, c_void};

use crate::arm::State;
use crate::exceptions;
use crate::place::{Decimal, leads_to};
use crate::sys::{self, Answer, CWD, Errno, How, Path, pass};
use crate::text::{PATH_MAX, Text};

/// What the helper is to do.
enum Work<'a> {
    /// Open the text; a directory is EISDIR.
    File(Path<'a>, &'a How),
    /// Add a watch for what a descriptor holds, if its text is one that may be watched.
    Watch(Watch<'a>),
    /// Open anew what a descriptor holds that has no text; one that has a text is ESTALE.
    Reopen(c_int, &'a How),
}

/// A watch to be added.
struct Watch<'a> {
    group: c_int,
    place: c_int,
    mask: u32,
    may: &'a dyn Fn(&[u8]) -> bool,
}

struct Job<'a> {
    work: Work<'a>,
    socket: c_int,
    answer: Answer<Outcome>,
}

/// What came of the work.
#[derive(Clone, Copy)]
enum Outcome {
    /// A descriptor waits at the socket.
    Sent,
    /// The call's own answer.
    Value(c_int),
}

/// Opens a text unless it is a directory.
///
/// # Errors
/// EISDIR for a directory, else the kernel's answer.
pub(crate) fn open_file(path: Path<'_>, how: &How) -> Answer<c_int> {
    run(Work::File(path, how), how)
}

/// Opens anew the object without a text (a pipe, a deleted file) that `fd` holds.
///
/// # Errors
/// ESTALE when it has a text, which is to be judged; else the kernel's answer.
pub(crate) fn reopen(fd: c_int, how: &How) -> Answer<c_int> {
    run(Work::Reopen(fd, how), how)
}

/// inotify_add_watch(2) for what `place` holds, if `may` says so of its text; what has no text may
/// be watched.
///
/// # Errors
/// EACCES when `may` says no; else the kernel's answer.
pub(crate) fn watch(
    group: c_int,
    place: c_int,
    mask: u32,
    may: impl Fn(&[u8]) -> bool,
) -> Answer<c_int> {
    let may: &dyn Fn(&[u8]) -> bool = &may;
    let how = How { flags: 0, mode: 0, resolve: 0 };
    run(Work::Watch(Watch { group, place, mask, may }), &how)
}

/// A look, and what it found.
struct Look<T, F> {
    look: Option<F>,
    found: Answer<T>,
}

/// Runs `look` in a descriptor table of its own: what it opens there no other thread can read. It
/// hands no descriptor out.
///
/// # Errors
/// What the kernel answers where there is no helper or no table.
pub(crate) fn privately<T, F: FnOnce() -> T>(look: F) -> Answer<T> {
    let stack = sys::map_memory(STACK)?;
    let mask = sys::block_signals();
    let mut work = Look { look: Some(look), found: Err(Errno::EIO) };
    let argument = core::ptr::from_mut(&mut work).cast::<c_void>();
    let top = stack.wrapping_add(STACK);
    // SAFETY: the stack is the helper's alone; the work lives until it has ended, for which
    // CLONE_VFORK waits.
    let started = unsafe { sys::start(HELPER, top, look_apart::<T, F>, argument) };
    sys::restore_signals(mask);
    // SAFETY: the helper, the only one to use it, has ended.
    unsafe { sys::unmap(stack, STACK) };
    started.and(work.found)
}

/// As [`privately`], for what judges paths there: who calls, which the helper's own stack does not
/// show, is found out before.
///
/// # Errors
/// As [`privately`].
pub(crate) fn judging<T>(state: &State, look: impl FnOnce() -> T) -> Answer<T> {
    let known = exceptions::ahead(state);
    privately(|| {
        let _known = known.hold();
        look()
    })
}

/// The helper's whole life, in a descriptor table of its own.
///
/// # Safety
/// `work` must be a `Look` of these types that nobody else touches meanwhile.
unsafe extern "C" fn look_apart<T, F: FnOnce() -> T>(work: *mut c_void) {
    // SAFETY: `privately` passes its own and waits.
    let work = unsafe { &mut *work.cast::<Look<T, F>>() };
    let look = work.look.take();
    work.found = apart().and_then(|()| look.map(|look| look()).ok_or(Errno::EIO));
}

/// A helper is a thread of the caller's process, which waits for it as in vfork(2).
const HELPER: usize = (libc::CLONE_VM
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_FILES
    | libc::CLONE_FS
    | libc::CLONE_SYSVSEM
    | libc::CLONE_VFORK)
    .cast_unsigned() as usize;

/// The helper's stack, which also holds two paths and who is asked about them.
const STACK: usize = 64 * 1024;

fn run(work: Work<'_>, how: &How) -> Answer<c_int> {
    let stack = sys::map_memory(STACK)?;
    let mask = sys::block_signals();
    let answer = run_on(work, how, stack.wrapping_add(STACK));
    sys::restore_signals(mask);
    // SAFETY: the helper, the only one to use it, has ended.
    unsafe { sys::unmap(stack, STACK) };
    answer
}

fn run_on(work: Work<'_>, how: &How, stack: *mut u8) -> Answer<c_int> {
    let mut sockets = [-1_i32; 2];
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
    let call = [
        libc::AF_UNIX.cast_unsigned() as usize,
        kind.cast_unsigned() as usize,
        0,
        sockets.as_mut_ptr().addr(),
        0,
        0,
    ];
    // SAFETY: the kernel writes two descriptors.
    unsafe { pass(libc::SYS_socketpair, call) }?;
    let [ours, theirs] = sockets;
    let mut job = Job { work, socket: theirs, answer: Err(Errno::EIO) };
    let argument = core::ptr::from_mut(&mut job).cast::<c_void>();
    // SAFETY: the stack is the helper's alone; the job lives until it has ended, for which
    // CLONE_VFORK waits.
    let started = unsafe { sys::start(HELPER, stack, helper, argument) };
    let answer = started.and(job.answer).and_then(|outcome| match outcome {
        Outcome::Sent => receive(ours, how),
        Outcome::Value(value) => Ok(value),
    });
    sys::close(ours);
    sys::close(theirs);
    answer
}

/// The helper's whole life, in a descriptor table of its own.
///
/// # Safety
/// `job` must be a `Job` that nobody else touches meanwhile.
unsafe extern "C" fn helper(job: *mut c_void) {
    // SAFETY: `run_on` passes its job and waits.
    let job = unsafe { &mut *job.cast::<Job<'_>>() };
    job.answer = apart().and_then(|()| {
        let fd = match &job.work {
            Work::File(path, how) => open_unless_directory(*path, how),
            Work::Reopen(fd, how) => open_textless(*fd, how),
            Work::Watch(watch) => return add_watch(watch).map(Outcome::Value),
        }?;
        send(job.socket, fd).map(|()| Outcome::Sent)
    });
}

fn apart() -> Answer<()> {
    let flags = libc::CLONE_FILES.cast_unsigned() as usize;
    // SAFETY: takes no pointer; from here on this thread's descriptors are its own.
    let own = unsafe { pass(libc::SYS_unshare, [flags, 0, 0, 0, 0, 0]) };
    // Container profiles refuse unshare(2) for all that it can do besides; this does the same, and
    // closes what no number is as large as.
    let none = u32::MAX as usize;
    // SAFETY: as above.
    let own = own.or_else(|_| unsafe {
        pass(libc::SYS_close_range, [none, none, CLOSE_RANGE_UNSHARE, 0, 0, 0])
    });
    own.map(|_| ())
}

/// `CLOSE_RANGE_UNSHARE` of linux/close_range.h.
const CLOSE_RANGE_UNSHARE: usize = 2;

fn open_unless_directory(path: Path<'_>, how: &How) -> Answer<c_int> {
    let fd = sys::openat2(CWD, path, how)?;
    if sys::fstat(fd)?.st_mode & libc::S_IFMT == libc::S_IFDIR {
        return Err(Errno::EISDIR);
    }
    Ok(fd)
}

fn open_textless(fd: c_int, how: &How) -> Answer<c_int> {
    let number = u32::try_from(fd).map_err(|_| Errno::EBADF)?;
    let mut link = Decimal::new(b"/proc/thread-self/fd/");
    let mut text = Text::new();
    let path = link.path(number)?;
    text.receive(PATH_MAX, |room| sys::readlinkat(CWD, path, room))?;
    if text.bytes().first() == Some(&b'/') && leads_to(text.path(), &sys::fstat(fd)?) {
        return Err(Errno::ESTALE);
    }
    sys::openat2(CWD, link.path(number)?, &How { resolve: 0, ..*how })
}

fn add_watch(watch: &Watch<'_>) -> Answer<c_int> {
    let number = u32::try_from(watch.place).map_err(|_| Errno::EBADF)?;
    let mut link = Decimal::new(b"/proc/thread-self/fd/");
    let path = link.path(number)?;
    let mut text = Text::new();
    text.receive(PATH_MAX, |room| sys::readlinkat(CWD, path, room))?;
    if text.bytes().first() == Some(&b'/') && !(watch.may)(text.bytes()) {
        return Err(Errno::EACCES);
    }
    let group = usize::try_from(watch.group).map_err(|_| Errno::EBADF)?;
    let call = [group, path.address(), watch.mask as usize, 0, 0, 0];
    // SAFETY: the path lives through the call, which writes nothing.
    let watch = unsafe { pass(libc::SYS_inotify_add_watch, call) }?;
    c_int::try_from(watch).map_err(|_| Errno::EIO)
}

/// A bind(2) in a directory of its own.
struct Binding<'a> {
    directory: Path<'a>,
    /// The socket, the caller's own address, and its length.
    call: Socket,
    answer: Answer<()>,
}

/// A socket, an address that outlives the call, and its length.
pub(crate) type Socket = (c_int, *const libc::sockaddr, libc::socklen_t);

/// Binds a socket to an address that is a single name, made in `directory`, which may hold no
/// link. The helper has a working directory of its own, where no other thread can go elsewhere.
///
/// # Errors
/// The kernel's answer.
pub(crate) fn bind_in(directory: Path<'_>, call: Socket) -> Answer<()> {
    let stack = sys::map_memory(STACK)?;
    let mask = sys::block_signals();
    let mut binding = Binding { directory, call, answer: Err(Errno::EIO) };
    let flags = libc::CLONE_VM
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM
        | libc::CLONE_VFORK;
    let top = stack.wrapping_add(STACK);
    let argument = core::ptr::from_mut(&mut binding).cast::<c_void>();
    // SAFETY: the stack is the helper's alone; the binding lives until it has ended, for which
    // CLONE_VFORK waits.
    let started = unsafe { sys::start(flags.cast_unsigned() as usize, top, bind_helper, argument) };
    sys::restore_signals(mask);
    // SAFETY: the helper, the only one to use it, has ended.
    unsafe { sys::unmap(stack, STACK) };
    started.and(binding.answer)
}

/// # Safety
/// `binding` must be a `Binding` that nobody else touches meanwhile.
unsafe extern "C" fn bind_helper(binding: *mut c_void) {
    // SAFETY: `bind_in` passes its own and waits.
    let binding = unsafe { &mut *binding.cast::<Binding<'_>>() };
    binding.answer = bind_there(binding.directory, binding.call);
}

fn bind_there(directory: Path<'_>, (socket, address, length): Socket) -> Answer<()> {
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let flags = u64::from(flags.cast_unsigned());
    let held = sys::openat2(CWD, directory, &How { flags, mode: 0, resolve: sys::NO_SYMLINKS })?;
    sys::process::change_directory(held)?;
    let socket = usize::try_from(socket).map_err(|_| Errno::EBADF)?;
    let length = usize::try_from(length).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the address lives through the call, which reads only.
    unsafe { pass(libc::SYS_bind, [socket, address.addr(), length, 0, 0, 0]) }.map(|_| ())
}

/// One descriptor as ancillary data (unix(7)): a header and a number, padded to eight bytes.
#[repr(C)]
struct Rights {
    header: libc::cmsghdr,
    fd: c_int,
    padding: c_int,
}

const RIGHTS_LENGTH: usize = size_of::<libc::cmsghdr>() + size_of::<c_int>();

fn rights(fd: c_int) -> Rights {
    let header = libc::cmsghdr {
        cmsg_len: RIGHTS_LENGTH,
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    Rights { header, fd, padding: 0 }
}

fn message(rights: &mut Rights, byte: &mut libc::iovec) -> libc::msghdr {
    libc::msghdr {
        msg_name: core::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: byte,
        msg_iovlen: 1,
        msg_control: core::ptr::from_mut(rights).cast(),
        msg_controllen: size_of::<Rights>(),
        msg_flags: 0,
    }
}

fn send(socket: c_int, fd: c_int) -> Answer<()> {
    let mut rights = rights(fd);
    let mut byte = [0_u8; 1];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let message = message(&mut rights, &mut part);
    let flags = (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL).cast_unsigned() as usize;
    let socket = usize::try_from(socket).map_err(|_| Errno::EBADF)?;
    let call = [socket, core::ptr::from_ref(&message).addr(), flags, 0, 0, 0];
    // SAFETY: the message and what it points to live through the call, which reads only.
    unsafe { pass(libc::SYS_sendmsg, call) }.map(|_| ())
}

/// Takes the descriptor that the helper sent; it is there already.
fn receive(socket: c_int, how: &How) -> Answer<c_int> {
    let mut rights = rights(-1);
    let mut byte = [0_u8; 1];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut message = message(&mut rights, &mut part);
    let mut flags = libc::MSG_DONTWAIT;
    if how.flags & u64::from(libc::O_CLOEXEC.cast_unsigned()) != 0 {
        flags |= libc::MSG_CMSG_CLOEXEC;
    }
    let socket = usize::try_from(socket).map_err(|_| Errno::EBADF)?;
    let flags = flags.cast_unsigned() as usize;
    let call = [socket, core::ptr::from_mut(&mut message).addr(), flags, 0, 0, 0];
    // SAFETY: the message and what it points to live through the call and are ours to be written.
    unsafe { pass(libc::SYS_recvmsg, call) }?;
    let whole =
        message.msg_controllen >= RIGHTS_LENGTH && message.msg_flags & libc::MSG_CTRUNC == 0;
    if whole && rights.fd >= 0 {
        Ok(rights.fd)
    } else {
        // What does not fit is dropped by the kernel when the table is full.
        Err(Errno(libc::EMFILE))
    }
}
