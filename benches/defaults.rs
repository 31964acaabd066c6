//! What `ringfence defaults` costs: time, memory and growth with the size of a flow.
//!
//! `cargo bench -p ringfence --bench defaults` builds the release launcher, resolves flows of 2,500 to
//! 20,000 tasks with 1,000 defaults, and fails when 10,000 tasks take more than a second of processor
//! time or 200 MB. `docs/defaults.md` quotes its table.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Every failure here is for a person to read.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The number of defaults in the policy.
const DEFAULTS: usize = 1_000;
/// The numbers of tasks; the limits are for `LIMITED` of them.
const TASKS: [usize; 4] = [2_500, 5_000, 10_000, 20_000];
const LIMITED: usize = 10_000;
/// The limits, in seconds of processor time and in kilobytes.
const MAX_SECONDS: f64 = 1.0;
const MAX_KILOBYTES: i64 = 200_000;
/// The best of so many runs counts: other load can only make a run slower.
const RUNS: usize = 3;

/// How the types of defaults and tasks meet.
#[derive(Clone, Copy)]
enum Shape {
    /// Every default is for a type of its own.
    Own,
    /// Every default matches every task, and every task is of a type of its own.
    Shared,
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<bool> {
    let launcher = launcher()?;
    let scratch = tempfile::tempdir()?;
    let (policy, flow) = (scratch.path().join("policy.yaml"), scratch.path().join("flow.yaml"));
    let mut within = true;
    println!(
        "{:<24} {:<12} {:>7} {:>9} {:>9} {:>8}",
        "types", "profile", "tasks", "cpu s", "wall s", "MB"
    );
    for (shape, name) in [(Shape::Own, "one default each"), (Shape::Shared, "all defaults for all")]
    {
        std::fs::write(&policy, policy_text(shape))?;
        for profile in ["ringfence", "kestra-1.3"] {
            for tasks in TASKS {
                std::fs::write(&flow, flow_text(shape, tasks))?;
                let used = best(&launcher, &policy, &flow, profile)?;
                let (cpu, wall, kilobytes) = (used.cpu, used.wall, used.kilobytes);
                let megabytes = kilobytes / 1_000;
                println!(
                    "{name:<24} {profile:<12} {tasks:>7} {cpu:>9.3} {wall:>9.3} {megabytes:>8}"
                );
                within &= tasks != LIMITED || cpu <= MAX_SECONDS && kilobytes <= MAX_KILOBYTES;
            }
        }
    }
    if !within {
        eprintln!("bench: {LIMITED} tasks took more than {MAX_SECONDS} s or {MAX_KILOBYTES} kB");
    }
    Ok(within)
}

/// Builds the launcher, and says where it is.
fn launcher() -> Result<PathBuf> {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--quiet", "-p", "ringfence-launcher"]);
    if !build.current_dir(env!("CARGO_MANIFEST_DIR")).status()?.success() {
        return Err("the launcher does not build".into());
    }
    // The benchmark itself is in `DIR/release/deps`.
    let own = std::env::current_exe()?;
    let release = own.parent().and_then(Path::parent).ok_or("not in a target directory")?;
    Ok(release.join("ringfence"))
}

fn policy_text(shape: Shape) -> String {
    let mut text = String::from("kestra:\n  plugins:\n    defaults:\n");
    for number in 0..DEFAULTS {
        let of_type = match shape {
            Shape::Own => format!("com.example.p{number}.Task"),
            Shape::Shared => "com.example".to_owned(),
        };
        let forced = number % 2 == 1;
        let _ = writeln!(
            text,
            "    - {{type: {of_type}, forced: {forced}, values: {{level: ERROR, image: 'a:{number}'}}}}"
        );
    }
    text
}

fn flow_text(shape: Shape, tasks: usize) -> String {
    let mut text = String::from("id: f\nnamespace: n\ntasks:\n");
    for number in 0..tasks {
        let package = match shape {
            Shape::Own => number % DEFAULTS,
            Shape::Shared => number,
        };
        let _ = write!(
            text,
            "  - id: t{number} # task {number}\n    type: com.example.p{package}.Task\n    level: INFO\n    \
             taskRunner:\n      type: io.kestra.plugin.core.runner.Process\n    commands:\n      - echo {number}\n"
        );
    }
    text
}

struct Used {
    /// Seconds of processor time, the system's included.
    cpu: f64,
    wall: f64,
    /// The most memory that was resident.
    kilobytes: i64,
}

fn best(launcher: &Path, policy: &Path, flow: &Path, profile: &str) -> Result<Used> {
    let mut best = run(launcher, policy, flow, profile)?;
    for _ in 1..RUNS {
        let used = run(launcher, policy, flow, profile)?;
        if used.cpu < best.cpu {
            best = used;
        }
    }
    Ok(best)
}

fn run(launcher: &Path, policy: &Path, flow: &Path, profile: &str) -> Result<Used> {
    let out = File::create(flow.with_extension("out"))?;
    let mut command = Command::new(launcher);
    command.arg("defaults").arg("-p").arg(policy).args(["--profile", profile]).arg(flow);
    let start = Instant::now();
    let child = command.stdout(out).stderr(Stdio::null()).env_clear().spawn()?;
    let (status, used) = wait(i32::try_from(child.id())?)?;
    // 1: a forced value overrode an author's, as half of them do.
    if !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 1 {
        return Err(format!("{command:?} ended with wait status {status}").into());
    }
    Ok(Used {
        cpu: seconds(used.ru_utime) + seconds(used.ru_stime),
        wall: start.elapsed().as_secs_f64(),
        kilobytes: used.ru_maxrss,
    })
}

/// A time as the kernel gives it, in seconds.
#[expect(clippy::cast_precision_loss, reason = "the times of a benchmark are far below 2^52")]
fn seconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 + time.tv_usec as f64 / 1e6
}

/// Waits for a child and says what it used.
fn wait(child: libc::pid_t) -> Result<(libc::c_int, libc::rusage)> {
    let mut status = 0;
    // SAFETY: rusage is made of integers, for which zeros are values.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live locals of the types that wait4(2) writes.
    match unsafe { libc::wait4(child, &raw mut status, 0, &raw mut used) } {
        -1 => Err(std::io::Error::last_os_error().into()),
        _ => Ok((status, used)),
    }
}
