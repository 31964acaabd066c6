//! The task runners.

pub(crate) mod container;
pub(crate) mod process;

use std::time::Duration;

use super::output::Form;
use super::signals::Signals;
use super::supervise::Ending;
use crate::run::refusal::Refusal;

/// What every attempt is seen to its end with.
pub(crate) struct Watch<'a> {
    /// The longest that it may take.
    pub(crate) limit: Option<Duration>,
    /// What asks us to end.
    pub(crate) signals: &'a Signals,
    /// How its output is passed on.
    pub(crate) form: Form,
}

/// Something that a task can be started in, as often as it takes.
pub(crate) trait Runner {
    /// One attempt, from its start to the end of all that it started.
    ///
    /// # Errors
    /// Where it cannot be started.
    fn attempt(&self, watch: &Watch<'_>) -> Result<Ending, Refusal>;
}
