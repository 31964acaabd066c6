//! A flow from its text to its text: read, resolved, written.

use std::rc::Rc;
use std::sync::Arc;

use super::changes::{Change, Path, Step};
use super::document::{Document, Id, Kind};
use super::entry::{Dialect, Entry, Level};
use super::policy::Policy;
use super::value::{Map, Node, Value, type_of};
use super::{FLOW_KEYS, Note, edit, resolve};
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::span::{Source, Span};

/// The task whose `spec` holds another task as text.
const TEMPLATED: &str = "io.kestra.plugin.core.templating.TemplatedTask";
/// Flowable tasks, which a `spec` may not hold.
const FLOWABLE: &str = "io.kestra.plugin.core.flow";

/// A text with its defaults.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The text.
    pub(crate) text: String,
    /// The flows in it, one a YAML document.
    pub(crate) flows: Vec<Node>,
    /// What changed.
    pub(crate) changes: Vec<Placed>,
    /// What to know.
    pub(crate) warnings: Mistakes,
}

/// A change with its places.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The change.
    pub(crate) change: Change,
    /// Where it takes effect in the text of the flow.
    pub(crate) at: Span,
    /// Whether the entries are forced, and where each of them stands.
    pub(crate) by: Vec<(bool, Span)>,
    /// Whether a forced value overrode the author's.
    pub(crate) overrides: bool,
}

/// Gives the flows in a text their defaults.
///
/// # Errors
/// The text is not YAML or beyond the limits; an entry in it is invalid (in the strict profile);
/// the entries go on for ever; or the result cannot be written.
pub(crate) fn resolve_text(source: &Arc<Source>, policy: &Policy) -> Result<Resolved, Mistakes> {
    let document = Document::read(source)?;
    let mut task = Task { policy, document: &document, warnings: Mistakes::default() };
    let mut changes = Vec::new();
    let mut flows = Vec::new();
    for &root in &document.roots {
        flows.push(task.flow(root, &mut changes)?);
    }
    let mut warnings = task.warnings;
    let text = match changes.is_empty() {
        true => source.text.clone(),
        false => edit::write(&document, &flows, &mut warnings)?,
    };
    Ok(Resolved { text, flows, changes, warnings })
}

struct Task<'a> {
    policy: &'a Policy,
    document: &'a Document,
    warnings: Mistakes,
}

/// The entries for one flow.
struct Entries {
    entries: Vec<Entry>,
    spans: Vec<Span>,
}

