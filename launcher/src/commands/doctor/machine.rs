//! What the machine is like: kernel, libc, procfs, the places that the fence needs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::process::geteuid;

use super::Finding;
use crate::run;
use crate::run::refusal::Refusal;

/// The oldest kernel, for `faccessat2`.
const KERNEL: (u32, u32) = (5, 8);
/// The oldest glibc, which has the whole of libpthread and libdl in it.
const GLIBC: (u32, u32) = (2, 34);

/// What is found, in the order in which a start needs it.
pub(super) fn findings() -> Vec<Finding> {
    let mut found = vec![kernel(), openat2(), procfs(), libc(), library(), private()];
    found.extend(preloads());
    found.push(ptrace());
    found.push(user());
    found
}

fn kernel() -> Finding {
    let name = rustix::system::uname();
    let (release, machine) = (name.release().to_string_lossy(), name.machine().to_string_lossy());
    let says = format!("Linux {release}, {machine}");
    if machine != "x86_64" {
        return Finding::gap("kernel", says, "ringfence runs on x86-64");
    }
    match version(&release) {
        Some(found) if found < KERNEL => {
            Finding::gap("kernel", says, format!("use Linux {}.{} or newer", KERNEL.0, KERNEL.1))
        }
        _ => Finding::good("kernel", says),
    }
}

/// The first two numbers of a version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn openat2() -> Finding {
    match run::machine::openat2_answers() {
        Ok(()) => Finding::good("openat2", "answers"),
        Err(refusal) => gap("openat2", &refusal, "use Linux 5.8 or newer"),
    }
}

fn procfs() -> Finding {
    if let Err(refusal) = run::machine::procfs_is_there() {
        return gap("/proc", &refusal, "mount procfs at /proc");
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let hides = mounts.lines().any(|line| {
        line.split(' ').nth(4) == Some("/proc")
            && line.contains("hidepid=")
            && !line.contains("hidepid=0")
    });
    Finding::good("/proc", if hides { "mounted, with hidepid" } else { "mounted" })
}

/// What would make a start be refused.
fn gap(about: &'static str, refusal: &Refusal, otherwise: &str) -> Finding {
    Finding::gap(about, refusal.what(), refusal.advice().unwrap_or(otherwise))
}

fn libc() -> Finding {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let path = maps.lines().find_map(|line| line.split_whitespace().nth(5).filter(is_libc));
    let Some(path) = path else {
        let says = "this program has no glibc of its own, so nothing is known of it";
        return Finding::note("libc", says).help("`ldd --version` tells the one of the worker");
    };
    let bytes = fs::read(path).unwrap_or_default();
    let Some(found) = banner(&bytes) else {
        return Finding::note("libc", format!("{path}, of no version that could be read"));
    };
    let says = format!("glibc {found}, {path}");
    match version(found) {
        Some(numbers) if numbers >= GLIBC => Finding::good("libc", says),
        _ => Finding::gap("libc", says, format!("use glibc {}.{} or newer", GLIBC.0, GLIBC.1)),
    }
}

fn is_libc(path: &&str) -> bool {
    Path::new(path).file_name() == Some(OsStr::new("libc.so.6"))
}

/// The version that glibc says of itself, in the text that running it as a program prints.
fn banner(bytes: &[u8]) -> Option<&str> {
    const BEFORE: &[u8] = b"release version ";
    let start = bytes.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    let rest = bytes.get(start..)?;
    let end = rest.iter().position(|byte| !(byte.is_ascii_digit() || *byte == b'.'))?;
    std::str::from_utf8(&rest[..end]).ok().map(|version| version.trim_end_matches('.'))
}

fn library() -> Finding {
    match run::library::find() {
        Ok(library) => Finding::good("library", library.display().to_string()),
        Err(refusal) => gap("library", &refusal, "install ringfence again"),
    }
}

/// Where a start would put the image; those that will not do are told only where none does.
fn private() -> Finding {
    let mut reasons = Vec::new();
    for candidate in run::private::candidates() {
        match run::private::would_do(&candidate) {
            Ok(()) => return Finding::good("directory", candidate.display().to_string()),
            Err(reason) => reasons.push(format!("`{}` {reason}", candidate.display())),
        }
    }
    Finding::gap(
        "directory",
        format!("none can hold the policy image safely: {}", reasons.join("; ")),
        "set XDG_RUNTIME_DIR to a directory of yours that nobody else can write in",
    )
}

/// Who else is loaded into a worker, and before whom.
fn preloads() -> Vec<Finding> {
    let mut found = Vec::new();
    let listed = |text: &[u8]| {
        let words = text.split(|byte| matches!(byte, b' ' | b':' | b'\n' | b'\t'));
        let words = words.filter(|word| !word.is_empty());
        words.map(|word| OsStr::from_bytes(word).display().to_string()).collect::<Vec<_>>()
    };
    let variable = std::env::var_os("LD_PRELOAD").unwrap_or_default();
    let others = listed(variable.as_bytes());
    if !others.is_empty() {
        let says = format!("LD_PRELOAD has {}: kept, behind ours", others.join(", "));
        found.push(Finding::note("preloads", says));
    }
    let system = listed(&fs::read("/etc/ld.so.preload").unwrap_or_default());
    if !system.is_empty() {
        let says =
            format!("/etc/ld.so.preload has {}: loaded into every process", system.join(", "));
        found.push(Finding::note("preloads", says));
    }
    if std::env::var_os("LD_AUDIT").is_some_and(|value| !value.is_empty()) {
        let says = "LD_AUDIT is set: what it names runs before any preloaded library";
        found.push(Finding::note("preloads", says).help("a worker does not get it; unset it"));
    }
    if found.is_empty() {
        found.push(Finding::good("preloads", "no others"));
    }
    found
}

/// Who from outside may look into the worker, which the fence has no say in.
fn ptrace() -> Finding {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    match scope.trim() {
        "0" => Finding::note(
            "ptrace",
            "scope 0: unfenced processes of the worker's user may take it over",
        ),
        "" => Finding::note(
            "ptrace",
            "no Yama: unfenced processes of the worker's user may take it over",
        ),
        scope => Finding::good("ptrace", format!("scope {scope}")),
    }
}

fn user() -> Finding {
    match geteuid().is_root() {
        true => Finding::note("user", "root, whom the kernel refuses little that a fence refuses")
            .help("run workers as a user of their own"),
        false => Finding::good("user", format!("uid {}", geteuid().as_raw())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_numbers_of_a_version_count() {
        assert_eq!(version("6.18.5-amd64"), Some((6, 18)));
        assert_eq!(version("2.36"), Some((2, 36)));
        assert_eq!(version("rolling"), None);
    }

    #[test]
    fn glibc_says_its_version() {
        let text = b"\0GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\nCopyright";
        assert_eq!(banner(text), Some("2.36"));
        assert_eq!(banner(b"nothing"), None);
    }

    #[test]
    fn the_libc_of_this_machine_is_known() {
        let found = libc();
        assert!(found.says.starts_with("glibc 2."), "{found:?}");
    }
}
