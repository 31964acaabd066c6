//! What a module leaves with the interpreter, or with libc, to be called when nothing of the module's is on
//! any stack.

use std::fs;
use std::path::Path;

use crate::harness::{Fence, Scratch};
use crate::programs::{PYTHON, source};

/// The host: its thread ends before the process does.
const HOST: &str = "\
import atexit, os, sys, threading
sys.path.insert(0, sys.argv[1])
way, command = sys.argv[2:]
if way == 'own':
    atexit.register(lambda: os.system(command))
else:
    import leaving
    one = threading.Thread(target=lambda: getattr(leaving, way)(command))
    one.start()
    one.join()
    # Its end, which libc sees to.
    while os.path.exists(f'/proc/self/task/{one.native_id}'): pass
";

fn started(fence: &Fence, scratch: &Scratch, way: &str) -> bool {
    let made = scratch.path("made");
    let modules = source("python/callers");
    let modules = modules.to_str().expect("UTF-8");
    let command = format!("echo > {}", made.display());
    let outcome = fence.run(PYTHON, ["-B", "-c", HOST, modules, way, &command]);
    assert_eq!(outcome.status.code(), Some(0), "{way}: {outcome:#?}");
    let is_made = made.exists();
    let _ = fs::remove_file(&made);
    let told = outcome.stderr.contains("denied program by ");
    assert_eq!(told, !is_made, "{way}: a refusal is told: {outcome:#?}");
    is_made
}

fn fence(scratch: &Scratch, list: &str) -> Fence {
    let text = format!("ringfence:\n  version: 1\n  processes: {{{list}}}\n");
    let policy = scratch.file("policy.yaml", &text);
    let policy: &Path = &policy;
    Fence::by_policies(&[policy], &[])
}

#[test]
fn what_a_module_leaves_behind_starts_no_program() {
    let scratch = Scratch::empty();
    for way in ["interpreter", "libc", "key", "own"] {
        assert!(started(&Fence::open(), &scratch, way), "{way} without a fence");
    }
    let lists = ["forbidden: ['python:leaving']", "authorized: ['python:other']"];
    for list in lists {
        let fence = fence(&scratch, list);
        for way in ["interpreter", "libc", "key"] {
            assert!(!started(&fence, &scratch, way), "{way} under {list}");
        }
        assert!(started(&fence, &scratch, "own"), "what the host itself does, under {list}");
    }
}
