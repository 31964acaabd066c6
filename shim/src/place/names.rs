//! Relative paths that pass by their names alone.

use ringfence_policy::Access;

use crate::arm::State;
use crate::text::{Slashes, Text};

/// A relative path without `..`, none of whose names is the last name of a rule, cannot lead from
/// a place that is not forbidden into one that is: if r is the longest rule that covers the
/// target and r's last name is not among the names, r covers the directory too. The image says
/// for which accesses no process can hold a forbidden directory.
pub(super) fn passes_by_names(
    state: &State,
    access: Access,
    text: &Text,
    slashes: Slashes,
) -> bool {
    let image = &state.image;
    if !image.by_names().contains(access) {
        return false;
    }
    let text = text.bytes();
    let Some(mut slashes) = slashes.filter(|_| text.len() <= 64) else {
        return !text.split(|byte| *byte == b'/').any(|name| image.is_rule_name(name));
    };
    let mut start = 0_usize;
    loop {
        let end = (slashes.trailing_zeros() as usize).min(text.len());
        if text.get(start..end).is_none_or(|name| image.is_rule_name(name)) {
            return false;
        }
        if slashes == 0 {
            return true;
        }
        slashes &= slashes.wrapping_sub(1);
        start = end.saturating_add(1);
    }
}

/// Whether a path is a single name, by which [`passes_by_names`] lets it pass.
#[inline(always)]
pub(super) fn is_free_name(state: &State, access: Access, text: &Text, slashes: Slashes) -> bool {
    let image = &state.image;
    slashes == Some(0)
        && text.length() <= 64
        && image.by_names().contains(access)
        && !image.is_rule_name(text.bytes())
}
