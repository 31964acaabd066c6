//! Prefixes of classes, Python modules and native libraries.

use ringfence_policy::{Audience, CallerPrefix};

use super::document::{CallerKind, Prefix};
use super::expand::Syntax;
use super::mistakes::Mistake;
use super::patterns::Context;
use super::shape;
use super::yaml::Node;

/// Reads a list of prefixes; what is wrong is reported and left out.
pub(crate) fn list(section: &str, node: &Node, context: &mut Context<'_>) -> Vec<Prefix> {
    shape::texts(section, node, context.mistakes)
        .into_iter()
        .enumerate()
        .filter_map(|(index, (text, node))| prefix((section, index), text, node, context))
        .collect()
}

/// The word for no subject at all.
const HOST: &str = "host";

/// Reads the callers that an exception is for: `host`, and prefixes. `None` where one of them is
/// wrong.
pub(super) fn audience(section: &str, node: &Node, context: &mut Context<'_>) -> Option<Audience> {
    let texts = shape::texts(section, node, context.mistakes);
    if texts.is_empty() {
        context.mistakes.add(
            Mistake::new("RF207", format!("`{section}` is empty"))
                .at(&node.span, "an exception for nobody")
                .help("name the callers, such as `host`; or leave it out for all"),
        );
        return None;
    }
    let mut audience = Audience::default();
    let mut whole = true;
    for (index, (text, node)) in texts.into_iter().enumerate() {
        if text == HOST {
            audience.host = true;
            continue;
        }
        if is_bare_word(text) {
            context.mistakes.add(not_a_word(section, text, node));
            whole = false;
            continue;
        }
        let Some(prefix) = prefix((section, index), text, node, context) else {
            whole = false;
            continue;
        };
        if prefix.kind == CallerKind::Native
            && let Some((library, _)) = text.split_once('!')
        {
            context.mistakes.add(
                Mistake::new(
                    "RF206",
                    format!("`{text}` in `{section}` names a function, but whole libraries are asked for"),
                )
                .at(&node.span, "not a caller of files")
                .instead(&node.span, library.to_owned()),
            );
            whole = false;
            continue;
        }
        let caller = CallerPrefix { kind: prefix.kind, text: prefix.text };
        if !audience.callers.contains(&caller) {
            audience.callers.push(caller);
        }
    }
    // Lists of the same callers are the same audience.
    audience.callers.sort_by(|one, other| (one.kind, &one.text).cmp(&(other.kind, &other.text)));
    whole.then_some(audience)
}

/// A package has a dot, and a class without a package is said to be one.
fn is_bare_word(text: &str) -> bool {
    !text.contains(['.', ':', '/'])
}

fn not_a_word(section: &str, text: &str, node: &Node) -> Mistake {
    let mistake =
        Mistake::new("RF206", format!("`{text}` in `{section}` is neither `host` nor a prefix"))
            .at(&node.span, "not a caller");
    if text.to_lowercase().trim_end_matches('s') == HOST {
        return mistake.instead(&node.span, HOST.to_owned());
    }
    mistake.help(
        "a caller is `host`, or a prefix such as `io.kestra.plugin.gcp` or `native:libscan.so`",
    )
}

fn prefix(
    (section, index): (&str, usize),
    text: &str,
    node: &Node,
    context: &mut Context<'_>,
) -> Option<Prefix> {
    let expanded;
    let text = match context.syntax {
        Syntax::Native => text,
        Syntax::Kestra => {
            expanded = String::from_utf8_lossy(&context.expand(text, node)?).into_owned();
            &expanded
        }
    };
    let (kind, rest) = kind(text, context.syntax);
    let wrong = match kind {
        CallerKind::Java => wrong_name(rest, '$', "class"),
        CallerKind::Python => wrong_name(rest, '_', "module"),
        CallerKind::Native => wrong_library(rest),
    };
    if let Some(wrong) = wrong {
        let before = &text[..text.len() - rest.len()];
        context.mistakes.add(mistake((section, text), (kind, before), node, wrong));
        return None;
    }
    // `/opt/vendor/` is `/opt/vendor` and all beneath it.
    let text = rest.trim_end_matches(|end| kind == CallerKind::Native && "/.".contains(end));
    Some(Prefix {
        kind,
        text: text.to_owned(),
        section: section.to_owned(),
        index,
        span: node.span.clone(),
    })
}

