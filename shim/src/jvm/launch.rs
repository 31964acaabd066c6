//! Programs that Java code asks for: by the JDK's own native method, and by libraries in C that it
//! calls.

#![expect(unsafe_code, reason = "stands before a native method of the JDK's")]
#![cfg_attr(test, expect(non_snake_case, reason = "the JDK's name, not exported from tests"))]

use core::ffi::{c_int, c_void};
use core::ops::ControlFlow;

use ringfence_policy::Creation;

use super::bind::{self, Original, unbound};
use super::entry::Called;
use super::here::{Here, Jvm};
use super::jni::RawEnv;
use super::kinds::{Facts, Info};
use super::marks::{Marks, Standing};
use super::program::Together;
use super::slot::{self, Busy};
use crate::arm::State;
use crate::exceptions;
use crate::lineage;
use crate::report::Call;
use crate::sys::Answer;

/// A native method of many arguments: each is a word, whatever its type.
type ForkAndExec = unsafe extern "C" fn(
    RawEnv,
    *mut c_void,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
) -> c_int;

/// `ProcessImpl.forkAndExec`: where every way of Java's to a program comes together, before the
/// machine has made a child.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub(super) unsafe extern "C" fn Java_java_lang_ProcessImpl_forkAndExec(
    env: RawEnv,
    process: *mut c_void,
    mode: usize,
    helper: usize,
    program: usize,
    arguments: usize,
    argument_count: usize,
    environment: usize,
    variable_count: usize,
    directory: usize,
    descriptors: usize,
    joins_errors: usize,
) -> c_int {
    // SAFETY: the machine calls this as that native method.
    let called = unsafe { Called::by(env) };
    if called.judge(Here::may_start_program) == Some(false) {
        return -1;
    }
    let Some(next) = bind::find(called.state, Original::ForkAndExec, None) else {
        unbound(b"this Java does not define what its own libraries call")
    };
    // SAFETY: the JDK's own native method, to which the machine was about to bind.
    let next = unsafe { core::mem::transmute::<*const c_void, ForkAndExec>(next) };
    // In the child nobody can be asked.
    let _known = exceptions::ahead_in_java(called.state).hold();
    // What the JDK's library calls to start the program was judged here; and in a child of
    // vfork(2), which runs as the calling thread, the machine must not be asked.
    let _judged = Busy::begin();
    // SAFETY: the caller's own arguments.
    unsafe {
        next(
            env,
            process,
            mode,
            helper,
            program,
            arguments,
            argument_count,
            environment,
            variable_count,
            directory,
            descriptors,
            joins_errors,
        )
    }
}

/// Judges a program that a library starts on a thread which may run Java code; or that libc itself
/// starts, to which somebody `handed` the function: on behalf of those on the stack or of those that the
/// thread descends from, and where there is neither, on behalf of nobody.
///
/// The caller must not be the machine itself.
///
/// # Errors
/// EACCES where somebody on the stack may not start a program, or nobody is known to have asked.
pub(crate) fn judge_native_program(state: &State, call: Call, handed: bool) -> Answer<()> {
    let Some(jvm) = Jvm::get() else { return Ok(()) };
    let Some(env) = jvm.machine.attached() else {
        let own = Marks::from_lineage(lineage::current().java);
        let is_nobodys = handed && own.is_empty();
        return jvm.judge_descent(state, call, if is_nobodys { jvm.nobody() } else { own });
    };
    let Some(_busy) = Busy::begin() else { return Ok(()) };
    if !jvm.may_ask(env) {
        return jvm.refuse_unasked(state, call, Creation::Process);
    }
    env.framed(64, || {
        let here = Here { env, jvm };
        let marks = here.who_asks();
        let marks = if handed && marks.is_empty() { jvm.nobody() } else { marks };
        if marks.is_refused(Creation::Process) {
            here.report(state, call, Creation::Process, marks)?;
        }
        Ok(())
    })
}

/// Judges a program that is started in a child of the machine's process, by whoever had the child
/// made.
///
/// # Errors
/// EACCES where one of them may not start a program.
pub(crate) fn judge_childs_program(state: &State, call: Call) -> Answer<()> {
    let Some(jvm) = Jvm::get() else { return Ok(()) };
    // What `forkAndExec` makes was judged before.
    let Some(_busy) = Busy::begin() else { return Ok(()) };
    jvm.judge_descent(state, call, descent_in_child())
}

/// What threads inherit that are made in a child of the machine's process.
pub(crate) fn descent() -> usize {
    descent_in_child().lineage()
}

fn descent_in_child() -> Marks {
    slot::made_for().unwrap_or_else(|| Marks::from_lineage(lineage::current().java))
}

/// Who asks for a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    /// The machine itself, on behalf of whoever the thread descends from.
    Machine,
    /// A library.
    Library,
    /// It cannot be found out.
    Unknown,
}

