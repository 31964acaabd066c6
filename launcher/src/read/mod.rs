//! Text to policy: YAML with places, Kestra's format and our own, every mistake at once.
//!
//! [`load`] reads sources into a [`Document`]. Nothing here looks at the places that rules name,
//! except the lints of [`lints::on_disk`].

pub(crate) mod classes;
pub(crate) mod codes;
pub(crate) mod document;
mod expand;
mod files;
mod include;
pub(crate) mod kestra;
pub(crate) mod lints;
pub(crate) mod mistakes;
mod native;
mod node;
mod patterns;
pub(crate) mod prefixes;
pub(crate) mod presets;
pub(crate) mod render;
mod shape;
mod sources;
pub(crate) mod span;
pub(crate) mod values;
pub(crate) mod world;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::sync::Arc;

use ringfence_policy::{Effect, FileRule, PathPattern};

use self::document::{Document, Presets};
use self::kestra::Found;
use self::mistakes::{Mistake, Mistakes};
use self::sources::Group;
use self::span::{Source, Span};
use self::world::World;

/// Reads sources, as `--policy` names them, into one document: a file, a directory, `-`,
/// `env:NAME`, `micronaut`. Without a source it is `RINGFENCE_POLICY`, else
/// `/etc/ringfence/policy.yaml`, else the built-in policy.
///
/// # Errors
/// All mistakes at once, with the lints among them, when one of them is an error.
pub(crate) fn load(sources: &[OsString], world: &World) -> Result<Document, Mistakes> {
    let mut mistakes = Mistakes::default();
    let (groups, built_in) = sources::gather(sources, world, &mut mistakes);
    let mut document = Document { built_in, ..Document::default() };
    for group in &groups {
        read_group(group, world, &mut document, &mut mistakes);
    }
    add_presets(world, &mut document, &mut mistakes);
    name_exceptions(&mut document);
    make_ids_unique(&mut document, &mut mistakes);
    lints::on_text(&document, &mut mistakes);
    drop_lifted(&mut document);
    if !mistakes.has_errors() && says_nothing(&document) {
        mistakes.add(nothing_to_enforce(&document));
    }
    mistakes.sort();
    if mistakes.has_errors() {
        return Err(mistakes);
    }
    document.warnings = mistakes;
    Ok(document)
}

/// The entries of `kestra.plugins.defaults` and `kestra.tasks.defaults` in a text of Kestra's own
/// configuration; none where it cannot be read, since Kestra cannot read it either.
pub(crate) fn kestra_defaults(source: &Arc<Source>) -> (Vec<yaml::Node>, Vec<yaml::Node>) {
    let Ok(documents) = yaml::documents(source) else { return Default::default() };
    let mut found = Found::default();
    // What is wrong with it is said when it is the policy.
    documents.iter().for_each(|node| kestra::find(node, &mut found, &mut Mistakes::default()));
    let entries = |nodes: &[&yaml::Node]| nodes.iter().map(|node| (*node).clone()).collect();
    (entries(&found.plugins), entries(&found.tasks))
}

/// As [`load`], for the tasks of a flow: where the policy has no rules about files, and does not
/// say that it wants none, the built-in ones hold. A policy is often nothing but defaults.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_for_tasks(sources: &[OsString], world: &World) -> Result<Document, Mistakes> {
    let mut document = load(sources, world)?;
    let silent = document.rules.is_empty() && document.disabled.is_empty();
    if silent && document.presets_given.is_empty() && document.mode != Some(crate::cli::Mode::Off) {
        document.presets.credentials = true;
        add_presets(world, &mut document, &mut Mistakes::default());
        name_exceptions(&mut document);
        // Nobody has asked for a preset: they are this policy's rules, and are counted as such.
        document.rules.iter_mut().for_each(|rule| "files.forbidden".clone_into(&mut rule.section));
        document.sources.push("the built-in policy `credentials`, since it has no paths".into());
    }
    Ok(document)
}

fn read_group(group: &Group, world: &World, document: &mut Document, mistakes: &mut Mistakes) {
    let mut found = Found::default();
    let mut roots = 0;
    for text in &group.texts {
        let before = mistakes.len();
        let mut has_root = false;
        for node in &text.documents {
            let known = std::mem::take(&mut found.root);
            kestra::find(node, &mut found, mistakes);
            has_root |= found.root;
            found.root |= known;
            has_root |= native::read(node, world, document, mistakes);
        }
        roots += usize::from(has_root);
        document.sources.push(text.source.name.clone());
        document.files.extend(text.path.clone());
        // A near miss of a root key has been reported already.
        if !has_root && text.root_required && mistakes.len() == before {
            mistakes.add(no_root(&text.source));
        }
    }
    if roots == 0
        && let Some(text) = group.texts.first()
        && !text.root_required
    {
        mistakes.add(no_root(&text.source));
    }
    kestra::read(&found, world, document, mistakes);
}

