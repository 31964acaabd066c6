//! What holds, but probably not as its author thinks (RF3xx).

use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ringfence_policy::{Audience, Audiences, CallerKind, Effect, FileRule, PathPattern};

use super::document::{Document, Prefix, PrefixRules};
use super::files::may_hold;
use super::kestra::plugins::{self, SCRIPTS};
use super::mistakes::{Mistake, Mistakes};
use super::native::is_java;
use super::presets;

/// The lints that need nothing but the document.
pub(crate) fn on_text(document: &Document, mistakes: &mut Mistakes) {
    for rules in [&document.threads, &document.processes] {
        both_lists(rules, mistakes);
    }
    scripts_authorized(&document.threads, plugins::runs_elsewhere, mistakes);
    scripts_authorized(&document.processes, |_| false, mistakes);
    no_subjects(document, mistakes);
    exceptions_to_nothing(document, mistakes);
    exceptions_that_lose(document, mistakes);
    too_many_audiences(document, mistakes);
    whole_file_system(document, mistakes);
}

/// RF301: a prefix that is authorized and forbidden.
fn both_lists(rules: &PrefixRules, mistakes: &mut Mistakes) {
    let forbidden: HashMap<_, _> =
        rules.forbidden.iter().map(|p| ((p.kind as u8, &p.text), p)).collect();
    for prefix in &rules.authorized {
        if let Some(other) = forbidden.get(&(prefix.kind as u8, &prefix.text)) {
            mistakes.add(
                Mistake::new(
                    "RF301",
                    format!("`{}` is both authorized and forbidden", prefix.text),
                )
                .at(&prefix.span, "authorized here, without effect")
                .second(&other.span, "forbidden here: this one counts"),
            );
        }
    }
}

/// RF302: plugins that run whatever a flow's author writes, but for those that are `harmless`.
fn scripts_authorized(
    rules: &PrefixRules,
    harmless: impl Fn(&str) -> bool,
    mistakes: &mut Mistakes,
) {
    let covers = |prefix: &Prefix| {
        let text = prefix.text.as_str();
        let within = |outer: &str, inner: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '$']))
        };
        is_java(prefix) && (within(text, SCRIPTS) || within(SCRIPTS, text)) && !harmless(text)
    };
    let forbidden = rules.forbidden.iter().any(|prefix| prefix.text == SCRIPTS);
    for prefix in rules.authorized.iter().filter(|prefix| covers(prefix)) {
        let broader = prefix.text.len() < SCRIPTS.len();
        if broader && forbidden {
            continue;
        }
        mistakes.add(
            Mistake::new("RF302", format!("`{}` authorizes script plugins", prefix.text))
                .at(&prefix.span, "includes them")
                .help("a script plugin runs whatever a flow's author writes, with the same rights"),
        );
    }
}

/// RF311: an exception beneath no forbidden path.
fn exceptions_to_nothing(document: &Document, mistakes: &mut Mistakes) {
    let forbidden = || {
        let rules = document.rules.iter().filter(|rule| rule.effect == Effect::Forbid);
        rules.flat_map(|rule| &rule.names)
    };
    let paths: HashSet<&[u8]> = forbidden()
        .filter_map(|name| match name {
            PathPattern::Literal(path) => Some(path.as_slice()),
            PathPattern::Glob(_) => None,
        })
        .collect();
    let any_glob = forbidden().any(|name| matches!(name, PathPattern::Glob(_)));
    let held = |name: &PathPattern| match name {
        PathPattern::Literal(path) => any_glob || is_beneath_one_of(path, &paths),
        PathPattern::Glob(_) => any_glob || forbidden().any(|outer| may_hold(outer, name)),
    };
    for (rule, span) in document.rules.iter().zip(&document.spans) {
        if rule.effect == Effect::Allow && !rule.names.iter().any(held) {
            mistakes.add(
                Mistake::new("RF311", format!("`{}` is an exception to no rule", rule.pattern))
                    .at(span, "nothing forbids it")
                    .help("paths that no rule forbids are allowed already"),
            );
        }
    }
}

