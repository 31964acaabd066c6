//! An image, as the shim reads it: a view of bytes that somebody else may have damaged.
//!
//! [`Image::parse`] holds the bytes to their checksum and every section to their bounds, once.
//! The reading afterwards still trusts nothing: each offset goes through `get`, and each loop ends
//! with the path or with the table. What contradicts itself then refuses every access. So parsing
//! need not walk the tables, and an image of 100,000 rules is read at the speed of memory.

use core::fmt;

use crate::format::{
    ALIASES_ROOT, BODY_AT, BUILD, BUILD_AT, BUILD_LEN, CHECKSUM_AT, HAS_REASON, HEADER_LEN,
    HEADER_WORDS, Header, Item, MAGIC, Rule, Settings, Slot, Text, VERSION, VERSION_AT,
};
use crate::names::Filter;
use crate::{Access, Console, Decision, Mode, RuleIndex, hash, paths};

/// A compiled policy, matched where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    settings: u32,
    rate: u32,
    /// The items of `/`; see [`Slot`].
    pub(crate) root_items: u32,
    audit_file: &'a [u8],
    pub(crate) slots: &'a [Slot],
    pub(crate) items: &'a [Item],
    globs: &'a [Text],
    aliases: &'a [Text],
    filter: Filter<'a>,
    rules: &'a [Rule],
    strings: &'a [u8],
}

/// Why bytes are not an image that this build may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// They do not begin as an image does.
    Foreign,
    /// They are an image of another format.
    OtherVersion {
        /// The version of its format.
        found: u32,
    },
    /// They were written by another build of ringfence.
    OtherBuild {
        /// The build as it names itself, filled up with zeros.
        found: [u8; BUILD_LEN],
    },
    /// There are fewer bytes than the image says, or than any image has.
    Truncated {
        /// The bytes that there are.
        length: usize,
        /// The bytes that there should be.
        expected: usize,
    },
    /// There are more bytes than the image says.
    TooLong {
        /// The bytes that there are.
        length: usize,
        /// The bytes that there should be.
        expected: usize,
    },
    /// The checksum is not that of the bytes.
    Damaged,
    /// The checksum is right, but the sections are not within the bytes: a fault of the compiler
    /// that wrote them, or a forgery.
    Inconsistent,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a ringfence policy image"),
            Self::OtherVersion { found } => {
                let age = if *found > VERSION { "newer" } else { "older" };
                write!(f, "format {found} is {age} than this build's format {VERSION}")
            }
            Self::OtherBuild { found } => {
                f.write_str("made by ringfence ")?;
                for byte in found.iter().take_while(|byte| **byte != 0) {
                    write!(f, "{}", byte.escape_ascii())?;
                }
                write!(f, ", not by this build, {BUILD}")
            }
            Self::Truncated { length, expected } => {
                write!(f, "truncated: {length} bytes of {expected}")
            }
            Self::TooLong { length, expected } => {
                write!(f, "too long: {length} bytes instead of {expected}")
            }
            Self::Damaged => f.write_str("damaged: its checksum does not match"),
            Self::Inconsistent => f.write_str("inconsistent: a section lies outside the image"),
        }
    }
}

impl core::error::Error for ImageError {}

