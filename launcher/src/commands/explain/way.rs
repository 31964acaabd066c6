//! The way of a path through aliases, links and `..`, judged at each step as the shim judges it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ringfence_policy::{Access, Audiences, Image, RuleIndex};
use rustix::io::Errno;

use crate::places::{Links, beneath, components, join, rest_below};
use crate::run::refusal::Refusal;

/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;

/// What leads from one text to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// One of root's own links at the top of the tree, which is rewritten before anything is judged.
    Alias {
        /// The link.
        from: Vec<u8>,
        /// Where it leads.
        to: Vec<u8>,
    },
    /// A symbolic link.
    Link {
        /// The link's own name.
        at: Vec<u8>,
        /// Its text.
        target: Vec<u8>,
    },
    /// A directory that a `..` leads out of.
    Up(Vec<u8>),
    /// `/proc/self`, which is another place for each process.
    Process,
}

/// A step that a rule refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The text that was judged.
    pub(super) text: Vec<u8>,
    /// The access that is refused there: to a link on the way, looking at it.
    pub(super) access: Access,
    /// The rule.
    pub(super) rule: RuleIndex,
}

/// The way of a path, up to its end or to where it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// What lies on it, in order.
    pub(super) turns: Vec<Turn>,
    /// Where it ends.
    pub(super) place: Vec<u8>,
    /// The step that a rule refuses, if one does.
    pub(super) refused: Option<Refused>,
}

/// Walks a path as the shim does, judging each text before the next is looked at.
///
/// # Errors
/// Where this process cannot see a link on the way, or the path is about what a process holds.
pub(super) fn walk(
    image: Image<'_>,
    links: &Links,
    path: &Path,
    access: Access,
    (follow, among): (bool, Audiences),
) -> Result<Way, Refusal> {
    let (text, directory) = absolute(path)?;
    let follow = follow || directory;
    let mut walker = Walker { image, links, access, follow, among, text, turns: vec![] };
    let refused = walker.run(path)?;
    Ok(Way { turns: walker.turns, place: walker.text, refused })
}

/// The path as an absolute text that keeps its `..`, and whether its end says that it is a
/// directory.
fn absolute(path: &Path) -> Result<(Vec<u8>, bool), Refusal> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() {
        return Err(Refusal::plain("the path is empty"));
    }
    let directory = bytes.ends_with(b"/") || bytes.ends_with(b"/.");
    let base = match path.is_absolute() {
        true => Vec::new(),
        false => std::env::current_dir()
            .map_err(|error| Refusal::plain(format!("the working directory has no path: {error}")))?
            .into_os_string()
            .into_encoded_bytes(),
    };
    let text = beneath(&base, bytes);
    Ok((join(components(&text).filter(|name| *name != b".")), directory))
}

struct Walker<'a> {
    image: Image<'a>,
    links: &'a Links,
    access: Access,
    follow: bool,
    /// Whose exceptions count besides those for everybody.
    among: Audiences,
    text: Vec<u8>,
    turns: Vec<Turn>,
}

