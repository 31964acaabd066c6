//! The words of a task: its interpreter with all lines, or its language's program with the script.

use std::path::Path;

use crate::run::refusal::Refusal;

use super::fields::{Fields, wrong};
use super::files::no_uri;
use super::languages::{Kind, Language};
use super::{Runner, Surroundings};

/// What the words of a task are made of.
pub(super) struct Words<'a> {
    /// Its properties.
    pub(super) fields: &'a Fields<'a>,
    /// Its language.
    pub(super) language: &'static Language,
    /// Where it runs.
    pub(super) runner: &'a Runner,
    /// Its working directory, as it sees it.
    pub(super) directory: &'a Path,
    /// What this machine has.
    pub(super) around: &'a Surroundings<'a>,
}

impl Words<'_> {
    /// The words; a script becomes one more of the files.
    ///
    /// # Errors
    /// Where there is nothing to be run, or nothing to run it by.
    pub(super) fn read(
        &self,
        kind: Kind,
        files: &mut Vec<(String, String)>,
    ) -> Result<Vec<String>, Refusal> {
        match kind {
            Kind::Commands => self.commands(),
            Kind::Script => self.script(files),
        }
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
    fn script(&self, files: &mut Vec<(String, String)>) -> Result<Vec<String>, Refusal> {
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
        let program = self.program();
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

    fn program(&self) -> &'static str {
        let programs = self.language.programs;
        let found = match self.runner {
            Runner::Process => programs.iter().find(|program| (self.around.has)(program)),
            Runner::Container(_) => programs.last(),
        };
        found.or(programs.first()).copied().unwrap_or_default()
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
