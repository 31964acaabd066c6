//! Moving, removing and changing names: what no rule names, but what would take a place out of its
//! rule.

use std::os::unix::fs::PermissionsExt;

use crate::harness::{Fence, Rules, Scratch, fixture};

/// Makes the calls of each line in a fresh tree, inside a fence of those rules.
#[track_caller]
fn check(rules: impl Fn(&Scratch) -> Rules, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        let scratch = Scratch::new();
        scratch.link("to-closed", "closed");
        scratch.link("to-open", "open");
        let fence = Fence::by_hand(&rules(&scratch));
        let result = fence.calls(&[scratch.words(line)]).concat();
        assert_eq!(scratch.generic(&result), *expected, "{line}");
    }
}

/// Only `closed/inner/secret` and a place that does not exist are forbidden.
fn beneath(scratch: &Scratch) -> Rules {
    Rules::new().forbid(scratch.path("closed/inner/secret")).forbid(scratch.path("absent/secret"))
}

#[test]
fn what_lies_above_a_forbidden_place_stays_where_it_is() {
    check(
        beneath,
        &[
            ("rename @/closed @/moved", "-1 EACCES"),
            ("rename @/closed/inner @/moved", "-1 EACCES"),
            ("rename @/open/inner @/moved", "ok"),
            ("chdir @ , rename closed moved", "ok; -1 EACCES"),
            ("renameat @ closed @ moved", "-1 EACCES"),
            ("renameat @ open @ moved", "ok"),
            ("renameat2 . @/open . @/closed RENAME_EXCHANGE", "-1 EACCES"),
            ("renameat2 . @/closed . @/open RENAME_EXCHANGE", "-1 EACCES"),
            ("renameat2 . @/twin . @/open RENAME_EXCHANGE", "ok"),
            ("syscall rename @/closed @/moved", "-1 EACCES"),
            ("rename @/open @/absent", "-1 EACCES"),
            ("symlink open @/absent", "-1 EACCES"),
            ("symlink open @/present", "ok"),
            ("mknod @/absent 100600", "-1 EACCES"),
            ("link @/twin @/absent", "-1 EACCES"),
            ("mkdir @/absent 700", "ok"),
            ("rmdir @/closed/inner", "-1 EACCES"),
            ("rmdir @/open/inner", "-1 ENOTEMPTY"),
            ("unlink @/closed/secret", "ok"),
            ("unlink @/closed/inner", "-1 EACCES"),
            ("rename @/to-closed/inner @/moved", "-1 EACCES"),
            ("rename @/to-open/inner @/moved", "ok"),
            ("rename @/to-closed @/moved", "ok"),
        ],
    );
}

#[test]
fn what_a_wildcard_finds_stays_where_it_is() {
    check(
        |scratch| Rules::new().forbid_glob(scratch.path("*/inner/secret")),
        &[
            ("rename @/closed @/moved", "-1 EACCES"),
            ("rename @/open @/moved", "-1 EACCES"),
            ("rename @/closed/inner @/moved", "-1 EACCES"),
            ("rename @/closed/secret @/closed/moved", "ok"),
        ],
    );
    check(
        |scratch| Rules::new().forbid_glob(scratch.path("**/inner/secret")),
        &[
            ("rename @/closed @/moved", "-1 EACCES"),
            ("rename @/open/inner @/moved", "-1 EACCES"),
            ("rename @/closed/secret @/closed/moved", "ok"),
            ("mkdir @/new 700 , rmdir @/new", "ok; ok"),
        ],
    );
}

