//! The order in which Kestra applies entries of different types: that of a `java.util.HashMap`.
//!
//! Kestra groups its entries by their literal `type` with `Collectors.groupingBy`, then goes
//! through the map. That order is computable: Java fixes the hash of a string, and a group enters
//! by `computeIfAbsent`, which puts a new key in front of its bucket and doubles the table at the
//! call *after* the one that filled it. What is left out is a bucket of eight keys or more in a
//! table of 64 or more, which Java turns into a tree.

/// The smallest table.
const INITIAL_CAPACITY: usize = 16;
/// A bucket with this many keys turns into a tree, or doubles a small table.
const TREEIFY_THRESHOLD: usize = 8;
/// Below this capacity a full bucket doubles the table instead.
const MIN_TREEIFY_CAPACITY: usize = 64;

/// The hash of a string in Java, spread as `HashMap` does it.
pub(crate) fn hash(text: &str) -> u32 {
    let hash = text
        .encode_utf16()
        .fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    hash ^ (hash >> 16)
}

/// The distinct keys of a list in the order in which a `HashMap` that `groupingBy` has filled
/// gives them.
pub(crate) fn grouped<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut table = Table { buckets: vec![Vec::new(); INITIAL_CAPACITY], len: 0 };
    for key in keys {
        table.group(key);
    }
    table.buckets.into_iter().flat_map(|bucket| bucket.into_iter().map(|(_, key)| key)).collect()
}

struct Table<'a> {
    buckets: Vec<Vec<(u32, &'a str)>>,
    len: usize,
}

impl<'a> Table<'a> {
    /// What `computeIfAbsent` does.
    fn group(&mut self, key: &'a str) {
        if self.len > self.buckets.len() / 4 * 3 {
            self.double();
        }
        let hash = hash(key);
        let mask = self.buckets.len() - 1;
        let bucket = &mut self.buckets[hash as usize & mask];
        if bucket.iter().any(|&(_, known)| known == key) {
            return;
        }
        bucket.insert(0, (hash, key));
        if bucket.len() >= TREEIFY_THRESHOLD && mask + 1 < MIN_TREEIFY_CAPACITY {
            self.double();
        }
        self.len += 1;
    }

    /// Doubles the table; the keys of a bucket keep their order.
    fn double(&mut self) {
        let capacity = self.buckets.len() * 2;
        let old = std::mem::replace(&mut self.buckets, vec![Vec::new(); capacity]);
        for (hash, key) in old.into_iter().flatten() {
            self.buckets[hash as usize & (capacity - 1)].push((hash, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    /// Each line: the keys as they were grouped, and as Java's `keySet` gave them back.
    const JAVA: &str = include_str!("../../../tests/data/java-hashmap-order.txt");

    #[test]
    fn the_order_is_that_of_java() {
        assert_eq!(JAVA.lines().count(), 12);
        for line in JAVA.lines() {
            let (keys, java) = line.split_once('|').expect("two columns");
            assert_eq!(grouped(keys.split(',')).join(","), java, "grouped from {keys}");
        }
    }

    #[test]
    fn a_key_that_is_grouped_twice_is_there_once() {
        assert_eq!(grouped(["a", "b", "a"].into_iter()), ["a", "b"]);
    }
}
