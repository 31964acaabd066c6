//! The answer about one path, as text and as JSON.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ringfence_policy::{Access, Audiences, Effect, FileRule, Image, RuleIndex};
use serde_json::{Value, json};

use super::InForce;
use super::remedy::{self, Nearest, Remedy};
use super::way::{self, Refused, Turn, Way};
use crate::cli::Mode;
use crate::places::{Links, covers};
use crate::run::refusal::Refusal;

/// What the rules decide about one access to one path, and why.
pub(super) struct Answer<'a> {
    path: &'a Path,
    access: Access,
    mode: Mode,
    way: Way,
    /// The rule that refuses, or the exception that lets it pass; `None` where no rule is about it.
    rule: Option<&'a FileRule>,
    nearest: Option<Nearest<'a>>,
    remedy: Option<Remedy>,
}

impl<'a> Answer<'a> {
    /// Asks the rules.
    ///
    /// # Errors
    /// Where this process cannot see what the answer hangs on.
    pub(super) fn about(
        rules: &'a InForce,
        path: &'a Path,
        access: Access,
        follow: bool,
    ) -> Result<Self, Refusal> {
        let links = Links::default();
        let nobody = (follow, Audiences::NONE);
        let walk = |image: Image<'_>| way::walk(image, &links, path, access, nobody);
        let way = walk(rules.image()?)?;
        let mut answer =
            Self { path, access, mode: rules.mode, way, rule: None, nearest: None, remedy: None };
        match answer.way.refused.clone() {
            Some(refused) => {
                answer.rule = rule_of(rules, refused.rule);
                if let Some(rule) = answer.rule {
                    answer.nearest = remedy::nearest(rules, rule, &refused);
                }
                answer.remedy = Some(remedy::find(rules, &walk)?);
            }
            None => answer.rule = passing(rules, &answer.way.place, access),
        }
        Ok(answer)
    }

    /// Whether a rule refuses it; in which mode makes no difference.
    pub(super) fn is_refused(&self) -> bool {
        self.way.refused.is_some()
    }

    /// The answer as a person reads it.
    pub(super) fn to_text(&self) -> String {
        let asked = format!("{} `{}`", doing(self.access), self.path.display());
        let mut text = match self.is_refused() {
            true => format!("\x1b[1;31mrefused\x1b[0m: {asked}\n"),
            false => format!("\x1b[1;32mallowed\x1b[0m: {asked}\n"),
        };
        for turn in &self.way.turns {
            text += &format!("  {}\n", turned(turn));
        }
        text += &match (&self.way.refused, self.rule) {
            (Some(refused), rule) => self.refused(refused, rule),
            (None, Some(rule)) => format!("  `{}` is allowed by {}\n", self.place(), named(rule)),
            (None, None) => format!("  no rule is about `{}`\n", self.place()),
        };
        if let Some(nearest) = &self.nearest {
            text +=
                &format!("  the nearest exception is {}: {}\n", named(nearest.rule), nearest.why);
        }
        match self.mode {
            Mode::Enforce => {}
            Mode::Audit => text += "  the mode is `audit`: a refusal is reported, and passes\n",
            Mode::Off => text += "  the mode is `off`: nothing is judged\n",
        }
        if let Some(remedy) = &self.remedy {
            text += &format!("  = help: {}\n", remedy.text());
        }
        text
    }

    fn refused(&self, refused: &Refused, rule: Option<&FileRule>) -> String {
        let shown = show(&refused.text);
        let verb = if refused.access == self.access { "" } else { " to look at" };
        let mut text = match rule {
            Some(rule) => format!("  `{shown}` is forbidden{verb} by {}\n", named(rule)),
            None => format!("  `{shown}` cannot be judged, and so is refused\n"),
        };
        if let Some(reason) = rule.and_then(|rule| rule.reason.as_ref()) {
            text += &format!("  its reason: {reason}\n");
        }
        text
    }

    fn place(&self) -> String {
        show(&self.way.place)
    }

