//! `ringfence task`: starts one task of a flow as its resolved task runner says.
//!
//! In this order, so that nothing is half-started: the policy, the flow with its defaults, the task,
//! its plan, the fence around it, and only then the first process of its own.

mod attempts;
mod environment;
mod output;
mod outputs;
mod permission;
mod plan;
mod progress;
mod room;
mod runner;
mod select;
mod signals;
mod supervise;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli;
use crate::defaults::flow::{self, Resolved};
use crate::defaults::policy::Policy;
use crate::read::document::Document;
use crate::read::mistakes::Mistakes;
use crate::read::render::{self, Format};
use crate::read::world::World;
use crate::run::policy::Loaded;
use crate::run::refusal::Refusal;
use crate::run::{self, Stop, report, target};
use attempts::Attempts;
use output::Form;
use outputs::Destination;
use plan::{Plan, Surroundings};
use progress::{Given, Progress};
use room::Room;
use runner::container::Container;
use select::Selected;
use signals::Signals;

/// The options of `ringfence task`.
#[derive(clap::Args, Debug)]
pub(crate) struct Task {
    /// Where rules and defaults come from, repeatable: a file, a directory of *.yaml, `env:NAME`, `micronaut` [env: RINGFENCE_POLICY]
    #[arg(short, long = "policy", value_name = "SOURCE")]
    policies: Vec<OsString>,

    /// Refuse what a rule forbids, only report it, or start the task unfenced [env: RINGFENCE_MODE]
    #[arg(short, long, value_name = "MODE")]
    mode: Option<cli::Mode>,

    /// Where denials are written as JSON lines: a file, `stderr` or `none`
    #[arg(long, value_name = "DEST")]
    audit: Option<OsString>,

    /// The value of an input of the flow, repeatable
    #[arg(short, long = "input", value_name = "NAME=VALUE", value_parser = input)]
    inputs: Vec<(String, String)>,

    /// Where the task's output files are kept
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write what the task prints, and what becomes of it, as JSON lines to the standard output
    #[arg(long)]
    json: bool,

    /// Say only what is wrong
    #[arg(short, long)]
    quiet: bool,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: cli::Color,

    /// The file of a flow, or of a single task
    #[arg(value_name = "FLOW")]
    flow: OsString,

    /// The task; not needed where the flow has only one
    #[arg(value_name = "ID")]
    id: Option<String>,
}

fn input(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the task and returns its exit status.
pub(crate) fn task(options: &Task) -> u8 {
    options.color.apply();
    crate::run::close_descriptors_at_exec();
    let mut id = options.id.clone();
    match start(options, &mut id) {
        Ok(status) => status,
        Err(stop) => {
            let status = stop.report(options.json);
            if options.json {
                progress::refused(id.as_deref(), status);
            }
            status
        }
    }
}

/// `id` becomes that of the task, as soon as it is known.
fn start(options: &Task, id: &mut Option<String>) -> Result<u8, Stop> {
    run::not_inside_a_fence()?;
    let document =
        crate::read::load_for_tasks(&options.policies, &World::current()).map_err(Stop::Policy)?;
    let defaults = Policy::new(&document, None).map_err(Stop::Policy)?;
    let resolved = resolve(options, &defaults)?;
    let file = options.flow.display().to_string();
    let task = select::select(&resolved.flows, options.id.as_deref(), &file)?;
    *id = Some(task.id.to_string());
    let signals = Signals::listen()
        .map_err(|error| Refusal::plain(format!("cannot listen to signals: {error}")))?;
    let room = Room::new(&run::run_id()?)?;
    let around = Surroundings {
        aliases: &defaults.aliases,
        inputs: &options.inputs,
        directory: &room.work(),
        mounted: Path::new(runner::container::WORK),
        has: &|program| target::find(program.as_ref(), std::env::var_os("PATH")).is_ok(),
    };
    let plan = Plan::read(&task, &around)?;
    let form = if options.json { Form::Json } else { Form::Text };
    let progress = Progress { form, quiet: options.quiet, task: task.id.to_string() };
    let given = given(&resolved, &task);
    Start { options, document, plan: &plan, room: &room, progress: &progress, signals: &signals }
        .run(&given)
        .and_then(|status| Ok(room.close().map(|()| status)?))
}

/// The flow with its defaults.
fn resolve(options: &Task, defaults: &Policy) -> Result<Resolved, Stop> {
    if Path::new(&options.flow).is_dir() {
        let what = format!("`{}` is a directory", options.flow.display());
        return Err(Refusal::plain(what).help("name the file of one flow").into());
    }
    let mut mistakes = Mistakes::default();
    let sources =
        crate::commands::defaults::read_flows(std::slice::from_ref(&options.flow), &mut mistakes);
    let [source] = sources.as_slice() else {
        let several = Refusal::plain(format!("`{}` is not one file", options.flow.display()));
        return Err(if mistakes.has_errors() { Stop::Policy(mistakes) } else { several.into() });
    };
    let resolved = flow::resolve_text(source, defaults).map_err(Stop::Policy)?;
    if !options.quiet && resolved.warnings.len() > 0 {
        let format = if options.json { Format::Json } else { Format::Text };
        report::write(render::render(&resolved.warnings, format).trim_end());
    }
    Ok(resolved)
}

/// What entries of defaults gave to the task.
fn given(resolved: &Resolved, task: &Selected<'_>) -> Vec<Given> {
    let of_task = |placed: &&flow::Placed| placed.change.path.0.starts_with(&task.path.0);
    let changes = resolved.changes.iter().filter(of_task);
    let given = changes.filter(|placed| !placed.by.is_empty()).map(|placed| Given {
        property: placed.change.path.to_string(),
        forced: placed.by.iter().any(|(forced, _)| *forced),
        by: placed.by.iter().map(|(_, span)| span.to_string()).collect(),
    });
    given.collect()
}

/// A task that is about to be started.
struct Start<'a> {
    options: &'a Task,
    document: Document,
    plan: &'a Plan,
    room: &'a Room,
    progress: &'a Progress,
    signals: &'a Signals,
}

