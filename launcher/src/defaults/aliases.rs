//! Which class names mean the same plugin.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Legacy names of core plugins, by package: `old.Name` is an alias of `new.Name`.
#[rustfmt::skip]
const PACKAGES: &[(&str, &str, &[&str])] = &[
    ("io.kestra.core.models.triggers.types", "io.kestra.plugin.core.trigger", &["Flow", "Schedule", "Webhook"]),
    ("io.kestra.core.tasks.debugs", "io.kestra.plugin.core.debug", &["Echo", "Return"]),
    ("io.kestra.core.tasks.executions", "io.kestra.plugin.core.execution", &["Fail", "Labels", "Resume"]),
    ("io.kestra.core.tasks.flows", "io.kestra.plugin.core.flow", &[
        "AllowFailure", "Dag", "EachParallel", "EachSequential", "ForEachItem", "If", "Parallel", "Pause",
        "Sequential", "Subflow", "Switch", "Template", "WorkingDirectory",
    ]),
    ("io.kestra.core.tasks.log", "io.kestra.plugin.core.log", &["Fetch", "Log"]),
    ("io.kestra.core.tasks.states", "io.kestra.plugin.core.state", &["Delete", "Get", "Set"]),
    ("io.kestra.core.tasks.storages", "io.kestra.plugin.core.storage", &[
        "Concat", "DeduplicateItems", "Delete", "FilterItems", "LocalFiles", "Reverse", "Size", "Split",
    ]),
    ("io.kestra.core.tasks.templating", "io.kestra.plugin.core.templating", &["TemplatedTask"]),
    ("io.kestra.core.tasks.trigger", "io.kestra.plugin.core.trigger", &["Toggle"]),
    ("io.kestra.plugin.fs.http", "io.kestra.plugin.core.http", &["Download", "Request", "Trigger"]),
];

/// Conditions whose names have lost the ending `Condition`.
#[rustfmt::skip]
const CONDITIONS: &[&str] = &[
    "DateTimeBetween", "DayWeek", "DayWeekInMonth", "ExecutionFlow", "ExecutionLabels", "ExecutionNamespace",
    "ExecutionOutputs", "ExecutionStatus", "HasRetryAttempt", "Not", "Or", "PublicHoliday", "TimeBetween", "Weekend",
];

/// Legacy names that follow no rule, those of the script plugins and task runners among them.
#[rustfmt::skip]
const SINGLE: &[(&str, &str)] = &[
    ("io.kestra.core.tasks.executions.Counts", "io.kestra.plugin.core.execution.Count"),
    ("io.kestra.core.tasks.flows.Flow", "io.kestra.plugin.core.flow.Subflow"),
    ("io.kestra.core.tasks.flows.Worker", "io.kestra.plugin.core.flow.WorkingDirectory"),
    ("io.kestra.core.tasks.storages.Purge", "io.kestra.plugin.core.execution.PurgeExecutions"),
    ("io.kestra.plugin.core.storage.Purge", "io.kestra.plugin.core.execution.PurgeExecutions"),
    ("io.kestra.core.tasks.storages.PurgeExecution", "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles"),
    ("io.kestra.plugin.core.storage.PurgeExecution", "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles"),
    ("io.kestra.core.models.conditions.types.VariableCondition", "io.kestra.plugin.core.condition.Expression"),
    ("io.kestra.plugin.core.condition.ExpressionCondition", "io.kestra.plugin.core.condition.Expression"),
    ("io.kestra.core.models.conditions.types.FlowCondition", "io.kestra.plugin.core.condition.FlowCondition"),
    ("io.kestra.core.models.conditions.types.FlowNamespaceCondition", "io.kestra.plugin.core.condition.FlowNamespaceCondition"),
    ("io.kestra.core.models.conditions.types.MultipleCondition", "io.kestra.plugin.core.condition.MultipleCondition"),
    ("io.kestra.core.models.tasks.runners.types.ProcessTaskRunner", "io.kestra.plugin.core.runner.Process"),
    ("io.kestra.plugin.scripts.runner.docker.DockerTaskRunner", "io.kestra.plugin.scripts.runner.docker.Docker"),
    ("io.kestra.core.tasks.scripts.Bash", "io.kestra.plugin.scripts.shell.Commands"),
    ("io.kestra.core.tasks.scripts.Node", "io.kestra.plugin.scripts.node.Commands"),
    ("io.kestra.core.tasks.scripts.Python", "io.kestra.plugin.scripts.python.Commands"),
];

