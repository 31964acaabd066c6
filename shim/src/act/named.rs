//! Calls that make a path of their own: temporary files, and the names of POSIX shared memory,
//! semaphores and message queues.

#![expect(
    unsafe_code,
    reason = "reads what the callers' pointers name, calls libc's own functions"
)]

use core::ffi::{c_char, c_int, c_uint};

use ringfence_policy::Access;

use crate::act::open;
use crate::arm::State;
use crate::place::{self, Goal};
use crate::report::Call;
use crate::sys::{self, Answer, CWD, Errno, pass};
use crate::text::Text;

/// The letters of a temporary name, as libc chooses them.
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The names that are tried before EEXIST, as libc does (`ATTEMPTS_MIN`).
const ATTEMPTS: u32 = 62 * 62 * 62;

/// The letters that stand for the part to be chosen.
const CHOSEN: &[u8; 6] = b"XXXXXX";

/// `mkstemp` in all its forms: `suffix` bytes follow the letters that are chosen.
///
/// # Safety
/// `template` must be a C string that may be written, as mkstemp(3) demands.
pub(crate) unsafe fn temporary(
    state: &State,
    call: Call,
    template: *mut c_char,
    suffix: c_int,
    flags: c_int,
) -> Answer<c_int> {
    let flags = flags & !libc::O_ACCMODE | libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
    // SAFETY: as this function's own contract says.
    let make = |template| unsafe { open::open_seldom(state, call, CWD, template, flags, 0o600) };
    // SAFETY: as above.
    unsafe { choose(template, suffix, make) }
}

/// Chooses letters for a template until `make` finds no such name taken.
///
/// # Errors
/// EFAULT; EINVAL for a template without the letters; EEXIST after many tries; what `make` says.
///
/// # Safety
/// As [`temporary`].
pub(crate) unsafe fn choose<T>(
    template: *mut c_char,
    suffix: c_int,
    make: impl Fn(*const c_char) -> Answer<T>,
) -> Answer<T> {
    if sys::is_wild(template) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: as this function's own contract says.
    let place = unsafe { place_of_letters(template, suffix) }?;
    for _ in 0..ATTEMPTS {
        let mut random = [0_u8; 8];
        sys::random(&mut random)?;
        let mut number = u64::from_le_bytes(random);
        for offset in 0..CHOSEN.len() {
            let letter = LETTERS.get((number % 62) as usize).copied().unwrap_or(b'a');
            number /= 62;
            let target = place.wrapping_add(offset).cast::<u8>();
            // SAFETY: the template may be written; `place_of_letters` saw these bytes in it.
            unsafe { target.write(letter) };
        }
        match make(template) {
            Err(Errno(libc::EEXIST)) => {}
            answer => return answer,
        }
    }
    Err(Errno(libc::EEXIST))
}

/// Where the letters to be chosen begin; EINVAL for a template without them.
unsafe fn place_of_letters(template: *mut c_char, suffix: c_int) -> Answer<*mut c_char> {
    // SAFETY: the caller vouches for a C string.
    let text = unsafe { core::ffi::CStr::from_ptr(template) }.to_bytes();
    let suffix = usize::try_from(suffix).map_err(|_| Errno::EINVAL)?;
    let end = text.len().checked_sub(suffix).ok_or(Errno::EINVAL)?;
    let start = end.checked_sub(CHOSEN.len()).ok_or(Errno::EINVAL)?;
    if text.get(start..end) != Some(CHOSEN.as_slice()) {
        return Err(Errno::EINVAL);
    }
    Ok(template.wrapping_add(start))
}

/// `tmpfile`: libc makes it in `/tmp`, whatever TMPDIR says.
///
/// # Safety
/// None: it takes no pointer, but every act is called alike.
pub(crate) unsafe fn nameless(state: &State, call: Call) -> Answer<*mut libc::FILE> {
    let flags = libc::O_RDWR | libc::O_TMPFILE;
    let fd = match open_at(state, call, &[b"/tmp"], flags, 0o600) {
        // A file system without nameless files: libc's own takes a name and unlinks it.
        Err(Errno(libc::EOPNOTSUPP | libc::EISDIR)) => {
            // SAFETY: takes no argument; `/tmp` was judged.
            let stream = unsafe { (state.next.tmpfile)() };
            return if stream.is_null() { Err(sys::errno()) } else { Ok(stream) };
        }
        answer => answer?,
    };
    // SAFETY: the descriptor was opened just now; the mode is a constant.
    let stream = unsafe { (state.next.fdopen)(fd, c"w+".as_ptr()) };
    if stream.is_null() {
        let errno = sys::errno();
        sys::close(fd);
        return Err(errno);
    }
    Ok(stream)
}

/// Opens a text that is put together here.
fn open_at(
    state: &State,
    call: Call,
    parts: &[&[u8]],
    flags: c_int,
    mode: libc::mode_t,
) -> Answer<c_int> {
    let goal = Goal { call, access: open::access(flags), how: open::how(flags, mode) };
    place::open_parts(state, CWD, parts, &goal, &mut Text::new())
}