impl Start<'_> {
    fn run(self, given: &[Given]) -> Result<u8, Stop> {
        let options = self.options.as_run();
        let own = std::env::var_os("RINGFENCE_MODE");
        let inherit = self.document.tasks.inherit_env.clone();
        let processes = self.document.processes.clone();
        let mut loaded = Loaded::from(self.document);
        let mode = run::policy::mode(options.mode, own, loaded.mode)?;
        let (plan, room, progress) = (self.plan, self.room, self.progress);
        let to = self.options.output.as_deref().filter(|_| !plan.outputs.is_empty());
        let to = to.map(Destination::open).transpose()?;
        let attempts = Attempts { plan, room, progress, signals: self.signals, to: to.as_ref() };
        match &plan.runner {
            plan::Runner::Process => {
                if mode == cli::Mode::Enforce {
                    permission::may_start(&plan.class, &processes)?;
                }
                room.furnish(&plan.files, false)?;
                let environment = environment::of_process(room, &inherit, &plan.environment);
                let process = runner::process::Process::new(
                    (plan, room),
                    &mut loaded,
                    (&options, mode),
                    environment,
                );
                let process = process.map_err(|refusal| self.signals.interrupted(refusal))?;
                progress.begin(&plan.class, progress::unfenced(mode), given);
                Ok(attempts.run(&process)?)
            }
            plan::Runner::Container(container) => {
                room.furnish(&plan.files, true)?;
                let policy = runner::container::Rules { loaded, options: &options, mode };
                let inherited = environment::inherited(&inherit);
                let task = runner::container::Task { plan, container, room, inherited: &inherited };
                let runner = Container::new(task, policy, self.signals);
                let runner = runner.map_err(|refusal| self.signals.interrupted(refusal))?;
                progress.begin(&plan.class, &runner.described(), given);
                Ok(attempts.run(&runner)?)
            }
        }
    }
}

impl Task {
    /// The options that `run` has too.
    fn as_run(&self) -> cli::Run {
        cli::Run {
            policies: self.policies.clone(),
            mode: self.mode,
            denied: Vec::new(),
            audit: self.audit.clone(),
            kernel: cli::Kernel::Auto,
            preloads: Vec::new(),
            dry_run: false,
            quiet: self.quiet,
            // The events of a task go to the standard output; what the fence says stays a line.
            json: false,
            color: self.color,
            allow_new_privs: false,
            command: Vec::new(),
        }
    }
}
