//! `ringfence run`: from the options to the worker, in the order in which things can fail.
//!
//! Nothing is started before it is known that the fence will hold; what cannot be known is
//! refused. The worker takes this process's place, so that pid, signals, streams and exit status
//! are its own.

mod callers;
mod commands;
pub(crate) mod environment;
pub(crate) mod guard;
mod inherited;
mod jvm;
mod kestra;
pub(crate) mod library;
pub(crate) mod machine;
pub(crate) mod policy;
pub(crate) mod private;
pub(crate) mod probe;
pub(crate) mod refusal;
pub(crate) mod report;
pub(crate) mod target;
mod worker;

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use ringfence_policy::{FileRule, Image, Policy};
use rustix::io::Errno;

use crate::places::Links;
use crate::read::mistakes::Mistakes;
use crate::read::presets::KESTRA_PRELOAD;
use crate::read::render::{Format, render};
use crate::{cli, exit, places};
use environment::{Fence, Variables};
use policy::Loaded;
use refusal::Refusal;
pub(crate) use worker::close_descriptors_at_exec;

/// Where glibc's own libraries are, by the conventions of distributions.
const LIBRARIES: [&str; 4] =
    ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"];

/// Why the command is not started.
pub(crate) enum Stop {
    /// The policy's own mistakes, each with its place.
    Policy(Mistakes),
    /// Anything else.
    Refusal(Refusal),
}

