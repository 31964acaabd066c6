//! What the command is, and whether a fence can be put around it.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ringfence_policy::Policy;

use super::Finding;
use crate::run;

/// Looks at the command as `run` does, under a policy that forbids nothing.
pub(super) fn findings(command: &OsStr) -> Vec<Finding> {
    let program = match run::target::find(command, std::env::var_os("PATH")) {
        Ok(program) => program,
        Err(refusal) => {
            let help = "name it as a shell would find it, or by its path";
            return vec![Finding::gap("command", refusal.what(), help)];
        }
    };
    let kind = run::compile(&Policy::default()).and_then(|bytes| {
        let checked = run::parse(&bytes).map(|view| run::target::check(&program, view))?;
        checked.map(|()| String::new())
    });
    let mut found = vec![match kind {
        Ok(_) => Finding::good("command", format!("{} can be fenced", program.display())),
        Err(refusal) => {
            Finding::gap("command", refusal.what(), refusal.advice().unwrap_or("take another one"))
        }
    }];
    found.extend(rights(&program));
    found
}

/// A program that starts with rights of its own loses them, or is not started.
fn rights(program: &Path) -> Option<Finding> {
    let mode = program.metadata().ok()?.mode();
    (mode & 0o6000 != 0).then(|| {
        let says = format!(
            "{} is setuid or setgid: fenced, it runs without those rights",
            program.display()
        );
        Finding::note("command", says)
    })
}
