//! Streams that are closed, and directories in which nothing can be handed over.

use super::{Place, expect_fenced, expect_unstarted};

#[test]
fn closed_streams_change_no_verdict() {
    let place = Place::new();
    let read = "fenced --audit @/audit -- sh -c 'cat @/twin >@/out; cat @/secret >>@/out'";
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let script = format!("rm -f @/audit @/out; {read} {closed}; cat @/out @/audit");
        let outcome = place.script(&script);
        let mut lines = outcome.text().lines();
        assert_eq!(lines.next(), Some("twin"), "{closed}: {outcome:#?}");
        let event: serde_json::Value =
            serde_json::from_str(lines.next().expect("the denial")).expect("JSON");
        assert_eq!(event["path"], place.scratch.text("secret").as_str(), "{closed}: {outcome:#?}");
        assert_eq!(lines.next(), None, "{closed}: {outcome:#?}");
    }
}

/// With standard error closed its number goes to the next file that the worker opens: no line of
/// ours may land in there.
#[test]
fn no_line_lands_in_a_file_that_got_the_number_of_standard_error() {
    let place = Place::new();
    let worker = "exec 2>@/data; read -r x <@/secret; read -r x <@/twin && echo $x";
    for closed in ["2>&-", "2>@/console"] {
        let outcome = place
            .script(&format!("rm -f @/console; fenced -- sh -c '{worker}' {closed}; cat @/data"));
        assert!(outcome.text().starts_with("twin\n"), "{outcome:#?}");
        assert!(outcome.stdout.contains("Permission denied"), "the shell's word: {outcome:#?}");
        assert!(!outcome.stdout.contains("ringfence: "), "and none of ours: {outcome:#?}");
    }
}

const NOWHERE: &str = "for d in /run /dev/shm; do mount -t tmpfs -o OPTION none $d; done; \
                       export TMPDIR=/dev/shm; ";

#[test]
fn read_only_directories_start_nothing() {
    let place = Place::new();
    let mounts = NOWHERE.replace("OPTION", "ro");
    let outcome = place.apart(&["-r", "-m"], &format!("{mounts} read-both"));
    expect_unstarted(&outcome, "no directory can hold the policy image safely", "XDG_RUNTIME_DIR");
    assert!(outcome.stderr.contains("`/run/ringfence`: Read-only file system"), "{outcome:#?}");
    // As it says, so it works.
    let outcome = place.apart(&["-r", "-m"], &format!("{mounts} XDG_RUNTIME_DIR=@ read-both"));
    expect_fenced(&outcome);
}

#[test]
fn a_full_directory_starts_nothing() {
    let place = Place::new();
    let mounts = NOWHERE.replace("OPTION", "size=4k");
    let fill = "mkdir /run/ringfence; cat /dev/zero >/run/fill 2>@/none; ";
    let outcome = place.apart(&["-r", "-m"], &format!("{mounts} {fill} read-both"));
    expect_unstarted(&outcome, "No space left on device", "XDG_RUNTIME_DIR");
    let left = place.apart(&["-r", "-m"], &format!("{mounts} {fill} read-both; ls /run/ringfence"));
    assert_eq!(left.stdout, "", "nothing half-written is left: {left:#?}");
}

/// An image may lie on a noexec mount, a library may not.
#[test]
fn noexec_directories_hold_the_image_but_no_library() {
    let place = Place::new();
    let mounts = NOWHERE.replace("OPTION", "noexec");
    expect_fenced(&place.apart(&["-r", "-m"], &format!("{mounts} read-both")));
    // A library that not everybody can read is copied for whom the worker may become.
    let launcher = crate::harness::artifacts().launcher.display().to_string();
    let library = crate::harness::artifacts().library.display().to_string();
    let copy = format!(
        "mkdir -m 700 @/bin; cp '{launcher}' '{library}' @/bin; @/bin/ringfence run -p @/policy.yaml -q cat @/secret @/twin"
    );
    let outcome = place.apart(&["-r", "-m"], &format!("{mounts} {copy}"));
    expect_unstarted(&outcome, "is on a noexec mount", "XDG_RUNTIME_DIR");
    expect_fenced(&place.apart(&["-r", "-m"], &format!("rm -r @/bin; {}", copy)));
}

#[test]
fn a_library_on_a_noexec_mount_starts_nothing() {
    let place = Place::new();
    let launcher = crate::harness::artifacts().launcher.display().to_string();
    let library = crate::harness::artifacts().library.display().to_string();
    let script = |options: &str| {
        format!(
            "mkdir @/bin; mount -t tmpfs none @/bin; cp '{launcher}' '{library}' @/bin; chmod 755 @/bin; \
             mkdir @/bin/lib; mount -t tmpfs -o {options} none @/bin/lib; mkdir -p @/lib/ringfence; \
             mv @/bin/libringfence.so @/bin/lib; mount --bind @/bin/lib @/lib/ringfence; \
             @/bin/ringfence run -p @/policy.yaml -q cat @/secret @/twin"
        )
    };
    let outcome = place.apart(&["-r", "-m"], &script("noexec"));
    expect_unstarted(&outcome, "is on a noexec mount", "mounted without noexec");
    assert!(outcome.stderr.contains("RF404"), "{outcome:#?}");
    std::fs::remove_dir_all(place.scratch.path("bin")).expect("our own tree");
    expect_fenced(&place.apart(&["-r", "-m"], &script("nosuid")));
}