#[test]
fn an_access_that_is_forbidden_stays_forbidden() {
    check(
        |scratch| Rules::new().forbid_access(scratch.path("closed"), &["read"]),
        &[
            ("rename @/closed/secret @/moved", "-1 EACCES"),
            ("rename @/closed/secret @/closed/moved", "ok"),
            ("link @/closed/secret @/hard", "-1 EACCES"),
            ("linkat . @/closed/secret . @/hard AT_SYMLINK_FOLLOW", "-1 EACCES"),
            ("linkat path:@/closed secret . @/hard 0", "-1 EACCES"),
            ("link @/closed/secret @/closed/hard", "ok"),
            ("rename @/twin @/closed/moved", "ok"),
            ("renameat2 . @/twin . @/closed/secret RENAME_EXCHANGE", "-1 EACCES"),
            ("renameat2 . @/closed/secret . @/twin RENAME_EXCHANGE", "-1 EACCES"),
        ],
    );
    check(
        |scratch| Rules::new().forbid_access(scratch.path("closed"), &["write"]),
        &[
            ("open @/closed/secret O_RDONLY", "ok SECRET"),
            ("rename @/closed/secret @/moved", "-1 EACCES"),
            ("link @/closed/secret @/hard", "-1 EACCES"),
            ("link @/twin @/hard", "ok"),
            (
                "hold 50 file:@/closed/secret , linkat 50 NULL . @/hard AT_EMPTY_PATH",
                "ok; -1 EFAULT",
            ),
            (
                "hold 50 file:@/closed/secret , linkat . /proc/self/fd/50 . @/hard AT_SYMLINK_FOLLOW",
                "ok; -1 EACCES",
            ),
            (
                "hold 50 file:@/twin , linkat . /proc/self/fd/50 . @/hard AT_SYMLINK_FOLLOW , open @/hard O_RDONLY",
                "ok; ok; ok twin",
            ),
            ("hold 50 file:@/closed/secret , chmod /proc/self/fd/50 640", "ok; -1 EACCES"),
            ("hold 50 file:@/twin , chmod /proc/self/fd/50 640", "ok; ok"),
            ("fchmod file:@/closed/secret 640", "-1 EACCES"),
            ("fchmod file:@/twin 640", "ok"),
            ("fchown file:@/closed/secret 0 0", "-1 EACCES"),
            ("fchown file:@/twin 0 0", "ok"),
            ("futimens file:@/closed/secret", "-1 EACCES"),
            ("futimens file:@/twin", "ok"),
            ("futimes file:@/closed/secret", "-1 EACCES"),
            ("futimes file:@/twin", "ok"),
            ("fsetxattr file:@/closed/secret user.a value 3", "-1 EACCES"),
            ("fremovexattr file:@/closed/secret user.a", "-1 EACCES"),
            ("fremovexattr file:@/twin user.a", "-1 ENODATA"),
            ("chdir @/closed , unlink secret", "ok; -1 EACCES"),
            ("chdir @/open , unlink twin", "ok; ok"),
            ("chdir @/closed , mkdir new 700", "ok; -1 EACCES"),
            ("chdir @/closed , truncate secret 1", "ok; -1 EACCES"),
            ("chdir @/open , truncate twin 1 , open twin O_RDONLY", "ok; ok; ok t"),
            ("syscall fchmod file:@/closed/secret 640", "-1 EACCES"),
            ("syscall utimensat file:@/closed/secret NULL 0", "-1 EACCES"),
            ("syscall utimensat file:@/twin NULL 0", "ok"),
        ],
    );
}

#[test]
fn an_exception_may_be_changed_in_a_forbidden_directory() {
    check(
        |scratch| {
            scratch.file("closed/free", "free\n");
            Rules::new()
                .forbid(scratch.path("closed"))
                .allow(scratch.path("closed/free"), &["read", "write"])
        },
        &[
            ("chmod @/closed/free 640", "ok"),
            ("chmod @/closed/secret 640", "-1 EACCES"),
            ("truncate @/closed/free 1", "ok"),
            ("unlink @/closed/free , unlink @/closed/free", "ok; -1 ENOENT"),
            ("unlink @/closed/secret", "-1 EACCES"),
            ("unlink @/closed/nothing", "-1 EACCES"),
            ("unlink @/closed/nothing/beneath", "-1 EACCES"),
            ("unlink @/closed/secret/beneath", "-1 EACCES"),
            ("unlink @/nothing/beneath", "-1 ENOENT"),
            ("unlink @/twin/beneath", "-1 ENOTDIR"),
            ("rename @/twin @/closed/free", "ok"),
        ],
    );
}

