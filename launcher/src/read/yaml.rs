//! YAML text to a tree of nodes that know where they stand.
//!
//! The tree is what was written: scalars stay text, with their style, so that each section can
//! say for itself what `yes` or `0755` means there, and keys that occur twice are all kept, since
//! only the reader of a section knows which spellings are one key. Aliases and merge keys are
//! resolved. Whatever the input, the work is bounded: by [`MAX_BYTES`], [`MAX_DEPTH`] and
//! [`MAX_NODES`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::mistakes::Mistake;
pub(crate) use super::node::{Entry, Node, Style, Value};
use super::span::{Index, Source, Span};

/// The longest text that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 16 << 20;
/// The deepest nesting of lists and maps.
pub(crate) const MAX_DEPTH: usize = 128;
/// The most nodes in a text.
pub(crate) const MAX_NODES: usize = 1_000_000;
/// The most nodes that anchors and aliases may copy.
pub(crate) const MAX_COPIES: usize = 100_000;

/// Reads every document of a text. Empty documents are left out.
///
/// # Errors
/// The one mistake at which reading stopped (RF0xx): after it, nothing in the text is certain.
pub(crate) fn documents(source: &Arc<Source>) -> Result<Vec<Node>, Mistake> {
    if source.text.len() > MAX_BYTES {
        let title = format!("`{}` is larger than {} MiB", source.name, MAX_BYTES >> 20);
        return Err(Mistake::new("RF004", title).help("split it, or give a directory of files"));
    }
    let mut builder = Builder::new(source);
    let mut parser = Parser::new_from_str(&source.text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| builder.not_yaml(&error))?;
        let span = builder.index.span(span.start.index(), span.end.index());
        builder.event(event, span)?;
    }
    Ok(builder.documents)
}

/// A list or map whose end is still to come.
struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<Node>,
    anchor: usize,
    size: Size,
}

/// How large a node is with all beneath it.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    depth: usize,
}

impl Size {
    const ONE: Self = Self { nodes: 1, depth: 1 };
}

struct Builder {
    source: Arc<Source>,
    index: Index,
    documents: Vec<Node>,
    open: Vec<Open>,
    /// The nodes of the anchors that are complete.
    anchors: HashMap<usize, (Node, Size)>,
    nodes: usize,
    copies: usize,
}

