//! The shim in a container: mounted read-only, and preloaded where the image's libc takes it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::client::{Client, Failure, word};
use super::{Rules, mount};
use crate::run::private::{self, Holds};
use crate::run::refusal::Refusal;
use crate::run::{self, library};

/// Where the shim is in a container.
const LIBRARY: &str = "/ringfence/lib/libringfence.so";
/// Where the image of the policy is: a directory in which nobody but root can write.
const IMAGES: &str = "/ringfence/policy";
const IMAGE: &str = "/ringfence/policy/policy.img";

/// Says whether the shell that runs it has the shim and its image mapped, which the shim maps once it
/// has verified it. It needs nothing but the shell.
const PROBE: &str = "library= image=
while read -r line; do
  case $line in */libringfence.so) library=1;; */policy.img) image=1;; esac
done </proc/self/maps
if [ -n \"$library\" ] && [ -n \"$image\" ]; then echo loaded; else echo 'not loaded'; fi";

/// The files of a fence for containers.
pub(super) struct Fence {
    library: PathBuf,
    image: PathBuf,
    run: String,
}

impl Fence {
    /// Writes the image, and tries in a container of its own whether programs load the shim; `None`
    /// where they do not: they are static, or of another libc.
    ///
    /// # Errors
    /// Where no container can be started at all, or the shim is loaded and does not arm itself.
    pub(super) fn raise(
        client: &Client<'_>,
        image: &str,
        rules: &Rules<'_>,
    ) -> Result<Option<Self>, Refusal> {
        let library = library::hand_over(library::find()?)?;
        let places = (Path::new(LIBRARY), Path::new(IMAGES));
        let bytes = run::of_container(&rules.loaded, rules.options, rules.mode, places)?;
        let directory = private::directory(Holds::Data)?;
        let run = run::run_id()?;
        // Each start has a file of its own, which it takes away.
        let file = private::path(&directory, (&format!("container-{run}"), "img"), &bytes);
        private::hand_over(&file, &bytes)?;
        let fence = Self { library, image: file, run };
        // A status alone would not do: a client that loses it has 0 to offer.
        let said = fence.probe(client, image);
        if said.as_ref().is_ok_and(|said| said == "loaded") {
            return Ok(Some(fence));
        }
        fence.take_away();
        match said {
            Ok(said) if said == "not loaded" => Ok(None),
            Ok(_) => {
                let what = format!("`{}` does not say what a container has printed", client.name());
                Err(Refusal::coded("RF411", what).help("nothing was started"))
            }
            Err(reason) => not_loaded(&reason).map(|()| None),
        }
    }

    fn probe(&self, client: &Client<'_>, image: &str) -> Result<String, Failure> {
        let mut words: Vec<OsString> =
            ["run", "--rm", "--network", "none", "--entrypoint", "/bin/sh"].map(word).into();
        words.extend(self.words(None));
        words.extend([word(image), word("-c"), word(PROBE)]);
        // Not interrupted: a client that is ended may leave its container.
        client.insist(words)
    }

    /// The words that mount and preload it; `own` is what the task preloads.
    pub(super) fn words(&self, own: Option<&OsStr>) -> Vec<OsString> {
        let mut preload = OsString::from(format!("LD_PRELOAD={LIBRARY}"));
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            preload.push(":");
            preload.push(own);
        }
        vec![
            word("--volume"),
            mount(&self.library, LIBRARY, "ro"),
            word("--volume"),
            mount(&self.image, IMAGE, "ro"),
            word("--env"),
            preload,
            word("--env"),
            word(format!("RINGFENCE_IMAGE={IMAGE}")),
            word("--env"),
            word(format!("RINGFENCE_RUN={}", self.run)),
        ]
    }

    /// Removes the image of the policy.
    pub(super) fn take_away(&self) {
        // It is ours alone, and nothing reads it any more.
        let _ = std::fs::remove_file(&self.image);
    }
}

/// Tells an image that does not take the shim from a container that cannot be.
fn not_loaded(reason: &Failure) -> Result<(), Refusal> {
    if reason.words.contains("ringfence: ") {
        let refusal = Refusal::coded("RF405", "the shim does not arm itself in the container");
        return Err(reason.noted(refusal).help("nothing was started"));
    }
    match reason.status {
        // The shell's own answer, or a loader that cannot load the shim; or there is no shell.
        Some(1 | 126 | 127) => Ok(()),
        _ => {
            let refusal = Refusal::coded("RF411", "no container can be started");
            Err(reason.noted(refusal).help("nothing was started"))
        }
    }
}
