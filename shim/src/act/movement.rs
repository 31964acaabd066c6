//! Moving and linking: calls on two places, after which no place may be less forbidden.
//!
//! Both ends are judged and both directories held in a private descriptor table, where no other
//! thread can put another directory under either number.

#![expect(unsafe_code, reason = "hands the callers' words to the kernel")]

use core::ffi::{c_int, c_uint};

use ringfence_policy::Access;

use super::look::{At, Held, argument, done};
use super::parent::{ABOVE, Kept, Parent, Spot};
use crate::arm::State;
use crate::place::{self, Decimal, Goal, leads_to};
use crate::report::{self, Call};
use crate::sys::{self, Answer, Errno, pass};
use crate::table;
use crate::text::{PATH_MAX, Text};

/// Refuses what would have an access at its new place that is forbidden at its old one.
fn keep(state: &State, call: Call, from: &[u8], to: &[u8]) -> Answer<()> {
    let old = state.image.decide(from);
    let lost = old.refused() & !state.image.decide(to).refused();
    match old.refuses(lost) {
        Some(rule) => report::refuse(state, call, lost, rule, from),
        None => Ok(()),
    }
}

/// Refuses to move a directory in which a `**` of a rule might find something.
fn keep_tree(state: &State, call: Call, dir: &Held, spot: &Spot<'_>) -> Answer<()> {
    let text = spot.text.bytes();
    if !state.image.may_be_above(text) || state.image.is_above(text) {
        return Ok(());
    }
    if mode_of(dir, spot)? & libc::S_IFMT == libc::S_IFDIR {
        report::unsound(state, call, Access::WRITE, text, ABOVE)?;
    }
    Ok(())
}

/// What stands at a place, a link itself.
fn mode_of(dir: &Held, spot: &Spot<'_>) -> Answer<libc::mode_t> {
    let flags = argument(libc::AT_SYMLINK_NOFOLLOW);
    let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
    let name = spot.last.path()?.address();
    let words = [argument(dir.number()), name, stat.as_mut_ptr().addr(), flags, 0, 0];
    // SAFETY: the buffer has the size and alignment of the kernel's structure on this machine.
    unsafe { pass(libc::SYS_newfstatat, words) }?;
    // SAFETY: the kernel filled it, as its answer says.
    Ok(unsafe { stat.assume_init() }.st_mode)
}

/// `renameat2`; `rename` and `renameat` are its special cases.
///
/// # Safety
/// The paths must be what renameat2(2) demands.
pub(crate) unsafe fn rename(
    state: &State,
    call: Call,
    from: At,
    to: At,
    flags: c_uint,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    if let Some(answer) = unsafe { rename_free(state, from, to, flags) } {
        return answer;
    }
    table::judging(state, || {
        let (mut old, mut new) = (Text::new(), Text::new());
        // SAFETY: as this function's own contract says.
        let mut old = unsafe { Spot::copy(from, &mut old) }?;
        // SAFETY: as above.
        let mut new = unsafe { Spot::copy(to, &mut new) }?;
        let source = old.pin(state, call, Access::WRITE, Kept::Goes)?;
        let target = new.pin(state, call, Access::WRITE, Kept::Goes)?;
        keep(state, call, old.text.bytes(), new.text.bytes())?;
        keep_tree(state, call, &source, &old)?;
        if flags & libc::RENAME_EXCHANGE != 0 {
            keep(state, call, new.text.bytes(), old.text.bytes())?;
            keep_tree(state, call, &target, &new)?;
        }
        move_name((source.number(), old.last.path()?), (target.number(), new.last.path()?), flags)
    })?
    .map(done)
}

/// Renames where no rule knows either name and no process holds a directory that is refused
/// anything: then nothing is forbidden to what goes, at no place, and so nothing can be lost. `None`
/// where that is not so, or an end is not as it should be.
///
/// # Safety
/// As [`rename`].
#[inline(never)]
unsafe fn rename_free(state: &State, from: At, to: At, flags: c_uint) -> Option<Answer<c_int>> {
    // One text for both paths: it is large, and the caller's stack may be small.
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    let mut spot = unsafe { Spot::copy(from, &mut text) }.ok()?;
    let beside = spot.beside();
    let source = spot.hold(state, Access::ALL)?.ok()?;
    let old = spot.last;
    // SAFETY: as above.
    let mut spot = unsafe { Spot::copy(to, &mut text) }.ok()?;
    // Most files are renamed within a directory.
    let target = if spot.is_beside(&beside) && spot.is_free(state, Access::ALL) {
        Parent::Given(source.number())
    } else {
        spot.hold(state, Access::ALL)?.ok()?
    };
    let (old, new) = (old.path().ok()?, spot.last.path().ok()?);
    Some(move_name((source.number(), old), (target.number(), new), flags).map(done))
}

