//! The fixed rules: what no policy lifts, because the fence itself stands on it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ringfence_policy::{Access, Effect, FileRule, PathPattern, Place};

use crate::places::normalise;

/// The fence's own files.
pub(crate) struct OwnFiles<'a> {
    /// The directory that holds the image.
    pub(crate) private: &'a Path,
    /// The shim.
    pub(crate) library: &'a Path,
    /// The files that the policy was read from.
    pub(crate) policies: &'a [PathBuf],
    /// The audit file, empty for none.
    pub(crate) audit: &'a [u8],
}

/// What opening for writing gives away more than a file: the kernel runs a program that such a
/// file names, or takes one as the interpreter of others.
const KERNEL_KNOBS: [&str; 6] = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hotplug",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/fs/binfmt_misc/status",
    "/sys/kernel/uevent_helper",
];

/// The machine's memory, in which every file's content lies.
const MEMORY: [&str; 3] = ["/dev/mem", "/dev/kmem", "/dev/port"];

/// The classes of devices that give a whole disk: the disks themselves, and the ways to send
/// them commands.
const DISKS: [&str; 4] =
    ["/sys/class/block", "/sys/class/scsi_generic", "/sys/class/bsg", "/sys/class/nvme"];

/// The rules; `debug` leaves other processes' memory to the policy.
pub(crate) fn rules(own: &OwnFiles<'_>, debug: bool) -> Vec<FileRule> {
    let mut rules = vec![
        // Nothing in there is a worker's business, and what may not even be listed is no
        // directory that a process can hold while it may not write there.
        rule("images", vec![literal(own.private.as_os_str().as_bytes())], Access::ALL, false),
        rule("library", vec![literal(own.library.as_os_str().as_bytes())], Access::WRITE, true),
        rule("kernel-knobs", kernel_knobs(), Access::WRITE, true),
        rule("machine-memory", MEMORY.map(|path| literal(path.as_bytes())).to_vec(), CONTENT, true),
    ];
    let mut optional = |id, names: Vec<PathPattern>, access| {
        if !names.is_empty() {
            rules.push(rule(id, names, access, true));
        }
    };
    let policies = own.policies.iter().map(|path| literal(path.as_os_str().as_bytes()));
    optional("policy-files", policies.collect(), Access::WRITE);
    let audit = (!own.audit.is_empty()).then(|| literal(own.audit));
    optional("audit-file", audit.into_iter().collect(), Access::WRITE);
    optional("disks", disks(), CONTENT);
    if !debug {
        optional("process-memory", process_memory(), Access::WRITE);
    }
    rules
}

/// All that reaches the content of a device; looking at its name is harmless.
const CONTENT: Access = Access::READ.with(Access::WRITE).with(Access::EXECUTE);

fn rule(id: &str, names: Vec<PathPattern>, access: Access, leaf: bool) -> FileRule {
    // Of many names no message should show the first as if it were the place.
    let pattern = match names.as_slice() {
        [name] => text(name),
        _ => id.replace('-', " "),
    };
    FileRule {
        id: format!("ringfence-{id}"),
        section: "built-in".into(),
        pattern,
        names,
        effect: Effect::Forbid,
        access,
        place: Place { file: "<built-in>".into(), line: 0, column: 0 },
        reason: None,
        fixed: true,
        leaf,
        audience: None,
    }
}

fn text(name: &PathPattern) -> String {
    let (PathPattern::Literal(path) | PathPattern::Glob(path)) = name;
    String::from_utf8_lossy(path).into_owned()
}

fn literal(path: &[u8]) -> PathPattern {
    PathPattern::Literal(normalise(path))
}

/// The knobs that are always there, and the entries that binfmt_misc has now: a new one needs
/// `register`.
fn kernel_knobs() -> Vec<PathPattern> {
    let mut knobs = KERNEL_KNOBS.map(|path| literal(path.as_bytes())).to_vec();
    knobs.push(PathPattern::Glob(b"/sys/fs/cgroup/**/release_agent".to_vec()));
    let entries = names_in(Path::new("/proc/sys/fs/binfmt_misc"));
    knobs.extend(entries.map(|entry| literal(entry.as_os_str().as_bytes())));
    knobs
}

