//! Who may start a program, by the native object that asks.

use super::Vendor;
use crate::harness::{Fence, Rules, fixture};

/// Every way of the `start` fixture to a program.
const STARTS: [&str; 18] = [
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "execl",
    "execle",
    "execlp",
    "fexecve",
    "execveat",
    "execveat-path",
    "spawn",
    "spawnp",
    "syscall-execve",
    "syscall-execveat",
    "vfork execve",
    "fork execl",
    "system",
    "popen",
];

#[test]
fn a_forbidden_program_starts_no_other_in_any_way() {
    let program = fixture("start");
    let fenced = |rules: Rules, way: &str| {
        let started = if matches!(way, "system" | "popen") { "true" } else { "/bin/true" };
        Fence::by_hand(&rules).run(&program, way.split(' ').chain([started]))
    };
    for way in STARTS {
        let prefix = format!("native:{}", program.display());
        let refused = fenced(Rules::new().forbid_processes(prefix), way);
        assert_eq!(refused.stdout, "-1 EACCES\n", "{way}: {refused:#?}");
        assert_eq!(refused.audit[0]["op"], "process.start", "{way}");
        let allowed = fenced(Rules::new().forbid_processes("native:libscan.so.3"), way);
        assert!(allowed.status.success() && allowed.stdout.is_empty(), "{way}: {allowed:#?}");
    }
}

#[test]
fn a_library_and_its_program_start_programs_each_by_its_own_rules() {
    let vendor = Vendor::new();
    let words = ["own-program", "vendor-program", "own:pthread_create", "vendor:pthread_create"];
    let threads = ["pthread_create 0 ran", "pthread_create 0 ran"];
    let program = format!("native:{}", fixture("threads").display());
    for (rules, expected) in [
        (Rules::new().forbid_processes(vendor.prefix()), ["0", "EACCES"]),
        (Rules::new().authorize_processes(vendor.prefix()), ["EACCES", "0"]),
        (Rules::new().forbid_processes(&program), ["EACCES", "0"]),
        (Rules::new().authorize_processes(&program), ["0", "EACCES"]),
    ] {
        let mut printed = vendor.lines(&Fence::by_launcher(&rules), &words);
        assert_eq!(printed.split_off(2), threads, "threads have lists of their own");
        let [own, theirs] = expected;
        assert_eq!(printed, [format!("own-program {own}"), format!("vendor-program {theirs}")]);
    }
}
