//! The command `ringfence`: checks a policy and starts a worker inside the fence.
#![deny(unsafe_code)]

mod cli;
mod commands;
mod defaults;
mod exit;
mod places;
mod read;
mod run;
mod task;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    if words.next_if(|word| word == run::probe::SUBCOMMAND).is_some() {
        return run::probe::run(words);
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return usage(&message),
    };
    ExitCode::from(match cli.command {
        cli::Command::Run(options) => run::run(&options),
        cli::Command::Check(options) => commands::check::check(&options),
        cli::Command::Show(options) => commands::show::show(&options),
        cli::Command::Explain(options) => commands::explain::explain(&options),
        cli::Command::Test(options) => commands::test::test(&options),
        cli::Command::Install(options) => commands::install::install(&options),
        cli::Command::Doctor(options) => commands::doctor::doctor(&options),
        cli::Command::Help(options) => commands::help::help(&options),
        cli::Command::Defaults(options) => commands::defaults::defaults(&options),
        cli::Command::Task(options) => task::task(&options),
    })
}

/// Prints what is wrong with the arguments, or the help or version that they asked for.
fn usage(message: &clap::Error) -> ExitCode {
    // Nothing is left to be told when standard output is closed.
    let _ = message.print();
    if !message.use_stderr() {
        return ExitCode::from(exit::YES);
    }
    let subcommand = std::env::args_os().nth(1).unwrap_or_default();
    ExitCode::from(exit::usage(&subcommand.to_string_lossy()))
}
