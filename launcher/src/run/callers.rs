//! What an image says about callers: the lists of a document, with the defaults and with what this
//! machine adds to them, such as the files of plugins.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ringfence_policy::{CallerKind, CallerPrefix, CallerRule, Callers, Effect, FileId, FileRule};

use crate::places::absolute;
use crate::read::document::{self, Prefix, PrefixRules};

/// What Kestra calls its plugins.
const SUBJECTS: &str = "io.kestra.plugin";
/// The class whose instances load Kestra's plugins.
const LOADER: &str = "io.kestra.core.plugins.PluginClassLoader";
/// Where Kestra's images have plugins.
const PLUGINS: &str = "/app/plugins";
/// How deep beneath a directory of plugins their files are looked for.
const DEPTH: usize = 16;

/// The lists as they are written.
pub(super) fn of_document(
    threads: &PrefixRules,
    processes: &PrefixRules,
    callers: &document::Callers,
) -> Callers {
    let prefix = |prefix: &Prefix| CallerPrefix { kind: prefix.kind, text: prefix.text.clone() };
    Callers {
        threads: rules(threads),
        processes: rules(processes),
        deny_unattributed: threads.deny_unattributed,
        subjects: callers.subjects.iter().map(prefix).collect(),
        plugin_loaders: callers.plugin_loaders.iter().map(|class| class.text.clone()).collect(),
        plugin_directories: callers.plugin_dirs.clone(),
        plugin_files: Vec::new(),
        services: callers.services.iter().map(prefix).collect(),
        strict: callers.strict,
    }
}

fn rules(rules: &PrefixRules) -> Vec<CallerRule> {
    let authorized = rules.authorized.iter().map(|prefix| (prefix, Effect::Allow));
    let forbidden = rules.forbidden.iter().map(|prefix| (prefix, Effect::Forbid));
    let mut taken = HashSet::new();
    let mut found = Vec::new();
    for (prefix, effect) in authorized.chain(forbidden) {
        let section = short(&prefix.section);
        let mut id = format!("{section}[{}]", prefix.index);
        // Two sources may each have such a list.
        if !taken.insert(id.clone()) {
            id = format!("{id}@{}", prefix.span);
        }
        let rule = CallerRule {
            id,
            section: section.to_owned(),
            kind: prefix.kind,
            prefix: prefix.text.clone(),
            effect,
            place: prefix.span.place(),
        };
        let real = real(&rule).map(|prefix| CallerRule { prefix, ..rule.clone() });
        found.extend([rule].into_iter().chain(real));
    }
    found
}

/// The list as messages name it: without the keys that every policy has in front.
fn short(section: &str) -> &str {
    let ours = ["ringfence.", "kestra.ee.javaSecurity."];
    ours.iter().find_map(|front| section.strip_prefix(front)).unwrap_or(section)
}

/// Adds to exceptions for certain callers the places that they name by another name.
pub(super) fn complete_audiences(rules: &mut [FileRule]) {
    for audience in rules.iter_mut().filter_map(|rule| rule.audience.as_mut()) {
        let real = audience.callers.iter().filter_map(|caller| {
            let text = real_place(caller.kind, &caller.text)?;
            Some(CallerPrefix { kind: caller.kind, text })
        });
        let real: Vec<CallerPrefix> = real.collect();
        audience.callers.extend(real);
    }
}

/// The place that a native prefix names, where that has another name: the kernel tells what is
/// mapped by its real one.
fn real(rule: &CallerRule) -> Option<String> {
    real_place(rule.kind, &rule.prefix)
}

fn real_place(kind: CallerKind, path: &str) -> Option<String> {
    if kind != CallerKind::Native || !path.starts_with('/') {
        return None;
    }
    let real = Path::new(path).canonicalize().ok()?.into_os_string().into_string().ok()?;
    (real != path && real != "/").then_some(real)
}

/// Fills in what a policy leaves to the defaults, and lists the files of plugins where rules ask
/// for Java callers.
pub(super) fn complete(
    callers: &mut Callers,
    rules: &[FileRule],
    is_kestra: bool,
    defaults: Vec<Vec<u8>>,
) {
    let is_java = |kind| kind == CallerKind::Java;
    if is_kestra && !callers.subjects.iter().any(|subject| is_java(subject.kind)) {
        let text = SUBJECTS.to_owned();
        callers.subjects.push(CallerPrefix { kind: CallerKind::Java, text });
    }
    if callers.plugin_loaders.is_empty() {
        callers.plugin_loaders.push(LOADER.to_owned());
    }
    if callers.plugin_directories.is_empty() {
        callers.plugin_directories = defaults;
    }
    let by_rules = callers.threads.iter().chain(&callers.processes).any(|rule| is_java(rule.kind));
    // Which classes are a plugin's own matters to these as well.
    if by_rules || rules.iter().any(|rule| rule.audience.is_some()) {
        callers.plugin_files = files(&callers.plugin_directories);
    }
}

/// The directories of plugins by default: what the command says, else the variable, else where
/// Kestra's images have them.
pub(super) fn directories(command: &[OsString], variable: Option<OsString>) -> Vec<Vec<u8>> {
    let named = of_command(command).or(variable).filter(|path| !path.is_empty());
    let path = named.unwrap_or_else(|| PLUGINS.into());
    absolute(Path::new(&path)).into_iter().collect()
}

