//! Whole programs, by the processor time of everything that they reap.

use std::process::{Command, Stdio};

use crate::Result;
use crate::sample::Sample;
use crate::sys;

/// A program that is run once for each sample.
pub(crate) struct Program {
    command: Command,
}

impl Program {
    /// A program whose output nobody reads.
    pub(crate) fn new(mut command: Command) -> Program {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Program { command }
    }
}

impl Sample for Program {
    fn take(&mut self, calls: u64) -> Result<f64> {
        let mut spent = 0.0;
        for _ in 0..calls {
            let child = self.command.spawn()?;
            spent += sys::reap(&child)?;
        }
        Ok(spent / calls as f64)
    }
}
