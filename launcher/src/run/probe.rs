//! The proof, before the worker starts, that the shim arms itself with this image.
//!
//! ld.so ignores a library that it cannot load, with a warning and exit status 0. So this program
//! first starts itself in the worker's own environment, and that copy looks at what it is made
//! of: the `open` that it calls must lie in the library, and the image must be mapped, which only
//! the shim does, once it has verified it. Both are known by the names that the kernel gives to
//! mappings, which end in ` (deleted)` where the file is no longer there. (Devices and inodes
//! would not do: an overlay shows others than it maps.)

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::io::Errno;

use super::environment::Variables;
use super::machine::exhausted;
use super::refusal::Refusal;
use crate::exit;

/// The hidden subcommand that makes this program the probe.
pub(crate) const SUBCOMMAND: &str = "__probe";
/// What the probe writes; a program that merely exits with 0 proves nothing.
const PROOF: &[u8] = b"the shim is armed\n";
/// What may help where others are loaded too.
const OTHERS: &str = "start it without the other libraries in LD_PRELOAD, or install ringfence's \
                      program and library from one build";
/// What helps where the shim itself has no word to say.
const SAME_BUILD: &str = "install ringfence's program and library from one build";

/// Runs the probe as the worker will run.
///
/// # Errors
/// RF405 with what ld.so, the shim or the probe said.
pub(crate) fn prove(environment: &Variables, library: &Path, image: &Path) -> Result<(), Refusal> {
    let probe = Command::new("/proc/self/exe")
        .args([OsStr::new(SUBCOMMAND), library.as_os_str(), image.as_os_str()])
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output();
    let failed = |what: &str, help: &str| {
        Refusal::coded("RF405", what)
            .note(format!("the library is `{}`", library.display()))
            .note(format!("the image is `{}`", image.display()))
            .help(help)
    };
    let output = probe.map_err(|error| {
        let help = Errno::from_io_error(&error).and_then(exhausted).unwrap_or(SAME_BUILD);
        failed(&format!("the probe cannot be started: {error}"), help)
    })?;
    if output.status.success() && output.stdout == PROOF {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let others = || has_others(environment).then_some(OTHERS);
    let help = remedy(&words).or_else(others).unwrap_or(SAME_BUILD);
    let refusal = failed("the shim did not arm itself", help);
    Err(words.lines().map(str::trim).filter(|line| !line.is_empty()).fold(refusal, Refusal::note))
}

/// Whether libraries besides ours are preloaded.
fn has_others(environment: &Variables) -> bool {
    let preload = environment.iter().find(|(name, _)| name == "LD_PRELOAD");
    preload.is_some_and(|(_, libraries)| libraries.as_bytes().contains(&b':'))
}

/// What the shim itself says is to be done: the end of its line.
fn remedy(words: &str) -> Option<&str> {
    let own = words.lines().rfind(|line| line.starts_with("ringfence: "))?;
    own.rsplit_once("; ").map(|(_, remedy)| remedy)
}

/// The probe itself: the arguments are the library and the image.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (library, image) = (arguments.next(), arguments.next());
    let verdict = match (library, image) {
        (Some(library), Some(image)) => is_armed(Path::new(&library), Path::new(&image)),
        _ => Err("the probe takes a library and an image".into()),
    };
    match verdict {
        Ok(()) => {
            use std::io::Write as _;
            let written = std::io::stdout().write_all(PROOF);
            ExitCode::from(if written.is_ok() { exit::YES } else { exit::NOT_FENCED })
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(exit::NOT_FENCED)
        }
    }
}

/// Whether this process itself runs with a shim, of whichever build.
pub(crate) fn is_fenced() -> bool {
    let maps = maps().unwrap_or_default();
    let bound = bound_open();
    let mut mappings = maps.split(|&byte| byte == b'\n').filter_map(Mapping::parse);
    let code = mappings.find(|mapping| mapping.holds(bound));
    code.and_then(|code| code.path.file_name()).is_some_and(|name| {
        // A copy in a private directory has its hash in its name.
        name.as_bytes().starts_with(b"libringfence") && name.as_bytes().ends_with(b".so")
    })
}

