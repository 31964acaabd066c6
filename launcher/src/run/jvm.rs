//! The preset `jvm`, always on: what a JVM must read of its own, although the administrator
//! forbids the directory that a distribution keeps it in.
//!
//! Debian's JDK has `conf/security/java.security` as a link into `/etc`; with all of `/etc`
//! forbidden it would not start. The files behind such links become exceptions for reading, each
//! by its exact name, and only where root made the link: an exception must not grow by what a
//! worker could have put there.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Effect, FileRule, Image, PathPattern, Place};

use crate::places::{Follow, Links};

/// Reading a file, and looking at it and at the links that lead to it.
const READ_ONLY: Access = Access::READ.with(Access::METADATA);
/// The directories of a java.home that hold links to configuration.
const CONFIGURED: [&str; 7] =
    ["conf", "lib", "lib/security", "lib/jfr", "jre/lib", "jre/lib/security", "."];
/// Where a JVM finds the machine's time zone. libc reads it too, unasked: a worker that computes
/// in another zone than its machine would be changed by the fence, and nobody told.
const TIME_ZONE: [&str; 2] = ["/etc/localtime", "/etc/timezone"];
/// How deep below one of them links are looked for; `conf/security/policy/unlimited` is three.
const DEPTH: usize = 4;

/// The exceptions that the JVMs within reach need under this policy.
///
/// `named` are the homes that the policy names; `program` is the command.
pub(crate) fn exceptions(
    policy: Image<'_>,
    program: &Path,
    named: &[PathBuf],
    links: &Links,
) -> Vec<FileRule> {
    let javas = javas(program, std::env::var_os("PATH"));
    let homes = homes(&javas, named, std::env::var_os("JAVA_HOME"));
    let files = homes.iter().flat_map(|home| links_in(home));
    let zone = TIME_ZONE.iter().filter(|_| !homes.is_empty()).map(PathBuf::from);
    let mut found: Vec<Vec<u8>> =
        files.chain(zone).flat_map(|link| behind(&link, policy, links)).collect();
    found.sort_unstable();
    found.dedup();
    let rule = |(at, path)| exception(("jvm", "a JVM reads it to start"), at, path, READ_ONLY);
    found.into_iter().enumerate().map(rule).collect()
}

/// The exception of a preset for one file or link, by its exact name.
pub(super) fn exception(
    (preset, reason): (&str, &str),
    at: usize,
    path: Vec<u8>,
    access: Access,
) -> FileRule {
    FileRule {
        id: format!("{preset}[{at}]"),
        section: format!("presets.{preset}"),
        pattern: String::from_utf8_lossy(&path).into_owned(),
        names: vec![PathPattern::Literal(path)],
        effect: Effect::Allow,
        access,
        place: Place { file: "<built-in>".into(), line: 0, column: 0 },
        reason: Some(reason.into()),
        fixed: false,
        leaf: true,
        audience: None,
    }
}

/// The command, where it is called `java`, and each `java` on the path.
fn javas(program: &Path, path: Option<OsString>) -> Vec<PathBuf> {
    let path = path.unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("java"));
    let is_java = program.file_name() == Some(OsStr::new("java"));
    let own = is_java.then(|| program.to_owned());
    let mut found: Vec<PathBuf> = own
        .into_iter()
        .chain(on_path)
        .filter(|java| java.is_absolute() && java.is_file())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The homes of the JVMs within reach, each once and by its real name.
fn homes(javas: &[PathBuf], named: &[PathBuf], java_home: Option<OsString>) -> Vec<PathBuf> {
    let of_java = javas.iter().filter_map(|java| {
        let real = java.canonicalize().ok()?;
        Some(real.parent()?.parent()?.to_owned())
    });
    let installed = ["/usr/lib/jvm", "/opt/java"].into_iter().flat_map(|directory| {
        std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
    });
    let mut found: Vec<PathBuf> = of_java
        .chain(java_home.map(PathBuf::from))
        .chain(named.iter().cloned())
        .chain(installed)
        .filter_map(|home| home.canonicalize().ok())
        .filter(|home| is_home(home))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a directory is a JVM's: `/usr`, the home of a plain `/usr/bin/java`, is not.
fn is_home(directory: &Path) -> bool {
    ["lib/modules", "lib/jvm.cfg", "jre/lib"].iter().any(|part| directory.join(part).exists())
}

/// The links in a home's directories of configuration.
fn links_in(home: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in CONFIGURED {
        let depth = if part == "conf" { DEPTH } else { 1 };
        collect_links(&home.join(part), depth, &mut found);
    }
    found
}

fn collect_links(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_symlink() => found.push(entry.path()),
            Ok(kind) if kind.is_dir() && depth > 1 => {
                collect_links(&entry.path(), depth - 1, found);
            }
            _ => {}
        }
    }
}

