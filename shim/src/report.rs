//! What is said about a refusal: one line for a person, one JSON line for the audit file.
//!
//! A denial that the rate limit holds back is counted, and the counts are told later; nothing is
//! dropped without a word. A report that cannot be written never lets a call through.

#![expect(unsafe_code, reason = "a scratch mapping, and counters in a mapping of their own")]

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ringfence_policy::{Access, AuditView, CallerKind, Console, Creation, Mode, RuleIndex};

use crate::arm::{NOT_FENCED, State};
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS, Path};

mod event;
mod line;

pub(crate) use event::Why;
use event::{Asked, Cause, Denial};
pub(crate) use line::Line;

/// The name of an interposed call, as reports show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call(pub(crate) &'static str);

/// The most bytes of a line in the audit file: what one write(2) puts there in one piece.
const LONGEST_LINE: usize = 4096;

/// The bytes beside a line: a path with its NUL.
const SPARE: usize = 4096;

/// The seconds between two counts on the standard error output.
const COUNT_EVERY: u64 = 10;

/// Counts of denials, shared by the threads of one process.
pub(crate) struct Counters {
    /// The number of the last audit line.
    sequence: AtomicU64,
    /// The second that `written` is about.
    second: AtomicU64,
    /// The audit lines of that second.
    written: AtomicU32,
    /// The denials that the audit file was spared and not told of yet.
    spared: AtomicU64,
    /// The denials that the console was spared and not told of yet.
    silent: AtomicU64,
    /// When the console was last told a count.
    told: AtomicU64,
    /// Whether the last line in the audit file is torn, since the disk was full.
    torn: AtomicU32,
    /// Whether somebody uses the scratch that lies behind the counters.
    taken: AtomicU32,
    /// The rules that the console was shown, by their numbers.
    shown: [AtomicU64; SHOWN],
}

/// Words of rules that were shown; rules beyond them share a bit with others.
const SHOWN: usize = 256;

impl Counters {
    /// Counters that a forked child finds at zero.
    pub(crate) fn map() -> Answer<&'static Self> {
        let start = sys::map_counters(size_of::<Self>().saturating_add(Scratch::SIZE))?;
        // SAFETY: a fresh mapping of that size, never unmapped; atomics of zero are valid.
        Ok(unsafe { &*start.cast::<Self>() })
    }

    /// Whether the console has not been shown that rule yet.
    fn is_first(&self, rule: RuleIndex) -> bool {
        let bit = rule.number() as usize % (SHOWN * 64);
        let Some(word) = self.shown.get(bit / 64) else { return false };
        let mask = 1_u64 << (bit % 64);
        word.fetch_or(mask, Ordering::Relaxed) & mask == 0
    }

    /// Whether the audit file takes one more line in this second.
    fn may_write(&self, now: u64, rate: u32) -> bool {
        if self.second.swap(now, Ordering::Relaxed) != now {
            self.written.store(0, Ordering::Relaxed);
        }
        rate == 0 || self.written.fetch_add(1, Ordering::Relaxed) < rate
    }
}

/// Ends the process: what cannot be fenced does not run. Says by which code of the launcher's, why,
/// and what to do.
#[cold]
pub(crate) fn give_up(code: &[u8], why: &[u8], remedy: &[u8]) -> ! {
    let mut bytes = [0_u8; 512];
    let mut line = Line::new(&mut bytes);
    line.text(b"ringfence: ");
    line.text(why);
    line.text(b" [");
    line.text(code);
    line.text(b"]; ");
    line.text(remedy);
    line.text(b"\n");
    // Nothing is left to do about a message that cannot be written.
    let _ = sys::write(2, line.bytes());
    sys::exit(NOT_FENCED)
}

/// Reports a refusal and answers what becomes of the call: EACCES, or `Ok` in audit mode.
///
/// # Errors
/// EACCES unless the policy only audits.
#[cold]
#[inline(never)]
pub(crate) fn refuse(
    state: &State,
    call: Call,
    access: Access,
    rule: RuleIndex,
    path: &[u8],
) -> Answer<()> {
    conclude(state, &Denial { call, asked: Asked::Path(access, path), cause: Cause::Rule(rule) })
}

/// Reports a program or a library that the fence cannot enter, and what to do, and answers what
/// becomes of the call: EACCES, or `Ok` in audit mode and where nobody asked for a fence.
///
/// # Errors
/// EACCES unless the policy only audits.
#[cold]
#[inline(never)]
pub(crate) fn unfenceable(state: &State, call: Call, path: &[u8], why: &[u8]) -> Answer<()> {
    if state.environment.is_none() {
        return Ok(());
    }
    unsound(state, call, Access::EXECUTE, path, why)
}

