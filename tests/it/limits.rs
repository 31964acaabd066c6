//! The ways around the fence that are known: each is shown to be open.
//!
//! A limit that closes makes its test fail, and then leaves this folder and `docs/threat-model.md`
//! together.

mod callers;
mod calls;
mod given;
mod machine;
mod names;
mod python;

use std::ffi::OsString;

use crate::harness::Fence;

/// What a fence put by hand sets in the environment.
fn environment(fence: &Fence) -> Vec<(OsString, OsString)> {
    let command = fence.command("true");
    command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect()
}
