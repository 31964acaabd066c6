//! What is valid in the defaults of a policy, and probably not what its author means.

use std::collections::HashSet;
use std::rc::Rc;

use super::policy::Policy;
use super::value::{Map, Node, type_of};
use super::{Aliases, matches};
use crate::read::document::Defaults;
use crate::read::kestra::plugins::{DOCKER, LANGUAGES};
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::span::Span;
use crate::read::world::World;
use crate::read::yaml;

/// What of a Docker runner decides how much of the host a container sees.
const EXPOSED: [&str; 5] = ["privileged", "networkMode", "host", "volumes", "user"];
/// Types that no table of aliases names.
#[rustfmt::skip]
const MORE_TYPES: [&str; 16] = [
    "io.kestra.plugin.core.flow.ForEach", "io.kestra.plugin.core.flow.LoopUntil", "io.kestra.plugin.core.flow.Sleep",
    "io.kestra.plugin.core.flow.WaitFor", "io.kestra.plugin.core.kv.Delete", "io.kestra.plugin.core.kv.Get",
    "io.kestra.plugin.core.kv.GetKeys", "io.kestra.plugin.core.kv.Set", "io.kestra.plugin.core.log.PurgeLogs",
    "io.kestra.plugin.core.namespace.DeleteFiles", "io.kestra.plugin.core.namespace.DownloadFiles",
    "io.kestra.plugin.core.namespace.UploadFiles", "io.kestra.plugin.core.output.OutputValues",
    "io.kestra.plugin.core.trigger.ScheduleOnDates", "io.kestra.plugin.scripts.groovy.Eval",
    "io.kestra.plugin.scripts.jython.Eval",
];

/// The lints that look at the entries as they are written.
pub(crate) fn on_written(written: &[Defaults]) -> Mistakes {
    let mut mistakes = Mistakes::default();
    for entry in written.iter().filter(|entry| entry.section.starts_with("kestra.")) {
        not_expanded(&entry.node, &mut mistakes);
        if let Some(values) = entry.node.get("values") {
            kebab_case(values, &mut mistakes);
        }
    }
    for section in ["kestra.plugins.defaults", "kestra.tasks.defaults"] {
        let places = || {
            written.iter().filter(|entry| entry.section == section).map(|entry| &entry.node.span)
        };
        let (Some(first), Some(later)) = (places().next(), places().next_back()) else { continue };
        if first.source().name != later.source().name {
            mistakes.add(
                Mistake::new("RF326", format!("`{section}` stands in two files"))
                    .at(later, "Kestra takes this list alone")
                    .second(first, "and drops this one")
                    .help(
                        "a list in a later file replaces the whole list: put all entries into one",
                    ),
            );
        }
    }
    mistakes
}

/// RF327: `${…}` in an entry.
fn not_expanded(node: &yaml::Node, mistakes: &mut Mistakes) {
    match &node.value {
        yaml::Value::Scalar(text, _) if text.contains("${") => mistakes.add(
            Mistake::new("RF327", "`${…}` in an entry of defaults is not expanded")
                .at(&node.span, "stays as it is")
                .help("Kestra leaves it as text: write the value itself"),
        ),
        yaml::Value::Scalar(..) => {}
        yaml::Value::List(items) => items.iter().for_each(|item| not_expanded(item, mistakes)),
        yaml::Value::Map(entries) => {
            entries.iter().for_each(|entry| not_expanded(&entry.value, mistakes));
        }
    }
}

/// RF328: a key in kebab case, in the values or in a plugin in them.
fn kebab_case(values: &yaml::Node, mistakes: &mut Mistakes) {
    for yaml::Entry { key, value } in values.map().unwrap_or_default() {
        if let Some(text) = key.text()
            && text.contains('-')
            && text.chars().all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit())
        {
            mistakes.add(
                Mistake::new("RF328", format!("`{text}` is written in kebab case"))
                    .at(&key.span, "taken as it is")
                    .instead(&key.span, camel_case(text))
                    .help("keys in `values` are exact: Kestra knows no such property"),
            );
        }
        if value.get("type").is_some() {
            kebab_case(value, mistakes);
        }
    }
}

fn camel_case(kebab: &str) -> String {
    let mut words = kebab.split('-').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |camel, word| {
        let (start, rest) = word.split_at(1);
        camel + &start.to_uppercase() + rest
    })
}

/// RF329: a variable that empties the list.
pub(crate) fn on_environment(world: &World) -> Mistakes {
    let mut mistakes = Mistakes::default();
    for name in ["KESTRA_PLUGINS_DEFAULTS", "KESTRA_TASKS_DEFAULTS"] {
        if world.variable(name).is_some() {
            mistakes.add(
                Mistake::new("RF329", format!("`{name}` is set in the environment"))
                    .help("Kestra then reads an empty list, without a word: unset it"),
            );
        }
    }
    mistakes
}