/// Whether a path or one that it is beneath is in the set.
fn is_beneath_one_of(path: &[u8], set: &HashSet<&[u8]>) -> bool {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    set.contains(path) || ends.into_iter().any(|end| set.contains(&path[..end.max(1)]))
}

/// RF309: class rules in our own format without the word who they are about.
fn no_subjects(document: &Document, mistakes: &mut Mistakes) {
    // Kestra's plugins are the subjects where a policy for Kestra names none.
    if !document.callers.subjects.is_empty() || document.kestra || document.presets.kestra {
        return;
    }
    for rules in [&document.threads, &document.processes] {
        let own = |prefix: &&Prefix| is_java(prefix) && prefix.section.starts_with("ringfence.");
        if let Some(prefix) = rules.authorized.iter().chain(&rules.forbidden).find(own) {
            mistakes.add(
                Mistake::new("RF309", format!("`{}` without `callers.subjects`", prefix.section))
                    .at(&prefix.span, "all classes of the program are one subject")
                    .help("name those that rules are about: `callers: {subjects: [com.acme]}`"),
            );
        }
    }
    let names_class = |rule: &FileRule| {
        let callers = rule.audience.iter().flat_map(|audience| &audience.callers);
        callers.into_iter().any(|caller| caller.kind == CallerKind::Java)
    };
    let mut exceptions = document.rules.iter().zip(&document.spans);
    if let Some((rule, span)) = exceptions.find(|(rule, _)| names_class(rule)) {
        mistakes.add(
            Mistake::new(
                "RF309",
                format!("`callers` of `{}` without `callers.subjects`", rule.pattern),
            )
            .at(span, "every class of the program but its main class must be named")
            .help("name those that are subjects: `callers: {subjects: [com.acme]}`"),
        );
    }
}

/// RF312: an exception for the very place that a rule forbids.
fn exceptions_that_lose(document: &Document, mistakes: &mut Mistakes) {
    let rules = || document.rules.iter().zip(&document.spans);
    let forbidden: HashMap<&PathPattern, _> = rules()
        .filter(|(rule, _)| rule.effect == Effect::Forbid)
        .flat_map(|(rule, span)| rule.names.iter().map(move |name| (name, (rule, span))))
        .collect();
    // An exception for everybody lifts a preset's rule.
    let wins = |rule: &FileRule, exception: &FileRule| {
        exception.audience.is_some() || !rule.section.starts_with("presets.")
    };
    for (exception, span) in rules().filter(|(rule, _)| rule.effect == Effect::Allow) {
        let same = exception.names.iter().find_map(|name| forbidden.get(name));
        if let Some((rule, first)) = same
            && wins(rule, exception)
            && rule.access.contains(exception.access)
        {
            mistakes.add(
                Mistake::new("RF312", format!("`{}` is forbidden all the same", exception.pattern))
                    .at(span, "an exception without effect")
                    .second(first, "forbidden here: the very same place")
                    .help("at the same place the rule wins; make the exception longer, or leave the rule out"),
            );
        }
    }
}

/// RF216: more lists of callers than an image tells apart.
fn too_many_audiences(document: &Document, mistakes: &mut Mistakes) {
    let mut known: Vec<&Audience> = Vec::new();
    for (rule, span) in document.rules.iter().zip(&document.spans) {
        let Some(audience) = rule.audience.as_ref().filter(|one| !known.contains(one)) else {
            continue;
        };
        known.push(audience);
        if known.len() > Audiences::MOST {
            let most = Audiences::MOST;
            mistakes.add(
                Mistake::new("RF216", format!("more than {most} different lists of callers"))
                    .at(span, "one more")
                    .help("let exceptions share a list: their order in it makes no difference"),
            );
        }
    }
}

