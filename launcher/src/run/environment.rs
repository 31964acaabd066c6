//! The worker's environment: what the launcher got, the fence put in, and nothing twice.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Image, Mode};

use crate::places::{Follow, Links, beneath, normalise};

/// Names the library that ld.so loads first.
const PRELOAD: &str = "LD_PRELOAD";
/// Names the image to the shim.
const IMAGE: &str = "RINGFENCE_IMAGE";
/// Names this start in audit lines.
const RUN: &str = "RINGFENCE_RUN";
/// Says that nobody but the host has a part in a program's start, so that it has the exceptions that
/// are for the host. The shim hands it on, or takes it away.
pub(crate) const HOST: (&str, &str) = ("RINGFENCE_HOST", "1");
/// Loads code before any preloaded library, so that it could do what the shim never sees.
const AUDIT: &str = "LD_AUDIT";

/// Variables by which libc or ld.so itself opens a file, in calls that no shim sees, and what it
/// does there.
const FILES: [(&str, Access); 14] = [
    ("DATEMSK", Access::READ),
    ("GCONV_PATH", Access::READ),
    ("GMON_OUT_PREFIX", Access::WRITE),
    ("HOSTALIASES", Access::READ),
    ("LANGUAGE", Access::READ),
    ("LD_DEBUG_OUTPUT", Access::WRITE),
    ("LD_LIBRARY_PATH", Access::READ),
    ("LD_PROFILE_OUTPUT", Access::WRITE),
    ("LOCPATH", Access::READ),
    ("MALLOC_TRACE", Access::WRITE),
    ("NLSPATH", Access::READ),
    ("RESOLV_HOST_CONF", Access::READ),
    ("TZ", Access::READ),
    ("TZDIR", Access::READ),
];

/// What goes into the environment besides what is there.
pub(crate) struct Fence<'a> {
    /// The shim.
    pub(crate) library: &'a Path,
    /// More libraries, in this order, after those that are there.
    pub(crate) preloads: &'a [PathBuf],
    /// The image.
    pub(crate) image: &'a Path,
    /// The id of this start.
    pub(crate) run: &'a str,
}

/// The variables of a process, in order.
pub(crate) type Variables = Vec<(OsString, OsString)>;

/// The environment of the worker, and the names of the variables that were dropped.
pub(crate) fn of_worker(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    fence: &Fence<'_>,
    policy: Image<'_>,
) -> (Variables, Vec<OsString>) {
    let mut kept = Variables::new();
    let mut dropped = Vec::new();
    let mut preloaded = OsString::new();
    for (name, value) in inherited {
        if name == PRELOAD {
            // ld.so takes the last of several.
            preloaded = value;
        } else if name == AUDIT || names_forbidden(&name, &value, policy) {
            dropped.push(name);
        } else if name != IMAGE && name != RUN && name != HOST.0 {
            kept.push((name, value));
        }
    }
    kept.push((PRELOAD.into(), preload(fence, &preloaded)));
    kept.push((IMAGE.into(), fence.image.into()));
    kept.push((RUN.into(), fence.run.into()));
    if policy.has_audiences() {
        kept.push((HOST.0.into(), HOST.1.into()));
    }
    (kept, dropped)
}

/// Ours, then what was there, then what the options name.
fn preload(fence: &Fence<'_>, there: &OsStr) -> OsString {
    let ours = fence.library.as_os_str().as_bytes();
    let there = there.as_bytes().split(|byte| matches!(byte, b' ' | b':'));
    let asked = fence.preloads.iter().map(|library| library.as_os_str().as_bytes());
    let others = there.chain(asked).filter(|library| !library.is_empty());
    let mut all: Vec<&[u8]> = vec![ours];
    for library in others {
        if !all.contains(&library) {
            all.push(library);
        }
    }
    OsString::from_vec(all.join(&b':'))
}

/// Whether libc would open a forbidden path because of this variable: as written, or where it
/// leads. A policy that only audits takes nothing from the worker.
fn names_forbidden(name: &OsStr, value: &OsStr, policy: Image<'_>) -> bool {
    let file = FILES.iter().find(|(file, _)| name == *file);
    let Some((_, access)) = file.filter(|_| policy.mode() == Mode::Enforce) else { return false };
    let pieces = value.as_bytes().split(|byte| matches!(byte, b':' | b';'));
    let paths = pieces.filter(|piece| !piece.is_empty()).flat_map(|piece| bases(name, piece));
    paths.into_iter().any(|path| is_forbidden(&path, *access, policy))
}

/// The absolute paths that a piece of a value may stand for.
fn bases(name: &OsStr, piece: &[u8]) -> Vec<Vec<u8>> {
    if piece.first() == Some(&b'/') {
        return vec![piece.to_vec()];
    }
    let current = std::env::current_dir().map(|dir| dir.into_os_string().into_vec());
    let mut bases = vec![current.unwrap_or_else(|_| b"/".to_vec())];
    if name == "TZ" {
        let zones = std::env::var_os("TZDIR").unwrap_or_else(|| "/usr/share/zoneinfo".into());
        bases.push(zones.into_vec());
    }
    bases.iter().map(|base| beneath(base, piece)).collect()
}