/// A chain of aliases is followed this far.
const MAX_STEPS: usize = 16;

/// The aliases in force: the built-in ones and those of the policy, which win.
#[derive(Clone, Debug)]
pub(crate) struct Aliases {
    canonical: HashMap<Rc<str>, Rc<str>>,
    /// The aliases of each canonical name.
    names: HashMap<Rc<str>, Vec<Rc<str>>>,
}

impl Aliases {
    /// The built-in aliases and these (alias, canonical name).
    pub(crate) fn new<'a>(more: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut canonical = HashMap::new();
        for (alias, name) in built_in() {
            canonical.insert(Rc::from(alias), Rc::from(name));
        }
        for (alias, name) in more {
            canonical.insert(Rc::from(alias), Rc::from(name));
        }
        let mut aliases = Self { canonical, names: HashMap::new() };
        let known: Vec<Rc<str>> = aliases.canonical.keys().cloned().collect();
        for alias in known {
            let name = Rc::from(aliases.canonical(&alias));
            aliases.names.entry(name).or_default().push(alias);
        }
        aliases
    }

    /// The class that a name means, without the version that may follow it after a colon. A name
    /// that is no alias is its own; of a ring of aliases, its least name.
    pub(crate) fn canonical<'a>(&'a self, name: &'a str) -> &'a str {
        let mut name = without_version(name);
        let mut seen = HashSet::new();
        while let Some(next) = self.canonical.get(name) {
            if !seen.insert(name) || seen.len() > MAX_STEPS {
                return seen.into_iter().min().unwrap_or(name);
            }
            name = next;
        }
        name
    }

    /// The class that an alias means in Kestra, which follows one step, and which has dropped the
    /// script tasks of old without an alias.
    pub(super) fn of_alias(&self, name: &str) -> Option<&Rc<str>> {
        if name.starts_with("io.kestra.core.tasks.scripts.") {
            return None;
        }
        self.canonical.get(name)
    }

    /// Every name of a plugin: its class and all aliases.
    pub(crate) fn names<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let canonical = self.canonical(name);
        let others = self.names.get(canonical).map(Vec::as_slice).unwrap_or_default();
        std::iter::once(canonical).chain(others.iter().map(|name| &**name))
    }

    /// Every class name that the table has, canonical or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.canonical.iter().flat_map(|(alias, name)| [&**alias, &**name])
    }
}

/// A type without the version that Kestra lets follow it: `a.b.C:1.2`.
pub(crate) fn without_version(name: &str) -> &str {
    name.split_once(':').map_or(name, |(name, _)| name)
}

fn built_in() -> impl Iterator<Item = (String, String)> {
    let packages = PACKAGES.iter().flat_map(|&(old, new, names)| {
        names.iter().map(move |name| (format!("{old}.{name}"), format!("{new}.{name}")))
    });
    let conditions = CONDITIONS.iter().flat_map(|name| {
        ["io.kestra.core.models.conditions.types", "io.kestra.plugin.core.condition"].map(
            |package| {
                (
                    format!("{package}.{name}Condition"),
                    format!("io.kestra.plugin.core.condition.{name}"),
                )
            },
        )
    });
    let single = SINGLE.iter().map(|&(alias, name)| (alias.to_owned(), name.to_owned()));
    packages.chain(conditions).chain(single)
}

#[cfg(test)]
mod tests {
    use super::Aliases;

    #[test]
    fn a_chain_is_followed_and_a_version_does_not_count() {
        let aliases = Aliases::new([("x.A", "x.B"), ("x.B", "x.C")]);
        assert_eq!(aliases.canonical("x.A"), "x.C");
        assert_eq!(aliases.canonical("x.A:1.2.3"), "x.C");
        assert_eq!(aliases.canonical("x.D"), "x.D");
    }

    #[test]
    fn a_ring_of_aliases_is_one_plugin() {
        let aliases = Aliases::new([("x.A", "x.B"), ("x.B", "x.A")]);
        assert_eq!(aliases.canonical("x.A"), aliases.canonical("x.B"));
    }

    #[test]
    fn the_names_of_a_plugin_are_its_class_and_all_aliases() {
        let aliases = Aliases::new([("my.Shell", "io.kestra.plugin.scripts.shell.Commands")]);
        let mut names: Vec<_> = aliases.names("io.kestra.core.tasks.scripts.Bash").collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "io.kestra.core.tasks.scripts.Bash",
                "io.kestra.plugin.scripts.shell.Commands",
                "my.Shell"
            ]
        );
    }
}