/// What a prefix is about, and the rest of its text. Kestra's lists are of Java classes only.
fn kind(text: &str, syntax: Syntax) -> (CallerKind, &str) {
    let kinds = [
        ("java:", CallerKind::Java),
        ("python:", CallerKind::Python),
        ("native:", CallerKind::Native),
    ];
    let kinds = if syntax == Syntax::Kestra { &[][..] } else { &kinds[..] };
    let named = kinds.iter().find_map(|(name, kind)| Some((*kind, text.strip_prefix(name)?)));
    named.unwrap_or((CallerKind::Java, text))
}

/// The mistake of a text that is no prefix; `before` is what names its kind.
fn mistake(
    (section, text): (&str, &str),
    (kind, before): (CallerKind, &str),
    node: &Node,
    wrong: Wrong,
) -> Mistake {
    let mistake = Mistake::new("RF206", format!("`{text}` in `{section}` {}", wrong.why))
        .at(&node.span, "not a prefix");
    match wrong.instead {
        Some(instead) => mistake.instead(&node.span, format!("{before}{instead}")),
        None if kind == CallerKind::Native => mistake.help(
            "a library is named by its path, file name or soname, a function of its by `!SYMBOL` behind that",
        ),
        None => mistake.help("a prefix is written as `io.kestra.plugin.gcp`"),
    }
}

/// Why a text is no prefix, and what was probably meant.
struct Wrong {
    why: &'static str,
    instead: Option<String>,
}

impl Wrong {
    fn new(why: &'static str, instead: Option<String>) -> Self {
        Self { why, instead }
    }
}

/// Checks the name of a library, or of a function that it exports.
fn wrong_library(text: &str) -> Option<Wrong> {
    let (library, symbol) = match text.split_once('!') {
        Some((library, symbol)) => (library, Some(symbol)),
        None => (text, None),
    };
    if library.trim_end_matches(['/', '.']).is_empty() {
        return Some(Wrong::new("names no library", None));
    }
    let symbol = symbol?;
    let bare = symbol.split('@').next().unwrap_or_default();
    let is_symbol = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.$".contains(c))
    };
    if library.ends_with('/') {
        Some(Wrong::new("names a symbol of a directory", None))
    } else if !is_symbol(bare) {
        let why = "has behind its `!` what is no symbol of a library";
        Some(Wrong::new(why, bare.is_empty().then(|| library.to_owned())))
    } else if symbol != bare {
        let why = "names one version of a symbol; a rule is about all of them";
        Some(Wrong::new(why, Some(format!("{library}!{bare}"))))
    } else {
        None
    }
}

/// Checks names joined by dots.
fn wrong_name(text: &str, extra: char, what: &str) -> Option<Wrong> {
    let segment = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with(|first: char| first.is_ascii_digit())
            && segment.chars().all(|c| c.is_alphanumeric() || c == '_' || c == extra)
    };
    let valid = |text: &str| text.split('.').all(segment);
    if valid(text) {
        return None;
    }
    let bare = text.trim_end_matches(['*', '.', '/']);
    let bare = bare.strip_suffix(".class").unwrap_or(bare);
    if valid(bare) {
        return Some(Wrong::new(
            "ends in what a prefix does not need: it covers all beneath it",
            Some(bare.to_owned()),
        ));
    }
    let dotted = bare.replace('/', ".");
    if valid(&dotted) {
        return Some(Wrong::new("has slashes where names have dots", Some(dotted)));
    }
    let why =
        if what == "class" { "is no name of a class or package" } else { "is no name of a module" };
    Some(Wrong::new(why, None))
}
