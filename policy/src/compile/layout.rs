//! The sections of an image while they grow, and the bytes they become.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::callers;
use super::trie::Trie;
use crate::format::{
    ABOVE_ROOT, ALIASES_ROOT, BODY_AT, BUILD_AT, GLOB_SHIFT, HAS_REASON, HEADER_LEN, HEADER_WORDS,
    Header, LAST_ITEM, MAGIC, RULES_ROOT, Settings, VERSION, VERSION_AT,
};
use crate::pattern::{Shape, components, is_wild};
use crate::verdict::Terms;
use crate::{
    Alias, Audiences, CallerRule, Console, Effect, FileRule, Mode, Place, Policy, RuleIndex,
    audiences, image, names, screen,
};

/// An offset into the strings, and a length.
type Text = [u32; 2];

/// What the rules say at a node, or at more of them.
type Items = Vec<[u32; 2]>;

/// Everything but the header, the filter and the slots.
#[derive(Default)]
pub(super) struct Layout<'a> {
    trie: Trie<'a>,
    /// What the rules say at each node: items without [`LAST_ITEM`].
    items: BTreeMap<u32, Items>,
    globs: Vec<Text>,
    /// Where the alias of each node leads to.
    aliases: BTreeMap<u32, &'a [u8]>,
    rules: Vec<[u32; 12]>,
    /// The exceptions for audiences.
    scopes: Vec<[u32; 2]>,
    /// The globs that forbid, whole.
    ancestors: Vec<Text>,
    strings: Strings<'a>,
    texts: Strings<'a>,
}

impl<'a> Layout<'a> {
    /// Adds a rule; `None` if it does not fit.
    pub(super) fn rule(&mut self, index: RuleIndex, rule: &'a FileRule) -> Option<()> {
        self.tell(&rule.id, &rule.section, &rule.pattern, (&rule.place, rule.reason.as_deref()))?;
        let terms = match rule.audience {
            Some(_) => Terms::scoped(rule.access).word(),
            None => Terms::new(rule.access, rule.effect, rule.fixed).word(),
        };
        for shape in rule.names.iter().map(Shape::of) {
            let (node, glob) = match shape {
                Shape::Literal(place) => (self.node(RULES_ROOT, place)?, 0),
                Shape::Glob(glob) => {
                    let (leading, rest) = split_glob(glob);
                    self.globs.push(self.strings.add(rest)?);
                    let number = size(&self.globs)?.checked_mul(1 << GLOB_SHIFT)?;
                    (self.node(RULES_ROOT, leading)?, number)
                }
            };
            if rule.effect == Effect::Forbid {
                self.above(shape)?;
            }
            let item = [index.number(), terms | glob];
            let run = self.items.entry(node).or_default();
            // A rule may name a place twice.
            if run.last() != Some(&item) {
                run.push(item);
            }
        }
        Some(())
    }

    /// Notes for which audience an exception is.
    pub(super) fn scope(&mut self, index: RuleIndex, audience: u32) {
        self.scopes.push([index.number(), audience]);
    }

    /// Adds what messages say about a rule on callers, and gives it its number.
    pub(super) fn caller_rule(&mut self, rule: &'a CallerRule) -> Option<u32> {
        let number = size(&self.rules)?;
        self.tell(&rule.id, &rule.section, &rule.prefix, (&rule.place, None))?;
        Some(number)
    }

    /// Adds a text that verdicts are made of.
    pub(super) fn string(&mut self, text: &'a [u8]) -> Option<Text> {
        self.strings.add(text)
    }

    /// Adds what messages say about a rule.
    fn tell(
        &mut self,
        id: &'a str,
        section: &'a str,
        pattern: &'a str,
        (place, reason): (&'a Place, Option<&'a str>),
    ) -> Option<()> {
        let pattern = self.texts.add_once(pattern.as_bytes())?;
        let section = self.texts.add(section.as_bytes())?;
        let file = self.texts.add(place.file.as_bytes())?;
        let has_reason = if reason.is_some() { HAS_REASON } else { 0 };
        let reason = self.texts.add(reason.unwrap_or_default().as_bytes())?;
        let place = [place.line.min(!HAS_REASON) | has_reason, place.column];
        let id = self.texts.add_once(id.as_bytes())?;
        let mut record = [0; 12];
        let texts = [id, section, pattern, file, reason, place];
        for (word, half) in record.iter_mut().zip(texts.into_iter().flatten()) {
            *word = half;
        }
        self.rules.push(record);
        Some(())
    }

