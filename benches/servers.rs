//! Processes that make one call in a loop, a batch at a time, on request.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;
use crate::sample::Sample;

/// The nanoseconds of a batch of calls: shorter than a slice of the scheduler, so that most are not
/// interrupted.
pub(crate) const SHORT: f64 = 300_000.0;

/// The same where a batch begins with the start of its threads, which must not count.
pub(crate) const LONG: f64 = 20_000_000.0;

/// A loop program: takes a number on its standard input, makes so many calls, answers with the
/// nanoseconds that they took.
pub(crate) struct Server {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    batch: f64,
    /// Whether the call that it loops over is defined by the shim.
    pub(crate) hooked: bool,
}

impl Server {
    /// Starts the program and waits until it is ready; a batch is to take so many nanoseconds.
    ///
    /// # Errors
    /// When it cannot be started, or ends at once.
    pub(crate) fn start(mut command: Command, batch: f64) -> Result<Server> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut server = Server { child, requests, answers, batch, hooked: false };
        server.hooked = match server.line()?.as_str() {
            "shim" => true,
            "libc" => false,
            // A program that cannot say who defines its call: whether the shim is in it decides.
            _ => server.mapped("libringfence")?,
        };
        Ok(server)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn mapped(&self, library: &str) -> Result<bool> {
        Ok(fs::read_to_string(format!("/proc/{}/maps", self.id()))?.contains(library))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the loop program ended".into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn batch(&mut self, calls: u64) -> Result<f64> {
        let requests = self.requests.as_mut().ok_or("no standard input")?;
        requests.write_all(format!("{calls}\n").as_bytes())?;
        Ok(self.line()?.parse::<f64>()?)
    }
}

impl Sample for Server {
    fn calibrate(&mut self) -> Result<u64> {
        let mut calls = 1;
        while self.batch(calls)? < self.batch * 0.7 {
            calls *= 2;
        }
        Ok(calls)
    }

    fn take(&mut self, calls: u64) -> Result<f64> {
        Ok(self.batch(calls)? / calls as f64)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends the program; the next round must not run beside it.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}

/// The memory of a loop program that waits, as a sample.
pub(crate) struct Memory(pub(crate) Server);

impl Sample for Memory {
    fn take(&mut self, _calls: u64) -> Result<f64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.id()))?;
        let line = rollup.lines().find(|line| line.starts_with("Pss:")).ok_or("no Pss")?;
        let kibibytes: f64 = line.split_whitespace().nth(1).ok_or("no Pss")?.parse()?;
        Ok(kibibytes * 1024.0)
    }
}
