//! The programs under test: built, and set into the environment of the work that is measured.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Result;
use crate::peers::Peer;
use crate::scratch::{FEW, MANY, Scratch, rule_paths, run};

/// How a piece of work is started.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Side {
    /// As it is.
    Plain,
    /// With the library preloaded, and a policy that forbids `/etc/`.
    Fenced,
    /// The same by the launcher.
    Launched,
    /// Preloaded, with [`FEW`] literal rules besides.
    FewRules,
    /// Preloaded, with [`MANY`] literal rules besides.
    ManyRules,
    /// Preloaded, with rules that forbid native libraries to create threads.
    Forbidding,
    /// Preloaded, with rules that authorize the work to create threads.
    Authorizing,
    /// Preloaded, with rules about Java classes.
    JavaRules,
    /// Preloaded, with rules about Python modules.
    PythonRules,
    /// Behind another program.
    Peer(Peer),
}

/// Environments by side.
pub(crate) struct Fences {
    launcher: PathBuf,
    policy: PathBuf,
    environments: HashMap<Side, Vec<(OsString, OsString)>>,
    /// What the work says on its standard error output: denials, and why it failed.
    log: PathBuf,
    /// Where helpers of the benchmark are compiled to.
    tools: PathBuf,
    /// Policy, audit file and log: apart from the files that are worked on, as they would be.
    _directory: TempDir,
}

impl Fences {
    /// Builds launcher and library, writes the policies, and makes sure that each fence holds.
    ///
    /// `library` replaces the library that was built, to compare two builds of it.
    ///
    /// # Errors
    /// When something cannot be built, or a fence does not refuse what it forbids.
    pub(crate) fn build(scratch: &Scratch, library: Option<&Path>) -> Result<Fences> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        run(Command::new(env!("CARGO"))
            .current_dir(manifest)
            .args(["build", "--quiet", "--release"])
            .args(["-p", "ringfence-shim", "-p", "ringfence-launcher"]))?;
        let tools = scratch.expand("@/tools");
        fs::create_dir(&tools)?;
        compile(manifest, &tools)?;
        let directory = tempfile::Builder::new().prefix("ringfence-bench-").tempdir()?;
        let own = directory.path().canonicalize()?;
        let mut fences = Fences {
            launcher: target_directory()?.join("release/ringfence"),
            policy: own.join("policy.yaml"),
            environments: HashMap::from([(Side::Plain, Vec::new())]),
            log: own.join("stderr.txt"),
            tools,
            _directory: directory,
        };
        for (side, rules, threads) in [
            (Side::FewRules, FEW, ""),
            (Side::ManyRules, MANY, ""),
            (Side::Forbidding, 0, "{forbidden: ['native:/opt/vendor/', 'native:libscan.so.3']}"),
            (Side::Authorizing, 0, "{authorized: ['native:loop', 'native:libscan.so.3']}"),
            (
                Side::JavaRules,
                0,
                "{forbidden: [io.kestra.plugin.scripts]}\n  callers: {subjects: [io.kestra.plugin]}",
            ),
            (Side::PythonRules, 0, "{forbidden: ['python:airflow.providers.papermill']}"),
            // The last one is the policy that stays.
            (Side::Fenced, 0, ""),
        ] {
            let text = policy(scratch, &own.join("audit.jsonl"), rules, threads)?;
            fs::write(&fences.policy, text)?;
            let mut environment = fences.handed_over()?;
            if let Some(library) = library {
                environment.retain(|(name, _)| name != "LD_PRELOAD");
                environment.push(("LD_PRELOAD".into(), library.canonicalize()?.into()));
            }
            fences.environments.insert(side, environment);
        }
        fences.hold()?;
        Ok(fences)
    }

    /// A command that starts `program` in the way of the side.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub(crate) fn command(&self, side: Side, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = self.start(side, program.as_ref());
        command.stderr(File::options().append(true).create(true).open(&self.log)?);
        Ok(command)
    }

    /// All that the work has said on its standard error output.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    fn start(&self, side: Side, program: &OsStr) -> Command {
        if side == Side::Launched {
            let mut command = Command::new(&self.launcher);
            command.args(["run", "--quiet", "--policy"]).arg(&self.policy).arg("--").arg(program);
            return command;
        }
        let mut command = match side {
            Side::Peer(peer) => {
                let mut command = Command::new(peer.words()[0]);
                command.args(&peer.words()[1..]).arg(program);
                command
            }
            _ => Command::new(program),
        };
        // The policy forbids /etc/gitconfig, without which git does not start.
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        let environment = self.environments.get(&side).into_iter().flatten();
        command.envs(environment.map(|(name, value)| (name, value)));
        command
    }

    /// A helper that the benchmark compiled.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    /// What the launcher sets in the environment of a worker.
    fn handed_over(&self) -> Result<Vec<(OsString, OsString)>> {
        let output = self.start(Side::Launched, "env".as_ref()).arg("-0").output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the launcher: {}\n{said}", output.status).into());
        }
        let ours =
            |pair: &[u8]| pair.starts_with(b"LD_PRELOAD=") || pair.starts_with(b"RINGFENCE_");
        let split = |pair: &[u8]| {
            let at = pair.iter().position(|&byte| byte == b'=')?;
            let (name, value) = (pair[..at].to_vec(), pair[at + 1..].to_vec());
            Some((OsString::from_vec(name), OsString::from_vec(value)))
        };
        Ok(output.stdout.split(|&byte| byte == 0).filter(|p| ours(p)).filter_map(split).collect())
    }

    /// Makes sure that a peer forbids what it is there to forbid.
    ///
    /// # Errors
    /// When it does not, or does not start a program.
    pub(crate) fn peer_holds(&self, peer: Peer) -> Result<()> {
        if !self.command(Side::Peer(peer), "true")?.status()?.success() {
            return Err(format!("{peer:?} does not start a program here").into());
        }
        let seen = self.command(Side::Peer(peer), "cat")?.arg("/etc/hostname").output()?;
        if peer.forbids() && !seen.stdout.is_empty() {
            return Err(format!("{peer:?} lets /etc/hostname be read").into());
        }
        Ok(())
    }

    /// A benchmark of a fence that lets everything through would look splendid.
    fn hold(&self) -> Result<()> {
        for (side, allowed) in [
            (Side::Plain, true),
            (Side::Fenced, false),
            (Side::Launched, false),
            (Side::FewRules, false),
            (Side::ManyRules, false),
            (Side::Forbidding, false),
            (Side::Authorizing, false),
            (Side::JavaRules, false),
            (Side::PythonRules, false),
        ] {
            let mut cat = self.command(side, "cat")?;
            cat.arg("/etc/hostname").stdout(Stdio::null());
            if cat.status()?.success() != allowed {
                return Err(format!("{side:?}: cat /etc/hostname: not what the policy says").into());
            }
        }
        Ok(())
    }
}

