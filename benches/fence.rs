//! The programs under test: built, and set into the environment of the work that is measured.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ringfence_policy::{Access, Alias, Audit, Effect, FileRule, PathPattern, Place, Policy};

use crate::Result;
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
}

/// Environments by side.
pub(crate) struct Fences {
    launcher: PathBuf,
    policy: PathBuf,
    environments: HashMap<Side, Vec<(OsString, OsString)>>,
    /// Where helpers of the benchmark are compiled to.
    tools: PathBuf,
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
        let mut fences = Fences {
            launcher: target_directory()?.join("release/ringfence"),
            policy: scratch.expand("@/policy.yaml"),
            environments: HashMap::from([(Side::Plain, Vec::new())]),
            tools,
        };
        for (side, rules) in [(Side::FewRules, FEW), (Side::ManyRules, MANY), (Side::Fenced, 0)] {
            fs::write(&fences.policy, policy(scratch, rules)?)?;
            let library = match library {
                Some(library) => library.canonicalize()?,
                None => target_directory()?.join("release/libringfence.so"),
            };
            let image = scratch.expand(&format!("@/{side:?}.img"));
            fs::write(&image, image_of(scratch, rules)?)?;
            let environment = vec![
                ("LD_PRELOAD".into(), library.into()),
                ("RINGFENCE_IMAGE".into(), image.into()),
            ];
            fences.environments.insert(side, environment);
        }
        fences.hold()?;
        Ok(fences)
    }

    /// A command that starts `program` in the way of the side.
    pub(crate) fn command(&self, side: Side, program: impl AsRef<OsStr>) -> Command {
        if side == Side::Launched {
            let mut command = Command::new(&self.launcher);
            command.args(["run", "--quiet", "--policy"]).arg(&self.policy).arg("--").arg(program);
            return command;
        }
        let mut command = Command::new(program);
        command.envs(self.environments[&side].iter().map(|(name, value)| (name, value)));
        command
    }

    /// A helper that the benchmark compiled.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    /// A benchmark of a fence that lets everything through would look splendid.
    fn hold(&self) -> Result<()> {
        for (side, allowed) in [
            (Side::Plain, true),
            (Side::Fenced, false),
            (Side::FewRules, false),
            (Side::ManyRules, false),
        ] {
            let mut cat = self.command(side, "cat");
            cat.arg("/etc/hostname").stdout(Stdio::null()).stderr(Stdio::null());
            if cat.status()?.success() != allowed {
                return Err(format!("{side:?}: cat /etc/hostname: not what the policy says").into());
            }
        }
        Ok(())
    }
}

fn policy(scratch: &Scratch, rules: usize) -> Result<String> {
    let audit = scratch.expand("@/audit.jsonl");
    let mut text = String::from("ringfence:\n  version: 1\n  presets: [jvm]\n");
    writeln!(text, "  audit: {{to: {}}}", audit.display())?;
    text.push_str("  files:\n    forbidden:\n      - /etc/\n");
    for path in rule_paths(rules) {
        writeln!(text, "      - {}", scratch.expand(&path).display())?;
    }
    Ok(text)
}

/// The image of the same policy, with the links of `/` as aliases.
fn image_of(scratch: &Scratch, rules: usize) -> Result<Vec<u8>> {
    let paths = rule_paths(rules).map(|path| scratch.expand(&path)).chain(["/etc".into()]);
    let rule = |(index, path): (usize, PathBuf)| FileRule {
        id: format!("forbidden[{index}]"),
        section: "files.forbidden".into(),
        pattern: path.display().to_string(),
        names: vec![PathPattern::Literal(path.as_os_str().as_bytes().to_vec())],
        effect: Effect::Forbid,
        access: Access::ALL,
        place: Place { file: "bench.yaml".into(), line: 1, column: 1 },
        reason: None,
        fixed: false,
        leaf: false,
    };
    let mut aliases = Vec::new();
    for entry in fs::read_dir("/")? {
        let from = entry?.path();
        if from.is_symlink() {
            let to = from.canonicalize()?.into_os_string().into_vec();
            aliases.push(Alias { from: from.into_os_string().into_vec(), to });
        }
    }
    let audit = scratch.expand("@/audit.jsonl").into_os_string().into_vec();
    let policy = Policy {
        rules: paths.enumerate().map(rule).collect(),
        aliases,
        audit: Audit { file: audit, rate: 1000, ..Audit::default() },
        ..Policy::default()
    };
    Ok(ringfence_policy::compile(&policy).map_err(|error| error.to_string())?)
}

fn compile(manifest: &Path, tools: &Path) -> Result<()> {
    let source = tools.join("loop.c");
    fs::copy(manifest.join("benches/c/loop.c"), &source)?;
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

/// Where cargo puts what it builds: the benchmark itself is in `DIR/release/deps`.
fn target_directory() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(3).ok_or("the benchmark is not in a target directory")?.to_path_buf())
}
