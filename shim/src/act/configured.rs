//! Calls that read a file which libc finds by itself: by a fixed name, by a variable, by a name that
//! it was given before.

#![expect(unsafe_code, reason = "reads the environment, calls libc's own functions")]

use core::ffi::{CStr, c_char, c_int, c_void};

use ringfence_policy::Access;

use super::vector;
use crate::arm::State;
use crate::place::{self, Decimal, Goal};
use crate::report::{self, Call};
use crate::sys::{self, Answer, CWD, Errno};
use crate::text::Text;

/// What a call of libc's touches without being given its name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Secret {
    /// What paths mean: mounts. A judged text would lead to another place.
    Names,
    /// Any file of a mount, by its number.
    Handles,
    /// `/etc/shadow`.
    Shadow,
    /// `/etc/gshadow`.
    GroupShadow,
    /// `/etc/fstab`, which may hold credentials.
    Mounts,
    /// `/etc/hostid`, which is written.
    HostNumber,
    /// `$HOME/.netrc`.
    RemotePasswords,
    /// The same, and what the resolver reads for the host.
    RemoteHost,
    /// `$DATEMSK`.
    DateTemplates,
    /// `$GMON_OUT_PREFIX.PID`, or `gmon.out`: a profile, which is written.
    Profile,
    /// `$RESOLV_HOST_CONF` and `$HOSTALIASES`.
    ResolverFiles,
}

/// Judges what a call is about to read.
///
/// # Errors
/// EACCES with a report.
pub(crate) fn judge(state: &State, call: Call, secret: Secret) -> Answer<()> {
    match secret {
        Secret::Names if state.environment.is_some() => Err(Errno::EPERM),
        Secret::Handles if state.environment.is_some() => Err(Errno::EACCES),
        Secret::Names | Secret::Handles => Ok(()),
        Secret::Shadow => file(state, call, Access::READ, &[b"/etc/shadow"]),
        Secret::GroupShadow => file(state, call, Access::READ, &[b"/etc/gshadow"]),
        Secret::Mounts => file(state, call, Access::READ, &[b"/etc/fstab"]),
        Secret::HostNumber => file(state, call, Access::WRITE, &[b"/etc/hostid"]),
        Secret::RemotePasswords => match variable(b"HOME") {
            Some(home) => file(state, call, Access::READ, &[home, b"/.netrc"]),
            None => Ok(()),
        },
        Secret::RemoteHost => {
            judge(state, call, Secret::RemotePasswords)?;
            judge(state, call, Secret::ResolverFiles)
        }
        Secret::DateTemplates => match variable(b"DATEMSK") {
            Some(path) => file(state, call, Access::READ, &[path]),
            None => Ok(()),
        },
        Secret::ResolverFiles => {
            unset(state, call, Access::READ, HOST_CONF, LINES)?;
            unset(state, call, Access::READ, b"HOSTALIASES", LINES)
        }
        // libc follows no link there, and no working directory is forbidden.
        Secret::Profile => {
            unset(state, call, Access::WRITE, b"GMON_OUT_PREFIX", PROFILE)?;
            file(state, call, Access::WRITE, &[b"gmon.out"])
        }
    }
}

/// Judges a file by holding it for a moment. What is not there, libc will not find either.
fn file(state: &State, call: Call, access: Access, path: &[&[u8]]) -> Answer<()> {
    let goal = Goal::hold(call, access, true);
    match place::open_parts(state, CWD, path, &goal, &mut Text::new()) {
        Ok(fd) => {
            sys::close(fd);
            Ok(())
        }
        Err(Errno::EACCES) => Err(Errno::EACCES),
        Err(_) => Ok(()),
    }
}

/// The value of a variable, in the environment as it is now, unless it is empty.
fn variable(name: &[u8]) -> Option<&'static [u8]> {
    // SAFETY: libc reads the variable at the same moment, by the same promise of the program's.
    unsafe { vector::variable(name) }.filter(|value| !value.is_empty())
}

/// Names a file that the resolver reads, and whose lines it prints where it does not understand them.
const HOST_CONF: &[u8] = b"RESOLV_HOST_CONF";
const LINES: &[u8] = b"the resolver would show the lines of this file; take RESOLV_HOST_CONF and \
                       HOSTALIASES out of the environment";
const PROFILE: &[u8] = b"libc would write a profile beside this name; take GMON_OUT_PREFIX out of \
                         the environment";

/// libc opens what these variables name link by link and whenever it likes: no verdict about the
/// name would hold until then. So they must not be set.
fn unset(state: &State, call: Call, access: Access, name: &[u8], why: &'static [u8]) -> Answer<()> {
    match variable(name) {
        Some(path) if state.environment.is_some() => {
            report::unsound(state, call, access, path, why)
        }
        _ => Ok(()),
    }
}