    /// The answer as one JSON object on one line.
    pub(super) fn to_json(&self) -> String {
        let at =
            self.way.refused.as_ref().map(
                |refused| json!({ "path": show(&refused.text), "access": word(refused.access) }),
            );
        let object = json!({
            "path": self.path.to_string_lossy(),
            "access": word(self.access),
            "verdict": if self.is_refused() { "refused" } else { "allowed" },
            "mode": match self.mode {
                Mode::Enforce => "enforce",
                Mode::Audit => "audit",
                Mode::Off => "off",
            },
            "way": self.way.turns.iter().map(turn_to_json).collect::<Vec<_>>(),
            "place": self.place(),
            "refused_at": at,
            "rule": self.rule.map(rule_to_json),
            "nearest_exception": self.nearest.as_ref().map(|nearest| {
                let mut shown = rule_to_json(nearest.rule);
                shown["why_not"] = json!(nearest.why);
                shown
            }),
            "remedy": self.remedy.as_ref().map(Remedy::to_json),
        });
        format!("{object}\n")
    }
}

fn rule_of(rules: &InForce, index: RuleIndex) -> Option<&FileRule> {
    rules.policy.rules.get(usize::try_from(index.number()).ok()?)
}

/// The exception by which a place passes although a rule forbids what is around it.
fn passing<'a>(rules: &'a InForce, place: &[u8], access: Access) -> Option<&'a FileRule> {
    let about = |rule: &&FileRule| {
        rule.audience.is_none() && rule.access.contains(access) && covers(rule, place)
    };
    let all = || rules.policy.rules.iter().filter(about);
    all().find(|rule| rule.effect == Effect::Forbid)?;
    all().filter(|rule| rule.effect == Effect::Allow).max_by_key(|rule| remedy::length(rule, place))
}

fn turned(turn: &Turn) -> String {
    match turn {
        Turn::Alias { from, to } => format!("`{}` is `{}` on this machine", show(from), show(to)),
        Turn::Link { at, target } => format!("`{}` is a link to `{}`", show(at), show(target)),
        Turn::Up(directory) => format!("`..` leads up from `{}`", show(directory)),
        Turn::Process => format!("`/proc/self` is `/proc/{}` for this process", std::process::id()),
    }
}

fn turn_to_json(turn: &Turn) -> Value {
    match turn {
        Turn::Alias { from, to } => json!({ "alias": show(from), "to": show(to) }),
        Turn::Link { at, target } => json!({ "link": show(at), "to": show(target) }),
        Turn::Up(directory) => json!({ "up_from": show(directory) }),
        Turn::Process => json!({ "process": std::process::id() }),
    }
}

fn rule_to_json(rule: &FileRule) -> Value {
    json!({
        "id": rule.id,
        "section": rule.section,
        "pattern": rule.pattern,
        "from": at(rule),
        "reason": rule.reason,
        "fixed": rule.fixed,
    })
}

/// A rule as every message names it: its list, its text, its place.
fn named(rule: &FileRule) -> String {
    format!("{} `{}` ({})", rule.section, rule.pattern, at(rule))
}

pub(super) fn at(rule: &FileRule) -> String {
    let place = &rule.place;
    match place.line {
        0 => place.file.clone(),
        line => format!("{}:{line}:{}", place.file, place.column),
    }
}

/// The word of the policy file for a single access.
pub(super) fn word(access: Access) -> &'static str {
    match access {
        Access::READ => "read",
        Access::WRITE => "write",
        Access::LIST => "list",
        Access::EXECUTE => "execute",
        _ => "metadata",
    }
}

fn doing(access: Access) -> &'static str {
    match access {
        Access::READ => "reading",
        Access::WRITE => "writing",
        Access::LIST => "listing",
        Access::EXECUTE => "executing",
        _ => "looking at",
    }
}

pub(super) fn show(path: &[u8]) -> String {
    OsStr::from_bytes(path).display().to_string()
}
