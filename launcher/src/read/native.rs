//! Our own format, version 1: everything under `ringfence:`.

mod audit;
mod own_tests;
mod tasks;

use ringfence_policy::PathPattern;

use super::document::{CallerKind, Document, Prefix, PrefixRules};
use super::expand::Syntax;
use super::files;
use super::kestra::empty_authorized;
use super::mistakes::{Mistake, Mistakes};
use super::patterns::{Context, Kind};
use super::prefixes;
use super::shape::{self, Field, Section};
use super::world::World;
use super::yaml::{Entry, Node, Value};
use crate::cli::Mode;

const KEYS: [&str; 15] = [
    "version",
    "mode",
    "locked",
    "debug",
    "namespaces",
    "include",
    "presets",
    "files",
    "threads",
    "processes",
    "callers",
    "tasks",
    "environment",
    "audit",
    "tests",
];

/// Reads the `ringfence` of a document, where it has one. The answer says whether it has.
pub(crate) fn read(
    root: &Node,
    world: &World,
    document: &mut Document,
    mistakes: &mut Mistakes,
) -> bool {
    let entries = root.map().unwrap_or_default();
    let mut ours = entries.iter().filter(|entry| entry.key.text() == Some("ringfence"));
    let Some(Entry { key, value }) = ours.next() else { return false };
    if let Some(again) = ours.next() {
        mistakes.add(
            Mistake::new("RF102", "key `ringfence` is there twice")
                .at(&again.key.span, "again here")
                .second(&key.span, "first here"),
        );
    }
    let Some(section) = Section::open("ringfence", &key.span, value, &KEYS, mistakes) else {
        return true;
    };
    let mut context = Context { world, syntax: Syntax::Native, mistakes };
    version(&section, context.mistakes);
    modes(&section, document, context.mistakes);
    type Read = fn(Field<'_>, &mut Document, &mut Context<'_>);
    let readers: [(&str, Read); 9] = [
        ("presets", presets),
        ("files", files::files),
        ("threads", threads),
        ("processes", processes),
        ("callers", callers),
        ("tasks", tasks::tasks),
        ("environment", tasks::environment),
        ("audit", audit::audit),
        ("tests", own_tests::tests),
    ];
    for (name, read) in readers {
        if let Some(field) = section.get(name) {
            read(field, document, &mut context);
        }
    }
    true
}

fn version(section: &Section<'_>, mistakes: &mut Mistakes) {
    let Some(field) = section.get("version") else {
        mistakes.add(
            Mistake::new("RF104", "`ringfence` has no `version`")
                .near(section.span)
                .help("add `version: 1`, so that a later ringfence knows what the rest means"),
        );
        return;
    };
    if let Some(version) = shape::text("ringfence.version", field.value, mistakes)
        && version != "1"
    {
        mistakes.add(
            Mistake::new("RF109", format!("version `{version}` of the policy format is not known"))
                .at(&field.value.span, "not known")
                .help("this ringfence reads version 1"),
        );
    }
}

fn modes(section: &Section<'_>, document: &mut Document, mistakes: &mut Mistakes) {
    let modes = [("enforce", Mode::Enforce), ("audit", Mode::Audit), ("off", Mode::Off)];
    if let Some(field) = section.get("mode") {
        let mode = shape::word("ringfence.mode", field.value, &modes, mistakes);
        document.mode = document.mode.max(mode);
    }
    if let Some(field) = section.get("locked") {
        document.locked |= shape::boolean("ringfence.locked", field.value, mistakes) == Some(true);
    }
    let words = [("allow", true), ("deny", false)];
    for (name, allowed) in
        [("debug", &mut document.debug), ("namespaces", &mut document.namespaces)]
    {
        if let Some(field) = section.get(name) {
            match shape::word(&section.path(name), field.value, &words, mistakes) {
                Some(true) => *allowed = !document.denied.contains(&name),
                // Another source cannot take it back.
                Some(false) => {
                    *allowed = false;
                    document.denied.push(name);
                }
                None => {}
            }
        }
    }
}

