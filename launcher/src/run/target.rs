//! What the command is: found as execvp(3) finds it, and whether the fence can hold it.
//!
//! ld.so loads the shim into a dynamic program for this machine and of this libc, that starts
//! with no more rights than it was given. Anything else would run unfenced, without a word.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ringfence_policy::program::{Program, classify};
use ringfence_policy::{Access, Image, Mode};
use rustix::fs::{AtFlags, CWD, FileType, accessat, getxattr, stat};
use rustix::io::Errno;

use super::refusal::Refusal;
use crate::exit;
use crate::places::{Follow, Links, absolute};

/// The path that execvp(3) searches when `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// What runs a file that is neither a program nor says what runs it.
const SHELL: &str = "/bin/sh";
/// As many interpreters as the kernel goes through, and the shell.
const MOST_INTERPRETERS: usize = 6;
/// The bytes of a file that are read at once.
const HEAD: usize = 1024;

/// Finds the command: a name with a slash is a path, another one is searched in `path`.
///
/// # Errors
/// 127 where there is none, 126 where there is one that may not be executed.
pub(crate) fn find(command: &OsStr, path: Option<OsString>) -> Result<PathBuf, Refusal> {
    if command.is_empty() {
        return Err(missing(command));
    }
    if command.as_bytes().contains(&b'/') {
        let found = PathBuf::from(command);
        return match startable(&found) {
            Ok(()) => Ok(found),
            Err(Errno::NOENT | Errno::NOTDIR) => Err(missing(command)),
            Err(errno) => Err(not_startable(command, errno)),
        };
    }
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    let mut refused = None;
    for directory in path.as_bytes().split(|&byte| byte == b':') {
        let candidate = in_directory(directory, command);
        match startable(&candidate) {
            Ok(()) => return Ok(candidate),
            // As execvp: a later directory may have one that can be executed.
            Err(Errno::ACCESS) => refused = Some(Errno::ACCESS),
            Err(_) => {}
        }
    }
    Err(refused.map_or_else(|| missing(command), |errno| not_startable(command, errno)))
}

/// `command` in a directory of the path, where the empty one is the current one.
fn in_directory(directory: &[u8], command: &OsStr) -> PathBuf {
    let mut bytes = directory.to_vec();
    if !bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes.extend_from_slice(command.as_bytes());
    PathBuf::from(OsString::from_vec(bytes))
}

/// Whether the kernel would start it, by the rights and kind of the file alone.
fn startable(candidate: &Path) -> Result<(), Errno> {
    let status = stat(candidate)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(Errno::ACCESS);
    }
    accessat(CWD, candidate, rustix::fs::Access::EXEC_OK, AtFlags::EACCESS)
}

fn missing(command: &OsStr) -> Refusal {
    Refusal::plain(format!("`{}` was not found", command.display())).status(exit::NOT_FOUND)
}

/// A command that is there, but which the kernel does not start.
pub(crate) fn not_startable(command: &OsStr, errno: Errno) -> Refusal {
    let reason = std::io::Error::from(errno);
    Refusal::plain(format!("`{}` cannot be started: {reason}", command.display()))
        .status(exit::NOT_EXECUTABLE)
}

/// Whether the fence can hold the program, and everything that runs in its place.
///
/// # Errors
/// RF401 to RF403 for what the shim cannot enter; 126 for what the policy or the kernel does not
/// let run.
pub(crate) fn check(program: &Path, policy: Image<'_>) -> Result<(), Refusal> {
    let mut next = program.to_owned();
    for _ in 0..MOST_INTERPRETERS {
        permitted(&next, policy)?;
        if next != program && matches!(stat(&next), Err(Errno::NOENT)) {
            let why = format!("`{}` is run by it", program.display());
            return Err(missing(next.as_os_str()).note(why));
        }
        match look(&next, policy)? {
            Some(interpreter) => next = interpreter,
            None => return Ok(()),
        }
    }
    Err(not_startable(program.as_os_str(), Errno::LOOP))
}