    /// Adds what lies above the places of a shape.
    fn above(&mut self, shape: Shape<'a>) -> Option<()> {
        let certain = match shape {
            // Its last name goes.
            Shape::Literal(place) => {
                let end = place.iter().rposition(|byte| *byte == b'/')?;
                if place == b"/" {
                    return Some(());
                }
                place.get(..end)?
            }
            Shape::Glob(glob) => {
                self.ancestors.push(self.strings.add(glob)?);
                split_glob(glob).0
            }
        };
        self.node(ABOVE_ROOT, certain).map(|_| ())
    }

    /// Adds an alias; `Some(false)` if the link already leads elsewhere, `None` if it does not fit.
    pub(super) fn alias(&mut self, alias: &'a Alias) -> Option<bool> {
        let node = self.node(ALIASES_ROOT, &alias.from)?;
        Some(*self.aliases.entry(node).or_insert(&alias.to) == alias.to)
    }

    /// The node of `path` beneath `root`.
    fn node(&mut self, root: u32, path: &'a [u8]) -> Option<u32> {
        let mut node = root;
        for component in components(path) {
            node = match self.trie.child(node, component) {
                Some(child) => child,
                None => {
                    let [text, _] = self.strings.add_once(component)?;
                    self.trie.add(node, component, text)?
                }
            };
        }
        Some(node)
    }

    /// The bytes of the image; `None` if they are too many.
    pub(super) fn finish(mut self, policy: &'a Policy) -> Option<Vec<u8>> {
        let audiences = audiences(policy);
        let callers = callers::tables(&policy.callers, &audiences, &mut self)?;
        let (items, mut contents) = laid_out(self.items)?;
        let hidden: Option<Vec<Text>> =
            policy.hidden.iter().map(|name| self.strings.add(name)).collect();
        let hidden = hidden?;
        let mut aliases = Vec::new();
        for (node, to) in self.aliases {
            aliases.push(self.strings.add(to)?);
            contents.insert(node, size(&aliases)?);
        }
        let held_by = |node| contents.get(&node).copied().unwrap_or_default();
        let mut patterns = Vec::new();
        for pattern in names::patterns(policy) {
            patterns.push(self.strings.add(pattern)?);
        }
        let audit_file = self.strings.add(&policy.audit.file)?;

        let mut output = Output::new();
        output.set(Header::Settings, settings(policy));
        output.set(Header::Rate, policy.audit.rate);
        output.set(Header::Frames, policy.audit.frames);
        output.set(Header::RootItems, held_by(RULES_ROOT));
        output.section(Header::Slots, self.trie.slots(held_by)?)?;
        output.section(Header::Filter, little_endian(names::filter(policy)))?;
        output.section(Header::Screen, little_endian(screen::words(policy)))?;
        output.section(Header::Patterns, pairs(patterns))?;
        output.section(Header::Names, little_endian(names::all(policy)))?;
        output.section(Header::Ancestors, pairs(self.ancestors))?;
        output.section(Header::Items, pairs(items))?;
        output.section(Header::Globs, pairs(self.globs))?;
        output.section(Header::Aliases, pairs(aliases))?;
        output.section(Header::Groups, pairs(callers.groups))?;
        output
            .section(Header::CallerPrefixes, callers.prefixes.into_iter().map(record::<6, 24>))?;
        output.section(Header::Hidden, pairs(hidden))?;
        output.section(Header::Scopes, pairs(self.scopes))?;
        output.section(Header::Directories, pairs(callers.directories))?;
        output.section(Header::Files, callers.files.into_iter().map(record::<4, 16>))?;
        let [at, length] = audit_file;
        output.set_pair(Header::AuditFile, [size(&output.bytes)?.checked_add(at)?, length]);
        output.section(Header::Strings, self.strings.bytes.iter().map(|byte| [*byte]))?;
        output.set(Header::Messages, size(&output.bytes)?);
        output.section(Header::Rules, self.rules.into_iter().map(record::<12, 48>))?;
        output.section(Header::Texts, self.texts.bytes.iter().map(|byte| [*byte]))?;
        output.finish()
    }
}

/// The items of all nodes, one node's behind another's, and the number of each node's first, plus one.
fn laid_out(runs: BTreeMap<u32, Items>) -> Option<(Items, BTreeMap<u32, u32>)> {
    let mut contents = BTreeMap::new();
    let mut items = Vec::new();
    for (node, mut run) in runs {
        contents.insert(node, size(&items)?.checked_add(1)?);
        if let Some([_, word]) = run.last_mut() {
            *word |= LAST_ITEM;
        }
        items.append(&mut run);
    }
    Some((items, contents))
}

/// The leading components of a glob that have no wildcard, and the rest of it.
fn split_glob(glob: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = components(glob);
    let mut wild = rest.rest();
    while rest.next().is_some_and(|component| !is_wild(component)) {
        wild = rest.rest();
    }
    let leading = glob.strip_suffix(wild).unwrap_or_default();
    (leading.strip_suffix(b"/").unwrap_or(leading), wild)
}

