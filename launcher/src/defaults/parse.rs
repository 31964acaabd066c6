//! From the text of a flow to its tree, within limits: what a node holds, and its bytes.
//!
//! The parser gives the bytes of most nodes; those of blocks, quoted texts and values that are left
//! out are put right here.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::document::{Document, Id, Kind, Written};
use crate::read::mistakes::Mistake;
use crate::read::span::{Index, Source, Span};
use crate::read::yaml::{MAX_BYTES, MAX_COPIES, MAX_DEPTH, MAX_NODES};

/// Reads a text.
///
/// # Errors
/// It is not YAML, or larger, deeper or wider than the limits of policies.
pub(super) fn document(source: &Arc<Source>) -> Result<Document, Mistake> {
    if source.text.len() > MAX_BYTES {
        let title = format!("`{}` is larger than {} MiB", source.name, MAX_BYTES >> 20);
        return Err(Mistake::new("RF004", title));
    }
    let mut builder = Builder::new(source);
    let mut parser = Parser::new_from_str(&source.text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| builder.not_yaml(&error))?;
        builder.event(event, span.start.index(), span.end.index())?;
    }
    Ok(builder.document)
}

/// A list or map whose end is still to come.
struct Open {
    id: Id,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<Id>,
    size: Size,
}

/// How large a node is with all beneath it, aliases counted as what they name.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    depth: usize,
}

/// What stands before a node.
#[derive(Clone, Copy)]
struct Properties {
    /// The number of its anchor, 0 for none.
    anchor: usize,
    /// Whether it has a tag.
    tagged: bool,
}

/// The length of the anchor and the tag, with the blanks after them, at the start of a text.
fn properties(text: &str) -> usize {
    let mut rest = text;
    while rest.starts_with(['&', '!']) {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        rest = rest[end..].trim_start();
    }
    text.len() - rest.len()
}

