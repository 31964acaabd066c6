//! Taking links and `..` out of a text, one at a time.

mod find;

use core::ffi::c_int;

use ringfence_policy::Access;

use self::find::find_link;
use super::procfs::magic;
use super::{Goal, act, is_clear, rewrite};
use crate::arm::State;
use crate::exceptions;
use crate::report;
use crate::sys::{self, Answer, CWD, Errno, How, NO_SYMLINKS};
use crate::text::Text;

/// The links that one path may lead through, as in the kernel (`MAXSYMLINKS`).
const MOST_LINKS: u32 = 40;

/// What the kernel thinks of the caller's own path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Not,
    Fine,
    Loops,
}

/// What became of a text that was looked at from its beginning.
enum Step {
    /// It is shorter by a `..`.
    Shorter,
    /// There is a link within its first bytes, so many.
    Link(usize),
    /// It was opened.
    Opened(c_int),
}

/// A text on the way to what it names, and what is known of it by now.
struct Walk<'a> {
    state: &'a State,
    goal: Goal,
    text: &'a mut Text,
    /// No rule is about the text.
    clear: bool,
    /// Its first bytes, so many, are known to hold no link.
    plain: usize,
    /// The kernel just answered ELOOP for this text, which was judged.
    refused: bool,
    /// How many links were followed.
    links: u32,
    asked: Asked,
}

/// Takes `..` and links out of the text, one at a time, until the kernel takes the whole.
///
/// The first `plain` bytes are known to hold no link, since the kernel gave them as they are.
/// `refused` says that the kernel just answered ELOOP for this text, which was judged.
#[cold]
#[inline(never)]
pub(super) fn walk(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    plain: usize,
    refused: bool,
) -> Answer<c_int> {
    let (goal, asked) = (*goal, Asked::Not);
    let mut walk = Walk { state, goal, text, clear: false, plain, refused, links: 0, asked };
    loop {
        walk.rewrite()?;
        let end = match walk.step()? {
            Step::Shorter => continue,
            Step::Link(end) => end,
            Step::Opened(fd) => return Ok(fd),
        };
        walk.ask()?;
        if let Some(fd) = walk.follow(end)? {
            return Ok(fd);
        }
    }
}

impl Walk<'_> {
    /// Looks whether the text is clear, once the links whose targets are known are rewritten.
    fn rewrite(&mut self) -> Answer<()> {
        // Where the text is clear, so is each beginning of it, by whole components.
        self.clear = is_clear(self.state, self.text, self.text.slashes());
        if !self.clear && rewrite(self.state, &self.goal, self.text)? {
            self.plain = 0;
            self.refused = false;
            self.clear = is_clear(self.state, self.text, self.text.slashes());
        }
        Ok(())
    }

    /// Takes the first `..` out, or opens a text that has none.
    fn step(&mut self) -> Answer<Step> {
        let Some((before, after)) = parent(self.text) else { return self.open() };
        if before > self.plain && !is_plain(self.state, &self.goal, self.text, before, self.clear)?
        {
            return Ok(Step::Link(before));
        }
        let up = self.text.bytes().get(..before).map_or(0, directory_of);
        self.text.remove(up, after)?;
        self.plain = up;
        Ok(Step::Shorter)
    }

    /// Opens the text, which holds no `..`.
    fn open(&mut self) -> Answer<Step> {
        if core::mem::take(&mut self.refused) {
            return Ok(Step::Link(self.text.length()));
        }
        match open_whole(self.state, &self.goal, self.text, self.clear) {
            Err(Errno::ELOOP) => Ok(Step::Link(self.text.length())),
            answer => self.end(answer).map(Step::Opened),
        }
    }

    /// What comes of a text that was opened. Where the kernel found too many links, only whether a rule
    /// is about what is on the way.
    fn end(&self, answer: Answer<c_int>) -> Answer<c_int> {
        if self.asked != Asked::Loops {
            return answer;
        }
        match answer {
            Err(Errno::EACCES) => return Err(Errno::EACCES),
            Err(_) => {}
            Ok(fd) => sys::close(fd),
        }
        Err(Errno::ELOOP)
    }

    /// Asks the kernel for its opinion, once, before the first link is followed.
    fn ask(&mut self) -> Answer<()> {
        if self.asked == Asked::Not {
            self.asked = Asked::Fine;
            if ask_kernel(&self.goal, self.text)? {
                self.asked = Asked::Loops;
                self.goal = without_effect(&self.goal);
            }
        }
        Ok(())
    }

    /// Puts the target of the first link in its place, or opens what a link of procfs stands for.
    fn follow(&mut self, end: usize) -> Answer<Option<c_int>> {
        let whole = end == self.text.length();
        self.links = self.links.saturating_add(1);
        if self.links > MOST_LINKS {
            return Err(Errno::ELOOP);
        }
        let Some(link) = find_link(self.state, &self.goal, self.text, end, self.clear)? else {
            return Ok(None);
        };
        if whole && link.end == end && !self.text.slash() && !self.goal.follows() {
            return Err(Errno::ELOOP);
        }
        if link.magic {
            match magic(self.state, &self.goal, self.text, link.end, link.target) {
                Some(Err(Errno::ESTALE)) => return Ok(None),
                Some(answer) => {
                    // What was opened has no text.
                    self.text.cut(0);
                    return self.end(answer).map(Some);
                }
                None => {}
            }
        }
        let start = self.text.bytes().get(..link.end).map_or(0, directory_of);
        self.plain = if self.text.behind(link.target).first() == Some(&b'/') { 0 } else { start };
        self.text.splice_behind(start, link.end, link.target)?;
        Ok(None)
    }
}

