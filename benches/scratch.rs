//! The files that the rows work on, in a directory that goes at the end.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Result;

/// How many rules the large policy has, and the small one.
pub(crate) const MANY: usize = 100_000;
/// See [`MANY`].
pub(crate) const FEW: usize = 10;

/// Something that takes time to make, and that only some rows need.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// A few small files, which are always there.
    Work,
    /// 50,000 empty files in 500 directories.
    Files,
    /// A repository of 5,000 small files in three levels.
    Repository,
    /// Packages of Python's own library.
    Python,
    /// 500 classes in Java, and their names in `@/classes/sources`.
    Classes,
}

/// The directory with all of it.
pub(crate) struct Scratch {
    directory: TempDir,
    root: PathBuf,
    planted: RefCell<Vec<Tree>>,
}

impl Scratch {
    /// Makes the directory with [`Tree::Work`] in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn new() -> Result<Scratch> {
        let directory = tempfile::Builder::new().prefix("ringfence-bench-").tempdir()?;
        let root = directory.path().canonicalize()?;
        // `etc` is the last name of a rule: a relative path with it needs the text of its directory.
        for name in ["work/data", "work/etc", "work/hundred", "many"] {
            fs::create_dir_all(root.join(name))?;
        }
        for name in [
            "work/data/input.txt",
            "work/data/moving.txt",
            "work/etc/input.txt",
            "work/input.txt",
            "many/free",
        ] {
            fs::write(root.join(name), "some input\n")?;
        }
        for entry in 0..100 {
            fs::write(root.join(format!("work/hundred/entry-{entry:03}")), "")?;
        }
        symlink("data", root.join("work/link"))?;
        Ok(Scratch { directory, root, planted: RefCell::new(vec![Tree::Work]) })
    }

    /// The text with `@` at its beginning replaced by the directory; `@@` leaves one there, as for a
    /// file of arguments.
    pub(crate) fn expand(&self, text: &str) -> PathBuf {
        if let Some(file) = text.strip_prefix('@').filter(|file| file.starts_with('@')) {
            return PathBuf::from(format!("@{}", self.expand(file).display()));
        }
        match text.strip_prefix('@') {
            Some(rest) => self.root.join(rest.trim_start_matches('/')),
            None => PathBuf::from(text),
        }
    }

    /// Makes the tree unless it is there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn plant(&self, tree: Tree) -> Result<()> {
        if self.planted.borrow().contains(&tree) {
            return Ok(());
        }
        match tree {
            Tree::Work => {}
            Tree::Files => files(&self.root.join("files"))?,
            Tree::Repository => repository(&self.root.join("repository"))?,
            Tree::Python => python(&self.root.join("python"))?,
            Tree::Classes => classes(&self.root.join("classes"))?,
        }
        self.planted.borrow_mut().push(tree);
        Ok(())
    }

    /// Removes it all.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) fn close(self) -> Result<()> {
        Ok(self.directory.close()?)
    }
}

/// The `count` literal paths that a policy of that size forbids, all in one directory.
pub(crate) fn rule_paths(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|rule| format!("@/many/rule-{rule:05}"))
}

fn files(root: &Path) -> Result<()> {
    for directory in 0..500 {
        let directory = root.join(format!("group-{:02}/set-{:02}", directory / 25, directory % 25));
        fs::create_dir_all(&directory)?;
        for file in 0..100 {
            fs::write(directory.join(format!("item-{file:02}")), "")?;
        }
    }
    Ok(())
}

fn repository(root: &Path) -> Result<()> {
    for file in 0..5000 {
        let directory = root.join(format!("part-{}/module-{:02}", file / 500, file / 50 % 10));
        fs::create_dir_all(&directory)?;
        let text = format!("line one of file {file}\nline two\n").repeat(20);
        fs::write(directory.join(format!("source-{:02}.txt", file % 50)), text)?;
    }
    let identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"];
    run(git(root).args(["init", "-q"]))?;
    run(git(root).args(["add", "."]))?;
    run(git(root).args(identity).args(["commit", "-q", "-m", "The files"]))
}

/// Each class has one of its own kind inside, and calls the one before.
fn classes(root: &Path) -> Result<()> {
    let directory = root.join("some");
    fs::create_dir_all(&directory)?;
    let mut sources = String::new();
    for number in 0..500_u32 {
        let before = number.saturating_sub(1);
        let text = format!(
            "package some;\n\
             import java.util.List;\n\
             public final class Part{number} {{\n\
             \x20   static final class Inner {{ int value = {number}; }}\n\
             \x20   public static int sum(List<String> names) {{\n\
             \x20       Inner inner = new Inner();\n\
             \x20       if (names.isEmpty()) return inner.value;\n\
             \x20       return names.size() + Part{before}.sum(names.subList(1, names.size()));\n\
             \x20   }}\n\
             }}\n"
        );
        let file = directory.join(format!("Part{number}.java"));
        fs::write(&file, text)?;
        sources = format!("{sources}{}\n", file.display());
    }
    fs::write(root.join("sources"), sources)?;
    Ok(())
}

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root);
    command
}

fn python(root: &Path) -> Result<()> {
    let library = Command::new("python3")
        .args(["-c", "import os; print(os.path.dirname(os.__file__))"])
        .stderr(Stdio::inherit())
        .output()?;
    let library = PathBuf::from(String::from_utf8(library.stdout)?.trim_end());
    for package in ["asyncio", "email", "http", "json", "logging", "multiprocessing", "xml"] {
        fs::create_dir_all(root)?;
        run(Command::new("cp").arg("-r").arg(library.join(package)).arg(root.join(package)))?;
    }
    Ok(())
}

/// Runs a command that must succeed.
///
/// # Errors
/// When it does not.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
