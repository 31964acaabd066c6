//! `ringfence explain`: what the policy in force decides about a path, a thread or a program, by which
//! rule, and what to write to have it otherwise.

mod answer;
pub(crate) mod callers;
mod remedy;
mod way;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Audiences, Creation, Image, Policy};

use self::answer::Answer;
use super::{answer as say, refusal, report};
use crate::cli::{self, Color};
use crate::exit;
use crate::places::Links;
use crate::read::document::Document;
use crate::read::mistakes::Mistakes;
use crate::read::render::Format;
use crate::read::world::World;
use crate::run::policy::Loaded;
use crate::run::refusal::Refusal;
use crate::{read, run};

/// The options of `ringfence explain`.
#[derive(clap::Args, Debug)]
pub(crate) struct Explain {
    /// What is asked for.
    #[command(flatten)]
    question: Question,

    /// Where rules come from, as for `run`; repeatable [env: RINGFENCE_POLICY]
    #[arg(short, long = "policy", value_name = "SOURCE")]
    policies: Vec<OsString>,

    /// Further classes on whose behalf the thread or the program is asked for, as `--thread` names them
    #[arg(long, value_name = "CLASS", num_args = 1.., conflicts_with_all = ["read", "write", "list", "execute", "metadata"])]
    by: Vec<String>,

    /// Ask about a link itself instead of what it leads to, as `lstat`, `unlink` and `rename` do
    #[arg(long)]
    no_follow: bool,

    /// Write the answer as JSON
    #[arg(long)]
    json: bool,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// What is asked for: one access to one path, or a thread or program on behalf of somebody.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Question {
    /// Whether this file may be read
    #[arg(long, value_name = "PATH")]
    read: Option<PathBuf>,

    /// Whether it may be written, created, renamed or removed
    #[arg(long, value_name = "PATH")]
    write: Option<PathBuf>,

    /// Whether this directory may be listed
    #[arg(long, value_name = "PATH")]
    list: Option<PathBuf>,

    /// Whether it may be started as a program, or loaded as a library
    #[arg(long, value_name = "PATH")]
    execute: Option<PathBuf>,

    /// Whether it may be looked at, or made the working directory
    #[arg(long, value_name = "PATH")]
    metadata: Option<PathBuf>,

    /// Whether this class may create a thread; or `native:LIBRARY`, `python:MODULE`, `host`
    #[arg(long, value_name = "CLASS")]
    thread: Option<String>,

    /// Whether this class may start a program; or as for `--thread`
    #[arg(long, value_name = "CLASS")]
    process: Option<String>,
}

impl Question {
    /// What somebody asks for who is named.
    fn about_callers(&self) -> Option<(Creation, &str)> {
        let thread = self.thread.as_deref().map(|name| (Creation::Thread, name));
        thread.or_else(|| Some((Creation::Process, self.process.as_deref()?)))
    }

    /// The access and the path; clap has seen to it that there is one where nobody else is asked
    /// about.
    fn about_files(&self) -> Option<(Access, &Path)> {
        let asked = [
            (Access::READ, &self.read),
            (Access::WRITE, &self.write),
            (Access::LIST, &self.list),
            (Access::EXECUTE, &self.execute),
            (Access::METADATA, &self.metadata),
        ];
        asked.into_iter().find_map(|(access, path)| Some((access, path.as_deref()?)))
    }
}

/// Explains: 0 where the rules allow it, 1 where one refuses it, 2 where there is no answer.
pub(crate) fn explain(args: &Explain) -> u8 {
    args.color.apply();
    let document = match read::load(&args.policies, &World::current()) {
        Ok(document) => document,
        Err(mistakes) => return unread(&mistakes, args.json),
    };
    let follow = !args.no_follow;
    let answered = InForce::here(document).and_then(|rules| {
        if let Some((creation, name)) = args.question.about_callers() {
            let names = std::iter::once(name).chain(args.by.iter().map(String::as_str));
            let answer = callers::Answer::about(&rules, creation, names)?;
            let text = if args.json { answer.to_json() } else { answer.to_text() };
            return Ok((text, if answer.is_refused() { exit::NO } else { exit::YES }));
        }
        let Some((access, path)) = args.question.about_files() else {
            return Err(Refusal::plain("nothing is asked"));
        };
        let answer = Answer::about(&rules, path, access, follow)?;
        let text = if args.json { answer.to_json() } else { answer.to_text() };
        Ok((text, if answer.is_refused() { exit::NO } else { exit::YES }))
    });
    match answered {
        Ok((text, status)) => say(&text, status),
        Err(refusal) => refusal.status(exit::NO_ANSWER).report(args.json),
    }
}

/// A policy that does not hold decides nothing.
fn unread(mistakes: &Mistakes, json: bool) -> u8 {
    let format = if json { Format::Json } else { Format::Text };
    if report(mistakes, format) && refusal(mistakes) == exit::NO {
        anstream::eprintln!("nothing can be said about a policy with mistakes");
    }
    exit::NO_ANSWER
}

/// The policy as a command would get it that is started here and now.
pub(crate) struct InForce {
    /// The rules, those of the fence itself and of presets among them.
    pub(super) policy: Policy,
    /// What happens to a refused call.
    pub(super) mode: cli::Mode,
    /// No policy was named, and the built-in one is in force.
    pub(super) built_in: bool,
    /// The policy, compiled.
    image: Vec<u8>,
}

impl InForce {
    /// Makes it of a document, without leaving anything behind.
    ///
    /// # Errors
    /// Where a command would not be started under it.
    pub(crate) fn here(document: Document) -> Result<Self, Refusal> {
        let built_in = document.built_in;
        let loaded = Loaded::from(document);
        let variable = std::env::var_os("RINGFENCE_MODE");
        let mode = run::policy::mode(None, variable, loaded.mode)?;
        // Without a library nothing starts; what is forbidden by the policy can still be told.
        let library =
            run::library::find().unwrap_or_else(|_| Path::new("/").join(run::library::NAME));
        let private = run::private::expected();
        // No command is named, so only those JVMs and commands count that every start looks for.
        let nothing = (Path::new("/"), &[][..]);
        let policy = run::complete(&loaded, loaded.policy.clone(), nothing, (&library, &private))?;
        let image = run::compile(&policy)?;
        Ok(Self { policy, mode, built_in, image })
    }

    /// What the shim would match with.
    ///
    /// # Errors
    /// Never for an image that was just compiled.
    pub(crate) fn image(&self) -> Result<Image<'_>, Refusal> {
        run::parse(&self.image)
    }

    /// Whether the rules refuse an access to a path, wherever its links lead, to a caller in these
    /// audiences.
    ///
    /// # Errors
    /// Where that cannot be told from here.
    pub(crate) fn refuses(
        &self,
        path: &Path,
        access: Access,
        among: Audiences,
    ) -> Result<bool, Refusal> {
        let way = way::walk(self.image()?, &Links::default(), path, access, (true, among))?;
        Ok(way.refused.is_some())
    }
}
