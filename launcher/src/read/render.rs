//! How mistakes look: for people as rustc shows them, for programs as JSON lines, and as
//! annotations of a GitHub workflow.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};
use serde_json::{Value, json};

use super::mistakes::{Mistake, Mistakes, Severity};
use super::span::{Source, Span};

/// The form in which mistakes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people, with the line and a caret.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Workflow commands of GitHub Actions, which become annotations.
    Github,
}

/// Writes mistakes in a format. The text has colours; `anstream` takes them off where they do not
/// belong.
pub(crate) fn render(mistakes: &Mistakes, format: Format) -> String {
    let mut out = String::new();
    for mistake in mistakes {
        match format {
            Format::Text => {
                out.push_str(&text(mistake, &Renderer::styled()));
                out.push_str("\n\n");
            }
            Format::Json => {
                out.push_str(&json(mistake).to_string());
                out.push('\n');
            }
            Format::Github => github(mistake, &mut out),
        }
    }
    out
}

/// One mistake for people.
pub(crate) fn text(mistake: &Mistake, renderer: &Renderer) -> String {
    let level = match mistake.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut main = Group::with_title(level.primary_title(&mistake.title).id(mistake.code));
    if let Some(at) = &mistake.at {
        main = show(main, at, mistake);
    }
    for help in &mistake.help {
        main = main.element(Level::HELP.message(help));
    }
    let mut groups = vec![main];
    if let Some((span, replacement)) = &mistake.suggestion {
        let window = Window::around([span]);
        let patch = Patch::new(window.range(span), replacement);
        groups.push(
            Level::HELP
                .secondary_title("did you mean")
                .element(Snippet::source(window.text).line_start(window.line).patch(patch)),
        );
    }
    let text = renderer.render(&groups);
    if !mistake.label.is_empty() || mistake.suggestion.is_some() {
        return text;
    }
    // Without a line of source there is no column of line numbers to stand beside, and without a
    // place no reason for the empty line that leads from it to the help.
    let mut lines: Vec<&str> = text.lines().collect();
    if mistake.at.is_none() && lines.len() > 1 {
        lines.remove(1);
    }
    lines.join("\n ")
}

fn show<'a>(group: Group<'a>, at: &'a Span, mistake: &'a Mistake) -> Group<'a> {
    if mistake.label.is_empty() {
        return group.element(
            Origin::path(at.source().name.as_str())
                .line(at.line() as usize)
                .char_column(at.column() as usize),
        );
    }
    let snippet = |window: &Window<'a>| {
        Snippet::source(window.text).line_start(window.line).path(at_name(window.source))
    };
    let annotation = |kind: AnnotationKind, window: &Window<'a>, span: &Span, label: &'a str| {
        kind.span(window.range(span)).label(label)
    };
    match &mistake.second {
        Some((second, words)) if Arc::ptr_eq(second.source(), at.source()) => {
            let window = Window::around([at, second]);
            group.element(
                snippet(&window)
                    .annotation(annotation(AnnotationKind::Primary, &window, at, &mistake.label))
                    .annotation(annotation(AnnotationKind::Context, &window, second, words)),
            )
        }
        second => {
            let window = Window::around([at]);
            let primary = annotation(AnnotationKind::Primary, &window, at, &mistake.label);
            let group = group.element(snippet(&window).annotation(primary));
            let Some((second, words)) = second else { return group };
            let window = Window::around([second]);
            let context = annotation(AnnotationKind::Context, &window, second, words);
            group.element(snippet(&window).annotation(context))
        }
    }
}

fn at_name(source: &Source) -> &str {
    &source.name
}

/// The lines of a source that hold some spans.
struct Window<'a> {
    source: &'a Source,
    text: &'a str,
    line: usize,
    start: usize,
}

impl<'a> Window<'a> {
    /// The lines from the first to the last of these spans, which are all of one source.
    fn around<const N: usize>(spans: [&'a Span; N]) -> Self {
        let source: &Source = spans[0].source();
        let first = spans.iter().map(|span| span.range().start).min().unwrap_or_default();
        let last = spans.iter().map(|span| span.range().end).max().unwrap_or_default();
        let line = spans.iter().map(|span| span.line()).min().unwrap_or(1);
        let start = source.text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let end =
            source.text[last..].find('\n').map_or(source.text.len(), |newline| last + newline);
        Self { source, text: &source.text[start..end], line: line as usize, start }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let range = span.range();
        range.start - self.start..range.end - self.start
    }
}

/// One mistake as JSON.
pub(crate) fn json(mistake: &Mistake) -> Value {
    let severity = match mistake.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut object = json!({ "code": mistake.code, "severity": severity, "title": mistake.title });
    let mut set = |name: &str, value: Value| object[name] = value;
    if let Some(at) = &mistake.at {
        set("at", place(at));
    }
    if !mistake.label.is_empty() {
        set("label", json!(mistake.label));
    }
    if let Some((span, label)) = &mistake.second {
        set("second", place(span));
        set("second_label", json!(label));
    }
    if !mistake.help.is_empty() {
        set("help", json!(mistake.help));
    }
    if let Some((span, replacement)) = &mistake.suggestion {
        set("suggestion", json!({ "at": place(span), "replacement": replacement }));
    }
    object
}

fn place(span: &Span) -> Value {
    json!({
        "file": span.source().name,
        "line": span.line(),
        "column": span.column(),
        "text": span.text(),
    })
}

fn github(mistake: &Mistake, out: &mut String) {
    let command = match mistake.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = mistake.at.as_ref().map_or(String::new(), |at| {
        format!("file={},line={},col={},", property(&at.source().name), at.line(), at.column())
    });
    let mut message = mistake.title.clone();
    for help in &mistake.help {
        let _ = write!(message, "\n{help}");
    }
    if let Some((_, replacement)) = &mistake.suggestion {
        let _ = write!(message, "\ndid you mean `{replacement}`");
    }
    let _ = writeln!(out, "::{command} {place}title={}::{}", mistake.code, data(&message));
}

/// Escapes the message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