/// RF306: everything is forbidden, the worker's own program too.
fn whole_file_system(document: &Document, mistakes: &mut Mistakes) {
    for (rule, span) in document.rules.iter().zip(&document.spans) {
        let root = rule.names.iter().any(|name| *name == PathPattern::Literal(b"/".to_vec()));
        if root && rule.effect == Effect::Forbid {
            mistakes.add(
                Mistake::new("RF306", "this rule forbids the whole file system")
                    .at(span, "the worker's own program and libraries too")
                    .help("name the directories that hold what is to be protected"),
            );
        }
    }
}

/// The lints that look at the places themselves: RF305, RF307, RF308. They are hints for whoever writes
/// a policy, made on the machine where it is checked; the fence looks for itself.
pub(crate) fn on_disk(document: &Document) -> Mistakes {
    let mut mistakes = Mistakes::default();
    for (rule, span) in document.rules.iter().zip(&document.spans) {
        // The built-in rules name places that most machines do not have.
        if rule.place.file == presets::NAME {
            continue;
        }
        let paths: Vec<&Path> = rule.names.iter().filter_map(literal).collect();
        if !paths.is_empty() && paths.iter().all(|path| path.symlink_metadata().is_err()) {
            mistakes.add(
                Mistake::new("RF305", format!("`{}` does not exist here", rule.pattern))
                    .at(span, "not found")
                    .help("the rule holds as soon as it does; check the spelling"),
            );
        }
        if rule.effect == Effect::Forbid && paths.iter().any(|path| ignores_case(path)) {
            mistakes.add(
                Mistake::new("RF308", format!("`{}` has other spellings", rule.pattern))
                    .at(span, "on a file system that ignores case")
                    .help("rules compare names by their bytes: forbid what the file system is mounted on"),
            );
        }
        if rule.effect == Effect::Forbid
            && let Some(swapped) = paths.iter().find_map(|path| swapped_link(path))
        {
            let directory = swapped.parent().unwrap_or(Path::new("/")).display().to_string();
            mistakes.add(
                Mistake::new("RF307", format!("`{}` is reached by a link", rule.pattern))
                    .at(span, "the link may be swapped for another")
                    .help(format!(
                        "`{}` leads elsewhere today; what it leads to tomorrow has another name: \
                         forbid the directory `{directory}/`",
                        swapped.display()
                    )),
            );
        }
    }
    mistakes
}

/// Magic numbers of statfs(2) for file systems that take `/A` and `/a` for one name, or may be
/// mounted so: FAT, exFAT, NTFS by both drivers, SMB by both protocols, HFS and HFS+.
const IGNORE_CASE: [u64; 8] =
    [0x4d44, 0x2011_bab0, 0x5346_544e, 0x7366_746e, 0xff53_4d42, 0xfe53_4d42, 0x4244, 0x482b];

/// Whether a place lies on a file system, or in a directory, that ignores case.
fn ignores_case(path: &Path) -> bool {
    let Some(there) = path.ancestors().find(|path| path.exists()) else { return false };
    let on_such = rustix::fs::statfs(there)
        // The type has another width and sign on each platform, and the numbers have 32 bits.
        .is_ok_and(|found| {
            IGNORE_CASE.contains(&(u64::from_ne_bytes(found.f_type.to_ne_bytes()) & 0xffff_ffff))
        });
    on_such || folds_case(there)
}

/// Whether a directory of ext4 or f2fs has the attribute `F` (casefold).
fn folds_case(path: &Path) -> bool {
    let directory = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let Ok(directory) = std::fs::File::open(directory) else { return false };
    rustix::fs::ioctl_getflags(&directory).is_ok_and(|flags| flags.bits() & 0x4000_0000 != 0)
}

fn literal(name: &PathPattern) -> Option<&Path> {
    match name {
        PathPattern::Literal(path) => Some(Path::new(std::ffi::OsStr::from_bytes(path))),
        PathPattern::Glob(_) => None,
    }
}

/// The link on the way to a file that its neighbours show to be swapped: a file that is a link to
/// a relative target, as a Kubernetes ConfigMap has them through `..data`.
fn swapped_link(path: &Path) -> Option<PathBuf> {
    let target = std::fs::read_link(path).ok()?;
    let relative = target.is_relative() && path.is_file();
    relative.then(|| path.to_owned())
}
