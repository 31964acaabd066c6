//! `ringfence run`: from the options to the worker, in the order in which things can fail.

mod library;
mod refusal;
mod target;
mod worker;

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rustix::io::Errno;

use crate::cli;
use refusal::Refusal;

/// Starts the command inside the fence; returns the exit status only where it does not.
pub(crate) fn run(options: &cli::Run) -> u8 {
    options.color.apply();
    match start(options) {
        Err(refusal) => refusal.report(options.json),
    }
}

fn start(options: &cli::Run) -> Result<Infallible, Refusal> {
    if options.kernel == cli::Kernel::Require {
        return Err(Refusal::plain("`--kernel require`: there is no kernel floor yet")
            .help("use `--kernel off`: the shim alone holds the rules"));
    }
    let [command, ..] = options.command.as_slice() else {
        return Err(Refusal::plain("no command was given"));
    };
    let program = target::find(command, std::env::var_os("PATH"))?;
    if options.mode == Some(cli::Mode::Off) {
        return exec(&program, &options.command, std::env::vars_os());
    }
    let library = library::find()?;
    Err(Refusal::plain("this build cannot put up a fence")
        .note(format!("the library is `{}`", library.display()))
        .help("`--mode off` starts the command unfenced"))
}

/// Replaces this process by the command.
fn exec(
    program: &Path,
    command: &[OsString],
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Infallible, Refusal> {
    let environment: Vec<CString> = environment
        .filter_map(|(name, value)| {
            let entry = [name.as_bytes(), b"=", value.as_bytes()].concat();
            // What came in as a C string has no NUL inside.
            CString::new(entry).ok()
        })
        .collect();
    let words = command.iter().map(|word| CString::new(word.clone().into_vec()));
    let words: Vec<CString> = words.collect::<Result<_, _>>().map_err(nul)?;
    let path = CString::new(program.as_os_str().as_bytes()).map_err(nul)?;
    let error = worker::become_worker(&path, &words, &environment);
    let errno = Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
    Err(target::not_startable(program.as_os_str(), errno))
}

fn nul(_: std::ffi::NulError) -> Refusal {
    Refusal::plain("an argument holds a NUL byte")
}
