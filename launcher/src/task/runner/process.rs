//! A process of this machine, with the shim loaded.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::Errno;

use super::{Runner, Watch};
use crate::cli;
use crate::run::environment::Variables;
use crate::run::policy::Loaded;
use crate::run::refusal::Refusal;
use crate::run::{self, Raised, guard, target};
use crate::task::plan::Plan;
use crate::task::room::Room;
use crate::task::supervise::{Ending, Processes, supervise};

/// A fenced process; without a fence where the mode is off.
pub(crate) struct Process<'a> {
    plan: &'a Plan,
    room: &'a Room,
    program: PathBuf,
    environment: Variables,
    raised: Option<Raised>,
}

impl<'a> Process<'a> {
    /// Finds the interpreter and proves the fence.
    ///
    /// # Errors
    /// Where either cannot be had; nothing has been started then.
    pub(crate) fn new(
        (plan, room): (&'a Plan, &'a Room),
        loaded: &mut Loaded,
        (options, mode): (&cli::Run, cli::Mode),
        environment: Variables,
    ) -> Result<Self, Refusal> {
        // What is found, and what the fence says of it, is judged from where the task begins.
        enter(&room.work())?;
        let path = environment.iter().find(|(name, _)| name == "PATH");
        let words = plan.words.first().map(OsString::from).unwrap_or_default();
        let program = target::find(&words, path.map(|(_, value)| value.clone()))?;
        if mode == cli::Mode::Off {
            return Ok(Self { plan, room, program, environment, raised: None });
        }
        // What the host's libraries need is not what a task needs.
        loaded.kestra = false;
        loaded.policy.rules.extend(room.rules());
        loaded.policy.rules.push(guard::environments());
        let raised = run::raise(&program, options, loaded, mode, environment)?.of_others();
        raised.prove()?;
        raised.announce(loaded, &program, options);
        let environment = raised.environment.clone();
        Ok(Self { plan, room, program, environment, raised: Some(raised) })
    }
}

/// Goes into a directory.
fn enter(directory: &Path) -> Result<(), Refusal> {
    std::env::set_current_dir(directory).map_err(|error| {
        Refusal::plain(format!("cannot change to `{}`: {error}", directory.display()))
    })
}

impl Runner for Process<'_> {
    fn attempt(&self, watch: &Watch<'_>) -> Result<Ending, Refusal> {
        let mut command = Command::new(&self.program);
        command.args(self.plan.words.iter().skip(1)).env_clear().current_dir(self.room.work());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let ended =
            supervise(&mut command, watch.limit, &Processes::Ours, watch.signals, watch.form);
        ended.map_err(|failure| {
            failure.refusal(|error| {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
                target::not_startable(self.program.as_os_str(), errno)
            })
        })
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        // The room is about to be removed, and nobody can be in it then.
        let _ = std::env::set_current_dir("/");
        if let Some(raised) = &self.raised {
            // No other task has this image, which has the name of the room in its rules.
            let _ = std::fs::remove_file(&raised.image);
        }
    }
}
