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
use crate::read::mistakes::Mistake;
use crate::read::span::Source;

/// The text of a document whose roots hold these values.
///
/// # Errors
/// The text could not be made to hold them, so there is nothing to show.
pub(crate) fn write(document: &Document, wanted: &[Node]) -> Result<String, Mistake> {
    let mut editor = Editor::new(document);
    for (&root, want) in document.roots.iter().zip(wanted) {
        editor.set(&Slot::root(), root, want)?;
    }
    let text = editor.finish();
    if holds(document, &text, wanted) {
        return Ok(text);
    }
    // The last resort: the whole of each root anew. Its comments are lost.
    let mut editor = Editor::new(document);
    for (&root, want) in document.roots.iter().zip(wanted) {
        editor.replace(&Slot::root(), root, want);
    }
    let text = editor.finish();
    if holds(document, &text, wanted) {
        return Ok(text);
    }
    let title = format!("cannot write the defaults into the text of `{}`", document.source.name);
    Err(Mistake::new("RF013", title))
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
    style: Style,
    edits: Vec<(Range<usize>, String)>,
    /// What the anchored nodes hold in the new text.
    settled: HashMap<Id, Node>,
    /// Anchored nodes that the new text no longer has.
    lost: HashSet<Id>,
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

    fn insert_items(&mut self, id: Id, items: &[Id], new: &[Node], at_end: bool) -> bool {
        let (first, last) = (items[0], items[items.len() - 1]);
        if self.document.node(id).flow {
            let texts: Vec<String> = new.iter().map(|item| self.style.inline(item)).collect();
            let (at, text) = if at_end {
                (self.end_of(last), format!(", {}", texts.join(", ")))
            } else {
                (self.document.node(first).start, format!("{}, ", texts.join(", ")))
            };
            self.edits.push((at..at, text));
            return true;
        }
        let Some(slot) = self.item_slot(id, items, 0) else { return false };
        let Some(dash) = slot.start.map(|start| start - 1) else { return false };
        let style = Style { blocks: true, ..self.style };
        let mut text = String::new();
        for item in new {
            if at_end {
                text.push('\n');
                text.push_str(&" ".repeat(slot.indent));
            }
            text.push('-');
            style.after_dash(item, slot.indent, &mut text);
            if !at_end {
                text.push('\n');
                text.push_str(&" ".repeat(slot.indent));
            }
        }
        let at = if at_end { self.line_end_after(last) } else { Some(dash) };
        if let Some(at) = at {
            self.edits.push((at..at, text));
        }
        at.is_some()
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

    /// Takes the entries out that are not kept.
    fn delete(&mut self, id: Id, entries: &[(Id, Id)], kept: &[usize]) -> bool {
        let Some(&first) = kept.first() else { return false };
        if first > 0 {
            let start = self.document.node(entries[0].0).start;
            self.edits.push((start..self.document.node(entries[first].0).start, String::new()));
        }
        for place in (first + 1..entries.len()).filter(|place| !kept.contains(place)) {
            let (key, value) = entries[place];
            let start = self.document.node(key).start;
            let range = if self.document.node(id).flow {
                Some(self.end_of(entries[place - 1].1)..self.end_of(value))
            } else {
                let line = self.line_start(start);
                let is_alone = self.text[line..start].trim().is_empty();
                self.line_end_after(value).filter(|_| is_alone).map(|end| {
                    let newline =
                        self.text[end..].find('\n').map_or(self.text.len(), |at| end + at + 1);
                    line..newline
                })
            };
            let Some(range) = range else { return false };
            self.edits.push((range, String::new()));
        }
        true
    }

    /// Adds entries: behind `type` where there is one, else behind the last that can bear it, else
    /// before the first.
    fn insert(
        &mut self,
        id: Id,
        entries: &[(Id, Id)],
        kept: &[usize],
        new: &[(&Rc<str>, &Node)],
    ) -> bool {
        let map = self.document.node(id);
        let Some(&last) = kept.last() else {
            return false;
        };
        if map.flow {
            if !self.text[map.bytes.start..].starts_with('{') {
                return false;
            }
            let at = self.end_of(entries[last].1);
            let mut text = String::new();
            for (key, value) in new {
                text.push_str(&format!(", {}: {}", self.style.text(key), self.style.inline(value)));
            }
            self.edits.push((at..at, text));
            return true;
        }
        let indent = self.column(self.document.node(entries[0].0).start);
        let style = Style { blocks: true, ..self.style };
        let of_type = kept
            .iter()
            .copied()
            .find(|&place| self.document.key_text(entries[place].0) == Some("type"));
        let places = of_type.into_iter().chain(Some(last));
        let behind = places.filter_map(|place| self.line_end_after(entries[place].1)).next();
        let mut text = String::new();
        for (key, value) in new {
            if behind.is_some() {
                text.push('\n');
                text.push_str(&" ".repeat(indent));
            }
            style.entry(key, value, indent, &mut text);
            if behind.is_none() {
                text.push('\n');
                text.push_str(&" ".repeat(indent));
            }
        }
        let at = behind.unwrap_or_else(|| self.document.node(entries[0].0).start);
        self.edits.push((at..at, text));
        true
    }

    /// Writes a node anew. Its own anchor stays; those inside it are gone.
    fn replace(&mut self, slot: &Slot, id: Id, want: &Node) {
        self.lose_anchors_in(id);
        let node = self.document.node(id);
        let properties = &self.text[node.start..node.bytes.start];
        let anchor = properties.split_whitespace().find(|word| word.starts_with('&'));
        let anchor =
            anchor.filter(|_| node.anchored).map(|anchor| format!(" {anchor}")).unwrap_or_default();
        if slot.flow {
            let (range, text) = (self.end_of(id), self.style.inline(want));
            let start = if node.bytes.is_empty() { range } else { node.start };
            let colon =
                slot.start.is_some_and(|start| !self.text[..start].ends_with([':', '[', ',']));
            let lead = match (node.bytes.is_empty(), colon) {
                (true, true) => ": ",
                (true, false) => " ",
                (false, _) => "",
            };
            let text = format!(
                "{lead}{}{text}",
                anchor.trim_start().to_owned() + if anchor.is_empty() { "" } else { " " }
            );
            self.edits.push((start..range.max(start), text));
            return;
        }
        let end = self.end_of(id);
        let rest_is_blank = self.rest_of_line(end).trim().is_empty();
        let style = Style { blocks: rest_is_blank, ..self.style };
        let mut text = String::new();
        let Some(start) = slot.start else {
            if let Value::Map(map) = &want.value
                && !map.is_empty()
                && !self.style.json
            {
                style.entries(map, 0, &mut text);
            } else {
                text = style.inline(want);
            }
            self.edits.push((node.start..end.max(node.start), text));
            return;
        };
        text.push_str(&anchor);
        if slot.dash && anchor.is_empty() {
            style.after_dash(want, slot.indent, &mut text);
        } else {
            style.after_key(want, slot.indent + 2, &mut text);
        }
        self.edits.push((start..end.max(start), text));
    }

    fn lose_anchors_in(&mut self, id: Id) {
        let children: Vec<Id> = match &self.document.node(id).kind {
            Kind::List(items) => items.clone(),
            Kind::Map(entries) => entries.iter().flat_map(|&(key, value)| [key, value]).collect(),
            Kind::Scalar { .. } | Kind::Alias(_) => return,
        };
        for child in children {
            if self.document.node(child).anchored {
                self.lost.insert(child);
            }
            self.lose_anchors_in(child);
        }
    }
}
