//! Compiles the C and Java fixtures that the tests run.
//!
//! Each `tests/fixtures/c/NAME.c` becomes a program `NAME`, each `libNAME.c` a shared object
//! `libNAME.so`, `tests/fixtures/java/*.java` one class directory `java`, and
//! `tests/fixtures/java/worker` a host and its plugins' jars in `worker`. The tests find them through `RINGFENCE_FIXTURES`. A compiler that is missing or that fails stops the build: a test
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
    build_worker(&root.join(JAVA_SOURCES).join("worker"), &out.join("worker"))?;
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
        run(&mut cc, "gcc")?;
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
    run(&mut javac, "openjdk-17-jdk-headless")
}

/// The plugins of the worker: their sources, and the libraries that are shaded into their jars.
const PLUGINS: [(&str, &[&str], &[&str]); 4] = [
    ("gcp", &["gcp", "native"], &[]),
    ("groovy", &["eval", "groovy"], &["groovy-all"]),
    ("jython", &["eval", "jython"], &JYTHON),
    ("shell", &["shell"], &[]),
];

/// Debian's Jython and what it needs to run at all, in `/usr/share/java`.
const JYTHON: [&str; 11] = [
    "jython",
    "antlr3-runtime",
    "asm",
    "asm-commons",
    "asm-util",
    "guava",
    "jffi",
    "jline2",
    "jnr-constants",
    "jnr-ffi",
    "jnr-posix",
];

/// Compiles the worker's host into `host.jar`, what scripts bring with them into
/// `payload`, and each plugin into a jar in `plugins`; for the oldest Java that the fence supports.
fn build_worker(sources: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let host = out.join("classes/host");
    compile_tree(&[sources.join("host")], &host, &[])?;
    let payload = [sources.join("payload"), sources.join("native")];
    compile_tree(&payload, &out.join("payload"), &[])?;
    fs::create_dir_all(out.join("plugins"))?;
    for (plugin, directories, libraries) in PLUGINS {
        let libraries: Vec<PathBuf> = libraries
            .iter()
            .map(|library| Path::new("/usr/share/java").join(format!("{library}.jar")))
            .collect();
        let directories: Vec<PathBuf> =
            directories.iter().map(|directory| sources.join(directory)).collect();
        let classes = out.join("classes").join(plugin);
        let mut class_path = libraries.clone();
        class_path.push(host.clone());
        compile_tree(&directories, &classes, &class_path)?;
        shade(&out.join("plugins").join(format!("plugin-{plugin}.jar")), &classes, &libraries)?;
    }
    shade(&out.join("host.jar"), &host, &[])
}

/// Makes a jar of a class directory and of libraries.
fn shade(jar: &Path, classes: &Path, libraries: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let mut python = Command::new("/usr/bin/python3");
    python.arg(Path::new(JAVA_SOURCES).join("worker/shade.py")).arg(jar);
    run(python.arg(classes).args(libraries), "python3, groovy and jython")
}

/// Compiles all Java files of some trees into a class directory, and copies what else is there.
fn compile_tree(
    trees: &[PathBuf],
    out: &Path,
    class_path: &[PathBuf],
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(out)?;
    let mut javac = Command::new("javac");
    // Not the warnings of libraries that name what they do not bring.
    javac.args([
        "--release",
        "11",
        "-Xlint:all,-classfile,-path,-processing",
        "-Werror",
        "-proc:none",
    ]);
    javac.arg("-d").arg(out).arg("-cp").arg(std::env::join_paths(class_path)?);
    for tree in trees {
        for file in files_below(tree)? {
            if file.extension().is_some_and(|extension| extension == "java") {
                javac.arg(file);
            } else {
                let copy = out.join(file.strip_prefix(tree)?);
                fs::create_dir_all(copy.parent().ok_or("a file lies in a directory")?)?;
                fs::copy(&file, copy)?;
            }
        }
    }
    run(&mut javac, "openjdk-17-jdk-headless")
}

/// Every file of a tree, sorted.
fn files_below(tree: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(tree)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
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
fn run(compiler: &mut Command, package: &str) -> Result<(), Box<dyn Error>> {
    let name = compiler.get_program().to_string_lossy().into_owned();
    let status = compiler.status().map_err(|error| {
        format!("cannot run `{name}`: {error}; on Debian: apt-get install {package}")
    })?;
    if status.success() { Ok(()) } else { Err(format!("{compiler:?}: {status}").into()) }
}