/// The calling thread is about to make a child that goes on in this program.
pub(crate) fn note_child(maker: Maker) {
    let Some(jvm) = Jvm::get() else { return };
    let own = Marks::from_lineage(lineage::current().java);
    let nobody = || own.join(jvm.nobody());
    let marks = match (maker, jvm.machine.attached()) {
        (Maker::Unknown, _) => nobody(),
        (Maker::Library, Some(env)) if !jvm.may_ask(env) => nobody(),
        (Maker::Library, Some(env)) => {
            let Some(_busy) = Busy::begin() else { return };
            env.framed(64, || Here { env, jvm }.who_asks())
        }
        (Maker::Machine, _) | (Maker::Library, None) => own,
    };
    slot::note_child(marks);
}

/// What is told of code that nobody is known to have given.
const NOBODY: &[u8] = b"code that nobody gave";

impl Jvm {
    fn nobody(&self) -> Marks {
        Marks::of(&self.state.image, self.names, NOBODY, Standing::Nobody)
    }

    /// Judges a program where no stack says who asks.
    fn judge_descent(&self, state: &State, call: Call, marks: Marks) -> Answer<()> {
        if marks.is_refused(Creation::Process) {
            self.report(state, call, Creation::Process, (marks, b""))?;
        }
        Ok(())
    }
}

impl Here {
    fn may_start_program(self) -> bool {
        let marks = self.who_asks();
        !(marks.is_refused(Creation::Process)
            && self.refuse_program(Call("ProcessBuilder.start"), marks))
    }

    /// Who asks for a program: everybody on the stack, and whoever the thread descends from.
    fn who_asks(self) -> Marks {
        let mut stack = Stack::default();
        let read = self.frames(|frame| {
            stack.frame(frame);
            ControlFlow::Continue(())
        });
        let all = stack.together.answer_for(stack.marks.join(self.lineage()));
        match stack.nearest {
            // A thread of a library's own, which runs no Java code.
            None if stack.is_empty && read.is_ok() => all,
            Some(nearest) if read.is_ok() => {
                let is_hosts = stack.is_host(nearest) && !all.is_empty() && self.is_hosts_thread();
                if is_hosts { Marks::NONE } else { all }
            }
            None | Some(_) => all.join(self.marks_of(NOBODY, Standing::Nobody)),
        }
    }

    /// Whether the host may be meant though the thread descends from a subject: a loop that all share
    /// descends from whoever came first. What the thread runs must be no subject's.
    fn is_hosts_thread(self) -> bool {
        if self.image().strict() {
            return false;
        }
        let Some(thread) = self.tools().current_thread() else { return false };
        self.reach(thread).marks.is_empty()
    }
}

/// What a stack says about the program that is asked for on it.
struct Stack {
    marks: Marks,
    /// Who is authorized and answers for others.
    together: Together,
    is_empty: bool,
    reflects: bool,
    /// The nearest frame that is neither the runtime's nor a wrapper's.
    nearest: Option<Info>,
}

impl Default for Stack {
    fn default() -> Self {
        Self {
            marks: Marks::NONE,
            together: Together::NONE,
            is_empty: true,
            reflects: false,
            nearest: None,
        }
    }
}

impl Stack {
    /// Reads the next frame outwards.
    fn frame(&mut self, frame: Info) {
        self.is_empty = false;
        self.marks = self.marks.join(frame.marks);
        self.together.frame(frame);
        self.reflects |= frame.facts.has(Facts::REFLECTION);
        let is_transparent =
            frame.is_runtime() || frame.facts.has(Facts::WRAPPER) && !frame.is_subject();
        if self.nearest.is_none() && !is_transparent {
            self.nearest = Some(frame);
        }
    }

    /// Whether only the host is there, and nobody had it called.
    fn is_host(&self, nearest: Info) -> bool {
        self.marks.is_empty() && nearest.facts.has(Facts::HOST) && !self.reflects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNTIME: Info = of(Facts::RUNTIME.0);
    const REFLECTION: Info = of(Facts::RUNTIME.0 | Facts::REFLECTION.0);
    const HOST: Info = of(Facts::HOST.0);
    const WRAPPER: Info = of(Facts::HOST.0 | Facts::WRAPPER.0);
    const SUBJECT: Info = Info { facts: Facts::GUEST, marks: Marks::from_word(1) };

    const fn of(facts: u32) -> Info {
        Info { facts: Facts(facts), marks: Marks::NONE }
    }

    fn is_host(frames: &[Info]) -> bool {
        let mut stack = Stack::default();
        frames.iter().for_each(|frame| stack.frame(*frame));
        stack.nearest.is_some_and(|nearest| stack.is_host(nearest))
    }

    #[test]
    fn the_host_is_meant_where_it_stands_alone() {
        assert!(is_host(&[RUNTIME, HOST, RUNTIME]));
        assert!(is_host(&[RUNTIME, WRAPPER, HOST]));
        for frames in [
            &[RUNTIME, RUNTIME][..],
            &[RUNTIME, WRAPPER],
            &[RUNTIME, HOST, REFLECTION, RUNTIME],
            &[RUNTIME, REFLECTION, HOST],
            &[RUNTIME, HOST, SUBJECT],
            &[RUNTIME, SUBJECT, HOST],
        ] {
            assert!(!is_host(frames), "{frames:?}");
        }
    }
}
