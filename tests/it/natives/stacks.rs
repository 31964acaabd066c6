//! Who asks, where more than one object is on the stack, or none that anybody knows.

use super::{Vendor, lines};
use crate::harness::{Fence, Rules, fixture};

/// A library that has another one make its threads is behind these; one that is not on the stack
/// is not.
#[test]
fn a_forbidden_library_has_no_other_make_its_threads() {
    let vendor = Vendor::new();
    let other = vendor.copy("open/libother.so");
    let fence = Fence::by_hand(&Rules::new().forbid_threads(vendor.prefix()));
    let through = format!("through:{other}");
    assert_eq!(vendor.lines(&fence, &[&through]), ["through EPERM"]);
    let words = [other.as_str(), "vendor:pthread_create", &through];
    let control = ["pthread_create 0 ran", "pthread_create 0 ran", "through 0"];
    assert_eq!(lines(&fence.run(fixture("threads"), words)), control);
    // Where others are authorized, the nearest library is who asks.
    let fence = Fence::by_hand(&Rules::new().authorize_threads(format!("native:{other}")));
    let expected = ["through 0", "pthread_create EPERM"];
    let printed = vendor.lines(&fence, &[&through, "vendor:pthread_create"]);
    assert_eq!(printed[1..], expected);
}

/// Another library where the first one lay: what was known of the place is not believed.
#[test]
fn a_library_that_takes_another_s_place_is_judged_anew() {
    let vendor = Vendor::new();
    let good = vendor.copy("open/libgood.so");
    let fence = Fence::by_hand(&Rules::new().forbid_threads(vendor.prefix()));
    let (close_closed, close_good) = (format!("close:{}", vendor.path()), format!("close:{good}"));
    let way = "vendor:pthread_create";
    let words = [&good, way, &close_closed, way, &close_good, way];
    let mut printed = lines(&fence.run(fixture("threads"), words));
    printed.retain(|line| !line.ends_with(" address"));
    let (runs, fails) = ("pthread_create 0 ran", "pthread_create EPERM");
    assert_eq!(printed, [runs, fails, runs]);
}

#[test]
fn a_thread_s_own_code_is_judged_and_not_who_made_the_thread() {
    let vendor = Vendor::new();
    let words = ["nested:pthread_create", "lent:pthread_create", "handler:pthread_create"];
    let authorized = Fence::by_hand(&Rules::new().authorize_threads(vendor.prefix()));
    let expected = ["pthread_create 0 ran", "pthread_create EPERM", "pthread_create EPERM"];
    assert_eq!(vendor.lines(&authorized, &words), expected);
    // The program's name too.
    let program = format!("native:{}", fixture("threads").display());
    let both = Rules::new().authorize_threads(vendor.prefix()).authorize_threads(program);
    let expected = ["pthread_create 0 ran"; 3];
    assert_eq!(vendor.lines(&Fence::by_hand(&both), &words), expected);
}

#[test]
fn a_forked_child_is_judged_like_its_parent() {
    let vendor = Vendor::new();
    let fence = Fence::by_hand(&Rules::new().forbid_threads(vendor.prefix()));
    let words = ["vendor:pthread_create", "child:pthread_create", "own:pthread_create"];
    let expected = ["pthread_create EPERM", "pthread_create EPERM", "pthread_create 0 ran"];
    assert_eq!(vendor.lines(&fence, &words), expected);
}

/// Code that lies in no file is nobody's: it is let through, refused where the policy says so, and
/// never authorized.
#[test]
fn generated_code_is_nobody_s() {
    let vendor = Vendor::new();
    let program = format!("native:{}", fixture("threads").display());
    let words = ["jit", "own:pthread_create"];
    for (rules, generated) in [
        (Rules::new().forbid_threads(vendor.prefix()), "jit 0 ran"),
        (Rules::new().forbid_threads(vendor.prefix()).deny_unattributed(), "jit EPERM"),
        (Rules::new().deny_unattributed(), "jit EPERM"),
        (Rules::new().authorize_threads(program), "jit EPERM"),
    ] {
        let printed = vendor.lines(&Fence::by_launcher(&rules), &words);
        assert_eq!(printed, [generated, "pthread_create 0 ran"]);
    }
}

/// A jump in the place of a call leaves libc as the caller: then the thread's own lineage counts.
#[test]
fn a_caller_that_hides_behind_libc_is_who_made_its_thread() {
    let vendor = Vendor::new();
    let fence = Fence::by_hand(&Rules::new().authorize_threads(vendor.prefix()));
    assert_eq!(vendor.lines(&fence, &["tailed"]), ["tailed 0 ran"]);
    let program = format!("native:{}", fixture("threads").display());
    let deny = Rules::new().forbid_threads(vendor.prefix()).deny_unattributed();
    assert_eq!(vendor.lines(&Fence::by_hand(&deny), &["tail"]), ["tail EPERM"]);
    let own = Fence::by_hand(&Rules::new().authorize_threads(program));
    assert_eq!(vendor.lines(&own, &["tail"]), ["tail 0 ran"], "the control");
}
