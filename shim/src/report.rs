//! What is said about a refusal: one line for a person, one JSON line for the audit file.
//!
//! A denial that the rate limit holds back is counted, and the counts are told later; nothing is
//! dropped without a word. A report that cannot be written never lets a call through.

#![expect(unsafe_code, reason = "a scratch mapping, and counters in a mapping of their own")]

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ringfence_policy::{Access, AuditView, Console, Mode, RuleIndex};

use crate::arm::State;
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS, Path};

mod line;

pub(crate) use line::Line;

/// The name of an interposed call, as reports show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call(pub(crate) &'static str);

/// The most bytes of a line in the audit file: what one write(2) puts there in one piece.
const LONGEST_LINE: usize = 4096;

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
    /// The rules that the console was shown, by their numbers.
    shown: [AtomicU64; SHOWN],
}

/// Words of rules that were shown; rules beyond them share a bit with others.
const SHOWN: usize = 256;

impl Counters {
    /// Counters that a forked child finds at zero.
    pub(crate) fn map() -> Answer<&'static Self> {
        let start = sys::map_counters(size_of::<Self>())?;
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
    let denial = Denial { call, access, rule, path, errno: Errno::EACCES };
    denial.tell(state);
    match state.image.mode() {
        Mode::Enforce => Err(Errno::EACCES),
        Mode::Audit => Ok(()),
    }
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
    let audit = state.image.audit();
    if let Ok(scratch) = sys::map_memory(LONGEST_LINE) {
        // SAFETY: a fresh mapping of that size, ours alone until it is unmapped below.
        let bytes = unsafe { core::slice::from_raw_parts_mut(scratch, LONGEST_LINE) };
        let (now, _) = sys::time(libc::CLOCK_REALTIME_COARSE);
        let counters = state.counters;
        if !audit.file.is_empty() || audit.json_to_stderr {
            if counters.may_write(now, audit.rate) {
                let mut line = Line::new(bytes);
                let sequence = counters.sequence.fetch_add(1, Ordering::Relaxed);
                begin(state, &mut line, sequence, event(state));
                line.field("op", operation(Access::EXECUTE));
                line.field("call", call.0);
                line.field("errno", errno_name(Errno::EACCES));
                line.path_field("path", path);
                line.text(b",\"unfenceable\":");
                line.quoted(why);
                end(&mut line);
                write_audit(state, audit, &line);
            } else {
                counters.spared.fetch_add(1, Ordering::Relaxed);
            }
        }
        if audit.console == Console::Denials {
            let mut line = Line::new(bytes);
            line.text(match state.image.mode() {
                Mode::Enforce => b"ringfence: denied execution of ".as_slice(),
                Mode::Audit => b"ringfence: would deny execution of ".as_slice(),
            });
            line.shown(path);
            line.text(b" [pid ");
            line.number(u64::from(sys::process()));
            line.text(b"]: ");
            line.text(why);
            line.text(b"\n");
            write_console(state, &line);
        }
        // SAFETY: no reference to the scratch is left.
        unsafe { sys::unmap(scratch, LONGEST_LINE) };
    }
    match state.image.mode() {
        Mode::Enforce => Err(Errno::EACCES),
        Mode::Audit => Ok(()),
    }
}

/// What became of a refused call, as the audit file has it.
fn event(state: &State) -> &'static str {
    match state.image.mode() {
        Mode::Enforce => "deny",
        Mode::Audit => "would_deny",
    }
}

struct Denial<'a> {
    call: Call,
    access: Access,
    rule: RuleIndex,
    path: &'a [u8],
    errno: Errno,
}