#[test]
fn links_on_the_way_are_followed_and_the_last_name_is_not() {
    check(
        Scratch::rules,
        &[
            ("mkdir @/to-closed/new 700", "-1 EACCES"),
            ("mkdir @/to-open/new 700 , stat @/open/new", "ok; ok directory"),
            ("unlink @/to-closed/secret", "-1 EACCES"),
            ("unlink @/to-open/twin , stat @/open/twin", "ok; -1 ENOENT"),
            ("rename @/to-closed/secret @/moved", "-1 EACCES"),
            ("link @/to-closed/secret @/moved", "-1 EACCES"),
            ("linkat . @/to-closed . @/moved AT_SYMLINK_FOLLOW", "-1 EACCES"),
            ("rename @/closed @/moved", "-1 EACCES"),
            ("rename @/closed/ @/moved", "-1 EACCES"),
            ("rename @/closed/inner @/moved", "-1 EACCES"),
            ("rename @/open @/moved", "ok"),
            ("rmdir @/closed", "-1 EACCES"),
            ("rmdir @/closed/", "-1 EACCES"),
            ("rmdir @/open", "-1 ENOTEMPTY"),
            ("unlink @/closed/inner", "-1 EACCES"),
            ("unlink @/open/inner", "-1 EISDIR"),
            ("remove @/closed", "-1 EACCES"),
            ("mkdir @/new 700 , remove @/new , stat @/new", "ok; ok; -1 ENOENT"),
            ("chmod @/to-closed 750", "-1 EACCES"),
            ("chmod @/to-open 750", "ok"),
            ("lchown @/to-closed 0 0", "ok"),
            ("lchown @/to-closed/ 0 0", "-1 EACCES"),
            ("utimensat . @/to-closed AT_SYMLINK_NOFOLLOW", "ok"),
            ("utimensat . @/to-closed/ AT_SYMLINK_NOFOLLOW", "-1 EACCES"),
            ("lsetxattr @/to-closed/ user.a value 3", "-1 EACCES"),
            ("unlink @/to-closed , lstat @/to-closed", "ok; -1 ENOENT"),
            ("unlink @/to-open/", "-1 ENOTDIR"),
            ("rename @/to-open/ @/moved", "-1 ENOTDIR"),
        ],
    );
}

