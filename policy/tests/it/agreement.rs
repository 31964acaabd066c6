//! Random policies: the image and the reference agree.

use proptest::prelude::*;
use ringfence_policy::{Alias, Image, Policy, compile, reference};

use crate::support::{path, random_policy};

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
}
