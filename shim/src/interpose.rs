//! How a libc symbol becomes a hook, and how a hook reaches libc's own definition.

#![expect(unsafe_code, reason = "the border to the callers and to libc")]

use core::ffi::{CStr, c_char, c_int, c_long, c_void};

use crate::act::glob::Failed;
use crate::act::scan::Order;
use crate::elf::Object;

/// One interposed symbol.
pub(crate) struct Hook {
    /// Its name, with the NUL.
    pub(crate) name: &'static [u8],
    /// Our definition.
    pub(crate) entry: *const c_void,
}

// SAFETY: a hook is a name and the address of code; both are constants.
unsafe impl Sync for Hook {}

/// Makes the rows of the hook table: `symbol(arguments) -> return, deny (value) => act(arguments);`
///
/// Each row becomes the exported symbol, a check of its prototype against the libc crate's, and an
/// entry of the list. The act gets the state, the call's name and what stands in the parentheses;
/// it judges and does the call. Its error becomes errno and the `deny` value, or, for a row with
/// `deny (errno)`, the return value itself.
///
/// `... mode: mode_t` stands for a function that C declares with `...` and of which we read one
/// more register argument, or two: on x86-64 and AArch64 Linux variadic arguments travel as others do.
macro_rules! hooks {
    ($(
        $name:ident ( $($arg:ident : $ty:ty),* $(, ... $($more:ident : $more_ty:ty),+)? ) -> $ret:ty,
        deny ($($deny:tt)*) => $($act:ident)::+ ( $($give:expr),* );
    )*) => {
        $(
            const _: () = {
                #[expect(unused, reason = "it is compared with the row, not called")]
                const PROTOTYPE: hooks!(@type ($($ty),*) ($($($more)+)?) -> $ret) =
                    $crate::hooks::prototypes::$name;
            };
            #[cfg_attr(not(test), unsafe(no_mangle))]
            unsafe extern "C" fn $name($($arg: $ty,)* $($($more: $more_ty),+)?) -> $ret {
                let state = $crate::arm::armed();
                let call = $crate::report::Call(stringify!($name));
                // SAFETY: the caller called a libc function, with what that demands.
                let answer = unsafe { $($act)::+(state, call, $($give),*) };
                hooks!(@answer ($($deny)*), answer)
            }
        )*
        /// Every interposed symbol of this table.
        #[expect(clippy::fn_to_numeric_cast_any, reason = "functions of many types in one list")]
        pub(crate) static HOOKS: &[$crate::interpose::Hook] = &[$(
            $crate::interpose::Hook {
                name: concat!(stringify!($name), "\0").as_bytes(),
                entry: hooks!(@entry ($($ty),*) ($($($more_ty),+)?) -> $ret, $name),
            },
        )*];
    };
    (@entry ($($ty:ty),*) ($($more:ty),*) -> $ret:ty, $name:ident) => {
        $name as unsafe extern "C" fn($($ty,)* $($more),*) -> $ret as *const core::ffi::c_void
    };
    (@type ($($ty:ty),*) () -> $ret:ty) => { unsafe extern "C" fn($($ty),*) -> $ret };
    (@type ($($ty:ty),*) ($($more:ident)+) -> $ret:ty) => {
        unsafe extern "C" fn($($ty),*, ...) -> $ret
    };
    (@answer (errno), $answer:ident) => {
        match $answer {
            Ok(()) => 0,
            Err(errno) => errno.0,
        }
    };
    (@answer ($deny:expr), $answer:ident) => {
        match $answer {
            Ok(value) => value,
            Err(errno) => {
                $crate::sys::set_errno(errno);
                $deny
            }
        }
    };
}
pub(crate) use hooks;

/// An order of objects in a tree.
type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
/// What frees an object.
type Free = unsafe extern "C" fn(*mut c_void);

/// Declares [`Next`]: libc's own definitions of functions that a hook lets do the work.
macro_rules! nexts {
    ($($(#[$doc:meta])* $name:ident : fn($($ty:ty),*) -> $ret:ty;)*) => {
        /// libc's own definitions, found in its tables when the shim arms.
        ///
        /// They are libc's, not another preload's: what the shim lets through is not handed to a
        /// library that might call our hook again.
        #[derive(Clone, Copy)]
        pub(crate) struct Next {
            $($(#[$doc])* pub(crate) $name: unsafe extern "C" fn($($ty),*) -> $ret,)*
        }

        impl Next {
            /// Finds every one of them.
            ///
            /// # Errors
            /// The name that neither libc nor ld.so defines.
            pub(crate) fn find(libc: Object, loader: Option<Object>) -> Result<Self, &'static CStr> {
                Ok(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        let name = CStr::from_bytes_with_nul(name.as_bytes()).unwrap_or_default();
                        let address = address(libc, loader, name)?;
                        // SAFETY: it is libc's function of that name, whose type the row states.
                        unsafe {
                            core::mem::transmute::<
                                *const c_void,
                                unsafe extern "C" fn($($ty),*) -> $ret,
                            >(address)
                        }
                    },)*
                })
            }
        }
    };
}

fn address(
    libc: Object,
    loader: Option<Object>,
    name: &'static CStr,
) -> Result<*const c_void, &'static CStr> {
    let address = libc.symbol(name).or_else(|| loader?.symbol(name)).ok_or(name)?;
    Ok(core::ptr::with_exposed_provenance(address))
}

