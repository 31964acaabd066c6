//! The files of a task: what it begins with. Nothing leaves its working directory, and nothing comes
//! from a server.

use std::path::{Component, Path};

use crate::run::refusal::Refusal;

use super::fields::{Fields, wrong};

/// The files of a namespace are on a server.
pub(super) fn no_namespace_files(fields: &Fields<'_>) -> Result<(), Refusal> {
    match fields.map("namespaceFiles")? {
        Some(files) if files.boolean("enabled")? != Some(false) => {
            Err(wrong("namespaceFiles", "needs the files of a server")
                .help("give them as `inputFiles`, or set `enabled: false`"))
        }
        _ => Ok(()),
    }
}

/// `inputFiles`: relative paths and contents.
pub(super) fn input_files(fields: &Fields<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let files = fields.entries("inputFiles")?;
    for (name, content) in &files {
        relative("inputFiles", name)?;
        no_uri(&format!("inputFiles.{name}"), content)?;
    }
    Ok(files)
}

/// Files of a server's storage are not here.
pub(super) fn no_uri(name: &str, text: &str) -> Result<(), Refusal> {
    let scheme = ["kestra://", "nsfile://", "file://"].iter().find(|s| text.starts_with(**s));
    match scheme {
        Some(scheme) => Err(wrong(name, &format!("is a `{scheme}` address, which is a server's"))
            .help("write the content itself")),
        None => Ok(()),
    }
}

/// Nothing leaves the working directory.
pub(super) fn relative(property: &str, path: &str) -> Result<(), Refusal> {
    let normal = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let parts = Path::new(path).components();
    let inside = parts.clone().all(normal) && parts.count() > 0;
    if inside && !path.ends_with('/') && !path.contains('\0') {
        return Ok(());
    }
    Err(wrong(property, &format!("has `{path}`, which is no path within the working directory")))
}
