//! What is wrong with a policy: every mistake with its code, its place and its remedy.
//!
//! Reading never stops at the first mistake that it can get past, so that all of them are shown
//! at once. The long text of each code is in [`codes`](super::codes), how mistakes look in
//! [`render`](super::render).

use std::ops::Deref;

use super::codes;
use super::span::Span;

/// Whether a mistake stops the policy from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The policy is refused.
    Error,
    /// The policy holds, but probably not as its author thinks (RF3xx).
    Warning,
}

/// One mistake. `new` and the methods that add to it are meant to be chained. It is boxed, since
/// it travels in the error half of many results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake(Box<Parts>);

/// What a mistake says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The code, such as `RF101`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub title: String,
    /// Where; nothing when it is about a whole source, or no source at all.
    pub at: Option<Span>,
    /// The words beside the caret; when empty, the place is named without its text.
    pub label: String,
    /// The other place of a conflict, with its words.
    pub second: Option<(Span, String)>,
    /// What to do, a line each.
    pub help: Vec<String>,
    /// What to type instead of the text in a span.
    pub suggestion: Option<(Span, String)>,
}

impl Mistake {
    /// A mistake of this code. The code is in the table of `codes.rs`.
    pub(crate) fn new(code: &'static str, title: impl Into<String>) -> Self {
        debug_assert!(codes::find(code).is_some(), "{code} has no entry in the table");
        Self(Box::new(Parts {
            code,
            title: title.into(),
            at: None,
            label: String::new(),
            second: None,
            help: Vec::new(),
            suggestion: None,
        }))
    }

    /// Shows the place with a caret and a label.
    #[must_use]
    pub(crate) fn at(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.0.at = Some(span.clone());
        self.0.label = label.into();
        self
    }

    /// Names the place without showing its text.
    #[must_use]
    pub(crate) fn near(self, span: &Span) -> Self {
        self.at(span, "")
    }

    /// Shows the other place of a conflict.
    #[must_use]
    pub(crate) fn second(mut self, span: &Span, label: impl Into<String>) -> Self {
        self.0.second = Some((span.clone(), label.into()));
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.push(help.into());
        self
    }

    /// Suggests a text to type instead of what stands at `span`.
    #[must_use]
    pub(crate) fn instead(mut self, span: &Span, text: impl Into<String>) -> Self {
        self.0.suggestion = Some((span.clone(), text.into()));
        self
    }

    /// Whether it stops the policy from being used: the lints (RF3xx) do not.
    pub(crate) fn severity(&self) -> Severity {
        if self.code.starts_with("RF3") { Severity::Warning } else { Severity::Error }
    }
}

impl Deref for Mistake {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The mistakes found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Adds one.
    pub(crate) fn add(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    /// Adds all of another collection.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// All of them, in the order in which they were found.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that stop the policy from being used.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter().filter(|mistake| mistake.severity() == Severity::Error)
    }

    /// Whether one of them stops the policy from being used.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Puts the mistakes of each source in the order of its text, the sources in the order in
    /// which they first occur.
    pub(crate) fn sort(&mut self) {
        let mut names: Vec<String> = Vec::new();
        let mut key = |mistake: &Mistake| {
            let Some(span) = &mistake.at else { return (usize::MAX, 0, 0) };
            let name = &span.source().name;
            let file = names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.clone());
                names.len() - 1
            });
            (file, span.line(), span.column())
        };
        let mut keyed: Vec<_> = std::mem::take(&mut self.0)
            .into_iter()
            .map(|mistake| (key(&mistake), mistake))
            .collect();
        keyed.sort_by_key(|(key, _)| *key);
        self.0 = keyed.into_iter().map(|(_, mistake)| mistake).collect();
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
