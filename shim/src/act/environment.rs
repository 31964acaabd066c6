//! The environment that a program is started with: it always carries the fence.
//!
//! The program gets an array of our own: the caller's variables without those that are ours, in their
//! order, then ours from the copies that the shim made when it armed. Never the caller's array, though
//! it most often carries the fence: another thread may change it before the kernel reads it. The
//! texts of the caller's variables may still change under that thread's hands, so ours stand behind
//! them all: ld.so takes the last variable of a name, and so does the shim when it arms. What the
//! policy hides from children is left out, unless the process itself becomes the program: a start
//! script keeps what its worker needs.

use core::ffi::{CStr, c_char};

use ringfence_policy::{Access, Image, Mode};

use super::vector::{Vector, put_text, with_words, words_for};
use crate::arm::{Environment, State};
use crate::exceptions;
use crate::report::Call;
use crate::sys::{Answer, CWD, Errno};
use crate::text::Text;
use crate::{place, sys};

/// Variables with this beginning are ours alone.
const OURS: &[u8] = b"RINGFENCE_";
/// The beginning of the variable that names us to ld.so.
const PRELOAD: &[u8] = b"LD_PRELOAD=";
/// What its value is parted by.
const PARTS: &[u8] = b": ";

/// The words of an array of ours that fit on the stack: an environment of some 400 variables.
const SMALL: usize = 416;

/// How a variable names the files that ld.so or libc opens for it.
#[derive(Clone, Copy)]
enum Names {
    /// One path.
    One,
    /// A list of paths; colons, semicolons and blanks part them.
    List,
    /// A path beneath a directory of libc's, or an absolute one behind a colon; `..` leads out.
    Beneath,
}

/// The variables by which ld.so and libc open files themselves, where no hook sees it, and what
/// they do there.
const OPENERS: [(&[u8], Names, Access); 14] = [
    (b"LD_LIBRARY_PATH", Names::List, Access::READ),
    (b"LD_DEBUG_OUTPUT", Names::One, Access::WRITE),
    (b"LD_PROFILE_OUTPUT", Names::One, Access::WRITE),
    (b"RESOLV_HOST_CONF", Names::One, Access::READ),
    (b"HOSTALIASES", Names::One, Access::READ),
    (b"LOCPATH", Names::List, Access::READ),
    (b"NLSPATH", Names::List, Access::READ),
    (b"GCONV_PATH", Names::List, Access::READ),
    (b"TZ", Names::Beneath, Access::READ),
    (b"TZDIR", Names::One, Access::READ),
    (b"LANGUAGE", Names::Beneath, Access::READ),
    (b"DATEMSK", Names::One, Access::READ),
    (b"GMON_OUT_PREFIX", Names::One, Access::WRITE),
    (b"MALLOC_TRACE", Names::One, Access::WRITE),
];

/// What a variable of the caller's is to the fence.
enum Role<'a> {
    /// `LD_PRELOAD`, with its value.
    Preload(&'a [u8]),
    /// One that is, or claims to be, ours, or lets code run in front of the shim.
    Ours,
    /// One that children do not get.
    Hidden,
    /// One of [`OPENERS`], by its place there, with its value.
    Opener(u16, &'a [u8]),
    /// Any other.
    Free,
}

/// The environment that a program will get, judged but not made yet: what is judged needs the
/// room of a path on the stack, what is made needs room of its own.
pub(crate) struct Plan<'a> {
    given: Vector<'a>,
    /// Whose names of hidden variables count; `None` where none is hidden.
    hiding: Option<&'a Image<'static>>,
    /// What the program is told about who started it, where that matters.
    host: Option<&'static CStr>,
    /// `None` where nobody asked for a fence: the caller's own array is passed on.
    ours: Option<&'a Environment>,
    /// The caller's `LD_PRELOAD` is what this process itself was started with.
    started: bool,
    /// The openers that name a forbidden place, a bit for each.
    forbidden: u16,
    /// What stays of the caller's `LD_PRELOAD`, behind ours.
    preload: &'a [u8],
    /// The number of the caller's variables that stay.
    kept: usize,
    /// It is for what a child becomes, which may be in its parent's memory.
    is_child: bool,
}