/// `mem` of every process and of every thread: ends in a name, so that only files of that name
/// lose the short way of judging.
fn process_memory() -> Vec<PathPattern> {
    ["/proc/*/mem", "/proc/*/task/*/mem"].map(|glob| PathPattern::Glob(glob.into())).to_vec()
}

/// What processes were started with, as they and their threads show it, and the memory in which it
/// lies: a worker's secrets, for those that may not have them.
pub(crate) fn environments() -> FileRule {
    let names = ["/proc/*/environ", "/proc/*/task/*/environ", "/proc/*/mem", "/proc/*/task/*/mem"];
    let names = names.map(|glob| PathPattern::Glob(glob.into())).to_vec();
    rule("process-environments", names, CONTENT, true)
}

/// The nodes of this machine's disks, by the names that the kernel itself gives them.
fn disks() -> Vec<PathPattern> {
    let devices = DISKS.iter().flat_map(|class| names_in(Path::new(class)));
    let mut names: Vec<PathPattern> = devices.filter_map(|device| node(&device)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn node(device: &Path) -> Option<PathPattern> {
    let facts = std::fs::read(device.join("uevent")).ok()?;
    let name =
        facts.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"DEVNAME="))?;
    Some(literal(&[b"/dev/", name].concat()))
}

fn names_in(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(debug: bool) -> Vec<FileRule> {
        let own = OwnFiles {
            private: Path::new("/run/ringfence"),
            library: Path::new("/usr/lib/ringfence/libringfence.so"),
            policies: &[PathBuf::from("/etc/ringfence/policy.yaml")],
            audit: b"/var/log/audit.jsonl",
        };
        rules(&own, debug)
    }

    fn access_to(rules: &[FileRule], name: &PathPattern) -> Access {
        let found = rules.iter().filter(|rule| rule.names.contains(name));
        found.fold(Access::NONE, |sum, rule| sum | rule.access)
    }

    #[test]
    fn the_fences_own_files_cannot_be_written() {
        let rules = all(false);
        for path in [
            "/usr/lib/ringfence/libringfence.so",
            "/etc/ringfence/policy.yaml",
            "/var/log/audit.jsonl",
        ] {
            assert_eq!(access_to(&rules, &literal(path.as_bytes())), Access::WRITE, "{path}");
        }
        assert_eq!(access_to(&rules, &literal(b"/run/ringfence")), Access::ALL);
    }

    #[test]
    fn every_rule_is_fixed_and_forbids() {
        assert!(all(false).iter().all(|rule| rule.fixed && rule.effect == Effect::Forbid));
    }

    /// A directory that can be held, but not written in, would cost every relative write its
    /// short way; so would a pattern that ends in a wildcard.
    #[test]
    fn no_rule_costs_the_short_way() {
        for rule in all(false) {
            assert!(rule.leaf || rule.access == Access::ALL, "{rule:?}");
            for name in &rule.names {
                let last = text(name).rsplit('/').next().map(str::to_owned).unwrap_or_default();
                assert!(!last.contains(['*', '?']), "{name:?}");
            }
        }
    }

    #[test]
    fn debugging_gives_back_the_memory_of_processes() {
        let memory = PathPattern::Glob(b"/proc/*/mem".to_vec());
        assert_eq!(access_to(&all(false), &memory), Access::WRITE);
        assert_eq!(access_to(&all(true), &memory), Access::NONE);
    }

    #[test]
    fn each_disk_of_this_machine_is_named() {
        let rules = all(false);
        for disk in names_in(Path::new("/sys/class/block")) {
            let name = disk.file_name().expect("a device has a name");
            let name = [b"/dev/", name.as_bytes()].concat();
            if Path::new(std::ffi::OsStr::from_bytes(&name)).exists() {
                assert_eq!(access_to(&rules, &literal(&name)), CONTENT, "{}", disk.display());
            }
        }
    }
}