#[test]
fn what_is_wrong_with_a_path_is_told_as_the_kernel_does() {
    let lines = [
        "unlink NULL",
        "unlink BAD",
        "unlink ",
        "unlink @/open/",
        "unlink @/open/.",
        "unlink @/open/..",
        "unlink /",
        "rmdir /",
        "rmdir @/open/.",
        "rmdir @/open/..",
        "rmdir @/twin",
        "rmdir @/twin/",
        "mkdir @/open 700",
        "mkdir @/open/. 700",
        "mkdir @/open/.. 700",
        "mkdir @/twin/x 700",
        "mkdir @/none/x 700",
        "mkdir @/fresh/ 700",
        "mkdir LONG:4095 700",
        "mkdir LONG:4096 700",
        "unlinkat 99 x 0",
        "unlinkat 99 @/twin 0",
        "unlinkat . @/open 12345",
        "mknod @/n 100600",
        "mknod @/n/ 100600",
        "symlink x @/l/",
        "remove @/open",
        "remove @/twin",
        "rename @/open @/open/inner/x",
        "rename @/open/. @/x",
        "rename @/twin @/open",
        "rename @/open @/twin",
        "rename NULL @/x",
        "rename @/x NULL",
        "renameat2 . @/twin . @/open/twin RENAME_NOREPLACE",
        "renameat2 . @/twin . @/open/twin 4096",
        "link @/open @/x",
        "link @/twin @/open/twin",
        "linkat . @/twin . @/x 12345",
        "linkat . @/to-open . @/x 0",
        "linkat . @/to-open . @/x AT_SYMLINK_FOLLOW",
        "chmod @/none 600",
        "fchmodat . @/twin 600 12345",
        "lchmod @/to-open 600",
        "fchownat . @/twin 0 0 12345",
        "utimensat . @/twin 12345",
        "utimensat . NULL 0",
        "utimensat . @/to-open AT_SYMLINK_NOFOLLOW",
        "truncate @/twin 18446744073709551615",
        "truncate @/open 0",
        "removexattr @/twin user.none",
        "fchmod 99 600",
        "futimens 99",
        "mkdtemp @/short",
        "mkdtemp @/none/XXXXXX",
        "shm_unlink /ringfence-none",
        "sem_unlink /ringfence-none",
        "mq_unlink /ringfence-none",
    ];
    for line in lines {
        let results = [0, 1, 2].map(|kind| {
            let scratch = Scratch::new();
            scratch.link("to-open", "open");
            let partial = scratch.rules().forbid_access(scratch.path("none-such"), &["write"]);
            let fence = match kind {
                0 => Fence::open(),
                1 => Fence::by_hand(&scratch.rules()),
                _ => Fence::by_hand(&partial),
            };
            let result = fence.calls(&[scratch.words(line)]).concat();
            scratch.generic(&result)
        });
        assert_eq!(results[1], results[0], "{line}");
        assert_eq!(results[2], results[0], "{line}, with a rule about writing alone");
    }
}

/// The rounds of the race.
const ROUNDS: &str = "20000";
/// How often the race is run until each side took place: on one busy core the scheduler decides.
const REPEATS: u32 = 50;
/// How often each side must take place.
const OFTEN: u64 = 100;

/// Runs the race; says how often each call succeeded, and what of the tree it should not have
/// touched is as it was.
fn race(fence: impl Fn(&Scratch) -> Fence, sketch: &str) -> (Vec<u64>, bool) {
    let scratch = Scratch::new();
    let kept = scratch.file("kept", "kept\n");
    let mode = || kept.metadata().expect("it is there").permissions().mode() & 0o777;
    let before = mode();
    let fence = fence(&scratch);
    let outcome = fence.run(fixture("move"), [&scratch.text(""), ROUNDS, sketch]);
    let numbers = outcome.text().split_whitespace();
    let numbers = numbers.map(|word| word.split_once('=').expect("name=number").1);
    let numbers = numbers.map(|number| number.parse().expect("a number")).collect();
    let whole = std::fs::read(scratch.path("secret")).is_ok_and(|text| text == b"SECRET\n")
        && !scratch.path("moved").exists()
        && !scratch.path("hard").exists()
        && before != 0o640
        && mode() == before;
    (numbers, whole)
}

#[test]
fn directories_that_are_put_under_our_numbers_change_nothing() {
    let fence = |scratch: &Scratch| {
        Fence::by_hand(&scratch.rules().forbid_access(scratch.path("kept"), &["write"]))
    };
    let mut sums = Vec::new();
    for _ in 0..REPEATS {
        let (counts, whole) = race(fence, "0");
        assert!(whole, "something forbidden was changed: {counts:?}");
        sums.resize(counts.len(), 0);
        sums.iter_mut().zip(counts).for_each(|(sum, count): (&mut u64, u64)| *sum += count);
        if sums.iter().all(|sum| *sum > OFTEN) {
            return;
        }
    }
    panic!("one side hardly took place: {sums:?}");
}

#[test]
fn a_parent_held_in_the_shared_table_would_not_do() {
    assert!((0..REPEATS).any(|_| !race(|_| Fence::open(), "1").1), "the race is one");
}
