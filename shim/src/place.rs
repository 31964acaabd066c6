//! From a caller's path to a judged text, and a descriptor of just that text.
//!
//! What is judged is a text in our own buffer; what is opened is that same text, absolute, with
//! `RESOLVE_NO_SYMLINKS`: if the kernel takes it, no component was a link, so the text judged is
//! the place reached, whatever other threads do meanwhile. Links are learned by name, one at a
//! time, and each text on the way is judged before the kernel is asked for it, so no descriptor
//! of an unjudged object ever exists. No other file knows about links, descriptors or races.

use core::ffi::{c_char, c_int};

use ringfence_policy::Access;

use crate::arm::State;
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS, PROC_SUPER_MAGIC};
use crate::table;
use crate::text::{PATH_MAX, Text};

/// The links that one path may lead through, as in the kernel (`MAXSYMLINKS`).
const MOST_LINKS: u32 = 40;

/// What a call wants of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// The call, for reports.
    pub(crate) call: Call,
    /// What it would do there.
    pub(crate) access: Access,
    /// How the text is opened; `resolve` is ours to set.
    pub(crate) how: How,
}

impl Goal {
    /// A goal whose object is only held (`O_PATH`), to be looked at or handed on.
    pub(crate) const fn hold(call: Call, access: Access, follow: bool) -> Self {
        let link = if follow { 0 } else { libc::O_NOFOLLOW };
        let flags = (libc::O_PATH | libc::O_CLOEXEC | link).cast_unsigned() as u64;
        Self { call, access, how: How { flags, mode: 0, resolve: NO_SYMLINKS } }
    }

    fn has(&self, flag: c_int) -> bool {
        self.how.flags & u64::from(flag.cast_unsigned()) != 0
    }

    /// Whether a link as the last name is followed.
    fn follows(&self) -> bool {
        !(self.has(libc::O_NOFOLLOW) || self.has(libc::O_CREAT) && self.has(libc::O_EXCL))
    }

    /// Reading one object needs `READ` of a file and `LIST` of a directory: which it is shows
    /// only when it is open.
    fn reads_either(&self) -> bool {
        self.access.contains(READ_OR_LIST)
    }
}

/// What opening for reading asks for as long as the kind of object is not known.
pub(crate) const READ_OR_LIST: Access = Access::READ.with(Access::LIST);

/// How a judged text may be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// As the goal says.
    Granted,
    /// Only as a file.
    FileOnly,
    /// Only as a directory.
    DirectoryOnly,
}

/// Opens what a caller's path names, once its every step is judged; `text` holds the text then:
/// absolute, unless the path was relative and passed by its names alone.
///
/// # Errors
/// EACCES with a report for a refusal, else what the kernel answers.
///
/// # Safety
/// `path` must be null, in the first page, or a C string.
#[expect(unsafe_code, reason = "the caller's pointer is read here, once")]
#[inline(always)]
pub(crate) unsafe fn open(
    state: &State,
    dir: c_int,
    path: *const c_char,
    goal: &Goal,
    text: &mut Text,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let shape = unsafe { text.load(path) }?;
    if shape.absolute && !shape.parent {
        return open_absolute(state, goal, text);
    }
    if !shape.absolute && !shape.parent && passes_by_names(state, goal.access, text) {
        match sys::openat2(dir, text.path()?, &goal.how) {
            Err(Errno::ELOOP) => {}
            answer => return answer,
        }
    }
    let plain = if shape.absolute { 0 } else { put_base(dir, text)? };
    if shape.parent { walk(state, goal, text, plain) } else { open_absolute(state, goal, text) }
}

/// What [`look`] found.
pub(crate) enum Seen<'a> {
    /// A single name, which may be acted on relative to any directory that the process holds, in a
    /// call that does not follow links.
    Name(sys::Path<'a>),
    /// An `O_PATH` descriptor of the place.
    Held(c_int),
}

