//! The places of this machine that a flow's author would have in the container.
//!
//! The container client is outside the fence, so what it mounts is judged here: else a volume would
//! show a task what the policy forbids.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ringfence_policy::{Access, Image};

use crate::places::{Follow, Links, absolute};
use crate::run::policy::Loaded;
use crate::run::refusal::Refusal;
use crate::run::{of_machine, parse};
use crate::task::room::Room;

/// Judges volumes, each written `FROM:TO` or `FROM:TO:OPTIONS`.
///
/// # Errors
/// RF411 where the policy forbids the place, or something beneath it.
pub(super) fn judge(volumes: &[String], loaded: &Loaded, room: &Room) -> Result<(), Refusal> {
    let places: Vec<&str> = volumes.iter().filter_map(|volume| place(volume)).collect();
    if places.is_empty() {
        return Ok(());
    }
    let bytes = of_machine(loaded, room.rules())?;
    let policy = parse(&bytes)?;
    places.into_iter().try_for_each(|place| judge_place(place, policy))
}

/// The place of this machine; a volume without a path is the client's own.
fn place(volume: &str) -> Option<&str> {
    let from = volume.split_once(':').map_or(volume, |(from, _)| from);
    from.starts_with(['/', '.', '~']).then_some(from)
}

fn judge_place(place: &str, policy: Image<'_>) -> Result<(), Refusal> {
    let refusal = |why: String| {
        Err(Refusal::coded("RF411", format!("the volume `{place}` would show what the policy forbids"))
            .note(why)
            .help("nothing was started: mount another place, or give the volume in the policy's own entry"))
    };
    let written = absolute(Path::new(place))
        .map_err(|error| Refusal::plain(format!("`{place}` has no absolute path: {error}")))?;
    let Some(real) = Links::default().resolve(&written, Follow::All) else {
        return refusal("its links lead nowhere".into());
    };
    for name in [&written, &real] {
        if let Some(rule) = policy.decide(name).refuses(Access::ALL) {
            let rule = policy.rule(rule);
            let which =
                rule.map(|rule| format!("{} `{}` ({})", rule.section, rule.pattern, rule.place));
            return refusal(which.unwrap_or_default());
        }
        if policy.may_be_above(name) {
            let name = std::ffi::OsStr::from_bytes(name).display();
            return refusal(format!("something beneath `{name}` is forbidden"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_a_place_or_a_name() {
        for (volume, expected) in [
            ("/a:/b", Some("/a")),
            ("/a:/b:ro", Some("/a")),
            ("./a:/b", Some("./a")),
            ("name:/b", None),
            ("/b", Some("/b")),
        ] {
            assert_eq!(place(volume), expected, "{volume}");
        }
    }
}
