//! Our own format, version 1: everything under `ringfence:`.

use ringfence_policy::{Console, PathPattern};

use super::document::{
    AuditTo, CallerKind, Defaults, Document, Prefix, PrefixRules, Subject, Test, Text, Unenforced,
};
use super::expand::Syntax;
use super::files;
use super::kestra::empty_authorized;
use super::mistakes::{Mistake, Mistakes};
use super::patterns::{Context, Kind};
use super::prefixes;
use super::shape::{self, Field, Section};
use super::span::Span;
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

/// The profiles by which task defaults are merged.
const PROFILES: [(&str, &str); 5] = [
    ("ringfence", "ringfence"),
    ("kestra-0.17", "kestra-0.17"),
    ("kestra-0.19", "kestra-0.19"),
    ("kestra-1.3", "kestra-1.3"),
    ("kestra-develop", "kestra-develop"),
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
        ("tasks", tasks),
        ("environment", environment),
        ("audit", audit),
        ("tests", tests),
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
            let word = shape::word(&section.path(name), field.value, &words, mistakes);
            *allowed |= word == Some(true);
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
    let mut rules = std::mem::take(&mut document.threads);
    let section = prefix_rules("ringfence.threads", field, &known, &mut rules, document, context);
    if let Some(unattributed) = section.and_then(|section| section.get("unattributed")) {
        let words = [("allow", false), ("deny", true)];
        let name = "ringfence.threads.unattributed";
        if shape::word(name, unattributed.value, &words, context.mistakes) == Some(true) {
            rules.deny_unattributed = true;
            let what = "threads.unattributed".to_owned();
            document.unenforced.push(Unenforced { what, span: unattributed.key.clone() });
        }
    }
    document.threads = rules;
}

fn processes(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["authorized", "forbidden"];
    let mut rules = std::mem::take(&mut document.processes);
    prefix_rules("ringfence.processes", field, &known, &mut rules, document, context);
    document.processes = rules;
}

fn prefix_rules<'n>(
    name: &str,
    field: Field<'n>,
    known: &[&'static str],
    rules: &mut PrefixRules,
    document: &mut Document,
    context: &mut Context<'_>,
) -> Option<Section<'n>> {
    let section = Section::open(name, field.key, field.value, known, context.mistakes)?;
    let short = name.trim_start_matches("ringfence.");
    for (list, into) in [("authorized", &mut rules.authorized), ("forbidden", &mut rules.forbidden)]
    {
        let Some(field) = section.get(list) else { continue };
        if list == "authorized" && field.value.list().is_some_and(<[Node]>::is_empty) {
            context.mistakes.add(empty_authorized(&section.path(list), field.key));
        }
        let prefixes = prefixes::list(&section.path(list), field.value, context);
        document.note_unenforced(&format!("{short}.{list}"), &prefixes);
        into.extend(prefixes);
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
    not_yet("callers", &section, document);
}

/// Notes a whole section that nothing enforces yet.
fn not_yet(what: &str, section: &Section<'_>, document: &mut Document) {
    if !section.is_empty() {
        document.unenforced.push(Unenforced { what: what.to_owned(), span: section.span.clone() });
    }
}

fn tasks(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["defaults", "aliases", "inheritEnv", "profile"];
    let name = "ringfence.tasks";
    let section = Section::open(name, field.key, field.value, &known, context.mistakes);
    let Some(section) = section else { return };
    if let Some(field) = section.get("defaults") {
        let entries = shape::list("ringfence.tasks.defaults", field.value, context.mistakes);
        let entries = entries.unwrap_or_default();
        entries.iter().for_each(|entry| entry.report_duplicate_keys(context.mistakes));
        let entries = entries.iter().cloned();
        let entries = entries.map(|node| Defaults { section: "ringfence.tasks.defaults", node });
        document.defaults.extend(entries);
    }
    if let Some(field) = section.get("aliases") {
        aliases(field, document, context.mistakes);
    }
    if let Some(field) = section.get("inheritEnv") {
        let names = names(&section.path("inheritEnv"), field.value, false, context.mistakes);
        document.tasks.inherit_env.extend(names);
    }
    if let Some(field) = section.get("profile") {
        let name = section.path("profile");
        let profile = shape::word(&name, field.value, &PROFILES, context.mistakes);
        document.tasks.profile = profile.map(|text| text_at(text, &field.value.span));
    }
    not_yet("tasks", &section, document);
}

fn aliases(field: Field<'_>, document: &mut Document, mistakes: &mut Mistakes) {
    let name = "ringfence.tasks.aliases";
    let Some(entries) = field.value.map() else {
        mistakes.add(shape::wrong_kind(name, field.value, "a map"));
        return;
    };
    for Entry { key, value } in entries {
        let (Some(alias), Some(canonical)) = (key.text(), shape::text(name, value, mistakes))
        else {
            continue;
        };
        let pair = (text_at(alias, &key.span), text_at(canonical, &value.span));
        document.tasks.aliases.push(pair);
    }
}

fn text_at(text: &str, span: &Span) -> Text {
    Text { text: text.to_owned(), span: span.clone() }
}

/// Names of environment variables, with wildcards where those are allowed.
fn names(name: &str, node: &Node, wild: bool, mistakes: &mut Mistakes) -> Vec<Text> {
    let mut found = Vec::new();
    for (text, node) in shape::texts(name, node, mistakes) {
        let valid = |c: char| !c.is_whitespace() && c != '=' && c != '\0';
        let literal = wild || !text.contains(['*', '?']);
        if !text.is_empty() && literal && text.chars().all(valid) {
            found.push(text_at(text, &node.span));
        } else {
            let title = format!("`{text}` in `{name}` is no name of an environment variable");
            mistakes.add(Mistake::new("RF215", title).at(&node.span, "not a name"));
        }
    }
    found
}

