//! The two hashes of an image: the checksum of its bytes, and the hash of a path component.
//!
//! Both take eight bytes a step. Neither resists forgery, and neither needs to: who can write the
//! image decides what it says, and a component that is found by its hash is compared by its bytes.

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const SPREAD: u64 = 0xd6e8_feb8_6659_fd93;
const TURN: u32 = 29;

/// One step; for a fixed state it maps every word to another result, and for a fixed word every
/// state, so what differs once differs for good.
#[inline(always)]
const fn step(state: u64, word: u64) -> u64 {
    (state.rotate_left(TURN) ^ word).wrapping_mul(FACTOR)
}

/// The checksum of `bytes`.
///
/// Damage within eight bytes that stand together is always noticed, since each step is one to
/// one; wider damage but for one case in 2^64. Four lanes keep the multiplier busy.
#[must_use]
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    let (blocks, tail) = bytes.as_chunks::<32>();
    let mut lanes = [1_u64, 2, 3, 4];
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = step(*lane, u64::from_le_bytes(*word));
        }
    }
    let mut state = bytes.len() as u64;
    for lane in lanes {
        state = step(state, lane);
    }
    let (words, last) = tail.as_chunks::<8>();
    for word in words {
        state = step(state, u64::from_le_bytes(*word));
    }
    finish(step(state, partial_word(last)))
}

/// The hash of one component, of whatever directory.
#[inline(always)]
#[must_use]
pub(crate) fn component(name: &[u8]) -> u64 {
    let (words, tail) = name.as_chunks::<8>();
    let mut state = name.len() as u64;
    for word in words {
        state = step(state, u64::from_le_bytes(*word));
    }
    step(state, partial_word(tail))
}

/// The hash of a component in its directory: what the table of an image is ordered by.
#[inline(always)]
#[must_use]
pub(crate) const fn in_directory(component: u64, parent: u32) -> u64 {
    finish((component ^ (parent as u64).wrapping_mul(SPREAD)).wrapping_mul(FACTOR))
}

/// Spreads the high bits, which a multiplication fills best, over the low ones.
#[inline(always)]
#[must_use]
pub(crate) const fn finish(state: u64) -> u64 {
    state ^ (state >> 32)
}

/// Fewer than eight bytes as a word.
#[inline(always)]
fn partial_word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn every_single_bit_counts_at_every_length() {
        for length in 1..100_usize {
            let mut bytes = vec![0x5a_u8; length];
            let whole = checksum(&bytes);
            for bit in 0..length * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(checksum(&bytes), whole, "bit {bit} of {length} bytes");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn zeros_at_the_end_count() {
        assert_ne!(checksum(&[0; 32]), checksum(&[0; 33]));
        assert_ne!(component(b"a"), component(b"a\0"));
    }
}
