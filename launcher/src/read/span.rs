//! Where a piece of text stands: in which source, at which bytes, on which line.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ringfence_policy::Place;

/// A text that a policy (or a flow) was read from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The name that messages use: the path as the user gave it, `<stdin>`, `<built-in>`,
    /// `env:NAME`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Makes a source that spans can share.
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }
}

/// A range of bytes in a source, with the line and column of its start.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Span {
    source: Arc<Source>,
    start: u32,
    end: u32,
    line: u32,
    column: u32,
}

impl Span {
    /// The start of a source, for what is about all of it.
    pub(crate) fn start_of(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), start: 0, end: 0, line: 1, column: 1 }
    }

    /// The source that the range is in.
    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The range in bytes; it always lies within the text and on character boundaries.
    pub(crate) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text in the range.
    pub(crate) fn text(&self) -> &str {
        self.source.text.get(self.range()).unwrap_or_default()
    }

    /// The line of the start, from 1.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// The column of the start in characters, from 1.
    pub(crate) fn column(&self) -> u32 {
        self.column
    }

    /// The place of the start, as a compiled policy keeps it.
    pub(crate) fn place(&self) -> Place {
        Place { file: self.source.name.clone(), line: self.line, column: self.column }
    }

    /// The part of this range between two byte offsets that count from its start. Offsets that
    /// are no character boundaries give the whole range.
    pub(crate) fn part(&self, part: Range<usize>) -> Self {
        let text = self.text();
        let (Some(before), Some(_)) = (text.get(..part.start), text.get(part.clone())) else {
            return self.clone();
        };
        let mut span = self.clone();
        for character in before.chars() {
            if character == '\n' {
                span.line += 1;
                span.column = 1;
            } else {
                span.column += 1;
            }
        }
        span.end = span.start + narrow(part.end);
        span.start += narrow(part.start);
        span
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

/// Turns positions in characters, as the YAML parser counts, into spans.
pub(crate) struct Index {
    source: Arc<Source>,
    /// The byte at which each character starts, and the length; nothing when all are one byte.
    bytes: Option<Vec<u32>>,
    /// The character at which each line starts.
    lines: Vec<u32>,
}

impl Index {
    /// Indexes a text. The text is shorter than 4 GiB; the reader's own limit is far below.
    pub(crate) fn new(source: &Arc<Source>) -> Self {
        let text = source.text.as_str();
        let mut lines = vec![0];
        for (position, character) in text.chars().enumerate() {
            if character == '\n' {
                lines.push(narrow(position + 1));
            }
        }
        let bytes = (!text.is_ascii()).then(|| {
            text.char_indices().map(|(byte, _)| narrow(byte)).chain([narrow(text.len())]).collect()
        });
        Self { source: Arc::clone(source), bytes, lines }
    }

    /// The span of the characters from `start` to before `end`.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let line = self.lines.partition_point(|&first| first as usize <= start).max(1);
        let first = self.lines.get(line - 1).copied().unwrap_or_default();
        Span {
            source: Arc::clone(&self.source),
            start: self.byte(start),
            end: self.byte(end.max(start)),
            line: narrow(line),
            column: narrow(start).saturating_sub(first) + 1,
        }
    }

    /// The span of one character, by line and column from 0.
    pub(crate) fn character(&self, line: usize, column: usize) -> Span {
        let start = self.lines.get(line).map_or(0, |&first| first as usize) + column;
        self.span(start, start + 1)
    }

    fn byte(&self, character: usize) -> u32 {
        let length = narrow(self.source.text.len());
        match &self.bytes {
            Some(bytes) => bytes.get(character).copied().unwrap_or(length),
            None => narrow(character).min(length),
        }
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
