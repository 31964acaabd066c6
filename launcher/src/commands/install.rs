//! `ringfence install`: the library and a compiled policy in a directory, for workers that are
//! started without the launcher: by an image's `ENV`, by a service manager.
//!
//! Whoever can write there decides what the fence is, so the directory is root's alone. Both
//! files are proved under other names before they take the places of what is there: a worker
//! that starts meanwhile gets the old pair or the new one, or ends with 125 where they are of two
//! builds.

mod directory;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use ringfence_policy::Effect;

use super::{answer, refusal, report};
use crate::cli::{self, Color};
use crate::exit;
use crate::read::mistakes::Mistakes;
use crate::read::render::Format;
use crate::read::world::World;
use crate::run::environment::{self, Fence};
use crate::run::policy::Loaded;
use crate::run::refusal::Refusal;
use crate::{read, run};

/// The file name of the image.
const IMAGE: &str = "policy.img";

/// The options of `ringfence install`.
#[derive(clap::Args, Debug)]
pub(crate) struct Install {
    /// Where rules come from, as for `run`; repeatable [env: RINGFENCE_POLICY]
    #[arg(short, long = "policy", value_name = "SOURCE")]
    policies: Vec<OsString>,

    /// How the lines to use are written
    #[arg(long, value_name = "FORMAT", default_value = "env")]
    format: Lines,

    /// Write nothing but the lines to use
    #[arg(short, long)]
    quiet: bool,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,

    /// A directory for this alone, which nobody but root can write; it is made where it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// How the lines to use are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Lines {
    /// `NAME=value`, as for `docker run --env-file` and `EnvironmentFile=`.
    Env,
    /// `ENV NAME=value`, for a Dockerfile.
    Docker,
    /// `Environment=NAME=value`, for a unit of systemd.
    Systemd,
    /// `export NAME='value'`, for a shell.
    Shell,
}

/// Why nothing was installed.
enum Stop {
    Policy(Mistakes),
    Refusal(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// Installs: 0 with the lines to use, 1 where it is refused, 2 where a policy cannot be read.
pub(crate) fn install(args: &Install) -> u8 {
    args.color.apply();
    match installed(args) {
        Ok((lines, sum)) => {
            if !args.quiet {
                anstream::eprintln!("{sum}");
            }
            answer(&lines, exit::YES)
        }
        Err(Stop::Refusal(refused)) => refused.status(exit::NO).report(false),
        Err(Stop::Policy(mistakes)) => {
            report(&mistakes, Format::Text);
            refusal(&mistakes)
        }
    }
}

fn installed(args: &Install) -> Result<(String, String), Stop> {
    let document = read::load(&args.policies, &World::current()).map_err(Stop::Policy)?;
    let loaded = Loaded::from(document);
    if loaded.mode.mode == cli::Mode::Off {
        return Err(Refusal::plain("the policy's mode is `off`: there would be no fence")
            .help("write `mode: enforce`, or `mode: audit` to try it")
            .into());
    }
    let source = run::library::find()?;
    let directory = directory::prepare(&args.directory)?;
    let bytes = fs::read(&source).map_err(|error| cannot("read", &source, &error))?;
    let pair = Pair::of(&directory, "");
    let (image, rules) = compiled(&loaded, &pair)?;
    let new = Pair::of(&directory, &format!(".{}.new", std::process::id()));
    let preloads = run::preloads(&[], loaded.kestra);
    let outcome = new
        .write(&bytes, &image)
        .and_then(|()| new.prove(&preloads, &image))
        .and_then(|()| new.take_place_of(&pair))
        .and_then(|()| pair.prove(&preloads, &image));
    if outcome.is_err() {
        new.remove();
    }
    outcome?;
    let sum = format!(
        "ringfence: installed in {}: {rules} from {}; proved by a probe",
        directory.display(),
        loaded.sources.join(", ")
    );
    let is_host = run::parse(&image)?.has_audiences();
    Ok((lines(args.format, &pair, &preloads, is_host), sum))
}

/// The image of the policy as it holds without the launcher, and how many rules of its own it has.
fn compiled(loaded: &Loaded, pair: &Pair) -> Result<(Vec<u8>, String), Refusal> {
    let mut policy = loaded.policy.clone();
    run::policy::fix_mode(&mut policy, loaded.mode.mode);
    // Nobody sets no_new_privs: a setuid program would start with its rights and without the
    // shim, so it is refused.
    policy.new_privileges = true;
    run::policy::audit_can_be_there(&policy.audit.file)?;
    let own = policy.rules.iter().filter(|rule| rule.effect == Effect::Forbid).count();
    let directory = pair.library.parent().unwrap_or(Path::new("/"));
    let policy = run::complete(loaded, policy, (Path::new("/"), &[]), (&pair.library, directory))?;
    let rules = format!("{own} forbidden path{}", if own == 1 { "" } else { "s" });
    Ok((run::compile(&policy)?, rules))
}

/// A library and an image that belong together.
struct Pair {
    library: PathBuf,
    image: PathBuf,
}

impl Pair {
    fn of(directory: &Path, tail: &str) -> Self {
        let named = |name: &str| directory.join(format!("{name}{tail}"));
        Self { library: named(run::library::NAME), image: named(IMAGE) }
    }

    fn write(&self, library: &[u8], image: &[u8]) -> Result<(), Refusal> {
        run::private::hand_over(&self.library, library)?;
        run::private::hand_over(&self.image, image)
    }

    /// Starts a probe with exactly these two, as a worker would be.
    fn prove(&self, preloads: &[PathBuf], image: &[u8]) -> Result<(), Refusal> {
        let fence = Fence { library: &self.library, preloads, image: &self.image, run: "install" };
        let view = run::parse(image)?;
        let kept = std::env::vars_os().filter(|(name, _)| name != "LD_PRELOAD");
        let (variables, _) = environment::of_worker(kept, &fence, view);
        run::probe::prove(&variables, &self.library, &self.image)
    }

    /// The library first: an image never meets a library that is older than itself for longer
    /// than between these two calls.
    fn take_place_of(&self, old: &Self) -> Result<(), Refusal> {
        for (new, old) in [(&self.library, &old.library), (&self.image, &old.image)] {
            fs::rename(new, old).map_err(|error| cannot("replace", old, &error))?;
        }
        Ok(())
    }

    fn remove(&self) {
        for path in [&self.library, &self.image] {
            // Why nothing was installed is reported; that a file stays adds nothing.
            let _ = fs::remove_file(path);
        }
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::plain(format!("cannot {what} `{}`: {error}", path.display()))
}

/// The lines by which a worker is fenced, the last one where it matters who the host is.
fn lines(format: Lines, pair: &Pair, preloads: &[PathBuf], is_host: bool) -> String {
    let libraries: Vec<String> = std::iter::once(&pair.library)
        .chain(preloads)
        .map(|library| library.display().to_string())
        .collect();
    let pairs = [
        ("LD_PRELOAD", libraries.join(":")),
        ("RINGFENCE_IMAGE", pair.image.display().to_string()),
    ];
    let (name, value) = environment::HOST;
    let host = is_host.then(|| (name, value.to_owned()));
    let line = |(name, value): (&str, String)| match format {
        Lines::Env => format!("{name}={value}\n"),
        Lines::Docker => format!("ENV {name}={value}\n"),
        Lines::Systemd => format!("Environment={name}={value}\n"),
        Lines::Shell => format!("export {name}='{value}'\n"),
    };
    pairs.into_iter().chain(host).map(line).collect()
}
