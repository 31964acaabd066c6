//! What a task comes to: the words that are started, with what, where and how often.
//!
//! Everything that can be wrong about a task as it is written is found here, before there is a
//! directory, a process or a container.

mod container;
mod duration;
mod expression;
mod fields;
mod languages;
mod retry;

use std::path::{Component, Path};
use std::time::Duration;

use crate::defaults::{Aliases, Map, Node, Value};
use crate::run::refusal::Refusal;

pub(crate) use container::{Container, Pull};
pub(crate) use retry::Retry;

use super::select::Selected;
use expression::Known;
use fields::{Fields, wrong};
use languages::{Kind, Language};

const PROCESS: &str = "io.kestra.plugin.core.runner.Process";
const DOCKER: &str = "io.kestra.plugin.scripts.runner.docker.Docker";

/// The properties that are read here or below, and those that change nothing about one run by hand.
const PROPERTIES: [&str; 28] = [
    "id",
    "type",
    "version",
    "description",
    "disabled",
    "allowFailure",
    "allowWarning",
    "logLevel",
    "logToFile",
    "warningOnStdErr",
    "targetOS",
    "workerGroup",
    "timeout",
    "retry",
    "env",
    "inputFiles",
    "outputFiles",
    "namespaceFiles",
    "interpreter",
    "beforeCommands",
    "commands",
    "script",
    "failFast",
    "containerImage",
    "taskRunner",
    "runner",
    "docker",
    "pluginDefaultsRef",
];

/// A task, ready to be started.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The class that its type stands for.
    pub(crate) class: String,
    /// The words: a program and its arguments.
    pub(crate) words: Vec<String>,
    /// The variables that the task sets.
    pub(crate) environment: Vec<(String, String)>,
    /// The files that are there when it begins: relative paths and contents, the script among them.
    pub(crate) files: Vec<(String, String)>,
    /// The files that it makes, as globs relative to the working directory.
    pub(crate) outputs: Vec<String>,
    /// The longest that one attempt may take.
    pub(crate) timeout: Option<Duration>,
    /// When it is started again.
    pub(crate) retry: Option<Retry>,
    /// Where it runs.
    pub(crate) runner: Runner,
    /// What its author should know.
    pub(crate) notes: Vec<String>,
}

/// Where a task runs.
#[derive(Debug)]
pub(crate) enum Runner {
    /// In a process of this machine.
    Process,
    /// In a container.
    Container(Box<Container>),
}

/// What a plan needs to know besides the task.
pub(crate) struct Surroundings<'a> {
    /// Which names mean the same class.
    pub(crate) aliases: &'a Aliases,
    /// `--input`: names and values.
    pub(crate) inputs: &'a [(String, String)],
    /// The working directory of a process.
    pub(crate) directory: &'a Path,
    /// The working directory in a container.
    pub(crate) mounted: &'a Path,
    /// Whether this machine has a program of that name.
    pub(crate) has: &'a dyn Fn(&str) -> bool,
}

impl Plan {
    /// Reads a task.
    ///
    /// # Errors
    /// RF410 and RF412 for what cannot be done as it is written.
    pub(crate) fn read(task: &Selected<'_>, around: &Surroundings<'_>) -> Result<Self, Refusal> {
        let class = around.aliases.canonical(&task.of_type).to_owned();
        let Some((language, kind)) = languages::of_class(&class) else {
            let what = format!("task `{}` is no script: its type is `{}`", task.id, task.of_type);
            return Err(Refusal::coded("RF410", what)
                .note(
                    "a script task is an `io.kestra.plugin.scripts.LANGUAGE.Commands` or `.Script`",
                )
                .help("run other tasks by a server"));
        };
        let mut known = known(task, around.inputs);
        let fields = Fields::new(task.map, "", &known);
        fields.only(&PROPERTIES)?;
        if fields.boolean("disabled")? == Some(true) {
            return Err(wrong("disabled", "is true: this task is not to be run"));
        }
        let mut notes = Vec::new();
        let runner = runner(&fields, around.aliases, &mut notes)?;
        let directory = match runner {
            Runner::Process => around.directory,
            Runner::Container(_) => around.mounted,
        };
        known.set("workingDir", directory.display().to_string());
        let task =
            Reader { fields: Fields::new(task.map, "", &known), language, directory, around };
        task.plan(class, kind, runner, notes)
    }
}