impl Stop {
    /// Writes it to the standard error output and returns the exit status.
    pub(crate) fn report(&self, json: bool) -> u8 {
        match self {
            Self::Refusal(refusal) => refusal.report(json),
            Self::Policy(mistakes) => {
                let format = if json { Format::Json } else { Format::Text };
                report::write(render(mistakes, format).trim_end());
                exit::NOT_FENCED
            }
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

/// Starts the command inside the fence; returns the exit status only where it does not.
pub(crate) fn run(options: &cli::Run) -> u8 {
    options.color.apply();
    match start(options) {
        Ok(status) => status,
        Err(stop) => stop.report(options.json),
    }
}

/// `Ok` only for `--dry-run`.
fn start(options: &cli::Run) -> Result<u8, Stop> {
    if options.kernel == cli::Kernel::Require {
        return Err(Refusal::plain("`--kernel require`: there is no kernel floor yet")
            .help("use `--kernel off`: the shim alone holds the rules")
            .into());
    }
    not_inside_a_fence()?;
    let command = options.command.first().ok_or_else(|| Refusal::plain("no command was given"))?;
    machine::check()?;
    let loaded = policy::load(options).map_err(Stop::Policy)?;
    let mode = policy::mode(options.mode, std::env::var_os("RINGFENCE_MODE"), loaded.mode)?;
    let program = target::find(command, std::env::var_os("PATH"))?;
    if mode == cli::Mode::Off {
        return Ok(unfenced(&program, options)?);
    }
    Ok(fenced(&program, options, loaded, mode)?)
}

/// A fence cannot be put around a process that has one: it would protect its own files from it.
pub(crate) fn not_inside_a_fence() -> Result<(), Refusal> {
    if std::env::var_os("RINGFENCE_IMAGE").is_some() && probe::is_fenced() {
        return Err(Refusal::plain("this process is inside a fence already")
            .help("leave out `ringfence run`: the command inherits the fence that is there"));
    }
    Ok(())
}

/// `mode: off`: the command as it is.
fn unfenced(program: &Path, options: &cli::Run) -> Result<u8, Refusal> {
    if options.dry_run {
        report::write(&format!("ringfence: would start {} without a fence", program.display()));
        return Ok(exit::YES);
    }
    if !options.quiet {
        report::write("ringfence: no fence: the mode is off");
    }
    Err(exec(program, &options.command, std::env::vars_os().collect()))
}

fn fenced(
    program: &Path,
    options: &cli::Run,
    loaded: Loaded,
    mode: cli::Mode,
) -> Result<u8, Refusal> {
    let mut inherited: Variables = std::env::vars_os().collect();
    let defaults = kestra::hand_over(&loaded.defaults, &options.command, &mut inherited)?;
    let raised = raise(program, options, &loaded, mode, inherited)?;
    if options.dry_run {
        raised.with_start(&loaded, program, |start| start.describe(options.json));
        return Ok(exit::YES);
    }
    raised.prove()?;
    raised.announce(&loaded, program, options);
    if let Some(defaults) = defaults.filter(|_| !options.quiet) {
        report::inform(&defaults, options.json);
    }
    Err(exec(program, &options.command, raised.environment))
}

/// A fence as it is handed over to a program.
pub(crate) struct Raised {
    /// What the program gets, the fence's own variables among it.
    pub(crate) environment: Variables,
    /// The names of the variables that it does not get.
    dropped: Vec<OsString>,
    /// The shim.
    pub(crate) library: PathBuf,
    /// The image, written by [`Raised::prove`].
    pub(crate) image: PathBuf,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// The id of this start.
    pub(crate) run: String,
    /// The policy in force.
    policy: Policy,
}

/// Compiles the fence for a program, and looks at whether it can hold.
///
/// # Errors
/// Where it cannot, or where the policy cannot be compiled.
pub(crate) fn raise(
    program: &Path,
    options: &cli::Run,
    loaded: &Loaded,
    mode: cli::Mode,
    inherited: Variables,
) -> Result<Raised, Refusal> {
    let library = library::hand_over(library::find()?)?;
    let private = private::directory(private::Holds::Data)?;
    let mut policy = loaded.policy.clone();
    policy::apply(&mut policy, options, mode)?;
    let policy = complete(loaded, policy, (program, &options.command), (&library, &private))?;
    let bytes = compile(&policy)?;
    let view = parse(&bytes)?;
    target::check(program, view)?;
    inherited::check(view)?;
    let image = private::path(&private, ("policy", "img"), &bytes);
    let run = run_id()?;
    let preloads = preloads(&options.preloads, loaded.kestra);
    let fence = Fence { library: &library, preloads: &preloads, image: &image, run: &run };
    let (environment, dropped) = environment::of_worker(inherited, &fence, view);
    Ok(Raised { environment, dropped, library, image, bytes, run, policy })
}

impl Raised {
    /// Writes the image, gives up new privileges unless the policy keeps them, and proves that the
    /// shim arms itself.
    ///
    /// # Errors
    /// Where one of these fails.
    pub(crate) fn prove(&self) -> Result<(), Refusal> {
        private::hand_over(&self.image, &self.bytes)?;
        if !self.policy.new_privileges {
            no_new_privileges()?;
        }
        probe::prove(&self.environment, &self.library, &self.image)
    }

    /// What is started is not the host's own: it has none of the exceptions that are for the host.
    pub(crate) fn of_others(mut self) -> Self {
        self.environment.retain(|(name, _)| name != environment::HOST.0);
        self
    }

    /// Says which variables are dropped and, unless it shall be quiet, that the fence is up.
    pub(crate) fn announce(&self, loaded: &Loaded, program: &Path, options: &cli::Run) {
        self.with_start(loaded, program, |start| {
            start.announce_dropped(options.json);
            if !options.quiet {
                start.announce(options.json);
            }
        });
    }

    fn with_start(&self, loaded: &Loaded, program: &Path, say: impl FnOnce(&report::Start<'_>)) {
        say(&report::Start {
            policy: &self.policy,
            sources: &loaded.sources,
            disabled: &loaded.disabled,
            run: &self.run,
            program,
            library: &self.library,
            dropped: &self.dropped,
        });
    }
}

/// The policy with all that a start adds: the fixed rules, every name of each place, what the
/// JVMs within reach need, and the links by which commands are found. The program and the words of
/// the command are `/` and none where nothing is started.
pub(crate) fn complete(
    loaded: &Loaded,
    mut policy: Policy,
    (program, words): (&Path, &[OsString]),
    (library, private): (&Path, &Path),
) -> Result<Policy, Refusal> {
    let own =
        guard::OwnFiles { private, library, policies: &loaded.files, audit: &policy.audit.file };
    let fixed = guard::rules(&own, policy.debug);
    policy.rules.extend(fixed);
    if !policy.hidden.is_empty() {
        policy.rules.push(guard::environments());
    }
    let directories = callers::directories(words, std::env::var_os("KESTRA_PLUGINS_PATH"));
    callers::complete(&mut policy.callers, &policy.rules, loaded.kestra_callers, directories);
    callers::complete_audiences(&mut policy.rules);
    let links = Links::default();
    places::widen(&mut policy, &links).map_err(|error| {
        Refusal::plain(error.to_string())
            .help("give the rule fewer wildcards, or mount procfs at /proc")
    })?;
    if let Some(homes) = &loaded.homes {
        let bytes = compile(&policy)?;
        let view = parse(&bytes)?;
        let exceptions = jvm::exceptions(view, program, homes, &links);
        let on_the_way = commands::exceptions(view, program, &links);
        policy.rules.extend(exceptions.into_iter().chain(on_the_way));
    }
    Ok(policy)
}

/// What is forbidden on this machine, for judging what would be handed to a container.
///
/// # Errors
/// Where the policy cannot be compiled.
pub(crate) fn of_machine(
    loaded: &Loaded,
    more: impl IntoIterator<Item = FileRule>,
) -> Result<Vec<u8>, Refusal> {
    let library = library::hand_over(library::find()?)?;
    let private = private::directory(private::Holds::Data)?;
    let mut policy = loaded.policy.clone();
    policy.rules.extend(more);
    compile(&complete(loaded, policy, (Path::new("/"), &[]), (&library, &private))?)
}

/// A fence for a container, where places have other names than here: the rules as they are written,
/// and those that protect the fence itself at the places where it will be.
///
/// # Errors
/// Where the policy cannot be compiled.
pub(crate) fn of_container(
    loaded: &Loaded,
    options: &cli::Run,
    mode: cli::Mode,
    (library, private): (&Path, &Path),
) -> Result<Vec<u8>, Refusal> {
    let mut policy = loaded.policy.clone();
    policy::apply(&mut policy, options, mode)?;
    // Nobody sees a file in there: what is denied is said on the standard error output.
    policy.audit.file.clear();
    let own = guard::OwnFiles { private, library, policies: &[], audit: &[] };
    policy.rules.extend(guard::rules(&own, policy.debug));
    compile(&policy)
}

pub(crate) fn compile(policy: &Policy) -> Result<Vec<u8>, Refusal> {
    ringfence_policy::compile(policy)
        .map_err(|error| Refusal::plain(format!("the policy cannot be compiled: {error}")))
}

pub(crate) fn parse(image: &[u8]) -> Result<Image<'_>, Refusal> {
    Image::parse(image).map_err(|error| Refusal::plain(format!("the policy's image is {error}")))
}

/// The libraries to preload besides: those that were asked for, then what Kestra's start script
/// would preload, had it found the variable empty.
pub(crate) fn preloads(asked: &[PathBuf], kestra: bool) -> Vec<PathBuf> {
    let wanted = PathBuf::from(KESTRA_PRELOAD);
    let is_there = || LIBRARIES.iter().any(|directory| Path::new(directory).join(&wanted).exists());
    let mut preloads = asked.to_vec();
    // ld.so would complain in every process about one that is not there.
    if kestra && is_there() {
        preloads.push(wanted);
    }
    preloads
}

/// Without it a setuid program would start without the shim.
fn no_new_privileges() -> Result<(), Refusal> {
    rustix::thread::set_no_new_privs(true).map_err(|errno| {
        let reason = std::io::Error::from(errno);
        Refusal::plain(format!("no_new_privs cannot be set: {reason}"))
            .help("start with `--allow-new-privs`: setuid programs are then refused")
    })
}

/// Sixteen hexadecimal digits that no other start has.
pub(crate) fn run_id() -> Result<String, Refusal> {
    let mut bytes = [0; 8];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => Ok(format!("{:016x}", u64::from_ne_bytes(bytes))),
        _ => Err(Refusal::plain("the kernel gives no random bytes for an id of this start")),
    }
}

/// Replaces this process by the command; returns only the reason why that failed.
fn exec(program: &Path, command: &[OsString], environment: Variables) -> Refusal {
    let entry = |(name, value): (OsString, OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
    };
    let environment: Result<Vec<CString>, _> = environment.into_iter().map(entry).collect();
    let words = command.iter().map(|word| CString::new(word.clone().into_vec()));
    let words: Result<Vec<CString>, _> = words.collect();
    let path = CString::new(program.as_os_str().as_bytes());
    let (Ok(path), Ok(words), Ok(environment)) = (path, words, environment) else {
        return Refusal::plain("a word of the command or the environment holds a NUL byte");
    };
    let error = worker::become_worker(&path, &words, &environment);
    let errno = Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
    target::not_startable(program.as_os_str(), errno)
}
