//! The calls that are judged by what they touch, whatever their arguments, and then left to libc:
//! they read a file which libc finds by itself, or give names another meaning.
//!
//! One row a symbol: what it touches, and what it returns when it may not. libc's own function is
//! looked for when it is called: there are many of these, and they are slow and rare.

#![expect(unsafe_code, reason = "naked functions, and libc's own functions by their names")]
#![expect(clippy::fn_to_numeric_cast_any, reason = "where code lies is what a gate answers")]

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
    touches: Secret,
    refused: Refused,
}

/// `EAI_SYSTEM` of netdb.h: errno says why.
const EAI_SYSTEM: isize = -11;
/// `RPC_UNKNOWNHOST` of rpc/clnt.h.
const UNKNOWN_HOST: isize = 13;
/// getdate(3): the template file cannot be opened for reading.
const NO_TEMPLATE: isize = 2;

macro_rules! gates {
    ($($name:ident touches $touches:ident, refused $refused:expr;)*) => {
        /// The numbers of the gates, by their names.
        #[expect(non_camel_case_types, reason = "libc's names")]
        #[derive(Clone, Copy)]
        enum Number { $($name,)* }

        static TABLE: &[Gate] = &[$(
            Gate { name: concat!(stringify!($name), "\0"), touches: Secret::$touches, refused: $refused },
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
    let Err(errno) = judge(state, call, gate.touches) else {
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
    // What mounts, or opens by other names than paths.
    mount touches Names, refused Minus;
    umount touches Names, refused Minus;
    umount2 touches Names, refused Minus;
    pivot_root touches Names, refused Minus;
    open_tree touches Names, refused Minus;
    move_mount touches Names, refused Minus;
    fsopen touches Names, refused Minus;
    fspick touches Names, refused Minus;
    fsconfig touches Names, refused Minus;
    fsmount touches Names, refused Minus;
    mount_setattr touches Names, refused Minus;
    acct touches Names, refused Minus;
    swapon touches Names, refused Minus;
    swapoff touches Names, refused Minus;
    quotactl touches Names, refused Minus;
    open_by_handle_at touches Handles, refused Minus;

    // The passwords of users and groups.
    setspent touches Shadow, refused Null;
    getspent touches Shadow, refused Null;
    getspent_r touches Shadow, refused Failure;
    getspnam touches Shadow, refused Null;
    getspnam_r touches Shadow, refused Failure;
    setsgent touches GroupShadow, refused Null;
    getsgent touches GroupShadow, refused Null;
    getsgent_r touches GroupShadow, refused Failure;
    getsgnam touches GroupShadow, refused Null;
    getsgnam_r touches GroupShadow, refused Failure;
    // What libc itself calls for them, and exports to its modules: -1 is "unavailable".
    _nss_files_setspent touches Shadow, refused Minus;
    _nss_files_getspent_r touches Shadow, refused Minus;
    _nss_files_getspnam_r touches Shadow, refused Minus;
    _nss_files_setsgent touches GroupShadow, refused Minus;
    _nss_files_getsgent_r touches GroupShadow, refused Minus;
    _nss_files_getsgnam_r touches GroupShadow, refused Minus;

    // Mounts, with their credentials; the host's number; the passwords for remote hosts.
    setfsent touches Mounts, refused Null;
    getfsent touches Mounts, refused Null;
    getfsfile touches Mounts, refused Null;
    getfsspec touches Mounts, refused Null;
    sethostid touches HostNumber, refused Minus;
    ruserpass touches RemotePasswords, refused Minus;
    rexec touches RemoteHost, refused Minus;
    rexec_af touches RemoteHost, refused Minus;

    // What a program that was compiled with -pg calls at its end.
    _mcleanup touches Profile, refused Null;

    // Dates, by the templates of a file.
    getdate touches DateTemplates, refused Null;
    getdate_r touches DateTemplates, refused Own(NO_TEMPLATE);

    // The resolver, which prints a file that RESOLV_HOST_CONF names and sends one of HOSTALIASES.
    getaddrinfo touches ResolverFiles, refused Own(EAI_SYSTEM);
    getnameinfo touches ResolverFiles, refused Own(EAI_SYSTEM);
    gethostbyname touches ResolverFiles, refused Null;
    gethostbyname2 touches ResolverFiles, refused Null;
    gethostbyaddr touches ResolverFiles, refused Null;
    gethostent touches ResolverFiles, refused Null;
    gethostbyname_r touches ResolverFiles, refused Failure;
    gethostbyname2_r touches ResolverFiles, refused Failure;
    gethostbyaddr_r touches ResolverFiles, refused Failure;
    gethostent_r touches ResolverFiles, refused Failure;
    sethostent touches ResolverFiles, refused Null;
    endhostent touches ResolverFiles, refused Null;
    getnetbyname_r touches ResolverFiles, refused Failure;
    getnetbyaddr touches ResolverFiles, refused Null;
    getnetbyaddr_r touches ResolverFiles, refused Failure;
    getnetbyname touches ResolverFiles, refused Null;
    getnetent touches ResolverFiles, refused Null;
    getnetent_r touches ResolverFiles, refused Failure;
    setnetent touches ResolverFiles, refused Null;
    endnetent touches ResolverFiles, refused Null;
    ether_ntohost touches ResolverFiles, refused Minus;
    gethostid touches ResolverFiles, refused Minus;
    rcmd touches ResolverFiles, refused Minus;
    rcmd_af touches ResolverFiles, refused Minus;
    getrpcport touches ResolverFiles, refused Null;
    clnt_create touches ResolverFiles, refused Null;
    callrpc touches ResolverFiles, refused Own(UNKNOWN_HOST);
    __nss_hosts_lookup2 touches ResolverFiles, refused Minus;
    __nss_hostname_digits_dots touches ResolverFiles, refused Null;
    _nss_dns_getcanonname_r touches ResolverFiles, refused Minus;
    _nss_dns_gethostbyaddr2_r touches ResolverFiles, refused Minus;
    _nss_dns_gethostbyaddr_r touches ResolverFiles, refused Minus;
    _nss_dns_gethostbyname_r touches ResolverFiles, refused Minus;
    _nss_dns_gethostbyname2_r touches ResolverFiles, refused Minus;
    _nss_dns_gethostbyname3_r touches ResolverFiles, refused Minus;
    _nss_dns_gethostbyname4_r touches ResolverFiles, refused Minus;
    _nss_dns_getnetbyaddr_r touches ResolverFiles, refused Minus;
    _nss_dns_getnetbyname_r touches ResolverFiles, refused Minus;
    ruserok touches ResolverFiles, refused Minus;
    ruserok_af touches ResolverFiles, refused Minus;
    iruserok touches ResolverFiles, refused Minus;
    iruserok_af touches ResolverFiles, refused Minus;
    __res_init touches ResolverFiles, refused Minus;
    __res_ninit touches ResolverFiles, refused Minus;
    __res_mkquery touches ResolverFiles, refused Minus;
    res_mkquery touches ResolverFiles, refused Minus;
    __res_query touches ResolverFiles, refused Minus;
    res_query touches ResolverFiles, refused Minus;
    __res_querydomain touches ResolverFiles, refused Minus;
    res_querydomain touches ResolverFiles, refused Minus;
    __res_search touches ResolverFiles, refused Minus;
    res_search touches ResolverFiles, refused Minus;
    __res_nsearch touches ResolverFiles, refused Minus;
    res_nsearch touches ResolverFiles, refused Minus;
    __res_context_search touches ResolverFiles, refused Minus;
    __res_context_hostalias touches ResolverFiles, refused Null;
    __res_send touches ResolverFiles, refused Minus;
    res_send touches ResolverFiles, refused Minus;
}
