//! `ringfence help`: the long text of a code, or the help of a subcommand.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use super::answer;
use crate::cli::Cli;
use crate::exit;
use crate::read::codes::{self, CODES};

/// The options of `ringfence help`.
#[derive(clap::Args, Debug)]
pub(crate) struct Help {
    /// A code such as RF201, `codes` for all of them, or a subcommand
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
}

/// Prints the help: 0 when there is one, 2 when the topic is not known.
pub(crate) fn help(args: &Help) -> u8 {
    let mut cli = Cli::command();
    let Some(topic) = &args.topic else {
        return answer(&cli.render_long_help().to_string(), exit::YES);
    };
    if let Some(code) = codes::find(topic) {
        return answer(&format!("{}: {}\n\n{}\n", code.code, code.title, code.text), exit::YES);
    }
    if topic == "codes" {
        let list = CODES.iter().fold(String::new(), |mut list, code| {
            let _ = writeln!(list, "{}  {}", code.code, code.title);
            list
        });
        return answer(&list, exit::YES);
    }
    // `build` gives subcommands their full name in the usage line.
    cli.build();
    if let Some(subcommand) = cli.find_subcommand_mut(topic) {
        return answer(&subcommand.render_long_help().to_string(), exit::YES);
    }
    anstream::eprintln!("error: no help about `{topic}`; `ringfence help codes` lists the codes");
    exit::NO_ANSWER
}
