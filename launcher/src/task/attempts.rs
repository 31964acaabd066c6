//! The attempts of a task, from the first to the one that is the last.

use std::time::Instant;

use super::outputs::{self, Destination};
use super::plan::{Plan, Runner};
use super::progress::{self, Progress};
use super::room::Room;
use super::runner::{self, Watch};
use super::signals::Signals;
use super::supervise::Ending;
use crate::run::refusal::Refusal;

/// The attempts of a task.
pub(super) struct Attempts<'a> {
    /// What is started.
    pub(super) plan: &'a Plan,
    /// Where.
    pub(super) room: &'a Room,
    /// Who is told.
    pub(super) progress: &'a Progress,
    /// What asks us to end.
    pub(super) signals: &'a Signals,
    /// Where output files go.
    pub(super) to: Option<&'a Destination>,
}

impl Attempts<'_> {
    /// As many as it takes, each in a room that is empty but for the input files.
    ///
    /// # Errors
    /// Where one cannot be started, or its output files cannot be kept.
    pub(super) fn run(&self, runner: &impl runner::Runner) -> Result<u8, Refusal> {
        let (plan, begin) = (self.plan, Instant::now());
        let watch = Watch { limit: plan.timeout, signals: self.signals, form: self.progress.form };
        plan.notes.iter().for_each(|note| self.progress.note(note));
        let mut attempts = 1;
        loop {
            if let Some(signal) = self.signals.asked() {
                return self.end(attempts - 1, Ending::Interrupted(signal));
            }
            let ending = runner.attempt(&watch)?;
            let failed = !matches!(ending, Ending::Exited(0) | Ending::Interrupted(_));
            let retry = plan.retry.as_ref().filter(|_| failed);
            let pause = retry.and_then(|retry| retry.next(attempts, begin.elapsed(), chance()));
            let Some(pause) = pause else { return self.end(attempts, ending) };
            self.progress.again(attempts, ending, pause);
            self.signals.pause(pause);
            let shared = matches!(plan.runner, Runner::Container(_));
            self.room.furnish(&plan.files, shared)?;
            attempts += 1;
        }
    }

    fn end(&self, attempts: u32, ending: Ending) -> Result<u8, Refusal> {
        let mut kept = Vec::new();
        if ending == Ending::Exited(0) && !self.plan.outputs.is_empty() {
            match self.to {
                Some(to) => kept = outputs::collect(&self.room.work(), &self.plan.outputs, to)?,
                None => self.progress.note("its output files are not kept: give `--output DIR`"),
            }
        }
        self.progress.end(attempts, ending, &kept);
        Ok(progress::status(ending))
    }
}

/// A number between 0 and 1 that nobody foresees.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    let flags = rustix::rand::GetRandomFlags::empty();
    // Without random bytes the pause is the shortest.
    let _ = rustix::rand::getrandom(&mut bytes, flags);
    f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX)
}