/// Looks at one file: `None` where it is the end and can be fenced, else what runs it.
fn look(path: &Path, policy: Image<'_>) -> Result<Option<PathBuf>, Refusal> {
    let unreadable = |error: std::io::Error| {
        let what = format!("`{}` cannot be looked at: {error}", path.display());
        Refusal::coded("RF401", what).help(
            "make it readable for this user: only a program that is known to be dynamic is started",
        )
    };
    // The file was a regular one; should it be a FIFO now, the open must not wait.
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(unreadable)?;
    let mut head = vec![0; HEAD];
    let length = file.read_at(&mut head, 0).map_err(unreadable)?;
    head.truncate(length);
    let kind = classify(&head, &mut |at, into| file.read_at(into, at).unwrap_or(0));
    match kind {
        Program::Script(script) => Ok(Some(OsStr::from_bytes(script.interpreter).into())),
        Program::Neither => Ok(Some(SHELL.into())),
        Program::Dynamic(loader) => {
            no_more_rights(path, &file, policy)?;
            if loader.is_known() || is_loader(Path::new(OsStr::from_bytes(loader.path()))) {
                return Ok(None);
            }
            Err(other_libc(path, loader.path()))
        }
        other => Err(not_enterable(path, other)),
    }
}

/// Whether the file at a path that a program names as its loader is glibc's.
fn is_loader(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut head = vec![0; HEAD];
    let length = file.read_at(&mut head, 0).unwrap_or(0);
    head.truncate(length);
    let kind = classify(&head, &mut |at, into| file.read_at(into, at).unwrap_or(0));
    matches!(kind, Program::Loader)
}

/// A program that starts with more rights than its caller makes ld.so forget the shim.
fn no_more_rights(path: &Path, file: &File, policy: Image<'_>) -> Result<(), Refusal> {
    let shown = path.display();
    let capabilities = getxattr(path, "security.capability", &mut [0_u8; 64][..]);
    if !matches!(capabilities, Err(Errno::NODATA | Errno::OPNOTSUPP)) {
        return Err(Refusal::coded("RF402", format!("`{shown}` has file capabilities"))
            .note("ld.so ignores the shim in a program that starts with more rights")
            .help(format!(
                "remove them (`setcap -r {shown}`) and grant them to the service instead"
            )));
    }
    let mode = file.metadata().map_or(u32::MAX, |status| status.mode());
    if policy.new_privileges() && mode & 0o6000 != 0 {
        return Err(Refusal::coded("RF402", format!("`{shown}` is setuid or setgid"))
            .note("ld.so ignores the shim in a program that starts with more rights")
            .help("leave out `--allow-new-privs`: then it is started without them, and fenced"));
    }
    Ok(())
}

fn other_libc(path: &Path, loader: &[u8]) -> Refusal {
    let loader = OsStr::from_bytes(loader).display();
    Refusal::coded("RF403", format!("`{}` is a program of another libc", path.display()))
        .note(format!("its dynamic loader is `{loader}`, not glibc's"))
        .help("take a glibc build of it, such as a Debian image in place of an Alpine one")
}

fn not_enterable(path: &Path, kind: Program<'_>) -> Refusal {
    let shown = path.display();
    let (what, help) = match kind {
        Program::Static => (
            format!("`{shown}` is a static program"),
            "take a dynamically linked build of it: no library can be loaded into a static one",
        ),
        Program::Go => (
            format!("`{shown}` is a Go program, which makes its system calls without libc"),
            "put a container or a mount namespace around it: a fence in front of libc does not hold it",
        ),
        Program::OtherClass | Program::OtherMachine(_) => (
            format!("`{shown}` is a program for another kind of machine"),
            "take its build for x86-64",
        ),
        Program::Audited => (
            format!("`{shown}` loads an audit library, which runs before the shim"),
            "take a build without DT_AUDIT and DT_DEPAUDIT",
        ),
        Program::Loader => (
            format!("`{shown}` is the dynamic loader itself"),
            "start the program directly; LD_LIBRARY_PATH and `--preload` stand for its options",
        ),
        _ => (format!("`{shown}` is a damaged program"), "install it again"),
    };
    Refusal::coded("RF401", what).help(help)
}

