//! A container, by `podman` or `docker`.
//!
//! It is created, then started: from its creation on we hold its id, so whatever happens it can be
//! removed. The shim and the policy are mounted in it and preloaded, where its libc takes them.

mod client;
mod created;
mod fence;
mod volumes;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Runner, Watch};
use crate::cli;
use crate::run::policy::Loaded;
use crate::run::refusal::{Refusal, printable};
use crate::run::report::write;
use crate::task::plan::{Container as Wanted, Plan, Pull};
use crate::task::room::Room;
use crate::task::signals::Signals;
use crate::task::supervise::{Ending, Processes, supervise};
use client::Client;
use created::{Created, Outcome, failed};
use fence::Fence;

/// The working directory in a container.
pub(crate) const WORK: &str = "/ringfence/work";

/// The task that is to run in a container.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    /// What is started.
    pub(crate) plan: &'a Plan,
    /// In which container.
    pub(crate) container: &'a Wanted,
    /// With which directory.
    pub(crate) room: &'a Room,
    /// What the policy lets through of our environment.
    pub(crate) inherited: &'a [(String, OsString)],
}

/// The policy for it.
pub(crate) struct Rules<'a> {
    /// As its sources say it.
    pub(crate) loaded: Loaded,
    /// What the options change in it.
    pub(crate) options: &'a cli::Run,
    /// The mode in force.
    pub(crate) mode: cli::Mode,
}

/// A task that is ready to be started in containers of one image.
pub(crate) struct Container<'a> {
    client: Client<'a>,
    task: Task<'a>,
    fence: Option<Fence>,
    mode: cli::Mode,
    variables: PathBuf,
}

impl<'a> Container<'a> {
    /// Finds the client and the image, judges the volumes, and looks at whether the image takes
    /// the fence.
    ///
    /// # Errors
    /// RF411 where something is missing; nothing has been started then, and nothing else will be.
    pub(crate) fn new(
        task: Task<'a>,
        rules: Rules<'_>,
        signals: &'a Signals,
    ) -> Result<Self, Refusal> {
        let client = Client::find(signals)?;
        if rules.mode == cli::Mode::Enforce && !task.container.volumes_by_policy {
            volumes::judge(&task.container.volumes, &rules.loaded, task.room)?;
        }
        image(&client, task.container, rules.options.quiet)?;
        let fence = match rules.mode {
            cli::Mode::Off => None,
            _ => Fence::raise(&client, &task.container.image, &rules)?,
        };
        let variables = task.room.variables();
        let container = Self { client, task, fence, mode: rules.mode, variables };
        container.write_variables()?;
        Ok(container)
    }

    /// The container, for a person.
    pub(crate) fn described(&self) -> String {
        let image = &self.task.container.image;
        let fenced = match self.fence {
            Some(_) => "fenced",
            None if self.mode == cli::Mode::Off => "WITHOUT a fence: the mode is off",
            None => "without the shim, which nothing in this image has loaded",
        };
        format!("a container of {image} by {}, {fenced}", self.client.name())
    }

    /// The variables in a file that nobody else can read: the words of a command are seen by all.
    fn write_variables(&self) -> Result<(), Refusal> {
        let lines: Vec<u8> = self
            .all_variables()
            .filter(|(name, value)| fits_a_line(name, value))
            .flat_map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes(), b"\n"].concat())
            .collect();
        crate::task::room::write(&self.variables, &lines, 0o600).map_err(|error| {
            Refusal::plain(format!("cannot write `{}`: {error}", self.variables.display()))
        })
    }

    fn all_variables(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        let inherited =
            self.task.inherited.iter().map(|(name, value)| (&**name, value.as_os_str()));
        let own = self.task.container.environment.iter().chain(&self.task.plan.environment);
        let all = inherited.chain(own.map(|(name, value)| (&**name, OsStr::new(value))));
        // It would load code before the fence.
        all.filter(|(name, _)| self.fence.is_none() || *name != "LD_AUDIT")
    }

    /// The program that is started in it, and its arguments.
    fn command(&self) -> impl Iterator<Item = &String> {
        self.task.container.entry_point.iter().chain(&self.task.plan.words)
    }

    /// The words that create a container of this task.
    fn words(&self) -> Vec<OsString> {
        let Task { container, room, .. } = self.task;
        let mut words: Vec<OsString> =
            ["create", "--log-driver", "none", "--label", "ringfence.task", "--workdir", WORK]
                .map(OsString::from)
                .into();
        let mut option = |name: &str, value: &OsStr| words.extend([name.into(), value.into()]);
        option("--volume", &mount(&room.work(), WORK, ""));
        option("--env-file", self.variables.as_os_str());
        for (name, value) in self.all_variables().filter(|(name, value)| !fits_a_line(name, value))
        {
            let word = [name.as_bytes(), b"=", value.as_bytes()].concat();
            option("--env", OsStr::from_bytes(&word));
        }
        for (name, value) in [
            ("--user", &container.user),
            ("--network", &container.network),
            ("--cpus", &container.cpus),
            ("--memory", &container.memory),
            ("--shm-size", &container.shared_memory),
        ] {
            if let Some(value) = value {
                option(name, OsStr::new(value));
            }
        }
        container.volumes.iter().for_each(|volume| option("--volume", OsStr::new(volume)));
        container.hosts.iter().for_each(|host| option("--add-host", OsStr::new(host)));
        if container.privileged {
            words.push("--privileged".into());
        }
        if let Some(fence) = &self.fence {
            let own = self.all_variables().filter(|(name, _)| *name == "LD_PRELOAD").last();
            words.extend(fence.words(own.map(|(_, value)| value)));
        }
        let mut command = self.command();
        if let Some(first) = command.next() {
            words.extend(["--entrypoint".into(), first.into()]);
        }
        words.push(container.image.clone().into());
        words.extend(command.map(OsString::from));
        words
    }
}

