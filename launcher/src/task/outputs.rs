//! The files that a task leaves behind, taken out of its working directory.
//!
//! A task may put a link where a file should be. So nothing here follows one: each file is opened
//! beneath the working directory, component by component, and only a regular file is taken.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use crate::run::refusal::Refusal;

/// The deepest directory that is looked into, and the most files that are taken.
const DEEPEST: usize = 64;
const MOST: usize = 100_000;

/// Where output files are kept: opened before the task begins, so that it cannot put another place
/// there.
#[derive(Debug)]
pub(crate) struct Destination(OwnedFd);

impl Destination {
    /// The directory of this name, made where it is missing.
    ///
    /// # Errors
    /// Where there can be none.
    pub(crate) fn open(directory: &Path) -> Result<Self, Refusal> {
        let opened = std::fs::create_dir_all(directory).and_then(|()| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(directory, flags, Mode::empty())?)
        });
        opened.map(Self).map_err(|error| {
            let what = format!("`{}` cannot hold output files: {error}", directory.display());
            Refusal::plain(what).help("name a directory that you can write in by `--output`")
        })
    }

    /// A new or emptied file in it. Whatever a task may have put there, no link is followed.
    fn file(&self, name: &Path) -> io::Result<File> {
        let mut at = self.0.try_clone()?;
        let (read, all) = (OFlags::RDONLY | OFlags::DIRECTORY, Mode::from_raw_mode(0o777));
        for part in name.parent().into_iter().flat_map(Path::components) {
            match rustix::fs::mkdirat(&at, part.as_os_str(), all) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            at = open_at(&at, Path::new(part.as_os_str()), read, Mode::empty())?;
        }
        let name = name.file_name().map(Path::new).unwrap_or(name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        Ok(File::from(open_at(at, name, flags, Mode::from_raw_mode(0o666))?))
    }
}

/// Copies what the globs find beneath `work` to `to`, and gives the names, sorted.
///
/// # Errors
/// Where a file cannot be read or written, or a glob finds nothing.
pub(crate) fn collect(
    work: &Path,
    globs: &[String],
    to: &Destination,
) -> Result<Vec<String>, Refusal> {
    let names = find(work, globs)?;
    let failed = |name: &Path, error: io::Error| {
        Refusal::plain(format!("cannot keep `{}`: {error}", name.display()))
            .help("an output file is a regular file, reached without links")
    };
    let root = open_at(CWD, work, OFlags::DIRECTORY, Mode::empty())
        .map_err(|error| failed(work, error))?;
    for name in &names {
        copy(&root, name, to).map_err(|error| failed(name, error))?;
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

/// Opens a place beneath a directory, without a link on the way.
fn open_at(directory: impl AsFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    // Not waiting: a FIFO in the place of a file would have us wait for ever.
    let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    Ok(openat2(directory, path, flags, mode, resolve)?)
}

fn copy(root: &OwnedFd, name: &Path, to: &Destination) -> io::Result<()> {
    let mut from = File::from(open_at(root, name, OFlags::NOFOLLOW, Mode::empty())?);
    if !from.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    io::copy(&mut from, &mut to.file(name)?).map(drop)
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
        let place = Destination::open(to.path()).expect("a directory");
        let names = collect(work.path(), &globs, &place).map_err(|no| no.to_text())?;
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
            let place = Destination::open(to.path()).expect("a directory");
            let refused = collect(work.path(), &["out".to_owned()], &place);
            assert!(refused.expect_err("refused").to_text().contains("cannot keep `out`"));
            assert_eq!(to.path().read_dir().expect("listed").count(), 0);
        }
    }
    /// The launcher may write where the task may not.
    #[test]
    fn a_link_in_the_place_of_a_kept_file_is_not_followed() {
        let (work, to) = (work(), tempfile::tempdir().expect("a directory"));
        let outside = tempfile::tempdir().expect("a directory");
        let (kept, moved) = (to.path().join("kept"), to.path().join("moved"));
        let place = Destination::open(&kept).expect("a directory");
        symlink(outside.path(), kept.join("sub")).expect("linked");
        symlink(outside.path().join("a.csv"), kept.join("a.csv")).expect("linked");
        for name in ["a.csv", "sub/c.csv"] {
            let refused = collect(work.path(), &[name.to_owned()], &place).expect_err("a link");
            assert!(refused.to_text().contains(&format!("cannot keep `{name}`")));
        }
        std::fs::rename(&kept, &moved).expect("renamed");
        symlink(outside.path(), &kept).expect("linked");
        collect(work.path(), &["b.txt".to_owned()], &place).expect("kept where it was opened");
        assert!(moved.join("b.txt").exists());
        assert_eq!(outside.path().read_dir().expect("listed").count(), 0);
    }
}
