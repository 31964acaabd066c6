//! Entries about files: Kestra's `forbiddenPaths` and our own `files`.

use ringfence_policy::{Access, Effect, FileRule, PathPattern};

use super::document::Document;
use super::mistakes::Mistake;
use super::patterns::{Context, Kind};
use super::prefixes;
use super::shape::{self, Field, Section};
use super::span::Span;
use super::yaml::{Node, Value};

/// Reads `forbiddenPaths`: paths that may be neither read nor written, nor anything else.
pub(crate) fn forbidden_paths(
    section: &str,
    node: &Node,
    document: &mut Document,
    context: &mut Context<'_>,
) {
    for (at, item) in
        shape::list(section, node, context.mistakes).unwrap_or_default().iter().enumerate()
    {
        let name = format!("forbiddenPaths[{at}]");
        if let Some(names) = context.places(&name, item, Kind::Path) {
            let rule = Rule::new("forbiddenPaths", name, item, names, Effect::Forbid);
            document.add(rule);
        }
    }
}

/// Reads `ringfence.files`.
pub(crate) fn files(field: Field<'_>, document: &mut Document, context: &mut Context<'_>) {
    let known = ["forbidden", "allowed"];
    let section =
        Section::open("ringfence.files", field.key, field.value, &known, context.mistakes);
    let Some(section) = section else { return };
    for (list, effect) in [("forbidden", Effect::Forbid), ("allowed", Effect::Allow)] {
        let Some(field) = section.get(list) else { continue };
        let items = shape::list(&section.path(list), field.value, context.mistakes);
        for (at, item) in items.unwrap_or_default().iter().enumerate() {
            entry(at, item, effect, document, context);
        }
    }
}

/// One entry of `files.forbidden` or `files.allowed`: a path, or a map.
fn entry(
    at: usize,
    item: &Node,
    effect: Effect,
    document: &mut Document,
    context: &mut Context<'_>,
) {
    let (list, keys): (_, &[&'static str]) = match effect {
        Effect::Forbid => {
            ("files.forbidden", &["path", "glob", "id", "reason", "access", "except"])
        }
        Effect::Allow => ("files.allowed", &["path", "glob", "id", "reason", "access", "callers"]),
    };
    let name = format!("{list}[{at}]");
    if !matches!(item.value, Value::Map(_)) {
        if let Some(names) = context.places(&name, item, Kind::Path) {
            document.add(Rule::new(list, name, item, names, effect));
        }
        return;
    }
    let Some(section) = Section::open(&name, &item.span, item, keys, context.mistakes) else {
        return;
    };
    let Some((kind, place)) = path_or_glob(&section, context) else { return };
    let access = section.get("access").map_or(Some(Access::ALL), |field| {
        access(&section.path("access"), field.value, effect, context)
    });
    let id = section.get("id").and_then(|field| {
        Some((shape::text(&section.path("id"), field.value, context.mistakes)?, &field.value.span))
    });
    let reason = section.get("reason").and_then(|field| {
        shape::text(&section.path("reason"), field.value, context.mistakes).map(str::to_owned)
    });
    let names = context.places(&section.path(kind_name(kind)), place, kind);
    let (Some(names), Some(access)) = (names, access) else { return };
    let mut rule = Rule::new(list, name, place, names, effect);
    rule.rule.access = access;
    rule.rule.reason = reason;
    if let Some((id, span)) = id {
        id.clone_into(&mut rule.rule.id);
        rule.id = Some(span);
    }
    let parent = rule.rule.clone();
    match section.get("callers") {
        Some(field) => {
            let name = section.path("callers");
            if let Some(audience) = prefixes::audience(&name, field.value, context) {
                rule.rule.audience = Some(audience);
                document.add(rule);
            }
        }
        None => document.add(rule),
    }
    if let Some(field) = section.get("except") {
        exceptions(&section.path("except"), &parent, field.value, document, context);
    }
}

/// The exceptions of a forbidden place: the same accesses are allowed there.
fn exceptions(
    name: &str,
    parent: &FileRule,
    node: &Node,
    document: &mut Document,
    context: &mut Context<'_>,
) {
    for (at, item) in
        shape::list(name, node, context.mistakes).unwrap_or_default().iter().enumerate()
    {
        let item_name = format!("{name}[{at}]");
        let Some(names) = context.places(&item_name, item, Kind::Path) else { continue };
        if !names.iter().any(|name| parent.names.iter().any(|outer| may_hold(outer, name))) {
            context.mistakes.add(
                Mistake::new(
                    "RF214",
                    format!(
                        "`{}` is not beneath `{}`",
                        item.text().unwrap_or_default(),
                        parent.pattern
                    ),
                )
                .at(&item.span, "excepts nothing")
                .help("an exception stands beneath the path that it is an exception to"),
            );
            continue;
        }
        let id = format!("{}.except[{at}]", parent.id);
        let mut rule = Rule::new("files.forbidden.except", id, item, names, Effect::Allow);
        rule.rule.access = parent.access;
        rule.rule.reason.clone_from(&parent.reason);
        document.add(rule);
    }
}

/// Whether a place may be beneath another; with wildcards in the outer one nobody asks further.
pub(crate) fn may_hold(outer: &PathPattern, inner: &PathPattern) -> bool {
    match (outer, inner) {
        (PathPattern::Literal(outer), PathPattern::Literal(inner)) => beneath(outer, inner),
        (PathPattern::Literal(outer), PathPattern::Glob(inner)) => {
            let fixed = inner.iter().position(|byte| matches!(byte, b'*' | b'?'));
            let fixed = &inner[..fixed.unwrap_or(inner.len())];
            beneath(outer, inner) || outer.starts_with(fixed)
        }
        (PathPattern::Glob(_), _) => true,
    }
}

/// Whether a text is another one or beneath it, by whole components.
fn beneath(outer: &[u8], inner: &[u8]) -> bool {
    outer == b"/"
        || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Path => "path",
        Kind::Glob => "glob",
    }
}