fn is_forbidden(path: &[u8], access: Access, policy: Image<'_>) -> bool {
    let refused = |name: &[u8]| policy.decide(name).refuses(access).is_some();
    // A loop leads nowhere, so only the name counts.
    let names = Links::default().chain(path, Follow::All).unwrap_or_default();
    refused(&normalise(path)) || names.iter().any(|name| refused(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::{Audience, Effect, FileRule, PathPattern, Place, Policy};

    fn image(access: Access, mode: Mode) -> Vec<u8> {
        let policy = Policy { rules: vec![rule(access)], mode, ..Policy::default() };
        ringfence_policy::compile(&policy).expect("compiles")
    }

    fn image_for_host() -> Vec<u8> {
        let exception = FileRule {
            names: vec![PathPattern::Literal(b"/etc/worker".to_vec())],
            effect: Effect::Allow,
            audience: Some(Audience { host: true, callers: vec![] }),
            ..rule(Access::READ)
        };
        let rules = vec![rule(Access::ALL), exception];
        let policy = Policy { rules, ..Policy::default() };
        ringfence_policy::compile(&policy).expect("compiles")
    }

    fn rule(access: Access) -> FileRule {
        FileRule {
            id: "forbiddenPaths[0]".into(),
            section: "forbiddenPaths".into(),
            pattern: "/etc/".into(),
            names: vec![PathPattern::Literal(b"/etc".to_vec())],
            effect: Effect::Forbid,
            access,
            place: Place { file: "p.yaml".into(), line: 1, column: 1 },
            reason: None,
            fixed: false,
            leaf: false,
            audience: None,
        }
    }

    fn worker(variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        worker_of(&image(Access::ALL, Mode::Enforce), variables)
    }

    fn worker_of(bytes: &[u8], variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let fence = Fence {
            library: Path::new("/r/libringfence.so"),
            preloads: &[PathBuf::from("/asked.so")],
            image: Path::new("/run/ringfence/p.img"),
            run: "id",
        };
        let inherited = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let policy = Image::parse(bytes).expect("an image");
        let (kept, dropped) = of_worker(inherited, &fence, policy);
        let text = |word: &OsString| word.to_string_lossy().into_owned();
        let kept = kept.iter().map(|(name, value)| format!("{}={}", text(name), text(value)));
        (kept.collect(), dropped.iter().map(text).collect())
    }

    #[test]
    fn the_fence_comes_first_and_what_was_there_stays() {
        let (kept, _) = worker(&[("A", "1"), ("LD_PRELOAD", "/one.so /two.so:/r/libringfence.so")]);
        let preload = "LD_PRELOAD=/r/libringfence.so:/one.so:/two.so:/asked.so";
        let ours = ["RINGFENCE_IMAGE=/run/ringfence/p.img", "RINGFENCE_RUN=id"];
        assert_eq!(kept, ["A=1", preload, ours[0], ours[1]]);
    }

    #[test]
    fn the_worker_is_the_host_where_the_policy_asks_who_is() {
        let inherited = [("RINGFENCE_HOST", "2"), ("RINGFENCE_HOST", "1")];
        let (kept, _) = worker(&inherited);
        assert!(!kept.iter().any(|text| text.starts_with("RINGFENCE_HOST")), "{kept:?}");
        let (kept, _) = worker_of(&image_for_host(), &inherited);
        assert_eq!(kept.iter().filter(|text| text.starts_with("RINGFENCE_HOST")).count(), 1);
        assert_eq!(kept.last().map(String::as_str), Some("RINGFENCE_HOST=1"));
    }

    #[test]
    fn each_variable_of_the_fence_is_there_once() {
        let twice =
            [("LD_PRELOAD", "/old.so"), ("RINGFENCE_IMAGE", "/x"), ("LD_PRELOAD", "/new.so")];
        let (kept, _) = worker(&twice);
        assert_eq!(kept.len(), 3);
        assert_eq!(kept[0], "LD_PRELOAD=/r/libringfence.so:/new.so:/asked.so");
    }

    #[test]
    fn variables_that_name_a_forbidden_file_are_dropped() {
        for (name, value) in [
            ("RESOLV_HOST_CONF", "/etc/passwd"),
            ("LOCPATH", "/usr/share:/etc//x"),
            ("TZ", ":/etc/passwd"),
            ("TZ", "../../../etc/passwd"),
            ("LD_LIBRARY_PATH", "/opt;/usr/../etc"),
            ("LD_AUDIT", "/any.so"),
        ] {
            let (kept, dropped) = worker(&[(name, value)]);
            assert_eq!(dropped, [name], "{value}");
            assert_eq!(kept.len(), 3, "{value}");
        }
    }

    #[test]
    fn a_variable_is_judged_by_what_libc_does_there() {
        let only_writing = image(Access::WRITE, Mode::Enforce);
        for (name, dropped) in [("LD_LIBRARY_PATH", 0), ("MALLOC_TRACE", 1)] {
            let (_, names) = worker_of(&only_writing, &[(name, "/etc/x")]);
            assert_eq!(names.len(), dropped, "{name}");
        }
    }

    #[test]
    fn a_policy_that_only_audits_takes_no_variable_away() {
        let auditing = image(Access::ALL, Mode::Audit);
        let (_, dropped) = worker_of(&auditing, &[("LOCPATH", "/etc/x"), ("LD_AUDIT", "/x.so")]);
        assert_eq!(dropped, ["LD_AUDIT"], "what would come before the shim is never kept");
    }

    #[test]
    fn variables_that_name_other_files_stay() {
        for (name, value) in [
            ("TZ", "Asia/Tokyo"),
            ("LOCPATH", "/usr/share"),
            ("HOME", "/etc"),
            ("LANGUAGE", "de:en"),
        ] {
            let (kept, dropped) = worker(&[(name, value)]);
            assert_eq!(dropped, Vec::<String>::new(), "{name}");
            assert_eq!(kept[0], format!("{name}={value}"));
        }
    }
}
