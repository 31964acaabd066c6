//! The few system calls that std does not offer.

use std::io;
use std::process::Child;

use crate::Result;

/// Binds this process, and those that it starts from now on, to one processor, or to all of those
/// that it began with.
pub(crate) struct Processors {
    all: libc::cpu_set_t,
}

impl Processors {
    /// Remembers the processors that this process may use.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub(crate) fn of_this_process() -> Result<Processors> {
        // SAFETY: a cpu_set_t is an array of integers, for which zero is a value.
        let mut all: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set is ours and as large as it says.
        let got = unsafe { libc::sched_getaffinity(0, size_of_val(&all), &raw mut all) };
        check(got)?;
        Ok(Processors { all })
    }

    /// Allows all of them.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn release(&self) -> Result<()> {
        bind(&self.all)
    }

    /// Allows only the last of them, which interrupts use least.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn pin(&self) -> Result<()> {
        // SAFETY: CPU_ISSET reads a bit of a set that is ours; the number is below its size.
        let allowed = |cpu: &usize| unsafe { libc::CPU_ISSET(*cpu, &self.all) };
        let last = (0..libc::CPU_SETSIZE as usize).rev().find(allowed).unwrap_or(0);
        // SAFETY: as above, zero is a value.
        let mut one: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the number is below the size of the set.
        unsafe { libc::CPU_SET(last, &mut one) };
        bind(&one)
    }
}

fn bind(set: &libc::cpu_set_t) -> Result<()> {
    // SAFETY: the set is borrowed for the call and as large as it says.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(set), set) })
}

/// Waits for the child to succeed and returns the nanoseconds of processor time that it and all
/// that it reaped have used.
///
/// # Errors
/// When it did not exit with 0.
pub(crate) fn reap(child: &Child) -> Result<f64> {
    let pid = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: a rusage is a struct of integers, for which zero is a value.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both results are ours; the child is not waited for by std before its handle is dropped.
    check(unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut used) })?;
    if status != 0 {
        return Err(format!("wait status {status:#x}").into());
    }
    Ok(nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime))
}

fn nanoseconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 * 1e9 + time.tv_usec as f64 * 1e3
}

fn check(answer: libc::c_int) -> Result<()> {
    if answer < 0 { Err(io::Error::last_os_error().into()) } else { Ok(()) }
}
