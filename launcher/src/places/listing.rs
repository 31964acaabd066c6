//! The links and directories in a directory, read at once and remembered until it changes.
//!
//! A machine has a thousand links by which commands are found, and to read them one by one takes
//! longer than all else that a start does. What a directory holds, and what the links in it say, is
//! the same as long as its inode and both its times are: a link cannot be changed, only replaced,
//! which changes its directory. Nothing else is taken from memory, and nothing but an exception
//! is found by it: what is forbidden is looked for anew at each start, and so is whose a link is.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::stat;

use super::text::rest_below;

/// The first entry of what is remembered; another form of it is not read.
const FORM: &[u8] = b"ringfence links 1";
/// A directory that changed so lately may have changed once more within one tick of its clock.
const SETTLED: Duration = Duration::from_secs(2);
/// The most directories that are remembered; with more, those that are not used are forgotten.
const MOST: usize = 512;

/// What a directory holds, other files left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The links, by their names, and what they say.
    pub(crate) links: HashMap<Vec<u8>, Vec<u8>>,
    /// The names of directories.
    pub(crate) directories: Vec<Vec<u8>>,
}

impl Listing {
    /// Reads a directory; `None` where not all of it can be read.
    pub(crate) fn read(directory: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        for entry in std::fs::read_dir(OsStr::from_bytes(directory)).ok()? {
            let entry = entry.ok()?;
            let kind = entry.file_type().ok()?;
            if kind.is_dir() {
                found.directories.push(entry.file_name().into_vec());
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path()).ok()?;
                found
                    .links
                    .insert(entry.file_name().into_vec(), target.into_os_string().into_vec());
            }
        }
        Some(found)
    }
}

/// What is the same of a directory that has not changed: device, inode, and the seconds and
/// nanoseconds of its last change and modification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([u64; 6]);

impl Stamp {
    /// That of the directory of this name.
    pub(crate) fn of(directory: &[u8]) -> Option<Self> {
        let status = stat(OsStr::from_bytes(directory)).ok()?;
        // Times before 1970 are as good as any: only equality and age are asked for.
        let times = [
            status.st_ctime.cast_unsigned(),
            status.st_ctime_nsec,
            status.st_mtime.cast_unsigned(),
            status.st_mtime_nsec,
        ];
        let [changed, changed_part, modified, modified_part] = times;
        Some(Self([status.st_dev, status.st_ino, changed, changed_part, modified, modified_part]))
    }

    /// Whether the directory has not changed for a while.
    fn is_settled(self, now: SystemTime) -> bool {
        let Self([_, _, changed, _, modified, _]) = self;
        [changed, modified].into_iter().all(|seconds| {
            let then = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.saturating_add(1)));
            then.is_some_and(|then| now.duration_since(then).is_ok_and(|age| age >= SETTLED))
        })
    }
}

/// Directories by their names, as they were and what they held.
type Known = HashMap<Vec<u8>, (Stamp, Rc<Listing>)>;

/// The directories that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    known: Known,
    used: HashSet<Vec<u8>>,
    /// Whether something is known that was not remembered.
    is_new: bool,
}

impl Memory {
    /// What a directory holds, if it is remembered and the directory has not changed.
    pub(crate) fn recall(&mut self, directory: &[u8]) -> Option<Rc<Listing>> {
        let (stamp, listing) = self.known.get(directory)?;
        let is_same = Stamp::of(directory) == Some(*stamp);
        let listing = is_same.then(|| Rc::clone(listing))?;
        self.used.insert(directory.to_vec());
        Some(listing)
    }

    /// Reads a directory, and remembers what it holds unless it is changing just now; `None` where
    /// not all of it can be read.
    pub(crate) fn read(&mut self, directory: &[u8]) -> Option<Rc<Listing>> {
        // Before it is read: what changes meanwhile changes the stamp.
        let stamp = Stamp::of(directory).filter(|stamp| stamp.is_settled(SystemTime::now()));
        let listing = Rc::new(Listing::read(directory)?);
        if let Some(stamp) = stamp.filter(|_| !is_of_the_kernel(directory)) {
            self.known.insert(directory.to_vec(), (stamp, Rc::clone(&listing)));
            self.used.insert(directory.to_vec());
            self.is_new = true;
        }
        Some(listing)
    }

    /// What is to be remembered, if that has changed.
    pub(crate) fn renewed(&mut self) -> Option<Vec<u8>> {
        if !self.is_new {
            return None;
        }
        if self.known.len() > MOST {
            self.known.retain(|directory, _| self.used.contains(directory));
        }
        let mut bytes = Vec::new();
        let mut put = |field: &[u8]| {
            bytes.extend_from_slice(field);
            bytes.push(0);
        };
        put(FORM);
        for (directory, (stamp, listing)) in &self.known {
            put(directory);
            stamp.0.iter().for_each(|number| put(number.to_string().as_bytes()));
            put(listing.links.len().to_string().as_bytes());
            put(listing.directories.len().to_string().as_bytes());
            for (name, target) in &listing.links {
                put(name);
                put(target);
            }
            listing.directories.iter().for_each(|name| put(name));
        }
        Some(bytes)
    }