/// Reports a call that no rule names, but that no rule would hold against, and answers what becomes
/// of it.
///
/// # Errors
/// EACCES unless the policy only audits.
#[cold]
#[inline(never)]
pub(crate) fn unsound(
    state: &State,
    call: Call,
    access: Access,
    path: &[u8],
    why: &[u8],
) -> Answer<()> {
    conclude(state, &Denial { call, asked: Asked::Path(access, path), cause: Cause::Unsound(why) })
}

/// Reports a caller that a rule does not let create a thread or start a program, and answers what
/// becomes of the call: EPERM for a thread, EACCES for a program, or `Ok` in audit mode. The frames
/// are those that the audit file is to have: names, each ended by a newline.
///
/// # Errors
/// As said, unless the policy only audits.
#[cold]
#[inline(never)]
pub(crate) fn refuse_caller_at(
    state: &State,
    call: Call,
    (creation, kind, caller): (Creation, CallerKind, &[u8]),
    frames: &[u8],
    (rule, why): (RuleIndex, Why),
) -> Answer<()> {
    let asked = Asked::Creation(creation, kind, caller, frames);
    conclude(state, &Denial { call, asked, cause: Cause::Caller(rule, why) })
}

fn conclude(state: &State, denial: &Denial<'_>) -> Answer<()> {
    tell(state, denial);
    match state.image.mode() {
        Mode::Enforce => Err(denial.asked.errno()),
        Mode::Audit => Ok(()),
    }
}

/// What the lines are put together in: too long for a worker's small stacks.
struct Scratch {
    start: *mut u8,
    /// Where that is the one behind the counters, what says that it is taken.
    taken: Option<&'static AtomicU32>,
}

impl Scratch {
    const SIZE: usize = LONGEST_LINE + SPARE;

    /// A mapping of its own; where the memory has run out, the one that was kept for that.
    fn new(counters: &'static Counters) -> Answer<Self> {
        let mapped = sys::map_memory(Self::SIZE);
        if mapped.is_err() && counters.taken.swap(1, Ordering::Acquire) == 0 {
            let counters_end = core::ptr::from_ref(counters).wrapping_add(1).addr();
            let start = core::ptr::with_exposed_provenance_mut(counters_end);
            return Ok(Self { start, taken: Some(&counters.taken) });
        }
        mapped.map(|start| Self { start, taken: None })
    }

    /// The bytes of a line, and spare ones for a path.
    fn parts(&mut self) -> (&mut [u8], &mut [u8]) {
        // SAFETY: mapped memory of that size that is this scratch's alone: a mapping of its own, or
        // what `taken` says is taken. Bytes of any value are bytes.
        let bytes = unsafe { core::slice::from_raw_parts_mut(self.start, Self::SIZE) };
        bytes.split_at_mut_checked(LONGEST_LINE).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match self.taken {
            Some(taken) => taken.store(0, Ordering::Release),
            // SAFETY: a mapping of that size, to which no reference is left.
            None => unsafe { sys::unmap(self.start, Self::SIZE) },
        }
    }
}

/// Reports a denial as far as the rates allow, and counts it otherwise.
fn tell(state: &State, denial: &Denial<'_>) {
    let counters = state.counters;
    let audit = state.image.audit();
    let (now, _) = sys::time(libc::CLOCK_REALTIME_COARSE);
    let to_file = !audit.file.is_empty() || audit.json_to_stderr;
    let wanted = to_file && counters.may_write(now, audit.rate);
    let console = audit.console == Console::Denials;
    let first = console && denial.is_first(counters);
    if to_file && !wanted {
        counters.spared.fetch_add(1, Ordering::Relaxed);
    }
    if !first {
        counters.silent.fetch_add(1, Ordering::Relaxed);
    }
    let due = counters.told.load(Ordering::Relaxed).saturating_add(COUNT_EVERY) <= now;
    if !(wanted || first || due) {
        return;
    }
    let Ok(mut scratch) = Scratch::new(counters) else {
        // What could not be written is counted.
        counters.spared.fetch_add(u64::from(wanted), Ordering::Relaxed);
        counters.silent.fetch_add(u64::from(first), Ordering::Relaxed);
        return;
    };
    let (bytes, spare) = scratch.parts();
    if wanted {
        let sequence = counters.sequence.fetch_add(1, Ordering::Relaxed);
        let mut line = Line::new(bytes);
        denial.json(state, &mut line, sequence, spare);
        let written = write_audit(state, audit, &line, spare);
        counters.spared.fetch_add(u64::from(!written), Ordering::Relaxed);
        if written {
            tell_spared(state, audit, bytes, spare);
        }
    }
    if first {
        counters.told.fetch_max(now, Ordering::Relaxed);
        let mut line = Line::new(bytes);
        denial.sentence(state, &mut line);
        write_console(state, &line);
    } else if due && console {
        tell_count(state, bytes, now);
    }
}

