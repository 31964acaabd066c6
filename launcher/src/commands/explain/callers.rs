//! The answer about callers: whether on behalf of certain classes, modules and libraries a thread may
//! be created, or a program be started.

use std::path::Path;

use ringfence_policy::{
    CallerKind, CallerRefusal, CallerRule, CallerVerdict, Creation, Image, RuleIndex,
};
use serde_json::{Value, json};

use super::InForce;
use crate::cli::Mode;
use crate::run::refusal::Refusal;

/// What the rules decide about something that is asked for on behalf of all these callers.
pub(crate) struct Answer<'a> {
    creation: Creation,
    mode: Mode,
    callers: Vec<Caller<'a>>,
}

/// One caller, and what the rules say about it.
struct Caller<'a> {
    kind: CallerKind,
    name: &'a str,
    verdict: Verdict<'a>,
}

/// What the rules say about one caller.
enum Verdict<'a> {
    Forbidden(Option<&'a CallerRule>),
    /// Others are authorized, by this rule and more.
    Unauthorized(Option<&'a CallerRule>),
    Authorized(Option<&'a CallerRule>),
    /// No rule is about it.
    Unnamed,
    /// No rule is about it, and this one, who is authorized, answers for it.
    AnsweredFor(&'a str),
    /// It is the host's, or the runtime's: no rule can be about it.
    Host,
}

impl Verdict<'_> {
    const fn refuses(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::Unauthorized(_))
    }

    const fn rule(&self) -> Option<&CallerRule> {
        match self {
            Self::Forbidden(rule) | Self::Unauthorized(rule) | Self::Authorized(rule) => *rule,
            Self::Unnamed | Self::AnsweredFor(_) | Self::Host => None,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "forbidden",
            Self::Unauthorized(_) => "not authorized",
            Self::Authorized(_) => "authorized",
            Self::Unnamed => "unnamed",
            Self::AnsweredFor(_) => "answered for",
            Self::Host => "host",
        }
    }
}

impl<'a> Answer<'a> {
    /// Asks the rules; `host` is nobody, and so is a class that is no subject.
    ///
    /// # Errors
    /// Where nothing enforces rules about callers of a kind that is asked about.
    pub(crate) fn about(
        rules: &'a InForce,
        creation: Creation,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Refusal> {
        let image = rules.image()?;
        let each = names.into_iter().map(|name| Caller::new(rules, image, creation, name));
        let mut callers = each.collect::<Result<Vec<_>, _>>()?;
        if !image.has_subjects(CallerKind::Java) {
            answer_for_others(&mut callers);
        }
        Ok(Self { creation, mode: rules.mode, callers })
    }

    /// Whether a rule refuses it; in which mode makes no difference.
    pub(crate) fn is_refused(&self) -> bool {
        self.callers.iter().any(|caller| caller.verdict.refuses())
    }

    /// The answer as a person reads it.
    pub(super) fn to_text(&self) -> String {
        let names: Vec<String> =
            self.callers.iter().map(|caller| format!("`{}`", caller.name)).collect();
        let doing = match self.creation {
            Creation::Thread => "creating a thread",
            Creation::Process => "starting a program",
        };
        let word = match self.is_refused() {
            true => "\x1b[1;31mrefused\x1b[0m",
            false => "\x1b[1;32mallowed\x1b[0m",
        };
        let mut text = format!("{word}: {doing} on behalf of {}\n", names.join(", "));
        for caller in &self.callers {
            text += &format!("  {}\n", caller.sentence());
        }
        match self.mode {
            Mode::Enforce => {}
            Mode::Audit => text += "  the mode is `audit`: a refusal is reported, and passes\n",
            Mode::Off => text += "  the mode is `off`: nothing is judged\n",
        }
        for help in self.remedies() {
            text += &format!("  = help: {help}\n");
        }
        text
    }

    /// What to do about each refusal.
    fn remedies(&self) -> Vec<String> {
        let section = match self.creation {
            Creation::Thread => "threads",
            Creation::Process => "processes",
        };
        let remedy = |caller: &Caller<'_>| match &caller.verdict {
            Verdict::Forbidden(Some(rule)) => Some(format!(
                "take `{}` out at {}, or name there more exactly whom it is about",
                rule.prefix,
                at(rule)
            )),
            Verdict::Unauthorized(_) => Some(format!(
                "to allow it, write `ringfence: {{version: 1, {section}: {{authorized: [{}]}}}}`",
                caller.written()
            )),
            Verdict::Forbidden(None)
            | Verdict::Authorized(_)
            | Verdict::Unnamed
            | Verdict::AnsweredFor(_)
            | Verdict::Host => None,
        };
        self.callers.iter().filter_map(remedy).collect()
    }

    /// The answer as one JSON object on one line.
    pub(super) fn to_json(&self) -> String {
        let caller = |caller: &Caller<'_>| {
            json!({
                "kind": kind_word(caller.kind),
                "name": caller.name,
                "verdict": caller.verdict.word(),
                "rule": caller.verdict.rule().map(rule_to_json),
            })
        };
        let object = json!({
            "asks": match self.creation {
                Creation::Thread => "thread",
                Creation::Process => "process",
            },
            "verdict": if self.is_refused() { "refused" } else { "allowed" },
            "mode": match self.mode {
                Mode::Enforce => "enforce",
                Mode::Audit => "audit",
                Mode::Off => "off",
            },
            "callers": self.callers.iter().map(caller).collect::<Vec<_>>(),
            "remedies": self.remedies(),
        });
        format!("{object}\n")
    }
}