/// The last `--plugins DIR`, `--plugins=DIR`, `-p DIR` or `-pDIR` of a command.
fn of_command(command: &[OsString]) -> Option<OsString> {
    let mut found = None;
    let mut words = command.iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        let rest = bytes.strip_prefix(b"--plugins=");
        let joined =
            rest.or_else(|| bytes.strip_prefix(b"-p").filter(|rest| rest.starts_with(b"/")));
        if let Some(joined) = joined {
            found = Some(OsString::from_vec(joined.to_vec()));
        } else if word == "--plugins" || word == "-p" {
            found = words.peek().map(|next| (*next).clone()).or(found);
        }
    }
    found
}

/// The regular files beneath directories, each once.
fn files(directories: &[Vec<u8>]) -> Vec<FileId> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut next: Vec<(PathBuf, usize)> =
        directories.iter().map(|path| (PathBuf::from(OsStr::from_bytes(path)), DEPTH)).collect();
    while let Some((directory, depth)) = next.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            // A link counts as what it leads to.
            let Ok(status) = entry.path().metadata() else { continue };
            let id = FileId { device: status.dev(), inode: status.ino() };
            if status.is_file() {
                found.push(id);
            } else if status.is_dir() && depth > 1 && seen.insert((id.device, id.inode)) {
                next.push((entry.path(), depth - 1));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn words(command: &str) -> Vec<OsString> {
        command.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_names_the_directory_of_plugins_before_the_variable() {
        for (command, variable, expected) in [
            ("/app/kestra server worker --plugins /opt/p -t 8", Some("/v"), "/opt/p"),
            ("/app/kestra server worker --plugins=/opt/p", None, "/opt/p"),
            ("/app/kestra worker -p /opt/p", None, "/opt/p"),
            ("/app/kestra worker -p/opt/p", None, "/opt/p"),
            ("/app/kestra -p /one worker -p /two", None, "/two"),
            ("/app/kestra worker --plugins", Some("/v"), "/v"),
            ("/app/kestra worker", Some("/v//w"), "/v/w"),
            ("/app/kestra worker", Some(""), "/app/plugins"),
            ("/app/kestra worker", None, "/app/plugins"),
        ] {
            let found = directories(&words(command), variable.map(OsString::from));
            assert_eq!(found, [expected.as_bytes()], "{command} {variable:?}");
        }
    }

    #[test]
    fn the_files_of_plugins_are_those_at_the_start_by_device_and_inode() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let plugins = scratch.path().join("plugins");
        std::fs::create_dir_all(plugins.join("deeper")).expect("made");
        for name in ["plugins/a.jar", "plugins/deeper/b.jar", "elsewhere.jar"] {
            std::fs::write(scratch.path().join(name), name).expect("written");
        }
        // Links that lead around in a circle, and one to a file that lies elsewhere.
        symlink(&plugins, plugins.join("deeper/again")).expect("made");
        symlink(scratch.path().join("elsewhere.jar"), plugins.join("c.jar")).expect("made");
        let mut expected = ["plugins/a.jar", "plugins/deeper/b.jar", "elsewhere.jar"].map(|name| {
            let status = scratch.path().join(name).metadata().expect("it exists");
            FileId { device: status.dev(), inode: status.ino() }
        });
        expected.sort_unstable();
        assert_eq!(files(&[plugins.into_os_string().into_vec()]), expected);
        assert_eq!(files(&[b"/nonexistent".to_vec()]), []);
    }

    #[test]
    fn a_policy_that_is_not_kestra_s_has_no_default_subjects() {
        let mut own = Callers::default();
        complete(&mut own, &[], false, vec![b"/app/plugins".to_vec()]);
        assert_eq!(own.subjects, []);
        assert_eq!(own.plugin_loaders, [LOADER]);
        let mut kestra = Callers::default();
        complete(&mut kestra, &[], true, vec![b"/app/plugins".to_vec()]);
        assert_eq!(kestra.subjects.len(), 1);
        assert_eq!(kestra.subjects[0].text, "io.kestra.plugin");
        assert_eq!(kestra.plugin_directories, [b"/app/plugins".to_vec()]);
    }

    #[test]
    fn a_library_that_is_named_by_a_link_is_known_by_its_own_name_too() {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let at = scratch.path().canonicalize().expect("it exists");
        std::fs::write(at.join("libscan-2.so"), "").expect("written");
        symlink("libscan-2.so", at.join("libscan.so")).expect("made");
        let rule = |prefix: String, kind| CallerRule {
            id: "threads.forbidden[0]".into(),
            section: "threads.forbidden".into(),
            kind,
            prefix,
            effect: Effect::Forbid,
            place: ringfence_policy::Place { file: "p".into(), line: 1, column: 1 },
        };
        let (link, file) = (at.join("libscan.so"), at.join("libscan-2.so"));
        let text = |path: &Path| path.display().to_string();
        let native = |path: &str| real(&rule(path.to_owned(), CallerKind::Native));
        assert_eq!(native(&text(&link)), Some(text(&file)));
        assert_eq!(native(&text(&file)), None, "it has no other name");
        assert_eq!(native("libscan.so"), None, "it is no path");
        assert_eq!(native(&text(&at.join("none"))), None, "it is not there");
        assert_eq!(real(&rule(text(&link), CallerKind::Java)), None);
    }
}