/// `presets`: words, and `jvm` with directories.
fn presets(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let name = "ringfence.presets";
    let Some(items) = shape::list(name, field.value, context.mistakes) else { return };
    document.presets_given.push(items.is_empty());
    for item in items {
        if let Value::Map(_) = item.value {
            let section = Section::open(name, &item.span, item, &["jvm"], context.mistakes);
            if let Some(jvm) = section.and_then(|section| section.get("jvm")) {
                let places = directories("ringfence.presets.jvm", jvm.value, context);
                document.presets.jvm.extend(places);
            }
            continue;
        }
        let words = [("jvm", "jvm"), ("kestra", "kestra"), ("credentials", "credentials")];
        match shape::word(name, item, &words, context.mistakes) {
            Some("kestra") => document.presets_named.kestra = true,
            Some("credentials") => document.presets_named.credentials = true,
            _ => {}
        }
    }
}

/// Absolute paths of directories.
fn directories(name: &str, node: &Node, context: &mut Context<'_>) -> Vec<Vec<u8>> {
    let items = shape::list(name, node, context.mistakes).unwrap_or_default();
    let places = items.iter().filter_map(|item| context.places(name, item, Kind::Path));
    places
        .flatten()
        .map(|place| match place {
            PathPattern::Literal(path) | PathPattern::Glob(path) => path,
        })
        .collect()
}

fn threads(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["authorized", "forbidden", "unattributed"];
    let rules = &mut document.threads;
    let section = prefix_rules("ringfence.threads", field, &known, rules, context);
    if let Some(unattributed) = section.and_then(|section| section.get("unattributed")) {
        let words = [("allow", false), ("deny", true)];
        let name = "ringfence.threads.unattributed";
        if shape::word(name, unattributed.value, &words, context.mistakes) == Some(true) {
            rules.deny_unattributed = true;
        }
    }
}

fn processes(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["authorized", "forbidden"];
    prefix_rules("ringfence.processes", field, &known, &mut document.processes, context);
}

fn prefix_rules<'n>(
    name: &str,
    field: Field<'n>,
    known: &[&'static str],
    rules: &mut PrefixRules,
    context: &mut Context<'_>,
) -> Option<Section<'n>> {
    let section = Section::open(name, field.key, field.value, known, context.mistakes)?;
    for (list, into) in [("authorized", &mut rules.authorized), ("forbidden", &mut rules.forbidden)]
    {
        let Some(field) = section.get(list) else { continue };
        if list == "authorized" && field.value.list().is_some_and(<[Node]>::is_empty) {
            context.mistakes.add(empty_authorized(&section.path(list), field.key));
        }
        into.extend(prefixes::list(&section.path(list), field.value, context));
    }
    Some(section)
}

fn callers(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["subjects", "pluginLoaders", "pluginDirs", "services", "strict"];
    let name = "ringfence.callers";
    let section = Section::open(name, field.key, field.value, &known, context.mistakes);
    let Some(section) = section else { return };
    let mut prefixes = |list: &str| -> Vec<Prefix> {
        let field = section.get(list);
        field.map_or(Vec::new(), |field| prefixes::list(&section.path(list), field.value, context))
    };
    document.callers.subjects.extend(prefixes("subjects"));
    document.callers.plugin_loaders.extend(prefixes("pluginLoaders"));
    document.callers.services.extend(prefixes("services"));
    if let Some(field) = section.get("pluginDirs") {
        let places = directories(&section.path("pluginDirs"), field.value, context);
        document.callers.plugin_dirs.extend(places);
    }
    if let Some(field) = section.get("strict") {
        let strict = shape::boolean(&section.path("strict"), field.value, context.mistakes);
        document.callers.strict |= strict == Some(true);
    }
}

/// Whether a prefix is about Java.
pub(crate) fn is_java(prefix: &Prefix) -> bool {
    prefix.kind == CallerKind::Java
}
