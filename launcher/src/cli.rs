//! The command line: what the words mean, nothing of what they do.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::check::Check;
use crate::commands::help::Help;
use crate::commands::show::Show;

/// Fences an existing worker process without changing it.
#[derive(Debug, Parser)]
#[command(name = "ringfence", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a command inside the fence
    #[command(after_help = RUN_STATUS)]
    Run(Run),
    /// Validate a policy; all mistakes at once
    Check(Check),
    /// Show the policy after includes, presets and expansion
    Show(Show),
    /// Say what the policy decides about a path, and by which rule
    Explain(crate::commands::explain::Explain),
    /// Run the policy's own tests
    Test(crate::commands::test::Options),
    /// Install the library and a compiled policy, for workers started without this program
    Install(crate::commands::install::Install),
    /// Say what on this machine, or for a command, would leave a gap
    Doctor(crate::commands::doctor::Doctor),
    /// Explain a code of a message, or a subcommand
    Help(Help),
    /// Give flows the defaults of a policy
    Defaults(crate::commands::defaults::Defaults),
    /// Start one task of a flow as its resolved task runner says
    #[command(after_help = TASK_STATUS)]
    Task(crate::task::Task),
}

const RUN_STATUS: &str = "\
Exit status: the command's own; 125 where ringfence did not start it, 126 where it cannot be started, 127 where it is not there.";

const TASK_STATUS: &str = "\
Exit status: the task's own, or 128 and the number of the signal that ended it; 124 where its time was up; 125 where ringfence
did not start it or could not keep its files, 126 where its program cannot be started, 127 where that is not there.

A container is started by podman, or else docker; RINGFENCE_CONTAINER_CLI names another client.";

/// The options of `ringfence run`.
// `trailing_var_arg` without `allow_hyphen_values`: options end at the first word that is not
// one, and a mistyped option is an error instead of the command.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Where rules come from, repeatable: a file, a directory of *.yaml, `-`, `env:NAME`, `micronaut` [env: RINGFENCE_POLICY]
    #[arg(short, long = "policy", value_name = "SOURCE")]
    pub(crate) policies: Vec<OsString>,

    /// Refuse what a rule forbids, only report it, or start the command unfenced [env: RINGFENCE_MODE]
    #[arg(short, long, value_name = "MODE")]
    pub(crate) mode: Option<Mode>,

    /// Forbid a path and all beneath it, besides what the policy forbids; repeatable
    #[arg(long = "deny", value_name = "PATH")]
    pub(crate) denied: Vec<PathBuf>,

    /// Where denials are written as JSON lines: a file, `stderr` or `none`
    #[arg(long, value_name = "DEST")]
    pub(crate) audit: Option<OsString>,

    /// Whether the kernel holds the rules too; nothing but `off` is built
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) kernel: Kernel,

    /// Preload this library too, after ringfence's own; repeatable
    #[arg(long = "preload", value_name = "LIB")]
    pub(crate) preloads: Vec<PathBuf>,

    /// Say what would be done, and do not start the command
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not write the line at the start
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Write messages as JSON lines
    #[arg(long)]
    pub(crate) json: bool,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,

    /// Let the worker gain rights by setuid programs (those are then refused at exec)
    #[arg(long)]
    pub(crate) allow_new_privs: bool,

    /// The command and its arguments; all after the first word that is not an option
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What the fence does, as a user asks for it; the strictest comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Mode {
    /// Nothing: the command is started as it is.
    Off,
    /// Reports what it would refuse.
    Audit,
    /// Refuses.
    Enforce,
}

/// Whether the kernel floor is put below the shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// As far as this machine can.
    Auto,
    /// Wholly, or the command is not started.
    Require,
    /// Not at all.
    Off,
}

/// When messages are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Makes this the choice for everything that is written from now on.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<Run, clap::error::ErrorKind> {
        let line = ["ringfence", "run"].iter().chain(words);
        match Cli::try_parse_from(line).map_err(|e| e.kind())?.command {
            Command::Run(run) => Ok(run),
            other => panic!("parsed as {other:?}"),
        }
    }

    fn command(words: &[&str]) -> Vec<OsString> {
        run(words).expect("parses").command
    }

    #[test]
    fn the_definition_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn options_end_at_the_first_word_that_is_not_one() {
        assert_eq!(command(&["-q", "ls", "-l", "--mode", "x"]), ["ls", "-l", "--mode", "x"]);
        assert_eq!(command(&["--", "-odd", "-q"]), ["-odd", "-q"]);
    }

    #[test]
    fn a_later_double_dash_belongs_to_the_command() {
        assert_eq!(command(&["--", "git", "log", "--", "x"]), ["git", "log", "--", "x"]);
        assert_eq!(command(&["git", "log", "--", "x"]), ["git", "log", "--", "x"]);
    }

    #[test]
    fn a_mistyped_option_is_an_error_and_not_the_command() {
        let error = run(&["--polcy", "p.yaml", "ls"]).expect_err("an unknown option");
        assert_eq!(error, clap::error::ErrorKind::UnknownArgument);
    }

    #[test]
    fn a_command_is_required() {
        let error = run(&["-q"]).expect_err("no command");
        assert_eq!(error, clap::error::ErrorKind::MissingRequiredArgument);
    }

    #[test]
    fn policies_and_denied_paths_repeat() {
        let run =
            run(&["-p", "a", "--policy", "b", "--deny", "/x", "--deny=/y", "ls"]).expect("parses");
        assert_eq!(run.policies, ["a", "b"]);
        assert_eq!(run.denied, [PathBuf::from("/x"), PathBuf::from("/y")]);
    }

    #[test]
    fn modes_are_ordered_by_strictness() {
        assert!(Mode::Off < Mode::Audit && Mode::Audit < Mode::Enforce);
    }
}
