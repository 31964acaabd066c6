//! What a task is started with: a clean environment, never that of the worker.

use std::ffi::OsString;

use crate::read::document::Text;
use crate::run::environment::Variables;

use super::room::Room;

/// The path where there is none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// PATH, HOME, LANG, TZ and TMPDIR; then what the policy lets through; then what the task sets.
pub(crate) fn of_process(room: &Room, inherit: &[Text], own: &[(String, String)]) -> Variables {
    let mut variables = Variables::new();
    let mut set = |name: &str, value: OsString| {
        variables.retain(|(known, _)| known != name);
        variables.push((name.into(), value));
    };
    let ours = |name: &str| std::env::var_os(name);
    set("PATH", ours("PATH").unwrap_or_else(|| PATH.into()));
    set("HOME", room.home().into());
    set("LANG", ours("LANG").unwrap_or_else(|| "C.UTF-8".into()));
    if let Some(zone) = ours("TZ") {
        set("TZ", zone);
    }
    set("TMPDIR", room.temporary().into());
    for (name, value) in inherited(inherit) {
        set(&name, value);
    }
    for (name, value) in own {
        set(name, value.into());
    }
    variables
}

/// What the policy lets through of our own environment.
pub(crate) fn inherited(names: &[Text]) -> Vec<(String, OsString)> {
    let value = |name: &Text| Some((name.text.clone(), std::env::var_os(&name.text)?));
    names.iter().filter_map(value).collect()
}
