//! The subcommands other than `run`, a file each.

pub(crate) mod check;
pub(crate) mod defaults;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod help;
pub(crate) mod install;
pub(crate) mod show;
pub(crate) mod test;

use std::io::Write as _;

use crate::exit;
use crate::read::mistakes::Mistakes;
use crate::read::render::{self, Format};

/// Writes mistakes where a reader of the format looks for them: texts to the standard error
/// output, what programs read to the standard output.
fn report(mistakes: &Mistakes, format: Format) -> bool {
    let text = render::render(mistakes, format);
    let written = match format {
        Format::Text => anstream::stderr().write_all(text.as_bytes()),
        Format::Json | Format::Github => anstream::stdout().write_all(text.as_bytes()),
    };
    written.is_ok()
}

/// Writes the answer; without a reader there is none.
fn answer(text: &str, status: u8) -> u8 {
    match anstream::stdout().write_all(text.as_bytes()) {
        Ok(()) => status,
        Err(_) => exit::NO_ANSWER,
    }
}

/// The status for a policy that is not accepted: no, or no answer where only its sources could
/// not be read.
fn refusal(mistakes: &Mistakes) -> u8 {
    let unread = ["RF010", "RF011", "RF012"];
    match mistakes.errors().all(|mistake| unread.contains(&mistake.code)) {
        true => exit::NO_ANSWER,
        false => exit::NO,
    }
}
