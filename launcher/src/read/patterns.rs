//! A path or glob as written to the places that it names.

use ringfence_policy::PathPattern;

use super::expand::{self, Failure, Reason, Syntax};
use super::mistakes::{Mistake, Mistakes};
use super::presets;
use super::shape;
use super::span::Span;
use super::world::World;
use super::yaml::Node;

/// What values are read with: the world that they refer to, the syntax of their variables, and
/// the mistakes found so far.
pub(crate) struct Context<'c> {
    /// The environment and the homes.
    pub(crate) world: &'c World,
    /// How defaults of variables are written.
    pub(crate) syntax: Syntax,
    /// What was wrong so far.
    pub(crate) mistakes: &'c mut Mistakes,
}

/// Whether wildcards stand for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every byte stands for itself.
    Path,
    /// `*`, `?` and `**` are wildcards.
    Glob,
}

impl Context<'_> {
    /// Expands the variables of a text, or reports why it cannot.
    pub(crate) fn expand(&mut self, written: &str, node: &Node) -> Option<Vec<u8>> {
        match expand::expand(written, self.syntax, self.world) {
            Ok(expanded) => Some(expanded),
            Err(failure) => {
                self.mistakes.add(not_expanded(written, &node.span, &failure, self.syntax));
                None
            }
        }
    }

    /// The places that a path or glob names: one, or one for each home when it starts with `~`.
    /// What is wrong is reported.
    pub(crate) fn places(
        &mut self,
        name: &str,
        node: &Node,
        kind: Kind,
    ) -> Option<Vec<PathPattern>> {
        // A path that is nothing at all is an empty path, not a value of a wrong kind.
        let written = match node.is_null() {
            true => "",
            false => shape::text(name, node, self.mistakes)?,
        };
        if let Some(mistake) = bare_variable(written, &node.span) {
            self.mistakes.add(mistake);
            return None;
        }
        let expanded = self.expand(written, node)?;
        let found = self.absolute(&expanded).and_then(|texts| {
            texts.iter().map(|text| pattern(text, kind)).collect::<Result<Vec<_>, _>>()
        });
        match found {
            Ok(places) => {
                if kind == Kind::Path && written.contains('*') {
                    self.mistakes.add(literal_star(written, &node.span));
                }
                Some(places)
            }
            // Who has no home has no secrets there; the built-in rules ask for nothing more.
            Err(Wrong::Homeless) if node.span.source().name == presets::NAME => None,
            Err(wrong) => {
                self.mistakes.add(self.not_a_place(name, written, &expanded, &node.span, &wrong));
                None
            }
        }
    }

    /// The absolute texts of an expanded one.
    fn absolute(&self, text: &[u8]) -> Result<Vec<Vec<u8>>, Wrong> {
        match text {
            [] => Err(Wrong::Empty),
            [b'/', ..] => Ok(vec![text.to_vec()]),
            [b'~'] | [b'~', b'/', ..] if self.world.homes.is_empty() => Err(Wrong::Homeless),
            [b'~', beneath @ ..] if matches!(beneath, [] | [b'/', ..]) => {
                Ok(self.world.homes.iter().map(|home| [home, beneath].concat()).collect())
            }
            [b'~', ..] => Err(Wrong::OtherUser),
            _ => Err(Wrong::Relative),
        }
    }

    fn not_a_place(
        &self,
        name: &str,
        written: &str,
        expanded: &[u8],
        span: &Span,
        wrong: &Wrong,
    ) -> Mistake {
        let shown = String::from_utf8_lossy(expanded);
        match wrong {
            Wrong::Empty if span.text() == "~" => {
                Mistake::new("RF203", format!("empty path in `{name}`"))
                    .at(span, "`~` alone is YAML for nothing")
                    .instead(span, "~/")
            }
            Wrong::Empty => Mistake::new("RF203", format!("empty path in `{name}`"))
                .at(span, "empty")
                .help("an empty path would name nothing, or `/`; remove the entry or give a path"),
            Wrong::Nul => Mistake::new("RF203", "a path has no NUL character").at(span, "has one"),
            Wrong::LineBreak => Mistake::new("RF203", format!("a path in `{name}` ends in a line break"))
                .at(span, "it is a part of the name")
                .help("a text behind `|` or `>` ends in a line break; write it behind `|-`, or on one line"),
            Wrong::Homeless => {
                Mistake::new("RF201", format!("`{written}`: no home directory is known"))
                    .at(span, "`~` leads nowhere")
                    .help("neither `HOME` nor the user database has one; write the absolute path")
            }
            Wrong::OtherUser => Mistake::new("RF201", format!("`{shown}` is not an absolute path"))
                .at(span, "of another user")
                .help("`~/` is the worker's own home; write another user's as an absolute path"),
            Wrong::Relative => self.relative(written, &shown, span),
            Wrong::Parent => Mistake::new("RF211", format!("`{shown}` has a `..` component"))
                .at(span, "has `..`")
                .help(
                    "`..` after a link leads elsewhere than the text says; write the place itself",
                ),
            Wrong::Stars => Mistake::new("RF210", format!("`{shown}` has `**` within a component"))
                .at(span, "not a component of its own")
                .help("`**` stands for whole components: `/a/**/b`; within one write `*`"),
        }
    }

    fn relative(&self, written: &str, shown: &str, span: &Span) -> Mistake {
        let mistake = Mistake::new("RF201", format!("`{shown}` is not an absolute path"))
            .at(span, "relative");
        // With Micronaut's syntax `:-` makes the hyphen a part of the default.
        if self.syntax == Syntax::Kestra && written.contains(":-") && shown.starts_with('-') {
            return mistake.help("Kestra writes a default as `${NAME:default}`, without the `-`");
        }
        let beneath = shown.trim_start_matches("./");
        match &self.world.directory {
            Some(directory) => {
                let directory = String::from_utf8_lossy(directory);
                mistake.help(format!(
                    "rules name absolute paths; did you mean `{}/{beneath}`?",
                    directory.trim_end_matches('/')
                ))
            }
            None => mistake.help("rules name absolute paths"),
        }
    }
}