/// As [`open`], for a call that needs no descriptor where the name alone will do.
///
/// # Errors
/// As [`open`].
///
/// # Safety
/// As [`open`].
#[expect(unsafe_code, reason = "the caller's pointer is read here, once")]
#[inline(always)]
pub(crate) unsafe fn look<'a>(
    state: &State,
    dir: c_int,
    path: *const c_char,
    goal: &Goal,
    text: &'a mut Text,
) -> Answer<Seen<'a>> {
    // SAFETY: as this function's own contract says.
    let shape = unsafe { text.load(path) }?;
    if !shape.absolute && !shape.parent && passes_by_names(state, goal.access, text) {
        let single = !text.bytes().contains(&b'/') && !text.slash();
        if single && !goal.follows() {
            return text.path().map(Seen::Name);
        }
        match sys::openat2(dir, text.path()?, &goal.how) {
            Err(Errno::ELOOP) => {}
            answer => return answer.map(Seen::Held),
        }
    }
    let plain = if shape.absolute { 0 } else { put_base(dir, text)? };
    let held = if shape.parent {
        walk(state, goal, text, plain)
    } else {
        open_absolute(state, goal, text)
    };
    held.map(Seen::Held)
}

/// Judges the text of a directory that the process holds, before it is used as one.
///
/// # Errors
/// EACCES with a report for a refusal.
pub(crate) fn judge_held(state: &State, call: Call, text: &[u8]) -> Answer<()> {
    // What has no text leads nowhere by names.
    if text.first() != Some(&b'/') {
        return Ok(());
    }
    match state.image.decide(text).refuses(Access::METADATA) {
        Some(rule) => report::refuse(state, call, Access::METADATA, rule, text),
        None => Ok(()),
    }
}

/// As [`open`], with the text absolute in every case.
///
/// # Errors
/// As [`open`].
///
/// # Safety
/// As [`open`].
#[expect(unsafe_code, reason = "the caller's pointer is read here, once")]
pub(crate) unsafe fn open_by_text(
    state: &State,
    dir: c_int,
    path: *const c_char,
    goal: &Goal,
    text: &mut Text,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let shape = unsafe { text.load(path) }?;
    let plain = if shape.absolute { 0 } else { put_base(dir, text)? };
    if shape.parent { walk(state, goal, text, plain) } else { open_absolute(state, goal, text) }
}

/// Opens a text that is absolute already, such as a judged one or a name that libc would make.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_text(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    walk(state, goal, text, 0)
}

#[inline(always)]
fn open_absolute(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    rewrite(state, goal, text)?;
    match act(state, goal, text) {
        Err(Errno::ELOOP) => walk(state, goal, text, 0),
        answer => answer,
    }
}

/// A relative path without `..`, none of whose names is the last name of a rule, cannot lead from
/// a place that is not forbidden into one that is: if r is the longest rule that covers the
/// target and r's last name is not among the names, r covers the directory too. The image says
/// for which accesses no process can hold a forbidden directory.
fn passes_by_names(state: &State, access: Access, text: &Text) -> bool {
    state.image.by_names().contains(access)
        && !text.bytes().split(|byte| *byte == b'/').any(|name| state.image.is_rule_name(name))
}

/// Puts the directory's own text before a relative one; answers its length.
fn put_base(dir: c_int, text: &mut Text) -> Answer<usize> {
    if dir == CWD {
        return text.put_base(sys::getcwd);
    }
    text.put_base(|buffer| directory_text(dir, buffer))
}

/// The text of a descriptor, by the link that procfs keeps for it.
///
/// # Errors
/// EBADF for a number that is no descriptor, EACCES when procfs does not answer.
pub(crate) fn directory_text(fd: c_int, buffer: &mut [u8]) -> Answer<usize> {
    let mut name = Decimal::new(b"/proc/thread-self/fd/");
    let number = u32::try_from(fd).map_err(|_| Errno::EBADF)?;
    match sys::readlinkat(CWD, name.path(number)?, buffer) {
        Err(_) => Err(sys::open_flags(fd).err().unwrap_or(Errno::EACCES)),
        answer => answer,
    }
}

/// A fixed text with a number behind it.
pub(crate) struct Decimal {
    bytes: [u8; 48],
    length: usize,
}

impl Decimal {
    /// The fixed part, of at most 32 bytes.
    pub(crate) fn new(head: &[u8]) -> Self {
        let mut bytes = [0; 48];
        for (to, from) in bytes.iter_mut().zip(head) {
            *to = *from;
        }
        Self { bytes, length: head.len() }
    }

