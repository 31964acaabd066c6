//! What an event says: the sentence for a person, the JSON line for the audit file.

use ringfence_policy::{Access, CallerKind, Creation, Mode, RuleIndex};

use super::{Call, Counters, Line};
use crate::arm::State;
use crate::sys::{self, CWD, Errno, Path};

/// A refusal.
pub(super) struct Denial<'a> {
    pub(super) call: Call,
    pub(super) asked: Asked<'a>,
    pub(super) cause: Cause<'a>,
}

/// What was asked for.
pub(super) enum Asked<'a> {
    /// An access to a path.
    Path(Access, &'a [u8]),
    /// A thread or a program, by this caller; an empty name for one that is not known. Then frames,
    /// each ended by a newline.
    Creation(Creation, CallerKind, &'a [u8], &'a [u8]),
}

/// Why a caller is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The rule forbids it.
    Forbidden,
    /// The rule authorizes others.
    Unauthorized,
    /// Nobody knows whose code it is; the rule, where there is one, authorizes others.
    Unattributed,
}

/// Why a call is refused.
pub(super) enum Cause<'a> {
    /// A rule forbids it.
    Rule(RuleIndex),
    /// A rule about callers does not let it.
    Caller(RuleIndex, Why),
    /// The fence could not hold; the text says why, and what to do.
    Unsound(&'a [u8]),
}

impl Denial<'_> {
    /// Whether the console is to be told at once.
    pub(super) fn is_first(&self, counters: &Counters) -> bool {
        match self.cause {
            Cause::Rule(rule) | Cause::Caller(rule, _) => counters.is_first(rule),
            Cause::Unsound(_) => true,
        }
    }

    /// `ringfence: denied read of /etc/passwd [worker-3, pid 812]: forbiddenPaths `/etc/` (…)`
    pub(super) fn sentence(&self, state: &State, line: &mut Line<'_>) {
        line.text(match state.image.mode() {
            Mode::Enforce => b"ringfence: denied ".as_slice(),
            Mode::Audit => b"ringfence: would deny ".as_slice(),
        });
        match self.asked {
            Asked::Path(access, path) => {
                line.text(verb(access).as_bytes());
                line.text(b" of ");
                line.shown(path);
            }
            Asked::Creation(creation, _, caller, _) => {
                line.text(noun(creation).as_bytes());
                line.text(b" by ");
                line.shown(if caller.is_empty() { UNKNOWN } else { caller });
            }
        }
        line.text(b" [");
        line.shown(first_string(&sys::thread_name()));
        line.text(b", pid ");
        line.number(u64::from(sys::process()));
        line.text(b"]: ");
        match self.cause {
            Cause::Rule(rule) | Cause::Caller(rule, Why::Forbidden) => rule_text(state, line, rule),
            Cause::Caller(rule, Why::Unauthorized) => {
                line.text(b"not among ");
                list_text(state, line, rule);
            }
            Cause::Caller(RuleIndex::UNJUDGED, Why::Unattributed) => {
                let is_java = matches!(self.asked, Asked::Creation(_, CallerKind::Java, ..));
                line.text(if is_java {
                    b"nobody is known to have made it"
                } else {
                    b"threads.unattributed is `deny`"
                });
            }
            Cause::Caller(rule, Why::Unattributed) => {
                line.text(if self.is_among_others(state) {
                    b"its code is nobody's who is among ".as_slice()
                } else {
                    b"its code is nobody's who is known, and there is "
                });
                list_text(state, line, rule);
            }
            Cause::Unsound(why) => line.text(why),
        }
        line.text(b"\n");
    }

    /// Whether the list authorizes somebody, and so nobody else.
    fn is_among_others(&self, state: &State) -> bool {
        match self.asked {
            Asked::Creation(creation, kind, ..) => {
                state.image.callers(creation, kind).has_authorized()
            }
            Asked::Path(..) => false,
        }
    }

    /// The denial as a JSON line; `spare` is used on the way.
    pub(super) fn json(&self, state: &State, line: &mut Line<'_>, sequence: u64, spare: &mut [u8]) {
        let event = match state.image.mode() {
            Mode::Enforce => "deny",
            Mode::Audit => "would_deny",
        };
        begin(state, line, sequence, event);
        line.field("op", self.asked.operation());
        line.field("call", self.call.0);
        line.field("errno", self.asked.errno_name());
        match self.asked {
            Asked::Path(_, path) => line.path_field("path", path),
            Asked::Creation(_, kind, caller, frames) => {
                line.text(b",\"caller\":{\"kind\":\"");
                line.text(kind_name(kind).as_bytes());
                line.text(b"\"");
                line.path_field("name", caller);
                frame_list(line, frames);
                line.text(b"}");
            }
        }
        match self.cause {
            Cause::Rule(rule) => rule_fields(state, line, rule),
            Cause::Caller(rule, why) => {
                line.field("why", why.name());
                if rule != RuleIndex::UNJUDGED {
                    rule_fields(state, line, rule);
                }
            }
            Cause::Unsound(why) => {
                line.text(b",\"unsound\":");
                line.quoted(why);
            }
        }
        end(line, spare);
    }
}

impl Asked<'_> {
    const fn operation(&self) -> &'static str {
        match self {
            Self::Path(access, _) => operation(*access),
            Self::Creation(Creation::Thread, ..) => "thread.create",
            Self::Creation(Creation::Process, ..) => "process.start",
        }
    }

    /// What the call fails with.
    pub(super) const fn errno(&self) -> Errno {
        match self {
            Self::Path(..) | Self::Creation(Creation::Process, ..) => Errno::EACCES,
            Self::Creation(Creation::Thread, ..) => Errno::EPERM,
        }
    }

    const fn errno_name(&self) -> &'static str {
        match self {
            Self::Path(..) | Self::Creation(Creation::Process, ..) => "EACCES",
            Self::Creation(Creation::Thread, ..) => "EPERM",
        }
    }
}

