//! Descriptors, memory, room and file sizes that have run out, in the launcher and in a worker.

use super::{Place, expect_fenced, expect_unstarted};
use crate::harness::{Fence, Outcome, Scratch, fixture};

/// The results of the fixture `exhausted`, a line each.
#[track_caller]
fn exhausted(what: &str) -> Outcome {
    let scratch = Scratch::new();
    scratch.link("to-secret", "secret");
    scratch.link("to-twin", "twin");
    let fence = Fence::by_hand(&scratch.rules());
    let outcome = fence.run(fixture("exhausted"), [what, &scratch.text("")]);
    let allowed = ["open twin", "stat twin", "open to-twin", "stat to-twin"];
    for line in outcome.text().lines() {
        let twin = allowed.iter().any(|allowed| line.starts_with(allowed));
        assert!(twin || !line.ends_with(" ok"), "{line}: {outcome:#?}");
    }
    assert!(scratch.path("secret").exists(), "what may not be removed is there: {outcome:#?}");
    outcome
}

#[test]
fn a_full_table_of_descriptors_lets_nothing_through() {
    let outcome = exhausted("descriptors");
    for line in
        ["open secret EACCES", "stat secret EACCES", "unlink secret EACCES", "open twin EMFILE"]
    {
        assert!(outcome.text().lines().any(|found| found == line), "{line}: {outcome:#?}");
    }
    // A link is learned by a descriptor, so none is followed.
    assert!(outcome.text().contains("open to-secret EMFILE"), "{outcome:#?}");
}

#[test]
fn without_memory_nothing_is_let_through_and_each_denial_is_told() {
    let outcome = exhausted("memory");
    for line in [
        "open secret EACCES",
        "open to-secret EACCES",
        "open twin ok",
        "open to-twin ok",
        "stat twin ok",
    ] {
        assert!(outcome.text().lines().any(|found| found == line), "{line}: {outcome:#?}");
    }
    // The lines are put together in memory that was kept for this.
    let refused = outcome.text().lines().filter(|line| line.ends_with(" EACCES")).count();
    assert_eq!(outcome.audit.len(), refused, "{outcome:#?}");
    assert!(outcome.stderr.contains("ringfence: denied read of "), "{outcome:#?}");
}

#[test]
fn without_both_nothing_is_let_through() {
    let outcome = exhausted("both");
    assert!(outcome.text().contains("open secret EACCES\n"), "{outcome:#?}");
    assert!(outcome.stderr.contains("denied read of "), "{outcome:#?}");
}

/// However many descriptors there are: fenced, or nothing started. ld.so itself needs a fourth.
#[test]
fn few_descriptors_start_a_fence_or_nothing() {
    let place = Place::new();
    let mut started = 0;
    let mut refused = 0;
    for count in 3..=16 {
        let outcome = place.script(&format!("ulimit -n {count}; read-both"));
        match outcome.status.code() {
            Some(1) => {
                expect_fenced(&outcome);
                started += 1;
            }
            Some(127) => {
                assert!(outcome.stdout.is_empty(), "{outcome:#?}");
                assert!(
                    outcome.stderr.contains("error while loading shared libraries"),
                    "{outcome:#?}"
                );
            }
            _ => {
                expect_unstarted(&outcome, "Too many open files", "ulimit -n");
                refused += 1;
            }
        }
    }
    assert!(started > 0 && refused > 0, "both were met: {started} {refused}");
}

#[test]
fn few_descriptors_without_a_launcher_end_the_process_or_fence_it() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let mut fenced = 0;
    for count in 3..=8 {
        let line =
            format!("ulimit -n {count}; exec cat {}", scratch.words("@/secret @/twin").join(" "));
        let mut command = fence.command("sh");
        let outcome = fence.finish(command.args(["-c", &line]));
        assert!(!outcome.stdout.contains("SECRET"), "{outcome:#?}");
        if outcome.stdout == "twin\n" {
            assert!(outcome.stderr.contains("Permission denied"), "{outcome:#?}");
            fenced += 1;
        }
    }
    assert!(fenced > 0, "some were enough");
}