/// Opens the text, which holds no `..`; one that is clear is judged by that.
fn open_whole(state: &State, goal: &Goal, text: &mut Text, clear: bool) -> Answer<c_int> {
    if clear { sys::openat2(CWD, text.path()?, &goal.how) } else { act(state, goal, text) }
}

/// The first `..`: the length of what is before it, and of the text with it.
fn parent(text: &Text) -> Option<(usize, usize)> {
    let is_parent = |place: &usize| {
        let name = text.bytes().get(*place..).unwrap_or_default();
        name.starts_with(b"/..") && matches!(name.get(3), None | Some(b'/'))
    };
    let near = Bits(text.slashes().unwrap_or(0)).find(is_parent);
    // Beyond those of which it is known where they are, wherever one is.
    let place = near.or_else(|| (64..text.length()).find(is_parent))?;
    Some((place, place.saturating_add(3)))
}

/// The places of the bits that are set, the lowest first.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.0.trailing_zeros();
        self.0 &= self.0.checked_sub(1)?;
        Some(place as usize)
    }
}

/// The length of the directory's part of a text: 0 for a name directly in the root.
fn directory_of(text: &[u8]) -> usize {
    text.iter().rposition(|byte| *byte == b'/').unwrap_or(0)
}

/// Whether the first `length` bytes, which `/..` follows, are a directory with no link on the way,
/// which the caller may pass through upwards.
fn is_plain(
    state: &State,
    goal: &Goal,
    text: &mut Text,
    length: usize,
    clear: bool,
) -> Answer<bool> {
    let upper = text.bytes().get(..length).unwrap_or_default();
    if !clear && let Some(rule) = exceptions::decide(state, upper).refuses(Access::METADATA) {
        report::refuse(state, goal.call, Access::METADATA, rule, upper)?;
    }
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let how = How { flags: u64::from(flags.cast_unsigned()), mode: 0, resolve: NO_SYMLINKS };
    // To go up from a directory takes the right to search it, and so does its `.`, with which the
    // `/..` begins.
    let dot = length.saturating_add(b"/.".len());
    match text.with_prefix(dot, |path| sys::openat2(CWD, path, &how)) {
        Ok(fd) => {
            sys::close(fd);
            Ok(true)
        }
        Err(Errno::ELOOP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Walking by hand loses what the kernel checks on its own walk: the caller's right to search,
/// and the owners of links in sticky directories. So the kernel is asked for its opinion first;
/// answers whether there are more links than it follows, or links where it follows none.
fn ask_kernel(goal: &Goal, text: &mut Text) -> Answer<bool> {
    let link = if goal.follows() { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    match sys::faccessat2(CWD, text.path()?, libc::F_OK, libc::AT_EACCESS | link) {
        Err(Errno::EACCES) => Err(Errno::EACCES),
        Err(Errno::ELOOP) => Ok(true),
        // A missing last name may be made, through a dangling link too.
        _ => Ok(false),
    }
}

/// A goal that grants nothing and changes nothing, of the same access: the kernel said ELOOP, but
/// whether the caller may know depends on what is on the way.
fn without_effect(goal: &Goal) -> Goal {
    Goal::hold(goal.call, goal.access, goal.follows())
}