fn is_armed(library: &Path, image: &Path) -> Result<(), String> {
    let maps = maps().map_err(|error| format!("/proc/self/maps cannot be read: {error}"))?;
    let maps: Vec<Mapping<'_>> =
        maps.split(|&byte| byte == b'\n').filter_map(Mapping::parse).collect();
    let bound = bound_open();
    let code = maps.iter().find(|mapping| mapping.holds(bound));
    let code = code.ok_or("`open` lies in no mapping")?;
    if code.path != library {
        return Err(format!("`open` is defined by `{}`", code.path.display()));
    }
    if maps.iter().all(|mapping| mapping.path != image) {
        return Err("the shim is loaded, but has not mapped the image".into());
    }
    Ok(())
}

/// The address of `open` as ld.so bound it for this program: of the first definition in its order.
#[expect(clippy::fn_to_numeric_cast_any, reason = "nothing but the address is asked for")]
fn bound_open() -> usize {
    (libc::open as *const ()).addr()
}

/// Reads the list of mappings by a system call of our own: the policy may forbid it to workers.
fn maps() -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mode = rustix::fs::Mode::empty();
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
    let mut file = std::fs::File::from(rustix::fs::open("/proc/self/maps", flags, mode)?);
    let mut maps = Vec::new();
    file.read_to_end(&mut maps)?;
    Ok(maps)
}

/// A line of `/proc/PID/maps`.
#[derive(Debug, PartialEq, Eq)]
struct Mapping<'a> {
    start: usize,
    end: usize,
    path: &'a Path,
}

impl<'a> Mapping<'a> {
    /// `START-END RIGHTS OFFSET DEVICE INODE PATH`, the addresses in hexadecimal.
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.splitn(6, |&byte| byte == b' ');
        let (start, end) = std::str::from_utf8(fields.next()?).ok()?.split_once('-')?;
        let path = fields.nth(4).unwrap_or_default().trim_ascii_start();
        Some(Self {
            start: usize::from_str_radix(start, 16).ok()?,
            end: usize::from_str_radix(end, 16).ok()?,
            path: Path::new(OsStr::from_bytes(path)),
        })
    }

    fn holds(&self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shims_own_remedy_is_the_end_of_its_line() {
        let words = "ERROR: ld.so: x; y\nringfence: /proc is not mounted; mount procfs at /proc\n";
        assert_eq!(remedy(words), Some("mount procfs at /proc"));
        assert_eq!(remedy("`open` is defined by `/lib/libc.so.6`\n"), None);
    }

    #[test]
    fn a_line_of_maps_is_read() {
        let line = b"7f00-7f10 r-xp 00001000 fe:01 131       /usr/lib/a b.so";
        let mapping = Mapping::parse(line).expect("a line");
        assert_eq!(mapping.path, Path::new("/usr/lib/a b.so"));
        assert!(mapping.holds(0x7f00) && !mapping.holds(0x7f10));
        assert_eq!(Mapping::parse(b"1-2 rw-p 0 00:00 0").expect("a line").path, Path::new(""));
    }

    #[test]
    fn without_the_shim_open_is_somebody_elses() {
        let library = std::env::current_exe().expect("a path");
        let reason = is_armed(&library, &library).expect_err("nothing is preloaded");
        assert!(reason.starts_with("`open` is defined by"), "{reason}");
    }

    #[test]
    fn a_library_without_an_image_is_not_armed() {
        let maps = maps().expect("maps");
        let bound = bound_open();
        let mut mappings = maps.split(|&byte| byte == b'\n').filter_map(Mapping::parse);
        let libc = mappings.find(|mapping| mapping.holds(bound)).expect("it is somewhere").path;
        let reason = is_armed(libc, Path::new("/etc/passwd")).expect_err("not mapped");
        assert_eq!(reason, "the shim is loaded, but has not mapped the image");
        assert_eq!(is_armed(libc, libc), Ok(()));
    }
}
