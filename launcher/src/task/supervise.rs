//! A task's command from its start to the end of everything that it started.

mod tree;

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, WaitStatus, wait};

use super::output::{Form, Heard, Output, Stream};
use super::signals::Signals;
use crate::run::refusal::Refusal;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By itself, with this status.
    Exited(u8),
    /// By this signal, which somebody else sent.
    Killed(i32),
    /// By us, since its time was up.
    TimedOut,
    /// By us, since this signal asked us to end.
    Interrupted(i32),
}

/// Why there is no ending.
pub(crate) enum Failure {
    /// The command cannot be started.
    Start(io::Error),
    /// Something that it started cannot be ended.
    End(io::Error),
    /// What it printed could not be passed on.
    Output(io::Error),
}

impl Failure {
    /// As a refusal; `not_started` says which command it was.
    pub(crate) fn refusal(self, not_started: impl FnOnce(io::Error) -> Refusal) -> Refusal {
        match self {
            Self::Start(error) => not_started(error),
            Self::End(error) => Refusal::plain(error.to_string()),
            Self::Output(error) => {
                Refusal::plain(format!("what the task prints cannot be passed on: {error}"))
            }
        }
    }
}

/// Whose the processes are that a command starts.
pub(crate) enum Processes<'a> {
    /// Ours: all of them end with it, wherever they have gone.
    Ours,
    /// A container's: the command is its client.
    Container {
        /// Ends them; the client then ends by itself.
        stop: &'a dyn Fn(),
        /// What the client says on its standard error output.
        heard: Arc<Heard>,
    },
}

/// Starts a command and sees it to its end. When this returns, nothing that it started runs.
///
/// # Errors
/// Where it cannot be started, something that it started cannot be ended, or what it prints cannot
/// be passed on.
pub(crate) fn supervise(
    command: &mut Command,
    limit: Option<Duration>,
    processes: &Processes<'_>,
    signals: &Signals,
    form: Form,
) -> Result<Ending, Failure> {
    let ours = matches!(processes, Processes::Ours);
    if ours {
        // Whoever leaves its parent becomes our child, and so cannot leave us.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|errno| Failure::Start(errno.into()))?;
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: what it does to its group it does not do to us.
    let child = std::os::unix::process::CommandExt::process_group(command, 0).spawn();
    let mut child = child.map_err(Failure::Start)?;
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    let heard = match processes {
        Processes::Ours => None,
        Processes::Container { heard, .. } => Some(heard),
    };
    let output = Output::pass_on(streams(&mut child), form, heard);
    let mut main = Main { pid: Pid::from_child(&child), status: None };
    let asked = output.is_ok().then(|| main.wait(end, signals)).flatten();
    let cleared = match processes {
        Processes::Ours => tree::end(&mut main, signals),
        Processes::Container { stop, .. } => main.end_client(asked.is_some(), *stop, signals),
    };
    let passed_on = output.map_err(Failure::Start)?.finish();
    cleared.map_err(Failure::End)?;
    passed_on.map_err(Failure::Output)?;
    Ok(asked.unwrap_or_else(|| main.ending()))
}

fn streams(child: &mut Child) -> Vec<(Stream, OwnedFd)> {
    let out = child.stdout.take().map(|out| (Stream::Out, out.into()));
    let err = child.stderr.take().map(|err| (Stream::Err, err.into()));
    out.into_iter().chain(err).collect()
}

/// The command itself.
struct Main {
    pid: Pid,
    status: Option<WaitStatus>,
}

impl Main {
    /// Waits for its end, for the limit or for a signal; `None` if it ended by itself.
    fn wait(&mut self, end: Option<Instant>, signals: &Signals) -> Option<Ending> {
        loop {
            self.reap();
            if self.status.is_some() {
                return None;
            }
            if let Some(signal) = signals.asked() {
                return Some(Ending::Interrupted(signal));
            }
            if end.is_some_and(|end| Instant::now() >= end) {
                return Some(Ending::TimedOut);
            }
            signals.wait(end);
        }
    }

    /// Takes the statuses of all children that have ended; `false` when none is left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.pid => self.status = Some(status),
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Ends the container, and then sees its client end.
    fn end_client(&mut self, early: bool, stop: &dyn Fn(), signals: &Signals) -> io::Result<()> {
        if early {
            stop();
        }
        // A client whose container is gone has nothing left to wait for, and does not always see it.
        let patience = Instant::now() + tree::GRACE;
        // The news of its end may have come while we waited for another call.
        self.reap();
        while self.status.is_none() && Instant::now() < patience {
            signals.wait(Some(patience));
            self.reap();
        }
        if self.status.is_none() {
            rustix::process::kill_process(self.pid, rustix::process::Signal::KILL)?;
            while self.status.is_none() && self.reap() {
                signals.wait(Some(Instant::now() + tree::GRACE));
            }
        }
        Ok(())
    }

    fn ending(&self) -> Ending {
        let status = self.status.as_ref();
        if let Some(signal) = status.and_then(|status| status.terminating_signal()) {
            return Ending::Killed(signal);
        }
        let code = status.and_then(|status| status.exit_status());
        Ending::Exited(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
    }
}