    /// The text with `number` behind it.
    pub(crate) fn path(&mut self, number: u32) -> Answer<sys::Path<'_>> {
        let end = self.fill(number)?;
        sys::Path::new(self.bytes.get(..=end).ok_or(Errno::ENAMETOOLONG)?)
    }

    /// The same without its NUL.
    pub(crate) fn text(&mut self, number: u32) -> Answer<&[u8]> {
        let end = self.fill(number)?;
        self.bytes.get(..end).ok_or(Errno::ENAMETOOLONG)
    }

    fn fill(&mut self, number: u32) -> Answer<usize> {
        let mut digits = [0_u8; 10];
        let mut rest = number;
        let mut used = 0_usize;
        loop {
            let digit = u8::try_from(rest % 10).unwrap_or(0).saturating_add(b'0');
            *digits.get_mut(used).ok_or(Errno::ENAMETOOLONG)? = digit;
            used = used.saturating_add(1);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let mut end = self.length;
        for digit in digits.iter().take(used).rev() {
            *self.bytes.get_mut(end).ok_or(Errno::ENAMETOOLONG)? = *digit;
            end = end.saturating_add(1);
        }
        *self.bytes.get_mut(end).ok_or(Errno::ENAMETOOLONG)? = 0;
        Ok(end)
    }
}

/// Rewrites the few links whose targets are known: the image's aliases, and procfs's own. Answers
/// whether anything changed.
#[inline(always)]
fn rewrite(state: &State, goal: &Goal, text: &mut Text) -> Answer<bool> {
    let mut changed = false;
    if let Some((length, target)) = state.image.alias(text.bytes())
        && !is_meant(goal, text, length)
    {
        text.splice(0, length, target)?;
        changed = true;
    }
    if text.bytes().starts_with(b"/proc/") {
        changed |= rewrite_proc(goal, text)?;
    }
    Ok(changed)
}

/// Whether the link of that length is meant itself, rather than what it leads to.
fn is_meant(goal: &Goal, text: &Text, length: usize) -> bool {
    length == text.length() && !text.slash() && !goal.follows()
}

#[cold]
fn rewrite_proc(goal: &Goal, text: &mut Text) -> Answer<bool> {
    let name = text.bytes().get(b"/proc/".len()..).unwrap_or_default();
    let name = name.split(|byte| *byte == b'/').next().unwrap_or_default();
    let link = match name {
        b"self" => c"/proc/self",
        b"thread-self" => c"/proc/thread-self",
        _ => return Ok(false),
    };
    if is_meant(goal, text, link.count_bytes()) {
        return Ok(false);
    }
    let mut target = [0_u8; 64];
    let length = sys::readlinkat(CWD, sys::Path::from_c(link), &mut target)?;
    let target = target.get(..length).ok_or(Errno::ENAMETOOLONG)?;
    text.splice(b"/proc".len(), link.count_bytes(), target)?;
    Ok(true)
}

/// Judges the text; refuses with a report, or says how it may be opened.
#[inline(always)]
fn judge(state: &State, goal: &Goal, text: &Text) -> Answer<Leave> {
    let decision = state.image.decide(text.bytes());
    if decision.refused().is_empty() {
        return Ok(Leave::Granted);
    }
    judge_refused(state, goal, text, decision)
}

#[cold]
#[inline(never)]
fn judge_refused(
    state: &State,
    goal: &Goal,
    text: &Text,
    decision: ringfence_policy::Decision,
) -> Answer<Leave> {
    let refused = decision.refused();
    let mut access = goal.access;
    let mut leave = Leave::Granted;
    if goal.reads_either() && refused.intersects(READ_OR_LIST) && !refused.contains(READ_OR_LIST) {
        access = access & !READ_OR_LIST;
        leave = if refused.contains(Access::LIST) { Leave::FileOnly } else { Leave::DirectoryOnly };
    }
    match decision.refuses(access) {
        None => Ok(leave),
        Some(rule) => {
            report::refuse(state, goal.call, access & refused, rule, text.bytes())?;
            Ok(Leave::Granted)
        }
    }
}

/// Judges the text and opens it, in one call of the kernel's.
#[inline(always)]
fn act(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    match judge(state, goal, text)? {
        Leave::Granted => sys::openat2(CWD, text.path()?, &goal.how),
        Leave::DirectoryOnly => open_directory(state, goal, text),
        Leave::FileOnly => open_file(state, goal, text),
    }
}

