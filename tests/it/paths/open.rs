//! The rows that open.

use super::rows;

rows! {
    open_is_refused: File, "-1 EACCES", "open {path} O_RDONLY";
    open64_is_refused: File, "-1 EACCES", "open64 {path} O_RDONLY";
    __open_is_refused: File, "-1 EACCES", "__open {path} O_RDONLY";
    __open64_is_refused: File, "-1 EACCES", "__open64 {path} O_RDONLY";
    __open_2_is_refused: File, "-1 EACCES", "__open_2 {path} O_RDONLY";
    __open64_2_is_refused: File, "-1 EACCES", "__open64_2 {path} O_RDONLY";
    __open_nocancel_is_refused: File, "-1 EACCES", "__open_nocancel {path} O_RDONLY";
    __open64_nocancel_is_refused: File, "-1 EACCES", "__open64_nocancel {path} O_RDONLY";
    openat_is_refused: File, "-1 EACCES", "openat {dir} {path} O_RDONLY";
    openat64_is_refused: File, "-1 EACCES", "openat64 {dir} {path} O_RDONLY";
    __openat_2_is_refused: File, "-1 EACCES", "__openat_2 {dir} {path} O_RDONLY";
    __openat64_2_is_refused: File, "-1 EACCES", "__openat64_2 {dir} {path} O_RDONLY";
    creat_is_refused: File, "-1 EACCES", "creat {path} 600";
    creat64_is_refused: File, "-1 EACCES", "creat64 {path} 600";

    open_for_writing_is_refused: File, "-1 EACCES", "open {path} O_WRONLY";
    open_for_both_is_refused: File, "-1 EACCES", "open {path} O_RDWR|O_APPEND";
    open_by_o_path_is_refused: File, "-1 EACCES", "open {path} O_PATH";
    open_with_o_creat_of_what_exists_is_refused: File, "-1 EACCES", "open {path} O_RDWR|O_CREAT 600";
    open_of_a_directory_is_refused: Directory, "-1 EACCES", "openat {dir} {path} O_RDONLY|O_DIRECTORY";
    open_of_a_directory_by_o_path_is_refused: Directory, "-1 EACCES", "openat {dir} {path} O_PATH";
    a_link_in_it_by_o_path_is_refused: Link, "-1 EACCES", "openat {dir} {path} O_PATH|O_NOFOLLOW";
    a_new_file_is_refused: New, "-1 EACCES", "open {new} O_WRONLY|O_CREAT|O_EXCL 600";
    a_new_file_by_dirfd_is_refused: New, "-1 EACCES", "openat {dir} {new} O_RDWR|O_CREAT 640";
    a_new_file_by_creat_is_refused: New, "-1 EACCES", "creat {new} 600";
    an_unnamed_file_is_refused: Directory, "-1 EACCES", "openat {dir} {path} O_TMPFILE|O_RDWR 600";

    openat_by_syscall_is_refused: File, "-1 EACCES", "syscall openat {dir} {path} O_RDONLY";
    open_by_syscall_is_refused: File, "-1 EACCES", "syscall open {path} O_RDONLY";
    openat2_by_syscall_is_refused: File, "-1 EACCES", "syscall openat2 {dir} {path} O_RDONLY";
    creat_by_syscall_is_refused: File, "-1 EACCES", "syscall creat {path} 600";

    fopen_is_refused: File, "NULL EACCES", "fopen {path} r";
    fopen64_is_refused: File, "NULL EACCES", "fopen64 {path} re";
    _io_fopen_is_refused: File, "NULL EACCES", "_IO_fopen {path} r+";
    fopen_for_appending_is_refused: File, "NULL EACCES", "fopen {path} a+";
    fopen_of_wide_text_is_refused: File, "NULL EACCES", "fopen {path} r,ccs=UTF-8";
    fopen_of_a_new_file_is_refused: New, "NULL EACCES", "fopen {new} w";
    fopen_of_an_exclusive_file_is_refused: New, "NULL EACCES", "fopen64 {new} wx";
    freopen_is_refused: File, "NULL EACCES", "freopen {path} r";
    freopen64_is_refused: File, "NULL EACCES", "freopen64 {path} r+";
    setmntent_is_refused: File, "NULL EACCES", "setmntent {path} r";
    __setmntent_is_refused: File, "NULL EACCES", "__setmntent {path} r";
    opendir_is_refused: Directory, "NULL EACCES", "opendir {path}";

    mkstemp_is_refused: New, "-1 EACCES", "mkstemp {new}XXXXXX";
    mkstemp64_is_refused: New, "-1 EACCES", "mkstemp64 {new}XXXXXX";
    mkostemp_is_refused: New, "-1 EACCES", "mkostemp {new}XXXXXX O_APPEND";
    mkostemp64_is_refused: New, "-1 EACCES", "mkostemp64 {new}XXXXXX O_CLOEXEC";
    mkstemps_is_refused: New, "-1 EACCES", "mkstemps {new}XXXXXX.txt 4";
    mkstemps64_is_refused: New, "-1 EACCES", "mkstemps64 {new}XXXXXX.txt 4";
    mkostemps_is_refused: New, "-1 EACCES", "mkostemps {new}XXXXXX.txt 4 O_APPEND";
    mkostemps64_is_refused: New, "-1 EACCES", "mkostemps64 {new}XXXXXX.txt 4 O_SYNC";

    name_to_handle_at_is_refused: File, "-1 EACCES", "name_to_handle_at {dir} {path} 0";
    name_to_handle_at_by_syscall_is_refused: File, "-1 EACCES",
        "syscall name_to_handle_at {dir} {path} 0";
}
