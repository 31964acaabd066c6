//! Where policies come from: files, directories, the standard input, environment variables, and
//! what a Kestra worker itself reads. Nothing is ever taken from the current directory unasked.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::include;
use super::mistakes::{Mistake, Mistakes};
use super::presets;
use super::span::{Source, Span};
use super::world::World;
use super::yaml::{self, MAX_BYTES, Node};

/// The policy that is read when none is named.
pub(crate) const DEFAULT: &str = "/etc/ringfence/policy.yaml";

/// A text that was read, with its documents.
#[derive(Debug)]
pub(crate) struct Text {
    /// The text.
    pub(crate) source: Arc<Source>,
    /// The file that it was read from.
    pub(crate) path: Option<PathBuf>,
    /// Its documents that are not empty.
    pub(crate) documents: Vec<Node>,
    /// Whether a root key of ours is required. A configuration in several files for Kestra may
    /// have files about other things.
    pub(crate) root_required: bool,
}

/// What one source gave: its texts are read together, as Kestra joins its configuration files.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The texts, each before those that it includes.
    pub(crate) texts: Vec<Text>,
}

/// Reads every source. Without a source it is `RINGFENCE_POLICY`, else [`DEFAULT`], else the
/// built-in policy; the answer says whether it came to that.
pub(crate) fn gather(
    words: &[OsString],
    world: &World,
    mistakes: &mut Mistakes,
) -> (Vec<Group>, bool) {
    let words = match (words, world.variable("RINGFENCE_POLICY")) {
        ([], Some(named)) if !named.is_empty() => vec![OsStr::from_bytes(named).to_owned()],
        // A link that leads nowhere is there all the same, and then an error.
        ([], _) if is_missing(Path::new(DEFAULT)) => {
            let mut reader = Reader::new(mistakes);
            reader.text(presets::credentials(), None, true);
            return (vec![reader.group], true);
        }
        ([], _) => vec![DEFAULT.into()],
        (words, _) => words.to_vec(),
    };
    let groups = words.iter().map(|word| group(word, world, mistakes)).collect();
    (groups, false)
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn group(word: &OsStr, world: &World, mistakes: &mut Mistakes) -> Group {
    let mut reader = Reader::new(mistakes);
    match word.to_str() {
        Some("-") => {
            let text = read_limited(io::stdin().lock());
            reader.bytes("<stdin>", text, None, true);
        }
        Some("micronaut") => micronaut(&mut reader, world),
        Some(word) if word.starts_with("env:") => variable(&mut reader, &word[4..], world),
        _ => path(&mut reader, Path::new(word)),
    }
    reader.group
}

fn path(reader: &mut Reader<'_>, path: &Path) {
    if !path.is_dir() {
        reader.file(path, None, true);
        return;
    }
    match yaml_files(path) {
        Ok(files) if files.is_empty() => reader.mistakes.add(
            Mistake::new("RF012", format!("no `*.yaml` in the directory `{}`", path.display()))
                .help("a policy of no files would protect nothing"),
        ),
        Ok(files) => files.iter().for_each(|file| reader.file(file, None, true)),
        Err(error) => reader.mistakes.add(unreadable(&path.display().to_string(), &error)),
    }
}

/// The `*.yaml` and `*.yml` of a directory, sorted; hidden files (editors' and Kubernetes') are
/// left out.
fn yaml_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."));
        let yaml =
            path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && !hidden && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn variable(reader: &mut Reader<'_>, name: &str, world: &World) {
    match world.variable(name) {
        Some(text) if !text.is_empty() => {
            reader.bytes(&format!("env:{name}"), Ok(text.to_vec()), None, true);
        }
        _ => reader.mistakes.add(
            Mistake::new("RF011", format!("environment variable `{name}` holds no policy"))
                .help(format!("`env:{name}` takes the text of a policy from `{name}`")),
        ),
    }
}

/// What a Kestra worker itself reads: its start script writes `KESTRA_CONFIGURATION` to a file,
/// which then takes the place of `MICRONAUT_CONFIG_FILES`.
fn micronaut(reader: &mut Reader<'_>, world: &World) {
    if world.variable("KESTRA_CONFIGURATION").is_some_and(|text| !text.is_empty()) {
        variable(reader, "KESTRA_CONFIGURATION", world);
        return;
    }
    let files = world.variable("MICRONAUT_CONFIG_FILES").unwrap_or_default();
    let files = files.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let files: Vec<_> = files.filter(|file| !file.is_empty()).collect();
    if files.is_empty() {
        reader.mistakes.add(
            Mistake::new("RF011", "neither KESTRA_CONFIGURATION nor MICRONAUT_CONFIG_FILES is set")
                .help(
                    "`micronaut` reads what a Kestra worker itself will read; name a file instead",
                ),
        );
    }
    for file in files {
        let file = file.strip_prefix(b"file:").unwrap_or(file);
        let path = Path::new(OsStr::from_bytes(file));
        let known = ["yaml", "yml", "json"];
        if path.extension().and_then(OsStr::to_str).is_some_and(|found| known.contains(&found)) {
            reader.file(path, None, false);
        } else {
            let title = format!("`{}` of MICRONAUT_CONFIG_FILES is no YAML file", path.display());
            reader.mistakes.add(
                Mistake::new("RF010", title).help("ringfence reads `*.yaml`, `*.yml` and `*.json`"),
            );
        }
    }
}

/// Reads texts and what they include into a group.
struct Reader<'m> {
    group: Group,
    mistakes: &'m mut Mistakes,
    /// The files that are being read, by their canonical paths: the chain of includes.
    chain: Vec<PathBuf>,
    /// The files that have been read: a second time they say nothing new.
    seen: HashSet<PathBuf>,
}