/// Who gets an environment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// The program that the calling process becomes.
    Exec,
    /// A child that is not there yet.
    Child,
}

/// What the first reading of the caller's environment found.
#[derive(Default)]
struct Survey<'a> {
    forbidden: u16,
    /// The value of the last `LD_PRELOAD`, which is the one that ld.so takes.
    preload: &'a [u8],
}

/// Judges a caller's environment.
pub(crate) fn plan<'a>(state: &'a State, call: Call, given: Vector<'a>, who: For) -> Plan<'a> {
    let hiding = hiding(state, who);
    let mut plan = Plan {
        given,
        hiding,
        host: None,
        ours: state.environment.as_ref(),
        started: false,
        forbidden: 0,
        preload: b"",
        kept: 0,
        is_child: who == For::Exec && sys::process() != state.process,
    };
    let Some(ours) = plan.ours else { return plan };
    let Survey { forbidden, preload } = survey(state, hiding, call, given);
    let theirs = behind(ours.library.to_bytes(), preload);
    // The list of libraries that this process itself was started with is good whatever its order.
    plan.started = ours.preload.to_bytes().strip_prefix(PRELOAD) == Some(preload);
    plan.preload = if plan.started { theirs } else { without_forbidden(state, call, theirs) };
    plan.host = exceptions::tells(state);
    plan.forbidden = forbidden;
    plan.kept = kept(given, hiding, forbidden).count();
    plan
}

impl Plan<'_> {
    /// Calls `act` with the array.
    ///
    /// # Errors
    /// ENOMEM or E2BIG where there is no room for an array of our own.
    pub(crate) fn with<T>(&self, act: impl FnOnce(*const *const c_char) -> T) -> Answer<T> {
        let Some(ours) = self.ours else { return Ok(act(self.given.start())) };
        let colon = if self.preload.is_empty() { &[][..] } else { b":" };
        let preload = [PRELOAD, ours.library.to_bytes(), colon, self.preload];
        // The kept variables, four of ours and a null; then LD_PRELOAD's text.
        let pointers = self.kept.saturating_add(5);
        let text = preload.iter().map(|part| part.len()).fold(0_usize, usize::saturating_add);
        let text = if self.started { 0 } else { words_for(text) };
        with_words::<SMALL, _>(pointers.saturating_add(text), self.is_child, |words| {
            let preload = if self.started {
                ours.preload.as_ptr().addr()
            } else {
                put_text(words, pointers, &preload)?
            };
            self.fill(ours, words.get_mut(..pointers).ok_or(Errno::E2BIG)?, preload)?;
            Ok(act(words.as_ptr().cast()))
        })?
    }

    /// Writes the pointers: what is kept, then ours, then null.
    fn fill(&self, ours: &Environment, words: &mut [usize], preload: usize) -> Answer<()> {
        let kept = kept(self.given, self.hiding, self.forbidden).map(|text| text.as_ptr().addr());
        let own = [Some(ours.image), ours.run, self.host].into_iter().flatten();
        let own = own.map(|text| text.as_ptr().addr());
        let mut places = words.iter_mut();
        for address in kept.chain([preload]).chain(own).chain([0]) {
            // Another thread may have lengthened the array since it was counted.
            *places.next().ok_or(Errno::E2BIG)? = address;
        }
        Ok(())
    }
}

/// The policy whose hidden variables are to be left out. What only audits leaves out nothing.
fn hiding(state: &State, who: For) -> Option<&Image<'static>> {
    let image = &state.image;
    let hides = image.hides_any() && image.mode() == Mode::Enforce;
    // A child that was forked, with or without our knowledge, has another number than we.
    (hides && (who == For::Child || sys::process() != state.process)).then_some(image)
}