/// Tells the audit file how many denials it was spared.
fn tell_spared(state: &State, audit: AuditView<'_>, bytes: &mut [u8], spare: &mut [u8]) {
    let spared = state.counters.spared.swap(0, Ordering::Relaxed);
    if spared > 0 {
        let sequence = state.counters.sequence.fetch_add(1, Ordering::Relaxed);
        let mut line = Line::new(bytes);
        event::summary(state, &mut line, sequence, spared, spare);
        if !write_audit(state, audit, &line, spare) {
            state.counters.spared.fetch_add(spared, Ordering::Relaxed);
        }
    }
}

/// Tells the console how many denials it was spared.
fn tell_count(state: &State, bytes: &mut [u8], now: u64) {
    let counters = state.counters;
    let before = counters.told.load(Ordering::Relaxed);
    let taken = counters.told.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
    let silent = if taken.is_ok() { counters.silent.swap(0, Ordering::Relaxed) } else { 0 };
    if silent > 0 {
        let mut line = Line::new(bytes);
        event::count(&mut line, silent);
        write_console(state, &line);
    }
}

/// Tells what was counted and not told, at the end of the process.
pub(crate) fn flush(state: &State) {
    let counters = state.counters;
    let idle = |counter: &AtomicU64| counter.load(Ordering::Relaxed) == 0;
    if idle(&counters.spared) && idle(&counters.silent) {
        return;
    }
    let audit = state.image.audit();
    let Ok(mut scratch) = Scratch::new(counters) else { return };
    let (bytes, spare) = scratch.parts();
    tell_spared(state, audit, bytes, spare);
    if audit.console == Console::Denials {
        tell_count(state, bytes, u64::MAX);
    }
}

/// Writes a line where the audit goes; whether all of it is there, as far as that is known.
fn write_audit(state: &State, audit: AuditView<'_>, line: &Line<'_>, spare: &mut [u8]) -> bool {
    if audit.json_to_stderr {
        write_console(state, line);
        return true;
    }
    append(state.counters, audit.file, line.bytes(), spare).unwrap_or(false)
}

/// Appends a line; whether all of it is there.
fn append(counters: &Counters, file: &[u8], bytes: &[u8], spare: &mut [u8]) -> Answer<bool> {
    let path = spare.get_mut(..=file.len()).ok_or(Errno::ENAMETOOLONG)?;
    path.iter_mut().zip(file.iter().chain([&0])).for_each(|(to, from)| *to = *from);
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_NOFOLLOW;
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0o600, resolve: NO_SYMLINKS };
    // No descriptor is kept: a worker closes and replaces those that it does not know.
    let fd = sys::openat2(CWD, Path::new(path)?, &how)?;
    // The line after a torn one begins on a line of its own.
    let mended = counters.torn.swap(0, Ordering::Relaxed) == 0 || write(fd, b"\n").is_ok();
    let written = if mended { write(fd, bytes) } else { Ok(0) };
    sys::close(fd);
    let whole = written == Ok(bytes.len());
    // A disk that is full takes the beginning of a line.
    if !mended || (!whole && written.is_ok_and(|count| count > 0)) {
        counters.torn.store(1, Ordering::Relaxed);
    }
    written.map(|_| whole)
}

/// write(2), unless a file would grow past what this process may let it grow to: the kernel
/// answers that by a signal, which would end a worker that only made a call.
fn write(fd: c_int, bytes: &[u8]) -> Answer<usize> {
    let most = sys::process::largest_file();
    if most != u64::MAX {
        let file = sys::fstat(fd)?;
        let size = u64::try_from(file.st_size).unwrap_or(u64::MAX);
        let grown = size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if file.st_mode & libc::S_IFMT == libc::S_IFREG && grown > most {
            return Err(Errno(libc::EFBIG));
        }
    }
    sys::write(fd, bytes)
}

/// Writes to the standard error output, if it is still what a person reads: a worker may have
/// closed it and opened a file of its own under that number.
fn write_console(state: &State, line: &Line<'_>) {
    let Ok(now) = sys::fstat(2) else { return };
    let same = state.console == Some((now.st_dev, now.st_ino));
    if same || now.st_mode & libc::S_IFMT != libc::S_IFREG {
        // Nothing is left to do about a line that cannot be written.
        let _ = write(2, line.bytes());
    }
}