impl Why {
    const fn name(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Unauthorized => "not authorized",
            Self::Unattributed => "unattributed",
        }
    }
}

/// `,"frames":["…",…]`, where there are any.
fn frame_list(line: &mut Line<'_>, frames: &[u8]) {
    let names = frames.split(|byte| *byte == b'\n').filter(|frame| !frame.is_empty());
    let separators =
        core::iter::once(b",\"frames\":[".as_slice()).chain(core::iter::repeat(&b","[..]));
    let mut end: &[u8] = b"";
    for (frame, separator) in names.zip(separators) {
        line.text(separator);
        line.quoted(frame);
        end = b"]";
    }
    line.text(end);
}

/// A caller without a name.
const UNKNOWN: &[u8] = b"code of no known caller";

const fn noun(creation: Creation) -> &'static str {
    match creation {
        Creation::Thread => "thread",
        Creation::Process => "program",
    }
}

const fn kind_name(kind: CallerKind) -> &'static str {
    match kind {
        CallerKind::Java => "java",
        CallerKind::Python => "python",
        CallerKind::Native => "native",
    }
}

/// The list of a rule, by its first entry.
fn list_text(state: &State, line: &mut Line<'_>, rule: RuleIndex) {
    let Some(rule) = state.image.rule(rule) else { return };
    line.text(rule.section.as_bytes());
    line.text(b" (");
    line.place(&rule);
    line.text(b")");
}

fn rule_text(state: &State, line: &mut Line<'_>, rule: RuleIndex) {
    let Some(rule) = state.image.rule(rule) else { return };
    line.text(rule.section.as_bytes());
    line.text(b" `");
    line.shown(rule.pattern.as_bytes());
    line.text(b"` (");
    line.place(&rule);
    line.text(b")");
    if let Some(reason) = rule.reason {
        line.text(b": ");
        line.shown(reason.as_bytes());
    }
}

fn rule_fields(state: &State, line: &mut Line<'_>, rule: RuleIndex) {
    let Some(rule) = state.image.rule(rule) else { return };
    line.text(b",\"rule\":{\"id\":");
    line.quoted(rule.id.as_bytes());
    line.field("section", rule.section);
    line.field("pattern", rule.pattern);
    line.text(b",\"place\":\"");
    line.place(&rule);
    line.text(b"\"}");
}

/// The fields that every event begins with.
fn begin(state: &State, line: &mut Line<'_>, sequence: u64, event: &str) {
    line.text(b"{\"v\":1");
    let run = state.environment.as_ref().and_then(|environment| environment.run);
    if let Some(run) = run.map(|run| run.to_bytes()) {
        line.text(b",\"run\":");
        line.quoted(run.splitn(2, |byte| *byte == b'=').nth(1).unwrap_or_default());
    }
    line.text(b",\"seq\":");
    line.number(sequence);
    line.text(b",\"time\":\"");
    line.time();
    line.text(b"\"");
    line.field("event", event);
}

/// The process's fields, and the end of the line.
fn end(line: &mut Line<'_>, spare: &mut [u8]) {
    line.text(b",\"process\":{\"pid\":");
    line.number(u64::from(sys::process()));
    line.text(b",\"tid\":");
    line.number(u64::from(sys::thread()));
    line.text(b",\"uid\":");
    line.number(u64::from(sys::effective_user()));
    line.text(b",\"thread\":");
    line.quoted(first_string(&sys::thread_name()));
    let program = Path::from_c(c"/proc/self/exe");
    let read = sys::readlinkat(CWD, program, sys::room(spare)).unwrap_or(0);
    line.path_field("exe", spare.get(..read).unwrap_or_default());
    line.close(b"}}\n");
}

/// The line that tells how many denials the audit file was spared.
pub(super) fn summary(
    state: &State,
    line: &mut Line<'_>,
    sequence: u64,
    spared: u64,
    spare: &mut [u8],
) {
    begin(state, line, sequence, "summary");
    line.text(b",\"denials\":");
    line.number(spared);
    line.field("message", "denials that the audit file was spared, or that could not be written");
    end(line, spare);
}

/// The sentence that tells how many denials the console was spared.
pub(super) fn count(line: &mut Line<'_>, silent: u64) {
    line.text(b"ringfence: ");
    line.number(silent);
    line.text(if silent == 1 { b" more denial".as_slice() } else { b" more denials" });
    line.text(b" by rules shown above [pid ");
    line.number(u64::from(sys::process()));
    line.text(b"]\n");
}

fn first_string(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// What a person calls the access.
const fn verb(access: Access) -> &'static str {
    if access.intersects(Access::WRITE) {
        "write"
    } else if access.intersects(Access::EXECUTE) {
        "execution"
    } else if access.intersects(Access::READ) {
        "read"
    } else if access.intersects(Access::LIST) {
        "listing"
    } else {
        "inspection"
    }
}

const fn operation(access: Access) -> &'static str {
    if access.intersects(Access::WRITE) {
        "file.write"
    } else if access.intersects(Access::EXECUTE) {
        "file.exec"
    } else if access.intersects(Access::READ) {
        "file.read"
    } else if access.intersects(Access::LIST) {
        "file.list"
    } else {
        "file.metadata"
    }
}
