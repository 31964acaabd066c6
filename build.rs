//! Compiles the C and Java fixtures that the tests run.
//!
//! Each `tests/fixtures/c/NAME.c` becomes a program `NAME`, each `libNAME.c` a shared object
//! `libNAME.so`, and `tests/fixtures/java/*.java` one class directory `java`. The tests find them
//! through `RINGFENCE_FIXTURES`. A compiler that is missing or that fails stops the build: a test
//! that skips itself proves nothing.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const C_SOURCES: &str = "tests/fixtures/c";
const JAVA_SOURCES: &str = "tests/fixtures/java";

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("fixtures");
    // Nothing that an earlier build left may be run by a test.
    match fs::remove_dir_all(&out) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&out)?,
    }

    println!("cargo::rerun-if-changed=build.rs");
    compile_c(&root.join(C_SOURCES), &out)?;
    compile_java(&root.join(JAVA_SOURCES), &out.join("java"))?;
    println!("cargo::rustc-env=RINGFENCE_FIXTURES={}", out.display());
    Ok(())
}

/// Compiles every C file by itself: a program, or a shared object when it is named `lib….c`.
fn compile_c(sources: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", sources.display());
    for source in files_with_extension(sources, "c")? {
        let stem = source.file_stem().and_then(OsStr::to_str).ok_or("a fixture's name is UTF-8")?;
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu17", "-Wall", "-Werror", "-O1", "-pthread"]);
        if stem.starts_with("lib") {
            cc.args(["-shared", "-fPIC", "-o"]).arg(out.join(format!("{stem}.so")));
        } else {
            cc.arg("-o").arg(out.join(stem));
        }
        cc.arg(&source).args(own_flags(&source)?);
        run(cc, "gcc")?;
    }
    Ok(())
}

/// The flags on a fixture's first line, when that is `// cc: FLAGS`.
fn own_flags(source: &Path) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(source)?;
    let flags = text.lines().next().and_then(|line| line.strip_prefix("// cc: "));
    Ok(flags.unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}

/// Compiles all Java files together into one class directory.
fn compile_java(sources: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    if !sources.is_dir() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed={}", sources.display());
    let files = files_with_extension(sources, "java")?;
    if files.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(out)?;
    let mut javac = Command::new("javac");
    javac.args(["--release", "17", "-Xlint:all", "-Werror", "-d"]).arg(out).args(files);
    run(javac, "openjdk-17-jdk-headless")
}

fn files_with_extension(directory: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Runs a compiler; `package` is the Debian package that has it.
fn run(mut compiler: Command, package: &str) -> Result<(), Box<dyn Error>> {
    let name = compiler.get_program().to_string_lossy().into_owned();
    let status = compiler.status().map_err(|error| {
        format!("cannot run `{name}`: {error}; on Debian: apt-get install {package}")
    })?;
    if status.success() { Ok(()) } else { Err(format!("{compiler:?}: {status}").into()) }
}
