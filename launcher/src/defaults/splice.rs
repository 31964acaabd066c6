//! The edits themselves: items and entries added and taken out, nodes written anew.

use std::rc::Rc;

use super::document::{Id, Kind};
use super::edit::{Editor, Slot};
use super::emit::Style;
use super::value::{Node, Value};

impl Editor<'_> {
    /// Adds items to a list, behind its own or before them; false where that cannot be.
    pub(super) fn insert_items(
        &mut self,
        id: Id,
        items: &[Id],
        new: &[Node],
        at_end: bool,
    ) -> bool {
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

    /// Takes the entries out that are not kept; false where that cannot be.
    pub(super) fn delete(&mut self, id: Id, entries: &[(Id, Id)], kept: &[usize]) -> bool {
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
    /// before the first; false where that cannot be.
    pub(super) fn insert(
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
            return self.insert_inline(id, entries[last].1, new);
        }
        let first = self.document.node(entries[0].0).start;
        if self.text[..first].trim_end().ends_with('?') {
            return false;
        }
        let indent = self.column(first);
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

    /// Adds entries to a map in braces, behind the value `last`; false where it has none.
    fn insert_inline(&mut self, id: Id, last: Id, new: &[(&Rc<str>, &Node)]) -> bool {
        if !self.text[self.document.node(id).bytes.start..].starts_with('{') {
            return false;
        }
        let at = self.end_of(last);
        let mut text = String::new();
        for (key, value) in new {
            text.push_str(&format!(", {}: {}", self.style.text(key), self.style.inline(value)));
        }
        self.edits.push((at..at, text));
        true
    }

    /// Writes a node anew. Its own anchor stays; those inside it are gone.
    pub(super) fn replace(&mut self, slot: &Slot, id: Id, want: &Node) {
        self.lose_anchors_in(id);
        let node = self.document.node(id);
        let properties = &self.text[node.start..node.bytes.start];
        let anchor = properties.split_whitespace().find(|word| word.starts_with('&'));
        let anchor =
            anchor.filter(|_| node.anchored).map(|anchor| format!(" {anchor}")).unwrap_or_default();
        if slot.flow {
            self.replace_inline(slot, id, want, &anchor);
            return;
        }
        let end = self.end_of(id);
        let rest_is_blank = self.rest_of_line(end).trim().is_empty();
        let style = Style { blocks: rest_is_blank, ..self.style };
        let mut text = String::new();
        let Some(start) = slot.start else {
            self.anew = true;
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

    /// Writes a node anew in a map or list in brackets; its anchor has a blank before it.
    fn replace_inline(&mut self, slot: &Slot, id: Id, want: &Node, anchor: &str) {
        let node = self.document.node(id);
        let (end, text) = (self.end_of(id), self.style.inline(want));
        let start = if node.bytes.is_empty() { end } else { node.start };
        let colon = slot.start.is_some_and(|start| !self.text[..start].ends_with([':', '[', ',']));
        let lead = match (node.bytes.is_empty(), colon) {
            (true, true) => ": ",
            (true, false) => " ",
            (false, _) => "",
        };
        let blank = if anchor.is_empty() { "" } else { " " };
        let text = format!("{lead}{}{blank}{text}", anchor.trim_start());
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
