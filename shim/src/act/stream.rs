//! Streams: `fopen`, `freopen`, `setmntent`. The descriptor is ours, the stream libc's.

#![expect(
    unsafe_code,
    reason = "reads what the callers' pointers name, calls libc's own functions"
)]

use core::ffi::{c_char, c_int};

use crate::act::open;
use crate::arm::State;
use crate::place::{self, Decimal, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno};
use crate::text::Text;

/// A stream's mode, as fopen(3) reads it.
#[derive(Clone, Copy, Debug)]
struct Mode {
    flags: c_int,
    /// `,ccs=…` asks for a character set, which only libc's own fopen can set up.
    charset: bool,
}

/// The bytes of a mode that count, and the most of one with a character set.
const LETTERS: usize = 7;
const LONGEST_MODE: usize = 64;

impl Mode {
    /// Reads the mode; EINVAL for a first letter that is none of `r`, `w`, `a`.
    fn read(text: &[u8]) -> Answer<Self> {
        let mut flags = match text.first() {
            Some(b'r') => libc::O_RDONLY,
            Some(b'w') => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
            Some(b'a') => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND,
            _ => return Err(Errno::EINVAL),
        };
        let mut charset = false;
        for letter in text.iter().take(LETTERS).skip(1) {
            match letter {
                b'+' => flags = flags & !libc::O_ACCMODE | libc::O_RDWR,
                b'x' => flags |= libc::O_EXCL,
                b'e' => flags |= libc::O_CLOEXEC,
                b',' => break,
                _ => {}
            }
        }
        if text.windows(5).any(|part| part == b",ccs=") {
            charset = true;
        }
        Ok(Self { flags, charset })
    }

    fn appends(self) -> bool {
        self.flags & libc::O_APPEND != 0
    }
}

/// Copies a mode of the caller's.
///
/// # Safety
/// `mode` must be a C string, or in the first page.
unsafe fn copy_mode(mode: *const c_char, into: &mut [u8; LONGEST_MODE]) -> Answer<usize> {
    if sys::is_wild(mode) {
        return Err(Errno::EFAULT);
    }
    for (offset, place) in into.iter_mut().enumerate() {
        // SAFETY: a C string, of which no byte before this one was NUL.
        *place = unsafe { mode.wrapping_add(offset).cast::<u8>().read_volatile() };
        if *place == 0 {
            return Ok(offset);
        }
    }
    Err(Errno::EINVAL)
}

/// `fopen` in all its forms.
///
/// # Safety
/// `path` and `mode` must be what fopen(3) demands.
pub(crate) unsafe fn open(
    state: &State,
    call: Call,
    path: *const c_char,
    mode: *const c_char,
) -> Answer<*mut libc::FILE> {
    let mut copy = [0_u8; LONGEST_MODE];
    // SAFETY: as this function's own contract says.
    let length = unsafe { copy_mode(mode, &mut copy) }?;
    let parsed = Mode::read(copy.get(..length).unwrap_or_default())?;
    // SAFETY: as this function's own contract says.
    let fd = unsafe { open::open_seldom(state, call, CWD, path, parsed.flags, 0o666) }?;
    stream(state, fd, parsed, &mut copy)
}

/// `FSETLOCKING_BYCALLER` of stdio_ext.h: the stream is one thread's.
const BY_CALLER: c_int = 2;

/// `__nss_files_fopen`, by which libc's modules for users and groups read their files, and which
/// opens any path.
///
/// # Safety
/// `path` must be a C string, or in the first page.
pub(crate) unsafe fn configuration(
    state: &State,
    call: Call,
    path: *const c_char,
) -> Answer<*mut libc::FILE> {
    // SAFETY: as this function's own contract says; the mode is a constant.
    unsafe { open_for_one(state, call, path, c"rce".as_ptr()) }
}

/// As [`open`], for one thread alone.
///
/// # Safety
/// As [`open`].
unsafe fn open_for_one(
    state: &State,
    call: Call,
    path: *const c_char,
    mode: *const c_char,
) -> Answer<*mut libc::FILE> {
    // SAFETY: as this function's own contract says.
    let stream = unsafe { open(state, call, path, mode) }?;
    // SAFETY: libc made the stream just now.
    unsafe { (state.next.__fsetlocking)(stream, BY_CALLER) };
    Ok(stream)
}

