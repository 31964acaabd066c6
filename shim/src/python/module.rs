//! Whose code it is: by the name that its module goes by, and by the file that it was compiled from.
//!
//! Either can be chosen by code that sets out to, so each only adds: code of a package's file is
//! that package's whatever it calls itself, and whoever calls itself a package is one. Only what both
//! agree is the standard library's is nobody's but its callers'.

use super::interpreter::known;

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// The standard library's, which acts for who called it.
    Runtime,
    /// The program's own: what was started as `__main__`.
    Host,
    /// A module's, by the name that it goes by, and by its file where that says another.
    Module(Option<&'a [u8]>, Option<Beneath<'a>>),
    /// Goes by that name, or by `__main__` without one, and is from a file that does not bear it out:
    /// any name that the path ends in may be the module's own.
    Renamed(Option<&'a [u8]>, Beneath<'a>),
    /// Nobody's who is known.
    Nobody,
}

/// A path of a module beneath where modules lie: `airflow/models/dag.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beneath<'a>(&'a [u8]);

/// Whose the code of a file is that runs with a module's name, in Python 3.`minor`.
pub(super) fn owner<'a>(name: Option<&'a [u8]>, file: &'a [u8], minor: u8) -> Owner<'a> {
    let is_main = matches!(name, Some(b"__main__" | b"__mp_main__"));
    if let Some(place) = package(file) {
        let claimed = name.filter(|name| !is_main && !place.is(name));
        return Owner::Module(claimed, Some(place));
    }
    let path = Beneath::of(file);
    match (name, library(file, minor), path) {
        (None, ..) => Owner::Nobody,
        (Some(_), None, Some(path)) if is_main => Owner::Renamed(None, path),
        (Some(_), ..) if is_main => Owner::Host,
        (Some(name), Some(place), _) if place.is(name) || is_alias(name, place) => Owner::Runtime,
        (Some(name), None, Some(path)) if !path.ends(name) => Owner::Renamed(Some(name), path),
        (Some(name), ..) => Owner::Module(Some(name), None),
    }
}

/// The path of an installed package's file, beneath where packages are installed.
fn package(file: &[u8]) -> Option<Beneath<'_>> {
    let found = [b"/site-packages/".as_slice(), b"/dist-packages/"];
    let place =
        found.iter().filter_map(|directory| after(file, directory)).min_by_key(|place| {
            // The one that begins last.
            place.len()
        })?;
    // An egg is a directory, or an archive, of its own.
    let first = place.split(|byte| *byte == b'/').next()?;
    let place =
        if first.ends_with(b".egg") { place.get(first.len().saturating_add(1)..)? } else { place };
    Some(Beneath(place))
}

/// The path of a file of the standard library's, beneath its directory.
fn library(file: &[u8], minor: u8) -> Option<Beneath<'_>> {
    if let Some(name) = file.strip_prefix(b"<frozen ") {
        return name.strip_suffix(b">").map(Beneath);
    }
    let (tens, ones) = (b'0'.saturating_add(minor / 10), b'0'.saturating_add(minor % 10));
    let number = [tens, ones];
    // `lib/python3.9/`, `lib64/python3.11/`, `python311.zip/`.
    let number = if tens == b'0' { number.get(1..)? } else { &number };
    for (before, behind) in [
        (b"/lib/python3.".as_slice(), b"/".as_slice()),
        (b"/lib64/python3.", b"/"),
        (b"/lib/python3", b".zip/"),
        (b"/lib64/python3", b".zip/"),
    ] {
        let place = after(file, before)
            .and_then(|rest| rest.strip_prefix(number))
            .and_then(|rest| rest.strip_prefix(behind));
        if let Some(place) = place {
            return Some(Beneath(place));
        }
    }
    None
}

/// Whether an object is an extension module of the standard library's, by its path: it acts for the
/// code that called it, as the rest of that library does.
pub(crate) fn is_extension(path: &[u8]) -> bool {
    known().any(|interpreter| {
        library(path, interpreter.minor)
            .and_then(|place| place.0.strip_prefix(b"lib-dynload/"))
            .is_some_and(|name| !name.contains(&b'/'))
    })
}

