//! A container from its creation to its removal.

use std::cell::Cell;
use std::ffi::OsString;
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use crate::exit;
use crate::run::refusal::Refusal;

/// How long a container may take to end by itself, in seconds.
const GRACE: &str = "2";
/// How long a container may be said to run after its client has ended.
const SETTLED: Duration = Duration::from_secs(2);

/// A container that is there; it is removed when this is dropped.
pub(super) struct Created<'a> {
    client: &'a Client<'a>,
    id: String,
    is_gone: Cell<bool>,
}

/// What has become of a container.
pub(super) enum Outcome {
    /// Its program was not started.
    NotStarted,
    /// It ended with this status.
    Ended(u8),
}

impl<'a> Created<'a> {
    /// Creates a container. Nothing interrupts that: from then on we hold its id.
    ///
    /// # Errors
    /// RF411 with the client's own words.
    pub(super) fn new(client: &'a Client<'a>, words: Vec<OsString>) -> Result<Self, Refusal> {
        let created = client.insist(words);
        let id = created.map_err(|reason| reason.noted(failed("created")))?;
        Ok(Self { client, id, is_gone: Cell::new(false) })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether we have removed it.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.get()
    }

    /// Ends all that runs in it, and removes it.
    pub(super) fn stop(&self) {
        // Where it does not run it need not be stopped; what follows ends it in any case.
        let _ = self.client.insist(["stop", "-t", GRACE, &self.id]);
        self.remove();
    }

    fn remove(&self) {
        if !self.is_gone.replace(true)
            && let Err(reason) = self.client.insist(["rm", "--force", "--volumes", &self.id])
        {
            let left = Refusal::plain(format!("the container {} cannot be removed", self.id));
            reason.noted(left).report(false);
        }
    }

    /// What has become of it, now that its client has ended.
    ///
    /// # Errors
    /// RF411 where it is no longer there, or where only the client has ended.
    pub(super) fn outcome(&self) -> Result<Outcome, Refusal> {
        let patience = Instant::now() + SETTLED;
        loop {
            let Some(said) = self.inspect("{{.State.Status}} {{.State.ExitCode}}") else {
                return Err(failed("looked at").note("it was removed by somebody else"));
            };
            let (state, code) = said.split_once(' ').unwrap_or_default();
            match (state, code.parse()) {
                ("created" | "configured" | "initialized", _) => return Ok(Outcome::NotStarted),
                ("exited" | "stopped" | "dead" | "removing", Ok(status)) => {
                    return Ok(Outcome::Ended(status));
                }
                ("running" | "stopping", _) if Instant::now() < patience => {
                    thread::sleep(SETTLED / 40);
                }
                _ => return Err(failed("seen to its end").note(format!("its state is `{state}`"))),
            }
        }
    }

    /// Why its program was not started: `words` are the client's, on the standard error output.
    pub(super) fn not_started(&self, program: &str, image: &str, words: &str) -> Refusal {
        let code = self.inspect("{{.State.ExitCode}}").and_then(|code| code.parse().ok());
        let help = format!("nothing was started: see whether the image `{image}` has `{program}`");
        match of_program(program, words).or(code) {
            Some(exit::NOT_FOUND) => {
                let what = format!("`{program}` was not found in the image `{image}`");
                Refusal::coded("RF411", what).help(help).status(exit::NOT_FOUND)
            }
            Some(exit::NOT_EXECUTABLE) => {
                let what = format!("`{program}` of the image `{image}` cannot be started");
                Refusal::coded("RF411", what).help(help).status(exit::NOT_EXECUTABLE)
            }
            _ => failed("started").help(help),
        }
    }

    fn inspect(&self, format: &str) -> Option<String> {
        self.client.insist(["inspect", "--format", format, &self.id]).ok()
    }
}

impl Drop for Created<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// RF411: what could not be done with a container.
pub(super) fn failed(what: &str) -> Refusal {
    Refusal::coded("RF411", format!("the container cannot be {what}"))
}

/// Whether a container that was started has ended since its program could not be: runc's last words
/// are then all that was said. A task that says the same has only itself to blame.
pub(super) fn is_unable(program: &str, status: u8, words: &str) -> bool {
    let reason = words.trim_end().strip_prefix(&last_words(program));
    matches!(status, 1 | 255)
        && reason.is_some_and(|reason| !reason.contains('\n') && why(reason).is_some())
}

fn last_words(program: &str) -> String {
    format!("exec {program}: ")
}

/// The exit status for what a runtime says about the program itself. runc names it as
/// `exec: "PROGRAM": …`, crun as `` executable file `PROGRAM` ``.
fn of_program(program: &str, words: &str) -> Option<u8> {
    let named = [
        format!("exec: \"{program}\""),
        format!("executable file `{program}`"),
        last_words(program),
    ];
    let line = words.lines().find(|line| named.iter().any(|name| line.contains(name)))?;
    why(line)
}

/// The exit status for a reason.
fn why(line: &str) -> Option<u8> {
    let line = line.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| line.contains(words));
    if says(&["permission denied", "is a directory", "exec format error"]) {
        Some(exit::NOT_EXECUTABLE)
    } else if says(&["no such file", "not found"]) {
        Some(exit::NOT_FOUND)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_says_what_is_wrong_with_the_program() {
        for (words, status) in [
            (
                "runc: exec: \"/bin/p\": stat /bin/p: no such file or directory: OCI not found",
                Some(127),
            ),
            ("exec: \"/bin/p\": executable file not found in $PATH: unknown", Some(127)),
            ("crun: executable file `/bin/p` not found: No such file or directory", Some(127)),
            ("runc: exec: \"/bin/p\": permission denied: OCI permission denied", Some(126)),
            ("exec: \"/bin/p\": is a directory: permission denied", Some(126)),
            ("exec /bin/p: exec format error\n", Some(126)),
            ("exec /bin/p: no such file or directory\n", Some(127)),
            ("mounting \"/bin/p\": no such file or directory", None),
            ("cannot connect to the daemon", None),
        ] {
            assert_eq!(of_program("/bin/p", words), status, "{words}");
        }
    }
    #[test]
    fn a_program_that_runs_and_says_such_a_thing_is_not_taken_for_one_that_does_not() {
        let words = "exec /bin/p: exec format error\n";
        for (status, words, expected) in [
            (1, words, true),
            (255, words, true),
            (1, "exec /bin/p: no such file or directory\r\n", true),
            (2, words, false),
            (1, "said\nexec /bin/p: exec format error\n", false),
            (1, "exec /bin/p: exec format error\nsaid\n", false),
            (1, "exec /bin/q: exec format error\n", false),
            (1, "exec /bin/p: something else\n", false),
            (1, "", false),
        ] {
            assert_eq!(is_unable("/bin/p", status, words), expected, "{status} {words}");
        }
    }
}