/// However little memory there is: fenced, or nothing started.
#[test]
fn little_memory_starts_a_fence_or_nothing() {
    let place = Place::new();
    let mut unstarted = 0;
    for kilobytes in (2_000..12_000).step_by(500) {
        let outcome = place.script(&format!("ulimit -v {kilobytes}; read-both"));
        assert!(!outcome.stdout.contains("SECRET"), "{kilobytes}: {outcome:#?}");
        if outcome.stdout == "twin\n" {
            expect_fenced(&outcome);
        } else {
            // The kernel kills what it cannot load, ld.so gives up, or ringfence says why.
            assert_eq!(outcome.stdout, "", "{kilobytes}: {outcome:#?}");
            assert!(!outcome.status.success(), "{kilobytes}: {outcome:#?}");
            unstarted += 1;
        }
    }
    assert!(unstarted > 0, "some were too little");
    expect_fenced(&place.script("ulimit -v 100000; read-both"));
}

#[test]
fn a_limit_of_file_sizes_stops_the_start_with_a_word() {
    let place = Place::new();
    let outcome = place.script("ulimit -f 0; read-both");
    expect_unstarted(&outcome, "cannot write `", "ulimit -f");
    expect_fenced(&place.script("ulimit -f 1000; read-both"));
}

/// The kernel answers a write beyond the limit by SIGXFSZ, which ends a process: a worker that was
/// only refused a file must not end by it.
#[test]
fn a_limit_of_file_sizes_does_not_end_a_worker_that_is_refused() {
    let scratch = Scratch::new();
    let fence = Fence::by_hand(&scratch.rules());
    let line = format!("ulimit -f 0; exec cat {}", scratch.words("@/secret @/twin").join(" "));
    let mut command = fence.command("sh");
    let outcome = fence.finish(command.args(["-c", &line]));
    assert_eq!(outcome.stdout, "twin\n", "{outcome:#?}");
    assert!(outcome.stderr.contains("secret: Permission denied"), "{outcome:#?}");
    assert!(outcome.audit.is_empty(), "there was no room: {outcome:#?}");
}

/// What cannot be written is counted, and told when there is room again.
#[test]
fn a_full_disk_under_the_audit_file_loses_no_count() {
    let place = Place::new();
    let line = "open @/secret O_RDONLY , open @/secret O_RDONLY , unlink @/disk/fill , \
                open @/secret O_RDONLY , open @/twin O_RDONLY";
    let script = format!(
        "mkdir @/disk; mount -t tmpfs -o size=16k none @/disk; cat /dev/zero >@/disk/fill 2>@/none; \
         fenced --audit @/disk/audit -- %call {line}; cat @/disk/audit"
    );
    let outcome = place.apart(&["-r", "-m"], &script);
    let mut lines = outcome.stdout.lines();
    for expected in ["-1 EACCES", "-1 EACCES", "ok", "-1 EACCES", "ok twin"] {
        assert_eq!(lines.next(), Some(expected), "{outcome:#?}");
    }
    let events: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(line).expect("whole lines")).collect();
    assert_eq!(events.len(), 2, "{outcome:#?}");
    assert_eq!((&events[0]["event"], &events[1]["event"]), (&"deny".into(), &"summary".into()));
    assert_eq!(events[1]["denials"], 2, "{outcome:#?}");
}

/// A disk that fills up in the middle of a line takes its beginning: the next line stands alone.
#[test]
fn a_line_that_was_torn_spoils_no_other() {
    let place = Place::new();
    let line = "open @/secret O_RDONLY , unlink @/disk/fill , open @/secret O_RDONLY";
    let script = format!(
        "mkdir @/disk; mount -t tmpfs -o size=16k none @/disk; \
         head -c 4000 /dev/zero | tr '\\000' ' ' >@/disk/audit; echo '{{}}' >>@/disk/audit; \
         cat /dev/zero >@/disk/fill 2>@/none; \
         fenced --audit @/disk/audit -- %call {line} >@/none; tail -n +2 @/disk/audit"
    );
    let outcome = place.apart(&["-r", "-m"], &script);
    let lines: Vec<&str> = outcome.text().lines().collect();
    assert_eq!(lines.len(), 3, "{outcome:#?}");
    let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line);
    assert!(parse(lines[0]).is_err(), "torn: {outcome:#?}");
    assert_eq!(parse(lines[1]).expect("whole")["event"], "deny", "{outcome:#?}");
    assert_eq!(parse(lines[2]).expect("whole")["denials"], 1, "{outcome:#?}");
}

#[test]
fn an_audit_file_that_takes_nothing_changes_no_verdict() {
    let place = Place::new();
    let outcome = place.script("fenced --audit /dev/full -- cat @/secret @/twin");
    expect_fenced(&outcome);
    assert!(
        outcome.stderr.contains("ringfence: denied read of "),
        "a person is told: {outcome:#?}"
    );
}