/// What follows the last place where a text has these words.
fn after<'a>(text: &'a [u8], words: &[u8]) -> Option<&'a [u8]> {
    let last = text.windows(words.len()).rposition(|window| window == words)?;
    text.get(last.checked_add(words.len())?..)
}

/// Modules of the standard library that go by another name than their file's.
const ALIASES: [(&[u8], &[u8]); 5] = [
    (b"_collections_abc", b"collections.abc"),
    (b"_pydecimal", b"decimal"),
    (b"importlib._bootstrap", b"_frozen_importlib"),
    (b"importlib._bootstrap_external", b"_frozen_importlib_external"),
    (b"importlib/_bootstrap_external.py", b"_frozen_importlib_external"),
];

fn is_alias(name: &[u8], place: Beneath<'_>) -> bool {
    ALIASES.iter().any(|(real, alias)| *alias == name && (place.is(real) || place.0 == *real))
}

impl<'a> Beneath<'a> {
    /// The path of a file beneath the root.
    pub(super) fn of(file: &'a [u8]) -> Option<Self> {
        file.strip_prefix(b"/").map(Self)
    }

    /// The path without what says which kind of file it is.
    fn stem(self) -> &'a [u8] {
        let path = self.0;
        let path = [b".py".as_slice(), b".pyc"]
            .iter()
            .find_map(|ending| path.strip_suffix(*ending))
            .unwrap_or(path);
        path.strip_suffix(b"/__init__").unwrap_or(path)
    }

    /// The module's name: the path with dots.
    pub(super) fn name(self, buffer: &mut [u8]) -> Option<&[u8]> {
        let stem = self.stem();
        let name = buffer.get_mut(..stem.len())?;
        let dotted = stem.iter().map(|byte| if *byte == b'/' { b'.' } else { *byte });
        name.iter_mut().zip(dotted).for_each(|(to, from)| *to = from);
        Some(name)
    }

    /// The paths that it ends in, the shortest first: `dag.py`, `models/dag.py`.
    pub(super) fn ends_of(self) -> impl Iterator<Item = Self> {
        let starts = self.0.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/');
        let starts = starts.map(|(slash, _)| slash.saturating_add(1)).chain([0]);
        starts.filter_map(move |start| self.0.get(start..)).map(Beneath)
    }

    /// Whether it ends in that name.
    pub(super) fn ends(self, name: &[u8]) -> bool {
        self.ends_of().any(|end| end.is(name))
    }

    /// Whether that is the name.
    fn is(self, name: &[u8]) -> bool {
        let stem = self.stem();
        stem.len() == name.len()
            && stem
                .iter()
                .zip(name)
                .all(|(path, name)| path == name || (*path, *name) == (b'/', b'.'))
    }
}

/// The beginnings of a dotted name, the shortest first: `a`, `a.b`, `a.b.c`.
pub(super) fn beginnings(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let dots = name.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(place, _)| place);
    dots.chain([name.len()]).filter_map(|end| name.get(..end))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::expect_used,
    reason = "a test"
)]
mod tests {
    use super::*;

