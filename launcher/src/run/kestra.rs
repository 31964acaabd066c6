//! Task defaults on their way to a Kestra worker: by its own configuration.
//!
//! Kestra takes `MICRONAUT_APPLICATION_JSON` over all files but the one that `-c` names, and
//! replaces lists whole. So what it is given is the whole list: the policy's entries and those that
//! the worker's own configuration has. Whatever would replace that list again is refused, since a
//! forced default that does not arrive is none.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::environment::Variables;
use super::refusal::Refusal;
use crate::commands::defaults::to_json;
use crate::defaults::Entry;
use crate::read::span::Source;

/// What Kestra reads over its files.
const JSON: &str = "MICRONAUT_APPLICATION_JSON";
/// What would put a text in the place of the list.
const REPLACING: [&str; 4] = [
    "KESTRA_PLUGINS_DEFAULTS",
    "KESTRA_TASKS_DEFAULTS",
    "kestra.plugins.defaults",
    "kestra.tasks.defaults",
];
/// The file that Kestra takes where no `-c` names one.
const USUAL: &str = ".kestra/config.yml";

/// What a server does with defaults that the profile `ringfence` does not allow.
const OPEN: &str = "it applies them by rules of its own: until 1.3.19 a flow's forced entry wins; tasks typed by an \
                    alias, or with `runner: PROCESS`, escape; forced lists are joined (docs/defaults.md)";

/// Whether a command starts a Kestra worker.
fn is_kestra(command: &[OsString]) -> bool {
    let named = |word: &OsString| {
        let name = Path::new(word).file_name().unwrap_or_default().as_bytes();
        name == b"kestra" || name.starts_with(b"kestra") && name.ends_with(b".jar")
    };
    let program = command.first().is_some_and(named);
    let jar = command.iter().position(|word| word == "-jar");
    program || jar.and_then(|at| command.get(at + 1)).is_some_and(named)
}

