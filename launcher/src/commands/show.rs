//! `ringfence show`: the policy after includes, presets and expansion, each rule with its place.

use std::ffi::OsString;

use ringfence_policy::{Access, Audience, Console, Effect, FileRule, PathPattern};
use serde_json::{Map, Value, json};

use super::{answer, refusal, report};
use crate::cli::{Color, Mode};
use crate::exit;
use crate::read;
use crate::read::document::{
    AuditTo, CallerKind, Defaults, Document, Prefix, PrefixRules, Subject, Test, Text,
};
use crate::read::render::Format;
use crate::read::values;
use crate::read::world::World;

/// The options of `ringfence show`.
#[derive(clap::Args, Debug)]
pub(crate) struct Show {
    /// A file, a directory of *.yaml, `-`, `env:NAME`, `micronaut`; without one, what `run` would take
    #[arg(value_name = "POLICY")]
    pub(crate) sources: Vec<OsString>,

    /// Write JSON instead of YAML
    #[arg(long)]
    pub(crate) json: bool,

    /// When messages are coloured
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// Shows a policy: 0, or 1 with the mistakes when it does not hold, 2 when it could not be read.
pub(crate) fn show(args: &Show) -> u8 {
    args.color.apply();
    let document = match read::load(&args.sources, &World::current()) {
        Ok(document) => document,
        Err(mistakes) if report(&mistakes, Format::Text) => return refusal(&mistakes),
        Err(_) => return exit::NO_ANSWER,
    };
    let shown = describe(&document);
    if args.json {
        return answer(&format!("{shown:#}\n"), exit::YES);
    }
    match values::text(&shown) {
        Ok(text) => answer(&text, exit::YES),
        Err(error) => {
            anstream::eprintln!("error: the policy cannot be written as YAML: {error}");
            exit::NO_ANSWER
        }
    }
}

/// The whole document as plain data; what is empty is left out.
fn describe(document: &Document) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        let empty = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        if !empty {
            shown.insert(name.to_owned(), value);
        }
    };
    put("sources", json!(document.sources));
    put("built_in", if document.built_in { json!(true) } else { Value::Null });
    put("mode", json!(mode(document.mode.unwrap_or(Mode::Enforce))));
    for (name, on) in [
        ("locked", document.locked),
        ("debug", document.debug),
        ("namespaces", document.namespaces),
    ] {
        put(name, if on { json!(true) } else { Value::Null });
    }
    put("presets", presets(document));
    put("files", document.rules.iter().map(file_rule).collect());
    put("threads", prefix_rules(&document.threads));
    put("processes", prefix_rules(&document.processes));
    put("callers", callers(document));
    put("tasks", tasks(document));
    put("defaults", document.defaults.iter().map(default).collect());
    put("hidden", texts(&document.hidden));
    put("audit", audit(document));
    put("tests", document.tests.iter().map(test).collect());
    put("switched_off", document.disabled.iter().map(|place| json!(at(place))).collect());
    Value::Object(shown)
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Audit => "audit",
        Mode::Off => "off",
    }
}

fn presets(document: &Document) -> Value {
    let presets = &document.presets;
    let jvm: Vec<_> = presets.jvm.iter().map(|path| lossy(path)).collect();
    let mut names = Vec::new();
    if !presets.no_jvm {
        names.push(if jvm.is_empty() { json!("jvm") } else { json!({ "jvm": jvm }) });
    }
    for (name, on) in [("kestra", presets.kestra), ("credentials", presets.credentials)] {
        if on {
            names.push(json!(name));
        }
    }
    Value::Array(names)
}

fn file_rule(rule: &FileRule) -> Value {
    let effect = match rule.effect {
        Effect::Forbid => "forbidden",
        Effect::Allow => "allowed",
    };
    let names: Vec<Value> = rule.names.iter().map(name).collect();
    let mut shown = Map::new();
    let names = if let [one] = names.as_slice() { one.clone() } else { Value::Array(names) };
    shown.insert(effect.to_owned(), names);
    if rule.access != Access::ALL {
        shown.insert("access".to_owned(), access(rule.access));
    }
    shown.insert("id".to_owned(), json!(rule.id));
    if let Some(audience) = &rule.audience {
        shown.insert("callers".to_owned(), audience_words(audience));
    }
    if let Some(reason) = &rule.reason {
        shown.insert("reason".to_owned(), json!(reason));
    }
    shown.insert("written".to_owned(), json!(rule.pattern));
    shown.insert("from".to_owned(), json!(at(&rule.place)));
    Value::Object(shown)
}

fn audience_words(audience: &Audience) -> Value {
    let named =
        audience.callers.iter().map(|one| json!(format!("{}:{}", kind(one.kind), one.text)));
    let host = audience.host.then(|| json!("host"));
    host.into_iter().chain(named).collect()
}

