//! What to write so that a refused access is allowed, found by trying it.

use ringfence_policy::{Access, Audience, CallerKind, Effect, FileRule, Image, PathPattern, Place};
use serde_json::{Value, json};

use super::InForce;
use super::answer::{at, show, word};
use super::way::{Refused, Way};
use crate::places::{components, covers, join};
use crate::run::{self, refusal::Refusal};

/// As many exceptions as are worth proposing: a path through more forbidden links is better named
/// by the place that it leads to.
const MOST: usize = 8;

/// What to do about a refusal.
pub(super) enum Remedy {
    /// Exceptions to write, each a place and an access; all of them together let it pass.
    Exceptions {
        /// The places.
        places: Vec<(Vec<u8>, Access)>,
        /// The built-in policy is in force, which a written one takes the place of.
        built_in: bool,
    },
    /// No exception helps; this does.
    Other(String),
}

/// An exception that nearly holds.
pub(super) struct Nearest<'a> {
    /// The exception.
    pub(super) rule: &'a FileRule,
    /// Why it does not.
    pub(super) why: String,
}

/// Adds exceptions until the way is free.
///
/// # Errors
/// Where the policy with them cannot be compiled, or the way cannot be seen.
pub(super) fn find(
    rules: &InForce,
    walk: &impl Fn(Image<'_>) -> Result<Way, Refusal>,
) -> Result<Remedy, Refusal> {
    let mut policy = rules.policy.clone();
    let mut places = Vec::new();
    while places.len() < MOST {
        let image = run::compile(&policy)?;
        let Some(refused) = walk(run::parse(&image)?)?.refused else {
            return Ok(Remedy::Exceptions { places, built_in: rules.built_in });
        };
        let index = usize::try_from(refused.rule.number()).unwrap_or(usize::MAX);
        let Some(rule) = policy.rules.get(index) else {
            return Ok(Remedy::Other("name the place by an absolute path".into()));
        };
        if rule.fixed {
            let why = "nothing lifts this rule: the fence itself stands on it";
            return Ok(Remedy::Other(why.into()));
        }
        let asked = (refused.text.clone(), refused.access);
        if places.contains(&asked) {
            // The exception is there already: where both name as much of the path, it loses.
            return Ok(Remedy::Other(format!(
                "take `{}` out at {}, or narrow its `access`: an exception for the very same place \
                 does not lift a rule",
                rule.pattern,
                at(rule)
            )));
        }
        if !can_be_written(&refused.text) {
            let why = "except the directory above it: this name cannot be written in a policy";
            return Ok(Remedy::Other(why.into()));
        }
        let exception = exception(&refused);
        if rule.section == "presets.credentials" {
            // As reading a policy does for a rule of the preset at the same place.
            let lifted = exception.access;
            for rule in policy.rules.iter_mut().filter(|rule| rule.names == exception.names) {
                rule.access = rule.access & !lifted;
            }
        }
        places.push(asked);
        policy.rules.push(exception);
    }
    Ok(Remedy::Other("name the place by the path that the last link leads to".into()))
}

impl Remedy {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Other(text) => text.clone(),
            Self::Exceptions { .. } => format!("to allow it, write `{}`", self.yaml()),
        }
    }

    /// The exceptions as a policy of their own, on one line.
    fn yaml(&self) -> String {
        let Self::Exceptions { places, built_in } = self else { return String::new() };
        let entry = |(path, access): &(Vec<u8>, Access)| {
            format!("{{path: {}, access: {}}}", quoted(path), word(*access))
        };
        let entries: Vec<String> = places.iter().map(entry).collect();
        let presets = if *built_in { "presets: [credentials], " } else { "" };
        let entries = entries.join(", ");
        format!("ringfence: {{version: 1, {presets}files: {{allowed: [{entries}]}}}}")
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Other(text) => json!({ "text": text }),
            Self::Exceptions { .. } => json!({ "text": self.text(), "policy": self.yaml() }),
        }
    }
}