struct Reader<'a> {
    fields: Fields<'a>,
    language: &'static Language,
    directory: &'a Path,
    around: &'a Surroundings<'a>,
}

impl Reader<'_> {
    fn plan(
        &self,
        class: String,
        kind: Kind,
        runner: Runner,
        notes: Vec<String>,
    ) -> Result<Plan, Refusal> {
        let fields = &self.fields;
        no_namespace_files(fields)?;
        let mut files = input_files(fields)?;
        let words = match kind {
            Kind::Commands => self.commands()?,
            Kind::Script => self.script(&runner, &mut files)?,
        };
        let timeout = fields.text("timeout")?.map(|text| {
            let given = duration::parse(&text).filter(|limit| !limit.is_zero());
            given.ok_or_else(|| wrong("timeout", &format!("is `{text}`, no duration as `PT10S`")))
        });
        let retry = fields.map("retry")?.map(|retry| Retry::read(&retry));
        let outputs = fields.texts("outputFiles")?.unwrap_or_default();
        outputs.iter().try_for_each(|glob| relative("outputFiles", glob))?;
        Ok(Plan {
            class,
            words,
            environment: environment(fields)?,
            files,
            outputs,
            timeout: timeout.transpose()?,
            retry: retry.transpose()?,
            runner,
            notes,
        })
    }

    /// The interpreter and, as one word, all lines.
    fn commands(&self) -> Result<Vec<String>, Refusal> {
        let commands = self.fields.texts("commands")?.unwrap_or_default();
        if commands.is_empty() {
            return Err(wrong("commands", "is missing or empty"));
        }
        self.lines(commands)
    }

    fn lines(&self, commands: Vec<String>) -> Result<Vec<String>, Refusal> {
        let stop = match self.language.name {
            "powershell" => "$ErrorActionPreference = \"Stop\"",
            _ => "set -e",
        };
        let fast = self.fields.boolean("failFast")?.unwrap_or(true);
        let before = self.fields.texts("beforeCommands")?.unwrap_or_default();
        let lines: Vec<String> =
            fast.then(|| stop.to_owned()).into_iter().chain(before).chain(commands).collect();
        let mut words = self.interpreter()?;
        words.push(lines.join("\n"));
        Ok(words)
    }

    fn interpreter(&self) -> Result<Vec<String>, Refusal> {
        match self.fields.texts("interpreter")? {
            Some(words) if words.first().is_none_or(String::is_empty) => {
                Err(wrong("interpreter", "names no program"))
            }
            Some(words) => Ok(words),
            None => Ok(self.language.shell.iter().map(|&word| word.to_owned()).collect()),
        }
    }

    /// The language's program and the file; through the interpreter where that has something to do
    /// before.
    fn script(
        &self,
        runner: &Runner,
        files: &mut Vec<(String, String)>,
    ) -> Result<Vec<String>, Refusal> {
        let script = self.fields.text("script")?.unwrap_or_default();
        if script.is_empty() {
            return Err(wrong("script", "is missing or empty"));
        }
        no_uri("script", &script)?;
        let name = format!("ringfence-script.{}", self.language.extension);
        if files.iter().any(|(taken, _)| *taken == name) {
            return Err(wrong(
                &format!("inputFiles.{name}"),
                "has the name of the script's own file",
            ));
        }
        let file = self.directory.join(&name).display().to_string();
        files.push((name, script));
        let program = self.program(runner);
        let mut words: Vec<String> = std::iter::once(&program)
            .chain(self.language.arguments)
            .map(|&w| w.to_owned())
            .collect();
        if self.language.name == "shell" && self.fields.boolean("failFast")?.unwrap_or(true) {
            words.push("-e".to_owned());
        }
        words.push(file);
        if self.fields.get("beforeCommands").is_none() && self.fields.get("interpreter").is_none() {
            return Ok(words);
        }
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        self.lines(vec![words.join(" ")])
    }

    fn program(&self, runner: &Runner) -> &'static str {
        let programs = self.language.programs;
        let found = match runner {
            Runner::Process => programs.iter().find(|program| (self.around.has)(program)),
            Runner::Container(_) => programs.last(),
        };
        found.or(programs.first()).copied().unwrap_or_default()
    }
}

