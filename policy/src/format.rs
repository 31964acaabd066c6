//! The layout of an image, which [`crate::compile()`] writes and [`crate::Image`] reads.
//!
//! All numbers are little-endian; offsets count from the first byte of the image, so it means the
//! same wherever it is mapped. The header is followed by the sections, each an array of records of
//! one size:
//!
//! | section | record | holds |
//! |---|---|---|
//! | slots | 16 | the trie of rules and of aliases, as a hash table of its nodes |
//! | filter | 8 | words of the set of names (see [`crate::names`]) |
//! | screen | 8 | words of the set of beginnings (see [`crate::screen`]) |
//! | patterns | 8 | text of the last component of a glob, where it has a wildcard |
//! | items | 8 | what the rules say at the nodes, in runs |
//! | globs | 8 | text of the part of a glob that its node does not stand for |
//! | aliases | 8 | text of the place that an alias leads to |
//! | groups | 8 | the first rule that authorizes, the first that forbids, of one kind of callers |
//! | prefixes | 24 | prefixes of callers, ordered by their hash |
//! | directories | 8 | text of a directory of plugins |
//! | hidden | 8 | text of the name, with wildcards, of a variable that children do not get |
//! | files | 16 | device and inode of a plugin's file, in order |
//! | strings | 1 | the texts of all these |
//! | scopes | 8 | an exception that is for an audience, and which; in order |
//! | rules | 48 | for messages: four texts, a place, a reason |
//! | texts | 1 | the texts of these |
//!
//! A *text* is an offset into the strings, or for rules into the texts, and a length.
//!
//! What verdicts are made of has a checksum of its own, so that a process that may never refuse
//! anything need not read the rest, which of many rules is the larger part.

/// The first bytes of every image, of whatever version.
pub(crate) const MAGIC: [u8; 8] = *b"\x7fringfen";
/// Raised whenever the layout or its meaning changes.
pub(crate) const VERSION: u32 = 1;
/// This build: the version, and a fingerprint of the sources. An image is only read by the build
/// that wrote it.
pub const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("RINGFENCE_FINGERPRINT"));
/// The bytes kept for [`BUILD`], filled up with zeros.
pub(crate) const BUILD_LEN: usize = 28;
const _: () = assert!(BUILD.len() <= BUILD_LEN, "the build does not fit into the header");

/// Where the version stands: after the magic.
pub(crate) const VERSION_AT: usize = 8;
/// Where the build stands.
pub(crate) const BUILD_AT: usize = 12;
/// Where the checksum of what follows it stands, up to [`Header::Messages`].
pub(crate) const CHECKSUM_AT: usize = 40;
/// Where the part under the checksum begins: [`Header`].
pub(crate) const BODY_AT: usize = 48;
/// The length of all that, and where the slots begin: a multiple of a cache line, so that no slot
/// lies across two.
pub(crate) const HEADER_LEN: usize = 256;

/// The words of the header under the checksum, by number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Header {
    /// The length of the image in bytes.
    Total,
    /// Bits; see [`Settings`].
    Settings,
    /// [`crate::Audit::rate`].
    Rate,
    /// The items of `/`.
    RootItems,
    /// Where [`crate::Audit::file`] stands in the image, as if it were a section.
    AuditFile,
    /// Each section has two words: its offset, and the number of its records.
    Slots = 6,
    Filter = 8,
    Items = 10,
    Globs = 12,
    Aliases = 14,
    Rules = 16,
    Strings = 18,
    Patterns = 20,
    Screen = 22,
    Texts = 24,
    /// Where the part for messages begins, which goes on to the end of the image.
    Messages = 26,
    /// The checksum of that part, low half first.
    MessagesSum = 28,
    Names = 30,
    Ancestors = 32,
    Groups = 34,
    CallerPrefixes = 36,
    Directories = 38,
    Files = 40,
    /// [`crate::Audit::frames`].
    Frames = 42,
    Hidden = 44,
    Scopes = 46,
}

