//! An image, as the shim reads it: a view of bytes that somebody else may have damaged.
//!
//! [`Image::parse`] holds the bytes to their checksum and every section to their bounds, once.
//! The reading afterwards still trusts nothing: each offset goes through `get`, and each loop ends
//! with the path or with the table. What contradicts itself then refuses every access. So parsing
//! need not walk the tables, and an image of 100,000 rules is read at the speed of memory.

mod audiences;
mod callers;
mod header;
mod view;

use crate::callers::Sections;
use crate::format::{
    ABOVE_ROOT, HAS_REASON, HEADER_WORDS, Header, Item, Rule, Scope, Settings, Slot, Text,
};
use crate::names::Filter;
use crate::pattern::{Above, above, component_matches, components};
use crate::screen::Screen;
use crate::{Access, Audiences, Console, Decision, Mode, RuleIndex, paths};
pub use header::ImageError;
use header::section;
pub(crate) use header::{build, seal};
pub use view::{AuditView, PlaceView, RuleView};

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
    screen: Screen<'a>,
    patterns: &'a [Text],
    names: Filter<'a>,
    ancestors: &'a [Text],
    callers: Sections<'a>,
    /// The exceptions for audiences, in order.
    scopes: &'a [Scope],
    hidden: &'a [Text],
    frames: u32,
    rules: &'a [Rule],
    strings: &'a [u8],
    /// The texts of rules.
    texts: &'a [u8],
}

