//! What a task prints, passed on line by line while it runs.
//!
//! A thread for each stream, so that a reader of ours who is slow holds up the task and nothing
//! else: time limits and signals go on being heard.

use std::io::{Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use serde_json::json;

/// The longest line that is kept together.
const LONGEST: usize = 64 * 1024;

/// A stream of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Its standard output.
    Out,
    /// Its standard error output.
    Err,
}

/// How lines are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are, to the stream of ours that each came from.
    Text,
    /// As JSON lines, to the standard output.
    Json,
}

/// The end of what was heard on the standard error output, beside passing it on.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<u8>>);

impl Heard {
    /// As much as an error message takes.
    const MOST: usize = 4096;

    fn add(&self, line: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.extend_from_slice(line);
        let over = heard.len().saturating_sub(Self::MOST);
        heard.drain(..over);
    }

    /// The words, as far as they are text.
    pub(crate) fn text(&self) -> String {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&heard).into_owned()
    }
}

/// The streams of a task that are being passed on.
pub(crate) struct Output {
    threads: Vec<JoinHandle<std::io::Result<()>>>,
    /// Closed when nothing more can come.
    end: OwnedFd,
}

impl Output {
    /// Begins to pass on the streams; `heard` keeps the end of the standard error output.
    ///
    /// # Errors
    /// Where the kernel has no pipe or no thread to give.
    pub(crate) fn pass_on(
        streams: impl IntoIterator<Item = (Stream, OwnedFd)>,
        form: Form,
        heard: Option<&Arc<Heard>>,
    ) -> std::io::Result<Self> {
        let (ended, end) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let threads = streams.into_iter().map(|(stream, from)| {
            rustix::io::ioctl_fionbio(&from, true)?;
            let ended = ended.try_clone()?;
            let heard = heard.filter(|_| stream == Stream::Err).cloned();
            let pass = move |line: &[u8]| {
                heard.as_ref().into_iter().for_each(|heard| heard.add(line));
                write(stream, form, line)
            };
            thread::Builder::new().spawn(move || copy(from, &ended, pass))
        });
        let threads = threads.collect::<std::io::Result<_>>()?;
        Ok(Self { threads, end })
    }

    /// Says that nothing of the task runs any more, and waits until all that it printed is passed
    /// on. Whoever else has got hold of a stream is not waited for.
    ///
    /// # Errors
    /// Where something could not be passed on, although somebody would have read it.
    pub(crate) fn finish(self) -> std::io::Result<()> {
        drop(self.end);
        // All are waited for. None ever panics; if one did, the lines before were passed on.
        let ends: Vec<_> = self.threads.into_iter().map(JoinHandle::join).collect();
        ends.into_iter().filter_map(Result::ok).collect()
    }
}

/// Passes on whole lines until the stream ends, nothing more can come, or nobody reads.
fn copy(
    from: OwnedFd,
    ended: &OwnedFd,
    write: impl Fn(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut from = std::fs::File::from(from);
    let mut lines = Lines::default();
    let mut bytes = vec![0; LONGEST];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => {
                if let Err(error) = lines.add(&bytes[..length], &write) {
                    // Closing our end tells the task, as a closed pipe does.
                    return unless_nobody_reads(error);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if !wait(&from, ended) {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    lines.finish(&write).or_else(unless_nobody_reads)
}

/// That nobody reads is no fault: whoever went away knows.
fn unless_nobody_reads(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

/// Waits for more; `false` when there is none and nothing more can come.
fn wait(from: &impl AsFd, ended: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(from, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
    if poll(&mut fds, None).is_err() {
        return true;
    }
    let [more, over] = fds.map(|fd| !fd.revents().is_empty());
    more || !over
}

/// Bytes to lines.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Passes on the lines that these bytes complete.
    fn add(
        &mut self,
        bytes: &[u8],
        write: &impl Fn(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.begun.extend_from_slice(piece);
            let whole = piece.ends_with(b"\n") || self.begun.len() >= LONGEST;
            if whole {
                write(&std::mem::take(&mut self.begun))?;
            }
        }
        Ok(())
    }

    /// Passes on what stands behind the last line.
    fn finish(self, write: &impl Fn(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
        if self.begun.is_empty() { Ok(()) } else { write(&self.begun) }
    }
}

/// Writes a line.
fn write(stream: Stream, form: Form, line: &[u8]) -> std::io::Result<()> {
    match (form, stream) {
        (Form::Text, Stream::Out) => whole(std::io::stdout().lock(), line),
        (Form::Text, Stream::Err) => whole(std::io::stderr().lock(), line),
        (Form::Json, _) => {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
            let name = if stream == Stream::Out { "stdout" } else { "stderr" };
            event(&json!({ "event": "output", "stream": name, "line": text }))
        }
    }
}

fn whole(mut to: impl std::io::Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// Writes an event as a JSON line to the standard output.
///
/// # Errors
/// Where nobody reads it.
pub(crate) fn event(event: &serde_json::Value) -> std::io::Result<()> {
    let line = format!("{event}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let seen = RefCell::new(Vec::new());
        let write = |line: &[u8]| {
            seen.borrow_mut().push(line.to_vec());
            Ok(())
        };
        let mut lines = Lines::default();
        pieces.iter().try_for_each(|piece| lines.add(piece, &write)).expect("written");
        lines.finish(&write).expect("written");
        seen.into_inner()
    }

    #[test]
    fn lines_stay_together_however_they_come() {
        assert_eq!(lines(&[b"a", b"b\nc\n", b"", b"d"]), [&b"ab\n"[..], b"c\n", b"d"]);
        assert_eq!(lines(&[b"\n\n"]), [b"\n", b"\n"]);
    }

    #[test]
    fn a_line_without_end_is_passed_on_in_pieces() {
        let long = vec![b'x'; LONGEST + 1];
        let found = lines(&[&long, b"y\n"]);
        assert_eq!(found.concat(), [&long[..], b"y\n"].concat());
        assert!(found.iter().all(|line| line.len() <= LONGEST + 2), "kept within bounds");
    }

    #[test]
    fn the_end_of_what_was_said_is_heard() {
        let heard = Heard::default();
        heard.add(&[b'x'; 5000]);
        heard.add(b"end\n");
        assert_eq!(heard.text().len(), Heard::MOST);
        assert!(heard.text().ends_with("xend\n"));
    }

    #[test]
    fn nobody_who_reads_ends_it() {
        let mut lines = Lines::default();
        let gone = |_: &[u8]| Err(std::io::ErrorKind::BrokenPipe.into());
        let error = lines.add(b"a\nb\n", &gone).expect_err("nobody reads");
        unless_nobody_reads(error).expect("no fault");
        let full = std::io::ErrorKind::StorageFull;
        assert_eq!(unless_nobody_reads(full.into()).expect_err("a fault").kind(), full);
    }

    #[test]
    fn a_stream_that_somebody_else_holds_is_not_waited_for() {
        let (from, held) = rustix::pipe::pipe().expect("a pipe");
        rustix::io::write(&held, b"said\n").expect("written");
        let heard = Arc::default();
        let output = Output::pass_on([(Stream::Err, from)], Form::Text, Some(&heard));
        output.expect("passed on").finish().expect("written");
        assert_eq!(heard.text(), "said\n");
        drop(held);
    }
}
