//! The kinds of access that a rule can name.

use core::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// A set of accesses: what a call would do to a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access(u8);

impl Access {
    /// No access at all.
    pub const NONE: Self = Self(0);
    /// Reads the content of a file.
    pub const READ: Self = Self(1);
    /// Changes a file, a directory or their metadata; creates, removes, renames, links.
    pub const WRITE: Self = Self(1 << 1);
    /// Lists a directory.
    pub const LIST: Self = Self(1 << 2);
    /// Starts a program, or loads a library.
    pub const EXECUTE: Self = Self(1 << 3);
    /// Inspects (stat, access, readlink, xattr), or holds a place: `O_PATH`, `chdir`.
    pub const METADATA: Self = Self(1 << 4);
    /// Every access.
    pub const ALL: Self = Self(0b1_1111);
    /// The number of single accesses.
    pub const COUNT: usize = 5;

    /// The set with these bits; bits that mean nothing are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// The set as bits, for the image.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Both sets together, for constants.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether no access is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every access of `other` is in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the two sets have an access in common.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Access {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Access {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Access {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Access {
    type Output = Self;
    fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }
}