/// A stream of a descriptor just opened, which it closes if there is none to be had.
fn stream(
    state: &State,
    fd: c_int,
    mode: Mode,
    text: &mut [u8; LONGEST_MODE],
) -> Answer<*mut libc::FILE> {
    if mode.appends() {
        // libc's fopen stands at the end from the start; a pipe has none.
        let _ = sys::seek_end(fd);
    }
    let stream = if mode.charset {
        // Only libc's own fopen sets a character set up: it opens nothing, and gets our descriptor.
        without_exclusive(text);
        // SAFETY: both texts are C strings of ours.
        unsafe { (state.next.fopen)(c"/dev/null".as_ptr(), text.as_ptr().cast()) }
    } else {
        // SAFETY: the descriptor was opened just now; the mode is a C string of ours.
        unsafe { (state.next.fdopen)(fd, text.as_ptr().cast()) }
    };
    if stream.is_null() {
        let errno = sys::errno();
        sys::close(fd);
        return Err(errno);
    }
    if mode.charset {
        put_under(state, stream, fd, mode)?;
    }
    Ok(stream)
}

/// `x` would refuse the name that stands in for the file.
fn without_exclusive(text: &mut [u8; LONGEST_MODE]) {
    for letter in text.iter_mut().take(LETTERS).skip(1).take_while(|letter| **letter != b',') {
        if *letter == b'x' {
            *letter = b'b';
        }
    }
}

/// Puts a descriptor in the place of a stream's, and closes it under its own number.
fn put_under(state: &State, stream: *mut libc::FILE, fd: c_int, mode: Mode) -> Answer<()> {
    // SAFETY: libc made the stream just now, or the caller vouches for it.
    let place = unsafe { (state.next.fileno)(stream) };
    let answer = sys::duplicate(fd, place, mode.flags & libc::O_CLOEXEC);
    if fd != place {
        sys::close(fd);
    }
    answer
}

/// `freopen`: a path of null opens the stream's own file anew, with the mode's rights.
///
/// # Safety
/// The arguments must be what freopen(3) demands.
pub(crate) unsafe fn reopen(
    state: &State,
    call: Call,
    path: *const c_char,
    mode: *const c_char,
    stream: *mut libc::FILE,
) -> Answer<*mut libc::FILE> {
    let mut copy = [0_u8; LONGEST_MODE];
    // SAFETY: as this function's own contract says.
    let opened = unsafe { copy_mode(mode, &mut copy) }.and_then(|length| {
        let mode = Mode::read(copy.get(..length).unwrap_or_default())?;
        let fd = if path.is_null() {
            open_own(state, call, stream, mode)
        } else {
            // SAFETY: as this function's own contract says.
            unsafe { open::open_seldom(state, call, CWD, path, mode.flags, 0o666) }
        }?;
        Ok((fd, mode))
    });
    // A refused freopen closes the stream all the same: libc does it when there is no such file.
    let name = if opened.is_ok() { c"/dev/null" } else { c"/dev/null/closed" };
    without_exclusive(&mut copy);
    // SAFETY: the caller vouches for the stream; the texts are C strings of ours.
    let again = unsafe { (state.next.freopen)(name.as_ptr(), copy.as_ptr().cast(), stream) };
    let (fd, mode) = opened?;
    if again.is_null() {
        let errno = sys::errno();
        sys::close(fd);
        return Err(errno);
    }
    if mode.appends() {
        // A pipe has no end.
        let _ = sys::seek_end(fd);
    }
    put_under(state, again, fd, mode)?;
    Ok(again)
}

fn open_own(state: &State, call: Call, stream: *mut libc::FILE, mode: Mode) -> Answer<c_int> {
    // SAFETY: the caller of freopen vouches for the stream.
    let fd = unsafe { (state.next.fileno)(stream) };
    let number = u32::try_from(fd).map_err(|_| Errno::EBADF)?;
    let mut link = Decimal::new(b"/proc/thread-self/fd/");
    let mut text = Text::new();
    text.append(link.text(number)?)?;
    // The name exists already.
    let flags = mode.flags & !(libc::O_CREAT | libc::O_EXCL);
    let how = open::how(flags, 0);
    place::open_text(state, &Goal { call, access: open::access(mode.flags), how }, &mut text)
}

/// `setmntent`: a stream that one thread uses.
///
/// # Safety
/// `path` and `mode` must be what setmntent(3) demands.
pub(crate) unsafe fn mounts(
    state: &State,
    call: Call,
    path: *const c_char,
    mode: *const c_char,
) -> Answer<*mut libc::FILE> {
    let mut copy = [0_u8; LONGEST_MODE];
    // SAFETY: as this function's own contract says.
    let length = unsafe { copy_mode(mode, &mut copy) }?;
    // As libc does: no child gets the descriptor.
    let more = copy.get_mut(length..).unwrap_or_default();
    let fits = more.len() > b"ce".len();
    more.iter_mut().zip(b"ce").for_each(|(to, from)| *to = *from);
    if !fits {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says; the mode is a C string of ours.
    unsafe { open_for_one(state, call, path, copy.as_ptr().cast()) }
}