/// The number of words under the checksum in the header.
pub(crate) const HEADER_WORDS: usize = (HEADER_LEN - BODY_AT) / 4;

/// The bits of [`Header::Settings`]. The accesses of the shortcut stand above [`Self::NAMES`].
pub(crate) struct Settings;

impl Settings {
    pub(crate) const AUDIT: u32 = 1;
    pub(crate) const DEBUG: u32 = 1 << 1;
    pub(crate) const NAMESPACES: u32 = 1 << 2;
    pub(crate) const NEW_PRIVILEGES: u32 = 1 << 3;
    pub(crate) const JSON: u32 = 1 << 4;
    pub(crate) const SILENT: u32 = 1 << 5;
    pub(crate) const UNATTRIBUTED: u32 = 1 << 6;
    pub(crate) const STRICT: u32 = 1 << 7;
    pub(crate) const NAMES: u32 = 8;
    /// Where the accesses of [`crate::Image::whole`] stand.
    pub(crate) const WHOLE: u32 = 16;
    /// Where the audiences stand that the host is in.
    pub(crate) const HOST: u32 = 24;
}

/// The parent of the first components of rules: no slot has this number.
pub(crate) const RULES_ROOT: u32 = u32::MAX;
/// The parent of the first components of aliases.
pub(crate) const ALIASES_ROOT: u32 = u32::MAX - 1;
/// The parent of the first components of what lies above places that are forbidden.
pub(crate) const ABOVE_ROOT: u32 = u32::MAX - 2;

/// A record of the slots: one component in its directory, as two words of eight bytes.
///
/// The first tells which component it is: the number of its parent's slot, 16 bits of its hash,
/// its length. It is zero in a slot that is free, since no component is empty. The second says
/// where its text is in the strings, and what the node holds, plus one: the first of a run of
/// items, or an alias; 0 for nothing.
pub(crate) type Slot = [u8; 16];

/// A record of the items: the rule, then [`crate::verdict::Terms`], [`LAST_ITEM`] at the end of a
/// run, and from [`GLOB_SHIFT`] on the number of its glob plus one, or 0 where the rule covers the
/// node itself.
pub(crate) type Item = [u8; 8];
/// See [`Item`].
pub(crate) const LAST_ITEM: u32 = 1 << 7;
/// See [`Item`].
pub(crate) const GLOB_SHIFT: u32 = 8;

/// A record of the scopes: the number of a rule, and that of its audience.
pub(crate) type Scope = [u8; 8];

/// A record of the groups: the number of the first rule that authorizes plus one, and that of the
/// first that forbids; 0 for none. In lists that are no rules, 1 says that there are any.
pub(crate) type Group = [u8; 8];

/// A record of the prefixes of callers: its hash in its group, its text, its rule ([`FORBIDS`]),
/// its group. Of the same hash, those that forbid stand first.
pub(crate) type CallerPrefix = [u8; 24];
/// See [`CallerPrefix`].
pub(crate) const FORBIDS: u32 = 1 << 31;

/// An offset into the strings, and a length.
pub(crate) type Text = [u8; 8];

/// A record of the rules: the texts of id, section, pattern, file and reason; the line, whose
/// highest bit is set where there is a reason ([`HAS_REASON`]); the column.
pub(crate) type Rule = [u8; 48];
/// See [`Rule`].
pub(crate) const HAS_REASON: u32 = 1 << 31;

/// The first half of a [`Slot`].
#[inline(always)]
pub(crate) const fn slot_key(parent: u32, hash: u64, length: u16) -> u64 {
    parent as u64 | (hash & 0xffff) << 32 | (length as u64) << 48
}

/// The slot at which the search for a component begins: the high half of its hash, scaled to the
/// number of slots.
#[inline(always)]
pub(crate) const fn first_slot(hash: u64, slots: u32) -> u32 {
    ((hash >> 32).wrapping_mul(slots as u64) >> 32) as u32
}