impl Drop for Fences {
    fn drop(&mut self) {
        // The launcher keeps images for later starts of the same policy; these have none.
        for (name, value) in self.environments.values().flatten() {
            if name == "RINGFENCE_IMAGE" {
                // What is left behind costs memory, and is no reason to fail.
                let _ = fs::remove_file(value);
            }
        }
    }
}

fn policy(scratch: &Scratch, audit: &Path, rules: usize, threads: &str) -> Result<String> {
    let mut text = String::from("ringfence:\n  version: 1\n  presets: [jvm]\n");
    writeln!(text, "  audit: {{to: {}}}", audit.display())?;
    if !threads.is_empty() {
        writeln!(text, "  threads: {threads}")?;
    }
    text.push_str("  files:\n    forbidden:\n      - /etc/\n");
    for path in rule_paths(rules) {
        writeln!(text, "      - {}", scratch.expand(&path).display())?;
    }
    Ok(text)
}

fn compile(manifest: &Path, tools: &Path) -> Result<()> {
    let source = tools.join("loop.c");
    fs::copy(manifest.join("benches/c/loop.c"), &source)?;
    fs::copy(manifest.join("benches/python/loop.py"), tools.join("loop.py"))?;
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]).arg(tools.join("loop"));
    run(cc.arg(source))
}

/// Compiles the Java loop; apart, so that only the rows in Java need a JDK.
///
/// # Errors
/// When there is no `javac`, or it fails.
pub(crate) fn compile_java(tools: &Path) -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/java/Loop.java");
    run(Command::new("javac").arg("-d").arg(tools).arg(source))
}

/// A Java with virtual threads, from where Debian has them.
///
/// # Errors
/// When there is none.
pub(crate) fn newer_java() -> Result<PathBuf> {
    let homes = fs::read_dir("/usr/lib/jvm")?.flatten().map(|entry| entry.path());
    let version = |home: &PathBuf| {
        let release = fs::read_to_string(home.join("release")).ok()?;
        let (_, version) = release.split_once("JAVA_VERSION=\"")?;
        version.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    };
    let newest = homes.filter_map(|home| Some((version(&home)?, home))).max();
    match newest {
        Some((21.., home)) => Ok(home.join("bin/java")),
        _ => Err("virtual threads need a Java from 21 on below /usr/lib/jvm".into()),
    }
}

/// Where cargo puts what it builds: the benchmark itself is in `DIR/release/deps`.
fn target_directory() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(3).ok_or("the benchmark is not in a target directory")?.to_path_buf())
}