fn environment(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let name = "ringfence.environment";
    let section = Section::open(name, field.key, field.value, &["hide"], context.mistakes);
    let Some(section) = section else { return };
    if let Some(field) = section.get("hide") {
        let hidden = names(&section.path("hide"), field.value, true, context.mistakes);
        document.hidden.extend(hidden);
    }
    not_yet("environment", &section, document);
}

fn audit(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["to", "console", "rate", "frames"];
    let name = "ringfence.audit";
    let section = Section::open(name, field.key, field.value, &known, context.mistakes);
    let Some(section) = section else { return };
    if let Some(field) = section.get("to") {
        let to = match field.value.text() {
            Some("stderr") => Some(AuditTo::Stderr),
            Some("none") => Some(AuditTo::None),
            _ => context.places(&section.path("to"), field.value, Kind::Path).and_then(|places| {
                match places.into_iter().next()? {
                    PathPattern::Literal(path) | PathPattern::Glob(path) => {
                        Some(AuditTo::File(path))
                    }
                }
            }),
        };
        set(&mut document.audit.to, to, field, &section, &mut document.audit_places, context);
    }
    if let Some(field) = section.get("console") {
        let words = [("denials", Console::Denials), ("none", Console::None)];
        let console = shape::word(&section.path("console"), field.value, &words, context.mistakes);
        set(
            &mut document.audit.console,
            console,
            field,
            &section,
            &mut document.audit_places,
            context,
        );
    }
    if let Some(field) = section.get("rate") {
        let name = section.path("rate");
        let rate = shape::number(&name, field.value, 1..=1_000_000, context.mistakes);
        set(&mut document.audit.rate, rate, field, &section, &mut document.audit_places, context);
    }
    if let Some(field) = section.get("frames") {
        let name = section.path("frames");
        let frames = shape::number(&name, field.value, 0..=1_000, context.mistakes);
        set(
            &mut document.audit.frames,
            frames,
            field,
            &section,
            &mut document.audit_places,
            context,
        );
    }
}

/// Sets a value that all sources together can have only once.
fn set<T: PartialEq>(
    slot: &mut Option<T>,
    value: Option<T>,
    field: Field<'_>,
    section: &Section<'_>,
    places: &mut Vec<Span>,
    context: &mut Context<'_>,
) {
    let Some(value) = value else { return };
    let name = field.key.text();
    match slot {
        Some(other) if *other != value => {
            let mistake =
                Mistake::new("RF114", format!("`{}.{name}` has two values", section.name))
                    .at(field.key, "and another here");
            let first = places.iter().find(|place| place.text() == name);
            context.mistakes.add(match first {
                Some(first) => mistake.second(first, "one value here"),
                None => mistake,
            });
        }
        _ => {
            *slot = Some(value);
            places.push(field.key.clone());
        }
    }
}

fn tests(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let items = shape::list("ringfence.tests", field.value, context.mistakes).unwrap_or_default();
    for (at, item) in items.iter().enumerate() {
        let name = format!("tests[{at}]");
        document.tests.extend(test(&name, item, context.mistakes));
    }
}

fn test(name: &str, item: &Node, mistakes: &mut Mistakes) -> Option<Test> {
    let known = ["name", "read", "write", "thread", "process", "by", "expect"];
    let section = Section::open(name, &item.span, item, &known, mistakes)?;
    let subjects = [
        ("read", Subject::Read),
        ("write", Subject::Write),
        ("thread", Subject::Thread),
        ("process", Subject::Process),
    ];
    let mut given =
        subjects.iter().filter_map(|(key, subject)| Some((*key, *subject, section.get(key)?)));
    let title = "asks for one of `read`, `write`, `thread` and `process`";
    let Some((key, subject, field)) = given.next() else {
        mistakes.add(
            Mistake::new("RF104", format!("`{name}` {title}")).at(section.span, "asks for nothing"),
        );
        return None;
    };
    if let Some((_, _, other)) = given.next() {
        mistakes.add(
            Mistake::new("RF113", format!("`{name}` {title}"))
                .at(other.key, "one too many")
                .second(field.key, "asks for this"),
        );
    }
    let target = shape::text(&section.path(key), field.value, mistakes)?;
    let Some(expect) = section.get("expect") else {
        mistakes.add(
            Mistake::new("RF104", format!("`{name}` has no `expect`"))
                .at(section.span, "expects nothing")
                .help("add `expect: deny` or `expect: allow`"),
        );
        return None;
    };
    let words = [("deny", true), ("allow", false)];
    let denied = shape::word(&section.path("expect"), expect.value, &words, mistakes)?;
    let by = section.get("by").map_or(Vec::new(), |by| match by.value.list() {
        Some(_) => shape::texts(&section.path("by"), by.value, mistakes),
        None => shape::text(&section.path("by"), by.value, mistakes)
            .map(|text| (text, by.value))
            .into_iter()
            .collect(),
    });
    let title = section.get("name");
    Some(Test {
        name: title.and_then(|field| {
            shape::text(&section.path("name"), field.value, mistakes).map(str::to_owned)
        }),
        subject,
        target: text_at(target, &field.value.span),
        by: by.into_iter().map(|(text, node)| text_at(text, &node.span)).collect(),
        denied,
    })
}

/// Whether a prefix is about Java.
pub(crate) fn is_java(prefix: &Prefix) -> bool {
    prefix.kind == CallerKind::Java
}
