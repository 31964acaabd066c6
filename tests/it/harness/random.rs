//! Numbers for the tests that try many things: the same for the same seed.

/// A source of numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    /// The source that `RINGFENCE_SEED` names, else always the same one: a test that fails by
    /// chance is no test. The seed is printed, which shows when the test fails.
    pub(crate) fn announced(test: &str) -> Self {
        let given = std::env::var("RINGFENCE_SEED").ok();
        let seed = given.map_or(1, |text| text.parse().expect("RINGFENCE_SEED is a number"));
        println!("again with: RINGFENCE_SEED={seed} cargo test -p ringfence --test it {test}");
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// A place in something of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let end = u64::try_from(length).expect("lengths are small");
        usize::try_from(self.below(end)).expect("lengths are small")
    }

    /// One of these.
    pub(crate) fn choice<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }
}