/// The length of the quoted text at the start of a text; the parser adds what follows it.
fn quoted(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, quote)) = characters.next() else { return 0 };
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote == '"' {
            characters.next();
        } else if character == quote {
            if quote == '\'' && text[at + 1..].starts_with('\'') {
                characters.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

struct Builder {
    document: Document,
    open: Vec<Open>,
    anchors: HashMap<usize, (Id, Size)>,
    nodes: usize,
    copies: usize,
}

impl Builder {
    fn new(source: &Arc<Source>) -> Self {
        let index = Index::new(source);
        let source = Arc::clone(source);
        Self {
            document: Document { source, index, nodes: Vec::new(), roots: Vec::new() },
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            copies: 0,
        }
    }

    fn event(&mut self, event: Event<'_>, start: usize, end: usize) -> Result<(), Mistake> {
        const ONE: Size = Size { nodes: 1, depth: 1 };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = self.is_text(tag.as_deref(), start, end)?;
                let kind = Kind::Scalar { text: text.into(), style, is_text };
                let properties = Properties { anchor, tagged: tag.is_some() };
                let id = self.add(kind, properties, start, end)?;
                if anchor != 0 {
                    self.anchors.insert(anchor, (id, ONE));
                }
                self.place(id, ONE);
            }
            Event::SequenceStart(anchor, tag) => {
                self.is_text(tag.as_deref(), start, end)?;
                let properties = Properties { anchor, tagged: tag.is_some() };
                self.start(Kind::List(Vec::new()), properties, start, end)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.is_text(tag.as_deref(), start, end)?;
                let properties = Properties { anchor, tagged: tag.is_some() };
                self.start(Kind::Map(Vec::new()), properties, start, end)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(end),
            Event::Alias(anchor) => self.alias(anchor, start, end)?,
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => {}
        }
        Ok(())
    }

    /// Whether a tag makes a scalar text. Tags that are not YAML's own would be lost where a node
    /// has to be written anew.
    fn is_text(&self, tag: Option<&Tag>, start: usize, end: usize) -> Result<bool, Mistake> {
        let Some(tag) = tag else { return Ok(false) };
        match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("tag:yaml.org,2002:", suffix) => Ok(suffix == "str"),
            ("", "!") | ("!", "") => Ok(true),
            _ => {
                let span = self.document.index.span(start, end);
                Err(Mistake::new("RF009", format!("unknown tag `{tag}`")).at(&span, "here"))
            }
        }
    }

    fn start(
        &mut self,
        kind: Kind,
        properties: Properties,
        start: usize,
        end: usize,
    ) -> Result<(), Mistake> {
        self.deepen(1, start, end)?;
        let anchor = properties.anchor;
        let id = self.add(kind, properties, start, end)?;
        self.open.push(Open { id, anchor, key: None, size: Size { nodes: 1, depth: 1 } });
        Ok(())
    }

    fn end(&mut self, end: usize) {
        // The parser balances its events; without an open node there is nothing to end.
        let Some(Open { id, anchor, size, .. }) = self.open.pop() else { return };
        let document = &mut self.document;
        let end = document.index.span(end, end).range().start;
        let last = match &document.nodes[id].kind {
            Kind::List(items) => items.last().copied(),
            Kind::Map(entries) => entries.last().map(|&(_, value)| value),
            Kind::Scalar { .. } | Kind::Alias(_) => None,
        };
        let first = match &document.nodes[id].kind {
            Kind::Map(entries) => entries.first().map(|&(key, _)| key),
            Kind::List(_) | Kind::Scalar { .. } | Kind::Alias(_) => None,
        };
        let node = &document.nodes[id];
        let start = node.bytes.start;
        let bracketed = node.flow && document.source.text[start..].starts_with(['{', '[']);
        let bytes = match last {
            Some(last) if !bracketed => {
                let start = first.map_or(start, |first| document.nodes[first].start);
                start..document.nodes[last].bytes.end.max(start)
            }
            _ => start..end.max(start),
        };
        document.nodes[id].bytes = bytes;
        if anchor != 0 {
            self.anchors.insert(anchor, (id, size));
        }
        self.place(id, size);
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, id: Id, size: Size) {
        let Some(open) = self.open.last_mut() else {
            self.document.roots.push(id);
            return;
        };
        open.size.nodes += size.nodes;
        open.size.depth = open.size.depth.max(size.depth + 1);
        match &mut self.document.nodes[open.id].kind {
            Kind::List(items) => items.push(id),
            Kind::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, id)),
                None => open.key = Some(id),
            },
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }

    fn alias(&mut self, anchor: usize, start: usize, end: usize) -> Result<(), Mistake> {
        let span = self.document.index.span(start, end);
        let Some(&(target, size)) = self.anchors.get(&anchor) else {
            return Err(Mistake::new("RF007", "an alias stands inside the node that it names")
                .at(&span, "the node would hold itself"));
        };
        self.deepen(size.depth, start, end)?;
        self.copies += size.nodes;
        if self.copies > MAX_COPIES {
            let title = format!("aliases multiply to more than {MAX_COPIES} values");
            return Err(Mistake::new("RF006", title).at(&span, "one copy too many"));
        }
        let properties = Properties { anchor: 0, tagged: false };
        let id = self.add(Kind::Alias(target), properties, start, end)?;
        self.place(id, size);
        Ok(())
    }

    fn add(
        &mut self,
        kind: Kind,
        Properties { anchor, tagged }: Properties,
        start: usize,
        end: usize,
    ) -> Result<Id, Mistake> {
        let span = self.document.index.span(start, end);
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let title = format!("the text has more than {MAX_NODES} values");
            return Err(Mistake::new("RF006", title).at(&span, "one too many"));
        }
        let text = &self.document.source.text;
        let Range { start: first, end: last } = span.range();
        let has_properties = anchor != 0 || tagged;
        let content = if has_properties { first + properties(&text[first..last]) } else { first };
        let bytes = match &kind {
            Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
                self.block(content..last)
            }
            Kind::Scalar {
                style: ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted, ..
            } => content..content + quoted(&text[content..last]),
            // The parser lets a value that is left out begin where the next thing stands.
            Kind::Scalar { text, .. } if text.is_empty() => content..content,
            Kind::Scalar { .. } | Kind::List(_) | Kind::Map(_) | Kind::Alias(_) => content..last,
        };
        let in_flow = self.open.last().is_some_and(|open| self.document.nodes[open.id].flow);
        let bracketed = matches!(kind, Kind::List(_) | Kind::Map(_))
            && text[content..last].starts_with(['{', '[']);
        let start_of_node = if has_properties { first } else { bytes.start };
        self.document.nodes.push(Written {
            kind,
            characters: (start, end),
            bytes,
            start: start_of_node,
            anchored: anchor != 0,
            flow: in_flow || bracketed,
        });
        Ok(self.document.nodes.len() - 1)
    }

    /// The bytes of a block scalar. The parser gives those of its lines; the header, `|` or `>`, is
    /// on a line before the first of them, and blank lines at the end are left out.
    fn block(&self, lines: Range<usize>) -> Range<usize> {
        let text = &self.document.source.text;
        let end = lines.start + text[lines.clone()].trim_end().len();
        if text[lines.clone()].starts_with(['|', '>']) {
            return lines.start..end;
        }
        let key = self.open.last().and_then(|open| open.key);
        let before = key.map_or(0, |key| self.document.nodes[key].bytes.end);
        let header = &text[before..lines.start];
        let line = header.trim_end().rfind('\n').map_or(0, |newline| newline + 1);
        let indicator = header[line..].char_indices().find(|&(at, character)| {
            matches!(character, '|' | '>') && header[..line + at].ends_with([' ', '\t', '\n'])
        });
        indicator.map_or(lines.start, |(at, _)| before + line + at)..end.max(before)
    }

    fn not_yaml(&self, error: &ScanError) -> Mistake {
        let at = error.marker().index();
        let span = self.document.index.span(at, at);
        // The parser has a limit of its own and may meet it first, since it looks ahead.
        if error.info() == "recursion limit exceeded" {
            return too_deep(&span);
        }
        Mistake::new("RF001", format!("not YAML: {}", error.info())).at(&span, "here")
    }

    fn deepen(&self, depth: usize, start: usize, end: usize) -> Result<(), Mistake> {
        if self.open.len() + depth > MAX_DEPTH {
            return Err(too_deep(&self.document.index.span(start, end)));
        }
        Ok(())
    }
}

fn too_deep(span: &Span) -> Mistake {
    let title = format!("lists and maps are nested more than {MAX_DEPTH} deep");
    Mistake::new("RF005", title).at(span, "too deep")
}