/// Opens the text if it is a directory; a file there is refused.
#[cold]
fn open_directory(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    let mut how = goal.how;
    how.flags |= u64::from(libc::O_DIRECTORY.cast_unsigned());
    match sys::openat2(CWD, text.path()?, &how) {
        Err(Errno::ENOTDIR) => refuse_kind(state, goal, Access::READ, text),
        answer => answer,
    }
}

/// Opens the text if it is no directory: out of every other thread's sight, since what it is
/// shows only on the open descriptor.
#[cold]
fn open_file(state: &State, goal: &Goal, text: &mut Text) -> Answer<c_int> {
    match table::open_file(text.path()?, &goal.how) {
        Err(Errno::EISDIR) => refuse_kind(state, goal, Access::LIST, text),
        answer => answer,
    }
}

fn refuse_kind(state: &State, goal: &Goal, access: Access, text: &mut Text) -> Answer<c_int> {
    let decision = state.image.decide(text.bytes());
    if let Some(rule) = decision.refuses(access) {
        report::refuse(state, goal.call, access, rule, text.bytes())?;
    }
    // Audit mode: what would have been refused was reported.
    sys::openat2(CWD, text.path()?, &goal.how)
}

/// Where a link was found on the way.
#[derive(Clone, Copy)]
struct Link {
    /// The length of the link's own name in the text.
    end: usize,
    /// The length of its target.
    target: usize,
    /// The target is kept by procfs for a descriptor and the like.
    magic: bool,
}

/// Takes `..` and links out of the text, one at a time, until the kernel takes the whole.
///
/// The first `plain` bytes are known to hold no link, since the kernel gave them as they are.
#[cold]
#[inline(never)]
fn walk(state: &State, goal: &Goal, text: &mut Text, mut plain: usize) -> Answer<c_int> {
    let mut target = [0_u8; PATH_MAX];
    let mut links = 0_u32;
    let mut asked = false;
    loop {
        if rewrite(state, goal, text)? {
            plain = 0;
        }
        let end = match parent(text.bytes()) {
            Some((before, after)) => {
                if before <= plain || is_plain(state, goal, text, before)? {
                    let up = text.bytes().get(..before).map_or(0, directory_of);
                    text.remove(up, after)?;
                    plain = up;
                    continue;
                }
                before
            }
            None => match act(state, goal, text) {
                Err(Errno::ELOOP) => text.length(),
                answer => return answer,
            },
        };
        if !asked {
            ask_kernel(goal, text)?;
            asked = true;
        }
        let whole = end == text.length();
        links = links.saturating_add(1);
        if links > MOST_LINKS {
            return Err(Errno::ELOOP);
        }
        let Some(link) = find_link(state, goal, text, end, &mut target)? else { continue };
        if whole && link.end == end && !text.slash() && !goal.follows() {
            return Err(Errno::ELOOP);
        }
        // With the NUL that `read_link` put behind it.
        let ended = target.get(..=link.target).ok_or(Errno::ENAMETOOLONG)?;
        if link.magic {
            match magic(state, goal, text, link.end, ended) {
                Some(Err(Errno::ESTALE)) => continue,
                Some(answer) => return answer,
                None => {}
            }
        }
        let learned = ended.get(..link.target).ok_or(Errno::ENAMETOOLONG)?;
        let start = text.bytes().get(..link.end).map_or(0, directory_of);
        text.splice(start, link.end, learned)?;
        plain = if learned.first() == Some(&b'/') { 0 } else { start };
    }
}

/// The first `..`: the length of what is before it, and of the text with it.
fn parent(text: &[u8]) -> Option<(usize, usize)> {
    let place = text.windows(3).enumerate().position(|(place, window)| {
        window == b"/.." && matches!(text.get(place.saturating_add(3)), None | Some(b'/'))
    })?;
    Some((place, place.saturating_add(3)))
}

/// The length of the directory's part of a text: 0 for a name directly in the root.
fn directory_of(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'/').unwrap_or(0)
}