fn kind(kind: CallerKind) -> &'static str {
    match kind {
        CallerKind::Java => "java",
        CallerKind::Python => "python",
        CallerKind::Native => "native",
    }
}

fn name(name: &PathPattern) -> Value {
    match name {
        PathPattern::Literal(path) => json!(lossy(path)),
        PathPattern::Glob(glob) => json!({ "glob": lossy(glob) }),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn at(place: &ringfence_policy::Place) -> String {
    format!("{}:{}:{}", place.file, place.line, place.column)
}

fn access(access: Access) -> Value {
    let words = [
        (Access::READ, "read"),
        (Access::WRITE, "write"),
        (Access::LIST, "list"),
        (Access::EXECUTE, "execute"),
        (Access::METADATA, "metadata"),
    ];
    words.iter().filter(|(bit, _)| access.contains(*bit)).map(|(_, word)| json!(word)).collect()
}

fn prefix_rules(rules: &PrefixRules) -> Value {
    let mut shown = Map::new();
    for (name, list) in [("authorized", &rules.authorized), ("forbidden", &rules.forbidden)] {
        if !list.is_empty() {
            shown.insert(name.to_owned(), prefixes(list));
        }
    }
    if rules.deny_unattributed {
        shown.insert("unattributed".to_owned(), json!("deny"));
    }
    Value::Object(shown)
}

fn prefixes(list: &[Prefix]) -> Value {
    let shown = |prefix: &Prefix| {
        let kind = kind(prefix.kind);
        let from = prefix.span.to_string();
        json!({ "prefix": format!("{kind}:{}", prefix.text), "list": prefix.section, "from": from })
    };
    list.iter().map(shown).collect()
}

fn callers(document: &Document) -> Value {
    let callers = &document.callers;
    let mut shown = Map::new();
    let dirs: Vec<_> = callers.plugin_dirs.iter().map(|path| lossy(path)).collect();
    for (name, value) in [
        ("subjects", prefixes(&callers.subjects)),
        ("pluginLoaders", prefixes(&callers.plugin_loaders)),
        ("pluginDirs", json!(dirs)),
        ("services", prefixes(&callers.services)),
    ] {
        if value.as_array().is_some_and(|list| !list.is_empty()) {
            shown.insert(name.to_owned(), value);
        }
    }
    if callers.strict {
        shown.insert("strict".to_owned(), json!(true));
    }
    Value::Object(shown)
}

fn tasks(document: &Document) -> Value {
    let tasks = &document.tasks;
    let mut shown = Map::new();
    if !tasks.aliases.is_empty() {
        let pairs =
            tasks.aliases.iter().map(|(alias, name)| (alias.text.clone(), json!(name.text)));
        shown.insert("aliases".to_owned(), Value::Object(pairs.collect()));
    }
    if !tasks.inherit_env.is_empty() {
        shown.insert("inheritEnv".to_owned(), texts(&tasks.inherit_env));
    }
    if let Some(profile) = &tasks.profile {
        shown.insert("profile".to_owned(), json!(profile.text));
    }
    Value::Object(shown)
}

fn default(entry: &Defaults) -> Value {
    // An entry that JSON cannot hold is shown by its place alone.
    let shown = values::json(&values::value(&entry.node)).unwrap_or_default();
    json!({ "entry": shown, "list": entry.section, "from": entry.node.span.to_string() })
}

fn texts(list: &[Text]) -> Value {
    list.iter().map(|text| json!(text.text)).collect()
}

fn audit(document: &Document) -> Value {
    let audit = &document.audit;
    let mut shown = Map::new();
    if let Some(to) = &audit.to {
        let to = match to {
            AuditTo::File(path) => lossy(path),
            AuditTo::Stderr => "stderr".to_owned(),
            AuditTo::None => "none".to_owned(),
        };
        shown.insert("to".to_owned(), json!(to));
    }
    if let Some(console) = audit.console {
        let console = match console {
            Console::Denials => "denials",
            Console::None => "none",
        };
        shown.insert("console".to_owned(), json!(console));
    }
    for (name, number) in [("rate", audit.rate), ("frames", audit.frames)] {
        if let Some(number) = number {
            shown.insert(name.to_owned(), json!(number));
        }
    }
    Value::Object(shown)
}

fn test(test: &Test) -> Value {
    let subject = match test.subject {
        Subject::Read => "read",
        Subject::Write => "write",
        Subject::Thread => "thread",
        Subject::Process => "process",
    };
    json!({
        "name": test.name,
        subject: test.target.text,
        "by": texts(&test.by),
        "expect": if test.denied { "deny" } else { "allow" },
        "from": test.target.span.to_string(),
    })
}