/// A variable as `--env-file` takes it: without a line's end, and not as a comment.
fn fits_a_line(name: &str, value: &OsStr) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(plain) && !value.as_bytes().iter().any(|byte| b"\n\r".contains(byte))
}

/// `FROM:TO:OPTIONS`.
fn mount(from: &std::path::Path, to: &str, options: &str) -> OsString {
    let mut word = from.as_os_str().to_owned();
    word.push(":");
    word.push(to);
    if !options.is_empty() {
        word.push(":");
        word.push(options);
    }
    word
}

/// Makes sure that the image is there, as the pull policy says.
fn image(client: &Client<'_>, container: &Wanted, quiet: bool) -> Result<(), Refusal> {
    let image = container.image.as_str();
    let is_there = || client.call(["image", "inspect", "--format", "{{.Id}}", image]);
    let pull = || {
        if !quiet {
            // It may take minutes.
            write(&printable(&format!("ringfence: pulling the image `{image}`")));
        }
        client.call(["pull", image])
    };
    let found = match container.pull {
        Pull::Always => pull(),
        Pull::Never => is_there(),
        Pull::Missing => is_there().or_else(|_| pull()),
    };
    let Err(reason) = found else { return Ok(()) };
    if let Err(reason) = client.call(["version"]) {
        let silent = Refusal::coded("RF411", format!("`{}` does not work", client.name()));
        return Err(reason.noted(silent).help("nothing was started: see whether its daemon runs"));
    }
    let missing = Refusal::coded("RF411", format!("there is no image `{image}`"));
    Err(reason.noted(missing).help("nothing was started: pull or build the image, or name another"))
}

impl Container<'_> {
    /// Makes ours what other users of the container made: else we could neither keep nor remove it.
    fn reclaim(&self) {
        let (work, user) = (self.task.room.work(), rustix::process::geteuid());
        if user.is_root() || !self.task.room.has_files_of_others() {
            return;
        }
        let reclaimed = if self.client.is_podman() {
            // In its user namespace root is this user.
            let chown = ["unshare", "chown", "-R", "-h", "0:0"].map(OsStr::new);
            self.client.insist(chown.into_iter().chain([work.as_os_str()]))
        } else {
            let run = ["run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "chown"];
            let mut words: Vec<OsString> = run.map(OsString::from).into();
            words.extend(["--volume".into(), mount(&work, WORK, "")]);
            words.push(self.task.container.image.clone().into());
            let owner = format!("{}:{}", user.as_raw(), rustix::process::getegid().as_raw());
            words.extend(["-R", "-h", &owner, WORK].map(OsString::from));
            self.client.insist(words)
        };
        if let Err(reason) = reclaimed {
            let left = Refusal::plain("files of other users in the container cannot be taken over");
            reason.noted(left).report(false);
        }
    }

    fn run(&self, watch: &Watch<'_>) -> Result<Ending, Refusal> {
        let created = Created::new(&self.client, self.words())?;
        if let Some(signal) = watch.signals.asked() {
            return Ok(Ending::Interrupted(signal));
        }
        let mut start = self.client.command(["start", "--attach", created.id()]);
        let stop = || created.stop();
        let heard = Arc::default();
        let processes = Processes::Container { stop: &stop, heard: Arc::clone(&heard) };
        let ended = supervise(&mut start, watch.limit, &processes, watch.signals, watch.form);
        let ending = ended.map_err(|failure| {
            failure.refusal(|error| failed("started").note(error.to_string()))
        })?;
        if created.is_gone() || !matches!(ending, Ending::Exited(_)) {
            return Ok(ending);
        }
        let program = self.command().next().map(String::as_str).unwrap_or_default();
        let words = heard.text();
        match created.outcome()? {
            // Its client may have lost the status, and may have ended by something else.
            Outcome::Ended(status) if !created::is_unable(program, status, &words) => {
                Ok(Ending::Exited(status))
            }
            _ => Err(created.not_started(program, &self.task.container.image, &words)),
        }
    }
}

impl Runner for Container<'_> {
    fn attempt(&self, watch: &Watch<'_>) -> Result<Ending, Refusal> {
        let ending = self.run(watch);
        self.reclaim();
        ending
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        if let Some(fence) = &self.fence {
            fence.take_away();
        }
    }
}