/// The lints on the entries of a policy.
pub(crate) fn on_entries(policy: &Policy) -> Mistakes {
    let mut mistakes = Mistakes::default();
    some_scripts_only(policy, &mut mistakes);
    for (number, entry) in policy.entries.iter().enumerate().filter(|(_, entry)| entry.forced) {
        let missing = left_to_the_author(policy, &entry.of_type, &entry.values);
        if !missing.is_empty() {
            let title =
                format!("the forced Docker runner leaves `{}` to the author", missing.join("`, `"));
            mistakes.add(
                Mistake::new("RF330", title)
                    .at(&policy.spans[number], "this entry")
                    .help("force them in this entry")
                    .help(format!(
                        "an entry for `{DOCKER}` does it too, but not on a Kestra server where this one gives the runner"
                    )),
            );
        }
    }
    mistakes
}

/// The Docker runner that an entry forces.
fn docker<'a>(of_type: &str, values: &'a Map, aliases: &Aliases) -> Option<&'a Map> {
    let is_docker = |of_type: &Rc<str>| aliases.canonical(of_type) == DOCKER;
    if values.contains_key("type")
        || matches(of_type, DOCKER, aliases) && !values.contains_key("taskRunner")
    {
        return type_of(values).is_some_and(is_docker).then_some(values);
    }
    let runner = values.get("taskRunner")?.map()?;
    type_of(runner).is_some_and(is_docker).then_some(runner)
}

fn left_to_the_author(policy: &Policy, of_type: &str, values: &Map) -> Vec<&'static str> {
    let Some(runner) = docker(of_type, values, &policy.aliases) else { return Vec::new() };
    let by_type = || {
        policy.entries.iter().filter(|entry| {
            entry.forced
                && entry.reference.is_none()
                && matches(&entry.of_type, DOCKER, &policy.aliases)
        })
    };
    let is_set = |key: &&str| {
        runner.contains_key(*key) || by_type().any(|entry| entry.values.contains_key(*key))
    };
    EXPOSED.into_iter().filter(|key| !is_set(key)).collect()
}

/// RF303: Docker forced for some script tasks only.
fn some_scripts_only(policy: &Policy, mistakes: &mut Mistakes) {
    let forced: Vec<usize> = (0..policy.entries.len())
        .filter(|&number| {
            let entry = &policy.entries[number];
            let runner = entry.values.get("taskRunner").and_then(Node::plugin_type);
            entry.forced
                && runner.is_some_and(|of_type| policy.aliases.canonical(of_type) == DOCKER)
        })
        .collect();
    let Some(&first) = forced.first() else { return };
    let is_covered = |task: &String| {
        forced.iter().any(|&number| matches(&policy.entries[number].of_type, task, &policy.aliases))
    };
    let (covered, open): (Vec<_>, Vec<_>) = script_tasks().partition(is_covered);
    if covered.is_empty() || open.is_empty() {
        return;
    }
    let shown: Vec<&str> = open.iter().take(3).map(String::as_str).collect();
    let more = open.len() - shown.len();
    mistakes.add(
        Mistake::new("RF303", "Docker is forced for some script tasks only")
            .at(&policy.spans[first], "covers only a part of them")
            .help(format!(
                "`{}` and {more} others can still run on the worker itself",
                shown.join("`, `")
            ))
            .help("`type: io.kestra.plugin.scripts` covers all of them"),
    );
}

fn script_tasks() -> impl Iterator<Item = String> {
    LANGUAGES.iter().flat_map(|language| {
        ["Commands", "Script"].map(|task| format!("io.kestra.plugin.scripts.{language}.{task}"))
    })
}

/// The types that occur in flows, for the entries that match none of them.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashSet<Rc<str>>);

impl Seen {
    /// Adds those of a flow.
    pub(crate) fn add(&mut self, flow: &Node) {
        flow.for_each_plugin(&mut |of_type, _| {
            self.0.insert(Rc::clone(of_type));
        });
    }
}

/// RF331: a forced entry whose type matches neither a plugin of the flows nor a known type.
pub(crate) fn on_types(policy: &Policy, seen: &Seen) -> Mistakes {
    let mut mistakes = Mistakes::default();
    let known: HashSet<String> = policy
        .aliases
        .all()
        .map(str::to_owned)
        .chain(script_tasks())
        .chain(MORE_TYPES.map(str::to_owned))
        .chain(seen.0.iter().map(|of_type| of_type.to_string()))
        .collect();
    for (entry, span) in policy.entries.iter().zip(&policy.spans).filter(|(entry, _)| entry.forced)
    {
        if known.iter().any(|of_type| matches(&entry.of_type, of_type, &policy.aliases)) {
            continue;
        }
        mistakes.add(no_such_type(&entry.of_type, span, &known));
    }
    mistakes
}

fn no_such_type(of_type: &str, span: &Span, known: &HashSet<String>) -> Mistake {
    let mistake = Mistake::new("RF331", format!("`{of_type}` matches no task"))
        .at(span, "forces nothing here")
        .help("no plugin of these flows has such a type, and ringfence knows none");
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(name, of_type), name))
        .filter(|&(distance, _)| distance <= 3)
        .min();
    match nearest {
        Some((_, name)) => mistake.help(format!("did you mean `{name}`?")),
        None => mistake,
    }
}
