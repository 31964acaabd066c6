//! Changes in the text of a flow: only what has to change is written anew, so that comments, the
//! order of keys, anchors, block scalars and expressions stay as their author wrote them.
//!
//! Where a change cannot be made inside a node (an alias that would have to differ from its
//! anchor, a list with other items in its middle), the node is written anew, and so on outwards.
//! Whatever comes out is read again and compared with the values that it should hold.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

use saphyr_parser::ScalarStyle;

use super::document::{Document, Id, Kind};
use super::emit::Style;
use super::value::{Map, Node, Value};
use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::span::Source;

/// The text of a document whose roots hold these values. When all of a root had to be written
/// anew, which costs it its comments, a warning says so.
///
/// # Errors
/// The text could not be made to hold them, so there is nothing to show.
pub(crate) fn write(
    document: &Document,
    wanted: &[Node],
    warnings: &mut Mistakes,
) -> Result<String, Mistake> {
    let mut editor = Editor::new(document);
    for (&root, want) in document.roots.iter().zip(wanted) {
        editor.set(&Slot::root(), root, want)?;
    }
    let mut anew = editor.anew;
    let mut text = editor.finish();
    if !holds(document, &text, wanted) {
        // The last resort: the whole of each root.
        anew = true;
        let mut editor = Editor::new(document);
        for (&root, want) in document.roots.iter().zip(wanted) {
            editor.replace(&Slot::root(), root, want);
        }
        text = editor.finish();
    }
    let name = &document.source.name;
    if !holds(document, &text, wanted) {
        let title = format!("cannot write the defaults into the text of `{name}`");
        return Err(Mistake::new("RF013", title));
    }
    if anew {
        let title = format!("`{name}` had to be written anew");
        warnings
            .add(Mistake::new("RF332", title).help("its comments are lost; its values are not"));
    }
    Ok(text)
}

/// Whether a text holds these values.
fn holds(document: &Document, text: &str, wanted: &[Node]) -> bool {
    let source = Source::new(document.source.name.clone(), text);
    let Ok(read) = Document::read(&source) else { return false };
    read.roots.len() == wanted.len()
        && read
            .roots
            .iter()
            .zip(wanted)
            .all(|(&root, want)| read.value(root).is_ok_and(|value| value == *want))
}

/// Where a value stands.
pub(super) struct Slot {
    /// Behind the colon or dash; nothing for a root.
    pub(super) start: Option<usize>,
    /// The indentation of the key or dash.
    pub(super) indent: usize,
    /// Whether it follows a dash.
    pub(super) dash: bool,
    /// In brackets or braces.
    pub(super) flow: bool,
}

impl Slot {
    fn root() -> Self {
        Self { start: None, indent: 0, dash: false, flow: false }
    }
}

pub(super) struct Editor<'a> {
    pub(super) document: &'a Document,
    pub(super) text: &'a str,
    pub(super) style: Style,
    pub(super) edits: Vec<(Range<usize>, String)>,
    /// What the anchored nodes hold in the new text.
    settled: HashMap<Id, Node>,
    /// Anchored nodes that the new text no longer has.
    pub(super) lost: HashSet<Id>,
    /// Whether all of a root is written anew.
    pub(super) anew: bool,
}

impl<'a> Editor<'a> {
    fn new(document: &'a Document) -> Self {
        let text = document.source.text.as_str();
        let json = text.trim_start().starts_with('{')
            && text.trim_start()[1..].trim_start().starts_with('"');
        Self {
            document,
            text,
            style: Style { json, blocks: false },
            edits: Vec::new(),
            settled: HashMap::new(),
            lost: HashSet::new(),
            anew: false,
        }
    }

    fn finish(mut self) -> String {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let has_crlf = self.text.contains("\r\n");
        let mut out = String::with_capacity(self.text.len() + self.text.len() / 4);
        let mut done = 0;
        for (range, new) in self.edits {
            // Edits never overlap; should they, the comparison of the values says so.
            out.push_str(self.text.get(done..range.start).unwrap_or_default());
            out.push_str(&if has_crlf { new.replace('\n', "\r\n") } else { new });
            done = range.end.max(done);
        }
        out.push_str(self.text.get(done..).unwrap_or_default());
        out
    }

    /// Makes a node hold a value: by changes inside it or, where that cannot be, as a whole.
    fn set(&mut self, slot: &Slot, id: Id, want: &Node) -> Result<(), Mistake> {
        let before = self.edits.len();
        if !self.inside(id, want)? {
            self.edits.truncate(before);
            self.replace(slot, id, want);
        }
        if self.document.node(id).anchored {
            self.settled.insert(id, want.clone());
        }
        Ok(())
    }

