//! Where a task runs.

use crate::defaults::Aliases;
use crate::run::refusal::Refusal;

use super::container::Container;
use super::fields::{Fields, wrong};

const PROCESS: &str = "io.kestra.plugin.core.runner.Process";
const DOCKER: &str = "io.kestra.plugin.scripts.runner.docker.Docker";

/// Where a task runs.
#[derive(Debug)]
pub(crate) enum Runner {
    /// In a process of this machine.
    Process,
    /// In a container.
    Container(Box<Container>),
}

impl Runner {
    /// `taskRunner`; where there is none, the two properties that it has replaced.
    pub(super) fn read(
        fields: &Fields<'_>,
        aliases: &Aliases,
        notes: &mut Vec<String>,
    ) -> Result<Self, Refusal> {
        let legacy: Vec<&str> =
            ["runner", "docker"].into_iter().filter(|key| fields.get(key).is_some()).collect();
        let Some(runner) = fields.map("taskRunner")? else {
            let asked = fields.text("runner")?.unwrap_or_default();
            let container =
                fields.get("docker").is_some() || fields.get("containerImage").is_some();
            return match asked.as_str() {
                "PROCESS" => Ok(Self::Process),
                "DOCKER" => Container::legacy(fields),
                "" if container => Container::legacy(fields),
                "" => {
                    notes.push("no `taskRunner` and no `containerImage`: a local process".into());
                    Ok(Self::Process)
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
                Ok(Self::Process)
            }
            DOCKER => Container::read(fields, &runner),
            _ => Err(wrong("taskRunner.type", &format!("is `{of_type}`, which is not run here"))
                .note(format!("run here: `{PROCESS}` and `{DOCKER}`"))
                .help("nothing was started: a task never runs by a weaker runner than its own")),
        }
    }
}
