//! The exec family: the program is judged for its place and for whether it can be fenced, then
//! started with an environment that carries the fence.
//!
//! An ELF program is started by the descriptor that holds what was judged, where the kernel names
//! the process as it would by the path. A script needs its path, so the caller's own is copied and
//! proved to lead to the judged file. What another thread swaps between that proof and the
//! kernel's own look-up is a limit of every preload.

use core::ffi::{CStr, c_int};

use ringfence_policy::Access;

use super::environment::{self, For, Plan};
use super::program::{self, File, Held, Start};
use super::vector::{Vector, variable, with_script};
use crate::arm::State;
use crate::exceptions;
use crate::place::{self, Goal};
use crate::report::{self, Call};
use crate::sys::process::{self, Target, execute};
use crate::sys::{self, Answer, CWD, Errno, Path};
use crate::text::{PATH_MAX, Text};

/// What a program is started with.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) call: Call,
    pub(crate) arguments: Vector<'a>,
    pub(crate) environment: Vector<'a>,
}

/// A path in parts, which stand one behind the other.
pub(crate) type Parts<'a> = [&'a [u8]; 3];

/// A path of one part.
pub(crate) const fn whole(path: &CStr) -> Parts<'_> {
    [path.to_bytes(), b"", b""]
}

/// The directories that are searched when there is no `PATH` (`confstr(_CS_PATH)`).
const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";
/// The longest name of a file.
const NAME_MAX: usize = 255;
const SHELL: &CStr = c"/bin/sh";

/// A program that may be executed, and what the way to start it depends on.
struct Found {
    held: Held,
    device: u64,
    inode: u64,
    /// The last name of the caller's path is the file's own: the process is named the same
    /// whichever way it is started.
    same_name: bool,
}

/// execveat(2) of a path. It answers only when it fails.
pub(crate) fn by_path(
    state: &State,
    request: Request<'_>,
    dir: c_int,
    path: Parts<'_>,
    flags: c_int,
) -> Errno {
    match try_by_path(state, request, dir, path, flags) {
        Ok(errno) | Err(errno) => errno,
    }
}

fn try_by_path(
    state: &State,
    request: Request<'_>,
    dir: c_int,
    path: Parts<'_>,
    flags: c_int,
) -> Answer<Errno> {
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    let found = hold(state, request.call, dir, path, follow)?;
    let file = File::from(&found.held);
    let start = program::examine(state, request.call, file, request.arguments)?;
    let environment = environment::plan(state, request.call, request.environment, For::Exec);
    match start {
        Start::Shell => Err(Errno::ENOEXEC),
        Start::Binary if found.same_name && process::names_by_descriptor() => {
            let path = Path::EMPTY;
            start_at(
                request.arguments,
                &environment,
                Target { dir: file.fd, path, flags: libc::AT_EMPTY_PATH },
            )
        }
        Start::Binary | Start::Script => {
            with_copy(path, |path| {
                let stat = process::stat_at(dir, path, flags)?;
                if (stat.st_dev, stat.st_ino) != (found.device, found.inode) {
                    // Another thread put something else there since it was judged.
                    return Err(Errno::EACCES);
                }
                start_at(request.arguments, &environment, Target { dir, path, flags })
            })
        }
    }
}

#[expect(unsafe_code, reason = "the caller's arrays go to the kernel")]
fn start_at(arguments: Vector<'_>, environment: &Plan<'_>, target: Target<'_>) -> Answer<Errno> {
    environment.with(|environment| {
        // SAFETY: both are null-ended arrays of C strings, the caller's or our own.
        unsafe { execute(target, arguments.start(), environment) }
    })
}

/// Judges the place and holds the file. In a frame of its own: a text is large.
#[inline(never)]
fn hold(state: &State, call: Call, dir: c_int, path: Parts<'_>, follow: bool) -> Answer<Found> {
    let mut text = Text::new();
    let goal = Goal::hold(call, Access::EXECUTE, follow);
    let held = Held::at(state, dir, &path, &goal, &mut text)?;
    let name = text.bytes().rsplit(|byte| *byte == b'/').next();
    let [first, second, third] = path;
    let last = [third, second, first].into_iter().find(|part| !part.is_empty());
    let same_name = last.and_then(|part| part.rsplit(|byte| *byte == b'/').next()) == name;
    let stat = sys::fstat(held.fd)?;
    Ok(Found { held, device: stat.st_dev, inode: stat.st_ino, same_name })
}

/// Calls `act` with a copy of the path.
#[inline(never)]
fn with_copy<T>(path: Parts<'_>, act: impl FnOnce(Path<'_>) -> Answer<T>) -> Answer<T> {
    let mut copy = [0_u8; PATH_MAX];
    let (last, room) = copy.split_last_mut().ok_or(Errno::ENAMETOOLONG)?;
    *last = 0;
    let mut bytes = path.into_iter().flatten();
    for (to, from) in room.iter_mut().zip(&mut bytes) {
        *to = *from;
    }
    if bytes.next().is_some() {
        return Err(Errno::ENAMETOOLONG);
    }
    act(Path::new(&copy)?)
}

