//! What a task comes to: the words that are started, with what, where and how often.
//!
//! Everything that can be wrong about a task as it is written is found here, before there is a
//! directory, a process or a container.

mod container;
mod duration;
mod expression;
mod fields;
mod files;
mod languages;
mod retry;
mod runner;
mod words;

use std::path::Path;
use std::time::Duration;

use crate::defaults::{Aliases, Map, Node, Value};
use crate::run::refusal::Refusal;

pub(crate) use container::{Container, Pull};
pub(crate) use retry::Retry;
pub(crate) use runner::Runner;

use super::select::Selected;
use expression::Known;
use fields::{Fields, wrong};
use words::Words;

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
        let runner = Runner::read(&fields, around.aliases, &mut notes)?;
        let directory = match runner {
            Runner::Process => around.directory,
            Runner::Container(_) => around.mounted,
        };
        known.set("workingDir", directory.display().to_string());
        let fields = &Fields::new(task.map, "", &known);
        files::no_namespace_files(fields)?;
        let mut files = files::input_files(fields)?;
        let words = Words { fields, language, runner: &runner, directory, around };
        Ok(Self {
            class,
            words: words.read(kind, &mut files)?,
            environment: environment(fields)?,
            files,
            outputs: outputs(fields)?,
            timeout: timeout(fields)?,
            retry: fields.map("retry")?.map(|retry| Retry::read(&retry)).transpose()?,
            runner,
            notes,
        })
    }
}

fn timeout(fields: &Fields<'_>) -> Result<Option<Duration>, Refusal> {
    let Some(text) = fields.text("timeout")? else { return Ok(None) };
    let given = duration::parse(&text).filter(|limit| !limit.is_zero());
    let given =
        given.ok_or_else(|| wrong("timeout", &format!("is `{text}`, no duration as `PT10S`")));
    given.map(Some)
}

fn outputs(fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let outputs = fields.texts("outputFiles")?.unwrap_or_default();
    outputs.iter().try_for_each(|glob| files::relative("outputFiles", glob))?;
    Ok(outputs)
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

fn environment(fields: &Fields<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let entries = fields.entries("env")?;
    for (name, _) in &entries {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(wrong("env", &format!("has `{name}`, no name of a variable")));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