    /// What was remembered; nothing where that is damaged, or of another form.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let known = parse(bytes).unwrap_or_default();
        Self { known, ..Self::default() }
    }
}

/// Whether the times of a directory say nothing about what is in it.
fn is_of_the_kernel(directory: &[u8]) -> bool {
    let made = [&b"/proc"[..], b"/sys", b"/dev"];
    made.iter().any(|above| rest_below(directory, above).is_some())
}

fn parse(bytes: &[u8]) -> Option<Known> {
    let mut fields = bytes.strip_suffix(&[0])?.split(|&byte| byte == 0);
    let mut known = Known::new();
    if fields.next()? != FORM {
        return None;
    }
    while let Some(directory) = fields.next() {
        let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse::<u64>().ok();
        let mut stamp = [0; 6];
        for part in &mut stamp {
            *part = number()?;
        }
        let (links, directories) = (number()?, number()?);
        let mut listing = Listing::default();
        for _ in 0..links {
            listing.links.insert(fields.next()?.to_vec(), fields.next()?.to_vec());
        }
        for _ in 0..directories {
            listing.directories.push(fields.next()?.to_vec());
        }
        known.insert(directory.to_vec(), (Stamp(stamp), Rc::new(listing)));
    }
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn bytes(path: &Path) -> Vec<u8> {
        path.as_os_str().as_bytes().to_vec()
    }

    fn scratch() -> tempfile::TempDir {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        symlink("target", scratch.path().join("link")).expect("made");
        std::fs::create_dir(scratch.path().join("below")).expect("made");
        std::fs::write(scratch.path().join("file"), "").expect("written");
        scratch
    }

    /// A memory of the directory, as if that had not changed for long.
    fn memory(directory: &[u8]) -> Memory {
        let mut memory = Memory::default();
        let listing = memory.read(directory).expect("it can be read");
        let stamp = Stamp::of(directory).expect("it is there");
        memory.known.insert(directory.to_vec(), (stamp, listing));
        memory.is_new = true;
        memory
    }

    #[test]
    fn what_is_remembered_is_what_was_read() {
        let scratch = scratch();
        let directory = bytes(scratch.path());
        let written = memory(&directory).renewed().expect("it is new");
        let mut memory = Memory::from_bytes(&written);
        let listing = memory.recall(&directory).expect("unchanged");
        assert_eq!(Some(&*listing), Listing::read(&directory).as_ref());
        assert_eq!(listing.links[&b"link"[..]], b"target");
        assert_eq!(listing.directories, [b"below"]);
        assert_eq!(memory.renewed(), None, "nothing new");
    }

    #[test]
    fn a_directory_that_changed_is_not_recalled() {
        let changes: [fn(&Path); 4] = [
            |at| symlink("x", at.join("new")).expect("made"),
            |at| {
                symlink("x", at.join("new")).expect("made");
                std::fs::rename(at.join("new"), at.join("link")).expect("renamed");
            },
            |at| std::fs::remove_file(at.join("link")).expect("removed"),
            |at| {
                std::fs::rename(at, at.with_extension("old")).expect("renamed");
                std::fs::create_dir(at).expect("made");
            },
        ];
        for change in changes {
            let scratch = scratch();
            let at = scratch.path().join("at");
            std::fs::create_dir(&at).expect("made");
            symlink("target", at.join("link")).expect("made");
            let mut memory = memory(&bytes(&at));
            let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            change(&at);
            // The modification can be set back, but not the change.
            std::fs::File::open(&at).expect("opened").set_modified(old).expect("our own");
            assert_eq!(memory.recall(&bytes(&at)), None);
        }
    }

    #[test]
    fn a_directory_that_changed_just_now_is_not_remembered() {
        let scratch = scratch();
        let mut memory = Memory::default();
        assert!(memory.read(&bytes(scratch.path())).is_some());
        assert_eq!(memory.renewed(), None);
        let stamp = Stamp::of(&bytes(scratch.path())).expect("it is there");
        assert!(!stamp.is_settled(SystemTime::now()));
        assert!(stamp.is_settled(SystemTime::now() + 2 * SETTLED));
        assert!(!stamp.is_settled(UNIX_EPOCH), "a clock that was set back");
    }

    #[test]
    fn what_cannot_be_read_or_has_no_times_is_not_remembered() {
        let mut memory = Memory::default();
        assert_eq!(memory.read(b"/nonexistent"), None);
        assert!(memory.read(b"/proc/self").is_some());
        assert!(memory.read(b"/sys").is_some());
        assert_eq!(memory.renewed(), None);
    }

    #[test]
    fn a_damaged_memory_is_none() {
        let scratch = scratch();
        let directory = bytes(scratch.path());
        let whole = memory(&directory).renewed().expect("it is new");
        assert_eq!(Memory::from_bytes(&whole).known.len(), 1);
        for length in 0..whole.len() {
            assert_eq!(Memory::from_bytes(&whole[..length]).known.len(), 0, "{length}");
        }
        let other = whole.iter().map(|&b| if b == b'1' { b'2' } else { b }).collect::<Vec<_>>();
        assert_eq!(Memory::from_bytes(&other).known.len(), 0);
    }
}
