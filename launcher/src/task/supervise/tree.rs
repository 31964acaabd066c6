//! Everything that a command started, and its end.
//!
//! We are the subreaper of the command: a process whose parent ends becomes our child, whatever
//! session or group it has made for itself. So nothing is left exactly when we have no child. Until
//! then every descendant gets a signal, again and again: one that is forked while we look is found
//! the next time, and a process that has SIGKILL forks no more.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

use super::Main;
use crate::task::signals::Signals;

/// How long processes may take to end by themselves once they are asked to.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// How long the kernel may take to end a process. One in the middle of a read from a file server
/// that does not answer cannot be ended by anybody.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before looking again for those that have just been forked.
const AGAIN: Duration = Duration::from_millis(20);

/// Ends all children and theirs.
///
/// # Errors
/// Where one of them cannot be ended.
pub(super) fn end(main: &mut Main, signals: &Signals) -> io::Result<()> {
    let begin = Instant::now();
    let mut asked = HashSet::new();
    while main.reap() {
        let waited = begin.elapsed();
        if waited > GRACE + PATIENCE {
            return Err(io::Error::other("a process that the task started cannot be ended"));
        }
        for process in descendants(getpid().as_raw_nonzero().get()) {
            if waited > GRACE {
                process.send(Signal::KILL);
            } else if asked.insert(process) {
                process.send(Signal::TERM);
                // One that is stopped hears nothing.
                process.send(Signal::CONT);
            }
        }
        signals.wait(Some(Instant::now() + AGAIN));
    }
    Ok(())
}

/// A process, told apart from a later one of the same number by when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Process {
    number: i32,
    began: u64,
}

impl Process {
    /// Sends a signal to this process and to no other that has got its number meanwhile: what the
    /// descriptor names is looked at after it has been opened.
    fn send(self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.number) else { return };
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if facts(self.number).is_some_and(|facts| facts.process == self) {
            // One that has just ended needs no signal.
            let _ = pidfd_send_signal(process, signal);
        }
    }
}

/// What `/proc/PID/stat` says of a process.
struct Facts {
    process: Process,
    parent: i32,
}

/// All processes whose parent is this one, or one of them.
fn descendants(of: i32) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for facts in numbers().filter_map(facts) {
        children.entry(facts.parent).or_default().push(facts.process);
    }
    let mut found = Vec::new();
    let mut next = vec![of];
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            next.push(child.number);
            found.push(child);
        }
    }
    found
}

fn numbers() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn facts(number: i32) -> Option<Facts> {
    let stat = std::fs::read(format!("/proc/{number}/stat")).ok()?;
    parse(number, &stat)
}

/// `PID (NAME) STATE PARENT …`, where the name may hold anything, and the 22nd field is the start.
fn parse(number: i32, stat: &[u8]) -> Option<Facts> {
    let behind = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let fields = std::str::from_utf8(stat.get(behind..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let began = fields.nth(17)?.parse().ok()?;
    Some(Facts { process: Process { number, began }, parent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_misleads_nobody() {
        let stat = b"42 (a) S 1 (b) c) S 7 42 42 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 991 5 6";
        let facts = parse(42, stat).expect("facts");
        assert_eq!((facts.parent, facts.process.began), (7, 991));
        assert!(parse(42, b"42 (a").is_none());
        assert!(parse(42, b"42 (a) S 7").is_none());
    }

    #[test]
    fn a_child_and_its_child_are_found() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "cat & echo; wait"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("sh starts");
        // A shell gives what it starts in the background no input of ours, so this cat has ended or
        // ends soon; the shell itself is there until we have waited for it.
        let number = i32::try_from(child.id()).expect("a number");
        let found = descendants(getpid().as_raw_nonzero().get());
        assert!(found.iter().any(|process| process.number == number));
        child.kill().expect("our own child");
        child.wait().expect("our own child");
    }

    #[test]
    fn another_process_of_the_same_number_gets_no_signal() {
        let mut child =
            std::process::Command::new("sleep").arg("600").spawn().expect("sleep starts");
        let number = i32::try_from(child.id()).expect("a number");
        let facts = facts(number).expect("it runs");
        Process { began: facts.process.began + 1, ..facts.process }.send(Signal::KILL);
        assert!(child.try_wait().expect("our own child").is_none());
        facts.process.send(Signal::KILL);
        assert!(!child.wait().expect("our own child").success());
    }
}
