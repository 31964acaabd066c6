//! Places in the text of a flow: where a value may be written, where its line ends.

use saphyr_parser::ScalarStyle;

use super::document::{Id, Kind};
use super::edit::{Editor, Slot};

impl Editor<'_> {
    /// Where the value of a key stands.
    pub(super) fn value_slot(&self, map: Id, key: Id) -> Option<Slot> {
        let end = self.document.node(key).bytes.end;
        let flow = self.document.node(map).flow;
        let colon = self.colon_after(end);
        if colon.is_none() && !flow {
            return None;
        }
        let start = Some(colon.unwrap_or(end));
        Some(Slot { start, indent: self.column(self.document.node(key).start), dash: false, flow })
    }

    /// Where an item of a list stands.
    pub(super) fn item_slot(&self, list: Id, items: &[Id], place: usize) -> Option<Slot> {
        let node = self.document.node(items[place]);
        if self.document.node(list).flow {
            return Some(Slot { start: Some(node.start), indent: 0, dash: false, flow: true });
        }
        // Only blanks and comments stand between a dash and its item.
        let before = match place.checked_sub(1) {
            Some(previous) => self.document.node(items[previous]).bytes.end,
            None => self.line_start(self.document.node(list).bytes.start.min(node.start)),
        };
        let dash = before + self.text.get(before..node.start)?.rfind('-')?;
        let is_dash = self.text[dash + 1..].starts_with([' ', '\n', '\r', '\t'])
            && self.text[self.line_start(dash)..dash]
                .chars()
                .all(|c| matches!(c, ' ' | '-' | ':' | '?'));
        is_dash.then(|| Slot {
            start: Some(dash + 1),
            indent: self.column(dash),
            dash: true,
            flow: false,
        })
    }

    /// The place behind the colon that follows a key.
    fn colon_after(&self, end: usize) -> Option<usize> {
        let rest = &self.text[end..];
        let blanks = rest.len() - rest.trim_start().len();
        rest[blanks..].starts_with(':').then_some(end + blanks + 1)
    }

    /// The end of a node; for a value that is left out, behind the colon that asks for it.
    pub(super) fn end_of(&self, id: Id) -> usize {
        let last = self.last_in(id);
        let node = self.document.node(last);
        let is_left_out = node.bytes.is_empty() && matches!(node.kind, Kind::Scalar { .. });
        let end = self.document.node(id).bytes.end.max(node.bytes.end);
        if is_left_out && (last == id || !self.document.node(id).flow) {
            return self
                .colon_after(end)
                .filter(|&at| !self.text[end..at].contains('\n'))
                .unwrap_or(end);
        }
        end
    }

    /// The end of the line on which a node ends, when nothing but a comment follows there.
    pub(super) fn line_end_after(&self, id: Id) -> Option<usize> {
        let last = self.document.node(self.last_in(id));
        let header = self.text[last.bytes.clone()].lines().next().unwrap_or_default();
        let is_block = matches!(
            last.kind,
            Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }
        );
        // `+` keeps the blank lines that follow: nothing can be put before them.
        let keeps = is_block && header.split('#').next().is_some_and(|header| header.contains('+'));
        let is_key = last.bytes.is_empty() && last.start != last.bytes.start;
        let end = self.end_of(id);
        let rest = self.rest_of_line(end);
        let is_free = rest.trim().is_empty()
            || !is_block && rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#');
        (is_free && !keeps && !is_key).then_some(end + rest.len())
    }

    /// The last scalar or alias in a block node; a node in brackets ends with its bracket.
    fn last_in(&self, mut id: Id) -> Id {
        loop {
            let node = self.document.node(id);
            let last = match &node.kind {
                Kind::List(items) if !node.flow => items.last().copied(),
                Kind::Map(entries) if !node.flow => entries.last().map(|&(_, value)| value),
                Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) | Kind::Alias(_) => None,
            };
            match last {
                Some(last) => id = last,
                None => return id,
            }
        }
    }

    /// The rest of a line, without what ends it.
    pub(super) fn rest_of_line(&self, at: usize) -> &str {
        let rest = &self.text[at..];
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        line.strip_suffix('\r').unwrap_or(line)
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The column of a place, from 0.
    pub(super) fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }
}
