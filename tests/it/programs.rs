//! The installed programs that tests run, and the policy of the worker isolation page around them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::Fence;

/// Debian's Python: one that a version manager puts on PATH may be a shell script.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// A file below `tests/fixtures`.
pub(crate) fn source(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    assert!(path.exists(), "there is no fixture {}", path.display());
    path
}

/// The fence of the page's first configuration block, as it stands there: `/etc/` is forbidden.
pub(crate) fn isolation() -> Fence {
    isolation_with(&[])
}

/// [`isolation`] with further policy files.
pub(crate) fn isolation_with(policies: &[&Path]) -> Fence {
    let page = source("policies/worker-isolation.yml");
    let all: Vec<&Path> = [page.as_path()].iter().chain(policies).copied().collect();
    Fence::by_policies(&all, &[])
}

/// An installed Java.
#[derive(Clone)]
pub(crate) struct Jdk {
    pub(crate) major: u32,
    pub(crate) home: PathBuf,
}

impl Jdk {
    #[track_caller]
    pub(crate) fn new(major: u32) -> Self {
        Self { major, home: java_home(major) }
    }

    /// One of each version that class rules hold on.
    #[track_caller]
    pub(crate) fn all() -> [Self; 4] {
        [11, 17, 21, 25].map(Self::new)
    }

    /// A program of it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }

    pub(crate) fn java(&self) -> PathBuf {
        self.program("java")
    }

    /// Whether its JVM knows an option.
    pub(crate) fn has(&self, option: &str) -> bool {
        let run = Command::new(self.java()).args([option, "-version"]).output();
        run.expect("java runs").status.success()
    }
}

impl fmt::Display for Jdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Java {}", self.major)
    }
}

/// The home of an installed JDK by its major version.
#[track_caller]
pub(crate) fn java_home(major: u32) -> PathBuf {
    let homes = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = homes
        .map(|entry| entry.path())
        .filter(|home| {
            let release = fs::read_to_string(home.join("release")).unwrap_or_default();
            release.contains(&format!("JAVA_VERSION=\"{major}."))
        })
        .collect();
    found.sort();
    // A whole JDK before a link to it, or a runtime alone.
    found.sort_by_key(|home| (home.is_symlink(), !home.join("bin/javac").exists()));
    assert!(!found.is_empty(), "no Java {major} in /usr/lib/jvm: run tests/setup.sh");
    found.remove(0)
}

/// The interpreters that rules about Python modules are tried on: Debian's, the one that
/// `tests/setup.sh` installs, and those of pyenv where it is there.
#[track_caller]
pub(crate) fn pythons() -> Vec<PathBuf> {
    let installed = PathBuf::from("/opt/ringfence-cpython-3.14/bin/python3.14");
    assert!(installed.exists(), "no {}: run tests/setup.sh", installed.display());
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let versions = fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
    let known = |name: &str| {
        let minor = name.strip_prefix("3.").and_then(|rest| rest.split('.').next()?.parse().ok());
        minor.is_some_and(|minor: u32| (9..=14).contains(&minor)) && !name.ends_with('t')
    };
    let mut found: Vec<PathBuf> = versions
        .filter(|entry| entry.file_name().to_str().is_some_and(known))
        .map(|entry| entry.path().join("bin/python3"))
        .filter(|python| python.exists())
        .collect();
    found.sort();
    [PathBuf::from(PYTHON), installed].into_iter().chain(found).collect()
}
