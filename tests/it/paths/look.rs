//! The rows that look without opening, and those that change the working directory.

use super::rows;

rows! {
    stat_is_refused: File, "-1 EACCES", "stat {path}";
    stat64_is_refused: File, "-1 EACCES", "stat64 {path}";
    lstat_is_refused: File, "-1 EACCES", "lstat {path}";
    lstat64_is_refused: File, "-1 EACCES", "lstat64 {path}";
    fstatat_is_refused: File, "-1 EACCES", "fstatat {dir} {path} 0";
    fstatat_without_following_is_refused: File, "-1 EACCES", "fstatat {dir} {path} AT_SYMLINK_NOFOLLOW";
    fstatat64_is_refused: File, "-1 EACCES", "fstatat64 {dir} {path} 0";
    __xstat_is_refused: File, "-1 EACCES", "__xstat {path}";
    __xstat64_is_refused: File, "-1 EACCES", "__xstat64 {path}";
    __lxstat_is_refused: File, "-1 EACCES", "__lxstat {path}";
    __lxstat64_is_refused: File, "-1 EACCES", "__lxstat64 {path}";
    __fxstatat_is_refused: File, "-1 EACCES", "__fxstatat {dir} {path} 0";
    __fxstatat64_is_refused: File, "-1 EACCES", "__fxstatat64 {dir} {path} AT_SYMLINK_NOFOLLOW";
    statx_is_refused: File, "-1 EACCES", "statx {dir} {path} 0 STATX_SIZE";
    statx_without_following_is_refused: File, "-1 EACCES",
        "statx {dir} {path} AT_SYMLINK_NOFOLLOW STATX_SIZE";
    stat_of_a_directory_is_refused: Directory, "-1 EACCES", "stat {path}";
    lstat_of_a_directory_is_refused: Directory, "-1 EACCES", "lstat {path}";
    lstat_of_a_link_in_it_is_refused: Link, "-1 EACCES", "lstat {path}";
    fstatat_of_a_link_in_it_is_refused: Link, "-1 EACCES", "fstatat {dir} {path} AT_SYMLINK_NOFOLLOW";

    statfs_is_refused: File, "-1 EACCES", "statfs {path}";
    statfs64_is_refused: Directory, "-1 EACCES", "statfs64 {path}";
    __statfs_is_refused: File, "-1 EACCES", "__statfs {path}";
    statvfs_is_refused: File, "-1 EACCES", "statvfs {path}";
    statvfs64_is_refused: Directory, "-1 EACCES", "statvfs64 {path}";

    access_is_refused: File, "-1 EACCES", "access {path} R_OK";
    access_for_existence_is_refused: File, "-1 EACCES", "access {path} F_OK";
    eaccess_is_refused: File, "-1 EACCES", "eaccess {path} R_OK";
    euidaccess_is_refused: File, "-1 EACCES", "euidaccess {path} F_OK";
    faccessat_is_refused: File, "-1 EACCES", "faccessat {dir} {path} R_OK 0";
    faccessat_by_effective_user_is_refused: File, "-1 EACCES", "faccessat {dir} {path} R_OK AT_EACCESS";

    readlink_is_refused: Link, "-1 EACCES", "readlink {path}";
    __readlink_chk_is_refused: Link, "-1 EACCES", "__readlink_chk {path}";
    readlinkat_is_refused: Link, "-1 EACCES", "readlinkat {dir} {path}";
    __readlinkat_chk_is_refused: Link, "-1 EACCES", "__readlinkat_chk {dir} {path}";
    readlink_of_a_file_is_refused: File, "-1 EACCES", "readlink {path}";
    realpath_is_refused: File, "NULL EACCES", "realpath {path}";
    __realpath_chk_is_refused: File, "NULL EACCES", "__realpath_chk {path}";
    canonicalize_file_name_is_refused: File, "NULL EACCES", "canonicalize_file_name {path}";

    getxattr_is_refused: File, "-1 EACCES", "getxattr {path} user.ringfence";
    lgetxattr_is_refused: File, "-1 EACCES", "lgetxattr {path} user.ringfence";
    lgetxattr_of_a_link_in_it_is_refused: Link, "-1 EACCES", "lgetxattr {path} user.ringfence";
    listxattr_is_refused: File, "-1 EACCES", "listxattr {path}";
    llistxattr_is_refused: File, "-1 EACCES", "llistxattr {path}";
    pathconf_is_refused: Directory, "-1 EACCES", "pathconf {path} _PC_NAME_MAX";
    ftok_is_refused: File, "-1 EACCES", "ftok {path} 1";
    inotify_add_watch_is_refused: File, "-1 EACCES", "inotify_add_watch {path} IN_OPEN";
    inotify_add_watch_on_a_directory_is_refused: Directory, "-1 EACCES",
        "inotify_add_watch {path} IN_OPEN";
    fanotify_mark_is_refused: File, "-1 EACCES", "fanotify_mark FAN_MARK_ADD FAN_OPEN {path}";

    stat_by_syscall_is_refused: File, "-1 EACCES", "syscall stat {path}";
    lstat_by_syscall_is_refused: File, "-1 EACCES", "syscall lstat {path}";
    newfstatat_by_syscall_is_refused: File, "-1 EACCES", "syscall newfstatat {dir} {path} 0";
    statx_by_syscall_is_refused: File, "-1 EACCES", "syscall statx {dir} {path} 0 STATX_SIZE";
    access_by_syscall_is_refused: File, "-1 EACCES", "syscall access {path} F_OK";
    faccessat_by_syscall_is_refused: File, "-1 EACCES", "syscall faccessat {dir} {path} R_OK";
    faccessat2_by_syscall_is_refused: File, "-1 EACCES", "syscall faccessat2 {dir} {path} R_OK 0";
    readlink_by_syscall_is_refused: Link, "-1 EACCES", "syscall readlink {path}";
    readlinkat_by_syscall_is_refused: Link, "-1 EACCES", "syscall readlinkat {dir} {path}";
    statfs_by_syscall_is_refused: File, "-1 EACCES", "syscall statfs {path}";
    getxattr_by_syscall_is_refused: File, "-1 EACCES", "syscall getxattr {path} user.ringfence";
    lgetxattr_by_syscall_is_refused: File, "-1 EACCES", "syscall lgetxattr {path} user.ringfence";
    listxattr_by_syscall_is_refused: File, "-1 EACCES", "syscall listxattr {path}";
    llistxattr_by_syscall_is_refused: File, "-1 EACCES", "syscall llistxattr {path}";
    inotify_add_watch_by_syscall_is_refused: File, "-1 EACCES",
        "syscall inotify_add_watch {path} IN_OPEN";

    chdir_is_refused: Directory, "-1 EACCES", "chdir {path}";
    chdir_by_syscall_is_refused: Directory, "-1 EACCES", "syscall chdir {path}";
}