fn no_root(source: &Arc<Source>) -> Mistake {
    let name = &source.name;
    Mistake::new("RF107", format!("`{name}` has neither `kestra` nor `ringfence` as a root key"))
        .near(&Span::start_of(source))
        .help("a policy stands under `ringfence:`, or in Kestra's configuration under `kestra:`")
}

/// Decides which presets are on, and adds their rules.
fn add_presets(world: &World, document: &mut Document, mistakes: &mut Mistakes) {
    let given = &document.presets_given;
    if !given.is_empty() {
        let no_jvm = given.iter().all(|empty| *empty);
        let Presets { kestra, credentials, .. } = document.presets_named;
        document.presets.no_jvm = no_jvm;
        document.presets.kestra = kestra;
        document.presets.credentials = credentials;
    }
    if !document.presets.credentials {
        return;
    }
    let source = presets::credentials();
    let before = document.rules.len();
    match yaml::documents(&source) {
        Ok(nodes) => nodes.iter().for_each(|node| {
            native::read(node, world, document, mistakes);
        }),
        Err(mistake) => mistakes.add(mistake),
    }
    let (own, preset) = document.rules.split_at_mut(before);
    for rule in preset {
        "presets.credentials".clone_into(&mut rule.section);
        lift(rule, own);
    }
}

/// Takes from a preset's rule what an author's exception for the very same place allows. Between
/// authors the rule would win the tie; but a preset is a proposal, and there is no other way to
/// decline one of its rules.
fn lift(rule: &mut FileRule, own: &[FileRule]) {
    let same = |other: &&FileRule| {
        other.effect == Effect::Allow && other.audience.is_none() && other.names == rule.names
    };
    for exception in own.iter().filter(same) {
        rule.access = rule.access & !exception.access;
    }
}

/// Drops the preset's rules of which nothing is left. The lints have seen them: the exception that
/// lifts one is no exception to nothing.
fn drop_lifted(document: &mut Document) {
    let mut spans = std::mem::take(&mut document.spans).into_iter();
    let mut kept = Vec::with_capacity(document.rules.len());
    document.rules.retain(|rule| {
        let keep = !rule.access.is_empty();
        kept.extend(spans.next().filter(|_| keep));
        keep
    });
    document.spans = kept;
}

/// Lets each refusal by a built-in rule name the exception to write.
fn name_exceptions(document: &mut Document) {
    let built_in = document.built_in;
    for rule in document.rules.iter_mut().filter(|rule| rule.place.file == presets::NAME) {
        let place = match rule.names.as_slice() {
            [PathPattern::Glob(_)] => format!("{{glob: {}}}", rule.pattern),
            _ => rule.pattern.clone(),
        };
        let exception = format!("files: {{allowed: [{place}]}}");
        // A policy of one's own takes the place of the built-in one, unless it names the preset.
        let exception = match built_in {
            true => format!("ringfence: {{version: 1, presets: [credentials], {exception}}}"),
            false => exception,
        };
        let reason = rule.reason.take().unwrap_or_default();
        rule.reason = Some(format!("{reason}; an exception is written `{exception}`"));
    }
}

/// Reports an id that two authors' entries have, and tells apart the ids made from places.
fn make_ids_unique(document: &mut Document, mistakes: &mut Mistakes) {
    let mut given: HashMap<&str, &Span> = HashMap::new();
    for (id, span) in &document.ids {
        if let Some(first) = given.insert(id, span) {
            mistakes.add(
                Mistake::new("RF212", format!("the id `{id}` is there twice"))
                    .at(span, "again here")
                    .second(first, "first here")
                    .help("messages and logs name a rule by its id"),
            );
        }
    }
    let mut taken: HashSet<String> = HashSet::new();
    for (rule, span) in document.rules.iter_mut().zip(&document.spans) {
        if !taken.insert(rule.id.clone()) {
            rule.id = format!("{}@{span}", rule.id);
            taken.insert(rule.id.clone());
        }
    }
}

/// Whether a policy neither has rules nor says that it has none on purpose.
fn says_nothing(document: &Document) -> bool {
    document.binds_no_process()
        && document.defaults.is_empty()
        && document.disabled.is_empty()
        && document.mode != Some(crate::cli::Mode::Off)
}

fn nothing_to_enforce(document: &Document) -> Mistake {
    let names = document.sources.join("`, `");
    Mistake::new("RF108", format!("nothing to enforce in `{names}`")).help(
        "add rules, such as `forbiddenPaths` under `kestra.ee.javaSecurity` or `files` under \
         `ringfence`; or say `mode: off`",
    )
}