impl Denial<'_> {
    fn tell(&self, state: &State) {
        let counters = state.counters;
        let audit = state.image.audit();
        let (now, _) = sys::time(libc::CLOCK_REALTIME_COARSE);
        let to_file = !audit.file.is_empty() || audit.json_to_stderr;
        let wanted = to_file && counters.may_write(now, audit.rate);
        let first = audit.console == Console::Denials && counters.is_first(self.rule);
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
        // The line is too long for a worker's small stacks.
        let Ok(scratch) = sys::map_memory(LONGEST_LINE) else { return };
        // SAFETY: a fresh mapping of that size, ours alone until it is unmapped below.
        let bytes = unsafe { core::slice::from_raw_parts_mut(scratch, LONGEST_LINE) };
        if wanted {
            let mut line = Line::new(bytes);
            self.json(state, &mut line, counters.sequence.fetch_add(1, Ordering::Relaxed));
            write_audit(state, audit, &line);
            let spared = counters.spared.swap(0, Ordering::Relaxed);
            if spared > 0 {
                let mut line = Line::new(bytes);
                summary(state, &mut line, counters, spared);
                write_audit(state, audit, &line);
            }
        }
        if first {
            counters.told.fetch_max(now, Ordering::Relaxed);
            let mut line = Line::new(bytes);
            self.sentence(state, &mut line);
            write_console(state, &line);
        } else if due && audit.console == Console::Denials {
            count(state, bytes, now);
        }
        // SAFETY: no reference to the scratch is left.
        unsafe { sys::unmap(scratch, LONGEST_LINE) };
    }

    /// `ringfence: denied read of /etc/passwd [worker-3, pid 812]: forbiddenPaths `/etc/` (…)`
    fn sentence(&self, state: &State, line: &mut Line<'_>) {
        line.text(b"ringfence: ");
        line.text(match state.image.mode() {
            Mode::Enforce => b"denied ".as_slice(),
            Mode::Audit => b"would deny ".as_slice(),
        });
        line.text(verb(self.access).as_bytes());
        line.text(b" of ");
        line.shown(self.path);
        line.text(b" [");
        line.shown(first_string(&sys::thread_name()));
        line.text(b", pid ");
        line.number(u64::from(sys::process()));
        line.text(b"]: ");
        if let Some(rule) = state.image.rule(self.rule) {
            line.text(rule.section.as_bytes());
            line.text(b" `");
            line.shown(rule.pattern.as_bytes());
            line.text(b"` (");
            line.place(&rule);
            line.text(b")");
            if let Some(reason) = rule.reason {
                line.text(b": ");
                line.shown(reason.as_bytes());
            }
        }
        line.text(b"\n");
    }

    fn json(&self, state: &State, line: &mut Line<'_>, sequence: u64) {
        begin(state, line, sequence, event(state));
        line.field("op", operation(self.access));
        line.field("call", self.call.0);
        line.field("errno", errno_name(self.errno));
        line.path_field("path", self.path);
        if let Some(rule) = state.image.rule(self.rule) {
            line.text(b",\"rule\":{\"id\":");
            line.quoted(rule.id.as_bytes());
            line.field("section", rule.section);
            line.field("pattern", rule.pattern);
            line.text(b",\"place\":\"");
            line.place(&rule);
            line.text(b"\"}");
        }
        end(line);
    }
}

/// The fields that every event begins with.
fn begin(state: &State, line: &mut Line<'_>, sequence: u64, event: &str) {
    line.text(b"{\"v\":1");
    let run = state.environment.as_ref().and_then(|environment| environment.run);
    if let Some(run) = run.map(|run| run.to_bytes()) {
        line.text(b",\"run\":");
        line.quoted(run.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default());
    }
    line.text(b",\"seq\":");
    line.number(sequence);
    line.text(b",\"time\":\"");
    line.time();
    line.text(b"\"");
    line.field("event", event);
}

/// The process's fields, and the end of the line.
fn end(line: &mut Line<'_>) {
    line.text(b",\"process\":{\"pid\":");
    line.number(u64::from(sys::process()));
    line.text(b",\"tid\":");
    line.number(u64::from(sys::thread()));
    line.text(b",\"uid\":");
    line.number(u64::from(sys::effective_user()));
    line.text(b",\"thread\":");
    line.quoted(first_string(&sys::thread_name()));
    let mut program = [0_u8; 256];
    let read =
        sys::readlinkat(CWD, Path::from_c(c"/proc/self/exe"), sys::room(&mut program)).unwrap_or(0);
    line.path_field("exe", program.get(..read).unwrap_or_default());
    line.close(b"}}\n");
}

