//! The policy of one start: the sources, and what the options and the environment change in it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Audit, Effect, FileRule, Mode, PathPattern, Place, Policy};

use super::refusal::Refusal;
use crate::cli;
use crate::places::absolute;

/// A policy as its sources say it, before the options.
pub(crate) struct Loaded {
    /// The rules and settings.
    pub(crate) policy: Policy,
    /// What it says about its mode.
    pub(crate) mode: OwnMode,
    /// The sources, as messages name them.
    pub(crate) sources: Vec<String>,
    /// The files among them.
    pub(crate) files: Vec<PathBuf>,
    /// What stands in it and is not enforced, each with its place.
    pub(crate) unenforced: Vec<String>,
    /// Further homes of JVMs; `None` where the preset `jvm` is off.
    pub(crate) homes: Option<Vec<PathBuf>>,
}

/// Reads the policy that the options or the environment name.
///
/// # Errors
/// Where there is none, or it has mistakes.
pub(crate) fn load(options: &cli::Run) -> Result<Loaded, Refusal> {
    if !options.policies.is_empty() || options.denied.is_empty() {
        return Err(Refusal::plain("this build reads no policy files yet")
            .help("name what is forbidden by `--deny PATH`"));
    }
    Ok(Loaded {
        policy: Policy::default(),
        mode: OwnMode { mode: cli::Mode::Enforce, locked: false },
        sources: vec!["the command line".into()],
        files: Vec::new(),
        unenforced: Vec::new(),
        homes: Some(Vec::new()),
    })
}

/// What a policy's own word on its mode is, and whether it is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnMode {
    /// `mode`.
    pub(crate) mode: cli::Mode,
    /// `locked`: others may only make it stricter.
    pub(crate) locked: bool,
}

/// The mode in force: the option's, else the environment's, else the policy's.
///
/// # Errors
/// Where a locked policy would be loosened, or the variable says something else.
pub(crate) fn mode(
    option: Option<cli::Mode>,
    variable: Option<OsString>,
    own: OwnMode,
) -> Result<cli::Mode, Refusal> {
    let asked = match (option, variable) {
        (Some(mode), _) => Some(mode),
        (None, Some(value)) if !value.is_empty() => Some(from_variable(&value)?),
        (None, _) => None,
    };
    match asked {
        Some(asked) if own.locked && asked < own.mode => {
            Err(Refusal::plain("the policy is locked: its mode can only be made stricter")
                .help("leave out `--mode` and RINGFENCE_MODE, or change the policy"))
        }
        Some(asked) => Ok(asked),
        None => Ok(own.mode),
    }
}

fn from_variable(value: &OsStr) -> Result<cli::Mode, Refusal> {
    let text = value.to_str().unwrap_or_default();
    clap::ValueEnum::from_str(text, false).map_err(|_| {
        Refusal::plain(format!("RINGFENCE_MODE is `{}`", value.display()))
            .help("set it to `enforce`, `audit` or `off`, or not at all")
    })
}

/// Puts the options' own rules and wishes into a policy.
///
/// # Errors
/// Where a path has no absolute form.
pub(crate) fn apply(
    policy: &mut Policy,
    options: &cli::Run,
    mode: cli::Mode,
) -> Result<(), Refusal> {
    policy.mode = if mode == cli::Mode::Enforce { Mode::Enforce } else { Mode::Audit };
    policy.new_privileges |= options.allow_new_privs;
    for (at, path) in options.denied.iter().enumerate() {
        policy.rules.push(denied(at, path)?);
    }
    if let Some(to) = &options.audit {
        audit_to(&mut policy.audit, to)?;
    }
    if options.json && policy.audit.file.is_empty() {
        policy.audit.json_to_stderr = true;
    }
    Ok(())
}

fn denied(at: usize, path: &Path) -> Result<FileRule, Refusal> {
    Ok(FileRule {
        id: format!("--deny[{at}]"),
        section: "--deny".into(),
        pattern: path.display().to_string(),
        names: vec![PathPattern::Literal(absolute(path).map_err(no_directory)?)],
        effect: Effect::Forbid,
        access: Access::ALL,
        place: Place { file: "<command line>".into(), line: 0, column: 0 },
        reason: None,
        fixed: false,
        leaf: false,
    })
}

/// `--audit`: a file, `stderr` or `none`.
fn audit_to(audit: &mut Audit, to: &OsStr) -> Result<(), Refusal> {
    audit.file.clear();
    audit.json_to_stderr = to == "stderr";
    if to.is_empty() {
        return Err(
            Refusal::plain("`--audit` names no file").help("give a file, `stderr` or `none`")
        );
    }
    if to != "stderr" && to != "none" {
        audit.file = absolute(to.as_ref()).map_err(no_directory)?;
    }
    Ok(())
}

fn no_directory(error: std::io::Error) -> Refusal {
    Refusal::plain(format!("the working directory has no path: {error}"))
        .help("start it from another directory, or give absolute paths")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUDITING: OwnMode = OwnMode { mode: cli::Mode::Audit, locked: false };

    #[test]
    fn the_option_beats_the_variable_and_it_the_policy() {
        let variable = || Some(OsString::from("enforce"));
        assert_eq!(mode(Some(cli::Mode::Off), variable(), AUDITING), Ok(cli::Mode::Off));
        assert_eq!(mode(None, variable(), AUDITING), Ok(cli::Mode::Enforce));
        assert_eq!(mode(None, None, AUDITING), Ok(cli::Mode::Audit));
        assert_eq!(mode(None, Some(OsString::new()), AUDITING), Ok(cli::Mode::Audit));
    }

    #[test]
    fn a_locked_policy_can_only_be_made_stricter() {
        let locked = OwnMode { locked: true, ..AUDITING };
        assert!(mode(Some(cli::Mode::Off), None, locked).is_err());
        assert!(mode(None, Some("off".into()), locked).is_err());
        assert_eq!(mode(Some(cli::Mode::Enforce), None, locked), Ok(cli::Mode::Enforce));
        assert_eq!(mode(Some(cli::Mode::Off), None, AUDITING), Ok(cli::Mode::Off));
    }

    #[test]
    fn a_misspelt_mode_in_the_environment_is_refused() {
        assert!(mode(None, Some("enforcing".into()), AUDITING).is_err());
    }

    #[test]
    fn denials_go_where_the_option_says() {
        let mut audit = Audit { file: b"/old".to_vec(), ..Audit::default() };
        audit_to(&mut audit, OsStr::new("stderr")).expect("a destination");
        assert_eq!((audit.file.as_slice(), audit.json_to_stderr), (&b""[..], true));
        audit_to(&mut audit, OsStr::new("/var//log/x")).expect("a destination");
        assert_eq!((audit.file.as_slice(), audit.json_to_stderr), (&b"/var/log/x"[..], false));
        audit_to(&mut audit, OsStr::new("none")).expect("a destination");
        assert_eq!((audit.file.as_slice(), audit.json_to_stderr), (&b""[..], false));
        assert!(audit_to(&mut audit, OsStr::new("")).is_err());
    }
}
