//! The flows that the command line names.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::read::mistakes::{Mistake, Mistakes};
use crate::read::span::Source;
use crate::read::yaml::MAX_BYTES;

/// Reads the flows, those of a directory in the order of their names.
pub(crate) fn read(flows: &[OsString], mistakes: &mut Mistakes) -> Vec<Arc<Source>> {
    let mut sources = Vec::new();
    for flow in flows {
        if flow == "-" {
            add(read_text("<stdin>", io::stdin().lock()), &mut sources, mistakes);
            continue;
        }
        let path = Path::new(flow);
        if !path.is_dir() {
            add(read_file(path), &mut sources, mistakes);
            continue;
        }
        let mut files = Vec::new();
        if let Err(error) = find(path, &mut files) {
            mistakes.add(unreadable(path, &error));
        } else if files.is_empty() {
            let title = format!("no *.yaml or *.yml in `{}`", path.display());
            mistakes.add(Mistake::new("RF010", title));
        }
        files.sort();
        for file in files {
            add(read_file(&file), &mut sources, mistakes);
        }
    }
    sources
}

fn add(
    read: Result<Arc<Source>, Mistake>,
    sources: &mut Vec<Arc<Source>>,
    mistakes: &mut Mistakes,
) {
    match read {
        Ok(source) => sources.push(source),
        Err(mistake) => mistakes.add(mistake),
    }
}

/// Finds the flows in a directory. Links to directories are not followed: they may lead in a
/// circle.
fn find(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in directory.read_dir()? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            find(&path, files)?;
        } else if is_yaml(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn is_yaml(path: &Path) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|end| matches!(end, "yaml" | "yml"))
}

fn read_file(path: &Path) -> Result<Arc<Source>, Mistake> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    read_text(&path.to_string_lossy(), file)
}

/// Reads a text, but no more of it than a flow may have.
fn read_text(name: &str, text: impl Read) -> Result<Arc<Source>, Mistake> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = text.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(Path::new(name), &error))?;
    if bytes.len() > MAX_BYTES {
        let title = format!("`{name}` is larger than {} MiB", MAX_BYTES >> 20);
        return Err(Mistake::new("RF004", title).help("no flow is; is it the right file?"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Mistake::new("RF003", format!("`{name}` is not UTF-8")))?;
    Ok(Source::new(name, text))
}

fn unreadable(path: &Path, error: &io::Error) -> Mistake {
    Mistake::new("RF010", format!("cannot read `{}`: {error}", path.display()))
}