    /// Tries to make the changes inside a node.
    fn inside(&mut self, id: Id, want: &Node) -> Result<bool, Mistake> {
        let node = self.document.node(id);
        match (&node.kind, &want.value) {
            (Kind::Alias(target), _) => {
                Ok(!self.lost.contains(target) && self.settled.get(target) == Some(want))
            }
            (Kind::Scalar { style, .. }, _) => {
                if self.document.value(id)? == *want {
                    return Ok(true);
                }
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let is_tagged = node.start != node.bytes.start && !node.anchored;
                let is_scalar = !matches!(want.value, Value::List(_) | Value::Map(_));
                if is_block || is_tagged || node.bytes.is_empty() || !is_scalar {
                    return Ok(false);
                }
                self.edits.push((node.bytes.clone(), self.style.inline(want)));
                Ok(true)
            }
            (Kind::List(items), Value::List(wanted)) => self.list(id, items, wanted),
            (Kind::Map(entries), Value::Map(wanted)) => self.map(id, entries, wanted),
            (Kind::List(_) | Kind::Map(_), _) => Ok(false),
        }
    }

    fn list(&mut self, id: Id, items: &[Id], wanted: &[Node]) -> Result<bool, Mistake> {
        let Some(more) = wanted.len().checked_sub(items.len()) else { return Ok(false) };
        if items.is_empty() {
            return Ok(wanted.is_empty());
        }
        let is_own = |(&item, want): (&Id, &Node)| -> Result<bool, Mistake> {
            Ok(self.document.value(item)? == *want)
        };
        // Items added at the end or at the front leave the others alone.
        let at_end = more == 0
            || items.iter().zip(wanted).try_fold(true, |all, pair| Ok(all && is_own(pair)?))?;
        let offset = if at_end { 0 } else { more };
        for (place, (&item, want)) in items.iter().zip(&wanted[offset..]).enumerate() {
            let Some(slot) = self.item_slot(id, items, place) else { return Ok(false) };
            self.set(&slot, item, want)?;
        }
        if more == 0 {
            return Ok(true);
        }
        let new = if at_end { &wanted[items.len()..] } else { &wanted[..more] };
        Ok(self.insert_items(id, items, new, at_end))
    }

    fn map(&mut self, id: Id, entries: &[(Id, Id)], wanted: &Map) -> Result<bool, Mistake> {
        let Some(provided) = self.provided(entries)? else { return Ok(false) };
        let mut own: HashSet<&str> = HashSet::new();
        let mut kept: Vec<usize> = Vec::new();
        for (place, &(key, value)) in entries.iter().enumerate() {
            if self.document.is_merge(key) {
                kept.push(place);
                continue;
            }
            let Some(name) = self.document.key_text(key) else { return Ok(false) };
            if let Some(want) = wanted.get(name) {
                own.insert(name);
                kept.push(place);
                let Some(slot) = self.value_slot(id, key) else { return Ok(false) };
                self.set(&slot, value, want)?;
            } else if provided.contains_key(name) {
                return Ok(false);
            }
        }
        if provided.keys().any(|key| !wanted.contains_key(key)) {
            return Ok(false);
        }
        let new: Vec<(&Rc<str>, &Node)> = wanted
            .iter()
            .filter(|(key, want)| !own.contains(&***key) && provided.get(*key) != Some(want))
            .collect();
        if kept.len() < entries.len() && !self.delete(id, entries, &kept) {
            return Ok(false);
        }
        Ok(new.is_empty() || self.insert(id, entries, &kept, &new))
    }

    /// What the merge keys of a map bring in, by the new text; nothing when an anchor that they
    /// name is gone.
    fn provided(&self, entries: &[(Id, Id)]) -> Result<Option<Map>, Mistake> {
        let mut provided = Map::new();
        for &(_, value) in entries.iter().filter(|(key, _)| self.document.is_merge(*key)) {
            for map in self.document.merged(value)? {
                let target = self.document.behind(map);
                if target != map && self.lost.contains(&target) {
                    return Ok(None);
                }
                let settled = self.settled.get(&target).cloned();
                let node = settled.map_or_else(|| self.document.value(target), Ok)?;
                let Value::Map(map) = node.value else { return Ok(None) };
                for (key, value) in map {
                    provided.entry(key).or_insert(value);
                }
            }
        }
        Ok(Some(provided))
    }
}
