//! A tree with something to hide, and the allowed twin of each thing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Rules;

/// A scratch tree that is removed with the value:
///
/// ```text
/// secret           "SECRET"  forbidden by [`Scratch::rules`]
/// closed/          forbidden, with all beneath it
///   secret         "SECRET"
///   inner/secret   "SECRET"
/// twin             "twin"    allowed, as all the rest
/// open/
///   twin           "twin"
///   inner/twin     "twin"
/// ```
pub(crate) struct Scratch {
    root: PathBuf,
    /// Removes the tree when it is dropped.
    _directory: tempfile::TempDir,
}

impl Scratch {
    /// A directory of our own with nothing in it; its own path has no links in it.
    pub(crate) fn empty() -> Self {
        let directory = tempfile::Builder::new().prefix("ringfence-").tempdir().expect("a tree");
        let root = directory.path().canonicalize().expect("it was just made");
        Self { root, _directory: directory }
    }

    /// A fresh tree.
    pub(crate) fn new() -> Self {
        let scratch = Self::empty();
        for (directory, name, content) in
            [("closed", "secret", "SECRET\n"), ("open", "twin", "twin\n")]
        {
            scratch.directory(&format!("{directory}/inner"));
            for place in ["", &format!("{directory}/"), &format!("{directory}/inner/")] {
                scratch.file(&format!("{place}{name}"), content);
            }
        }
        scratch
    }

    /// The path of an entry; `""` is the tree itself.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }

    /// The same as text, for a command line.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().expect("a temporary directory is UTF-8")
    }

    /// The words of a command line in one text, apart by spaces, where `@` stands for the tree.
    pub(crate) fn words(&self, line: &str) -> Vec<String> {
        line.split_whitespace().map(|word| word.replace('@', &self.text(""))).collect()
    }

    /// A result with `@` for the tree, to compare what two trees gave.
    pub(crate) fn generic(&self, result: &str) -> String {
        result.replace(&self.text(""), "@")
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Makes a directory with its parents and gives its path.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Removes a directory with all that lies in it.
    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        fs::remove_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Makes a symbolic link with this text and gives its path.
    pub(crate) fn link(&self, name: &str, target: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        symlink(target, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Makes a FIFO and gives its path.
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let status = Command::new("mkfifo").arg(&path).status().expect("coreutils has mkfifo");
        assert!(status.success(), "mkfifo {}", path.display());
        path
    }

    /// The rules that the tree is made for: `secret` and `closed` are forbidden.
    pub(crate) fn rules(&self) -> Rules {
        Rules::new().forbid(self.path("secret")).forbid(self.path("closed"))
    }
}
