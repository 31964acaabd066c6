//! The rows that change names and what is known of an object.

use super::rows;

rows! {
    unlink_is_refused: New, "-1 EACCES; -1 EACCES", "symlink target {new} , unlink {new}";
    unlinkat_is_refused: New, "-1 EACCES; -1 EACCES", "symlinkat target {dir} {new} , unlinkat {dir} {new}";
    unlink_of_a_file_is_refused: File, "-1 EACCES", "unlink {path}";
    unlink_of_a_link_in_it_is_refused: Link, "-1 EACCES", "unlink {path}";
    rmdir_is_refused: New, "-1 EACCES; -1 EACCES", "mkdir {new} 700 , rmdir {new}";
    unlinkat_of_a_directory_is_refused: New, "-1 EACCES; -1 EACCES", "mkdirat {dir} {new} 700 , unlinkat {dir} {new} AT_REMOVEDIR";
    remove_is_refused: New, "-1 EACCES; -1 EACCES", "mkfifo {new} 600 , remove {new}";
    mkdir_with_a_slash_is_refused: New, "-1 EACCES", "mkdir {new}/ 700";
    mkdtemp_is_refused: New, "NULL EACCES", "mkdtemp {new}XXXXXX";
    mknod_is_refused: New, "-1 EACCES", "mknod {new} 100600";
    mknodat_is_refused: New, "-1 EACCES", "mknodat {dir} {new} 100600";
    __xmknod_is_refused: New, "-1 EACCES", "__xmknod {new} 100600";
    __xmknodat_is_refused: New, "-1 EACCES", "__xmknodat {dir} {new} 100600";
    mkfifo_is_refused: New, "-1 EACCES", "mkfifo {new} 600";
    mkfifoat_is_refused: New, "-1 EACCES", "mkfifoat {dir} {new} 600";
    symlink_is_refused: New, "-1 EACCES", "symlink target {new}";
    symlinkat_is_refused: New, "-1 EACCES", "symlinkat target {dir} {new}";
    rename_away_is_refused: File, "-1 EACCES; -1 EACCES",
        "rename {path} @/open/moved , rename @/open/moved {path}";
    rename_into_it_is_refused: New, "-1 EACCES; -1 EACCES",
        "rename @/open/inner/twin {new} , rename {new} @/open/inner/twin";
    renameat_is_refused: New, "-1 EACCES; -1 EACCES",
        "renameat . @/open/inner/twin {dir} {new} , renameat {dir} {new} . @/open/inner/twin";
    renameat_away_is_refused: File, "-1 EACCES; -1 EACCES",
        "renameat {dir} {path} . @/open/moved , renameat . @/open/moved {dir} {path}";
    renameat2_is_refused: New, "-1 EACCES; -1 EACCES",
        "renameat2 . @/open/inner/twin {dir} {new} RENAME_NOREPLACE , renameat {dir} {new} . @/open/inner/twin";
    an_exchange_is_refused: File, "-1 EACCES", "renameat2 {dir} {path} . @/open/inner/twin RENAME_EXCHANGE";
    an_exchange_with_it_is_refused: File, "-1 EACCES", "renameat2 . @/open/inner/twin {dir} {path} RENAME_EXCHANGE";
    link_is_refused: File, "-1 EACCES; -1 ENOENT",
        "link {path} @/open/hard , unlink @/open/hard";
    link_into_it_is_refused: New, "-1 EACCES", "link @/twin {new}";
    linkat_is_refused: File, "-1 EACCES; -1 ENOENT",
        "linkat {dir} {path} . @/open/hard 0 , unlink @/open/hard";
    linkat_into_it_is_refused: New, "-1 EACCES", "linkat . @/twin {dir} {new} 0";
    linkat_with_following_is_refused: File, "-1 EACCES; -1 ENOENT",
        "linkat {dir} {path} . @/open/hard AT_SYMLINK_FOLLOW , unlink @/open/hard";
    chmod_is_refused: File, "-1 EACCES", "chmod {path} 640";
    lchmod_is_refused: File, "-1 EACCES", "lchmod {path} 640";
    fchmodat_is_refused: File, "-1 EACCES", "fchmodat {dir} {path} 640 0";
    fchmodat_without_following_is_refused: File, "-1 EACCES", "fchmodat {dir} {path} 640 AT_SYMLINK_NOFOLLOW";
    chown_is_refused: File, "-1 EACCES", "chown {path} 0 0";
    lchown_is_refused: File, "-1 EACCES", "lchown {path} 0 0";
    fchownat_is_refused: File, "-1 EACCES", "fchownat {dir} {path} 0 0 0";
    fchownat_without_following_is_refused: File, "-1 EACCES", "fchownat {dir} {path} 0 0 AT_SYMLINK_NOFOLLOW";
    utime_is_refused: File, "-1 EACCES", "utime {path}";
    utimes_is_refused: File, "-1 EACCES", "utimes {path}";
    lutimes_is_refused: File, "-1 EACCES", "lutimes {path}";
    futimesat_is_refused: File, "-1 EACCES", "futimesat {dir} {path}";
    utimensat_is_refused: File, "-1 EACCES", "utimensat {dir} {path} 0";
    utimensat_without_following_is_refused: File, "-1 EACCES", "utimensat {dir} {path} AT_SYMLINK_NOFOLLOW";
    truncate_is_refused: File, "-1 EACCES", "truncate {path} 3";
    truncate64_is_refused: File, "-1 EACCES", "truncate64 {path} 3";
    setxattr_is_refused: File, "-1 EACCES", "setxattr {path} user.a value 3";
    lsetxattr_is_refused: File, "-1 EACCES", "lsetxattr {path} user.a value 3";
    removexattr_is_refused: File, "-1 EACCES", "removexattr {path} user.a";
    lremovexattr_is_refused: File, "-1 EACCES", "lremovexattr {path} user.a";
    lchown_of_a_link_in_it_is_refused: Link, "-1 EACCES", "lchown {path} 0 0";
    lchmod_of_a_link_in_it_is_refused: Link, "-1 EACCES", "lchmod {path} 640";
    lutimes_of_a_link_in_it_is_refused: Link, "-1 EACCES", "lutimes {path}";
    chmod_of_a_directory_is_refused: Directory, "-1 EACCES", "chmod {path} 750";
    unlink_by_number_is_refused: New, "-1 EACCES; -1 EACCES", "syscall symlink target {new} , syscall unlink {new}";
    unlinkat_by_number_is_refused: New, "-1 EACCES; -1 EACCES", "syscall symlinkat target {dir} {new} , syscall unlinkat {dir} {new} 0";
    rmdir_by_number_is_refused: New, "-1 EACCES; -1 EACCES", "syscall mkdir {new} 700 , syscall rmdir {new}";
    mkdirat_by_number_is_refused: New, "-1 EACCES", "syscall mkdirat {dir} {new} 700";
    mknod_by_number_is_refused: New, "-1 EACCES", "syscall mknod {new} 100600";
    mknodat_by_number_is_refused: New, "-1 EACCES", "syscall mknodat {dir} {new} 100600";
    rename_by_number_is_refused: File, "-1 EACCES; -1 EACCES",
        "syscall rename {path} @/open/moved , rename @/open/moved {path}";
    renameat_by_number_is_refused: File, "-1 EACCES; -1 EACCES",
        "syscall renameat {dir} {path} . @/open/moved , renameat . @/open/moved {dir} {path}";
    renameat2_by_number_is_refused: File, "-1 EACCES; -1 EACCES",
        "syscall renameat2 {dir} {path} . @/open/moved 0 , renameat . @/open/moved {dir} {path}";
    link_by_number_is_refused: File, "-1 EACCES; -1 ENOENT",
        "syscall link {path} @/open/hard , unlink @/open/hard";
    linkat_by_number_is_refused: File, "-1 EACCES; -1 ENOENT",
        "syscall linkat {dir} {path} . @/open/hard 0 , unlink @/open/hard";
    chmod_by_number_is_refused: File, "-1 EACCES", "syscall chmod {path} 640";
    fchmodat_by_number_is_refused: File, "-1 EACCES", "syscall fchmodat {dir} {path} 640";
    chown_by_number_is_refused: File, "-1 EACCES", "syscall chown {path} 0 0";
    lchown_by_number_is_refused: File, "-1 EACCES", "syscall lchown {path} 0 0";
    fchownat_by_number_is_refused: File, "-1 EACCES", "syscall fchownat {dir} {path} 0 0 0";
    utime_by_number_is_refused: File, "-1 EACCES", "syscall utime {path}";
    utimes_by_number_is_refused: File, "-1 EACCES", "syscall utimes {path}";
    futimesat_by_number_is_refused: File, "-1 EACCES", "syscall futimesat {dir} {path}";
    utimensat_by_number_is_refused: File, "-1 EACCES", "syscall utimensat {dir} {path} 0";
    truncate_by_number_is_refused: File, "-1 EACCES", "syscall truncate {path} 3";
    setxattr_by_number_is_refused: File, "-1 EACCES", "syscall setxattr {path} user.a value 3";
    lsetxattr_by_number_is_refused: File, "-1 EACCES", "syscall lsetxattr {path} user.a value 3";
    removexattr_by_number_is_refused: File, "-1 EACCES", "syscall removexattr {path} user.a";
    lremovexattr_by_number_is_refused: File, "-1 EACCES", "syscall lremovexattr {path} user.a";
}
