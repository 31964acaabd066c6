//! Signals that end a task, and the news that a child has ended.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::progress::status;
use super::supervise::Ending;
use crate::run::refusal::Refusal;

/// Those that ask us to end.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// What has been asked of this process since it began to listen.
pub(crate) struct Signals {
    /// The first signal that asked for the end; 0 for none.
    first: Arc<AtomicUsize>,
    /// A byte for each signal, a child's end too.
    woken: UnixStream,
}

impl Signals {
    /// Begins to listen. What was ignored when this process began, as SIGHUP below nohup, stays so.
    ///
    /// # Errors
    /// Where the kernel has no pipe, or no handler, to give.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (woken, wake) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        let first = Arc::new(AtomicUsize::new(0));
        let ignored = ignored();
        for signal in ENDING.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            let number = usize::try_from(signal).unwrap_or_default();
            // Before the byte is sent, so that whoever is woken finds it.
            signal_hook::flag::register_usize(signal, Arc::clone(&first), number)?;
            signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
        }
        signal_hook::low_level::pipe::register(SIGCHLD, wake)?;
        Ok(Self { first, woken })
    }

    /// The signal that asked for the end, if one has.
    pub(crate) fn asked(&self) -> Option<i32> {
        i32::try_from(self.first.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
    }

    /// Waits for any signal, or until `end`.
    pub(crate) fn wait(&self, end: Option<Instant>) {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let limit = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds = [PollFd::new(&self.woken, PollFlags::IN)];
        // An error is a signal too: whoever waits looks again at what it waits for.
        let _ = poll(&mut fds, limit.as_ref());
        let mut bytes = [0; 64];
        while matches!((&self.woken).read(&mut bytes), Ok(length) if length > 0) {}
    }

    /// Waits so long, but not after a signal has asked for the end.
    pub(crate) fn pause(&self, pause: Duration) {
        let end = Instant::now().checked_add(pause);
        while self.asked().is_none() && end.is_none_or(|end| Instant::now() < end) {
            self.wait(end);
        }
    }

    /// What ended the preparations of a task: the signal that asked for the end, or else this.
    pub(crate) fn interrupted(&self, refusal: Refusal) -> Refusal {
        let Some(signal) = self.asked() else { return refusal };
        Refusal::plain(format!("nothing was started: we got signal {signal}"))
            .status(status(Ending::Interrupted(signal)))
    }
}

/// The signals that this process ignores, a bit each from the lowest on.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
