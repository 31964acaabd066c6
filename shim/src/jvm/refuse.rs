//! What becomes of a thread that is about to start, and what is said when nothing does.

use core::ffi::CStr;

use ringfence_policy::{CallerKind, Creation, RuleIndex};

use super::decide::Verdict;
use super::here::Here;
use super::jni::Ref;
use super::marks::{Marks, Reason, judge};
use super::names::Subject;
use crate::arm::State;
use crate::report::{self, Call, Line, Why};
use crate::sys::Answer;

/// The bytes of the frames in a report.
const FRAMES: usize = 1024;
/// The most bytes of an exception's message.
const MESSAGE: usize = 1024;

impl Here {
    /// A platform thread is about to start: with these marks, or not at all. Then an exception is
    /// pending.
    pub(crate) fn start_thread(self, thread: Ref) -> Option<Marks> {
        match self.judge_thread(thread, false) {
            Verdict::Refuse(marks) if self.refuse(Call("Thread.start"), marks) => None,
            Verdict::Refuse(marks) | Verdict::Start(marks) => Some(marks),
        }
    }

    /// The same for a virtual thread, which gets its marks here.
    pub(crate) fn start_virtual(self, thread: Ref) {
        match self.judge_thread(thread, true) {
            Verdict::Refuse(marks) if self.refuse(Call("Thread.start"), marks) => {}
            Verdict::Refuse(marks) | Verdict::Start(marks) => {
                self.set_virtual_lineage(thread, marks);
            }
        }
    }

    /// A class may not be defined; yes if that is so. Then an exception is pending.
    pub(crate) fn refuse_class(self, marks: Marks) -> bool {
        marks.is_refused() && self.refuse(Call("ClassLoader.defineClass"), marks)
    }

    /// Whether the calling thread may have signals handled, each on a thread of its own. Later it
    /// is too late: the handler would be gone.
    pub(crate) fn may_handle_signals(self) -> bool {
        let marks = self.everybody().marks;
        !(marks.is_refused() && self.refuse(Call("Signal.handle"), marks))
    }

    /// Reports a refusal and throws it; no where the policy only audits.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse(self, call: Call, marks: Marks) -> bool {
        let refused = self.report(self.jvm.state, call, marks).is_err();
        if refused {
            let (subject, rule, why) = self.cause(marks);
            self.throw(subject.name, rule, why);
        }
        refused
    }

    /// Reports a refusal; an error unless the policy only audits.
    pub(super) fn report(self, state: &State, call: Call, marks: Marks) -> Answer<()> {
        let (subject, rule, why) = self.cause(marks);
        let caller = (Creation::Thread, CallerKind::Java, subject.name);
        let mut buffer = [0; FRAMES];
        let frames = self.frame_names(&mut buffer);
        report::refuse_caller_at(state, call, caller, frames, (rule, why))
    }

    /// Who is refused, by which rule, and why.
    fn cause(self, marks: Marks) -> (Subject<'static>, RuleIndex, Why) {
        let subject = self.jvm.names.subject(marks.number());
        let reason = judge(self.image(), subject.name, subject.standing);
        let list = self.image().callers(Creation::Thread, CallerKind::Java);
        let (rule, why) = match reason {
            Some(Reason::Forbidden(rule)) => (rule, Why::Forbidden),
            Some(Reason::Unnamed(rule)) => (rule, Why::Unauthorized),
            Some(Reason::Unattributed) | None => {
                (list.first_authorized().unwrap_or(RuleIndex::UNJUDGED), Why::Unattributed)
            }
        };
        (subject, rule, why)
    }

    /// `ringfence: io.kestra.plugin.scripts.groovy.Eval may not create a thread
    /// (forbiddenClassPrefix io.kestra.plugin.scripts, application.yml:7:11)`
    fn throw(self, name: &[u8], rule: RuleIndex, why: Why) {
        let mut bytes = [0_u8; MESSAGE];
        let (text, end) = bytes.split_at_mut(MESSAGE - 1);
        let mut line = Line::new(text);
        line.text(b"ringfence: ");
        line.shown(name);
        line.text(b" may not create a thread (");
        let view = self.image().rule(rule).filter(|_| rule != RuleIndex::UNJUDGED);
        match (why, &view) {
            (Why::Forbidden, Some(rule)) => {
                line.text(rule.section.as_bytes());
                line.text(b" ");
                line.shown(rule.pattern.as_bytes());
            }
            (Why::Unauthorized, Some(rule)) => {
                line.text(b"not in ");
                line.text(rule.section.as_bytes());
            }
            _ => line.text(b"nobody is known to have made this code"),
        }
        if let Some(rule) = view {
            line.text(b", ");
            line.place(&rule);
        }
        line.text(b")");
        let length = line.bytes().len();
        end.fill(0);
        let message = bytes.get(..=length).unwrap_or_default();
        let message = CStr::from_bytes_until_nul(message).unwrap_or(c"ringfence: refused");
        self.env.throw(self.known().security_exception, message);
    }
}
