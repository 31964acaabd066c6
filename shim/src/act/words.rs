//! `wordexp`: libc's own, without the two things that it would do by calls that no hook sees.
//!
//! Command substitution is answered with `WRDE_CMDSUB`, as if the caller had not wanted it. The
//! letters of patterns are hidden from libc, which then looks for no files, and the words that come
//! out with such a letter are given to our [`glob`].

#![expect(unsafe_code, reason = "the callers' structures, libc's own functions")]

use core::ffi::{CStr, c_char, c_int, c_void};

use super::glob::{self, Glob};
use super::heap::{self, List};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, Errno};

/// `wordexp_t` of wordexp.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct Words {
    count: usize,
    start: *mut *mut c_char,
    offset: usize,
}

/// The flags of wordexp.h that matter here.
const APPEND: c_int = 1 << 1;
const NO_COMMANDS: c_int = 1 << 2;

/// The answers of wordexp.h.
const NO_SPACE: c_int = 1;
const SYNTAX: c_int = 5;

/// `GLOB_NOCHECK` of glob.h: what matches nothing stays as it is.
const AS_IT_IS: c_int = 1 << 4;

/// The letters of patterns, and what stands for each while libc sees the text: first where it is
/// to match, then where it is quoted.
const LETTERS: [(u8, u8, u8); 3] = [(b'*', 1, 4), (b'?', 2, 5), (b'[', 3, 6)];

/// wordexp(3). A text in which a letter of patterns stands where libc would read it otherwise
/// (`$?`, `$*`, `$[…]` and inside `${…}`) is answered with `WRDE_SYNTAX`.
///
/// # Errors
/// EFAULT for a pointer into the first page.
///
/// # Safety
/// As wordexp(3) demands.
pub(crate) unsafe fn expand(
    state: &'static State,
    call: Call,
    text: *const c_char,
    into: *mut c_void,
    flags: c_int,
) -> Answer<c_int> {
    if sys::is_wild(text) || sys::is_wild(into) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the caller's C string.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    let patterns = text.iter().any(|byte| LETTERS.iter().any(|letter| letter.0 == *byte));
    let mut hidden = List::new(&state.next);
    let copied = if patterns { hide(text, &mut hidden) } else { copy(text, &mut hidden) };
    match copied {
        Ok(true) => {}
        Ok(false) => return Ok(SYNTAX),
        Err(_) => return Ok(NO_SPACE),
    }
    let into = into.cast::<Words>();
    let mut before = 0;
    if flags & APPEND != 0 {
        // SAFETY: the caller's structure, which holds words already.
        before = unsafe { (*into).count };
    }
    let start = hidden.items().as_ptr().cast();
    // SAFETY: a C string of ours, the caller's structure and flags, and one flag more.
    let result = unsafe { (state.next.wordexp)(start, into.cast(), flags | NO_COMMANDS) };
    if result != 0 || !patterns {
        return Ok(result);
    }
    // SAFETY: libc filled it.
    let words = unsafe { &mut *into };
    Ok(if find(state, call, words, before).is_ok() { 0 } else { NO_SPACE })
}

const fn is_stand_in(byte: u8) -> bool {
    byte != 0 && byte <= 6
}

fn copy(text: &[u8], hidden: &mut List<u8>) -> Answer<bool> {
    hidden.append(text)?;
    hidden.push(0).map(|()| true)
}

/// Copies the text with stand-ins for the letters of patterns; false where that is not possible.
///
/// No such letter is left but in plain arithmetic, so libc looks for no file, even where it reads
/// the rest of the text otherwise than this does.
fn hide(text: &[u8], hidden: &mut List<u8>) -> Answer<bool> {
    let (mut quote, mut escaped) = (0_u8, false);
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if is_stand_in(*byte) {
            return Ok(false);
        }
        let letter = LETTERS.iter().find(|letter| letter.0 == *byte);
        if let Some((_, matches, quoted)) = letter {
            hidden.push(if quote != 0 || escaped { *quoted } else { *matches })?;
            escaped = false;
            continue;
        }
        hidden.push(*byte)?;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quote != b'\'' => escaped = true,
            b'\'' | b'"' if quote == 0 => quote = *byte,
            b'\'' | b'"' if quote == *byte => quote = 0,
            b'$' if quote != b'\'' => {
                let Some(length) = expansion(rest) else { return Ok(false) };
                let (part, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                hidden.append(part)?;
                rest = after;
            }
            _ => {}
        }
    }
    hidden.push(0).map(|()| true)
}

