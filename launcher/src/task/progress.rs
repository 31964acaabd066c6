//! What is said about a task: to a person on the standard error output, or to a program as JSON
//! lines on the standard output.

use std::time::Duration;

use serde_json::json;

use super::output::{Form, event};
use super::supervise::Ending;
use crate::cli;
use crate::exit;
use crate::run::refusal::printable;
use crate::run::report::write;

/// A property that an entry of defaults gave to the task.
pub(crate) struct Given {
    /// Where in the flow it stands.
    pub(crate) property: String,
    /// Whether it was forced.
    pub(crate) forced: bool,
    /// The entries, each as `file:line:column`.
    pub(crate) by: Vec<String>,
}

/// Who is told, and how.
pub(crate) struct Progress {
    /// How output is passed on.
    pub(crate) form: Form,
    /// Only what is wrong is said.
    pub(crate) quiet: bool,
    /// The task.
    pub(crate) task: String,
}

impl Progress {
    /// What the task is and where it will run.
    pub(crate) fn begin(&self, class: &str, runner: &str, given: &[Given]) {
        if self.form == Form::Json {
            let given: Vec<_> = given
                .iter()
                .map(|g| json!({ "property": g.property, "forced": g.forced, "entries": g.by }))
                .collect();
            self.tell(json!({ "event": "begin", "task": self.task, "type": class, "runner": runner, "defaults": given }));
            return;
        }
        self.say(&format!("{class}, {runner}"));
        for given in given.iter().filter(|given| given.forced) {
            self.say(&format!("`{}` is forced by {}", given.property, given.by.join(", ")));
        }
    }

    /// Something to know.
    pub(crate) fn note(&self, note: &str) {
        if self.form == Form::Json {
            self.tell(json!({ "event": "note", "task": self.task, "message": note }));
        } else {
            self.say(note);
        }
    }

    /// An attempt has failed, and another one follows.
    pub(crate) fn again(&self, attempt: u32, ending: Ending, pause: Duration) {
        let seconds = pause.as_secs_f64();
        if self.form == Form::Json {
            let (outcome, status) = (outcome(ending), status(ending));
            self.tell(json!({ "event": "retry", "task": self.task, "attempt": attempt, "outcome": outcome, "status": status, "seconds": seconds }));
        } else {
            self.say(&format!("attempt {attempt} {}; again in {seconds} s", described(ending)));
        }
    }

    /// The end.
    pub(crate) fn end(&self, attempts: u32, ending: Ending, outputs: &[String]) {
        if self.form == Form::Json {
            let (outcome, status) = (outcome(ending), status(ending));
            self.tell(json!({ "event": "end", "task": self.task, "attempts": attempts, "outcome": outcome, "status": status, "outputs": outputs }));
            return;
        }
        if !outputs.is_empty() {
            self.say(&format!("kept {}", outputs.join(", ")));
        }
        if ending != Ending::Exited(0) {
            let times =
                if attempts > 1 { format!(" after {attempts} attempts") } else { String::new() };
            self.say(&format!("{}{times}", described(ending)));
        }
    }

    fn say(&self, what: &str) {
        if !self.quiet {
            write(&printable(&format!("ringfence: task {}: {what}", self.task)));
        }
    }

    fn tell(&self, what: serde_json::Value) {
        // Where nobody reads, the exit status still tells.
        let _ = event(&what);
    }
}

/// The last line where a task was not started, or could not be ended as it should: the reason is
/// a JSON line of its own, on the standard error output.
pub(crate) fn refused(task: Option<&str>, status: u8) {
    // Where nobody reads, the exit status still tells.
    let _ = event(&json!({ "event": "end", "task": task, "outcome": "refused", "status": status }));
}

/// The exit status for an ending: the command's own, as env(1) and timeout(1) give them.
pub(crate) fn status(ending: Ending) -> u8 {
    let signal = |signal: i32| u8::try_from(128 + signal).unwrap_or(u8::MAX);
    match ending {
        Ending::Exited(code) => code,
        Ending::Killed(number) | Ending::Interrupted(number) => signal(number),
        Ending::TimedOut => exit::TIMED_OUT,
    }
}

fn outcome(ending: Ending) -> &'static str {
    match ending {
        Ending::Exited(_) => "exited",
        Ending::Killed(_) => "killed",
        Ending::TimedOut => "timeout",
        Ending::Interrupted(_) => "interrupted",
    }
}

fn described(ending: Ending) -> String {
    match ending {
        Ending::Exited(code) => format!("ended with status {code}"),
        Ending::Killed(signal) => format!("was ended by signal {signal}"),
        Ending::TimedOut => "was ended: its time was up".into(),
        Ending::Interrupted(signal) => format!("was ended: we got signal {signal}"),
    }
}

/// The words for a mode that puts no fence up.
pub(crate) fn unfenced(mode: cli::Mode) -> &'static str {
    if mode == cli::Mode::Off {
        "a local process WITHOUT a fence: the mode is off"
    } else {
        "a local process, fenced"
    }
}
