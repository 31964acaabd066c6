//! The doors to a child that goes on in its creator's program. What it starts there is judged, but by
//! whom it was made is known only before it is: a child has no Java machine that could be asked. And
//! Python makes some only to start a program, which is refused best before there is one.

#![expect(unsafe_code, reason = "naked functions")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where code lies is what a door answers")]
#![cfg_attr(test, expect(non_snake_case, reason = "libc's name, not exported from tests"))]

use core::ffi::{CStr, c_void};

use crate::act::thread;
use crate::arm::{NOT_FENCED, armed};
use crate::doors::{Next, Registers, door_body, fail};
use crate::interpose::Hook;
use crate::report::Call;
use crate::sys::{self, Errno};

/// Makes doors and their list.
macro_rules! list {
    ($($name:ident)*) => {
        /// The numbers of the doors, by their names.
        #[expect(non_camel_case_types, reason = "libc's names")]
        #[derive(Clone, Copy)]
        enum Number { $($name,)* }

        static NAMES: &[&[u8]] = &[$(concat!(stringify!($name), "\0").as_bytes(),)*];

        $(
            #[unsafe(naked)]
            #[cfg_attr(not(test), unsafe(no_mangle))]
            unsafe extern "C" fn $name() {
                door_body!(judge, Number::$name as u32)
            }
        )*

        /// Every hook of this file.
        pub(crate) static CHILDREN: &[Hook] = &[$(
            Hook { name: concat!(stringify!($name), "\0").as_bytes(), entry: $name as Next },
        )*];
    };
}

list! {
    fork __fork __libc_fork _Fork vfork __vfork forkpty daemon
}

extern "C" fn judge(registers: &mut Registers, number: u32) -> Next {
    let state = armed();
    let Some(name) = NAMES.get(number as usize) else { sys::exit(NOT_FENCED) };
    if let Err(errno) = thread::may_make_child(state, Call("fork"), registers.frame()) {
        return fail(registers, errno);
    }
    let own = CStr::from_bytes_with_nul(name).ok().and_then(|name| state.symbols.symbol(name));
    match own {
        Some(address) => core::ptr::with_exposed_provenance::<c_void>(address),
        None => fail(registers, Errno::ENOSYS),
    }
}
