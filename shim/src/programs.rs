//! The calls that start programs: who asks is judged first, by the return address, and then the row
//! does its work as those of [`crate::hooks`] do.

#![expect(unsafe_code, reason = "rows expand to exported functions; nobody writes unsafe here")]
#![expect(non_snake_case, reason = "libc's names")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where code lies is what a door answers")]

use core::ffi::c_int;
use core::ptr::null_mut;

use libc::{FILE, pid_t};

use crate::act::start::Spawning;
use crate::act::{shell, start, thread};
use crate::arm::{NOT_FENCED, armed};
use crate::doors::{self, Next, Registers, answer, door_body, fail};
use crate::hooks::{Actions, Attributes, Fd, List, Str, Words};
use crate::interpose::{Hook, hooks};
use crate::report::Call;
use crate::sys::{self, CWD};

/// A call that starts a program.
struct Starter {
    name: &'static str,
    /// What does the work.
    entry: Next,
    refused: Refused,
}

// SAFETY: a name and the address of code; both are constants.
unsafe impl Sync for Starter {}

/// What a call returns when it is refused.
#[derive(Clone, Copy)]
enum Refused {
    /// -1: errno says why.
    Minus,
    /// Null: errno says why.
    Null,
    /// The error number itself.
    Number,
}

/// Makes rows as [`hooks!`] does, each behind a door of its own; and doors to functions of others
/// that answer -1: `symbol => function;`.
macro_rules! programs {
    (
        lists { $($other:ident => $entry:path;)* }
        $(
            $name:ident ( $($arg:ident : $ty:ty),* ) -> $ret:ty,
            deny ($($deny:tt)*) => $($act:ident)::+ ( $($give:expr),* );
        )*
    ) => {
        /// What does the work behind the doors.
        pub(crate) mod inner {
            use super::*;
            $(
                const _: () = {
                    #[expect(unused, reason = "it is compared with the row, not called")]
                    const PROTOTYPE: hooks!(@type ($($ty),*) () -> $ret) =
                        crate::hooks::prototypes::$name;
                };
                pub(crate) unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                    let state = armed();
                    let call = Call(stringify!($name));
                    // SAFETY: the caller called a libc function, with what that demands.
                    let answer = unsafe { $($act)::+(state, call, $($give),*) };
                    hooks!(@answer ($($deny)*), answer)
                }
            )*
        }

        /// The numbers of the doors, by their names.
        #[expect(non_camel_case_types, reason = "libc's names")]
        #[derive(Clone, Copy)]
        enum Number { $($name,)* $($other,)* }

        static TABLE: &[Starter] = &[
            $(Starter {
                name: stringify!($name),
                entry: inner::$name as Next,
                refused: programs!(@refused ($($deny)*)),
            },)*
            $(Starter {
                name: stringify!($other),
                entry: $entry as Next,
                refused: Refused::Minus,
            },)*
        ];

        programs!(@doors $($name)* $($other)*);
    };
    (@doors $($name:ident)*) => {
        $(
            #[unsafe(naked)]
            #[cfg_attr(not(test), unsafe(no_mangle))]
            unsafe extern "C" fn $name() {
                door_body!(judge, Number::$name as u32)
            }
        )*

        /// Every hook of this file.
        pub(crate) static PROGRAMS: &[Hook] = &[$(
            Hook { name: concat!(stringify!($name), "\0").as_bytes(), entry: $name as Next },
        )*];
    };
    (@refused (errno)) => { Refused::Number };
    (@refused (-1)) => { Refused::Minus };
    (@refused (null_mut())) => { Refused::Null };
}

extern "C" fn judge(registers: &mut Registers, number: u32) -> Next {
    let state = armed();
    let Some(starter) = TABLE.get(number as usize) else { sys::exit(NOT_FENCED) };
    match thread::may_start(state, Call(starter.name), registers.frame()) {
        Ok(()) => starter.entry,
        Err(errno) => match starter.refused {
            Refused::Minus => fail(registers, errno),
            Refused::Null => {
                sys::set_errno(errno);
                answer(registers, 0)
            }
            Refused::Number => answer(registers, errno.0.cast_unsigned() as usize),
        },
    }
}

programs! {
    lists {
        execl => doors::execl;
        execle => doors::execle;
        execlp => doors::execlp;
    }

    execve(path: Str, arguments: List, environment: List) -> c_int, deny (-1) => start::at(CWD, path, arguments, environment, 0);
    execveat(dir: Fd, path: Str, arguments: Words, environment: Words, flags: c_int) -> c_int, deny (-1) => start::at(dir, path, arguments.cast(), environment.cast(), flags);
    execv(path: Str, arguments: List) -> c_int, deny (-1) => start::here(path, arguments);
    execvp(file: Str, arguments: List) -> c_int, deny (-1) => start::search_here(file, arguments);
    execvpe(file: Str, arguments: List, environment: List) -> c_int, deny (-1) => start::search(file, arguments, environment);
    fexecve(fd: c_int, arguments: List, environment: List) -> c_int, deny (-1) => start::descriptor(fd, arguments, environment);
    posix_spawn(process: *mut pid_t, path: Str, actions: Actions, attributes: Attributes, arguments: Words, environment: Words) -> c_int, deny (errno) => start::spawn(path, false, Spawning { process, actions, attributes, arguments, environment });
    posix_spawnp(process: *mut pid_t, file: Str, actions: Actions, attributes: Attributes, arguments: Words, environment: Words) -> c_int, deny (errno) => start::spawn(file, true, Spawning { process, actions, attributes, arguments, environment });
    system(command: Str) -> c_int, deny (-1) => shell::system(command);
    __libc_system(command: Str) -> c_int, deny (-1) => shell::system(command);
    popen(command: Str, mode: Str) -> *mut FILE, deny (null_mut()) => shell::popen(command, mode);
    _IO_popen(command: Str, mode: Str) -> *mut FILE, deny (null_mut()) => shell::popen(command, mode);
    _IO_proc_open(file: *mut FILE, command: Str, mode: Str) -> *mut FILE, deny (null_mut()) => shell::refuse_reuse(file, command, mode);
}
