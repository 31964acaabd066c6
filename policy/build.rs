//! Names the build: the version, and a fingerprint of the sources that images depend on.
//!
//! Two builds of one version may lay out or hash an image differently, when the sources were
//! changed in between; one would then find nothing in the other's images and refuse nothing.

use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files)?;
    files.sort();
    let mut fingerprint = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        for byte in std::fs::read(file)? {
            fingerprint = (fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo::rustc-env=RINGFENCE_FINGERPRINT={:08x}", fingerprint >> 32);
    Ok(())
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sources(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