impl Walker<'_> {
    fn run(&mut self, path: &Path) -> Result<Option<Refused>, Refusal> {
        for _ in 0..=MOST_LINKS {
            self.rewrite()?;
            if let Some(refused) = self.go_up()? {
                return Ok(Some(refused));
            }
            let upper = self.parent().map(|(before, _)| before);
            if upper.is_none()
                && let Some(refused) = self.judge(&self.text, self.access)
            {
                return Ok(Some(refused));
            }
            let Some((end, target)) = self.first_link(upper)? else { return Ok(None) };
            let at = self.text[..end].to_vec();
            if let Some(refused) = self.judge(&at, Access::METADATA) {
                return Ok(Some(refused));
            }
            // `/proc/mounts` and its like are plain links, those of a process are not.
            if rest_below(&at, b"/proc").is_some_and(|rest| components(rest).count() > 1) {
                let shown = OsStr::from_bytes(&at).display();
                return Err(Refusal::plain(format!("`{shown}` is what a process holds"))
                    .note("where it leads is another place for each process and moment")
                    .help("ask about the place itself"));
            }
            self.splice(end, &target);
            self.turns.push(Turn::Link { at, target });
        }
        let shown = path.display();
        Err(Refusal::plain(format!("`{shown}` leads through more than {MOST_LINKS} links"))
            .help("the kernel answers ELOOP, whatever the policy says"))
    }

    fn judge(&self, text: &[u8], access: Access) -> Option<Refused> {
        let rule = self.image.decide_among(text, self.among).refuses(access)?;
        Some(Refused { text: text.to_vec(), access, rule })
    }

    /// Rewrites what the shim knows without asking: the image's aliases, and `/proc/self`.
    fn rewrite(&mut self) -> Result<(), Refusal> {
        if let Some((length, to)) = self.image.alias(&self.text)
            && (length < self.text.len() || self.follow)
        {
            let (from, to) = (self.text[..length].to_vec(), to.to_vec());
            self.text = beneath(&to, &self.text[length..]);
            self.turns.push(Turn::Alias { from, to });
        }
        let own = [&b"/proc/self"[..], b"/proc/thread-self"];
        let rest = own.iter().find_map(|own| rest_below(&self.text, own));
        if let Some(rest) = rest.filter(|rest| !rest.is_empty() || self.follow) {
            let process = format!("/proc/{}", std::process::id());
            self.text = beneath(process.as_bytes(), rest);
            self.turns.push(Turn::Process);
        }
        Ok(())
    }

    /// Takes out every `..` that comes before the first link.
    fn go_up(&mut self) -> Result<Option<Refused>, Refusal> {
        while let Some((before, after)) = self.parent() {
            let upper = join(components(&self.text[..before]));
            if let Some(refused) = self.judge(&upper, Access::METADATA) {
                return Ok(Some(refused));
            }
            if self.first_link(Some(before))?.is_some() {
                return Ok(None);
            }
            let above = self.text[..before].iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            self.text = beneath(&self.text[..above], &self.text[after..]);
            if before > 0 {
                self.turns.push(Turn::Up(upper));
            }
        }
        Ok(None)
    }

    /// The first `..`: the length of what is before it, and with it.
    fn parent(&self) -> Option<(usize, usize)> {
        let mut start = 0;
        for name in components(&self.text) {
            let end = start + 1 + name.len();
            if name == b".." {
                return Some((start, end));
            }
            start = end;
        }
        None
    }

    /// The first link in the text, or in this much of it: the length of its name, and its target.
    fn first_link(&self, within: Option<usize>) -> Result<Option<(usize, Vec<u8>)>, Refusal> {
        let mut end = 0;
        for name in components(&self.text) {
            end += 1 + name.len();
            if within.is_some_and(|within| end > within) || name == b".." {
                return Ok(None);
            }
            if end == self.text.len() && !self.follow {
                return Ok(None);
            }
            if let Some(target) = self.target(&self.text[..end])? {
                return Ok(Some((end, target)));
            }
        }
        Ok(None)
    }

    fn target(&self, here: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        if let Some(target) = self.links.target(here) {
            return Ok(Some(target));
        }
        let shown = OsStr::from_bytes(here);
        match rustix::fs::readlink(shown, Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            // No link, or nothing there, below which nothing is a link either.
            Err(Errno::INVAL | Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => Ok(None),
            Err(errno) => Err(Refusal::plain(format!(
                "`{}` cannot be looked at: {}",
                shown.display(),
                std::io::Error::from(errno)
            ))
            .note("whether it is a link, and where it leads, decides which rule holds")
            .help("ask as the user who runs the worker, or as root")),
        }
    }

    /// Puts a link's target in the place of its name, of which the text has `end` bytes.
    fn splice(&mut self, end: usize, target: &[u8]) {
        let directory = self.text[..end].iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let base = if target.first() == Some(&b'/') { &[][..] } else { &self.text[..directory] };
        let text = beneath(&beneath(base, target), &self.text[end..]);
        self.text = join(components(&text).filter(|name| *name != b"."));
    }
}
