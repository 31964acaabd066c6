//! The launcher killed in the middle of its start.

use std::fs;

use super::{Place, expect_fenced};

/// Gives the tree a policy of which there is no image yet.
fn fresh_policy(place: &Place, step: u32) {
    let list = format!("[{}, /nonexistent/step-{step}]", place.scratch.text("secret"));
    let text = format!("ringfence: {{version: 1, files: {{forbidden: {list}}}}}\n");
    fs::write(place.scratch.path("policy.yaml"), text).expect("our own file");
}

/// Killed before each thing that it leaves behind, it leaves no worker, and nothing by which a later
/// start would be spoilt: not half an image, not a directory of the wrong mode.
#[test]
fn a_launcher_killed_at_any_step_leaves_no_worker() {
    let place = Place::new();
    let mut met = Vec::new();
    for step in 1.. {
        fresh_policy(&place, step);
        let outcome = place.script(&format!("%steps {step} read-both"));
        assert!(!outcome.stdout.contains("SECRET"), "{outcome:#?}");
        let Some(name) = outcome.stdout.strip_prefix(&format!("killed at step {step}: ")) else {
            // All of its steps were done, and it became the worker.
            assert_eq!(outcome.stdout, format!("{} steps\ntwin\n", step - 1), "{outcome:#?}");
            assert!(outcome.stderr.contains("secret: Permission denied"), "{outcome:#?}");
            break;
        };
        assert_eq!(outcome.status.code(), Some(0), "{outcome:#?}");
        assert_eq!(outcome.stderr, "", "{outcome:#?}");
        met.push(name.trim().to_owned());
        expect_fenced(&place.script("read-both"));
    }
    // The image is written, read back and proved, and the last step is to become the worker.
    for name in ["openat O_CREAT", "write", "fchmod", "rename", "prctl", "execve"] {
        assert!(met.iter().any(|met| met == name), "{name}: {met:?}");
    }
    assert_eq!(met.last().map(String::as_str), Some("execve"));
}

/// The same where the private directory has to be made.
#[test]
fn a_launcher_killed_before_its_directory_is_private_spoils_no_later_start() {
    let place = Place::new();
    let mut made = 0;
    for step in 1..=3 {
        let outcome = place.apart(
            &["-r", "-m"],
            &format!(
                "umask 0; mount -t tmpfs -o mode=755 none /run; %steps {step} read-both; ls /run; read-both"
            ),
        );
        made += usize::from(outcome.stdout.contains("\nringfence\n"));
        let (first, rest) = outcome.stdout.split_once('\n').expect("the step");
        assert!(first.starts_with("killed at step "), "{outcome:#?}");
        assert!(rest.ends_with("twin\n") && !rest.contains("SECRET"), "{outcome:#?}");
        assert!(outcome.stderr.contains("secret: Permission denied"), "{outcome:#?}");
    }
    assert!(made > 0, "it was met between making the directory and the image");
}
