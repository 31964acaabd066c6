//! Other programs that stand between a process and its files, around the same work in the same run.
//!
//! They are measured by whole programs alone: a tracer works in a process of its own, which the
//! clock of a traced loop does not see.

use std::path::Path;

/// A peer, where it is installed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Peer {
    /// Mount namespaces; `/etc/` is an empty file system.
    Bubblewrap,
    /// Mount namespaces and a seccomp filter; `/etc/` is covered.
    Firejail,
    /// ptrace; a file of `/etc/` is another one.
    Proot,
    /// A preloaded library that rewrites paths. Without a root to move to, it forbids nothing: what
    /// its hooks cost alone.
    Fakechroot,
}

impl Peer {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Peer; 4] =
        [Peer::Bubblewrap, Peer::Firejail, Peer::Proot, Peer::Fakechroot];

    /// The words in front of a command, the program first.
    pub(crate) const fn words(self) -> &'static [&'static str] {
        match self {
            Peer::Bubblewrap => &["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/etc", "--"],
            Peer::Firejail => &["firejail", "--quiet", "--noprofile", "--blacklist=/etc", "--"],
            Peer::Proot => &["proot", "-b", "/dev/null:/etc/hostname"],
            Peer::Fakechroot => &["fakechroot", "--"],
        }
    }

    /// Whether what the policy of the benchmark forbids cannot be read behind it.
    pub(crate) const fn forbids(self) -> bool {
        !matches!(self, Peer::Fakechroot)
    }

    /// Whether a directory of `PATH` has its program.
    pub(crate) fn is_installed(self) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| is_program(&directory, self.words()[0]))
    }
}

fn is_program(directory: &Path, name: &str) -> bool {
    directory.join(name).is_file()
}