/// The one of `path` and `glob` that an entry has.
fn path_or_glob<'n>(section: &Section<'n>, context: &mut Context<'_>) -> Option<(Kind, &'n Node)> {
    match (section.get("path"), section.get("glob")) {
        (Some(path), None) => Some((Kind::Path, path.value)),
        (None, Some(glob)) => Some((Kind::Glob, glob.value)),
        (Some(path), Some(glob)) => {
            context.mistakes.add(
                Mistake::new("RF113", format!("`{}` has both `path` and `glob`", section.name))
                    .at(glob.key, "one too many")
                    .second(path.key, "the path")
                    .help("make two entries of it"),
            );
            None
        }
        (None, None) => {
            context.mistakes.add(
                Mistake::new("RF104", format!("`{}` has no `path` and no `glob`", section.name))
                    .at(section.span, "names no place"),
            );
            None
        }
    }
}

/// The words of `access`, a list or one of them. In an exception `read` and `write` bring the
/// accesses without which no program could read or write anything.
fn access(name: &str, node: &Node, effect: Effect, context: &mut Context<'_>) -> Option<Access> {
    let (read, write) = match effect {
        Effect::Forbid => (Access::READ, Access::WRITE),
        Effect::Allow => (
            Access::READ.with(Access::LIST).with(Access::METADATA),
            Access::WRITE.with(Access::METADATA),
        ),
    };
    let words = [
        ("read", read),
        ("write", write),
        ("list", Access::LIST),
        ("execute", Access::EXECUTE),
        ("metadata", Access::METADATA),
    ];
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Scalar(..) | Value::Map(_) => std::slice::from_ref(node),
    };
    if items.is_empty() {
        context.mistakes.add(
            Mistake::new("RF207", format!("`{name}` is empty"))
                .at(&node.span, "no access at all")
                .help("leave it out for every access"),
        );
    }
    let mut access = Access::NONE;
    let mut valid = !items.is_empty();
    for item in items {
        match shape::word(name, item, &words, context.mistakes) {
            Some(word) => access |= word,
            None => valid = false,
        }
    }
    valid.then_some(access)
}

/// A rule with what messages about it need.
struct Rule<'n> {
    rule: FileRule,
    span: &'n Span,
    /// Where its id stands, when the author gave one.
    id: Option<&'n Span>,
}

impl<'n> Rule<'n> {
    fn new(
        section: &str,
        id: String,
        node: &'n Node,
        names: Vec<PathPattern>,
        effect: Effect,
    ) -> Self {
        let rule = FileRule {
            id,
            section: section.to_owned(),
            pattern: node.text().unwrap_or_default().to_owned(),
            names,
            effect,
            access: Access::ALL,
            place: node.span.place(),
            reason: None,
            fixed: false,
            leaf: false,
            audience: None,
        };
        Self { rule, span: &node.span, id: None }
    }
}

impl Document {
    fn add(&mut self, rule: Rule<'_>) {
        if let Some(id) = rule.id {
            self.ids.push((rule.rule.id.clone(), id.clone()));
        }
        self.rules.push(rule.rule);
        self.spans.push(rule.span.clone());
    }
}
