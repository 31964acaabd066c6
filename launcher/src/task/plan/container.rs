//! The Docker runner's properties.

use crate::defaults::{Node, Origin};
use crate::run::refusal::Refusal;

use super::Runner;
use super::fields::{Fields, wrong};

/// What a container is made of.
#[derive(Debug)]
pub(crate) struct Container {
    /// The image.
    pub(crate) image: String,
    /// When the image is fetched.
    pub(crate) pull: Pull,
    /// The user in it, as `--user` takes one.
    pub(crate) user: Option<String>,
    /// What comes before the words of the task.
    pub(crate) entry_point: Vec<String>,
    /// The network, as `--network` takes one.
    pub(crate) network: Option<String>,
    /// Places of this machine or named volumes, as `--volume` takes them.
    pub(crate) volumes: Vec<String>,
    /// Whether these are a policy's, and so need no judging.
    pub(crate) volumes_by_policy: bool,
    /// More host names, as `--add-host` takes them.
    pub(crate) hosts: Vec<String>,
    /// The number of processors.
    pub(crate) cpus: Option<String>,
    /// The most memory.
    pub(crate) memory: Option<String>,
    /// The size of /dev/shm.
    pub(crate) shared_memory: Option<String>,
    /// Whether it may do what this machine's root may.
    pub(crate) privileged: bool,
    /// The variables that the runner sets.
    pub(crate) environment: Vec<(String, String)>,
}

/// When an image is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Before each start.
    Always,
    /// When it is not there.
    Missing,
    /// Never.
    Never,
}

/// What is done here, and what makes no difference to one run.
#[rustfmt::skip]
const PROPERTIES: [&str; 19] = [
    "type", "version", "image", "user", "entryPoint", "networkMode", "volumes", "extraHosts", "cpu", "memory",
    "shmSize", "pullPolicy", "privileged", "env",
    // A container and its directory never outlive their task, and are always waited for.
    "delete", "wait", "resume", "fileHandlingStrategy", "killGracePeriod",
];

impl Container {
    /// The runner of a task.
    ///
    /// # Errors
    /// Where a property cannot be done.
    pub(super) fn read(task: &Fields<'_>, runner: &Fields<'_>) -> Result<Runner, Refusal> {
        let image = task.text("containerImage")?;
        let image = image.map_or_else(|| runner.text("image"), |image| Ok(Some(image)))?;
        Self::from(image, task, runner)
    }

    /// The runner of a task without `taskRunner`, from `containerImage` and the older `docker`.
    ///
    /// # Errors
    /// Where a property cannot be done.
    pub(super) fn legacy(task: &Fields<'_>) -> Result<Runner, Refusal> {
        let Some(docker) = task.map("docker")? else {
            return Self::from(task.text("containerImage")?, task, task);
        };
        let image = docker.text("image")?;
        let image = image.map_or_else(|| task.text("containerImage"), |image| Ok(Some(image)))?;
        Self::from(image, task, &docker)
    }

    fn from(
        image: Option<String>,
        task: &Fields<'_>,
        runner: &Fields<'_>,
    ) -> Result<Runner, Refusal> {
        let Some(image) = image.filter(|image| !image.is_empty()) else {
            return Err(wrong("containerImage", "is missing")
                .help("name the image that the container is made of"));
        };
        if image.starts_with('-') {
            return Err(wrong("containerImage", &format!("is `{image}`, no name of an image")));
        }
        // Without a runner of its own there is nothing but the image.
        if std::ptr::eq(task, runner) {
            return Ok(Runner::Container(Box::new(Self::plain(image))));
        }
        runner.only(&PROPERTIES)?;
        let part = |map: &str, key: &str| match runner.map(map)? {
            Some(map) => {
                map.only(&[key])?;
                map.text(key)
            }
            None => Ok(None),
        };
        let entry_point = runner.texts("entryPoint")?.unwrap_or_default();
        Ok(Runner::Container(Box::new(Self {
            pull: pull(runner)?,
            user: runner.text("user")?,
            entry_point: entry_point.into_iter().filter(|word| !word.is_empty()).collect(),
            network: runner.text("networkMode")?,
            volumes: runner.texts("volumes")?.unwrap_or_default(),
            volumes_by_policy: runner.get("volumes").is_some_and(by_policy),
            hosts: runner.texts("extraHosts")?.unwrap_or_default(),
            cpus: part("cpu", "cpus")?,
            memory: part("memory", "memory")?,
            shared_memory: runner.text("shmSize")?,
            privileged: privileged(runner)?,
            environment: runner.entries("env")?,
            ..Self::plain(image)
        })))
    }

    /// A container with nothing but its image.
    fn plain(image: String) -> Self {
        Self {
            image,
            pull: Pull::Missing,
            user: None,
            entry_point: Vec::new(),
            network: None,
            volumes: Vec::new(),
            volumes_by_policy: false,
            hosts: Vec::new(),
            cpus: None,
            memory: None,
            shared_memory: None,
            privileged: false,
            environment: Vec::new(),
        }
    }
}

fn pull(runner: &Fields<'_>) -> Result<Pull, Refusal> {
    match runner.text("pullPolicy")?.as_deref() {
        None | Some("IF_NOT_PRESENT") => Ok(Pull::Missing),
        Some("ALWAYS") => Ok(Pull::Always),
        Some("NEVER") => Ok(Pull::Never),
        Some(other) => Err(wrong(
            &runner.name("pullPolicy"),
            &format!("is `{other}`: it is one of ALWAYS, IF_NOT_PRESENT, NEVER"),
        )),
    }
}

/// Whether nothing in a value is the author's.
fn by_policy(node: &Node) -> bool {
    let whole = node.origin != Origin::Author;
    whole && node.list().unwrap_or_default().iter().all(by_policy)
}

/// A privileged container is this machine, so it is no isolation. Where a policy forces the
/// container, the author of the flow cannot take back what it is for.
fn privileged(runner: &Fields<'_>) -> Result<bool, Refusal> {
    let privileged = runner.boolean("privileged")? == Some(true);
    let by_author = |key| runner.get(key).is_some_and(|node: &Node| node.origin == Origin::Author);
    if privileged && by_author("privileged") && runner.get("type").is_some() && !by_author("type") {
        return Err(wrong(
            &runner.name("privileged"),
            "is the author's, and the runner is a policy's",
        )
        .help("set `privileged` in the entry that gives the runner, or take it out of the flow"));
    }
    Ok(privileged)
}