    /// Whose it is in Python 3.11: `runtime`, `host`, `nobody`, or the names.
    fn whose(name: &str, file: &str) -> String {
        let name = (!name.is_empty()).then_some(name.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a name");
        match owner(name, file.as_bytes(), 11) {
            Owner::Runtime => "runtime".into(),
            Owner::Host => "host".into(),
            Owner::Nobody => "nobody".into(),
            Owner::Renamed(name, place) => {
                let ends =
                    place.ends_of().map(|end| text(end.name(&mut [0; 99]).expect("it fits")));
                let name = name.map_or("host".into(), text);
                format!("{name} or {}", ends.collect::<Vec<_>>().join(" or "))
            }
            Owner::Module(name, place) => {
                let place = place.map(|place| text(place.name(&mut [0; 99]).expect("it fits")));
                let names = name.map(text).into_iter().chain(place);
                names.collect::<Vec<_>>().join(" and ")
            }
        }
    }

    #[test]
    fn the_standard_library_is_what_file_and_name_agree_on() {
        for (name, file) in [
            ("threading", "/usr/lib/python3.11/threading.py"),
            ("concurrent.futures.thread", "/opt/x/lib64/python3.11/concurrent/futures/thread.py"),
            ("asyncio", "/usr/lib/python3.11/asyncio/__init__.py"),
            ("os", "<frozen os>"),
            ("importlib._bootstrap", "<frozen importlib._bootstrap>"),
            ("_frozen_importlib", "<frozen importlib._bootstrap>"),
            ("collections.abc", "<frozen _collections_abc>"),
            ("json.decoder", "/usr/lib/python311.zip/json/decoder.pyc"),
        ] {
            assert_eq!(whose(name, file), "runtime", "{name} {file}");
        }
        for (name, file) in [
            ("threading", "<string>"),
            ("threading", "/app/threading.py"),
            ("threading", "/usr/lib/python3.12/threading.py"),
            ("threading", "/usr/lib/python3.11/subprocess.py"),
            ("threading", ""),
        ] {
            assert_eq!(whose(name, file), "threading", "{name} {file}");
        }
    }

    #[test]
    fn what_was_started_is_the_host() {
        for file in ["worker.py", "<string>", "<stdin>", "/usr/lib/python3.11/runpy.py"] {
            assert_eq!(whose("__main__", file), "host", "{file}");
        }
        for name in ["__main__", "__mp_main__"] {
            assert_eq!(whose(name, "/app/worker.py"), "host or worker or app.worker");
        }
    }

    #[test]
    fn a_package_is_what_either_says() {
        let site = "/opt/venv/lib/python3.11/site-packages/";
        for (name, file, whose_it_is) in [
            ("evil.ways", "evil/ways.py", "evil.ways"),
            ("evil", "evil/__init__.py", "evil"),
            ("evil", "evil-1.0-py3.11.egg/evil/__init__.py", "evil"),
            ("__main__", "evil/__main__.py", "evil.__main__"),
            ("threading", "evil/ways.py", "threading and evil.ways"),
            ("", "evil/ways.py", "evil.ways"),
        ] {
            assert_eq!(whose(name, &format!("{site}{file}")), whose_it_is, "{name} {file}");
        }
        assert_eq!(whose("evil", "/usr/lib/python3/dist-packages/evil.py"), "evil");
        assert_eq!(whose("evil.ways", "/opt/dags/evil/ways.py"), "evil.ways");
        assert_eq!(whose("evil", "<string>"), "evil");
    }

    #[test]
    fn a_name_that_the_file_does_not_bear_out_is_not_the_only_one() {
        assert_eq!(
            whose("daily", "/opt/evil/__init__.py"),
            "daily or __init__ or evil or opt.evil"
        );
        assert_eq!(whose("a.b", "/opt/a/b.py"), "a.b");
        assert_eq!(whose("a.b", "/opt/a/b/__init__.py"), "a.b");
        assert_eq!(whose("b", "/opt/ab.py"), "b or ab or opt.ab");
    }

    #[test]
    fn code_without_a_name_is_nobodys() {
        assert_eq!(whose("", "<string>"), "nobody");
        assert_eq!(whose("", "/usr/lib/python3.11/threading.py"), "nobody");
        assert_eq!(whose("", "/app/x.py"), "nobody");
    }

    #[test]
    fn a_name_begins_at_its_dots() {
        let all = |name: &'static str| beginnings(name.as_bytes()).collect::<Vec<_>>();
        assert_eq!(all("a.bc.d"), [b"a".as_slice(), b"a.bc", b"a.bc.d"]);
        assert_eq!(all("a"), [b"a"]);
    }
}
