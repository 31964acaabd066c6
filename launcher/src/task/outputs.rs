//! The files that a task leaves behind, taken out of its working directory.
//!
//! A task may put a link where a file should be. So nothing here follows one: each file is opened
//! beneath the working directory, component by component, and only a regular file is taken.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use crate::run::refusal::Refusal;

/// The deepest directory that is looked into, and the most files that are taken.
const DEEPEST: usize = 64;
const MOST: usize = 100_000;

/// Copies what the globs find beneath `work` to `to`, and gives the names, sorted.
///
/// # Errors
/// Where a file cannot be read or written, or a glob finds nothing.
pub(crate) fn collect(work: &Path, globs: &[String], to: &Path) -> Result<Vec<String>, Refusal> {
    let names = find(work, globs)?;
    let failed = |name: &Path, error: io::Error| {
        Refusal::plain(format!("cannot keep `{}`: {error}", name.display()))
            .help("an output file is a regular file, reached without links")
    };
    let root = open(CWD, work, OFlags::DIRECTORY).map_err(|error| failed(work, error))?;
    for name in &names {
        copy(&root, name, &to.join(name)).map_err(|error| failed(name, error))?;
    }
    Ok(names.iter().map(|name| name.display().to_string()).collect())
}

/// The files that the globs find: each glob finds at least one.
fn find(work: &Path, globs: &[String]) -> Result<Vec<PathBuf>, Refusal> {
    let mut all = Vec::new();
    list(work, Path::new(""), 0, &mut all).map_err(|error| {
        Refusal::plain(format!("cannot look for output files in `{}`: {error}", work.display()))
    })?;
    let mut found = Vec::new();
    for glob in globs {
        let glob = glob.strip_prefix("./").unwrap_or(glob);
        let before = found.len();
        let fits = |path: &&PathBuf| matches(glob.as_bytes(), path.as_os_str().as_bytes());
        found.extend(all.iter().filter(fits).cloned());
        if found.len() == before {
            return Err(Refusal::plain(format!("the task made no output file `{glob}`")));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// All entries beneath a directory that are no directories.
fn list(work: &Path, below: &Path, depth: usize, all: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in work.join(below).read_dir()? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            all.push(name);
        } else if depth < DEEPEST {
            list(work, &name, depth + 1, all)?;
        } else {
            return Err(io::Error::other("its directories are nested too deeply"));
        }
        if all.len() > MOST {
            return Err(io::Error::other("it holds too many files"));
        }
    }
    Ok(())
}

/// `*` and `?` stand for characters within a name, `**` for any number of names.
fn matches(glob: &[u8], path: &[u8]) -> bool {
    match glob {
        [] => path.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            let mut starts = (0..path.len()).filter(|&at| at == 0 || path[at - 1] == b'/');
            starts.any(|at| matches(rest, &path[at..]))
        }
        [b'*', b'*'] => true,
        [b'*', rest @ ..] => {
            let name = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=name).any(|taken| matches(rest, &path[taken..]))
        }
        [b'?', rest @ ..] => path.first().is_some_and(|&c| c != b'/') && matches(rest, &path[1..]),
        [byte, rest @ ..] => path.first() == Some(byte) && matches(rest, &path[1..]),
    }
}

fn open(directory: impl AsFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    // Not waiting: a FIFO in the place of a file would have us wait for ever.
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    Ok(openat2(directory, path, flags, Mode::empty(), resolve)?)
}

fn copy(root: &OwnedFd, name: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::from(open(root, name, OFlags::NOFOLLOW)?);
    if !from.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut options = File::options();
    options.write(true).create(true).truncate(true).custom_flags(libc::O_NOFOLLOW);
    io::copy(&mut from, &mut options.open(to)?).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn work() -> tempfile::TempDir {
        let work = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(work.path().join("sub/deep")).expect("made");
        for name in ["a.csv", "b.txt", "sub/c.csv", "sub/deep/d.csv"] {
            std::fs::write(work.path().join(name), name).expect("written");
        }
        work
    }

    fn kept(globs: &[&str]) -> Result<Vec<String>, String> {
        let (work, to) = (work(), tempfile::tempdir().expect("a directory"));
        let globs: Vec<String> = globs.iter().map(|&glob| glob.to_owned()).collect();
        let names = collect(work.path(), &globs, to.path()).map_err(|no| no.to_text())?;
        for name in &names {
            let text = std::fs::read_to_string(to.path().join(name)).expect("it was copied");
            assert_eq!(text, *name);
        }
        Ok(names)
    }

    #[test]
    fn globs_find_names_as_paths_do() {
        for (glob, expected) in [
            ("a.csv", &["a.csv"][..]),
            ("*.csv", &["a.csv"]),
            ("?.*", &["a.csv", "b.txt"]),
            ("**/*.csv", &["a.csv", "sub/c.csv", "sub/deep/d.csv"]),
            ("sub/**", &["sub/c.csv", "sub/deep/d.csv"]),
            ("./sub/*/d.csv", &["sub/deep/d.csv"]),
        ] {
            assert_eq!(kept(&[glob]).expect(glob), expected, "{glob}");
        }
        assert_eq!(kept(&["a.*", "*.csv"]).expect("one"), ["a.csv"]);
    }

    #[test]
    fn a_file_that_was_not_made_is_an_error() {
        assert!(kept(&["a.csv", "none.csv"]).expect_err("none").contains("`none.csv`"));
    }

    #[test]
    fn what_is_no_regular_file_is_not_taken() {
        let outside = tempfile::tempdir().expect("a directory");
        std::fs::write(outside.path().join("secret"), "secret").expect("written");
        let spoil: [fn(&Path, &Path); 3] = [
            |at, outside| symlink(outside.join("secret"), at.join("out")).expect("linked"),
            |at, outside| symlink(outside, at.join("out")).expect("linked"),
            |at, _| {
                let mode = rustix::fs::Mode::from_raw_mode(0o600);
                let kind = rustix::fs::FileType::Fifo;
                rustix::fs::mknodat(CWD, at.join("out"), kind, mode, 0).expect("made");
            },
        ];
        for spoil in spoil {
            let (work, to) = (work(), tempfile::tempdir().expect("a directory"));
            spoil(work.path(), outside.path());
            let refused = collect(work.path(), &["out".to_owned()], to.path());
            assert!(refused.expect_err("refused").to_text().contains("cannot keep `out`"));
            assert_eq!(to.path().read_dir().expect("listed").count(), 0);
        }
    }
}
