//! What becomes of a thread that is about to start, and what is said when nothing does.

use core::ffi::CStr;

use ringfence_policy::{Audiences, CallerKind, Creation, RuleIndex};

use super::decide::Verdict;
use super::descent::Descent;
use super::here::{Here, Jvm};
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
    /// A platform thread is about to start: for these, or not at all. Then an exception is pending.
    pub(crate) fn start_thread(self, thread: Ref) -> Option<Descent> {
        match self.judge_thread(thread, false) {
            Verdict::Refuse(marks) if self.refuse_thread(marks) => None,
            Verdict::Refuse(marks) => Some(Descent::new(marks, Audiences::NONE)),
            Verdict::Start(descent) => Some(descent),
        }
    }

    /// The same for a virtual thread, for which it is noted here.
    pub(crate) fn start_virtual(self, thread: Ref) {
        match self.judge_thread(thread, true) {
            Verdict::Refuse(marks) if self.refuse_thread(marks) => {}
            Verdict::Refuse(marks) => {
                self.set_virtual_lineage(thread, Descent::new(marks, Audiences::NONE));
            }
            Verdict::Start(descent) => self.set_virtual_lineage(thread, descent),
        }
    }

    fn refuse_thread(self, marks: Marks) -> bool {
        self.refuse(Call("Thread.start"), Creation::Thread, marks)
    }

    /// Whether what these subjects are about to do would take them out of the sight of rules; yes if
    /// they may not do it. Then an exception is pending.
    pub(super) fn refuse_escape(self, call: Call, marks: Marks) -> bool {
        let mut creations = [Creation::Thread, Creation::Process].into_iter();
        let refused = creations.find(|creation| marks.is_refused(*creation));
        // By the host's looks they would have what is for the host alone.
        let hides = self.image().has_audiences() && !marks.is_empty();
        let refused = refused.or(hides.then_some(Creation::Thread));
        refused.is_some_and(|creation| self.refuse(call, creation, marks))
    }

    /// Whether the calling thread may have signals handled, each on a thread of its own. Later it
    /// is too late: the handler would be gone.
    pub(crate) fn may_handle_signals(self) -> bool {
        let all = self.everybody();
        let (marks, creation) = (all.together.answer_for(all.marks), Creation::Thread);
        !(marks.is_refused(creation) && self.refuse(Call("Signal.handle"), creation, marks))
    }

    /// Reports a refusal and throws a `SecurityException`; no where the policy only audits.
    fn refuse(self, call: Call, creation: Creation, marks: Marks) -> bool {
        self.refuse_by(self.known().security_exception, call, creation, marks)
    }

    /// Reports a program that may not be started, and throws an `IOException`; no where the policy
    /// only audits.
    pub(super) fn refuse_program(self, call: Call, marks: Marks) -> bool {
        self.refuse_by(self.known().io_exception, call, Creation::Process, marks)
    }

    #[cold]
    #[inline(never)]
    fn refuse_by(self, exception: Ref, call: Call, creation: Creation, marks: Marks) -> bool {
        let refused = self.report(self.jvm.state, call, creation, marks).is_err();
        if refused {
            self.throw(exception, creation, marks);
        }
        refused
    }

    /// Reports a refusal; an error unless the policy only audits.
    pub(super) fn report(
        self,
        state: &State,
        call: Call,
        creation: Creation,
        marks: Marks,
    ) -> Answer<()> {
        let mut buffer = [0; FRAMES];
        let frames = self.frame_names(&mut buffer);
        self.jvm.report(state, call, creation, (marks, frames))
    }

    /// `ringfence: io.kestra.plugin.scripts.groovy.Eval may not create a thread
    /// (forbiddenClassPrefix io.kestra.plugin.scripts, application.yml:7:11)`
    fn throw(self, exception: Ref, creation: Creation, marks: Marks) {
        let (subject, rule, why) = self.jvm.cause(creation, marks);
        let mut bytes = [0_u8; MESSAGE];
        let (text, end) = bytes.split_at_mut(MESSAGE - 1);
        let mut line = Line::new(text);
        line.text(b"ringfence: ");
        line.shown(subject.name);
        line.text(match creation {
            Creation::Thread => b" may not create a thread (",
            Creation::Process => b" may not start a program (",
        });
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
        self.env.throw(exception, message);
    }
}

impl Jvm {
    /// Reports a refusal, with the frames that are known; an error unless the policy only audits.
    pub(super) fn report(
        &self,
        state: &State,
        call: Call,
        creation: Creation,
        (marks, frames): (Marks, &[u8]),
    ) -> Answer<()> {
        let (subject, rule, why) = self.cause(creation, marks);
        let caller = (creation, CallerKind::Java, subject.name);
        report::refuse_caller_at(state, call, caller, frames, (rule, why))
    }

    /// Who is refused, by which rule, and why.
    fn cause(&self, creation: Creation, marks: Marks) -> (Subject<'static>, RuleIndex, Why) {
        let image = &self.state.image;
        let subject = self.names.subject(marks.number(creation));
        let reason = judge(image, creation, subject.name, subject.standing);
        let list = image.callers(creation, CallerKind::Java);
        let (rule, why) = match reason {
            Some(Reason::Forbidden(rule)) => (rule, Why::Forbidden),
            Some(Reason::Unnamed(rule)) => (rule, Why::Unauthorized),
            Some(Reason::Unattributed) | None => {
                (list.first_authorized().unwrap_or(RuleIndex::UNJUDGED), Why::Unattributed)
            }
        };
        (subject, rule, why)
    }
}