/// The names under which libc keeps logins; any other is no business of `utmpname`.
const LOGINS: [&[u8]; 5] =
    [b"/run/utmp", b"/var/run/utmp", b"/var/log/wtmp", b"/var/log/btmp", b"/var/log/lastlog"];

/// `utmpname`: libc opens the name later, whenever it likes, and hands its bytes out as records. So
/// it takes only the system's own files, in directories that a worker does not write.
///
/// # Safety
/// `name` must be what utmpname(3) demands.
pub(crate) unsafe fn logins(state: &State, call: Call, name: *const c_char) -> Answer<c_int> {
    const WHY: &[u8] = b"utmpname opens the file later, when no verdict about its name holds any \
                         more; read it by open";
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    unsafe { text.load(name) }?;
    if !LOGINS.contains(&text.bytes()) && state.environment.is_some() {
        report::unsound(state, call, Access::READ, text.bytes(), WHY)?;
    }
    file(state, call, Access::READ, &[text.bytes()])?;
    let name = text.ended().ok_or(Errno::ENOENT)?;
    // SAFETY: a C string of ours, of which libc makes a copy.
    match unsafe { (state.next.utmpname)(name.as_ptr().cast()) } {
        0 => Ok(0),
        _ => Err(sys::errno()),
    }
}

const SHOWS: &[u8] =
    b"the resolver prints the lines of the file that RESOLV_HOST_CONF names, whichever \
                       that is when it looks; give the variable to the program's start";

/// `setenv`: a variable that another thread sets between our look at the environment and the resolver's
/// would show any file, so nobody sets it.
///
/// # Safety
/// The texts must be what setenv(3) demands.
pub(crate) unsafe fn set_variable(
    state: &State,
    call: Call,
    name: *const c_char,
    value: *const c_char,
    overwrite: c_int,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    if state.environment.is_some() && unsafe { bytes(name) } == Some(HOST_CONF) {
        // SAFETY: as above.
        let path = unsafe { bytes(value) }.unwrap_or_default();
        report::unsound(state, call, Access::READ, path, SHOWS)?;
    }
    // SAFETY: libc's own function, with the caller's arguments.
    answer(unsafe { (state.next.setenv)(name, value, overwrite) })
}

/// `putenv`, as [`set_variable`].
///
/// # Safety
/// `text` must be what putenv(3) demands.
pub(crate) unsafe fn put_variable(state: &State, call: Call, text: *mut c_char) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let value =
        unsafe { bytes(text) }.and_then(|text| text.strip_prefix(HOST_CONF)?.strip_prefix(b"="));
    if let Some(path) = value
        && state.environment.is_some()
    {
        report::unsound(state, call, Access::READ, path, SHOWS)?;
    }
    // SAFETY: libc's own function, with the caller's argument.
    answer(unsafe { (state.next.putenv)(text) })
}

/// The bytes of a C string; `None` for a pointer that cannot be one.
///
/// # Safety
/// `text` must be null, wild or a C string.
unsafe fn bytes<'a>(text: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: a C string, as this function's own contract says.
    (!sys::is_wild(text)).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
}

fn answer(value: c_int) -> Answer<c_int> {
    if value == 0 { Ok(0) } else { Err(sys::errno()) }
}

const NLSPATH: &[u8] = b"libc looks for the catalog along NLSPATH by itself; take that out of the \
                          environment, or give catopen a path";

/// `catopen`: a name with a slash is a path, which libc opens by the descriptor that was judged. Any
/// other is looked for where `NLSPATH` says, by libc alone, so it must not say anything.
///
/// # Safety
/// `name` must be what catopen(3) demands.
pub(crate) unsafe fn catalog(
    state: &State,
    call: Call,
    name: *const c_char,
    flag: c_int,
) -> Answer<*mut c_void> {
    let mut text = Text::new();
    // SAFETY: as this function's own contract says.
    unsafe { text.copy(name) }?;
    let catalog = if text.bytes().contains(&b'/') {
        let goal = Goal::hold(call, Access::READ, true);
        let fd = place::open_copied(state, CWD, &goal, &mut text)?;
        let mut link = Decimal::new(b"/proc/thread-self/fd/");
        let path = link.path(fd.cast_unsigned());
        // SAFETY: a C string of ours.
        let catalog = path.map(|path| unsafe { (state.next.catopen)(path.start(), flag) });
        sys::close(fd);
        catalog?
    } else if let Some(path) = variable(b"NLSPATH")
        && state.environment.is_some()
    {
        report::unsound(state, call, Access::READ, path, NLSPATH)?;
        return Err(Errno::EACCES);
    } else {
        let name = text.ended().ok_or(Errno::ENOENT)?;
        // SAFETY: a C string of ours.
        unsafe { (state.next.catopen)(name.as_ptr().cast(), flag) }
    };
    // libc's answer for "none" is (nl_catd) -1.
    if catalog.addr() == usize::MAX { Err(sys::errno()) } else { Ok(catalog) }
}
