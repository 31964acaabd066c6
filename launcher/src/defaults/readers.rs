//! Rules about threads that refuse those of the containers' own runner.

use super::policy::{Policy, is_contained};
use crate::read::classes::{Refused, covers, judge};
use crate::read::document::PrefixRules;
use crate::read::kestra::plugins::{DOCKER, WRAPPER};
use crate::read::mistakes::{Mistake, Mistakes};

/// RF333: tasks are forced into containers by a worker whose runner of containers may create no thread.
pub(super) fn refused(policy: &Policy, threads: &PrefixRules) -> Mistakes {
    let mut mistakes = Mistakes::default();
    for (entry, span) in policy.entries.iter().zip(&policy.spans) {
        let task = entry.of_type.as_ref();
        let found = [task, WRAPPER, DOCKER].into_iter().find_map(|class| {
            let refused = judge(class, threads).err()?;
            let is_part = class == task && has_authorized_part(task, threads);
            (!is_part).then_some((class, refused))
        });
        let Some((class, refused)) = found.filter(|_| is_contained(entry)) else { continue };
        let title = format!("tasks are forced into containers, and `{class}` may create no thread");
        let mistake = Mistake::new("RF333", title).at(span, "forces them");
        mistakes.add(match refused {
            Refused::Forbidden(prefix) => mistake.second(&prefix.span, "forbids the thread").help(
                "the Docker runner reads on threads what a container prints: forbid the plugins that run scripts in the \
                 worker itself, `io.kestra.plugin.scripts.groovy` and `io.kestra.plugin.scripts.jython`",
            ),
            Refused::Unnamed(prefix) => {
                mistake.second(&prefix.span, "it is not in this list").help(format!(
                    "the Docker runner reads on threads what a container prints: authorize the package of each task, \
                     `{}` and `{}`",
                    package(WRAPPER, 5),
                    package(DOCKER, 6)
                ))
            }
        });
    }
    mistakes
}

/// Whether some of the types that an entry is for are authorized: of the others it says nothing.
fn has_authorized_part(task: &str, threads: &PrefixRules) -> bool {
    threads.authorized.iter().any(|prefix| prefix.text != task && covers(task, &prefix.text))
}

/// So many names of a class from the first on.
fn package(class: &str, names: usize) -> String {
    class.split('.').take(names).collect::<Vec<_>>().join(".")
}
