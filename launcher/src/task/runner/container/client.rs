//! `podman` or `docker`, called as a person would.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::refusal::Refusal;
use crate::run::target;
use crate::task::signals::Signals;

/// Names the client, by a path or by a name on the path.
const VARIABLE: &str = "RINGFENCE_CONTAINER_CLI";
/// The clients that are looked for, in this order: the first one needs no daemon.
const CLIENTS: [&str; 2] = ["podman", "docker"];

/// How long a call that makes or removes a container may take once something asks us to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The client.
pub(super) struct Client<'a> {
    program: PathBuf,
    signals: &'a Signals,
}

/// Why a call failed.
pub(super) struct Failure {
    /// The exit status, where it has one.
    pub(super) status: Option<i32>,
    /// What it said.
    pub(super) words: String,
}

impl Failure {
    /// The words as notes of a refusal.
    pub(super) fn noted(&self, refusal: Refusal) -> Refusal {
        let lines = self.words.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.fold(refusal, Refusal::note)
    }
}

impl<'a> Client<'a> {
    /// The client that the environment names, else the first one that is installed.
    ///
    /// # Errors
    /// RF411 where there is none.
    pub(super) fn find(signals: &'a Signals) -> Result<Self, Refusal> {
        let path = || std::env::var_os("PATH");
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
        let program = match named {
            Some(name) => target::find(&name, path()).map_err(|_| {
                let what = format!("{VARIABLE} names `{}`, which is not there", name.display());
                Refusal::coded("RF411", what).help("nothing was started: name podman or docker")
            })?,
            None => {
                let found =
                    CLIENTS.iter().find_map(|name| target::find(name.as_ref(), path()).ok());
                found.ok_or_else(|| {
                    Refusal::coded(
                        "RF411",
                        "the task runs in a container, and neither podman nor docker is installed",
                    )
                    .help(format!(
                        "nothing was started: install one of them, or name it by {VARIABLE}"
                    ))
                })?
            }
        };
        Ok(Self { program, signals })
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether it runs containers itself, without a daemon.
    pub(super) fn is_podman(&self) -> bool {
        self.program.file_name() == Some(OsStr::new(CLIENTS[0]))
    }

    /// A call that is not made yet. The client works in our own environment, never in the task's.
    pub(super) fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words);
        command
    }

    /// Makes a call and gives what it printed last; a signal that asks us to end ends it.
    ///
    /// # Errors
    /// Where it fails or is ended.
    pub(super) fn call<W: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = W>,
    ) -> Result<String, Failure> {
        self.finish(self.command(words), Duration::ZERO)
    }

    /// The same, whatever asks us to end: what makes or removes a container is seen to its end,
    /// unless its daemon does not answer.
    ///
    /// # Errors
    /// Where it fails.
    pub(super) fn insist<W: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = W>,
    ) -> Result<String, Failure> {
        self.finish(self.command(words), PATIENCE)
    }

    /// `patience` is how long the call may go on once something asks us to end.
    fn finish(&self, mut command: Command, patience: Duration) -> Result<String, Failure> {
        let failed = |words: String| Failure { status: None, words };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let group = std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = group.spawn().map_err(|error| failed(error.to_string()))?;
        let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let mut end = None;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) => {}
                Err(error) => return Err(failed(error.to_string())),
            }
            if self.signals.asked().is_some() {
                let now = Instant::now();
                if *end.get_or_insert(now + patience) <= now {
                    // It has ended by itself meanwhile, or it ends now.
                    let _ = child.kill();
                    end = Some(now + PATIENCE);
                }
            }
            self.signals.wait(end);
        };
        let (out, err) = (joined(out), joined(err));
        if status.success() {
            return Ok(out.trim().lines().next_back().unwrap_or_default().to_owned());
        }
        Err(Failure { status: status.code(), words: err })
    }
}

type Collected = Option<thread::JoinHandle<String>>;

fn collect(from: Option<impl Read + Send + 'static>) -> Collected {
    let mut from = from?;
    Some(thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is better than nothing.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }))
}

fn joined(thread: Collected) -> String {
    thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
}

/// A word of a call.
pub(super) fn word(text: impl AsRef<OsStr>) -> OsString {
    text.as_ref().to_owned()
}
