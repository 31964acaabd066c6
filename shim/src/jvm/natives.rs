//! Native ways to a thread beside `Thread.start`: an agent that a bean loads into the running machine,
//! and threads that a JNI library creates for the Java code that calls it.

#![expect(unsafe_code, reason = "stands before a native method of the JDK's")]
#![cfg_attr(test, expect(non_snake_case, reason = "the JDK's name, not exported from tests"))]

use core::ffi::c_void;
use core::ptr::null_mut;

use ringfence_policy::{CallerKind, Creation, RuleIndex};

use super::bind::{self, Original, unbound};
use super::entry::Called;
use super::here::{Here, Jvm};
use super::jni::{Env, RawEnv, Ref};
use super::marks::{Marks, Standing};
use super::slot::Busy;
use crate::arm::State;
use crate::report::{self, Call, Why};
use crate::sys::Answer;

/// The command that loads native code into the machine, which then knows no rules.
const LOADS_AGENT: &[u8] = b"JVMTI.agent_load";
/// The most bytes of a command that are looked through; a longer one is taken for this.
const LONGEST: usize = 2048;

/// `DiagnosticCommandImpl.executeDiagnosticCommand`: what a management bean has the machine do.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub(super) unsafe extern "C" fn Java_com_sun_management_internal_DiagnosticCommandImpl_executeDiagnosticCommand(
    env: RawEnv,
    bean: *mut c_void,
    command: *mut c_void,
) -> *mut c_void {
    // SAFETY: the machine calls this as that native method.
    let called = unsafe { Called::by(env) };
    let may = called.judge(|here| {
        Ref::new(command).is_none_or(|command| !here.loads_agent(command) || here.may_load_agent())
    });
    if may == Some(false) {
        return null_mut();
    }
    let Some(next) = bind::find(called.state, Original::ExecuteCommand, None) else {
        unbound(b"this Java does not define what its own libraries call")
    };
    // SAFETY: the JDK's own native method, to which the machine was about to bind.
    let next = unsafe {
        core::mem::transmute::<
            *const c_void,
            unsafe extern "C" fn(RawEnv, *mut c_void, *mut c_void) -> *mut c_void,
        >(next)
    };
    // SAFETY: the caller's own arguments.
    unsafe { next(env, bean, command) }
}

impl Here {
    /// Whether a command loads an agent; a text may hold several commands, a line each. The bean
    /// asks `help` about every command when it is first looked at, which loads nothing.
    fn loads_agent(self, command: Ref) -> bool {
        let mut buffer = [0; LONGEST];
        self.env.text(command, &mut buffer).is_none_or(|text| {
            text.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| {
                let start = line.iter().position(|byte| *byte > b' ').unwrap_or(line.len());
                line.get(start..).is_some_and(|command| command.starts_with(LOADS_AGENT))
            })
        })
    }

    fn may_load_agent(self) -> bool {
        // Native code knows no rules: a command that nobody is known to have given is refused too.
        let marks = self.whoever(b"a command that nobody gave");
        !self.refuse_escape(Call("jvmtiAgentLoad"), marks)
    }
}

/// Whether there is a machine with rules about its classes.
pub(crate) fn is_judging() -> bool {
    Jvm::get().is_some()
}

/// Whether the machine with rules is in this process, and not in the one that it was forked from.
pub(crate) fn is_here() -> bool {
    Jvm::get().is_some_and(|jvm| jvm.home.is_here())
}

/// Judges a thread that a library creates on a thread which runs Java code, and answers the marks
/// that the new one inherits; `None` where there is no Java, or nobody of it on the stack.
///
/// The caller must not be the machine itself.
///
/// # Errors
/// EPERM where a subject on the stack may not create a thread, or nobody can be asked who is there.
pub(crate) fn judge_native_thread(state: &State, call: Call) -> Answer<Option<usize>> {
    let Some(jvm) = Jvm::get() else { return Ok(None) };
    let Some(env) = jvm.machine.attached() else { return Ok(None) };
    let Some(_busy) = Busy::begin() else { return Ok(None) };
    if !jvm.may_ask(env) {
        return jvm.refuse_unasked(state, call, Creation::Thread).map(|()| None);
    }
    let judge = || {
        let here = Here { env, jvm };
        let all = here.everybody();
        // As for a thread that Java starts: a stack that cannot be read to its end is nobody's where a
        // subject is on it, and so is one on which reflection calls for nobody.
        let is_nobodys =
            if all.marks.is_empty() { !all.host && all.reflects } else { !all.is_whole };
        let nobody =
            is_nobodys.then(|| here.marks_of(b"native code that nobody called", Standing::Nobody));
        let marks = all.together.answer_for(all.marks).join(nobody.unwrap_or(Marks::NONE));
        if marks.is_refused(Creation::Thread) {
            here.report(state, call, Creation::Thread, marks)?;
        }
        Ok(Some(marks.lineage()))
    };
    env.framed(64, judge)
}

impl Jvm {
    /// Whether the machine may be asked anything on the calling thread, whose environment that is.
    pub(super) fn may_ask(&self, env: Env) -> bool {
        self.outside.is_some_and(|outside| outside.is_outside(env))
    }

    /// Refuses what native code asks for where the machine may not be asked on whose behalf.
    ///
    /// # Errors
    /// Those of the creation, unless the policy only audits.
    pub(super) fn refuse_unasked(
        &self,
        state: &State,
        call: Call,
        creation: Creation,
    ) -> Answer<()> {
        let list = state.image.callers(creation, CallerKind::Java);
        if list.is_empty() {
            return Ok(());
        }
        let rule = list.first_authorized().unwrap_or(RuleIndex::UNJUDGED);
        let caller = (creation, CallerKind::Java, b"code inside Java".as_slice());
        report::refuse_caller_at(state, call, caller, b"", (rule, Why::Unattributed))
    }
}
