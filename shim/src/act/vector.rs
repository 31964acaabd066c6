//! The argument and environment arrays of a caller, and room for arrays of our own.

#![expect(unsafe_code, reason = "the caller's arrays are read here")]

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crate::sys::{self, Answer, Errno, process};

/// A null-ended array of C strings of the caller's, as `execve` takes it. Null stands for an
/// empty one, as it does for the kernel.
#[derive(Clone, Copy)]
pub(crate) struct Vector<'a> {
    start: *const *const c_char,
    owner: PhantomData<&'a CStr>,
}

impl<'a> Vector<'a> {
    /// The array that begins at `start`.
    ///
    /// # Errors
    /// EFAULT where it or one of its strings begins in the first page.
    ///
    /// # Safety
    /// `start` must be null, in the first page, or a null-ended array of such pointers or C
    /// strings, which nobody changes while the vector is in use.
    pub(crate) unsafe fn new(start: *const *const c_char) -> Answer<Self> {
        let vector = Self { start, owner: PhantomData };
        if start.is_null() {
            return Ok(vector);
        }
        if sys::is_wild(start) || vector.pointers().any(sys::is_wild) {
            return Err(Errno::EFAULT);
        }
        Ok(vector)
    }

    /// The array as the kernel takes it.
    pub(crate) const fn start(self) -> *const *const c_char {
        self.start
    }

    /// The pointers in front of the null.
    pub(crate) fn pointers(self) -> impl Iterator<Item = *const c_char> + 'a {
        let mut next = self.start;
        core::iter::from_fn(move || {
            if next.is_null() {
                return None;
            }
            // SAFETY: `new` had the caller's word that the array goes on up to a null.
            let pointer = unsafe { next.read() };
            next = next.wrapping_add(1);
            (!pointer.is_null()).then_some(pointer)
        })
    }

    /// The strings.
    pub(crate) fn texts(self) -> impl Iterator<Item = &'a CStr> + 'a {
        // SAFETY: `new` refused wild pointers and had the caller's word for all others.
        self.pointers().map(|pointer| unsafe { CStr::from_ptr(pointer) })
    }
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// The process's own environment at this moment.
///
/// # Errors
/// EFAULT where the program put something else in its place.
///
/// # Safety
/// As with getenv(3), nobody may change it meanwhile.
pub(crate) unsafe fn current() -> Answer<Vector<'static>> {
    // SAFETY: libc's own variable, or the executable's copy of it, which libc uses too.
    let start = unsafe { environ };
    // SAFETY: as getenv(3) relies on.
    unsafe { Vector::new(start) }
}

/// The value of a variable in the process's own environment, as getenv(3) finds it.
///
/// # Safety
/// As [`current`].
pub(crate) unsafe fn variable(name: &[u8]) -> Option<&'static [u8]> {
    // SAFETY: as this function's own contract says.
    let texts = unsafe { current() }.ok()?;
    texts.texts().find_map(|text| text.to_bytes().strip_prefix(name)?.strip_prefix(b"="))
}

/// Calls `act` with `count` zeroed words: on the stack where they are no more than `SMALL`, else
/// in a mapping that is gone when `act` comes back. In a child in its parent's memory that starts its
/// program it never does: there the words are a room that the kernel gives back.
///
/// # Errors
/// ENOMEM where no memory is to be had.
pub(crate) fn with_words<const SMALL: usize, T>(
    count: usize,
    is_child: bool,
    act: impl FnOnce(&mut [usize]) -> T,
) -> Answer<T> {
    if count <= SMALL {
        return Ok(on_stack::<SMALL, T>(count, act));
    }
    let pages = count.checked_mul(size_of::<usize>()).ok_or(Errno::E2BIG)?;
    match ROOM.claim(is_child) {
        Some(mut claim) => Ok(act(claim.words(pages)?.get_mut(..count).ok_or(Errno::E2BIG)?)),
        None => in_mapping(count, pages, act),
    }
}

/// Room for one child at a time in its parent's memory. A child that starts its program does not come
/// back to give it back: the kernel does, which clears the owner when the child leaves the memory.
struct Room {
    /// The child's number, or 0.
    owner: AtomicU32,
    start: AtomicPtr<usize>,
    /// In bytes.
    length: AtomicUsize,
}

static ROOM: Room = Room {
    owner: AtomicU32::new(0),
    start: AtomicPtr::new(null_mut()),
    length: AtomicUsize::new(0),
};

