//! Where `libringfence.so` is: the library that belongs to this launcher.
//!
//! Only its own neighbourhood is searched, never the environment or the current directory: who
//! can name the library decides what the fence is.

use std::path::{Path, PathBuf};

use rustix::fs::{FileType, StatVfsMountFlags, stat, statvfs};
use rustix::process::geteuid;

use super::private;
use super::refusal::Refusal;

/// The file name of the shim.
pub(crate) const NAME: &str = "libringfence.so";

/// The library beside this program, in `../lib/ringfence` or in `/usr/lib/ringfence`.
///
/// # Errors
/// RF404 with the places that were searched, or with why the one that is there cannot be used.
pub(crate) fn find() -> Result<PathBuf, Refusal> {
    let program = std::env::current_exe()
        .map_err(|error| Refusal::coded("RF404", format!("this program has no path: {error}")))?;
    find_for(&program)
}

fn find_for(program: &Path) -> Result<PathBuf, Refusal> {
    let places = places(program);
    let Some(found) = places.iter().find(|place| is_file(place)) else {
        let missing = Refusal::coded("RF404", format!("`{NAME}` was not found"));
        let searched = places.iter().map(|place| format!("no `{}`", place.display()));
        return Err(searched
            .fold(missing, Refusal::note)
            .help("install the library that was built with this program beside it"));
    };
    if on_noexec(found) {
        return Err(Refusal::coded("RF404", format!("`{}` is on a noexec mount", found.display()))
            .note("the dynamic linker would start the worker without it")
            .help("install ringfence on a file system that is mounted without noexec"));
    }
    // By its real name, as the kernel tells it of what is mapped from it.
    found.canonicalize().map_err(|error| {
        Refusal::coded("RF404", format!("`{}` has no real name: {error}", found.display()))
    })
}

/// The library as it is handed over: itself, or a copy in a private directory where ld.so could
/// not take it from its own place, now or after the worker has dropped its user.
///
/// # Errors
/// Where a copy is needed and cannot be made.
pub(crate) fn hand_over(library: PathBuf) -> Result<PathBuf, Refusal> {
    if !private::splits_preload(&library) && (!geteuid().is_root() || is_everybodys(&library)) {
        return Ok(library);
    }
    let bytes = std::fs::read(&library).map_err(|error| {
        Refusal::coded("RF404", format!("`{}` cannot be read: {error}", library.display()))
    })?;
    let directory = private::directory(private::Holds::Code)?;
    let copy = private::path(&directory, ("libringfence", "so"), &bytes);
    private::hand_over(&copy, &bytes)?;
    Ok(copy)
}

/// Whether any user can read the file at this path.
fn is_everybodys(path: &Path) -> bool {
    let has = |path: &Path, bits| stat(path).is_ok_and(|status| status.st_mode & bits == bits);
    has(path, 0o004) && path.ancestors().skip(1).all(|directory| has(directory, 0o001))
}

fn places(program: &Path) -> Vec<PathBuf> {
    let directory = program.parent().unwrap_or(Path::new("/"));
    let mut places = vec![directory.join(NAME)];
    if let Some(prefix) = directory.parent() {
        places.push(prefix.join("lib/ringfence").join(NAME));
    }
    let system = Path::new("/usr/lib/ringfence").join(NAME);
    if !places.contains(&system) {
        places.push(system);
    }
    places
}

fn is_file(path: &Path) -> bool {
    stat(path).is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::RegularFile)
}

/// Whether nothing on this file system may be mapped as code; unknown counts as yes.
pub(crate) fn on_noexec(path: &Path) -> bool {
    statvfs(path).map_or(true, |fs| fs.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_beside_the_program_comes_first() {
        let places = places(Path::new("/opt/r/bin/ringfence"));
        let expected = ["/opt/r/bin", "/opt/r/lib/ringfence", "/usr/lib/ringfence"]
            .map(|d| Path::new(d).join(NAME));
        assert_eq!(places, expected);
    }

    #[test]
    fn a_place_is_searched_once() {
        assert_eq!(places(Path::new("/usr/bin/ringfence")).len(), 2);
    }

    #[test]
    fn a_library_that_only_some_can_reach_is_not_everybodys() {
        use std::os::unix::fs::PermissionsExt as _;
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let library = scratch.path().join(NAME);
        std::fs::write(&library, "").expect("written");
        let chmod = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
        };
        chmod(&library, 0o644);
        chmod(scratch.path(), 0o711);
        assert!(is_everybodys(&library));
        chmod(scratch.path(), 0o700);
        assert!(!is_everybodys(&library));
        chmod(scratch.path(), 0o711);
        chmod(&library, 0o640);
        assert!(!is_everybodys(&library));
    }

    #[test]
    fn no_library_is_refused_with_the_places_that_were_searched() {
        let refusal = find_for(Path::new("/nonexistent/bin/ringfence")).expect_err("nothing there");
        assert!(refusal.to_text().contains("RF404"));
        assert!(refusal.to_text().contains("no `/nonexistent/lib/ringfence/libringfence.so`"));
    }
}