impl Task<'_> {
    fn flow(&mut self, root: Id, changes: &mut Vec<Placed>) -> Result<Node, Mistakes> {
        let flow = self.document.value(root)?;
        let Some(entries) = self.entries(root, &flow)? else { return Ok(flow) };
        let resolved = resolve(&flow, &entries.entries, self.policy.profile, &self.policy.aliases)
            .map_err(|cycle| endless(&cycle.entries, &entries.spans))?;
        for note in &resolved.notes {
            let warning = self.warning(note, root, &entries.spans);
            self.warnings.add(warning);
        }
        let mut flow = resolved.flow;
        let mut found = resolved.changes;
        if self.policy.profile.reaches_templated_tasks() {
            let at = self.document.span(root);
            self.templates(&mut flow, &mut Path::default(), &entries, &at, &mut found)?;
        }
        changes.extend(found.into_iter().map(|change| {
            Placed {
                at: self.document.span(self.locate(root, &change.path)),
                by: change
                    .entries
                    .iter()
                    .map(|&number| (entries.entries[number].forced, entries.spans[number].clone()))
                    .collect(),
                overrides: change.overrides(&entries.entries),
                change,
            }
        }));
        Ok(flow)
    }

    /// The entries of the policy and those of the flow. In Kestra an invalid entry of a flow is a
    /// warning, and the flow is used as it was: nothing then.
    fn entries(&mut self, root: Id, flow: &Node) -> Result<Option<Entries>, Mistakes> {
        let mut entries =
            Entries { entries: self.policy.entries.clone(), spans: self.policy.spans.clone() };
        let own = FLOW_KEYS.into_iter().find_map(|key| {
            let node = flow.map()?.get(key)?;
            (!matches!(node.value, Value::Null)).then_some((key, node))
        });
        let Some((key, list)) = own else { return Ok(Some(entries)) };
        let strict = self.policy.profile.is_strict();
        let place = self.document.get(root, key).unwrap_or(root);
        let mut faults = Mistakes::default();
        let Some(items) = list.list() else {
            let title = format!("`{key}` is not a list");
            faults.add(Mistake::new("RF120", title).at(&self.document.span(place), "not a list"));
            return self.invalid(faults, strict);
        };
        let places = match &self.document.node(self.document.behind(place)).kind {
            Kind::List(places) => places.as_slice(),
            Kind::Scalar { .. } | Kind::Map(_) | Kind::Alias(_) => &[],
        };
        let dialect = Dialect { loose_booleans: !strict, forced_null: strict };
        for (item, &place) in items.iter().zip(places) {
            let span = self.document.span(place);
            match Entry::read(item, Level::Flow, dialect) {
                Ok(entry) => {
                    entries.entries.push(entry);
                    entries.spans.push(span);
                }
                Err(invalid) => {
                    for fault in invalid {
                        let title = format!("an entry of `{key}` {fault}");
                        faults.add(Mistake::new("RF120", title).at(&span, "this entry"));
                    }
                }
            }
        }
        if faults.has_errors() { self.invalid(faults, strict) } else { Ok(Some(entries)) }
    }

    fn invalid(&mut self, faults: Mistakes, strict: bool) -> Result<Option<Entries>, Mistakes> {
        if strict {
            return Err(faults);
        }
        for fault in &faults {
            let mut warning = Mistake::new("RF320", fault.title.clone())
                .help("Kestra uses this flow as it is, without any defaults, forced ones included");
            if let Some(at) = &fault.at {
                warning = warning.at(at, fault.label.clone());
            }
            self.warnings.add(warning);
        }
        Ok(None)
    }

    fn warning(&self, note: &Note, root: Id, spans: &[Span]) -> Mistake {
        let flow = self.document.span(root);
        match note {
            Note::ForcedInFlow { entry } => {
                Mistake::new("RF321", "`forced` in a flow is ignored").at(&spans[*entry], "ignored")
            }
            Note::ReferenceIgnored { name } => {
                Mistake::new("RF322", format!("`pluginDefaultsRef: {name}` is ignored"))
                    .near(&flow)
                    .help("a forced entry matches the plugin that asks for it")
            }
            Note::ReferenceUnresolved { name, plugin_type } => {
                let of = plugin_type.as_ref().map(|of| format!(" for `{of}`")).unwrap_or_default();
                Mistake::new("RF323", format!("no entry has the name `{name}`{of}"))
                    .near(&flow)
                    .help(
                        "Kestra does not run a plugin whose `pluginDefaultsRef` it cannot resolve",
                    )
            }
        }
    }

    /// Gives their defaults to the tasks that stand as text in the `spec` of templated tasks.
    fn templates(
        &mut self,
        node: &mut Node,
        path: &mut Path,
        entries: &Entries,
        at: &Span,
        changes: &mut Vec<Change>,
    ) -> Result<(), Mistakes> {
        match &mut node.value {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    path.0.push(Step::Index(index));
                    self.templates(item, path, entries, at, changes)?;
                    path.0.pop();
                }
            }
            Value::Map(map) => {
                for (key, value) in map.iter_mut() {
                    if path.0.is_empty() && FLOW_KEYS.contains(&&**key) {
                        continue;
                    }
                    path.0.push(Step::Key(Rc::clone(key)));
                    self.templates(value, path, entries, at, changes)?;
                    path.0.pop();
                }
                let is_templated = type_of(map)
                    .is_some_and(|of_type| self.policy.aliases.canonical(of_type) == TEMPLATED);
                if is_templated {
                    path.0.push(Step::Key(Rc::from("spec")));
                    self.template(map, path, entries, at, changes)?;
                    path.0.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
        Ok(())
    }

    /// The task that the `spec` of a [`TEMPLATED`] one holds as text gets its defaults in that text.
    fn template(
        &mut self,
        map: &mut Map,
        path: &Path,
        entries: &Entries,
        at: &Span,
        changes: &mut Vec<Change>,
    ) -> Result<(), Mistakes> {
        let Some(spec) = map.get_mut("spec") else { return Ok(()) };
        let Some(text) = spec.text() else { return Ok(()) };
        let name = format!("{} ({path})", self.document.source.name);
        let source = Source::new(name, &**text);
        let unknown = |why: &str| {
            Mistake::new("RF324", format!("the task in `{path}` is known at run time only"))
                .near(at)
                .help(format!("{why}, so nothing is forced on it here"))
        };
        let Ok(document) = Document::read(&source) else {
            self.warnings.add(unknown("its text is no YAML before its expressions are rendered"));
            return Ok(());
        };
        let [root] = document.roots[..] else { return Ok(()) };
        let task = document.value(root)?;
        let Some(of_type) = task.plugin_type() else { return Ok(()) };
        if of_type.contains("{{") || of_type.contains("{%") {
            self.warnings.add(unknown("its type is an expression"));
            return Ok(());
        }
        self.warn_of_type(path, of_type, at);
        let resolved = resolve(&task, &entries.entries, self.policy.profile, &self.policy.aliases)
            .map_err(|cycle| endless(&cycle.entries, &entries.spans))?;
        if resolved.changes.is_empty() {
            return Ok(());
        }
        let text = edit::write(&document, &[resolved.flow], &mut self.warnings)?;
        spec.value = Value::Text(text.into());
        changes.retain(|change| change.path != *path);
        changes.extend(resolved.changes.into_iter().map(|mut change| {
            change.path.0.splice(0..0, path.0.iter().cloned());
            change
        }));
        Ok(())
    }

    /// Warns of a task that Kestra refuses to run where it is rendered first.
    fn warn_of_type(&mut self, path: &Path, of_type: &str, at: &Span) {
        let canonical = self.policy.aliases.canonical(of_type);
        if canonical == TEMPLATED
            || canonical.rsplit_once('.').is_some_and(|(of, _)| of == FLOWABLE)
        {
            let title = format!("the task in `{path}` may not be a `{of_type}`");
            let warning = Mistake::new("RF325", title).near(at);
            self.warnings.add(warning.help("Kestra refuses to run it: it must be a runnable task"));
        }
    }

    /// The node at a path, or the last one on the way that the text has.
    fn locate(&self, root: Id, path: &Path) -> Id {
        let mut id = root;
        for step in &path.0 {
            let behind = self.document.behind(id);
            let next = match (&self.document.node(behind).kind, step) {
                (Kind::Map(_), Step::Key(key)) => self.document.get(behind, key),
                (Kind::List(items), Step::Index(index)) => items.get(*index).copied(),
                _ => None,
            };
            match next {
                Some(next) => id = next,
                None => break,
            }
        }
        id
    }
}

fn endless(numbers: &[usize], spans: &[Span]) -> Mistakes {
    let mut mistake = Mistake::new("RF121", "entries that would go on for ever");
    if let Some(&first) = numbers.first() {
        mistake = mistake.at(&spans[first], "this entry");
    }
    if let Some(&second) = numbers.get(1) {
        mistake = mistake.second(&spans[second], "and this one");
    }
    for &number in numbers.iter().skip(2) {
        mistake = mistake.help(format!("also {}", spans[number]));
    }
    mistake.help("each adds a plugin, or changes a type, to which another applies again").into()
}
