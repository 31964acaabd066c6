//! The hook table: one row a symbol, `symbol(arguments) -> return, on denial => act`.
//!
//! Each symbol stands for itself: libc calls none of its own functions through the PLT, so a hook
//! on `open` says nothing about `fopen`. A row is sound or absent.

#![expect(unsafe_code, reason = "rows expand to exported functions; nobody writes unsafe here")]
#![cfg_attr(test, expect(non_snake_case, reason = "libc's names, not exported from tests"))]

mod numbers;
pub(crate) mod prototypes;

use core::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};
use core::ptr::{null, null_mut};

use libc::{
    DIR, FILE, dev_t, gid_t, key_t, mmsghdr, mode_t, msghdr, off_t, pid_t, size_t, sockaddr,
    socklen_t, ssize_t, timespec, timeval, uid_t, utimbuf,
};

pub(crate) use self::numbers::{Returns, int, row_of};
use crate::act::fts::{Compare, Entry, Stream};
use crate::act::glob::Failed;
use crate::act::scan::{Compare as Order, Select};
use crate::act::tree::{Detailed, Visit};
use crate::act::{
    attribute, change, configured, debug, fts, glob, logins, look, movement, named, open, scan,
    shell, socket, spaces, stream, thread, tree, watch, words,
};
use crate::interpose::hooks;
use crate::sys::CWD;

/// A C string of the caller's.
pub(crate) type Str = *const c_char;
/// The directory that a relative path starts from.
pub(crate) type Fd = c_int;

/// An array of C strings that a null ends.
pub(crate) type List = *const *const c_char;
/// The same, as newer declarations have it.
pub(crate) type Words = *const *mut c_char;
/// What a spawned child does to its descriptors.
pub(crate) type Actions = *const libc::posix_spawn_file_actions_t;
/// What a spawned child is like.
pub(crate) type Attributes = *const libc::posix_spawnattr_t;
/// Where entries of a directory go.
type Entries = *mut *mut *mut libc::dirent;
/// Parts of a memory.
type Parts = *const libc::iovec;

const NOFOLLOW: c_int = libc::AT_SYMLINK_NOFOLLOW;

