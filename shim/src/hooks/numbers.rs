//! Which row does what a system call's number does.

#![expect(unsafe_code, reason = "takes functions of many types for one")]

use core::ffi::{c_long, c_void};

use super::{
    access, bind, chdir, chmod, chown, chroot, connect, creat, faccessat, fanotify_init,
    fanotify_mark, fchdir, fchmod, fchown, fchownat, fremovexattr, fsetxattr, fstatat, futimesat,
    getxattr, inotify_add_watch, lchown, lgetxattr, link, linkat, listxattr, llistxattr,
    lremovexattr, lsetxattr, lstat, mkdir, mkdirat, mknod, mknodat, mq_open, mq_unlink,
    name_to_handle_at, open, openat, readlink, readlinkat, removexattr, rename, renameat,
    renameat2, rmdir, sendmmsg, sendmsg, sendto, setxattr, stat, statfs, statx, symlink, symlinkat,
    truncate, unlink, unlinkat, unshare, utime, utimes,
};
use crate::programs::inner::{execve, execveat};

/// A function of up to six words.
type Function = unsafe extern "C" fn(usize, usize, usize, usize, usize, usize) -> usize;

/// The function that a system call's number stands for.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) entry: Function,
    /// What of its answer counts.
    pub(crate) returns: Returns,
}

/// What of a register a function's answer fills.
#[derive(Clone, Copy)]
pub(crate) enum Returns {
    /// The lower half, with a sign.
    Int,
    /// All of it.
    Word,
}

/// A C int's register, with its sign in the upper half.
#[expect(clippy::cast_possible_truncation, reason = "the upper half of the register is noise")]
pub(crate) const fn int(word: usize) -> usize {
    ((word as u32).cast_signed() as isize).cast_unsigned()
}

/// Makes [`row_of`]: `number => row, what it returns;`
macro_rules! numbers {
    ($($number:ident => $name:ident, $returns:ident;)*) => {
        /// The row that does what a system call's number does; those without one are in
        /// [`crate::act::number`].
        pub(crate) fn row_of(call: c_long) -> Option<Row> {
            #[expect(clippy::fn_to_numeric_cast_any, reason = "functions of many types in one list")]
            let (entry, returns) = match call {
                $(libc::$number => ($name as *const c_void, Returns::$returns),)*
                _ => return None,
            };
            // SAFETY: each takes at most six words in registers; one of fewer does not look at the
            // others.
            let entry = unsafe { core::mem::transmute::<*const c_void, Function>(entry) };
            Some(Row { entry, returns })
        }
    };
}

numbers! {
    SYS_open => open, Int;
    SYS_openat => openat, Int;
    SYS_creat => creat, Int;
    SYS_stat => stat, Int;
    SYS_lstat => lstat, Int;
    SYS_newfstatat => fstatat, Int;
    SYS_statx => statx, Int;
    SYS_access => access, Int;
    SYS_faccessat2 => faccessat, Int;
    SYS_readlink => readlink, Word;
    SYS_readlinkat => readlinkat, Word;
    SYS_statfs => statfs, Int;
    SYS_mq_open => mq_open, Int;
    SYS_getxattr => getxattr, Word;
    SYS_lgetxattr => lgetxattr, Word;
    SYS_listxattr => listxattr, Word;
    SYS_llistxattr => llistxattr, Word;
    SYS_inotify_add_watch => inotify_add_watch, Int;
    SYS_fanotify_init => fanotify_init, Int;
    SYS_fanotify_mark => fanotify_mark, Int;
    SYS_name_to_handle_at => name_to_handle_at, Int;
    SYS_unlink => unlink, Int;
    SYS_unlinkat => unlinkat, Int;
    SYS_rmdir => rmdir, Int;
    SYS_mkdir => mkdir, Int;
    SYS_mkdirat => mkdirat, Int;
    SYS_mknod => mknod, Int;
    SYS_mknodat => mknodat, Int;
    SYS_symlink => symlink, Int;
    SYS_symlinkat => symlinkat, Int;
    SYS_mq_unlink => mq_unlink, Int;
    SYS_rename => rename, Int;
    SYS_renameat => renameat, Int;
    SYS_renameat2 => renameat2, Int;
    SYS_link => link, Int;
    SYS_linkat => linkat, Int;
    SYS_chmod => chmod, Int;
    SYS_fchmod => fchmod, Int;
    SYS_chown => chown, Int;
    SYS_lchown => lchown, Int;
    SYS_fchownat => fchownat, Int;
    SYS_fchown => fchown, Int;
    SYS_utime => utime, Int;
    SYS_utimes => utimes, Int;
    SYS_futimesat => futimesat, Int;
    SYS_truncate => truncate, Int;
    SYS_setxattr => setxattr, Int;
    SYS_lsetxattr => lsetxattr, Int;
    SYS_fsetxattr => fsetxattr, Int;
    SYS_removexattr => removexattr, Int;
    SYS_lremovexattr => lremovexattr, Int;
    SYS_fremovexattr => fremovexattr, Int;
    SYS_chdir => chdir, Int;
    SYS_fchdir => fchdir, Int;
    SYS_connect => connect, Int;
    SYS_bind => bind, Int;
    SYS_sendto => sendto, Word;
    SYS_sendmsg => sendmsg, Word;
    SYS_sendmmsg => sendmmsg, Int;
    SYS_execve => execve, Int;
    SYS_execveat => execveat, Int;
    SYS_unshare => unshare, Int;
    SYS_chroot => chroot, Int;
}