impl<'a> Image<'a> {
    /// Verifies `bytes` and returns a view of them.
    ///
    /// # Errors
    /// [`ImageError`] says what the bytes are instead: foreign, of another format or build,
    /// truncated, too long, damaged. Every change of a single bit is found.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let header = verified_header(bytes)?;
        Self::sections(bytes, header).ok_or(ImageError::Inconsistent)
    }

    fn sections(bytes: &'a [u8], header: [u32; HEADER_WORDS]) -> Option<Self> {
        let slots = section(bytes, &header, Header::Slots)?;
        // The numbers from here on are those of the roots.
        if u32::try_from(slots.len()).ok()? >= ALIASES_ROOT {
            return None;
        }
        let strings: &[[u8; 1]] = section(bytes, &header, Header::Strings)?;
        let word = |word: Header| header.get(word as usize).copied();
        Some(Self {
            settings: word(Header::Settings)?,
            rate: word(Header::Rate)?,
            root_items: word(Header::RootItems)?,
            audit_file: section::<1>(bytes, &header, Header::AuditFile)?.as_flattened(),
            slots,
            items: section(bytes, &header, Header::Items)?,
            globs: section(bytes, &header, Header::Globs)?,
            aliases: section(bytes, &header, Header::Aliases)?,
            filter: Filter::new(section(bytes, &header, Header::Filter)?),
            rules: section(bytes, &header, Header::Rules)?,
            strings: strings.as_flattened(),
        })
    }

    /// Whether refusals take effect.
    #[must_use]
    pub fn mode(&self) -> Mode {
        if self.has(Settings::AUDIT) { Mode::Audit } else { Mode::Enforce }
    }

    /// See [`crate::Policy::debug`].
    #[must_use]
    pub fn debug(&self) -> bool {
        self.has(Settings::DEBUG)
    }

    /// See [`crate::Policy::namespaces`].
    #[must_use]
    pub fn namespaces(&self) -> bool {
        self.has(Settings::NAMESPACES)
    }

    /// See [`crate::Policy::new_privileges`].
    #[must_use]
    pub fn new_privileges(&self) -> bool {
        self.has(Settings::NEW_PRIVILEGES)
    }

    /// Judges an absolute path: normalised, so without `.`, `..`, `//` and a last `/`.
    ///
    /// A text that does not begin with `/` is refused every access, by [`RuleIndex::UNJUDGED`].
    /// That it is normalised is the caller's promise: the search ends where no rule lies further
    /// down, so what comes after is not even looked at.
    #[must_use]
    #[inline]
    pub fn decide(&self, path: &[u8]) -> Decision {
        paths::decide(self, path).unwrap_or(Decision::UNJUDGED)
    }

    /// Whether `name` may be the last name of a rule or an exception.
    ///
    /// It answers yes for every such name, and now and then for another, which costs the caller
    /// the shortcut. What a no is good for is told and proved in [`crate::names`].
    #[must_use]
    #[inline]
    pub fn is_rule_name(&self, name: &[u8]) -> bool {
        self.filter.has(name)
    }

    /// The accesses for which a relative path without `..`, none of whose names
    /// [`is_rule_name`](Self::is_rule_name), may pass unjudged; see [`crate::names`].
    #[must_use]
    #[inline]
    pub fn by_names(&self) -> Access {
        let [_, accesses, ..] = self.settings.to_le_bytes();
        Access::from_bits(accesses)
    }

    /// The alias that an absolute normalised path begins with, by whole components: how many of
    /// its bytes it takes, and the place that they lead to. Where one alias lies beneath another,
    /// the shorter, as the kernel would meet it first.
    #[must_use]
    #[inline]
    pub fn alias(&self, path: &[u8]) -> Option<(usize, &'a [u8])> {
        let (length, number) = paths::alias(self, path)?;
        Some((length, self.text(self.aliases.get(number as usize)?)?))
    }

    /// The rule behind an index, for messages; `None` for an index of another image.
    #[must_use]
    pub fn rule(&self, index: RuleIndex) -> Option<RuleView<'a>> {
        if index == RuleIndex::UNJUDGED {
            return Some(RuleView::UNJUDGED);
        }
        let (texts, _) = self.rules.get(index.0 as usize)?.as_chunks::<8>();
        let [id, section, pattern, file, reason, place] = texts else { return None };
        let (line, column) = halves(place);
        let reason = if line & HAS_REASON == 0 { None } else { Some(self.str(reason)?) };
        Some(RuleView {
            id: self.str(id)?,
            section: self.str(section)?,
            pattern: self.str(pattern)?,
            place: PlaceView { file: self.str(file)?, line: line & !HAS_REASON, column },
            reason,
        })
    }

    /// The number of rules, exceptions included.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// How denials are reported.
    #[must_use]
    pub fn audit(&self) -> AuditView<'a> {
        AuditView {
            file: self.audit_file,
            json_to_stderr: self.has(Settings::JSON),
            console: if self.has(Settings::SILENT) { Console::None } else { Console::Denials },
            rate: self.rate,
        }
    }

    fn has(&self, setting: u32) -> bool {
        self.settings & setting != 0
    }

    /// The glob of an item: the part of it that its node does not stand for.
    pub(crate) fn glob(&self, number: u32) -> Option<&'a [u8]> {
        self.text(self.globs.get(number as usize)?)
    }

    #[inline]
    pub(crate) fn string(&self, offset: u32, length: u32) -> Option<&'a [u8]> {
        self.strings.get(offset as usize..)?.get(..length as usize)
    }

    fn text(&self, text: &Text) -> Option<&'a [u8]> {
        let (offset, length) = halves(text);
        self.string(offset, length)
    }

    fn str(&self, text: &Text) -> Option<&'a str> {
        core::str::from_utf8(self.text(text)?).ok()
    }
}

