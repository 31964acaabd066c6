//! Ways to write a forbidden path so that it does not look like one.
//!
//! Each case stands beside its control: the same way to an allowed twin, in the same fence.

mod edges;
mod effects;
mod held;

use crate::harness::{Fence, Scratch};

/// `secret` and `closed` are forbidden; every link that leads there has a twin that leads to
/// `twin` or `open`.
fn tree() -> Scratch {
    let scratch = Scratch::new();
    for (kind, file, directory) in [("bad", "secret", "closed"), ("good", "twin", "open")] {
        let link = |name: &str, target: String| {
            scratch.link(&format!("{kind}-{name}"), target);
        };
        link("file", file.to_owned());
        link("file-absolute", scratch.text(file));
        link("directory", directory.to_owned());
        link("directory-absolute", scratch.text(directory));
        link("directory-slash", format!("{directory}/"));
        link("chain", format!("{kind}-chain-2"));
        link("chain-2", format!("{kind}-chain-3"));
        link("chain-3", format!("{kind}-file-absolute"));
        link("dots", format!("open/../{directory}/inner/../{file}"));
        link("through", format!("{kind}-directory/{file}"));
        link("root", "/".to_owned());
        link("proc", format!("/proc/self/root{}", scratch.text(directory)));
        link("up", "..".to_owned());
        scratch.link(&format!("open/inner/{kind}-far"), format!("../../{directory}"));
    }
    scratch
}

/// Asserts what a way to the forbidden place prints, and what the same way to its twin prints.
/// In `line`, `{file}` and `{directory}` are the names of either, `{kind}` is `bad` or `good`.
#[track_caller]
fn way(line: &str, denied: &str, allowed: &str) {
    let scratch = tree();
    let fence = Fence::by_hand(&scratch.rules());
    let fill = |kind, file, directory| {
        let line = line.replace("{kind}", kind).replace("{file}", file);
        scratch.words(&line.replace("{directory}", directory))
    };
    let results = fence.calls(&[fill("bad", "secret", "closed"), fill("good", "twin", "open")]);
    let results: Vec<_> = results.iter().map(|result| scratch.generic(result)).collect();
    assert_eq!(results, [denied, allowed], "{line}");
    let open = Fence::open().call(&fill("bad", "secret", "closed"));
    assert!(!open.contains("EACCES"), "without a fence: {line}: {open}");
}

macro_rules! ways {
    ($($claim:ident: $line:literal, $denied:literal, $allowed:literal;)*) => {
        $(
            #[test]
            fn $claim() {
                way($line, $denied, $allowed);
            }
        )*
    };
}