/// What expressions may name: the flow's own names, inputs and variables.
fn known(task: &Selected<'_>, given: &[(String, String)]) -> Known {
    let mut known = Known::default();
    known.set("task.id", &*task.id);
    known.set("task.type", &*task.of_type);
    for key in ["id", "namespace"] {
        if let Some(text) = task.flow.get(key).and_then(Node::text) {
            known.set(format!("flow.{key}"), &**text);
        }
    }
    for input in task.flow.get("inputs").and_then(Node::list).unwrap_or_default() {
        let Some(input) = input.map() else { continue };
        let id = input.get("id").or_else(|| input.get("name")).and_then(Node::text);
        let default = input.get("defaults").and_then(plain);
        if let (Some(id), Some(default)) = (id, default) {
            known.set(format!("inputs.{id}"), default);
        }
    }
    let none = Map::default();
    for (name, value) in task.flow.get("variables").and_then(Node::map).unwrap_or(&none) {
        // A variable that is an expression itself is a server's to render.
        if let Some(value) = plain(value).filter(|value| !value.contains("{{")) {
            known.set(format!("vars.{name}"), value);
        }
    }
    for (name, value) in given {
        known.set(format!("inputs.{name}"), value);
    }
    known
}

fn plain(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) | Value::Number(text) => Some(text.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// `taskRunner`; where there is none, the two properties that it has replaced.
fn runner(
    fields: &Fields<'_>,
    aliases: &Aliases,
    notes: &mut Vec<String>,
) -> Result<Runner, Refusal> {
    let legacy: Vec<&str> =
        ["runner", "docker"].into_iter().filter(|key| fields.get(key).is_some()).collect();
    let Some(runner) = fields.map("taskRunner")? else {
        let asked = fields.text("runner")?.unwrap_or_default();
        let container = fields.get("docker").is_some() || fields.get("containerImage").is_some();
        return match asked.as_str() {
            "PROCESS" => Ok(Runner::Process),
            "DOCKER" => Container::legacy(fields),
            "" if container => Container::legacy(fields),
            "" => {
                notes.push("no `taskRunner` and no `containerImage`: a local process".into());
                Ok(Runner::Process)
            }
            other => Err(wrong("runner", &format!("is `{other}`: it is PROCESS or DOCKER"))),
        };
    };
    for key in legacy {
        notes.push(format!("`{key}` is ignored: `taskRunner` decides"));
    }
    let of_type = runner.text("type")?.ok_or_else(|| wrong("taskRunner.type", "is missing"))?;
    match aliases.canonical(&of_type) {
        PROCESS => {
            runner.only(&["type", "version"])?;
            Ok(Runner::Process)
        }
        DOCKER => Container::read(fields, &runner),
        _ => Err(wrong("taskRunner.type", &format!("is `{of_type}`, which is not run here"))
            .note(format!("run here: `{PROCESS}` and `{DOCKER}`"))
            .help("nothing was started: a task never runs by a weaker runner than its own")),
    }
}

/// The files of a namespace are on a server.
fn no_namespace_files(fields: &Fields<'_>) -> Result<(), Refusal> {
    match fields.map("namespaceFiles")? {
        Some(files) if files.boolean("enabled")? != Some(false) => {
            Err(wrong("namespaceFiles", "needs the files of a server")
                .help("give them as `inputFiles`, or set `enabled: false`"))
        }
        _ => Ok(()),
    }
}

fn environment(fields: &Fields<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let entries = fields.entries("env")?;
    for (name, _) in &entries {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(wrong("env", &format!("has `{name}`, no name of a variable")));
        }
    }
    Ok(entries)
}

fn input_files(fields: &Fields<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let files = fields.entries("inputFiles")?;
    for (name, content) in &files {
        relative("inputFiles", name)?;
        no_uri(&format!("inputFiles.{name}"), content)?;
    }
    Ok(files)
}

/// Files of a server's storage are not here.
fn no_uri(name: &str, text: &str) -> Result<(), Refusal> {
    let scheme = ["kestra://", "nsfile://", "file://"].iter().find(|s| text.starts_with(**s));
    match scheme {
        Some(scheme) => Err(wrong(name, &format!("is a `{scheme}` address, which is a server's"))
            .help("write the content itself")),
        None => Ok(()),
    }
}

/// Nothing leaves the working directory.
fn relative(property: &str, path: &str) -> Result<(), Refusal> {
    let normal = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let parts = Path::new(path).components();
    let inside = parts.clone().all(normal) && parts.count() > 0;
    if inside && !path.ends_with('/') && !path.contains('\0') {
        return Ok(());
    }
    Err(wrong(property, &format!("has `{path}`, which is no path within the working directory")))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests;