/// What can be wrong with an expanded path.
enum Wrong {
    Empty,
    Nul,
    /// It ends in a line break, as a block of YAML does.
    LineBreak,
    Homeless,
    OtherUser,
    Relative,
    Parent,
    Stars,
}

/// An absolute text without `.`, `//` and a trailing slash.
fn pattern(text: &[u8], kind: Kind) -> Result<PathPattern, Wrong> {
    if text.contains(&0) {
        return Err(Wrong::Nul);
    }
    if text.ends_with(b"\n") {
        return Err(Wrong::LineBreak);
    }
    let mut out = Vec::with_capacity(text.len());
    for component in text.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => continue,
            b".." => return Err(Wrong::Parent),
            _ => {}
        }
        if kind == Kind::Glob && component != b"**" && component.windows(2).any(|two| two == b"**")
        {
            return Err(Wrong::Stars);
        }
        out.push(b'/');
        out.extend_from_slice(component);
    }
    if out.is_empty() {
        out.push(b'/');
    }
    let wild = kind == Kind::Glob && out.iter().any(|byte| matches!(byte, b'*' | b'?'));
    Ok(if wild { PathPattern::Glob(out) } else { PathPattern::Literal(out) })
}

/// `$NAME` without braces is not expanded, and would be taken for a part of the name.
fn bare_variable(written: &str, span: &Span) -> Option<Mistake> {
    let at = written.match_indices('$').map(|(at, _)| at).find(|at| {
        written[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '_')
    })?;
    let rest = &written[at + 1..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let name = &rest[..end];
    let mistake = Mistake::new("RF209", format!("`${name}` is not expanded without braces"));
    Some(match inner(written, span, at..at + 1 + end) {
        Some(part) => mistake.at(&part, "taken literally").instead(&part, format!("${{{name}}}")),
        None => mistake.at(span, "taken literally").help(format!("write `${{{name}}}`")),
    })
}

fn literal_star(written: &str, span: &Span) -> Mistake {
    Mistake::new("RF310", format!("`*` in `{written}` is a plain character"))
        .at(span, "names one file with a star in its name")
        .help(
            "a path covers all beneath it: name the directory; or use `glob:` in `ringfence.files`",
        )
}

fn not_expanded(written: &str, span: &Span, failure: &Failure, syntax: Syntax) -> Mistake {
    let separator = syntax.separator();
    let (mistake, label) = match &failure.reason {
        Reason::Unset(name) => (
            Mistake::new("RF202", format!("environment variable `{name}` is not set")).help(format!(
                "an empty value would make this rule name another place, so it is refused; \
                 give a default: `${{{name}{separator}/var/empty}}`"
            )),
            "not set",
        ),
        Reason::Empty(name) => (
            Mistake::new("RF202", format!("environment variable `{name}` is empty"))
                .help("an empty value would make this rule name another place, so it is refused"),
            "empty",
        ),
        Reason::Unclosed => (Mistake::new("RF209", "`${` without its `}`"), "never closed"),
        Reason::NoName(name) => (
            Mistake::new("RF209", format!("`{name}` is no name of an environment variable")).help(
                format!("only environment variables are expanded: `${{NAME}}`, `${{NAME{separator}default}}`"),
            ),
            "not a variable",
        ),
        Reason::TooDeep => (Mistake::new("RF209", "too many defaults in defaults"), "too deep"),
    };
    let part = inner(written, span, failure.at.clone());
    mistake.at(part.as_ref().unwrap_or(span), label)
}

/// The part of a scalar's span that holds some bytes of its text, where the text stands there as
/// it is, in quotes or not.
fn inner(written: &str, span: &Span, part: std::ops::Range<usize>) -> Option<Span> {
    let offset = span.text().find(written)?;
    Some(span.part(offset + part.start..offset + part.end))
}