/// Whether the first `length` bytes are a directory with no link on the way, which the caller may
/// pass through upwards.
fn is_plain(state: &State, goal: &Goal, text: &mut Text, length: usize) -> Answer<bool> {
    let decision = state.image.decide(text.bytes().get(..length).unwrap_or_default());
    if let Some(rule) = decision.refuses(Access::METADATA) {
        let upper = text.bytes().get(..length).unwrap_or_default();
        report::refuse(state, goal.call, Access::METADATA, rule, upper)?;
    }
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    match text.with_prefix(length, |path| sys::openat2(CWD, path, &how)) {
        Ok(fd) => {
            sys::close(fd);
            Ok(true)
        }
        Err(Errno::ELOOP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Walking by hand loses what the kernel checks on its own walk: the caller's right to search,
/// and the owners of links in sticky directories. So the kernel is asked for its opinion first.
fn ask_kernel(goal: &Goal, text: &mut Text) -> Answer<()> {
    let link = if goal.follows() { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    match sys::faccessat2(CWD, text.path()?, libc::F_OK, libc::AT_EACCESS | link) {
        Err(errno @ (Errno::EACCES | Errno::ELOOP)) => Err(errno),
        // A missing last name may be made, through a dangling link too.
        _ => Ok(()),
    }
}

/// Finds the first link within the first `end` bytes and reads its target; `None` when another
/// thread took it away meanwhile.
///
/// # Errors
/// EACCES when only a forbidden prefix, which is never opened, can be the link; what the kernel
/// answers for a prefix.
fn find_link(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    end: usize,
    target: &mut [u8],
) -> Answer<Option<Link>> {
    // Most often the last name is the link, and all before it is plain.
    if let Some(link) = read_link(state, text, end, target)? {
        return Ok(Some(link));
    }
    let mut hidden = false;
    let mut length = 0_usize;
    while length < end {
        length = text
            .bytes()
            .get(length.saturating_add(1)..end)
            .and_then(|rest| rest.iter().position(|byte| *byte == b'/'))
            .map_or(end, |name| length.saturating_add(1).saturating_add(name));
        let prefix = text.bytes().get(..length).unwrap_or_default();
        if state.image.decide(prefix).refuses(Access::METADATA).is_some() {
            hidden = true;
            continue;
        }
        if let Some(link) = read_link(state, text, length, target)? {
            return Ok(Some(link));
        }
    }
    if hidden {
        refuse_hidden(state, goal, text)?;
    }
    Ok(None)
}

/// A forbidden prefix on the way to an exception turned out to be a link: it is not followed.
fn refuse_hidden(state: &State, goal: &Goal, text: &mut Text) -> Answer<()> {
    let mut end = text.length();
    while end > 0 {
        let prefix = text.bytes().get(..end).unwrap_or_default();
        if let Some(rule) = state.image.decide(prefix).refuses(Access::METADATA) {
            return report::refuse(state, goal.call, Access::METADATA, rule, prefix);
        }
        end = directory_of(prefix);
    }
    Err(Errno::EACCES)
}

/// Reads the first `length` bytes as a link, if they name one and hold none before it.
fn read_link(
    state: &State,
    text: &mut Text,
    length: usize,
    target: &mut [u8],
) -> Answer<Option<Link>> {
    let prefix = text.bytes().get(..length).unwrap_or_default();
    if state.image.decide(prefix).refuses(Access::METADATA).is_some() {
        return Ok(None);
    }
    let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    let fd = match text.with_prefix(length, |path| sys::openat2(CWD, path, &how)) {
        Err(Errno::ELOOP) => return Ok(None),
        answer => answer?,
    };
    // A link object leads nowhere, and no parent can be swapped under it.
    let answer = match sys::readlinkat(fd, sys::Path::EMPTY, target) {
        Err(_) => Ok(None),
        Ok(0) => Err(Errno::ENOENT),
        Ok(read) => match target.get_mut(read) {
            Some(end) => {
                *end = 0;
                describe(fd, text, length, read).map(Some)
            }
            None => Err(Errno::ENAMETOOLONG),
        },
    };
    sys::close(fd);
    answer
}

/// What kind of link the descriptor holds; applies `fs.protected_symlinks`.
fn describe(fd: c_int, text: &mut Text, end: usize, target: usize) -> Answer<Link> {
    let link = sys::fstat(fd)?;
    if end == text.length() && link.st_uid != sys::effective_user() {
        protect(text, end, &link)?;
    }
    let magic = sys::file_system(fd)? == PROC_SUPER_MAGIC && is_magic(text.bytes(), end);
    Ok(Link { end, target, magic })
}

/// The kernel follows a link in a sticky, world-writable directory only when it is the caller's
/// or the directory owner's (proc_sys_fs(5), `protected_symlinks`); it judged an earlier link.
fn protect(text: &mut Text, end: usize, link: &libc::stat) -> Answer<()> {
    let parent = text.bytes().get(..end).map_or(0, directory_of);
    let parent = text.with_prefix(parent, sys::stat)?;
    let shared = libc::S_ISVTX | libc::S_IWOTH;
    if parent.st_mode & shared == shared && parent.st_uid != link.st_uid && links_are_protected() {
        return Err(Errno::EACCES);
    }
    Ok(())
}

fn links_are_protected() -> bool {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    let path = sys::Path::from_c(c"/proc/sys/fs/protected_symlinks");
    let Ok(fd) = sys::openat2(CWD, path, &how) else { return true };
    let mut value = [b'1'; 1];
    let read = sys::read(fd, &mut value);
    sys::close(fd);
    read.is_err() || value != *b"0"
}

/// Whether a link of procfs stands for an object rather than for its text: `fd/N`, `map_files/…`,
/// `ns/…`, `cwd`, `root`, `exe`.
fn is_magic(text: &[u8], end: usize) -> bool {
    let path = text.get(..end).unwrap_or_default();
    let mut names = path.rsplit(|byte| *byte == b'/');
    let name = names.next().unwrap_or_default();
    let parent = names.next().unwrap_or_default();
    matches!(name, b"cwd" | b"root" | b"exe") || matches!(parent, b"fd" | b"map_files" | b"ns")
}

/// Decides about a link that stands for an object, whose target ends in a NUL. `None`: its text
/// leads to that object, so go on with the text. ESTALE: it has changed, so look again.
fn magic(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    end: usize,
    ended: &[u8],
) -> Option<Answer<c_int>> {
    let target = ended.strip_suffix(b"\0").unwrap_or_default();
    let whole = end == text.length() && !text.slash();
    let object = text.with_prefix(end, sys::stat);
    let prefix = text.bytes().get(..end).unwrap_or_default();
    if target.first() == Some(&b'/') {
        if let Some(rule) = state.image.decide(target).refuses(Access::METADATA) {
            let refusal = report::refuse(state, goal.call, Access::METADATA, rule, target);
            return refusal.err().map(Err);
        }
        if object.is_ok_and(|object| leads_to(ended, &object)) {
            return None;
        }
    } else if whole && parent_name(prefix) == b"ns" {
        // A name space's file: the link can stand for nothing else.
        return Some(text.path().and_then(|path| sys::openat2(CWD, path, &through(goal))));
    }
    match own_descriptor(prefix) {
        Some(number) if whole => Some(table::reopen(number, &through(goal))),
        _ => Some(Err(Errno::EACCES)),
    }
}

/// The goal's way of opening, through one link of procfs.
fn through(goal: &Goal) -> How {
    How { resolve: 0, ..goal.how }
}

fn parent_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').nth(1).unwrap_or_default()
}

/// Whether a text that ends in a NUL, with no link on its way, is that object. In another root or
/// mount name space the same text is another place, and a deleted object has none.
pub(crate) fn leads_to(ended: &[u8], object: &libc::stat) -> bool {
    let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    let path = sys::Path::new(ended);
    let Ok(fd) = path.and_then(|path| sys::openat2(CWD, path, &how)) else { return false };
    let place = sys::fstat(fd);
    sys::close(fd);
    place.is_ok_and(|place| place.st_dev == object.st_dev && place.st_ino == object.st_ino)
}

/// The number in `/proc/PID/fd/N` or `/proc/PID/task/TID/fd/N` of the calling process.
fn own_descriptor(path: &[u8]) -> Option<c_int> {
    let mut names = path.split(|byte| *byte == b'/').skip(1);
    if names.next()? != b"proc" || number(names.next()?)? != sys::process() {
        return None;
    }
    let mut name = names.next()?;
    if name == b"task" {
        if number(names.next()?)? != sys::thread() {
            return None;
        }
        name = names.next()?;
    }
    let descriptor = c_int::try_from(number(names.next()?)?).ok()?;
    (name == b"fd" && names.next().is_none()).then_some(descriptor)
}

fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u32::from(digit))
    })
}