impl<'a> Image<'a> {
    /// Verifies `bytes` and returns a view of them.
    ///
    /// # Errors
    /// [`ImageError`] says what the bytes are instead: foreign, of another format or build,
    /// truncated, too long, damaged. Every change of a single bit is found.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let header = header::verified(bytes)?;
        header::verify_messages(bytes, &header)?;
        Self::sections(bytes, header).ok_or(ImageError::Inconsistent)
    }

    /// As [`parse`](Self::parse), but what only [`rule`](Self::rule) tells is not held to its
    /// checksum: damage there changes no verdict, only what is said about a refusal.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_to_judge(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let header = header::verified(bytes)?;
        Self::sections(bytes, header).ok_or(ImageError::Inconsistent)
    }

    fn sections(bytes: &'a [u8], header: [u32; HEADER_WORDS]) -> Option<Self> {
        let slots = section(bytes, &header, Header::Slots)?;
        // The numbers from here on are those of the roots.
        if u32::try_from(slots.len()).ok()? >= ABOVE_ROOT {
            return None;
        }
        let strings: &[[u8; 1]] = section(bytes, &header, Header::Strings)?;
        let texts: &[[u8; 1]] = section(bytes, &header, Header::Texts)?;
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
            hidden: section(bytes, &header, Header::Hidden)?,
            filter: Filter::new(section(bytes, &header, Header::Filter)?),
            screen: Screen::new(section(bytes, &header, Header::Screen)?)?,
            patterns: section(bytes, &header, Header::Patterns)?,
            names: Filter::new(section(bytes, &header, Header::Names)?),
            ancestors: section(bytes, &header, Header::Ancestors)?,
            callers: Sections {
                groups: section(bytes, &header, Header::Groups)?,
                prefixes: section(bytes, &header, Header::CallerPrefixes)?,
                directories: section(bytes, &header, Header::Directories)?,
                files: section(bytes, &header, Header::Files)?,
            },
            scopes: section(bytes, &header, Header::Scopes)?,
            frames: word(Header::Frames)?,
            rules: section(bytes, &header, Header::Rules)?,
            strings: strings.as_flattened(),
            texts: texts.as_flattened(),
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

    /// Whether children do not get the variable of this name; see [`crate::Policy::hidden`]. What
    /// contradicts itself hides every name.
    #[must_use]
    pub fn hides(&self, name: &[u8]) -> bool {
        let mut hidden = self.hidden.iter().map(|text| self.text(text));
        hidden.any(|wanted| wanted.is_none_or(|wanted| component_matches(wanted, name)))
    }

    /// Whether there are variables that children do not get.
    #[must_use]
    pub fn hides_any(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// Judges an absolute path: normalised, so without `.`, `..`, `//` and a last `/`.
    ///
    /// Exceptions for certain callers are not counted; see [`decide_among`](Self::decide_among).
    ///
    /// A text that does not begin with `/` is refused every access, by [`RuleIndex::UNJUDGED`].
    /// That it is normalised is the caller's promise: the search ends where no rule lies further
    /// down, so what comes after is not even looked at.
    #[must_use]
    #[inline]
    pub fn decide(&self, path: &[u8]) -> Decision {
        paths::decide(self, path, Audiences::NONE).unwrap_or(Decision::UNJUDGED)
    }

    /// Whether it shows at once that no rule covers an absolute normalised path and that it begins
    /// with no alias: [`decide`](Self::decide) would refuse nothing there, and
    /// [`alias`](Self::alias) find none. A no says nothing; below `/proc` the answer is always no.
    ///
    /// `slashes` says which of the first 64 bytes are slashes, the first one in the lowest bit.
    /// That it is right is the caller's promise, as that the path is normalised.
    #[must_use]
    #[inline(always)]
    pub fn is_clear(&self, path: &[u8], slashes: u64) -> bool {
        self.screen.passes(path, slashes)
    }

    /// Whether `name` may be the last name of a rule or an exception, or match the last component
    /// of a glob that forbids.
    ///
    /// It answers yes for every such name, and now and then for another, which costs the caller
    /// the shortcut. What a no is good for is told and proved in [`crate::names`].
    #[must_use]
    #[inline]
    pub fn is_rule_name(&self, name: &[u8]) -> bool {
        self.filter.has(name) || !self.patterns.is_empty() && self.matches_last(name)
    }

    /// The accesses for which a relative path without `..`, none of whose names
    /// [`is_rule_name`](Self::is_rule_name), may pass unjudged; see [`crate::names`].
    #[must_use]
    #[inline]
    pub fn by_names(&self) -> Access {
        let [_, accesses, ..] = self.settings.to_le_bytes();
        Access::from_bits(accesses)
    }

    /// Whether `name` may be any name on the way to the place of a rule or of an exception, its
    /// last name included.
    ///
    /// It answers yes for every such name, and for all names where a wildcard stands for one.
    #[must_use]
    #[inline]
    pub fn is_any_name(&self, name: &[u8]) -> bool {
        self.names.has(name) || self.is_rule_name(name)
    }

    /// The accesses of which every place, file or directory, that is refused one is refused all:
    /// who holds an object holds none that is refused any of these.
    #[must_use]
    #[inline]
    pub fn whole(&self) -> Access {
        let [_, _, accesses, _] = self.settings.to_le_bytes();
        Access::from_bits(accesses)
    }

    /// Whether something that a rule forbids lies beneath an absolute normalised path: not at the
    /// path itself, and not where only a `**` could lead to it
    /// ([`may_be_above`](Self::may_be_above)).
    ///
    /// What moves or replaces such a path moves the forbidden place.
    #[must_use]
    pub fn is_above(&self, path: &[u8]) -> bool {
        paths::is_above(self, path).unwrap_or(true) || self.above_glob(path) == Above::Yes
    }

    /// As [`is_above`](Self::is_above), or a `**` may match the names on the way to something
    /// that is forbidden.
    #[must_use]
    pub fn may_be_above(&self, path: &[u8]) -> bool {
        self.is_above(path) || self.above_glob(path) != Above::No
    }

    fn above_glob(&self, path: &[u8]) -> Above {
        let path = components(path);
        let mut found = Above::No;
        for text in self.ancestors {
            // An image that contradicts itself lets nothing be moved.
            let Some(glob) = self.text(text) else { return Above::Yes };
            match above(components(glob), path) {
                Above::Yes => return Above::Yes,
                Above::Maybe => found = Above::Maybe,
                Above::No => {}
            }
        }
        found
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

    /// The number of rules, exceptions and rules about callers included.
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
            frames: self.frames,
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

    /// Whether a name matches the last component of a glob; always, where the image contradicts
    /// itself.
    fn matches_last(&self, name: &[u8]) -> bool {
        self.patterns
            .iter()
            .any(|text| self.text(text).is_none_or(|wanted| component_matches(wanted, name)))
    }

    fn text(&self, text: &Text) -> Option<&'a [u8]> {
        let (offset, length) = halves(text);
        self.string(offset, length)
    }

    fn str(&self, text: &Text) -> Option<&'a str> {
        let (offset, length) = halves(text);
        let text = self.texts.get(offset as usize..)?.get(..length as usize)?;
        core::str::from_utf8(text).ok()
    }
}

/// The two numbers of eight bytes.
#[inline]
pub(crate) const fn halves(bytes: &[u8; 8]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = *bytes;
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}
