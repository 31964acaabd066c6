//! The prototypes that rows are compared with: the libc crate's, and those of names that it lacks.

#![expect(unsafe_code, reason = "declares libc's functions")]

use super::{
    Compare, Detailed, Entries, Entry, Failed, Fd, Order, Select, Str, Stream, Visit, Words,
};
use super::{c_char, c_int, c_uint, c_ulong, c_void};
pub(crate) use libc::*;

unsafe extern "C" {
    pub(crate) fn __open(path: Str, flags: c_int, ...) -> c_int;
    pub(crate) fn __open64(path: Str, flags: c_int, ...) -> c_int;
    pub(crate) fn __open_nocancel(path: Str, flags: c_int, ...) -> c_int;
    pub(crate) fn __open64_nocancel(path: Str, flags: c_int, ...) -> c_int;
    pub(crate) fn __open_2(path: Str, flags: c_int) -> c_int;
    pub(crate) fn __open64_2(path: Str, flags: c_int) -> c_int;
    pub(crate) fn __openat_2(dir: Fd, path: Str, flags: c_int) -> c_int;
    pub(crate) fn __openat64_2(dir: Fd, path: Str, flags: c_int) -> c_int;
    pub(crate) fn _IO_fopen(path: Str, mode: Str) -> *mut FILE;
    pub(crate) fn __nss_files_fopen(path: Str) -> *mut FILE;
    pub(crate) fn __nss_files_data_open(
        d: *mut *mut c_void,
        f: c_int,
        p: Str,
        e: *mut c_int,
        r: *mut c_int,
    ) -> c_int;
    pub(crate) fn __nss_files_data_setent(f: c_int, p: Str) -> c_int;
    pub(crate) fn _IO_file_open(
        f: *mut FILE,
        p: Str,
        o: c_int,
        m: c_int,
        k: c_int,
        s: c_int,
    ) -> *mut FILE;
    pub(crate) fn _IO_file_fopen(f: *mut FILE, p: Str, m: Str, s: c_int) -> *mut FILE;
    pub(crate) fn name_to_handle_at(
        d: Fd,
        p: Str,
        h: *mut file_handle,
        m: *mut c_int,
        f: c_int,
    ) -> c_int;
    pub(crate) fn __xmknod(v: c_int, p: Str, m: mode_t, d: *mut dev_t) -> c_int;
    pub(crate) fn __xmknodat(v: c_int, a: Fd, p: Str, m: mode_t, d: *mut dev_t) -> c_int;
    pub(crate) fn lchmod(path: Str, mode: mode_t) -> c_int;
    pub(crate) fn futimesat(dir: Fd, path: Str, times: *const timeval) -> c_int;
    pub(crate) fn catopen(name: Str, flag: c_int) -> *mut c_void;
    pub(crate) fn mkstemp64(template: *mut c_char) -> c_int;
    pub(crate) fn mkostemp64(template: *mut c_char, flags: c_int) -> c_int;
    pub(crate) fn mkstemps64(template: *mut c_char, suffix: c_int) -> c_int;
    pub(crate) fn mkostemps64(template: *mut c_char, suffix: c_int, flags: c_int) -> c_int;
    pub(crate) fn __mq_open_2(name: Str, flags: c_int) -> mqd_t;
    pub(crate) fn __setmntent(path: Str, mode: Str) -> *mut FILE;
    pub(crate) fn __xstat(v: c_int, path: Str, buffer: *mut stat) -> c_int;
    pub(crate) fn __xstat64(v: c_int, path: Str, buffer: *mut stat64) -> c_int;
    pub(crate) fn __lxstat(v: c_int, path: Str, buffer: *mut stat) -> c_int;
    pub(crate) fn __lxstat64(v: c_int, path: Str, buffer: *mut stat64) -> c_int;
    pub(crate) fn __fxstatat(v: c_int, d: Fd, p: Str, b: *mut stat, f: c_int) -> c_int;
    pub(crate) fn __fxstatat64(v: c_int, d: Fd, p: Str, b: *mut stat64, f: c_int) -> c_int;
    pub(crate) fn __readlink_chk(p: Str, b: *mut c_char, s: size_t, r: size_t) -> ssize_t;
    pub(crate) fn __readlinkat_chk(d: Fd, p: Str, b: *mut c_char, s: size_t, r: size_t) -> ssize_t;
    pub(crate) fn __realpath_chk(p: Str, resolved: *mut c_char, room: size_t) -> *mut c_char;
    pub(crate) fn __connect(s: Fd, address: *const sockaddr, length: socklen_t) -> c_int;
    pub(crate) fn clntunix_create(
        t: *mut c_void,
        p: c_ulong,
        v: c_ulong,
        s: *mut c_int,
        o: c_uint,
        i: c_uint,
    ) -> *mut c_void;
    pub(crate) fn svcunix_create(s: c_int, o: c_uint, i: c_uint, p: *mut c_char) -> *mut c_void;
    pub(crate) fn __sendmmsg(s: Fd, m: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int;
    pub(crate) fn __libc_system(command: Str) -> c_int;
    pub(crate) fn _IO_popen(command: Str, mode: Str) -> *mut FILE;
    pub(crate) fn _IO_proc_open(file: *mut FILE, command: Str, mode: Str) -> *mut FILE;
    pub(crate) fn scandir(p: Str, n: Entries, s: Select, o: Order) -> c_int;
    pub(crate) fn scandir64(p: Str, n: Entries, s: Select, o: Order) -> c_int;
    pub(crate) fn scandirat(d: Fd, p: Str, n: Entries, s: Select, o: Order) -> c_int;
    pub(crate) fn scandirat64(d: Fd, p: Str, n: Entries, s: Select, o: Order) -> c_int;
    pub(crate) fn glob(p: Str, flags: c_int, e: Failed, into: *mut c_void) -> c_int;
    pub(crate) fn glob64(p: Str, flags: c_int, e: Failed, into: *mut c_void) -> c_int;
    pub(crate) fn ftw(start: Str, visit: Visit, descriptors: c_int) -> c_int;
    pub(crate) fn ftw64(start: Str, visit: Visit, descriptors: c_int) -> c_int;
    pub(crate) fn nftw(start: Str, visit: Detailed, n: c_int, flags: c_int) -> c_int;
    pub(crate) fn nftw64(start: Str, visit: Detailed, n: c_int, flags: c_int) -> c_int;
    pub(crate) fn fts_open(s: Words, options: c_int, c: Compare) -> *mut Stream;
    pub(crate) fn fts_read(w: *mut Stream) -> *mut Entry;
    pub(crate) fn fts_children(w: *mut Stream, wanted: c_int) -> *mut Entry;
    pub(crate) fn fts_set(w: *mut Stream, e: *mut Entry, wanted: c_int) -> c_int;
    pub(crate) fn fts_close(w: *mut Stream) -> c_int;
    pub(crate) fn fts64_open(s: Words, options: c_int, c: Compare) -> *mut Stream;
    pub(crate) fn fts64_read(w: *mut Stream) -> *mut Entry;
    pub(crate) fn fts64_children(w: *mut Stream, wanted: c_int) -> *mut Entry;
    pub(crate) fn fts64_set(w: *mut Stream, e: *mut Entry, wanted: c_int) -> c_int;
    pub(crate) fn fts64_close(w: *mut Stream) -> c_int;
    pub(crate) fn __open_catalog(n: Str, p: Str, v: Str, c: *mut c_void) -> c_int;
    pub(crate) fn __file_change_detection_for_path(i: *mut c_void, p: Str) -> c_int;
    pub(crate) fn updwtmp(path: Str, record: *const utmpx);
    pub(crate) fn updwtmpx(path: Str, record: *const utmpx);
    pub(crate) fn wordexp(words: Str, into: *mut c_void, flags: c_int) -> c_int;
    pub(crate) fn execveat(d: Fd, p: Str, a: Words, e: Words, f: c_int) -> c_int;
    pub(crate) fn pidfd_getfd(process: c_int, fd: c_int, flags: c_uint) -> c_int;
    pub(crate) fn canonicalize_file_name(path: Str) -> *mut c_char;
    pub(crate) fn __statfs(path: Str, buffer: *mut statfs) -> c_int;
}
