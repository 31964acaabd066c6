//! Prints what the matcher costs, with a few rules and with 100,000.
//!
//! `cargo run --release -p ringfence-policy --example figures`
use std::hint::black_box;
use std::time::Instant;

use ringfence_policy::{Access, Effect, FileRule, Image, PathPattern, Place, Policy, compile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for count in [10, 100_000] {
        let start = Instant::now();
        let image = compile(&policy(count))?;
        println!("{count} rules: compiled in {:.1?} to {} bytes", start.elapsed(), image.len());
        parsing(&image)?;
        matching(Image::parse(&image)?);
    }
    Ok(())
}

/// Rules as a careful admin has them, filled up with files of one directory.
fn policy(count: usize) -> Policy {
    let few = ["/etc", "/root/.ssh", "/root/.aws/credentials", "/home/*/.ssh", "/app/confs"];
    let many = (0..count).map(|number| format!("/data/secret/file-{number:06}"));
    let rule = |(number, path): (usize, String)| FileRule {
        id: format!("files.forbidden[{number}]"),
        section: "files.forbidden".to_owned(),
        pattern: path.clone(),
        names: vec![if path.contains('*') {
            PathPattern::Glob(path.into())
        } else {
            PathPattern::Literal(path.into())
        }],
        effect: Effect::Forbid,
        access: Access::ALL,
        place: Place { file: "/etc/ringfence/policy.yml".to_owned(), line: 7, column: 9 },
        reason: None,
        fixed: false,
        leaf: false,
        audience: None,
    };
    let paths = few.map(str::to_owned).into_iter().chain(many).enumerate();
    Policy { rules: paths.map(rule).collect(), ..Policy::default() }
}

/// Parsing the image from the page cache, as a process does that maps it.
fn parsing(image: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        black_box(Image::parse(black_box(image))?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("  parse          {:8.1} µs", best * 1e6);
    Ok(())
}

fn matching(image: Image<'_>) {
    let deep = "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so";
    for (claim, path) in [
        ("outside", deep),
        ("outside, short", "/tmp/x"),
        ("beside", "/data/public/file-000007"),
        ("among rules", "/data/secret/file-x"),
        ("refused", "/data/secret/file-000007"),
        ("beneath", "/etc/ssl/certs/ca-certificates.crt"),
        ("by a glob", "/home/ann/work/project/src/main.rs"),
    ] {
        let each = nanoseconds(|| image.decide(black_box(path).as_bytes()));
        println!("  decide         {each:8.1} ns  {claim}: {path}");
    }
    let each = nanoseconds(|| image.is_rule_name(black_box("libjvm.so").as_bytes()));
    println!("  is_rule_name   {each:8.1} ns");
    let each = nanoseconds(|| image.alias(black_box(deep).as_bytes()));
    println!("  alias          {each:8.1} ns");
}

/// The best of several rounds, for one call.
fn nanoseconds<T>(call: impl Fn() -> T) -> f64 {
    const CALLS: u32 = 100_000;
    let round = || {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(call());
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..10).map(|_| round()).fold(f64::MAX, f64::min)
}