nexts! {
    /// Makes a stream of a descriptor.
    fdopen: fn(c_int, *const c_char) -> *mut libc::FILE;
    /// Makes a directory stream of a descriptor.
    fdopendir: fn(c_int) -> *mut libc::DIR;
    /// Opens a stream; for fixed names only.
    fopen: fn(*const c_char, *const c_char) -> *mut libc::FILE;
    /// Opens a stream anew; for fixed names only.
    freopen: fn(*const c_char, *const c_char, *mut libc::FILE) -> *mut libc::FILE;
    /// The descriptor of a stream.
    fileno: fn(*mut libc::FILE) -> c_int;
    /// How a stream is locked.
    __fsetlocking: fn(*mut libc::FILE, c_int) -> c_int;
    /// The file system of a descriptor, as POSIX describes it.
    fstatvfs: fn(c_int, *mut libc::statvfs) -> c_int;
    /// A limit of what a descriptor holds.
    fpathconf: fn(c_int, c_int) -> c_long;
    /// Closes a stream.
    fclose: fn(*mut libc::FILE) -> c_int;
    /// Closes a stream and waits for what it was opened to.
    pclose: fn(*mut libc::FILE) -> c_int;
    /// Expands a text as a shell does.
    wordexp: fn(*const c_char, *mut c_void, c_int) -> c_int;
    /// Loads a library.
    dlopen: fn(*const c_char, c_int) -> *mut c_void;
    /// Loads a library into a name space.
    dlmopen: fn(c_long, *const c_char, c_int) -> *mut c_void;
    /// Finds a symbol.
    dlsym: fn(*mut c_void, *const c_char) -> *mut c_void;
    /// Finds a symbol of a version.
    dlvsym: fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;
    /// Unloads a library.
    dlclose: fn(*mut c_void) -> c_int;
    /// Makes a thread.
    pthread_create: fn(*mut c_void, *const c_void, *const c_void, *mut c_void) -> c_int;
    /// Makes a thread, as C itself has it.
    thrd_create: fn(*mut c_void, *const c_void, *mut c_void) -> c_int;
    /// The object that an address lies in.
    dladdr: fn(*const c_void, *mut c_void) -> c_int;
    /// Makes a process or a thread; only ever jumped to.
    clone: fn() -> c_int;
    /// Traces another process; only ever jumped to.
    ptrace: fn() -> c_long;
    /// Makes a system call; only ever jumped to.
    syscall: fn() -> c_long;
    /// Makes a file without a name in `/tmp`.
    tmpfile: fn() -> *mut libc::FILE;
    /// Names the file of logins.
    utmpname: fn(*const c_char) -> c_int;
    /// Sets a variable of the environment.
    setenv: fn(*const c_char, *const c_char, c_int) -> c_int;
    /// Puts a text with a variable into the environment.
    putenv: fn(*mut c_char) -> c_int;
    /// Opens a catalog of messages.
    catopen: fn(*const c_char, c_int) -> *mut c_void;
    /// Opens a named semaphore.
    sem_open: fn(*const c_char, c_int, libc::mode_t, core::ffi::c_uint) -> *mut libc::sem_t;
    /// Connects a socket.
    connect: fn(c_int, *const libc::sockaddr, libc::socklen_t) -> c_int;
    /// Gives a socket an address.
    bind: fn(c_int, *const libc::sockaddr, libc::socklen_t) -> c_int;
    /// Sends to an address.
    sendto: fn(c_int, *const c_void, usize, c_int, *const libc::sockaddr, libc::socklen_t) -> isize;
    /// Sends a message.
    sendmsg: fn(c_int, *const libc::msghdr, c_int) -> isize;
    /// Sends messages.
    sendmmsg: fn(c_int, *mut libc::mmsghdr, core::ffi::c_uint, c_int) -> c_int;
    /// Memory that the caller will free.
    malloc: fn(usize) -> *mut c_void;
    /// Memory of another size, with what was in it.
    realloc: fn(*mut c_void, usize) -> *mut c_void;
    /// Gives memory back.
    free: fn(*mut c_void) -> ();
    /// The next entry of a directory stream.
    readdir: fn(*mut libc::DIR) -> *mut libc::dirent;
    /// Closes a directory stream.
    closedir: fn(*mut libc::DIR) -> c_int;
    /// The descriptor of a directory stream.
    dirfd: fn(*mut libc::DIR) -> c_int;
    /// Finds an object in a tree.
    tfind: fn(*const c_void, *const *mut c_void, Compare) -> *mut c_void;
    /// Finds an object in a tree, or puts it there.
    tsearch: fn(*mut c_void, *mut *mut c_void, Compare) -> *mut c_void;
    /// Frees a tree and its objects.
    tdestroy: fn(*mut c_void, Free) -> ();
    /// Sorts the entries of a directory.
    qsort: fn(*mut c_void, usize, usize, Order) -> ();
    /// Finds paths by a pattern; only with functions of ours or of the caller's.
    glob: fn(*const c_char, c_int, Failed, *mut c_void) -> c_int;
    /// Frees what was found.
    globfree: fn(*mut c_void) -> ();
}