impl Builder {
    fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            index: Index::new(source),
            documents: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            copies: 0,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Mistake> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted
                    | ScalarStyle::DoubleQuoted
                    | ScalarStyle::Literal
                    | ScalarStyle::Folded => Style::Quoted,
                };
                self.count(1, &span)?;
                let value = Value::Scalar(text.into_owned(), style);
                self.done(
                    Node { value, span, tag: tag.as_deref().map(full_tag) },
                    anchor,
                    Size::ONE,
                )
            }
            Event::SequenceStart(anchor, tag) => {
                self.start(Value::List(Vec::new()), span, anchor, tag.as_deref())
            }
            Event::MappingStart(anchor, tag) => {
                self.start(Value::Map(Vec::new()), span, anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, &span),
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => Ok(()),
        }
    }

    fn start(
        &mut self,
        value: Value,
        span: Span,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Mistake> {
        self.deepen(1, &span)?;
        self.count(1, &span)?;
        let node = Node { value, span, tag: tag.map(full_tag) };
        self.open.push(Open { node, key: None, anchor, size: Size::ONE });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Mistake> {
        // The parser balances its events; without an open node there is nothing to end.
        let Some(Open { mut node, anchor, size, .. }) = self.open.pop() else { return Ok(()) };
        if let Value::Map(entries) = &mut node.value {
            merge(entries)?;
        }
        self.done(node, anchor, size)
    }

    /// Puts a complete node where it belongs.
    fn done(&mut self, node: Node, anchor: usize, size: Size) -> Result<(), Mistake> {
        if anchor != 0 {
            self.copy(size.nodes, &node.span)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        open.size.nodes += size.nodes;
        open.size.depth = open.size.depth.max(size.depth + 1);
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => open.key = Some(node),
            },
            Value::Scalar(..) => {}
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Mistake> {
        let Some(&(_, size)) = self.anchors.get(&anchor) else {
            return Err(Mistake::new("RF007", "an alias stands inside the node that it names")
                .at(span, "the node would hold itself"));
        };
        self.deepen(size.depth, span)?;
        self.copy(size.nodes, span)?;
        self.count(size.nodes, span)?;
        let Some((node, _)) = self.anchors.get(&anchor) else { return Ok(()) };
        let node = node.clone();
        self.done(node, 0, size)
    }

    fn deepen(&self, depth: usize, span: &Span) -> Result<(), Mistake> {
        if self.open.len() + depth > MAX_DEPTH {
            let title = format!("lists and maps are nested more than {MAX_DEPTH} deep");
            return Err(Mistake::new("RF005", title).at(span, "too deep"));
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: &Span) -> Result<(), Mistake> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            let title = format!("the text has more than {MAX_NODES} values");
            return Err(Mistake::new("RF006", title).at(span, "one too many"));
        }
        Ok(())
    }

    fn copy(&mut self, nodes: usize, span: &Span) -> Result<(), Mistake> {
        self.copies += nodes;
        if self.copies > MAX_COPIES {
            let title = format!("anchors and aliases multiply to more than {MAX_COPIES} values");
            return Err(Mistake::new("RF006", title).at(span, "one copy too many"));
        }
        Ok(())
    }

    /// The mistake for a text that is not YAML. A tab in the indentation gets its own words,
    /// since it cannot be seen.
    fn not_yaml(&self, error: &ScanError) -> Mistake {
        let at = error.marker().index();
        let span = self.index.span(at, at);
        // The parser stops before the tab, or on the line before when that might go on.
        let first = span.line().saturating_sub(1) as usize;
        let lines = if error.info().contains("tab") { 2 } else { 1 };
        let tab = self.source.text.lines().enumerate().skip(first).take(lines).find_map(
            |(number, line)| {
                let indentation = line.len() - line.trim_start().len();
                Some((number, line[..indentation].find('\t')?))
            },
        );
        if let Some((line, column)) = tab {
            return Mistake::new("RF002", "a tab in the indentation")
                .at(&self.index.character(line, column), "tab")
                .help("YAML is indented with spaces only");
        }
        Mistake::new("RF001", format!("not YAML: {}", error.info())).at(&span, "here")
    }
}

fn full_tag(tag: &Tag) -> Box<str> {
    format!("{}{}", tag.handle, tag.suffix).into()
}

/// Replaces merge keys (`<<`) by the entries of the maps that they name. A key that the map has
/// itself wins, and so does a map that stands earlier in a list of maps.
fn merge(entries: &mut Vec<Entry>) -> Result<(), Mistake> {
    let is_merge = |entry: &Entry| {
        entry.key.tag.is_none()
            && matches!(&entry.key.value, Value::Scalar(text, Style::Plain) if text == "<<")
    };
    if !entries.iter().any(is_merge) {
        return Ok(());
    }
    let (merged, own): (Vec<_>, Vec<_>) = std::mem::take(entries).into_iter().partition(is_merge);
    let mut known: HashSet<String> =
        own.iter().filter_map(|entry| entry.key.text().map(str::to_owned)).collect();
    *entries = own;
    for Entry { value, .. } in merged {
        let maps = match value.value {
            Value::List(items) => items,
            Value::Scalar(..) | Value::Map(_) => vec![value],
        };
        for map in maps {
            let Value::Map(others) = map.value else {
                return Err(Mistake::new("RF008", "`<<` takes a map, or a list of maps")
                    .at(&map.span, "not a map"));
            };
            entries.extend(others.into_iter().filter(|other| match other.key.text() {
                Some(text) => known.insert(text.to_owned()),
                None => true,
            }));
        }
    }
    Ok(())
}