fn summary(state: &State, line: &mut Line<'_>, counters: &Counters, spared: u64) {
    begin(state, line, counters.sequence.fetch_add(1, Ordering::Relaxed), "summary");
    line.text(b",\"denials\":");
    line.number(spared);
    line.field("message", "denials beyond the rate of the audit file");
    end(line);
}

/// Tells the console how many denials it was spared.
fn count(state: &State, bytes: &mut [u8], now: u64) {
    let counters = state.counters;
    let before = counters.told.load(Ordering::Relaxed);
    let taken = counters.told.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
    let silent = if taken.is_ok() { counters.silent.swap(0, Ordering::Relaxed) } else { 0 };
    if silent == 0 {
        return;
    }
    let mut line = Line::new(bytes);
    line.text(b"ringfence: ");
    line.number(silent);
    line.text(b" more denials by rules shown above [pid ");
    line.number(u64::from(sys::process()));
    line.text(b"]\n");
    write_console(state, &line);
}

/// Tells what was counted and not told, at the end of the process.
pub(crate) fn flush(state: &State) {
    let audit = state.image.audit();
    let Ok(scratch) = sys::map_memory(LONGEST_LINE) else { return };
    // SAFETY: a fresh mapping of that size, ours alone until it is unmapped below.
    let bytes = unsafe { core::slice::from_raw_parts_mut(scratch, LONGEST_LINE) };
    let spared = state.counters.spared.swap(0, Ordering::Relaxed);
    if spared > 0 {
        let mut line = Line::new(bytes);
        summary(state, &mut line, state.counters, spared);
        write_audit(state, audit, &line);
    }
    if audit.console == Console::Denials {
        count(state, bytes, u64::MAX);
    }
    // SAFETY: no reference to the scratch is left.
    unsafe { sys::unmap(scratch, LONGEST_LINE) };
}

fn write_audit(state: &State, audit: AuditView<'_>, line: &Line<'_>) {
    if audit.json_to_stderr {
        write_console(state, line);
        return;
    }
    let mut path = [0_u8; 1024];
    let Some(place) = path.get_mut(..audit.file.len()) else { return };
    place.copy_from_slice(audit.file);
    let Some(Ok(path)) = path.get(..=audit.file.len()).map(Path::new) else { return };
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_NOFOLLOW;
    let flags = flags | libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK;
    let flags = u64::from(flags.cast_unsigned());
    let how = How { flags, mode: 0o600, resolve: NO_SYMLINKS };
    // No descriptor is kept: a worker closes and replaces those that it does not know.
    let Ok(fd) = sys::openat2(CWD, path, &how) else {
        state.counters.spared.fetch_add(1, Ordering::Relaxed);
        return;
    };
    if sys::write(fd, line.bytes()) != Ok(line.bytes().len()) {
        state.counters.spared.fetch_add(1, Ordering::Relaxed);
    }
    sys::close(fd);
}

/// Writes to the standard error output, if it is still what a person reads: a worker may have
/// closed it and opened a file of its own under that number.
fn write_console(state: &State, line: &Line<'_>) {
    let Ok(now) = sys::fstat(2) else { return };
    let same = state.console == Some((now.st_dev, now.st_ino));
    if same || now.st_mode & libc::S_IFMT != libc::S_IFREG {
        // Nothing is left to do about a line that cannot be written.
        let _ = sys::write(2, line.bytes());
    }
}

fn first_string(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// What a person calls the access.
const fn verb(access: Access) -> &'static str {
    if access.intersects(Access::WRITE) {
        "write"
    } else if access.intersects(Access::EXECUTE) {
        "execution"
    } else if access.intersects(Access::READ) {
        "read"
    } else if access.intersects(Access::LIST) {
        "listing"
    } else {
        "inspection"
    }
}

const fn operation(access: Access) -> &'static str {
    if access.intersects(Access::WRITE) {
        "file.write"
    } else if access.intersects(Access::EXECUTE) {
        "file.exec"
    } else if access.intersects(Access::READ) {
        "file.read"
    } else if access.intersects(Access::LIST) {
        "file.list"
    } else {
        "file.metadata"
    }
}

const fn errno_name(errno: Errno) -> &'static str {
    match errno {
        Errno::EACCES => "EACCES",
        Errno::EPERM => "EPERM",
        _ => "other",
    }
}
