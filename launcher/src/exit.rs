//! The exit statuses of `ringfence`, as env(1), timeout(1) and `docker run` have them.

/// The question was answered with yes, or there was nothing to say.
pub(crate) const YES: u8 = 0;
/// The question was answered with no, or a forced value overrode an author's.
pub(crate) const NO: u8 = 1;
/// The question could not be answered: a wrong option, a file that cannot be read.
pub(crate) const NO_ANSWER: u8 = 2;

/// `task` ended the command because its time was up.
pub(crate) const TIMED_OUT: u8 = 124;
/// `run` did not start the command, and ringfence itself is the reason.
pub(crate) const NOT_FENCED: u8 = 125;
/// `run` found the command, but it cannot be started.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// `run` did not find the command.
pub(crate) const NOT_FOUND: u8 = 127;

/// The status for a mistake in the arguments, which depends on the subcommand:
/// a supervisor must be able to tell a worker's own 2 from ours.
pub(crate) fn usage(subcommand: &str) -> u8 {
    if matches!(subcommand, "run" | "task") { NOT_FENCED } else { NO_ANSWER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_option_of_run_is_never_taken_for_the_workers_status() {
        assert_eq!(usage("run"), 125);
        assert_eq!(usage("task"), 125);
        assert_eq!(usage("check"), 2);
    }
}