impl<'a> Caller<'a> {
    fn new(
        rules: &'a InForce,
        image: Image<'_>,
        creation: Creation,
        written: &'a str,
    ) -> Result<Self, Refusal> {
        let kinds = [
            ("java:", CallerKind::Java),
            ("python:", CallerKind::Python),
            ("native:", CallerKind::Native),
        ];
        let named =
            kinds.iter().find_map(|(word, kind)| Some((*kind, written.strip_prefix(word)?)));
        let (kind, name) = named.unwrap_or((CallerKind::Java, written));
        if name.is_empty() {
            return Err(Refusal::plain(format!("`{written}` names nobody")));
        }
        let list = image.callers(creation, kind);
        let rule = |index: RuleIndex| rule_of(rules, index);
        let is_host =
            written == "host" || kind == CallerKind::Java && !image.concerns(kind, name.as_bytes());
        // A library goes by its path and by its file's name.
        let file = Path::new(name).file_name().and_then(|file| file.to_str());
        let names = [Some(name), file.filter(|_| kind == CallerKind::Native)];
        let judged = || names.iter().flatten().map(|name| list.judge(name.as_bytes()));
        let forbidden = judged().find_map(|verdict| match verdict {
            CallerVerdict::Forbidden(index) => Some(index),
            CallerVerdict::Authorized(_) | CallerVerdict::Unnamed => None,
        });
        let authorized = judged().find_map(|verdict| match verdict {
            CallerVerdict::Authorized(index) => Some(index),
            CallerVerdict::Forbidden(_) | CallerVerdict::Unnamed => None,
        });
        let verdict = match (forbidden, authorized, list.refuses(name.as_bytes())) {
            _ if is_host => Verdict::Host,
            (Some(index), ..) => Verdict::Forbidden(rule(index)),
            (None, Some(index), _) => Verdict::Authorized(rule(index)),
            (None, None, Some(CallerRefusal::Unauthorized(index))) => {
                Verdict::Unauthorized(rule(index))
            }
            (None, None, _) => Verdict::Unnamed,
        };
        Ok(Self { kind, name, verdict })
    }

    fn sentence(&self) -> String {
        let name = self.name;
        let of = |rule: &Option<&CallerRule>| rule.map_or_else(|| "a rule".to_owned(), named);
        match &self.verdict {
            Verdict::Forbidden(rule) => format!("`{name}` is forbidden by {}", of(rule)),
            Verdict::Unauthorized(rule) => format!(
                "`{name}` is not among {}",
                rule.map_or_else(
                    || "the authorized".to_owned(),
                    |rule| format!("{} ({})", rule.section, at(rule))
                )
            ),
            Verdict::Authorized(rule) => format!("`{name}` is authorized by {}", of(rule)),
            Verdict::Unnamed => format!("no rule is about `{name}`"),
            Verdict::AnsweredFor(by) => {
                format!("no rule is about `{name}`, and `{by}` answers for it")
            }
            Verdict::Host => format!("`{name}` is the host's, which no rule is about"),
        }
    }

    /// As a list of a policy has it.
    fn written(&self) -> String {
        match self.kind {
            CallerKind::Java => self.name.to_owned(),
            CallerKind::Python | CallerKind::Native => {
                json!(format!("{}:{}", kind_word(self.kind), self.name)).to_string()
            }
        }
    }
}

/// Where the policy names no subjects, all classes of a program are one: the nearest that is authorized
/// answers for those that no rule names.
fn answer_for_others(callers: &mut [Caller<'_>]) {
    let is_authorized = |caller: &&Caller<'_>| {
        caller.kind == CallerKind::Java && matches!(caller.verdict, Verdict::Authorized(_))
    };
    let Some(by) = callers.iter().find(is_authorized).map(|caller| caller.name) else { return };
    for caller in callers {
        if caller.kind == CallerKind::Java && matches!(caller.verdict, Verdict::Unauthorized(_)) {
            caller.verdict = Verdict::AnsweredFor(by);
        }
    }
}

/// The rules about callers are numbered behind those about files: threads, then programs.
fn rule_of(rules: &InForce, index: RuleIndex) -> Option<&CallerRule> {
    let behind = usize::try_from(index.number()).ok()?.checked_sub(rules.policy.rules.len())?;
    let callers = &rules.policy.callers;
    callers.threads.iter().chain(&callers.processes).nth(behind)
}

fn rule_to_json(rule: &CallerRule) -> Value {
    json!({
        "id": rule.id,
        "section": rule.section,
        "prefix": rule.prefix,
        "from": at(rule),
    })
}

/// A rule as every message names it: its list, its prefix, its place.
fn named(rule: &CallerRule) -> String {
    format!("{} `{}` ({})", rule.section, rule.prefix, at(rule))
}

fn at(rule: &CallerRule) -> String {
    let place = &rule.place;
    format!("{}:{}:{}", place.file, place.line, place.column)
}

const fn kind_word(kind: CallerKind) -> &'static str {
    match kind {
        CallerKind::Java => "java",
        CallerKind::Python => "python",
        CallerKind::Native => "native",
    }
}