/// The policy's own word on running a file: what it refuses to the worker's children it refuses
/// to the worker. A policy that only audits refuses neither.
fn permitted(program: &Path, policy: Image<'_>) -> Result<(), Refusal> {
    if policy.mode() == Mode::Audit {
        return Ok(());
    }
    let path = absolute(program)
        .map_err(|error| Refusal::plain(format!("the working directory has no path: {error}")))?;
    let names = Links::default().chain(&path, Follow::All).unwrap_or_default();
    let (last, on_the_way) = names.split_last().map_or((&path, &[][..]), |split| split);
    let looked_at = on_the_way.iter().map(|name| (name, Access::METADATA));
    let run = [(&path, Access::EXECUTE), (last, Access::EXECUTE)];
    for (name, access) in looked_at.chain(run) {
        if let Some(rule) = policy.decide(name).refuses(access) {
            let rule = policy.rule(rule);
            let which = rule.map(|r| format!("{} `{}` ({})", r.section, r.pattern, r.place));
            let name = OsStr::from_bytes(name).display();
            return Err(not_startable(program.as_os_str(), Errno::ACCESS)
                .note(format!("`{name}` is forbidden: {}", which.unwrap_or_default())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::{Effect, FileRule, PathPattern, Place, Policy};

    fn image(new_privileges: bool) -> Vec<u8> {
        let policy = Policy { new_privileges, ..Policy::default() };
        ringfence_policy::compile(&policy).expect("compiles")
    }

    fn checked(program: &Path) -> String {
        let bytes = image(false);
        let outcome = check(program, Image::parse(&bytes).expect("an image"));
        outcome.err().map(|refusal| refusal.to_text()).unwrap_or_default()
    }

    fn script(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let path = scratch.path().join("script");
        std::fs::write(&path, text).expect("written");
        (scratch, path)
    }

    #[test]
    fn a_dynamic_program_can_be_fenced() {
        assert_eq!(checked(Path::new("/bin/ls")), "");
    }

    #[test]
    fn a_script_is_as_good_as_what_runs_it() {
        for text in [&b"#!/bin/sh\n"[..], b"#! /usr/bin/env sh\n", b"echo no first line\n", b""] {
            let (_scratch, path) = script(text);
            assert_eq!(checked(&path), "", "{}", text.escape_ascii());
        }
        let (_scratch, path) = script(b"#!/nonexistent/sh\n");
        let refusal = checked(&path);
        assert!(refusal.contains("`/nonexistent/sh` was not found"), "{refusal}");
        assert!(refusal.contains(&format!("`{}` is run by it", path.display())), "{refusal}");
    }

    #[test]
    fn a_script_that_runs_itself_is_refused() {
        let (_scratch, path) = script(b"");
        std::fs::write(&path, [b"#!", path.as_os_str().as_bytes(), b"\n"].concat())
            .expect("written");
        assert!(checked(&path).contains("cannot be started"));
    }

    #[test]
    fn a_damaged_program_is_refused() {
        let (_scratch, path) = script(b"\x7fELF");
        assert!(checked(&path).contains("RF401"));
    }

    #[test]
    fn a_setuid_program_is_refused_where_it_would_gain_rights() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let path = scratch.path().join("true");
        std::fs::copy("/bin/true", &path).expect("copied");
        let setuid = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
        std::fs::set_permissions(&path, setuid).expect("changed");
        assert_eq!(checked(&path), "");
        let bytes = image(true);
        let refusal = check(&path, Image::parse(&bytes).expect("an image")).expect_err("refused");
        assert!(refusal.to_text().contains("RF402"));
    }

    #[test]
    fn what_the_policy_forbids_to_run_is_not_run_unless_it_only_audits() {
        let rule = FileRule {
            id: "forbiddenPaths[0]".into(),
            section: "forbiddenPaths".into(),
            pattern: "/usr/".into(),
            names: vec![PathPattern::Literal(b"/usr".to_vec())],
            effect: Effect::Forbid,
            access: Access::EXECUTE,
            place: Place { file: "p.yaml".into(), line: 6, column: 9 },
            reason: None,
            fixed: false,
            leaf: false,
            audience: None,
        };
        let mut policy = Policy { rules: vec![rule], ..Policy::default() };
        let checked = |policy: &Policy| {
            let bytes = ringfence_policy::compile(policy).expect("compiles");
            check(Path::new("/usr/bin/env"), Image::parse(&bytes).expect("an image"))
        };
        let refusal = checked(&policy).expect_err("forbidden");
        assert!(refusal.to_text().contains("forbiddenPaths `/usr/` (p.yaml:6:9)"));
        policy.mode = Mode::Audit;
        assert_eq!(checked(&policy), Ok(()));
    }

    #[test]
    fn an_empty_component_of_the_path_is_the_current_directory() {
        assert_eq!(in_directory(b"", OsStr::new("x")), PathBuf::from("x"));
        assert_eq!(in_directory(b"/bin", OsStr::new("x")), PathBuf::from("/bin/x"));
    }
}
