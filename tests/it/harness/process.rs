//! Running a command to its end, but never for ever.

use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The lines that this command added to the audit file, in order.
    pub(crate) audit: Vec<serde_json::Value>,
}

impl Outcome {
    /// The standard output without its last newline; the command must have succeeded.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        assert!(self.status.success(), "the command failed: {self:#?}");
        self.stdout.trim_end_matches('\n')
    }
}

/// Runs `command` to its end with these bytes on its standard input; past `limit` it is killed and
/// the test fails, naming `wait`, the thing that was waited for.
#[track_caller]
pub(crate) fn run(command: &mut Command, input: &[u8], limit: Duration, wait: &str) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // A command that ends without reading its input is no failure of the harness.
    thread::spawn(move || stdin.write_all(&input).ok());
    let stdout = collect(child.stdout.take().expect("piped"));
    let stderr = collect(child.stderr.take().expect("piped"));

    let end = Instant::now() + limit;
    let both = receive(&stdout, end).and_then(|out| Ok((out, receive(&stderr, end)?)));
    let Ok((stdout, stderr)) = both else {
        child.kill().expect("our own child");
        panic!("{command:?}: waited {limit:?} for {wait}");
    };
    let status = child.wait().expect("our own child");
    Outcome { status, stdout: text(&stdout), stderr: text(&stderr), audit: Vec::new() }
}

fn collect(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if from.read_to_end(&mut bytes).is_ok() {
            // The receiver is gone when the test has already failed.
            send.send(bytes).ok();
        }
    });
    receive
}

fn receive(from: &Receiver<Vec<u8>>, end: Instant) -> Result<Vec<u8>, RecvTimeoutError> {
    from.recv_timeout(end.saturating_duration_since(Instant::now()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
