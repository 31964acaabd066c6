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

#[test]
fn what_libc_exports_to_its_own_modules_is_judged_too() {
    let scratch = Scratch::new();
    let script = "\
import ctypes, errno, sys
libc = ctypes.CDLL('libc.so.6', use_errno=True)
libc.__nss_files_fopen.restype = ctypes.c_void_p
path, room, code = sys.argv[1].encode(), ctypes.create_string_buffer(4096), ctypes.c_int()
stream = libc.__nss_files_fopen(path)
print(libc.fgets(room, 99, ctypes.c_void_p(stream)) and room.value if stream else errno.errorcode[ctypes.get_errno()])
# The fourth of libc's files is that of the groups; see nss_files_data.h.
print(libc.__nss_files_data_setent(3, path))
entry = ctypes.create_string_buffer(256)
name, more = ctypes.c_char_p(b'root'), (entry, room, ctypes.c_size_t(4096), ctypes.byref(code))
print(libc._nss_files_getspnam_r(name, *more), libc._nss_files_getspent_r(*more))
";
    let run = |fence: &Fence, place: &str| {
        let outcome = fence.run("python3", ["-c", script, &scratch.text(place)]);
        outcome.text().to_owned()
    };
    let rules = scratch.rules().forbid("/etc/shadow");
    let fence = Fence::by_hand(&rules);
    // -1 is NSS_STATUS_UNAVAIL, 1 is NSS_STATUS_SUCCESS.
    assert_eq!(run(&fence, "secret"), "EACCES\n-1\n-1 -1");
    assert_eq!(run(&fence, "twin"), "b'twin\\n'\n-1\n-1 -1");
    let open = Fence::by_hand(&scratch.rules());
    let readable = if std::fs::File::open("/etc/shadow").is_ok() { "1 1" } else { "-1 -1" };
    assert_eq!(run(&open, "twin"), format!("b'twin\\n'\n-1\n{readable}"));
    let plain = run(&Fence::open(), "secret");
    assert!(plain.starts_with("b'SECRET\\n'\n1\n"), "without a fence: {plain}");
}