fn survey<'a>(
    state: &State,
    hiding: Option<&Image<'_>>,
    call: Call,
    given: Vector<'a>,
) -> Survey<'a> {
    let mut survey = Survey::default();
    for text in given.texts() {
        match role(hiding, text) {
            Role::Preload(value) => survey.preload = value,
            Role::Opener(opener, value) if is_forbidden(state, call, opener, value) => {
                survey.forbidden |= bit(opener);
            }
            Role::Opener(..) | Role::Ours | Role::Hidden | Role::Free => {}
        }
    }
    survey
}

/// The caller's variables that stay.
fn kept<'a>(
    given: Vector<'a>,
    hiding: Option<&'a Image<'_>>,
    forbidden: u16,
) -> impl Iterator<Item = &'a CStr> {
    given.texts().filter(move |text| match role(hiding, text) {
        Role::Opener(opener, _) => forbidden & bit(opener) == 0,
        Role::Free => true,
        Role::Preload(_) | Role::Ours | Role::Hidden => false,
    })
}

const fn bit(opener: u16) -> u16 {
    1 << (opener & 15)
}

fn role<'a>(hiding: Option<&Image<'_>>, text: &'a CStr) -> Role<'a> {
    let text = text.to_bytes();
    if let Some(value) = text.strip_prefix(PRELOAD) {
        return Role::Preload(value);
    }
    if text.starts_with(OURS) || text.starts_with(b"LD_AUDIT=") {
        return Role::Ours;
    }
    let name = || text.split(|byte| *byte == b'=').next().unwrap_or_default();
    if hiding.is_some_and(|image| image.hides(name())) {
        return Role::Hidden;
    }
    for ((name, ..), opener) in OPENERS.iter().zip(0..) {
        if let Some(value) = text.strip_prefix(*name).and_then(|rest| rest.strip_prefix(b"=")) {
            return Role::Opener(opener, value);
        }
    }
    Role::Free
}

fn is_forbidden(state: &State, call: Call, opener: u16, value: &[u8]) -> bool {
    let Some((_, names, access)) = OPENERS.get(usize::from(opener)).copied() else { return true };
    match names {
        Names::One => refuses(state, call, access, value),
        Names::List => {
            value.split(|byte| b":; ".contains(byte)).any(|one| refuses(state, call, access, one))
        }
        Names::Beneath => value
            .split(|byte| *byte == b':')
            .any(|one| climbs(one) || (one.starts_with(b"/") && refuses(state, call, access, one))),
    }
}

fn climbs(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| name == b"..")
}

/// Whether the policy refuses the access at this path.
#[inline(never)]
fn refuses(state: &State, call: Call, access: Access, path: &[u8]) -> bool {
    if path.is_empty() {
        return false;
    }
    let goal = place::Goal::hold(call, access, true);
    match place::open_parts(state, CWD, &[path], &goal, &mut Text::new()) {
        Ok(fd) => {
            sys::close(fd);
            false
        }
        // What the kernel itself keeps closed, libc could not open either.
        Err(errno) => errno == Errno::EACCES,
    }
}

/// What a list of libraries has beside ours at its beginning.
fn behind<'a>(library: &[u8], value: &'a [u8]) -> &'a [u8] {
    match value.strip_prefix(library) {
        Some([]) => &[],
        Some([first, rest @ ..]) if PARTS.contains(first) => rest,
        _ => value,
    }
}

/// The caller's own libraries: all of them, or none where one is forbidden.
fn without_forbidden<'a>(state: &State, call: Call, list: &'a [u8]) -> &'a [u8] {
    let access = Access::READ.with(Access::EXECUTE);
    let forbidden = list
        .split(|byte| PARTS.contains(byte))
        .any(|one| one.contains(&b'/') && refuses(state, call, access, one));
    if forbidden { &[] } else { list }
}
