//! The preset `commands`, always on: the links by which commands are found, although the
//! administrator forbids the directory that a distribution keeps them in.
//!
//! Debian's `awk`, `cc`, `java` and `which` lead through `/etc/alternatives`; with all of `/etc`
//! forbidden, hardly a shell script would run. Such a *link* becomes an exception, by its exact
//! name: what it leads to is judged for itself. Only links that root made, in directories that
//! only root writes, and only those that end at a program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, FileRule, Image};

use super::jvm::exception;
use crate::places::{Follow, Links};

/// What a call asks of each link on its way: whatever it asks of the program behind it.
const PASS: Access = Access::READ.with(Access::EXECUTE).with(Access::METADATA);
/// Where commands are looked for in an empty environment too.
const USUAL: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The exceptions for the forbidden links that lead to commands: those on the path and `program`.
pub(crate) fn exceptions(policy: Image<'_>, program: &Path, links: &Links) -> Vec<FileRule> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = directories(&path, links);
    let mut found: Vec<Vec<u8>> = directories
        .iter()
        .flat_map(|directory| links_in(directory))
        .filter(|link| !is_left_to_another(link, &directories, policy, links))
        .chain([program.to_owned()])
        .flat_map(|command| forbidden_links(&command, policy, links))
        .collect();
    found.sort_unstable();
    found.dedup();
    let rule = |(at, path)| exception(("commands", "a command is found by it"), at, path, PASS);
    found.into_iter().enumerate().map(rule).collect()
}

/// The directories of the path and the usual ones, each once and by its real name.
fn directories(path: &OsStr, links: &Links) -> Vec<PathBuf> {
    let usual = OsString::from(USUAL);
    let mut found: Vec<PathBuf> = std::env::split_paths(path)
        .chain(std::env::split_paths(&usual))
        .filter(|directory| directory.is_absolute())
        .filter_map(|directory| links.resolve(directory.as_os_str().as_bytes(), Follow::All))
        .map(|directory| OsString::from_vec(directory).into())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn links_in(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    links.map(|entry| entry.path()).collect()
}

/// Whether all links behind this one are those of another command that is looked at as well: it is
/// no forbidden one itself, and leads to a name in one of the directories.
fn is_left_to_another(
    link: &Path,
    directories: &[PathBuf],
    policy: Image<'_>,
    links: &Links,
) -> bool {
    let name = link.as_os_str().as_bytes();
    let Some(target) = links.target(name) else { return false };
    let target = Path::new(OsStr::from_bytes(&target));
    let is_there = match target.parent() {
        // A name in the link's own directory.
        Some(here) if here.as_os_str().is_empty() => target != Path::new(".."),
        // By bytes, which are the same for the same real name: component by component takes long.
        Some(parent) => directories.iter().any(|known| known.as_os_str() == parent.as_os_str()),
        None => false,
    };
    is_there && policy.decide(name).refuses(PASS).is_none()
}

/// The links on the way of a command that a rule refuses to pass.
fn forbidden_links(command: &Path, policy: Image<'_>, links: &Links) -> Vec<Vec<u8>> {
    let command = command.as_os_str().as_bytes();
    let is_refused = |name: &Vec<u8>| policy.decide(name).refuses(PASS).is_some();
    // Whose the links are is asked only where one is refused, which few are.
    match links.chain(command, Follow::All) {
        Some(names) if names.split_last().is_some_and(|(_, way)| way.iter().any(is_refused)) => {}
        _ => return Vec::new(),
    }
    let Some(mut names) = links.chain(command, Follow::Roots) else {
        return Vec::new();
    };
    let Some(last) = names.pop() else { return Vec::new() };
    names.retain(is_refused);
    if !names.is_empty() && !is_program(Path::new(OsStr::from_bytes(&last))) {
        names.clear();
    }
    names
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|status| status.is_file() && status.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::jvm::tests::forbids;
    use ringfence_policy::PathPattern;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_command_found_by_root_s_link_keeps_the_link_alone() {
        let image = forbids(Path::new("/etc"));
        let view = Image::parse(&image).expect("just compiled");
        let found = exceptions(view, Path::new("/bin/sh"), &Links::default());
        for rule in &found {
            let PathPattern::Literal(path) = &rule.names[0] else { panic!("{rule:?}") };
            let path = Path::new(OsStr::from_bytes(path));
            assert!(path.starts_with("/etc") && path.is_symlink(), "{}", path.display());
            assert!(!rule.access.intersects(Access::WRITE), "{}", path.display());
        }
        let awk = Path::new("/etc/alternatives/awk");
        if awk.is_symlink() {
            assert!(found.iter().any(|rule| rule.pattern == awk.to_string_lossy()));
        }
    }

    #[test]
    fn a_link_that_others_could_have_made_gives_no_exception() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let link = scratch.path().join("closed");
        symlink("/bin/cat", &link).expect("made");
        symlink(&link, scratch.path().join("command")).expect("made");
        let image = forbids(&link);
        let view = Image::parse(&image).expect("just compiled");
        let command = scratch.path().join("command");
        assert_eq!(forbidden_links(&command, view, &Links::default()), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_link_to_another_command_is_left_to_that() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let at = scratch.path().canonicalize().expect("it exists");
        let (one, two) = (at.join("one"), at.join("two"));
        std::fs::create_dir_all(&one).expect("made");
        std::fs::create_dir_all(&two).expect("made");
        let image = forbids(&one.join("closed"));
        let view = Image::parse(&image).expect("just compiled");
        for (name, target, expected) in [
            ("same", "other", true),
            ("up", "..", false),
            ("closed", "other", false),
            ("relative", "../two/other", false),
            ("known", two.join("other").to_str().expect("UTF-8"), true),
            ("elsewhere", "/etc/alternatives/other", false),
        ] {
            let link = one.join(name);
            symlink(target, &link).expect("made");
            let known = [one.clone(), two.clone()];
            let left = is_left_to_another(&link, &known, view, &Links::default());
            assert_eq!(left, expected, "{name} -> {target}");
        }
    }

    #[test]
    fn what_is_no_program_gives_no_exception() {
        assert!(is_program(Path::new("/bin/sh")));
        assert!(!is_program(Path::new("/etc/passwd")));
        assert!(!is_program(Path::new("/etc")));
    }
}