/// The room, until this is dropped or the child is gone.
struct Claim(&'static Room);

impl Room {
    /// `None` for another than a child of one thread, which owns the word that the kernel clears, and
    /// where another child has it. Then a mapping will do, which in the worst case stays.
    fn claim(&'static self, is_child: bool) -> Option<Claim> {
        let own = sys::process();
        if !is_child || sys::thread() != own {
            return None;
        }
        let order = Ordering::Acquire;
        self.owner.compare_exchange(0, own, order, Ordering::Relaxed).ok()?;
        process::clear_at_end(Some(&self.owner));
        Some(Claim(self))
    }
}

impl Claim {
    /// Cleared words of so many bytes.
    fn words(&mut self, length: usize) -> Answer<&mut [usize]> {
        let Self(room) = *self;
        let had = room.length.load(Ordering::Relaxed);
        if had < length {
            let start = sys::map_memory(length)?.cast::<usize>();
            let old = room.start.swap(start, Ordering::Relaxed);
            room.length.store(length, Ordering::Relaxed);
            if had != 0 {
                // SAFETY: a mapping made here, which nobody but the owner uses.
                unsafe { sys::unmap(old.cast(), had) };
            }
        }
        let start = room.start.load(Ordering::Relaxed);
        let count = length >> size_of::<usize>().trailing_zeros();
        // SAFETY: a mapping of at least that length, which nobody but the owner of the room uses.
        let words = unsafe { core::slice::from_raw_parts_mut(start, count) };
        words.fill(0);
        Ok(words)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        process::clear_at_end(None);
        self.0.owner.store(0, Ordering::Release);
    }
}

#[inline(never)]
fn on_stack<const SMALL: usize, T>(count: usize, act: impl FnOnce(&mut [usize]) -> T) -> T {
    let mut words = [0; SMALL];
    act(words.get_mut(..count).unwrap_or_default())
}

#[inline(never)]
fn in_mapping<T>(count: usize, length: usize, act: impl FnOnce(&mut [usize]) -> T) -> Answer<T> {
    let start = sys::map_memory(length)?;
    // SAFETY: a fresh mapping of that length, page-aligned and zeroed, that nobody else knows.
    let words = unsafe { core::slice::from_raw_parts_mut(start.cast::<usize>(), count) };
    let result = act(words);
    // SAFETY: the mapping made above; the slice is not used any more.
    unsafe { sys::unmap(start, length) };
    Ok(result)
}

/// The words that a text of so many bytes needs with its NUL.
pub(crate) const fn words_for(length: usize) -> usize {
    (length >> size_of::<usize>().trailing_zeros()).saturating_add(1)
}

/// Writes bytes into words, from word `at` on, with a NUL behind them; answers their address.
pub(crate) fn put_text(words: &mut [usize], at: usize, parts: &[&[u8]]) -> Answer<usize> {
    let room = words.get_mut(at..).ok_or(Errno::E2BIG)?;
    let address = room.as_ptr().addr();
    let mut bytes = parts.iter().copied().flatten().copied().chain([0]);
    let mut ended = false;
    for place in room {
        let mut word = [0_u8; size_of::<usize>()];
        for byte in &mut word {
            match bytes.next() {
                Some(value) => *byte = value,
                None => ended = true,
            }
        }
        *place = usize::from_ne_bytes(word);
        if ended {
            break;
        }
    }
    if bytes.next().is_some() { Err(Errno::E2BIG) } else { Ok(address) }
}

/// Calls `act` with the arguments by which `shell` runs the script at a path in parts: the shell,
/// the script, and the given arguments without the first.
///
/// # Errors
/// ENOMEM or E2BIG where there is no room for them.
pub(crate) fn with_script<T>(
    given: Vector<'_>,
    shell: &CStr,
    script: &[&[u8]],
    act: impl FnOnce(Vector<'_>) -> T,
) -> Answer<T> {
    let length = script.iter().map(|part| part.len()).fold(0_usize, usize::saturating_add);
    let pointers = given.pointers().skip(1).count().saturating_add(3);
    let count = pointers.saturating_add(words_for(length));
    with_words::<64, _>(count, false, |words| {
        let script = put_text(words, pointers, script)?;
        let rest = given.pointers().skip(1).map(|argument| argument.addr());
        let mut places = words.get_mut(..pointers).ok_or(Errno::E2BIG)?.iter_mut();
        for address in [shell.as_ptr().addr(), script].into_iter().chain(rest).chain([0]) {
            *places.next().ok_or(Errno::E2BIG)? = address;
        }
        Ok(act(Vector { start: words.as_ptr().cast(), owner: PhantomData }))
    })?
}