impl<'m> Reader<'m> {
    fn new(mistakes: &'m mut Mistakes) -> Self {
        Self { group: Group::default(), mistakes, chain: Vec::new(), seen: HashSet::new() }
    }

    /// Reads a file; `from` is the place that includes it.
    fn file(&mut self, path: &Path, from: Option<&Span>, root_required: bool) {
        let name = path.display().to_string();
        let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.chain.contains(&canonical) {
            let mistake = Mistake::new("RF111", format!("`{name}` includes itself"));
            self.mistakes.add(match from {
                Some(from) => mistake.at(from, "comes back to a file that is being read"),
                None => mistake,
            });
            return;
        }
        if !self.seen.insert(canonical.clone()) {
            return;
        }
        self.chain.push(canonical);
        let text = File::open(path).and_then(read_limited);
        self.bytes(&name, text, Some(path), root_required);
        self.chain.pop();
    }

    fn bytes(
        &mut self,
        name: &str,
        bytes: io::Result<Vec<u8>>,
        path: Option<&Path>,
        root_required: bool,
    ) {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return self.mistakes.add(unreadable(name, &error)),
        };
        match String::from_utf8(bytes) {
            Ok(text) => self.text(Source::new(name, text), path, root_required),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
                self.mistakes.add(
                    Mistake::new(
                        "RF003",
                        format!("`{name}` is not UTF-8: a stray byte in line {line}"),
                    )
                    .help("save the file as UTF-8"),
                );
            }
        }
    }

    fn text(&mut self, source: Arc<Source>, path: Option<&Path>, root_required: bool) {
        let documents = match yaml::documents(&source) {
            Ok(documents) => documents,
            Err(mistake) => return self.mistakes.add(mistake),
        };
        let included: Vec<_> = documents
            .iter()
            .flat_map(|document| {
                include::files(document, path.and_then(Path::parent), self.mistakes)
            })
            .collect();
        let path = path.map(Path::to_owned);
        self.group.texts.push(Text { source, path, documents, root_required });
        for (path, span) in included {
            self.file(&path, Some(&span), true);
        }
    }
}

/// Reads up to a byte more than is allowed, so that [`yaml::documents`] can refuse it.
fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    // The cut may go through a character, and "not UTF-8" would be the wrong thing to say.
    if bytes.len() > MAX_BYTES {
        bytes.fill(b' ');
    }
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Mistake {
    Mistake::new("RF010", format!("cannot read `{name}`: {}", reason(error)))
}

/// The system's words for an error, without the number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