/// The forbidden names behind a link: those of further links and of the file that they lead to. A
/// directory behind a link stands for the files in it.
fn behind(link: &Path, policy: Image<'_>, links: &Links) -> Vec<Vec<u8>> {
    let Some(mut names) = links.chain(link.as_os_str().as_bytes(), Follow::Roots) else {
        return Vec::new();
    };
    let Some(last) = names.pop() else { return Vec::new() };
    let is_forbidden = |name: &Vec<u8>| policy.decide(name).refuses(READ_ONLY).is_some();
    names.retain(is_forbidden);
    if is_forbidden(&last) {
        match Path::new(OsStr::from_bytes(&last)) {
            directory if directory.is_dir() => names.extend(files_in(directory, DEPTH)),
            _ => names.push(last),
        }
    }
    names
}

/// The files in a directory, links not followed.
fn files_in(directory: &Path, depth: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_file() => found.push(entry.path().as_os_str().as_bytes().to_vec()),
            Ok(kind) if kind.is_dir() && depth > 1 => {
                found.extend(files_in(&entry.path(), depth - 1));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use ringfence_policy::{Policy, compile};
    use std::os::unix::fs::symlink;

    /// The image of a policy that forbids this path.
    pub(in super::super) fn forbids(path: &Path) -> Vec<u8> {
        let name = path.as_os_str().as_bytes().to_vec();
        let mut rule = exception(("test", "a test"), 0, name, Access::ALL);
        (rule.effect, rule.leaf) = (Effect::Forbid, false);
        compile(&Policy { rules: vec![rule], ..Policy::default() }).expect("one rule")
    }

    fn view(image: &[u8]) -> Image<'_> {
        Image::parse(image).expect("just compiled")
    }

    #[test]
    fn the_links_of_a_home_are_found_where_configuration_is() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let deep = home.path().join("conf/security/policy/unlimited");
        std::fs::create_dir_all(&deep).expect("made");
        for directory in ["legal/java.base", "lib/jfr"] {
            std::fs::create_dir_all(home.path().join(directory)).expect("made");
        }
        for link in [
            "conf/net.properties",
            "conf/security/policy/unlimited/x",
            "legal/java.base/y",
            "lib/jfr/default.jfc",
        ] {
            symlink("/etc/passwd", home.path().join(link)).expect("made");
        }
        let mut found = links_in(home.path());
        found.sort();
        let [net, recordings] = ["conf/net.properties", "lib/jfr/default.jfc"];
        assert_eq!(found, [home.path().join(net), deep.join("x"), home.path().join(recordings)]);
    }

    #[test]
    fn a_link_that_others_could_have_made_gives_no_exception() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let link = scratch.path().join("java.security");
        symlink("/etc/passwd", &link).expect("made");
        let image = forbids(Path::new("/etc"));
        assert_eq!(behind(&link, view(&image), &Links::default()), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_file_that_nothing_forbids_needs_no_exception() {
        let env = Path::new("/usr/bin/env");
        let (etc, usr) = (forbids(Path::new("/etc")), forbids(Path::new("/usr")));
        assert_eq!(behind(env, view(&etc), &Links::default()), Vec::<Vec<u8>>::new());
        assert_eq!(behind(env, view(&usr), &Links::default()), [b"/usr/bin/env".to_vec()]);
    }

    #[test]
    fn a_directory_that_holds_no_jvm_is_no_home() {
        assert!(!is_home(Path::new("/usr")));
        assert_eq!(
            homes(&[], &[PathBuf::from("/usr")], None).iter().find(|h| **h == Path::new("/usr")),
            None
        );
    }

    /// On a machine with Debian's JDK: its files below `/etc` and nothing more of `/etc`.
    #[test]
    fn every_exception_lies_behind_a_link_of_a_home() {
        let image = forbids(Path::new("/etc"));
        let found = exceptions(view(&image), Path::new("/bin/true"), &[], &Links::default());
        for rule in &found {
            let PathPattern::Literal(path) = &rule.names[0] else { panic!("{rule:?}") };
            let path = Path::new(OsStr::from_bytes(path));
            assert!(path.starts_with("/etc"), "{}", path.display());
            assert!(path.is_file(), "{}", path.display());
            assert_ne!(path, Path::new("/etc/passwd"));
        }
        let debian = Path::new("/etc/java-17-openjdk/security/java.security");
        if debian.exists() {
            assert!(found.iter().any(|rule| rule.pattern == debian.to_string_lossy()));
        }
    }
}
