//! What the fence stands on is changed under a running worker. The two sides wait for each other at
//! FIFOs.

use super::Place;
use crate::harness::Outcome;

/// Runs `worker` in the fence and `change` outside of it, where the worker says `meet`.
#[track_caller]
fn meet(place: &Place, before: &str, worker: &str, change: &str) -> Outcome {
    let worker = worker.replace("meet", "echo >@/a; read -r go <@/b");
    let script = format!(
        "mount -t tmpfs -o mode=755 none /run; mkfifo @/a @/b; {before} \
         fenced sh -c '{worker}' & read -r ready <@/a; {change}; echo >@/b; wait $!"
    );
    place.apart(&["-r", "-m"], &script)
}

#[test]
fn without_its_image_a_worker_keeps_its_fence_and_starts_no_child() {
    let place = Place::new();
    let worker = "cat @/twin; meet; read -r x <@/secret && echo $x; read -r x <@/twin && echo still $x; \
                  cat @/twin; echo child $?";
    let outcome = meet(&place, "", worker, "rm -r /run/ringfence");
    assert_eq!(outcome.stdout, "twin\nstill twin\nchild 125\n", "{outcome:#?}");
    assert!(outcome.stderr.contains("secret: Permission denied"), "{outcome:#?}");
    let message = "ringfence: cannot open the policy image /run/ringfence/policy-";
    assert!(outcome.stderr.contains(message), "{outcome:#?}");
    assert!(outcome.stderr.contains("start the command by `ringfence run`"), "{outcome:#?}");
}

#[test]
fn a_damaged_image_starts_no_child() {
    let place = Place::new();
    let worker =
        "meet; read -r x <@/secret; read -r x <@/twin && echo still $x; cat @/twin; echo child $?";
    // Replaced, as a file is: what runs has the old one mapped.
    let change = "for i in /run/ringfence/*.img; do head -c 500 $i >$i.new; mv $i.new $i; done";
    let outcome = meet(&place, "", worker, change);
    assert_eq!(outcome.stdout, "still twin\nchild 125\n", "{outcome:#?}");
    assert!(outcome.stderr.contains("ringfence: the policy image"), "{outcome:#?}");
}

#[test]
fn a_policy_that_is_changed_binds_the_next_start() {
    let place = Place::new();
    let worker = "meet; read -r x <@/secret && echo $x; cat @/secret; cat @/twin";
    let change = "echo \"ringfence: {version: 1, files: {forbidden: [@/twin]}}\" >@/policy.yaml; \
                  fenced cat @/secret";
    let outcome = meet(&place, "", worker, change);
    assert_eq!(
        outcome.stdout, "SECRET\ntwin\n",
        "the new start, then the old worker: {outcome:#?}"
    );
    let refused = outcome.stderr.lines().filter(|line| line.contains("secret: Permission denied"));
    assert_eq!(refused.count(), 2, "the worker and its child: {outcome:#?}");
}

#[test]
fn an_audit_file_that_is_rotated_is_made_anew() {
    let place = Place::new();
    let worker = "cat @/secret; meet; cat @/secret";
    let script = meet(
        &place,
        "sed -i \"s|files:|audit: {to: @/log/audit}, files:|\" @/policy.yaml; mkdir @/log;",
        worker,
        "mv @/log/audit @/log/old",
    );
    for name in ["log/old", "log/audit"] {
        let text = std::fs::read_to_string(place.scratch.path(name)).expect("written");
        let lines = text.lines().filter(|line| line.contains("\"event\":\"deny\"")).count();
        assert_eq!(lines, 1, "{name}: {text} {script:#?}");
    }
}

/// Many processes refused at once: each has its line in the audit file, and every line is whole.
#[test]
fn a_storm_of_children_loses_no_denial() {
    let place = Place::new();
    let storm = "for i in 1 2 3 4; do (for j in 1 2 3 4 5 6 7 8 9 10 11 12; do \
                 (read -r x <@/secret; cat @/secret); done) & done; wait; cat @/twin";
    let outcome = place.script(&format!("fenced --audit @/audit -- sh -c '{storm}' 2>@/none"));
    assert_eq!(outcome.stdout, "twin\n", "{outcome:#?}");
    let text = std::fs::read_to_string(place.scratch.path("audit")).expect("written");
    let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("whole lines");
    let lines: Vec<_> = text.lines().map(parse).filter(|line| line["event"] == "deny").collect();
    assert_eq!(lines.len(), 2 * 4 * 12, "{text}");
}
