//! Random policies: the image and the reference agree.

use proptest::prelude::*;
use ringfence_policy::{Access, Alias, Image, PathPattern, Policy, compile, reference};

use crate::support::{path, policy, random_policy};

/// Where the first 64 bytes of a path are slashes.
fn slashes(path: &str) -> u64 {
    let slashes = path.bytes().take(64).zip(0..).filter(|(byte, _)| *byte == b'/');
    slashes.fold(0, |marks, (_, at)| marks | 1 << at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_image_decides_as_the_reference(
        policy in random_policy(true),
        paths in prop::collection::vec(path(6), 1..20),
    ) {
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for path in paths {
            let decision = image.decide(path.as_bytes());
            prop_assert_eq!(decision, reference::decide(&policy, path.as_bytes()), "{}", path);
        }
    }

    #[test]
    fn the_image_knows_what_lies_above_as_the_reference(
        policy in random_policy(true),
        paths in prop::collection::vec(path(6), 1..20),
    ) {
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for path in paths {
            let text = path.as_bytes();
            prop_assert_eq!(image.is_above(text), reference::is_above(&policy, text), "{}", path);
            let may_be = reference::may_be_above(&policy, text);
            prop_assert_eq!(image.may_be_above(text), may_be, "{}", path);
        }
    }

    /// What a name that no rule knows is made or removed by, beneath a directory that is held.
    #[test]
    fn a_name_of_no_rule_is_neither_forbidden_nor_above(
        mut policy in random_policy(true),
        parents in prop::collection::vec(path(4), 1..10),
        name in "[abcd]{1,2}",
    ) {
        // Nothing lies in a leaf.
        policy.rules.iter_mut().for_each(|rule| rule.leaf = false);
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        let changes = Access::WRITE | Access::METADATA;
        if !image.by_names().contains(changes) || image.is_any_name(name.as_bytes()) {
            return Ok(());
        }
        for parent in parents {
            let target = format!("{}/{name}", if parent == "/" { "" } else { &parent });
            let held = reference::decide(&policy, parent.as_bytes()).refused();
            let refused = reference::decide(&policy, target.as_bytes()).refused();
            prop_assert_eq!(refused.intersects(Access::WRITE), held == Access::ALL, "{}", target);
            if held != Access::ALL {
                prop_assert!(!held.intersects(changes), "{}", parent);
                prop_assert!(!reference::is_above(&policy, target.as_bytes()), "{}", target);
            }
        }
    }

    #[test]
    fn what_is_refused_a_whole_access_is_refused_all(
        policy in random_policy(true),
        paths in prop::collection::vec(path(6), 1..20),
    ) {
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for path in paths {
            let refused = reference::decide(&policy, path.as_bytes()).refused();
            prop_assert!(!refused.intersects(image.whole()) || refused == Access::ALL, "{}", path);
        }
    }

    #[test]
    fn the_image_knows_the_aliases(
        links in prop::collection::btree_map(path(3), path(3), 0..5),
        paths in prop::collection::vec(path(5), 1..10),
    ) {
        let links = links.into_iter().filter(|(from, _)| from != "/");
        let alias = |(from, to): (String, String)| Alias { from: from.into(), to: to.into() };
        let policy = Policy { aliases: links.map(alias).collect(), ..Policy::default() };
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for path in paths {
            let found = image.alias(path.as_bytes());
            prop_assert_eq!(found, reference::alias(&policy, path.as_bytes()), "{}", path);
        }
    }

    /// Long names too, which the screen knows by their ends alone.
    #[test]
    fn what_is_clear_is_not_refused_and_has_no_alias(
        policy in random_policy(true),
        links in prop::collection::btree_map(path(3), path(3), 0..3),
        paths in prop::collection::vec(path(6), 1..20),
        long in any::<bool>(),
    ) {
        let longer = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).into_owned();
            if long { text.replace('a', "a-name-of-twenty-two-a") } else { text }
        };
        let mut policy = policy;
        for rule in &mut policy.rules {
            for name in &mut rule.names {
                *name = match name {
                    PathPattern::Literal(text) => PathPattern::Literal(longer(text).into()),
                    PathPattern::Glob(text) => PathPattern::Glob(longer(text).into()),
                };
            }
        }
        let links = links.into_iter().filter(|(from, _)| from != "/");
        let alias = |(from, to): (String, String)| Alias {
            from: longer(from.as_bytes()).into(),
            to: to.into(),
        };
        policy.aliases = links.map(alias).collect();
        let bytes = compile(&policy)?;
        let image = Image::parse(&bytes)?;
        for path in paths {
            let path = longer(path.as_bytes());
            if image.is_clear(path.as_bytes(), slashes(&path)) {
                let decision = reference::decide(&policy, path.as_bytes());
                prop_assert!(decision.refused().is_empty(), "{}", path);
                prop_assert_eq!(reference::alias(&policy, path.as_bytes()), None, "{}", path);
            }
        }
    }
}

/// The screen is of use: it passes what differs from every rule in its first two components.
#[test]
fn what_differs_early_is_clear() {
    let text = "forbid /etc; forbid /tmp/a-long-name-1; forbid /home/*/.ssh; allow /srv/a/b/c";
    let bytes = compile(&policy(text)).expect("the policy compiles");
    let image = Image::parse(&bytes).expect("the image is whole");
    let is_clear = |path: &str| image.is_clear(path.as_bytes(), slashes(path));
    for path in ["/", "/usr/lib/x", "/tmp", "/tmp/x", "/tmp/a-long-name-2/f", "/srv/b", "/data"] {
        assert!(is_clear(path), "{path}");
    }
    for path in ["/etc", "/etc/x", "/tmp/a-long-name-1", "/home/x", "/srv/a/x", "/proc/self", "x"] {
        assert!(!is_clear(path), "{path}");
    }
    let unseen = format!("/{}/x", "a".repeat(64));
    assert!(!is_clear(&unseen), "its second component is not seen");
    let wild = compile(&policy("forbid /**/.ssh")).expect("the policy compiles");
    let wild = Image::parse(&wild).expect("the image is whole");
    assert!(!wild.is_clear(b"/usr/lib", 0b10001));
}
