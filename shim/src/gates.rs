//! The calls that read a file which libc finds by itself: judged, and then left to libc.
//!
//! One row a symbol: what it reads, and what it returns when it may not. libc's own function is
//! looked for when it is called: there are many of these, and they are slow and rare.

#![expect(unsafe_code, reason = "naked functions, and libc's own functions by their names")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where code lies is what a gate answers")]
#![cfg_attr(test, expect(non_snake_case, reason = "libc's names, not exported from tests"))]

use core::ffi::{CStr, c_void};

use crate::act::configured::{Secret, judge};
use crate::arm::armed;
use crate::doors::{Next, Registers, answer, door_body};
use crate::interpose::Hook;
use crate::report::Call;
use crate::sys::{self, Errno};

/// What a call returns when it is refused.
#[derive(Clone, Copy)]
enum Refused {
    /// Null, or 0 for "no": errno says why.
    Null,
    /// -1: errno says why.
    Minus,
    /// The error number itself.
    Number,
    /// A number of the function's own.
    Own(isize),
}

struct Gate {
    name: &'static str,
    reads: Secret,
    refused: Refused,
}

/// `EAI_SYSTEM` of netdb.h: errno says why.
const EAI_SYSTEM: isize = -11;
/// getdate(3): the template file cannot be opened for reading.
const NO_TEMPLATE: isize = 2;

macro_rules! gates {
    ($($name:ident reads $reads:ident, refused $refused:expr;)*) => {
        /// The numbers of the gates, by their names.
        #[expect(non_camel_case_types, reason = "libc's names")]
        #[derive(Clone, Copy)]
        enum Number { $($name,)* }

        static TABLE: &[Gate] = &[$(
            Gate { name: concat!(stringify!($name), "\0"), reads: Secret::$reads, refused: $refused },
        )*];

        $(
            #[unsafe(naked)]
            #[cfg_attr(not(test), unsafe(no_mangle))]
            unsafe extern "C" fn $name() {
                door_body!(pass, Number::$name as u32)
            }
        )*

        /// Every hook of this file.
        pub(crate) static GATES: &[Hook] = &[$(
            Hook { name: concat!(stringify!($name), "\0").as_bytes(), entry: $name as Next },
        )*];
    };
}

extern "C" fn pass(registers: &mut Registers, number: u32) -> Next {
    let state = armed();
    let Some(gate) = TABLE.get(number as usize) else { sys::exit(crate::arm::NOT_FENCED) };
    let call = Call(gate.name.trim_ascii_end().trim_end_matches('\0'));
    let Err(errno) = judge(state, call, gate.reads) else {
        return match CStr::from_bytes_with_nul(gate.name.as_bytes())
            .ok()
            .and_then(|name| state.symbols.symbol(name))
        {
            Some(address) => core::ptr::with_exposed_provenance::<c_void>(address),
            None => refuse(registers, gate.refused, Errno::ENOSYS),
        };
    };
    refuse(registers, gate.refused, errno)
}

fn refuse(registers: &mut Registers, refused: Refused, errno: Errno) -> Next {
    let value = match refused {
        Refused::Null => 0,
        Refused::Minus => -1,
        Refused::Number => return answer(registers, errno.0.cast_unsigned() as usize),
        Refused::Own(value) => value,
    };
    sys::set_errno(errno);
    answer(registers, value.cast_unsigned())
}

use Refused::{Minus, Null, Number as Failure, Own};

gates! {
    // The passwords of users and groups.
    setspent reads Shadow, refused Null;
    getspent reads Shadow, refused Null;
    getspent_r reads Shadow, refused Failure;
    getspnam reads Shadow, refused Null;
    getspnam_r reads Shadow, refused Failure;
    setsgent reads GroupShadow, refused Null;
    getsgent reads GroupShadow, refused Null;
    getsgent_r reads GroupShadow, refused Failure;
    getsgnam reads GroupShadow, refused Null;
    getsgnam_r reads GroupShadow, refused Failure;

    // Mounts, with their credentials; the host's number; the passwords for remote hosts.
    setfsent reads Mounts, refused Null;
    getfsent reads Mounts, refused Null;
    getfsfile reads Mounts, refused Null;
    getfsspec reads Mounts, refused Null;
    sethostid reads HostNumber, refused Minus;
    ruserpass reads RemotePasswords, refused Minus;
    rexec reads RemotePasswords, refused Minus;
    rexec_af reads RemotePasswords, refused Minus;

    // Dates, by the templates of a file.
    getdate reads DateTemplates, refused Null;
    getdate_r reads DateTemplates, refused Own(NO_TEMPLATE);

    // The resolver, which prints a file that RESOLV_HOST_CONF names and sends one of HOSTALIASES.
    getaddrinfo reads ResolverFiles, refused Own(EAI_SYSTEM);
    getaddrinfo_a reads ResolverFiles, refused Own(EAI_SYSTEM);
    getnameinfo reads ResolverFiles, refused Own(EAI_SYSTEM);
    gethostbyname reads ResolverFiles, refused Null;
    gethostbyname2 reads ResolverFiles, refused Null;
    gethostbyaddr reads ResolverFiles, refused Null;
    gethostent reads ResolverFiles, refused Null;
    gethostbyname_r reads ResolverFiles, refused Failure;
    gethostbyname2_r reads ResolverFiles, refused Failure;
    gethostbyaddr_r reads ResolverFiles, refused Failure;
    gethostent_r reads ResolverFiles, refused Failure;
    sethostent reads ResolverFiles, refused Null;
    endhostent reads ResolverFiles, refused Null;
    getnetbyname_r reads ResolverFiles, refused Failure;
    getnetbyaddr reads ResolverFiles, refused Null;
    getnetbyaddr_r reads ResolverFiles, refused Failure;
    ether_ntohost reads ResolverFiles, refused Minus;
    ruserok reads ResolverFiles, refused Minus;
    ruserok_af reads ResolverFiles, refused Minus;
    iruserok reads ResolverFiles, refused Minus;
    iruserok_af reads ResolverFiles, refused Minus;
    __res_init reads ResolverFiles, refused Minus;
    __res_ninit reads ResolverFiles, refused Minus;
    __res_mkquery reads ResolverFiles, refused Minus;
    res_mkquery reads ResolverFiles, refused Minus;
    __res_query reads ResolverFiles, refused Minus;
    res_query reads ResolverFiles, refused Minus;
    __res_querydomain reads ResolverFiles, refused Minus;
    res_querydomain reads ResolverFiles, refused Minus;
    __res_search reads ResolverFiles, refused Minus;
    res_search reads ResolverFiles, refused Minus;
    __res_send reads ResolverFiles, refused Minus;
    res_send reads ResolverFiles, refused Minus;
}