hooks! {
    // Opening.
    open(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    open64(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open(CWD, path, flags, mode);
    __open(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open_seldom(CWD, path, flags, mode);
    __open64(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open_seldom(CWD, path, flags, mode);
    __open_nocancel(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open_seldom(CWD, path, flags, mode);
    __open64_nocancel(path: Str, flags: c_int, ... mode: mode_t) -> c_int, deny (-1) => open::open_seldom(CWD, path, flags, mode);
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
    __nss_files_fopen(path: Str) -> *mut FILE, deny (null_mut()) => stream::configuration(path);
    __nss_files_data_open(_data: *mut *mut c_void, _file: c_int, _path: Str, _errno: *mut c_int, _resolver: *mut c_int) -> c_int, deny (-1) => named::private_reader();
    __nss_files_data_setent(_file: c_int, _path: Str) -> c_int, deny (-1) => named::private_reader();
    __open_catalog(_name: Str, _places: Str, _variable: Str, _catalog: *mut c_void) -> c_int, deny (-1) => named::private_reader();
    freopen(path: Str, mode: Str, file: *mut FILE) -> *mut FILE, deny (null_mut()) => stream::reopen(path, mode, file);
    freopen64(path: Str, mode: Str, file: *mut FILE) -> *mut FILE, deny (null_mut()) => stream::reopen(path, mode, file);
    _IO_file_open(_file: *mut FILE, _path: Str, _flags: c_int, _mode: c_int, _kind: c_int, _small: c_int) -> *mut FILE, deny (null_mut()) => named::half_made_stream();
    _IO_file_fopen(_file: *mut FILE, _path: Str, _mode: Str, _small: c_int) -> *mut FILE, deny (null_mut()) => named::half_made_stream();
    mkstemp(template: *mut c_char) -> c_int, deny (-1) => named::temporary(template, 0, 0);
    mkstemp64(template: *mut c_char) -> c_int, deny (-1) => named::temporary(template, 0, 0);
    mkostemp(template: *mut c_char, flags: c_int) -> c_int, deny (-1) => named::temporary(template, 0, flags);
    mkostemp64(template: *mut c_char, flags: c_int) -> c_int, deny (-1) => named::temporary(template, 0, flags);
    mkstemps(template: *mut c_char, suffix: c_int) -> c_int, deny (-1) => named::temporary(template, suffix, 0);
    mkstemps64(template: *mut c_char, suffix: c_int) -> c_int, deny (-1) => named::temporary(template, suffix, 0);
    mkostemps(template: *mut c_char, suffix: c_int, flags: c_int) -> c_int, deny (-1) => named::temporary(template, suffix, flags);
    mkostemps64(template: *mut c_char, suffix: c_int, flags: c_int) -> c_int, deny (-1) => named::temporary(template, suffix, flags);
    tmpfile() -> *mut FILE, deny (null_mut()) => named::nameless();
    tmpfile64() -> *mut FILE, deny (null_mut()) => named::nameless();
    shm_open(name: Str, flags: c_int, mode: mode_t) -> c_int, deny (-1) => named::shared_memory(name, flags, mode);
    sem_open(name: Str, flags: c_int, ... mode: mode_t, value: c_uint) -> *mut libc::sem_t, deny (null_mut()) => named::semaphore(name, flags, mode, value);
    mq_open(name: Str, flags: c_int, ... mode: mode_t, attributes: *const libc::mq_attr) -> libc::mqd_t, deny (-1) => named::queue(name, flags, mode, attributes);
    __mq_open_2(name: Str, flags: c_int) -> libc::mqd_t, deny (-1) => named::queue(name, flags, 0, null());
    catopen(name: Str, flag: c_int) -> *mut c_void, deny (usize::MAX as *mut c_void) => configured::catalog(name, flag);
    utmpname(name: Str) -> c_int, deny (-1) => configured::logins(name);
    setenv(name: Str, value: Str, overwrite: c_int) -> c_int, deny (-1) => configured::set_variable(name, value, overwrite);
    putenv(text: *mut c_char) -> c_int, deny (-1) => configured::put_variable(text);
    utmpxname(name: Str) -> c_int, deny (-1) => configured::logins(name);
    setmntent(path: Str, mode: Str) -> *mut FILE, deny (null_mut()) => stream::mounts(path, mode);
    __setmntent(path: Str, mode: Str) -> *mut FILE, deny (null_mut()) => stream::mounts(path, mode);

    // Looking.
    __file_change_detection_for_path(_into: *mut c_void, _path: Str) -> c_int, deny (0) => named::private_reader();
    stat(path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer, 0);
    stat64(path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer.cast(), 0);
    lstat(path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer, NOFOLLOW);
    lstat64(path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_at(CWD, path, buffer.cast(), NOFOLLOW);
    fstatat(dir: Fd, path: Str, buffer: *mut libc::stat, flags: c_int) -> c_int, deny (-1) => look::stat_at(dir, path, buffer, flags);
    fstatat64(dir: Fd, path: Str, buffer: *mut libc::stat64, flags: c_int) -> c_int, deny (-1) => look::stat_at(dir, path, buffer.cast(), flags);
    __xstat(version: c_int, path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer, 0);
    __xstat64(version: c_int, path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer.cast(), 0);
    __lxstat(version: c_int, path: Str, buffer: *mut libc::stat) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer, NOFOLLOW);
    __lxstat64(version: c_int, path: Str, buffer: *mut libc::stat64) -> c_int, deny (-1) => look::stat_version(version, CWD, path, buffer.cast(), NOFOLLOW);
    __fxstatat(version: c_int, dir: Fd, path: Str, buffer: *mut libc::stat, flags: c_int) -> c_int, deny (-1) => look::stat_version(version, dir, path, buffer, flags);
    __fxstatat64(version: c_int, dir: Fd, path: Str, buffer: *mut libc::stat64, flags: c_int) -> c_int, deny (-1) => look::stat_version(version, dir, path, buffer.cast(), flags);
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
    getxattr(path: Str, name: Str, value: *mut c_void, size: size_t) -> ssize_t, deny (-1) => watch::attribute(path, name, value, size, true);
    lgetxattr(path: Str, name: Str, value: *mut c_void, size: size_t) -> ssize_t, deny (-1) => watch::attribute(path, name, value, size, false);
    listxattr(path: Str, list: *mut c_char, size: size_t) -> ssize_t, deny (-1) => watch::attributes(path, list, size, true);
    llistxattr(path: Str, list: *mut c_char, size: size_t) -> ssize_t, deny (-1) => watch::attributes(path, list, size, false);
    inotify_add_watch(fd: c_int, path: Str, mask: u32) -> c_int, deny (-1) => watch::watch(fd, path, mask);
    fanotify_init(flags: c_uint, events: c_uint) -> c_int, deny (-1) => watch::group(flags, events);
    fanotify_mark(fd: c_int, flags: c_uint, mask: u64, dir: Fd, path: Str) -> c_int, deny (-1) => watch::mark(fd, flags, mask, (dir, path));
    name_to_handle_at(dir: Fd, path: Str, handle: *mut libc::file_handle, mount: *mut c_int, flags: c_int) -> c_int, deny (-1) => watch::handle((dir, path), handle, mount, flags);
    chdir(path: Str) -> c_int, deny (-1) => look::change_directory(path);
    fchdir(fd: c_int) -> c_int, deny (-1) => look::change_to(fd);

    // Walking: these list directories. Those that glob finds are opened by our functions.
    scandir(path: Str, names: Entries, select: Select, order: Order) -> c_int, deny (-1) => scan::scan(CWD, path, names, select, order);
    scandir64(path: Str, names: Entries, select: Select, order: Order) -> c_int, deny (-1) => scan::scan(CWD, path, names, select, order);
    scandirat(dir: Fd, path: Str, names: Entries, select: Select, order: Order) -> c_int, deny (-1) => scan::scan(dir, path, names, select, order);
    scandirat64(dir: Fd, path: Str, names: Entries, select: Select, order: Order) -> c_int, deny (-1) => scan::scan(dir, path, names, select, order);
    glob(pattern: Str, flags: c_int, failed: Failed, into: *mut c_void) -> c_int, deny (-1) => glob::glob(pattern, flags, failed, into);
    glob64(pattern: Str, flags: c_int, failed: Failed, into: *mut c_void) -> c_int, deny (-1) => glob::glob(pattern, flags, failed, into);
    ftw(start: Str, visit: Visit, descriptors: c_int) -> c_int, deny (-1) => tree::walk(start, visit, descriptors);
    ftw64(start: Str, visit: Visit, descriptors: c_int) -> c_int, deny (-1) => tree::walk(start, visit, descriptors);
    nftw(start: Str, visit: Detailed, descriptors: c_int, flags: c_int) -> c_int, deny (-1) => tree::walk_detailed(start, visit, descriptors, flags);
    nftw64(start: Str, visit: Detailed, descriptors: c_int, flags: c_int) -> c_int, deny (-1) => tree::walk_detailed(start, visit, descriptors, flags);
    fts_open(starts: Words, options: c_int, compare: Compare) -> *mut Stream, deny (null_mut()) => fts::open(starts, options, compare);
    fts_read(walk: *mut Stream) -> *mut Entry, deny (null_mut()) => fts::read(walk);
    fts_children(walk: *mut Stream, wanted: c_int) -> *mut Entry, deny (null_mut()) => fts::children(walk, wanted);
    fts_set(walk: *mut Stream, entry: *mut Entry, wanted: c_int) -> c_int, deny (1) => fts::set(walk, entry, wanted);
    fts_close(walk: *mut Stream) -> c_int, deny (-1) => fts::close(walk);
    fts64_open(starts: Words, options: c_int, compare: Compare) -> *mut Stream, deny (null_mut()) => fts::open(starts, options, compare);
    fts64_read(walk: *mut Stream) -> *mut Entry, deny (null_mut()) => fts::read(walk);
    fts64_children(walk: *mut Stream, wanted: c_int) -> *mut Entry, deny (null_mut()) => fts::children(walk, wanted);
    fts64_set(walk: *mut Stream, entry: *mut Entry, wanted: c_int) -> c_int, deny (1) => fts::set(walk, entry, wanted);
    fts64_close(walk: *mut Stream) -> c_int, deny (-1) => fts::close(walk);

    // Recording logins.
    updwtmp(path: Str, record: *const libc::utmpx) -> (), deny (()) => logins::append(path, record);
    updwtmpx(path: Str, record: *const libc::utmpx) -> (), deny (()) => logins::append(path, record);

    // Making and removing names.
    unlink(path: Str) -> c_int, deny (-1) => change::unlink(CWD, path, 0);
    unlinkat(dir: Fd, path: Str, flags: c_int) -> c_int, deny (-1) => change::unlink(dir, path, flags);
    rmdir(path: Str) -> c_int, deny (-1) => change::unlink(CWD, path, libc::AT_REMOVEDIR);
    remove(path: Str) -> c_int, deny (-1) => change::remove(path);
    mkdir(path: Str, mode: mode_t) -> c_int, deny (-1) => change::make_directory(CWD, path, mode);
    mkdirat(dir: Fd, path: Str, mode: mode_t) -> c_int, deny (-1) => change::make_directory(dir, path, mode);
    mkdtemp(template: *mut c_char) -> *mut c_char, deny (null_mut()) => change::temporary(template);
    mknod(path: Str, mode: mode_t, device: dev_t) -> c_int, deny (-1) => change::make_node(CWD, path, mode, device);
    mknodat(dir: Fd, path: Str, mode: mode_t, device: dev_t) -> c_int, deny (-1) => change::make_node(dir, path, mode, device);
    __xmknod(version: c_int, path: Str, mode: mode_t, device: *mut dev_t) -> c_int, deny (-1) => change::make_node_version(version, look::at(CWD, path), mode, device);
    __xmknodat(version: c_int, dir: Fd, path: Str, mode: mode_t, device: *mut dev_t) -> c_int, deny (-1) => change::make_node_version(version, look::at(dir, path), mode, device);
    mkfifo(path: Str, mode: mode_t) -> c_int, deny (-1) => change::make_fifo(CWD, path, mode);
    mkfifoat(dir: Fd, path: Str, mode: mode_t) -> c_int, deny (-1) => change::make_fifo(dir, path, mode);
    symlink(target: Str, path: Str) -> c_int, deny (-1) => change::make_link(target, CWD, path);
    symlinkat(target: Str, dir: Fd, path: Str) -> c_int, deny (-1) => change::make_link(target, dir, path);
    shm_unlink(name: Str) -> c_int, deny (-1) => change::remove_memory(name);
    sem_unlink(name: Str) -> c_int, deny (-1) => change::remove_semaphore(name);
    mq_unlink(name: Str) -> c_int, deny (-1) => change::remove_queue(name);

    // Moving and linking.
    rename(from: Str, to: Str) -> c_int, deny (-1) => movement::rename(look::at(CWD, from), look::at(CWD, to), 0);
    renameat(source: Fd, from: Str, target: Fd, to: Str) -> c_int, deny (-1) => movement::rename(look::at(source, from), look::at(target, to), 0);
    renameat2(source: Fd, from: Str, target: Fd, to: Str, flags: c_uint) -> c_int, deny (-1) => movement::rename(look::at(source, from), look::at(target, to), flags);
    link(from: Str, to: Str) -> c_int, deny (-1) => movement::link(look::at(CWD, from), look::at(CWD, to), 0);
    linkat(source: Fd, from: Str, target: Fd, to: Str, flags: c_int) -> c_int, deny (-1) => movement::link(look::at(source, from), look::at(target, to), flags);

    // Changing what is known of an object.
    chmod(path: Str, mode: mode_t) -> c_int, deny (-1) => attribute::mode(CWD, path, mode, 0);
    lchmod(path: Str, mode: mode_t) -> c_int, deny (-1) => attribute::mode(CWD, path, mode, NOFOLLOW);
    fchmodat(dir: Fd, path: Str, mode: mode_t, flags: c_int) -> c_int, deny (-1) => attribute::mode(dir, path, mode, flags);
    fchmod(fd: c_int, mode: mode_t) -> c_int, deny (-1) => attribute::mode_of(fd, mode);
    chown(path: Str, user: uid_t, group: gid_t) -> c_int, deny (-1) => attribute::owner(look::at(CWD, path), user, group, 0);
    lchown(path: Str, user: uid_t, group: gid_t) -> c_int, deny (-1) => attribute::owner(look::at(CWD, path), user, group, NOFOLLOW);
    fchownat(dir: Fd, path: Str, user: uid_t, group: gid_t, flags: c_int) -> c_int, deny (-1) => attribute::owner(look::at(dir, path), user, group, flags);
    fchown(fd: c_int, user: uid_t, group: gid_t) -> c_int, deny (-1) => attribute::owner_of(fd, user, group);
    utime(path: Str, times: *const utimbuf) -> c_int, deny (-1) => attribute::seconds(path, times);
    utimes(path: Str, times: *const timeval) -> c_int, deny (-1) => attribute::coarse_times(look::at(CWD, path), times, 0);
    lutimes(path: Str, times: *const timeval) -> c_int, deny (-1) => attribute::coarse_times(look::at(CWD, path), times, NOFOLLOW);
    futimesat(dir: Fd, path: Str, times: *const timeval) -> c_int, deny (-1) => attribute::times_beneath(look::at(dir, path), times);
    futimes(fd: c_int, times: *const timeval) -> c_int, deny (-1) => attribute::coarse_times_of(fd, times);
    utimensat(dir: Fd, path: Str, times: *const timespec, flags: c_int) -> c_int, deny (-1) => attribute::times(look::at(dir, path), times, flags);
    futimens(fd: c_int, times: *const timespec) -> c_int, deny (-1) => attribute::times_of(fd, times);
    truncate(path: Str, length: off_t) -> c_int, deny (-1) => attribute::truncate(path, length);
    truncate64(path: Str, length: off_t) -> c_int, deny (-1) => attribute::truncate(path, length);
    setxattr(path: Str, name: Str, start: *const c_void, size: size_t, flags: c_int) -> c_int, deny (-1) => attribute::set(path, name, attribute::Value { start, size, flags }, true);
    lsetxattr(path: Str, name: Str, start: *const c_void, size: size_t, flags: c_int) -> c_int, deny (-1) => attribute::set(path, name, attribute::Value { start, size, flags }, false);
    fsetxattr(fd: c_int, name: Str, start: *const c_void, size: size_t, flags: c_int) -> c_int, deny (-1) => attribute::set_of(fd, name, attribute::Value { start, size, flags });
    removexattr(path: Str, name: Str) -> c_int, deny (-1) => attribute::remove(path, name, true);
    lremovexattr(path: Str, name: Str) -> c_int, deny (-1) => attribute::remove(path, name, false);
    fremovexattr(fd: c_int, name: Str) -> c_int, deny (-1) => attribute::remove_of(fd, name);

    // What lies where after a library is gone.
    dlclose(handle: *mut c_void) -> c_int, deny (-1) => thread::close(handle);

    // Unix sockets.
    connect(socket: Fd, address: *const sockaddr, length: socklen_t) -> c_int, deny (-1) => socket::connect(socket, address, length);
    __connect(socket: Fd, address: *const sockaddr, length: socklen_t) -> c_int, deny (-1) => socket::connect(socket, address, length);
    bind(socket: Fd, address: *const sockaddr, length: socklen_t) -> c_int, deny (-1) => socket::bind(socket, address, length);
    sendto(socket: Fd, start: *const c_void, length: size_t, flags: c_int, address: *const sockaddr, size: socklen_t) -> ssize_t, deny (-1) => socket::send_to(socket, socket::Bytes { start, length, flags }, address, size);
    sendmsg(socket: Fd, message: *const msghdr, flags: c_int) -> ssize_t, deny (-1) => socket::send_message(socket, message, flags);
    sendmmsg(socket: Fd, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int, deny (-1) => socket::send_messages(socket, messages, count, flags);
    __sendmmsg(socket: Fd, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int, deny (-1) => socket::send_messages(socket, messages, count, flags);
    clntunix_create(_to: *mut c_void, _program: c_ulong, _version: c_ulong, _socket: *mut c_int, _send: c_uint, _receive: c_uint) -> *mut c_void, deny (null_mut()) => socket::call_by_old_means();
    svcunix_create(_socket: c_int, _send: c_uint, _receive: c_uint, _path: *mut c_char) -> *mut c_void, deny (null_mut()) => socket::call_by_old_means();

    // Programs are started in `programs`; these go with that.
    pclose(file: *mut FILE) -> c_int, deny (-1) => shell::pclose(file);
    wordexp(words: Str, into: *mut c_void, flags: c_int) -> c_int, deny (-1) => words::expand(words, into, flags);

    // What would make a text mean another place, or reach into another process.
    unshare(flags: c_int) -> c_int, deny (-1) => spaces::unshare(flags);
    setns(fd: c_int, kind: c_int) -> c_int, deny (-1) => spaces::enter(fd, kind);
    chroot(path: Str) -> c_int, deny (-1) => spaces::chroot(path);
    process_vm_readv(process: pid_t, to: Parts, tos: c_ulong, from: Parts, froms: c_ulong, flags: c_ulong) -> ssize_t, deny (-1) => debug::copy(libc::SYS_process_vm_readv, process, to, tos, from, froms, flags);
    process_vm_writev(process: pid_t, from: Parts, froms: c_ulong, to: Parts, tos: c_ulong, flags: c_ulong) -> ssize_t, deny (-1) => debug::copy(libc::SYS_process_vm_writev, process, from, froms, to, tos, flags);
    pidfd_getfd(process: c_int, fd: c_int, flags: c_uint) -> c_int, deny (-1) => debug::take(process, fd, flags);
}

#[cfg(test)]
mod tests {
    use super::HOOKS;
    use crate::children::CHILDREN;
    use crate::doors::DOORS;
    use crate::programs::PROGRAMS;
    use crate::threads::THREADS;

    #[test]
    fn no_symbol_has_two_rows() {
        let all = [HOOKS, CHILDREN, DOORS, THREADS, PROGRAMS, crate::gates::GATES];
        let hooks = || all.into_iter().flatten();
        for hook in hooks() {
            let rows = hooks().filter(|other| other.name == hook.name).count();
            assert_eq!(rows, 1, "{}", hook.name.escape_ascii());
        }
    }
}