/// fexecve(3): the program that a descriptor of the caller's holds.
pub(crate) fn by_descriptor(state: &State, request: Request<'_>, fd: c_int) -> Errno {
    match try_by_descriptor(state, request, fd) {
        Ok(errno) | Err(errno) => errno,
    }
}

fn try_by_descriptor(state: &State, request: Request<'_>, fd: c_int) -> Answer<Errno> {
    let stat = sys::fstat(fd)?;
    let held = judge_descriptor(state, request.call, fd, &stat)?;
    let file = held.as_ref().map_or(File { fd, secret: false }, File::from);
    let start = program::examine(state, request.call, file, request.arguments)?;
    let environment = environment::plan(state, request.call, request.environment, For::Exec);
    let dir = match start {
        Start::Shell => return Err(Errno::ENOEXEC),
        Start::Binary => file.fd,
        // The interpreter is given the caller's number to open.
        Start::Script => fd,
    };
    start_at(
        request.arguments,
        &environment,
        Target { dir, path: Path::EMPTY, flags: libc::AT_EMPTY_PATH },
    )
}

/// Judges the place of what a descriptor holds, and holds it anew by its text. What has no text
/// any more, or never had one (memfd), is judged by its content alone: `None`.
#[inline(never)]
fn judge_descriptor(
    state: &State,
    call: Call,
    fd: c_int,
    stat: &libc::stat,
) -> Answer<Option<Held>> {
    let mut text = Text::new();
    text.receive(PATH_MAX, |room| place::directory_text(fd, room))?;
    if text.bytes().first() != Some(&b'/') {
        return Ok(None);
    }
    let goal = Goal::hold(call, Access::EXECUTE, false);
    match Held::by_text(state, &goal, &mut text) {
        Ok(held) => {
            let there = sys::fstat(held.fd)?;
            if (there.st_dev, there.st_ino) == (stat.st_dev, stat.st_ino) {
                return Ok(Some(held));
            }
        }
        Err(errno @ Errno::EACCES) => return Err(errno),
        Err(_) => {}
    }
    // It has no name any more, or another file has it. Where it was still counts.
    match exceptions::decide(state, text.bytes()).refuses(Access::EXECUTE) {
        Some(rule) => {
            report::refuse(state, call, Access::EXECUTE, rule, text.bytes()).map(|()| None)
        }
        None => Ok(None),
    }
}

/// Whether a file that is no program is handed to the shell: execvp(3) does, posix_spawnp(3)
/// since glibc 2.15 does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    /// Run by `/bin/sh`.
    ByShell,
    /// ENOEXEC.
    Refused,
}

/// execvpe(3): a name without a slash is searched in the process's own `PATH`. It answers only
/// when it fails.
pub(crate) fn by_search(
    state: &State,
    request: Request<'_>,
    file: &CStr,
    scripts: Scripts,
) -> Errno {
    let name = file.to_bytes();
    if name.is_empty() {
        return Errno::ENOENT;
    }
    if name.contains(&b'/') {
        return or_shell(state, request, whole(file), scripts);
    }
    if name.len() > NAME_MAX {
        return Errno::ENAMETOOLONG;
    }
    let path = search_path();
    let mut refused = false;
    let mut last = Errno::ENOENT;
    for directory in path.split(|byte| *byte == b':') {
        if directory.len() >= PATH_MAX {
            continue;
        }
        let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        last = or_shell(state, request, [directory, slash, name], scripts);
        match last.0 {
            libc::EACCES => refused = true,
            libc::ENOENT | libc::ESTALE | libc::ENOTDIR | libc::ENODEV | libc::ETIMEDOUT => {}
            _ => return last,
        }
    }
    if refused { Errno::EACCES } else { last }
}

#[expect(unsafe_code, reason = "reads the process's own environment")]
fn search_path() -> &'static [u8] {
    // SAFETY: libc reads the process's environment the same way.
    unsafe { variable(b"PATH") }.unwrap_or(DEFAULT_PATH)
}

/// Starts a program, or by execvp's rule the shell with it as a script.
fn or_shell(state: &State, request: Request<'_>, path: Parts<'_>, scripts: Scripts) -> Errno {
    let errno = by_path(state, request, CWD, path, 0);
    if errno != Errno::ENOEXEC || scripts == Scripts::Refused {
        return errno;
    }
    let answer = with_script(request.arguments, SHELL, &path, |arguments| {
        by_path(state, Request { arguments, ..request }, CWD, whole(SHELL), 0)
    });
    match answer {
        Ok(errno) | Err(errno) => errno,
    }
}
