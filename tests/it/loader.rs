//! The loader's own interface: what is loaded is judged, and no way to libc's functions leads past
//! the hooks.

use crate::harness::{Fence, Outcome, Scratch, fixture};

/// A tree with a library in a forbidden and in an allowed place.
fn libraries() -> Scratch {
    let scratch = Scratch::new();
    for directory in ["closed", "open"] {
        let place = scratch.path(directory).join("libpeek.so");
        std::fs::copy(fixture("libpeek.so"), place).expect("a copy in our own tree");
    }
    scratch
}

#[track_caller]
fn load(fence: &Fence, scratch: &Scratch, line: &str) -> Outcome {
    fence.run(fixture("load"), scratch.words(line))
}

#[test]
fn a_forbidden_library_is_not_loaded() {
    let scratch = libraries();
    scratch.link("link.so", scratch.path("closed/libpeek.so"));
    let fence = Fence::by_hand(&scratch.rules());
    for line in ["open @/closed/libpeek.so", "base @/closed/libpeek.so", "open @/link.so"] {
        assert_eq!(load(&Fence::open(), &scratch, line).text(), "ok");
        let refused = load(&fence, &scratch, line);
        assert!(refused.stdout.starts_with("refused: "), "{line}: {refused:#?}");
        assert!(refused.stdout.contains("refused by the policy"), "dlerror says why: {refused:#?}");
    }
    for line in ["open @/open/libpeek.so", "base @/open/libpeek.so", "open libc.so.6"] {
        assert_eq!(load(&fence, &scratch, line).text(), "ok", "{line}");
    }
}

#[test]
fn what_is_not_there_is_told_in_the_loaders_own_words() {
    let scratch = libraries();
    let fence = Fence::by_hand(&scratch.rules());
    let open = load(&Fence::open(), &scratch, "open @/open/nothing.so");
    assert!(open.stdout.contains("No such file"), "{open:#?}");
    assert_eq!(load(&fence, &scratch, "open @/open/nothing.so").stdout, open.stdout);
}

#[test]
fn a_new_name_space_is_refused() {
    let scratch = libraries();
    let fence = Fence::by_hand(&scratch.rules());
    let line = "space @/open/libpeek.so @/secret";
    assert_eq!(load(&Fence::open(), &scratch, line).text(), "SECRET");
    let refused = load(&fence, &scratch, line);
    assert!(refused.stdout.starts_with("refused: "), "{refused:#?}");
    assert_eq!(load(&fence, &scratch, "base @/open/libpeek.so @/twin").text(), "twin");
}

#[test]
fn no_handle_and_no_version_leads_past_the_hooks() {
    let scratch = libraries();
    let fence = Fence::by_hand(&scratch.rules());
    for how in [
        "open:open libc.so.6",
        "open:open64 libc.so.6",
        "open:open:GLIBC_2.2.5 libc.so.6",
        "base:open libc.so.6",
        "default:open -",
        "default:open:GLIBC_2.2.5 -",
        "next:open -",
        "next:open:GLIBC_2.2.5 -",
        "open @/open/libpeek.so",
        "deep @/open/libpeek.so",
    ] {
        let open = load(&Fence::open(), &scratch, &format!("{how} @/secret"));
        assert_eq!(open.text(), "SECRET", "{how}");
        let refused = load(&fence, &scratch, &format!("{how} @/secret"));
        assert_eq!(refused.stdout, "-1 EACCES\n", "{how}: {refused:#?}");
        assert_eq!(load(&fence, &scratch, &format!("{how} @/twin")).text(), "twin", "{how}");
    }
}

#[test]
fn a_librarys_own_function_by_libcs_name_is_its_own() {
    let scratch = libraries();
    let fence = Fence::by_hand(&scratch.rules());
    let line = "open:popen @/open/libpeek.so @/twin";
    assert_eq!(load(&Fence::open(), &scratch, line).text(), "twin");
    assert_eq!(load(&fence, &scratch, line).text(), "twin");
}

#[test]
fn a_missing_symbol_is_told_in_the_loaders_own_words() {
    let scratch = libraries();
    let fence = Fence::by_hand(&scratch.rules());
    let line = "open:no_such_symbol @/open/libpeek.so @/twin";
    let open = load(&Fence::open(), &scratch, line);
    assert!(open.stdout.starts_with("no symbol: "), "{open:#?}");
    assert_eq!(load(&fence, &scratch, line).stdout, open.stdout);
}
