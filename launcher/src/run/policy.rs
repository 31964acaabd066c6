//! The policy of one start: the sources, and what the options and the environment change in it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Audit, Effect, FileRule, Mode, PathPattern, Place, Policy};

use super::callers;
use super::refusal::Refusal;
use crate::defaults::{self, Entry};
use crate::places::absolute;
use crate::read::document::{AuditTo, Document};
use crate::read::mistakes::Mistakes;
use crate::read::world::World;
use crate::{cli, read};

/// A policy as its sources say it, before the options.
pub(crate) struct Loaded {
    /// The rules and settings.
    pub(crate) policy: Policy,
    /// What it says about its mode.
    pub(crate) mode: OwnMode,
    /// The sources, as messages name them.
    pub(crate) sources: Vec<String>,
    /// The files among them, by absolute paths.
    pub(crate) files: Vec<PathBuf>,
    /// Where it switches rules of its own off.
    pub(crate) disabled: Vec<Place>,
    /// Further homes of JVMs; `None` where the preset `jvm` is off.
    pub(crate) homes: Option<Vec<PathBuf>>,
    /// Whether the preset `kestra` is on.
    pub(crate) kestra: bool,
    /// Whether the callers are Kestra's where the policy names none.
    pub(crate) kestra_callers: bool,
    /// The task defaults, for a worker that applies them itself.
    pub(crate) defaults: Vec<Entry>,
}

/// Reads the policy that the options or the environment name.
///
/// # Errors
/// Where it has mistakes, or none is where one was named.
pub(crate) fn load(options: &cli::Run) -> Result<Loaded, Mistakes> {
    let document = read::load(&options.policies, &World::current())?;
    let defaults = defaults::policy::Policy::new(&document, None)?.entries;
    Ok(Loaded { defaults, ..Loaded::from(document) })
}

impl From<Document> for Loaded {
    fn from(document: Document) -> Self {
        let audit = document.audit;
        let (file, json_to_stderr) = match audit.to {
            Some(AuditTo::File(file)) => (file, false),
            Some(AuditTo::Stderr) => (Vec::new(), true),
            Some(AuditTo::None) | None => (Vec::new(), false),
        };
        let console = audit.console.unwrap_or_default();
        let rate = audit.rate.unwrap_or(DEFAULT_RATE);
        let frames = audit.frames.unwrap_or(DEFAULT_FRAMES);
        let callers =
            callers::of_document(&document.threads, &document.processes, &document.callers);
        let homes = document.presets.jvm.into_iter().map(|home| OsString::from_vec(home).into());
        Self {
            policy: Policy {
                debug: document.debug,
                namespaces: document.namespaces,
                rules: document.rules,
                callers,
                hidden: document.hidden.into_iter().map(|name| name.text.into_bytes()).collect(),
                audit: Audit { file, json_to_stderr, console, rate, frames },
                ..Policy::default()
            },
            mode: OwnMode {
                mode: document.mode.unwrap_or(cli::Mode::Enforce),
                locked: document.locked,
            },
            files: document.files.iter().filter_map(|path| regular(path)).collect(),
            disabled: document.disabled,
            sources: if document.built_in {
                vec!["the built-in policy `credentials`, since none was named".into()]
            } else {
                document.sources
            },
            homes: (!document.presets.no_jvm).then(|| homes.collect()),
            kestra: document.presets.kestra,
            defaults: Vec::new(),
            kestra_callers: document.kestra || document.presets.kestra,
        }
    }
}

/// The lines a second of an audit file where the policy does not say.
const DEFAULT_RATE: u32 = 1000;

/// The stack frames in a line where the policy does not say.
const DEFAULT_FRAMES: u32 = 8;

/// The absolute path of a file that can be protected; a pipe ends with the start.
fn regular(path: &Path) -> Option<PathBuf> {
    let absolute = path.is_file().then(|| absolute(path).ok()).flatten()?;
    Some(OsString::from_vec(absolute).into())
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
    fix_mode(policy, mode);
    policy.new_privileges |= options.allow_new_privs;
    for (at, path) in options.denied.iter().enumerate() {
        policy.rules.push(denied(at, path)?);
    }
    if let Some(to) = &options.audit {
        audit_to(&mut policy.audit, to)?;
    }
    audit_can_be_there(&policy.audit.file)?;
    if options.json && policy.audit.file.is_empty() {
        policy.audit.json_to_stderr = true;
    }
    Ok(())
}

/// Puts a mode other than `off` into the policy that is compiled.
pub(crate) fn fix_mode(policy: &mut Policy, mode: cli::Mode) {
    policy.mode = if mode == cli::Mode::Enforce { Mode::Enforce } else { Mode::Audit };
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
        audience: None,
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

/// A worker would find out only when its first denial is lost.
pub(crate) fn audit_can_be_there(file: &[u8]) -> Result<(), Refusal> {
    let path = Path::new(OsStr::from_bytes(file));
    match path.parent() {
        Some(directory) if !directory.is_dir() => {
            let directory = directory.display();
            Err(Refusal::plain(format!("the audit file's directory `{directory}` is not there"))
                .help(format!("make it: `mkdir -p {directory}`")))
        }
        _ => Ok(()),
    }
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
        for (option, variable) in [
            (Some(cli::Mode::Off), None),
            (None, Some("off".into())),
            (Some(cli::Mode::Off), Some("enforce".into())),
        ] {
            let refusal = mode(option, variable, locked).expect_err("weaker");
            assert_eq!(refusal.what(), "the policy is locked: its mode can only be made stricter");
        }
        assert_eq!(mode(Some(cli::Mode::Enforce), None, locked), Ok(cli::Mode::Enforce));
        assert_eq!(mode(Some(cli::Mode::Off), None, AUDITING), Ok(cli::Mode::Off));
    }

    #[test]
    fn a_misspelt_mode_in_the_environment_is_refused() {
        let refusal = mode(None, Some("enforcing".into()), AUDITING).expect_err("misspelt");
        assert_eq!(refusal.what(), "RINGFENCE_MODE is `enforcing`");
    }

    #[test]
    fn an_audit_file_needs_its_directory() {
        assert_eq!(audit_can_be_there(b""), Ok(()));
        assert_eq!(audit_can_be_there(b"/tmp/audit.jsonl"), Ok(()));
        let refusal = audit_can_be_there(b"/nonexistent/audit.jsonl").expect_err("no directory");
        assert_eq!(refusal.what(), "the audit file's directory `/nonexistent` is not there");
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
        let refusal = audit_to(&mut audit, OsStr::new("")).expect_err("no destination");
        assert_eq!(refusal.what(), "`--audit` names no file");
    }
}
