//! What the entries changed: the flow as it was compared with the flow as it is.

use std::fmt;
use std::rc::Rc;

use super::entry::Entry;
use super::value::{Map, Node, Origin, Value};

/// A property that is not what its author wrote.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// Where it is in the flow.
    pub path: Path,
    /// What its author wrote, if anything.
    pub before: Option<Node>,
    /// What it is now; nothing when it is gone.
    pub after: Option<Node>,
    /// The entries that did it, by number. None when a name of entries (`pluginDefaultsRef`) was
    /// taken away because it has been answered.
    pub entries: Vec<usize>,
}

impl Change {
    /// Whether a forced value overrode one that the author had written.
    pub(crate) fn overrides(&self, entries: &[Entry]) -> bool {
        let wrote = self.before.as_ref().is_some_and(|node| !matches!(node.value, Value::Null));
        wrote && self.entries.iter().any(|&number| entries[number].forced)
    }
}

/// The way to a property.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(pub Vec<Step>);

/// A step on the way to a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a map.
    Key(Rc<str>),
    /// Into a list.
    Index(usize),
}

impl Path {
    /// The way as a JSON pointer.
    pub(crate) fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.0 {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}

/// `tasks[0].taskRunner.type`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if place == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The changes from one flow to another, in the order of the flow.
pub(super) fn between(before: &Node, after: &Node) -> Vec<Change> {
    let mut compare = Compare { path: Path::default(), changes: Vec::new() };
    compare.nodes(before, after);
    compare.changes
}

struct Compare {
    path: Path,
    changes: Vec<Change>,
}

impl Compare {
    fn nodes(&mut self, before: &Node, after: &Node) {
        match (&before.value, &after.value) {
            (Value::Map(old), Value::Map(new)) => self.maps(old, new),
            (Value::List(old), Value::List(new)) if old.len() == new.len() => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    self.beneath(Step::Index(index), |compare| compare.nodes(old, new));
                }
            }
            _ if before == after => {}
            _ => self.add(Some(before), Some(after), entries_in(after)),
        }
    }

    fn maps(&mut self, old: &Map, new: &Map) {
        // A key that goes does so because its plugin has got another type.
        let changer = new.get("type").and_then(|node| node.origin.entry());
        for (key, before) in old {
            self.beneath(Step::Key(Rc::clone(key)), |compare| match new.get(key) {
                Some(after) => compare.nodes(before, after),
                None => {
                    let entries = changer.filter(|_| &**key != super::REFERENCE);
                    compare.add(Some(before), None, entries.into_iter().collect());
                }
            });
        }
        for (key, after) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            self.beneath(Step::Key(Rc::clone(key)), |compare| compare.added(after));
        }
    }

    /// A value that the author did not write: one change, or one a key when several entries
    /// had a part in it.
    fn added(&mut self, after: &Node) {
        let entries = entries_in(after);
        match &after.value {
            Value::Map(map) if entries.len() > 1 => {
                for (key, node) in map {
                    self.beneath(Step::Key(Rc::clone(key)), |compare| compare.added(node));
                }
            }
            _ => self.add(None, Some(after), entries),
        }
    }

    fn beneath(&mut self, step: Step, compare: impl FnOnce(&mut Self)) {
        self.path.0.push(step);
        compare(self);
        self.path.0.pop();
    }

    fn add(&mut self, before: Option<&Node>, after: Option<&Node>, entries: Vec<usize>) {
        let path = self.path.clone();
        self.changes.push(Change { path, before: before.cloned(), after: after.cloned(), entries });
    }
}

/// The entries that put something into a node, each once.
fn entries_in(node: &Node) -> Vec<usize> {
    fn collect(node: &Node, entries: &mut Vec<usize>) {
        if let Origin::Entry { number, .. } = node.origin
            && !entries.contains(&number)
        {
            entries.push(number);
        }
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| collect(item, entries)),
            Value::Map(map) => map.values().for_each(|node| collect(node, entries)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }
    let mut entries = Vec::new();
    collect(node, &mut entries);
    entries
}