/// The length of what stands in braces or brackets behind a `$`, which is copied as it is; none
/// where a letter of patterns has another meaning there, or where it is not plain.
fn expansion(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'{', inner @ ..] => {
            let end = inner.iter().position(|byte| *byte == b'}')?;
            let nested = |byte: &u8| b"*?[$\\'\"`".contains(byte) || is_stand_in(*byte);
            if inner.get(..end)?.iter().any(nested) {
                return None;
            }
            end.checked_add(2)
        }
        [b'(', b'(', inner @ ..] => {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-*/_ \t".contains(byte);
            let end = inner.iter().position(|byte| !plain(byte))?;
            let is_plain = inner.get(end..)?.starts_with(b"))");
            // A command, or an error: libc answers so, whatever stands in it.
            Some(if is_plain { end.saturating_add(4) } else { 0 })
        }
        [b'*' | b'?' | b'[', ..] => None,
        _ => Some(0),
    }
}

/// Puts the letters of patterns back into the words from `before` on, and what a pattern finds in
/// its place. For want of memory the words end there.
fn find(state: &'static State, call: Call, words: &mut Words, before: usize) -> Answer<()> {
    let mut list = List::new(&state.next);
    let length = words.offset.saturating_add(words.count);
    // SAFETY: libc made this array of them: empty places, words, a null.
    let old = unsafe { core::slice::from_raw_parts_mut(words.start, length) };
    let kept = words.offset.saturating_add(before).min(length);
    let (kept, new) = old.split_at_mut_checked(kept).ok_or(Errno::EINVAL)?;
    list.append(kept)?;
    for word in new {
        // SAFETY: a word of libc's, which nobody else has yet.
        if unsafe { put_back(*word) } {
            let pattern = core::mem::replace(word, core::ptr::null_mut());
            // SAFETY: as above; it is a C string.
            let found = unsafe { matches(state, call, pattern, &mut list) };
            heap::free(&state.next, pattern.cast());
            found?;
        } else {
            list.push(*word)?;
        }
    }
    let count = list.length().saturating_sub(words.offset);
    list.push(core::ptr::null_mut())?;
    heap::free(&state.next, words.start.cast());
    words.count = count;
    words.start = list.release();
    Ok(())
}

/// Whether the word is a pattern.
///
/// # Safety
/// `word` must be a C string that nobody else uses.
unsafe fn put_back(word: *mut c_char) -> bool {
    // SAFETY: as this function's own contract says.
    let length = unsafe { CStr::from_ptr(word) }.to_bytes().len();
    // SAFETY: the bytes of that string.
    let bytes = unsafe { core::slice::from_raw_parts_mut(word.cast::<u8>(), length) };
    let mut pattern = false;
    for byte in bytes {
        for (letter, matches, quoted) in LETTERS {
            pattern |= *byte == matches;
            if *byte == matches || *byte == quoted {
                *byte = letter;
            }
        }
    }
    pattern
}

/// Adds the paths that a pattern finds, each in memory of its own.
///
/// # Safety
/// `pattern` must be a C string.
unsafe fn matches(
    state: &'static State,
    call: Call,
    pattern: *const c_char,
    list: &mut List<*mut c_char>,
) -> Answer<()> {
    let mut found = Glob::empty();
    let into = (&raw mut found).cast();
    // SAFETY: a C string and a structure of ours.
    if unsafe { glob::glob(state, call, pattern, AS_IT_IS, None, into) }? != 0 {
        return Err(Errno::ENOMEM);
    }
    let added = found.paths().iter().try_for_each(|path| {
        let mut copy = List::new(&state.next);
        // SAFETY: a path of libc's, a C string.
        copy.append(unsafe { CStr::from_ptr(*path) }.to_bytes_with_nul())?;
        list.push(copy.release().cast())
    });
    // SAFETY: filled by glob, freed once.
    unsafe { (state.next.globfree)(into) };
    added
}
