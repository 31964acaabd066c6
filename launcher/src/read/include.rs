//! `ringfence.include`: further files by name or glob.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::mistakes::{Mistake, Mistakes};
use super::shape;
use super::span::Span;
use super::yaml::Node;

/// The files that a document includes, each with the place that asks for it. A glob that matches
/// nothing is reported: a rule file that is not there is a gap.
pub(crate) fn files(
    document: &Node,
    directory: Option<&Path>,
    mistakes: &mut Mistakes,
) -> Vec<(PathBuf, Span)> {
    let include = document.get("ringfence").and_then(|section| section.get("include"));
    let Some(include) = include else { return Vec::new() };
    let mut files = Vec::new();
    for (written, node) in shape::texts("ringfence.include", include, mistakes) {
        let path = Path::new(written);
        let path = match directory {
            _ if path.is_absolute() => path.to_owned(),
            Some(directory) => directory.join(path),
            None => {
                mistakes.add(
                    Mistake::new("RF110", format!("`{written}` is relative to no file"))
                        .at(&node.span, "relative")
                        .help("in a text that is no file, include absolute paths"),
                );
                continue;
            }
        };
        let found = matches(&path);
        if found.is_empty() {
            mistakes.add(
                Mistake::new("RF110", format!("`{written}` matches no file"))
                    .at(&node.span, "nothing there")
                    .help(format!("looked for `{}`", path.display())),
            );
        }
        files.extend(found.into_iter().map(|path| (path, node.span.clone())));
    }
    files
}

/// The files that a path with `*` and `?` in its components matches, sorted.
fn matches(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern {
        let bytes = component.as_bytes();
        if !bytes.iter().any(|byte| matches!(byte, b'*' | b'?')) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        found = found.iter().flat_map(|directory| matching_entries(directory, bytes)).collect();
    }
    found.retain(|path| fs::symlink_metadata(path).is_ok() && !path.is_dir());
    found.sort();
    found
}

fn matching_entries(directory: &Path, pattern: &[u8]) -> Vec<PathBuf> {
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(entries) = fs::read_dir(here) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    let matching = names.filter(|name| {
        let hidden = name.as_bytes().starts_with(b".") && !pattern.starts_with(b".");
        !hidden && component_matches(pattern, name.as_bytes())
    });
    matching.map(|name| directory.join::<&OsStr>(&name)).collect()
}

/// Whether a name matches a pattern: `*` stands for any bytes, `?` for one.
pub(crate) fn component_matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where the last star stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}
