//! The hook table: one row a symbol, `symbol(arguments) -> return, on denial => act`.
//!
//! Each symbol stands for itself: libc calls none of its own functions through the PLT, so a hook
//! on `open` says nothing about `fopen`. A row is sound or absent.

#![expect(unsafe_code, reason = "rows expand to exported functions; nobody writes unsafe here")]

use core::ffi::{c_char, c_int, c_long, c_uint};
use core::ptr::null_mut;

use libc::{DIR, FILE, key_t, mode_t, size_t, ssize_t};

use crate::act::{look, open, stream};
use crate::interpose::hooks;
use crate::sys::CWD;

/// A C string of the caller's.
type Str = *const c_char;
/// The directory that a relative path starts from.
type Fd = c_int;

const NOFOLLOW: c_int = libc::AT_SYMLINK_NOFOLLOW;

hooks! {
    // Opening.
    open(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    open64(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    __open(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    __open64(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    __open_nocancel(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    __open64_nocancel(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    openat(dir: Fd, path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(dir, path, flags, mode);
    openat64(dir: Fd, path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(dir, path, flags, mode);
    __open_2(path: Str, flags: c_int) -> c_int, deny (-1) => open::open_existing(CWD, path, flags);
    __open64_2(path: Str, flags: c_int) -> c_int, deny (-1) => open::open_existing(CWD, path, flags);
    __openat_2(dir: Fd, path: Str, flags: c_int) -> c_int, deny (-1) => open::open_existing(dir, path, flags);
    __openat64_2(dir: Fd, path: Str, flags: c_int) -> c_int, deny (-1) => open::open_existing(dir, path, flags);
    creat(path: Str, mode: mode_t) -> c_int, deny (-1) => open::create(path, mode);
    creat64(path: Str, mode: mode_t) -> c_int, deny (-1) => open::create(path, mode);
    opendir(path: Str) -> *mut DIR, deny (null_mut()) => open::directory(path);
    fopen(path: Str, mode: Str) -> *mut FILE, deny (null_mut()) => stream::open(path, mode);
    fopen64(path: Str, mode: Str) -> *mut FILE, deny (null_mut()) => stream::open(path, mode);
    _IO_fopen(path: Str, mode: Str) -> *mut FILE, deny (null_mut()) => stream::open(path, mode);
    freopen(path: Str, mode: Str, file: *mut FILE) -> *mut FILE, deny (null_mut()) => stream::reopen(path, mode, file);
    freopen64(path: Str, mode: Str, file: *mut FILE) -> *mut FILE, deny (null_mut()) => stream::reopen(path, mode, file);
    setmntent(path: Str, mode: Str) -> *mut FILE, deny (null_mut()) => stream::mounts(path, mode);
    __setmntent(path: Str, mode: Str) -> *mut FILE, deny (null_mut()) => stream::mounts(path, mode);

    // Looking.
    stat(path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer, 0);
    stat64(path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer, 0);
    lstat(path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer, NOFOLLOW);
    lstat64(path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer, NOFOLLOW);
    fstatat(dir: Fd, path: Str, buffer: *mut libc::stat, flags: c_int) -> c_int, deny (-1) => look::stat_at(dir, path, buffer, flags);
    fstatat64(dir: Fd, path: Str, buffer: *mut libc::stat64, flags: c_int) -> c_int, deny (-1) => look::stat_at(dir, path, buffer, flags);
    __xstat(version: c_int, path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer, 0);
    __xstat64(version: c_int, path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer, 0);
    __lxstat(version: c_int, path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer, NOFOLLOW);
    __lxstat64(version: c_int, path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer, NOFOLLOW);
    __fxstatat(version: c_int, dir: Fd, path: Str, buffer: *mut libc::stat, flags: c_int) -> c_int, deny (-1) => look::stat_version(version, dir, path, buffer, flags);
    __fxstatat64(version: c_int, dir: Fd, path: Str, buffer: *mut libc::stat64, flags: c_int) -> c_int, deny (-1) => look::stat_version(version, dir, path, buffer, flags);
    statx(dir: Fd, path: Str, flags: c_int, mask: c_uint, buffer: *mut libc::statx) -> c_int, deny (-1) => look::statx(dir, path, flags, mask, buffer);
    access(path: Str, mode: c_int) -> c_int, deny (-1) => look::access(CWD, path, mode, 0);
    eaccess(path: Str, mode: c_int) -> c_int, deny (-1) => look::access(CWD, path, mode, libc::AT_EACCESS);
    euidaccess(path: Str, mode: c_int) -> c_int, deny (-1) => look::access(CWD, path, mode, libc::AT_EACCESS);
    faccessat(dir: Fd, path: Str, mode: c_int, flags: c_int) -> c_int, deny (-1) => look::access(dir, path, mode, flags);
    readlink(path: Str, buffer: *mut c_char, size: size_t) -> ssize_t, deny (-1) => look::read_link(CWD, path, buffer, size);
    readlinkat(dir: Fd, path: Str, buffer: *mut c_char, size: size_t) -> ssize_t, deny (-1) => look::read_link(dir, path, buffer, size);
    __readlink_chk(path: Str, buffer: *mut c_char, size: size_t, room: size_t) -> ssize_t, deny (-1) => look::read_link_checked(look::at(CWD, path), buffer, size, room);
    __readlinkat_chk(dir: Fd, path: Str, buffer: *mut c_char, size: size_t, room: size_t) -> ssize_t, deny (-1) => look::read_link_checked(look::at(dir, path), buffer, size, room);
    realpath(path: Str, resolved: *mut c_char) -> *mut c_char, deny (null_mut()) => look::real_path(path, resolved);
    __realpath_chk(path: Str, resolved: *mut c_char, room: size_t) -> *mut c_char, deny (null_mut()) => look::real_path_checked(path, resolved, room);
    canonicalize_file_name(path: Str) -> *mut c_char, deny (null_mut()) => look::real_path(path, null_mut());
    statfs(path: Str, buffer: *mut libc::statfs) -> c_int, deny (-1) => look::stat_fs(path, buffer);
    statfs64(path: Str, buffer: *mut libc::statfs64) -> c_int, deny (-1) => look::stat_fs(path, buffer);
    __statfs(path: Str, buffer: *mut libc::statfs) -> c_int, deny (-1) => look::stat_fs(path, buffer);
    statvfs(path: Str, buffer: *mut libc::statvfs) -> c_int, deny (-1) => look::stat_vfs(path, buffer);
    statvfs64(path: Str, buffer: *mut libc::statvfs64) -> c_int, deny (-1) => look::stat_vfs(path, buffer.cast());
    pathconf(path: Str, name: c_int) -> c_long, deny (-1) => look::path_conf(path, name);
    ftok(path: Str, project: c_int) -> key_t, deny (-1) => look::key(path, project);
    chdir(path: Str) -> c_int, deny (-1) => look::change_directory(path);
    fchdir(fd: c_int) -> c_int, deny (-1) => look::change_to(fd);
}

/// The prototypes that rows are compared with: the libc crate's, and those of names that it lacks.
pub(crate) mod prototypes {
    use super::{Fd, Str, c_char, c_int};
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
        pub(crate) fn __setmntent(path: Str, mode: Str) -> *mut FILE;
        pub(crate) fn __xstat(v: c_int, path: Str, buffer: *mut stat) -> c_int;
        pub(crate) fn __xstat64(v: c_int, path: Str, buffer: *mut stat64) -> c_int;
        pub(crate) fn __lxstat(v: c_int, path: Str, buffer: *mut stat) -> c_int;
        pub(crate) fn __lxstat64(v: c_int, path: Str, buffer: *mut stat64) -> c_int;
        pub(crate) fn __fxstatat(v: c_int, d: Fd, p: Str, b: *mut stat, f: c_int) -> c_int;
        pub(crate) fn __fxstatat64(v: c_int, d: Fd, p: Str, b: *mut stat64, f: c_int) -> c_int;
        pub(crate) fn __readlink_chk(p: Str, b: *mut c_char, s: size_t, r: size_t) -> ssize_t;
        pub(crate) fn __readlinkat_chk(
            d: Fd,
            p: Str,
            b: *mut c_char,
            s: size_t,
            r: size_t,
        ) -> ssize_t;
        pub(crate) fn __realpath_chk(p: Str, resolved: *mut c_char, room: size_t) -> *mut c_char;
        pub(crate) fn canonicalize_file_name(path: Str) -> *mut c_char;
        pub(crate) fn __statfs(path: Str, buffer: *mut statfs) -> c_int;
    }
}