/// The name of a POSIX object as the kernel's path has it: no slash but the first, and a NUL.
pub(crate) struct ObjectName {
    bytes: [u8; OBJECT_NAME],
    end: usize,
}

/// `NAME_MAX` bytes, a slash before them, a NUL behind.
const OBJECT_NAME: usize = 255 + 2;

impl ObjectName {
    /// Copies a name of the caller's, once.
    ///
    /// # Errors
    /// EFAULT; EINVAL for an empty name or one with a slash inside; ENAMETOOLONG.
    ///
    /// # Safety
    /// `name` must be null, in the first page, or a C string.
    pub(crate) unsafe fn copy(name: *const c_char) -> Answer<Self> {
        if sys::is_wild(name) {
            return Err(Errno::EFAULT);
        }
        let mut copy = Self { bytes: [0; OBJECT_NAME], end: 1 };
        copy.bytes[0] = b'/';
        let mut from = name.cast::<u8>();
        loop {
            // SAFETY: a C string, of which no byte before this one was NUL.
            let byte = unsafe { from.read_volatile() };
            from = from.wrapping_add(1);
            match byte {
                b'/' if copy.end == 1 => {}
                0 if copy.end > 1 => return Ok(copy),
                0 | b'/' => return Err(Errno::EINVAL),
                _ => copy.push(byte)?,
            }
        }
    }

    fn push(&mut self, byte: u8) -> Answer<()> {
        let room = self.bytes.len().saturating_sub(1);
        match self.bytes.get_mut(self.end) {
            Some(place) if self.end < room => *place = byte,
            _ => return Err(Errno::ENAMETOOLONG),
        }
        self.end = self.end.saturating_add(1);
        Ok(())
    }

    /// The name alone.
    pub(crate) fn name(&self) -> &[u8] {
        self.bytes.get(1..self.end).unwrap_or_default()
    }
}

/// `shm_open`: a file in `/dev/shm`.
///
/// # Safety
/// `name` must be what shm_open(3) demands.
pub(crate) unsafe fn shared_memory(
    state: &State,
    call: Call,
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let name = unsafe { ObjectName::copy(name) }?;
    let flags = flags | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
    open_at(state, call, &[b"/dev/shm/", name.name()], flags, mode)
}

/// `sem_open`: judged as the file that libc makes of the name, and made by libc, which follows no
/// link there.
///
/// # Safety
/// The arguments must be what sem_open(3) demands.
pub(crate) unsafe fn semaphore(
    state: &State,
    call: Call,
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    value: c_uint,
) -> Answer<*mut libc::sem_t> {
    // SAFETY: as this function's own contract says.
    let name = unsafe { ObjectName::copy(name) }?;
    let access = Access::READ.with(Access::WRITE);
    place::judge_text(state, call, access, &[b"/dev/shm/sem.", name.name()])?;
    // SAFETY: the name is a C string of ours, the rest the caller's own.
    let made = unsafe { (state.next.sem_open)(name.bytes.as_ptr().cast(), flags, mode, value) };
    if made.is_null() { Err(sys::errno()) } else { Ok(made) }
}

/// `mq_open`: the kernel's own tree, judged as `/dev/mqueue/NAME`.
///
/// # Safety
/// The arguments must be what mq_open(3) demands.
pub(crate) unsafe fn queue(
    state: &State,
    call: Call,
    name: *const c_char,
    flags: c_int,
    mode: libc::mode_t,
    attributes: *const libc::mq_attr,
) -> Answer<libc::mqd_t> {
    // SAFETY: as this function's own contract says.
    let name = unsafe { ObjectName::copy(name) }?;
    place::judge_text(state, call, open::access(flags), &[b"/dev/mqueue/", name.name()])?;
    let address = name.bytes.as_ptr().wrapping_add(1).addr();
    let (flags, mode) = (flags.cast_unsigned() as usize, mode as usize);
    // SAFETY: the name is ours; the attributes are the caller's, which the kernel judges.
    let fd = unsafe { pass(libc::SYS_mq_open, [address, flags, mode, attributes.addr(), 0, 0]) }?;
    libc::mqd_t::try_from(fd).map_err(|_| Errno::EBADF)
}

/// `_IO_file_open` and `_IO_file_fopen`, by which C++ runtimes of the last century opened streams
/// half made: refused, since libc would open the path itself.
///
/// # Safety
/// None: nothing is read, but every act is called alike.
pub(crate) unsafe fn half_made_stream(_: &State, _: Call) -> Answer<*mut libc::FILE> {
    Err(Errno::EACCES)
}

/// `__nss_files_data_open` and `__nss_files_data_setent`, by which libc's own lookups open the file
/// that they go on to read, and two others of libc's own use that take a path: nobody else calls
/// them, and libc would look at the path itself.
///
/// # Safety
/// None: nothing is read, but every act is called alike.
pub(crate) unsafe fn private_reader(_: &State, _: Call) -> Answer<c_int> {
    Err(Errno::EACCES)
}