/// A rule, as messages show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleView<'a> {
    /// See [`crate::FileRule::id`].
    pub id: &'a str,
    /// See [`crate::FileRule::section`].
    pub section: &'a str,
    /// See [`crate::FileRule::pattern`].
    pub pattern: &'a str,
    /// See [`crate::FileRule::place`]; shown as `file:line:column`.
    pub place: PlaceView<'a>,
    /// See [`crate::FileRule::reason`].
    pub reason: Option<&'a str>,
}

impl RuleView<'static> {
    const UNJUDGED: Self = Self {
        id: "unjudged",
        section: "built-in",
        pattern: "",
        place: PlaceView { file: "<built-in>", line: 0, column: 0 },
        reason: Some("the path has no absolute text that could be judged"),
    };
}

/// Where a rule stands, as messages show it: `file:line:column`, or the file alone where a rule
/// stands in no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceView<'a> {
    /// The file as the user named it, or a name in angle brackets.
    pub file: &'a str,
    /// The line, from 1; 0 for none.
    pub line: u32,
    /// The column in characters, from 1; 0 for none.
    pub column: u32,
}

impl fmt::Display for PlaceView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(self.file),
            (line, 0) => write!(f, "{}:{line}", self.file),
            (line, column) => write!(f, "{}:{line}:{column}", self.file),
        }
    }
}

/// How denials are reported; see [`crate::Audit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditView<'a> {
    /// The file that gets a JSON line for each, as an absolute path; empty for none.
    pub file: &'a [u8],
    /// JSON lines go to the standard error output instead of a file.
    pub json_to_stderr: bool,
    /// What a person sees on the standard error output.
    pub console: Console,
    /// The most lines a second in the audit file for a process.
    pub rate: u32,
}

/// The two numbers of eight bytes.
#[inline]
pub(crate) const fn halves(bytes: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *bytes;
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}

/// The header of bytes that are an image of this build, whole and undamaged.
fn verified_header(bytes: &[u8]) -> Result<[u32; HEADER_WORDS], ImageError> {
    let length = bytes.len();
    let truncated = |expected| ImageError::Truncated { length, expected };
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        let is_ours = bytes.iter().zip(&MAGIC).all(|(found, wanted)| found == wanted);
        return Err(if is_ours { truncated(HEADER_LEN) } else { ImageError::Foreign });
    };
    if !header.starts_with(&MAGIC) {
        return Err(ImageError::Foreign);
    }
    let found = u32::from_le_bytes(array(header, VERSION_AT));
    if found != VERSION {
        return Err(ImageError::OtherVersion { found });
    }
    let found = array(header, BUILD_AT);
    if found != build() {
        return Err(ImageError::OtherBuild { found });
    }
    let mut words = [0; HEADER_WORDS];
    let (raw, _) = header.split_at(BODY_AT).1.as_chunks::<4>();
    for (word, raw) in words.iter_mut().zip(raw) {
        *word = u32::from_le_bytes(*raw);
    }
    let [expected, ..] = words;
    let expected = expected as usize;
    if length < expected {
        return Err(truncated(expected));
    }
    if length > expected {
        return Err(ImageError::TooLong { length, expected });
    }
    let body = bytes.get(BODY_AT..).unwrap_or_default();
    if hash::checksum(body) != u64::from_le_bytes(array(header, CHECKSUM_AT)) {
        return Err(ImageError::Damaged);
    }
    Ok(words)
}

/// The bytes of `header` from `at` on; zeros where there are none.
fn array<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    header.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// This build, as the header names it.
pub(crate) fn build() -> [u8; BUILD_LEN] {
    let mut build = [0; BUILD_LEN];
    for (byte, letter) in build.iter_mut().zip(BUILD.bytes()) {
        *byte = letter;
    }
    build
}

/// A section of records of `N` bytes, as the header gives its offset and number.
fn section<'a, const N: usize>(
    bytes: &'a [u8],
    header: &[u32; HEADER_WORDS],
    section: Header,
) -> Option<&'a [[u8; N]]> {
    let [offset, count] = *header.get(section as usize..)?.first_chunk()?;
    let length = (count as usize).checked_mul(N)?;
    let (records, _) = bytes.get(offset as usize..)?.get(..length)?.as_chunks();
    Some(records)
}
