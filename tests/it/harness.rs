//! What every test uses: the built programs, a scratch tree, a policy, a fixture run under it.
//!
//! A denial test reads like this: a [`Scratch`] tree, its [`Rules`], a [`Fence`] of them, a call
//! that is refused with its errno, and in the same environment the same call on an allowed twin.

mod fence;
mod process;
mod random;
mod rules;
mod scratch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub(crate) use fence::Fence;
pub(crate) use process::{Outcome, run};
pub(crate) use random::Random;
pub(crate) use rules::Rules;
pub(crate) use scratch::Scratch;

/// The two programs under test, as a user gets them.
pub(crate) struct Artifacts {
    /// `libringfence.so`.
    pub(crate) library: PathBuf,
    /// `ringfence`.
    pub(crate) launcher: PathBuf,
}

/// Builds the release library and launcher once, so that no test meets a stale one: cargo does not
/// build a library of another package for a test.
pub(crate) fn artifacts() -> &'static Artifacts {
    static BUILT: OnceLock<Artifacts> = OnceLock::new();
    BUILT.get_or_init(|| {
        let release = build(&["ringfence-shim", "ringfence-launcher"]);
        Artifacts { library: release.join("libringfence.so"), launcher: release.join("ringfence") }
    })
}

/// The preloadable library of another project, as it were: `tests/fixtures/neighbour`.
pub(crate) fn neighbour() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["ringfence-neighbour"]).join("libneighbour.so"))
}

/// Builds packages for release, and gives the directory of what was built; for a user who cannot
/// build them, `RINGFENCE_TEST_RELEASE` names it.
fn build(packages: &[&str]) -> PathBuf {
    if let Some(built) = std::env::var_os("RINGFENCE_TEST_RELEASE") {
        return built.into();
    }
    // Cargo puts this directory into the target directory that it uses.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target/tmp");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--release", "--target-dir"]).arg(target);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
    assert!(status.success(), "{packages:?} must build");
    target.join("release")
}

/// The path of a compiled C fixture; the Java classes lie in `fixture("java")`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("RINGFENCE_FIXTURES")).join(name)
}
