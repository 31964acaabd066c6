//! The built-in sets of rules. They are texts like any policy, read by the same reader.
//!
//! The `jvm` preset depends on the machine and is found at launch; it is not here.

use std::sync::Arc;

use super::span::Source;

/// The file name of built-in rules.
pub(crate) const NAME: &str = "<built-in>";

/// Well-known places of secrets: the policy when none is named, and the preset `credentials`.
///
/// It stops what reads those places in ordinary work, too: `ssh` and `git` with keys of `~/.ssh`,
/// cloud tools with their profiles. That is its purpose: such work gets an exception of its own.
pub(crate) fn credentials() -> Arc<Source> {
    Source::new(NAME, include_str!("presets/credentials.yaml"))
}

/// What the preset `kestra` keeps at the end of `LD_PRELOAD`: Kestra's start script sets it only
/// when the variable is empty, and RocksDB's native library needs it.
pub(crate) const KESTRA_PRELOAD: &str = "libstdc++.so.6";
