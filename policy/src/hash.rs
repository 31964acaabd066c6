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
pub(crate) const fn step(state: u64, word: u64) -> u64 {
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
///
/// Both halves of the product go into it, so that each of its bits depends on every byte.
#[inline(always)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the two halves of a product")]
pub(crate) const fn in_directory(component: u64, parent: u32) -> u64 {
    let state = component ^ (parent as u64).wrapping_mul(SPREAD);
    let product = (state as u128).wrapping_mul(FACTOR as u128);
    product as u64 ^ (product >> 64) as u64
}

/// Spreads the high bits, which a multiplication fills best, over the low ones.
const fn finish(state: u64) -> u64 {
    state ^ (state >> 32)
}

/// Whether two texts are the same. Components are short: a call of `bcmp` costs more than they do,
/// and is one that another library can define.
#[inline(always)]
#[must_use]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((words, tail), (others, other_tail)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    one.len() == other.len()
        && words.iter().zip(others).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
        && partial_word(tail) == partial_word(other_tail)
}

/// Fewer than eight bytes as a word, another for any others of the same number. Two reads that
/// may overlap cost less than a loop over the bytes.
#[inline(always)]
fn partial_word(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(a) | u64::from(b) << 8,
        [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

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
    fn texts_are_the_same_only_byte_for_byte() {
        let text = b"a component of some length";
        for length in 0..text.len() {
            let one = &text[..length];
            assert!(is_same(one, &Vec::from(one)));
            assert!(!is_same(one, &text[..=length]));
            for at in 0..length {
                let mut other = one.to_vec();
                other[at] ^= 0x20;
                assert!(!is_same(one, &other), "{at} of {length}");
            }
        }
    }

    /// The table takes its slot from the high bits and its tag from the low ones.
    #[test]
    fn every_byte_of_a_component_moves_both_ends_of_the_hash() {
        let name = b"component";
        let ends = |name: &[u8]| {
            let hash = in_directory(component(name), 7);
            (hash & 0xffff, hash >> 48)
        };
        for length in 1..=name.len() {
            for at in 0..length {
                let mut other = Vec::from(&name[..length]);
                other[at] = b'_';
                let (before, after) = (ends(&name[..length]), ends(&other));
                assert!(before.0 != after.0 && before.1 != after.1, "{at} of {length}");
            }
        }
    }

    #[test]
    fn zeros_at_the_end_count() {
        assert_ne!(checksum(&[0; 32]), checksum(&[0; 33]));
        assert_ne!(component(b"a"), component(b"a\0"));
    }
}