ways! {
    double_slashes: "open @//{directory}///{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_leading_double_slash: "open /@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    dots: "open @/./{directory}/./././{file} O_RDONLY", "-1 EACCES", "ok twin";
    dot_dot_and_in_again: "open @/{directory}/../{directory}/{file} O_RDONLY", "-1 EACCES", "ok twin";
    dot_dot_from_elsewhere: "open /usr/../tmp/..@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    dot_dot_above_the_root: "open /../../..@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    dot_dot_in_a_deeper_directory: "open @/{directory}/inner/../{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_slash_after_a_directory: "open @/{directory}/ O_RDONLY", "-1 EACCES", "ok";
    a_dot_after_a_directory: "opendir @/{directory}/.", "NULL EACCES", "ok entries=4";
    dot_dot_after_a_directory: "opendir @/{directory}/inner/..", "NULL EACCES", "ok entries=4";
    a_slash_after_a_file_tells_nothing: "open @/{file}/ O_RDONLY", "-1 EACCES", "-1 ENOTDIR";
    a_name_that_is_not_there_tells_nothing: "open @/{directory}/no O_RDONLY", "-1 EACCES", "-1 ENOENT";
    a_directory_below_a_file_tells_nothing: "open @/{file}/x O_RDONLY", "-1 EACCES", "-1 ENOTDIR";

    a_link_to_the_file: "open @/{kind}-file O_RDONLY", "-1 EACCES", "ok twin";
    an_absolute_link_to_the_file: "open @/{kind}-file-absolute O_RDONLY", "-1 EACCES", "ok twin";
    a_link_to_the_directory: "open @/{kind}-directory/{file} O_RDONLY", "-1 EACCES", "ok twin";
    an_absolute_link_to_the_directory: "open @/{kind}-directory-absolute/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_link_with_a_slash: "open @/{kind}-directory-slash/inner/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_chain_of_links: "open @/{kind}-chain O_RDONLY", "-1 EACCES", "ok twin";
    a_link_with_dots: "open @/{kind}-dots O_RDONLY", "-1 EACCES", "ok twin";
    a_link_through_a_link: "open @/{kind}-through O_RDONLY", "-1 EACCES", "ok twin";
    a_link_in_the_middle: "open @/open/inner/{kind}-far/inner/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_link_to_the_root: "open @/{kind}-root@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_link_into_proc: "open @/{kind}-proc/{file} O_RDONLY", "-1 EACCES", "ok twin";
    dot_dot_behind_a_link: "open @/{kind}-directory/../{file} O_RDONLY", "-1 EACCES", "ok twin";
    dot_dot_behind_a_link_from_deep: "open @/open/inner/{kind}-far/../{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_link_opened_as_a_directory: "opendir @/{kind}-directory", "NULL EACCES", "ok entries=4";
    a_link_by_fopen: "fopen @/{kind}-chain r", "NULL EACCES", "ok twin";
    a_link_by_stat: "stat @/{kind}-file", "-1 EACCES", "ok file size=5";
    a_link_by_access: "access @/{kind}-chain R_OK", "-1 EACCES", "ok";
    a_link_by_realpath: "realpath @/{kind}-file", "NULL EACCES", "ok @/twin";
    a_link_by_dirfd: "openat @ {kind}-directory/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_link_relative: "chdir @/open , open ../{kind}-directory/{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    a_link_for_writing: "open @/{kind}-file O_WRONLY|O_CREAT|O_TRUNC 600", "-1 EACCES", "ok";

    proc_self_root: "open /proc/self/root@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    proc_thread_self_root: "open /proc/thread-self/root@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    proc_self_cwd: "chdir @ , open /proc/self/cwd/{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    proc_self_cwd_above: "chdir @/open , open /proc/self/cwd/../{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    proc_self_fd_of_a_directory: "hold 8 @ , open /proc/self/fd/8/{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    dev_fd_of_a_directory: "hold 8 @ , open /dev/fd/8/{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    proc_thread_self_fd_of_a_directory: "hold 8 @ , open /proc/thread-self/fd/8/{directory}/{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    proc_self_fd_above: "hold 8 @/open , open /proc/self/fd/8/../{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";

    proc_self_task: "open /proc/self/task/../root@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_name_in_proc_self: "chdir /proc/self , open root@/{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    a_dirfd_of_proc_self: "openat /proc/self ./root@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_number_in_proc_self_fd: "hold 8 @/{directory} , chdir /proc/self/fd , open 8/{file} O_RDONLY", "dirfd -1 EACCES; ok; -1 ENOENT", "ok; ok; ok twin";
    a_number_in_proc_self_fd_above: "hold 8 @/open , chdir /proc/self/fd , open 8/../{file} O_RDONLY", "ok; ok; -1 EACCES", "ok; ok; ok twin";
    the_end_of_mapped_memory: "open EDGE:@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    the_end_of_mapped_memory_by_fopen: "fopen EDGE:@/{file} r", "NULL EACCES", "ok twin";
    the_end_of_mapped_memory_by_a_link: "stat EDGE:@/{kind}-file", "-1 EACCES", "ok file size=5";

    chdir_then_a_name: "chdir @ , open {file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    chdir_into_the_directory: "chdir @/{directory} , open {file} O_RDONLY", "-1 EACCES; -1 ENOENT", "ok; ok twin";
    chdir_by_a_link: "chdir @/{kind}-directory , open {file} O_RDONLY", "-1 EACCES; -1 ENOENT", "ok; ok twin";
    fchdir_then_a_name: "fchdir @ , open {directory}/{file} O_RDONLY", "ok; -1 EACCES", "ok; ok twin";
    the_root_as_dirfd: "openat / .@/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_dirfd_then_dot_dot: "openat @/open ../{directory}/{file} O_RDONLY", "-1 EACCES", "ok twin";
    a_dirfd_of_o_path: "openat path:@ {file} O_RDONLY", "-1 EACCES", "ok twin";
    a_dirfd_of_a_link: "openat path:@/{kind}-directory {file} O_RDONLY", "dirfd -1 EACCES", "ok twin";

    lstat_of_a_link_is_of_the_link: "lstat @/{kind}-file", "ok link size=6", "ok link size=4";
    lstat_with_a_slash_follows: "lstat @/{kind}-directory/", "-1 EACCES", "ok directory";
    lstat_with_a_dot_follows: "lstat @/{kind}-directory/.", "-1 EACCES", "ok directory";
    fstatat_with_a_slash_follows: "fstatat @ {kind}-directory/ AT_SYMLINK_NOFOLLOW", "-1 EACCES", "ok directory";
    statx_with_a_slash_follows: "statx @ {kind}-directory/ AT_SYMLINK_NOFOLLOW STATX_SIZE", "-1 EACCES", "ok directory";
    lgetxattr_with_a_slash_follows: "lgetxattr @/{kind}-directory/ user.x", "-1 EACCES", "-1 ENODATA";
    inotify_with_a_slash_follows: "inotify_add_watch @/{kind}-directory/ IN_OPEN|IN_DONT_FOLLOW", "-1 EACCES", "ok";
    o_nofollow_with_a_slash_follows: "open @/{kind}-directory/ O_PATH|O_NOFOLLOW", "-1 EACCES", "ok";
    o_nofollow_refuses_a_link_by_itself: "open @/{kind}-file O_RDONLY|O_NOFOLLOW", "-1 ELOOP", "-1 ELOOP";
    readlink_of_a_link_is_of_the_link: "readlink @/{kind}-file", "ok secret", "ok twin";
    readlink_with_a_slash_follows: "readlink @/{kind}-directory/", "-1 EACCES", "-1 EINVAL";
}