fn move_name(
    (source, old): (c_int, sys::Path<'_>),
    (target, new): (c_int, sys::Path<'_>),
    flags: c_uint,
) -> Answer<usize> {
    let [source, target] = [source, target].map(argument);
    let words = [source, old.address(), target, new.address(), flags as usize, 0];
    // SAFETY: both names live through the call, which writes nothing.
    unsafe { pass(libc::SYS_renameat2, words) }
}

/// `linkat`; `link` is its special case.
///
/// # Safety
/// The paths must be what linkat(2) demands.
pub(crate) unsafe fn link(
    state: &State,
    call: Call,
    from: At,
    to: At,
    flags: c_int,
) -> Answer<c_int> {
    if flags & !(libc::AT_SYMLINK_FOLLOW | libc::AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    table::judging(state, || {
        let (mut old, mut new) = (Text::new(), Text::new());
        // SAFETY: as this function's own contract says.
        let mut new = unsafe { Spot::copy(to, &mut new) }?;
        // SAFETY: as above; not null where it is read.
        let itself =
            flags & libc::AT_EMPTY_PATH != 0 && !from.path.is_null() && unsafe { from.is_empty() };
        if itself {
            return link_held(state, call, from.dir, &mut old, &mut new);
        }
        // SAFETY: as this function's own contract says.
        let slash = unsafe { Spot::copy(from, &mut old) }?.last.slash();
        // A link with a slash behind it is followed too, if only to say that it leads to a directory.
        if slash || flags & libc::AT_SYMLINK_FOLLOW != 0 {
            // SAFETY: as this function's own contract says.
            return unsafe { link_followed(state, call, from, &mut old, &mut new) };
        }
        // SAFETY: as this function's own contract says.
        let mut old = unsafe { Spot::copy(from, &mut old) }?;
        let source = old.pin(state, call, Access::METADATA, Kept::Stays)?;
        // The kernel looks at the old name before the new one's directory.
        mode_of(&source, &old)?;
        let target = link_target(state, call, old.text.bytes(), &mut new)?;
        make(argument(source.number()), old.last.path()?.address(), &target, &new, 0)
    })?
    .map(done)
}

/// Gives another name to what a descriptor holds, whose text `old` gets.
fn link_held(
    state: &State,
    call: Call,
    fd: c_int,
    old: &mut Text,
    new: &mut Spot<'_>,
) -> Answer<usize> {
    text_of(fd, old)?;
    let target = link_target(state, call, old.bytes(), new)?;
    make(argument(fd), c"".as_ptr().addr(), &target, new, libc::AT_EMPTY_PATH)
}

/// Gives another name to what a path leads to, whose text `old` gets.
///
/// # Safety
/// The path must be null, in the first page, or a C string.
unsafe fn link_followed(
    state: &State,
    call: Call,
    from: At,
    old: &mut Text,
    new: &mut Spot<'_>,
) -> Answer<usize> {
    let goal = Goal::hold(call, Access::METADATA, true);
    // SAFETY: as this function's own contract says.
    let fd = unsafe { place::open_by_text(state, from.dir, from.path, &goal, old) }?;
    let source = Held::new(fd);
    // What has no text has no name either, or it would be a way around the rules.
    if old.length() == 0 && sys::fstat(fd)?.st_nlink > 0 {
        return Err(Errno::EACCES);
    }
    let target = link_target(state, call, old.bytes(), new)?;
    let mut link = Decimal::new(b"/proc/thread-self/fd/");
    let path = link.path(source.number().cast_unsigned())?.address();
    make(argument(sys::CWD), path, &target, new, libc::AT_SYMLINK_FOLLOW)
}

/// Judges and holds the place of a new name for what stands at `from`, an empty text for an object
/// without a name.
fn link_target(state: &State, call: Call, from: &[u8], new: &mut Spot<'_>) -> Answer<Held> {
    if !from.is_empty() {
        super::parent::judge(state, call, Access::METADATA, from)?;
    }
    let target = new.pin(state, call, Access::WRITE, Kept::Goes)?;
    if !from.is_empty() {
        keep(state, call, from, new.text.bytes())?;
    }
    Ok(target)
}

/// The text of an open object; none for one that has lost its last name, or never had one.
fn text_of(fd: c_int, text: &mut Text) -> Answer<()> {
    let object = sys::fstat(fd)?;
    text.receive(PATH_MAX, |room| place::directory_text(fd, room))?;
    if text.bytes().first() == Some(&b'/') && leads_to(text.path(), &object) {
        return Ok(());
    }
    text.cut(0);
    if object.st_nlink > 0 { Err(Errno::EACCES) } else { Ok(()) }
}

fn make(dir: usize, name: usize, target: &Held, new: &Spot<'_>, flags: c_int) -> Answer<usize> {
    let to = new.last.path()?.address();
    let words = [dir, name, argument(target.number()), to, argument(flags), 0];
    // SAFETY: both names live through the call, which writes nothing.
    unsafe { pass(libc::SYS_linkat, words) }
}