/// Puts the entries of a policy into the environment of a Kestra worker; what there is to say about
/// it. Any other command gets nothing.
///
/// # Errors
/// Where the entries would not be the ones that Kestra goes by.
pub(super) fn hand_over(
    entries: &[Entry],
    command: &[OsString],
    environment: &mut Variables,
) -> Result<Option<String>, Refusal> {
    if entries.is_empty() || !is_kestra(command) {
        return Ok(None);
    }
    let get = |name: &str| {
        let found = environment.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    for name in REPLACING {
        if environment.iter().any(|(known, _)| known == name) {
            return Err(replaced(&format!("the variable `{name}`")).help("unset it"));
        }
    }
    for file in over_all(command, get("HOME")) {
        if !Own::in_file(&file).is_empty() {
            return Err(replaced(&format!("the list in `{}`", file.display())).help(
                "move its entries to the policy: Kestra takes that file over everything else",
            ));
        }
    }
    let own = own(get("KESTRA_CONFIGURATION"), get("MICRONAUT_CONFIG_FILES"));
    let list = Value::Array(merged(entries, &own));
    let text = with_list(get(JSON).as_deref(), &list, !own.tasks.is_empty())?;
    environment.retain(|(name, _)| name != JSON);
    environment.push((JSON.into(), text.into()));
    let forced = entries.iter().filter(|entry| entry.forced).count();
    let count = entries.len();
    let plural = if count == 1 { "" } else { "s" };
    Ok(Some(format!(
        "{count} task default{plural} ({forced} forced) reach this Kestra worker by {JSON}; {OPEN}"
    )))
}

fn replaced(by: &str) -> Refusal {
    Refusal::plain(format!("{by} would replace the policy's task defaults in this Kestra worker"))
}

/// The files that Kestra takes over `JSON`: those that `-c` and `--config` name, else its usual one.
fn over_all(command: &[OsString], home: Option<OsString>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (at, word) in command.iter().enumerate() {
        let word = word.as_bytes();
        if word == b"-c" || word == b"--config" {
            files.extend(command.get(at + 1).map(PathBuf::from));
        } else if let Some(file) = word.strip_prefix(b"--config=") {
            files.push(OsStr::from_bytes(file).into());
        }
    }
    if files.is_empty() {
        files.extend(home.map(|home| Path::new(&home).join(USUAL)));
    }
    files
}

/// The lists that the worker's own configuration has.
#[derive(Default)]
struct Own {
    plugins: Vec<Value>,
    tasks: Vec<Value>,
}

impl Own {
    fn is_empty(&self) -> bool {
        self.plugins.is_empty() && self.tasks.is_empty()
    }

    /// Those of a file; none where it cannot be read: then Kestra has none either.
    fn in_file(path: &Path) -> Self {
        std::fs::read_to_string(path).map(|text| Self::in_text(&text)).unwrap_or_default()
    }

    fn in_text(text: &str) -> Self {
        let (plugins, tasks) = crate::read::kestra_defaults(&Source::new("own", text));
        let json = |nodes: Vec<_>| {
            nodes.iter().map(|node| to_json(&crate::defaults::policy::node(node))).collect()
        };
        Self { plugins: json(plugins), tasks: json(tasks) }
    }
}

/// The worker's lists: of `KESTRA_CONFIGURATION`, else of the files, where the last one that has a
/// list wins.
fn own(text: Option<OsString>, files: Option<OsString>) -> Own {
    if let Some(text) = text {
        return Own::in_text(&text.to_string_lossy());
    }
    let mut own = Own::default();
    for file in files.unwrap_or_default().as_bytes().split(|&byte| byte == b',') {
        let found = Own::in_file(Path::new(OsStr::from_bytes(file.trim_ascii())));
        if !found.plugins.is_empty() {
            own.plugins = found.plugins;
        }
        if !found.tasks.is_empty() {
            own.tasks = found.tasks;
        }
    }
    own
}

/// The policy's entries, then those that only the worker has. Of two forced entries some versions
/// take the first, others the last: so beside forced ones of the worker the policy's stand at both
/// ends.
fn merged(entries: &[Entry], own: &Own) -> Vec<Value> {
    let policy: Vec<Value> = entries.iter().map(entry).collect();
    let others = own.tasks.iter().chain(&own.plugins).filter(|other| !policy.contains(other));
    let others: Vec<Value> = others.cloned().collect();
    let is_forced = |value: &Value| value["forced"] == true || value["forced"] == "true";
    let again = others.iter().any(is_forced);
    let last: Vec<Value> =
        policy.iter().filter(|value| again && is_forced(value)).cloned().collect();
    [policy, others, last].concat()
}

fn entry(entry: &Entry) -> Value {
    let mut object = Map::new();
    object.insert("type".into(), json!(&*entry.of_type));
    if entry.forced {
        object.insert("forced".into(), json!(true));
    }
    if let Some(name) = &entry.reference {
        object.insert("ref".into(), json!(&**name));
    }
    let values = entry.values.iter().map(|(key, node)| (key.to_string(), to_json(node)));
    object.insert("values".into(), Value::Object(values.collect()));
    Value::Object(object)
}

/// The JSON that is there already, with the list in it.
fn with_list(there: Option<&OsStr>, list: &Value, tasks: bool) -> Result<String, Refusal> {
    let broken =
        || Refusal::plain(format!("`{JSON}` holds no JSON object")).help("mend or unset it");
    let mut root: Value = match there {
        Some(text) => serde_json::from_slice(text.as_bytes()).map_err(|_| broken())?,
        None => json!({}),
    };
    let sections: &[&str] = if tasks { &["plugins", "tasks"] } else { &["plugins"] };
    for section in sections {
        let mut place = &mut root;
        for key in ["kestra", section, "defaults"] {
            let map = place.as_object_mut().ok_or_else(broken)?;
            place = map.entry(key).or_insert_with(|| json!({}));
        }
        *place = list.clone();
    }
    Ok(root.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults::policy::Policy;
    use crate::read::world::World;

    fn entries(text: &str) -> Vec<Entry> {
        let scratch = tempfile::tempdir().expect("a directory");
        let file = scratch.path().join("policy.yaml");
        std::fs::write(&file, text).expect("written");
        let document = crate::read::load(&[file.into()], &World::default()).expect("a policy");
        Policy::new(&document, None).expect("defaults").entries
    }

    const FORCED: &str = "kestra: {plugins: {defaults: [{type: a.B, forced: true, values: {list: [1, x], map: {k: 1.5}}}]}}";

    fn handed(variables: &[(&str, &str)], command: &[&str]) -> Result<Option<Value>, String> {
        let mut environment: Variables =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        let said = hand_over(&entries(FORCED), &command, &mut environment);
        let said = said.map_err(|refusal| refusal.to_text())?;
        let found = environment.iter().find(|(name, _)| name == JSON);
        let json = found.map(|(_, value)| serde_json::from_slice(value.as_bytes()).expect("JSON"));
        assert_eq!(said.is_some(), json.is_some());
        Ok(json)
    }

    fn ours() -> Value {
        json!({"type": "a.B", "forced": true, "values": {"list": [1, "x"], "map": {"k": 1.5}}})
    }

    #[test]
    fn a_kestra_worker_gets_the_entries_and_nobody_else() {
        let expected = json!({"kestra": {"plugins": {"defaults": [ours()]}}});
        for command in [
            &["/app/kestra", "server", "worker"][..],
            &["java", "-jar", "/app/kestra"],
            &["kestra-0.20.jar"],
        ] {
            assert_eq!(handed(&[], command), Ok(Some(expected.clone())), "{command:?}");
        }
        for command in [&["python3", "kestra"][..], &["/app/kestrel"], &["java", "-jar", "x.jar"]] {
            assert_eq!(handed(&[], command), Ok(None), "{command:?}");
        }
    }

    #[test]
    fn what_the_worker_has_itself_stays() {
        let own = "kestra: {plugins: {defaults: [{type: c.D, values: {x: 1}}, {type: a.B, forced: true, values: {list: [1, x], map: {k: 1.5}}}]}}";
        let json =
            handed(&[("KESTRA_CONFIGURATION", own)], &["kestra"]).expect("handed").expect("JSON");
        let other = json!({"type": "c.D", "values": {"x": 1}});
        assert_eq!(json["kestra"]["plugins"]["defaults"], json!([ours(), other]));
        let there = [("MICRONAUT_APPLICATION_JSON", r#"{"a": 1, "kestra": {"b": 2}}"#)];
        let json = handed(&there, &["kestra"]).expect("handed").expect("JSON");
        assert_eq!((&json["a"], &json["kestra"]["b"]), (&json!(1), &json!(2)));
        assert_eq!(json["kestra"]["plugins"]["defaults"], json!([ours()]));
    }

    #[test]
    fn forced_entries_of_the_worker_win_at_neither_end() {
        let own = "kestra.tasks.defaults: [{type: a.B, forced: true, values: {list: []}}]";
        let json =
            handed(&[("KESTRA_CONFIGURATION", own)], &["kestra"]).expect("handed").expect("JSON");
        let other = json!({"type": "a.B", "forced": true, "values": {"list": []}});
        let list = json!([ours(), other, ours()]);
        assert_eq!(json["kestra"]["plugins"]["defaults"], list);
        assert_eq!(json["kestra"]["tasks"]["defaults"], list, "this list comes first in Kestra");
    }

    #[test]
    fn what_would_replace_the_list_is_refused() {
        let scratch = tempfile::tempdir().expect("a directory");
        let file = scratch.path().join("c.yml");
        std::fs::write(&file, "kestra: {plugins: {defaults: [{type: x, values: {}}]}}")
            .expect("written");
        let file = file.to_str().expect("UTF-8");
        let refused = |variables: &[(&str, &str)], command: &[&str]| {
            handed(variables, command).expect_err("refused")
        };
        assert!(refused(&[("KESTRA_PLUGINS_DEFAULTS", "")], &["kestra"]).contains("unset it"));
        assert!(refused(&[], &["kestra", "server", "-c", file]).contains("c.yml"));
        assert!(refused(&[], &["kestra", &format!("--config={file}")]).contains("c.yml"));
        assert!(refused(&[(JSON, "[]")], &["kestra"]).contains("no JSON object"));
        std::fs::write(file, "kestra: {queue: {type: h2}}").expect("written");
        assert!(handed(&[], &["kestra", "-c", file]).is_ok(), "the control");
    }
}