/// The length of what an image holds, for its 32-bit numbers.
fn size<T>(records: &[T]) -> Option<u32> {
    u32::try_from(records.len()).ok()
}

fn little_endian(words: Vec<u64>) -> impl Iterator<Item = [u8; 8]> {
    words.into_iter().map(u64::to_le_bytes)
}

fn pairs(records: Vec<[u32; 2]>) -> impl Iterator<Item = [u8; 8]> {
    records.into_iter().map(record)
}

/// Numbers as the bytes of a record.
fn record<const WORDS: usize, const BYTES: usize>(words: [u32; WORDS]) -> [u8; BYTES] {
    const { assert!(WORDS * 4 == BYTES) };
    let mut record = [0; BYTES];
    let (places, _) = record.as_chunks_mut::<4>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
    record
}

/// What [`Header::Settings`] says about a policy.
fn settings(policy: &Policy) -> u32 {
    let bits = [
        (policy.mode == Mode::Audit, Settings::AUDIT),
        (policy.debug, Settings::DEBUG),
        (policy.namespaces, Settings::NAMESPACES),
        (policy.new_privileges, Settings::NEW_PRIVILEGES),
        (policy.callers.deny_unattributed, Settings::UNATTRIBUTED),
        (policy.callers.strict, Settings::STRICT),
        (policy.audit.json_to_stderr, Settings::JSON),
        (policy.audit.console == Console::None, Settings::SILENT),
    ];
    let set = bits.into_iter().filter(|(is_set, _)| *is_set);
    let set = set.fold(0, |settings, (_, bit)| settings | bit);
    let whole = u32::from(names::whole(policy).bits()) << Settings::WHOLE;
    let hosts = (0..).zip(audiences(policy)).filter(|(_, audience)| audience.host);
    let hosts = hosts.fold(Audiences::NONE, |hosts, (number, _)| hosts | Audiences::only(number));
    set | whole
        | u32::from(hosts.bits()) << Settings::HOST
        | u32::from(names::by_names(policy).bits()) << Settings::NAMES
}

/// All texts.
#[derive(Default)]
struct Strings<'a> {
    bytes: Vec<u8>,
    offsets: BTreeMap<&'a [u8], u32>,
}

impl<'a> Strings<'a> {
    /// Adds a text that is hardly there yet.
    fn add_once(&mut self, text: &[u8]) -> Option<Text> {
        let offset = size(&self.bytes)?;
        self.bytes.extend_from_slice(text);
        Some([offset, size(text)?])
    }

    /// Adds a text that may have been added before.
    fn add(&mut self, text: &'a [u8]) -> Option<Text> {
        let next = size(&self.bytes)?;
        let offset = *self.offsets.entry(text).or_insert(next);
        if offset == next {
            self.bytes.extend_from_slice(text);
        }
        Some([offset, size(text)?])
    }
}

/// The image as it is written.
struct Output {
    bytes: Vec<u8>,
    words: [u32; HEADER_WORDS],
}

impl Output {
    fn new() -> Self {
        Self { bytes: vec![0; HEADER_LEN], words: [0; HEADER_WORDS] }
    }

    fn set(&mut self, word: Header, value: u32) {
        if let Some(word) = self.words.get_mut(word as usize) {
            *word = value;
        }
    }

    fn set_pair(&mut self, word: Header, values: [u32; 2]) {
        let words = self.words.iter_mut().skip(word as usize);
        for (word, value) in words.zip(values) {
            *word = value;
        }
    }

    fn section<const N: usize>(
        &mut self,
        section: Header,
        records: impl IntoIterator<Item = [u8; N]>,
    ) -> Option<()> {
        let start = size(&self.bytes)?;
        let mut count = 0_u32;
        for record in records {
            self.bytes.extend_from_slice(&record);
            count = count.checked_add(1)?;
        }
        self.set_pair(section, [start, count]);
        Some(())
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        let total = size(&self.bytes)?;
        self.set(Header::Total, total);
        let words = self.words;
        self.put(0, &MAGIC)?;
        self.put(VERSION_AT, &VERSION.to_le_bytes())?;
        self.put(BUILD_AT, &image::build())?;
        self.put(BODY_AT, &record::<HEADER_WORDS, { HEADER_LEN - BODY_AT }>(words))?;
        image::seal(&mut self.bytes)?;
        Some(self.bytes)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        let end = at.checked_add(bytes.len())?;
        self.bytes.get_mut(at..end)?.copy_from_slice(bytes);
        Some(())
    }
}
