//! The environment that a program is started with: it always carries the fence.
//!
//! Most often the caller's environment does already, and is passed on untouched. Else the program
//! gets an array of our own: the caller's variables without those that are ours, in their order,
//! then ours from the copies that the shim made when it armed. No variable stands there twice:
//! ld.so takes the last, getenv the first.

use core::ffi::{CStr, c_char};

use ringfence_policy::Access;

use super::vector::{Vector, put_text, with_words, words_for};
use crate::arm::{Environment, State};
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
    /// Exactly our `RINGFENCE_IMAGE`.
    Image,
    /// Exactly our `RINGFENCE_RUN`.
    Run,
    /// One that claims to be ours, or lets code run in front of the shim.
    Foreign,
    /// One that makes libc open a place that is forbidden.
    Forbidden,
    /// Any other.
    Free,
}

/// What the first reading of the caller's environment found.
#[derive(Default)]
struct Survey<'a> {
    kept: usize,
    dropped: bool,
    preloads: usize,
    /// The value of the last `LD_PRELOAD`, which is the one that ld.so takes.
    preload: &'a [u8],
    image: usize,
    run: usize,
}

impl Survey<'_> {
    /// Whether ld.so and the shim in the child will read exactly what they would from ours. The
    /// list of libraries that this process itself was started with is good whatever its order.
    fn carries_the_fence(&self, ours: &Environment) -> bool {
        let first = self.preload.split(|byte| PARTS.contains(byte)).next();
        let started = ours.preload.to_bytes().strip_prefix(PRELOAD);
        let preload = first == Some(ours.library.to_bytes()) || started == Some(self.preload);
        !self.dropped
            && self.preloads == 1
            && preload
            && self.image == 1
            && self.run == usize::from(ours.run.is_some())
    }
}

/// Calls `act` with the environment for a program: the caller's own where it carries the fence.
///
/// # Errors
/// ENOMEM or E2BIG where there is no room for an array of our own.
pub(crate) fn with<T>(
    state: &State,
    call: Call,
    environment: Vector<'_>,
    act: impl FnOnce(*const *const c_char) -> T,
) -> Answer<T> {
    // Nobody asked for a fence.
    let Some(ours) = &state.environment else { return Ok(act(environment.start())) };
    let survey = survey(state, ours, call, environment);
    if survey.carries_the_fence(ours) {
        return Ok(act(environment.start()));
    }
    let library = ours.library.to_bytes();
    let rest = kept_preloads(state, call, library, survey.preload);
    let colon = if rest.is_empty() { &[][..] } else { b":" };
    let preload = [PRELOAD, library, colon, rest];
    // The kept variables, three of ours and a null; then LD_PRELOAD's text.
    let pointers = survey.kept.saturating_add(4);
    let text = preload.iter().map(|part| part.len()).fold(0_usize, usize::saturating_add);
    let count = pointers.saturating_add(words_for(text));
    with_words::<SMALL, _>(count, |words| {
        let preload = put_text(words, pointers, &preload)?;
        fill(state, ours, call, environment, words, pointers, preload)?;
        Ok(act(words.as_ptr().cast()))
    })?
}

fn survey<'a>(
    state: &State,
    ours: &Environment,
    call: Call,
    environment: Vector<'a>,
) -> Survey<'a> {
    let mut survey = Survey::default();
    for text in environment.texts() {
        match role(state, ours, call, text) {
            Role::Preload(value) => {
                survey.preloads = survey.preloads.saturating_add(1);
                survey.preload = value;
            }
            Role::Image => survey.image = survey.image.saturating_add(1),
            Role::Run => survey.run = survey.run.saturating_add(1),
            Role::Foreign | Role::Forbidden => survey.dropped = true,
            Role::Free => survey.kept = survey.kept.saturating_add(1),
        }
    }
    survey
}

/// Writes the pointers: what is kept, then ours, then null.
fn fill(
    state: &State,
    ours: &Environment,
    call: Call,
    environment: Vector<'_>,
    words: &mut [usize],
    pointers: usize,
    preload: usize,
) -> Answer<()> {
    let kept = environment
        .texts()
        .filter(|text| matches!(role(state, ours, call, text), Role::Free))
        .map(|text| text.as_ptr().addr());
    let own = [Some(ours.image), ours.run].into_iter().flatten().map(|text| text.as_ptr().addr());
    let mut places = words.get_mut(..pointers).ok_or(Errno::E2BIG)?.iter_mut();
    for address in kept.chain([preload]).chain(own).chain([0]) {
        // Another thread may have lengthened the array since it was counted.
        *places.next().ok_or(Errno::E2BIG)? = address;
    }
    Ok(())
}

fn role<'a>(state: &State, ours: &Environment, call: Call, text: &'a CStr) -> Role<'a> {
    let text = text.to_bytes();
    if let Some(value) = text.strip_prefix(PRELOAD) {
        return Role::Preload(value);
    }
    if text == ours.image.to_bytes() {
        return Role::Image;
    }
    if ours.run.is_some_and(|run| run.to_bytes() == text) {
        return Role::Run;
    }
    if text.starts_with(OURS) || text.starts_with(b"LD_AUDIT=") {
        return Role::Foreign;
    }
    let Some(end) = text.iter().position(|byte| *byte == b'=') else { return Role::Free };
    let (name, value) = text.split_at_checked(end).unwrap_or_default();
    let value = value.strip_prefix(b"=").unwrap_or_default();
    match OPENERS.iter().find(|(opener, ..)| *opener == name) {
        Some((_, names, access)) if is_forbidden(state, call, *names, *access, value) => {
            Role::Forbidden
        }
        _ => Role::Free,
    }
}

fn is_forbidden(state: &State, call: Call, names: Names, access: Access, value: &[u8]) -> bool {
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

/// The caller's own libraries behind ours: all of them, or none where one is forbidden.
fn kept_preloads<'a>(state: &State, call: Call, library: &[u8], value: &'a [u8]) -> &'a [u8] {
    let rest = match value.strip_prefix(library) {
        Some([]) => &[],
        Some([first, rest @ ..]) if PARTS.contains(first) => rest,
        _ => value,
    };
    let access = Access::READ.with(Access::EXECUTE);
    let forbidden = rest
        .split(|byte| PARTS.contains(byte))
        .any(|one| one.contains(&b'/') && refuses(state, call, access, one));
    if forbidden { &[] } else { rest }
}