fn exception(refused: &Refused) -> FileRule {
    // As the words of an exception are read: what may be read may be looked at.
    let access = match refused.access {
        Access::READ => Access::READ.with(Access::LIST).with(Access::METADATA),
        Access::WRITE => Access::WRITE.with(Access::METADATA),
        access => access,
    };
    FileRule {
        id: "remedy".into(),
        section: "files.allowed".into(),
        pattern: show(&refused.text),
        names: vec![PathPattern::Literal(refused.text.clone())],
        effect: Effect::Allow,
        access,
        place: Place { file: "<proposed>".into(), line: 0, column: 0 },
        reason: None,
        fixed: false,
        leaf: false,
        audience: None,
    }
}

/// Whether `path:` can hold the text as it is: UTF-8, nothing that is expanded.
fn can_be_written(path: &[u8]) -> bool {
    std::str::from_utf8(path).is_ok_and(|text| !text.contains(['$', '*', '?', '\n']))
}

/// A path as YAML: quoted, unless every character is one that needs no quotes.
fn quoted(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+');
    if text.chars().all(plain) { text.into_owned() } else { json!(text).to_string() }
}

/// The exception that comes nearest to a refused text, and why it does not hold there.
pub(super) fn nearest<'a>(
    rules: &'a InForce,
    rule: &FileRule,
    refused: &Refused,
) -> Option<Nearest<'a>> {
    let text = &refused.text;
    let forbidden = length(rule, text);
    let exceptions = || rules.policy.rules.iter().filter(|rule| rule.effect == Effect::Allow);
    if let Some(found) =
        exceptions().filter(|rule| covers(rule, text)).max_by_key(|rule| length(rule, text))
    {
        let why = if let Some(audience) = &found.audience {
            format!("it is for {} only", callers(audience))
        } else if rule.fixed {
            "no exception lifts a rule of the fence's own".into()
        } else if !found.access.contains(refused.access) {
            format!("it is not for `{}`", word(refused.access))
        } else {
            "the prohibition names as much of the path or more, and so it wins".into()
        };
        return Some(Nearest { rule: found, why });
    }
    // Those inside the same forbidden place, nearest first; what presets add nobody wrote.
    let (_, found) = exceptions()
        .filter(|rule| !rule.section.starts_with("presets."))
        .map(|rule| (common(rule, text), rule))
        .filter(|(common, _)| *common > 0 && *common >= forbidden)
        .max_by_key(|(common, _)| *common)?;
    Some(Nearest { rule: found, why: "it is about another place".into() })
}

/// Those that an exception is for, as a policy has them.
pub(crate) fn callers(audience: &Audience) -> String {
    let kind = |kind| match kind {
        CallerKind::Java => "java",
        CallerKind::Python => "python",
        CallerKind::Native => "native",
    };
    let named = audience.callers.iter().map(|one| format!("`{}:{}`", kind(one.kind), one.text));
    let host = audience.host.then(|| "`host`".to_owned());
    host.into_iter().chain(named).collect::<Vec<_>>().join(", ")
}

/// How many components of a path the rule's longest name takes that covers it, 0 if none does.
pub(super) fn length(rule: &FileRule, path: &[u8]) -> usize {
    let whole = components(path).count();
    let one = |name: &PathPattern| {
        let alone = FileRule { names: vec![name.clone()], ..rule.clone() };
        let beginning = |length: &usize| join(components(path).take(*length));
        (0..=whole).find(|length| covers(&alone, &beginning(length)))
    };
    rule.names.iter().filter_map(one).max().unwrap_or(0)
}

/// How many leading components a path and the nearest name of a rule have in common.
fn common(rule: &FileRule, path: &[u8]) -> usize {
    let of = |name: &PathPattern| {
        let (PathPattern::Literal(place) | PathPattern::Glob(place)) = name;
        components(place).zip(components(path)).take_while(|(one, other)| one == other).count()
    };
    rule.names.iter().map(of).max().unwrap_or(0)
}
