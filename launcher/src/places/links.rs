//! Where a name leads to through links, for a path that need not exist yet.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::rc::Rc;

use rustix::fs::{FileType, lstat, readlink, stat};

use super::listing::{Listing, Memory};
use super::text::{beneath, components, first, last, normalise, parent, push, rest_below, root_or};

/// Whose links are followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Everybody's: whoever made the link, the place that it leads to is meant as well.
    All,
    /// Only root's, in directories that nobody else can write: an exception must not grow by a
    /// link that a worker left behind.
    Roots,
}

/// As many links as the kernel follows.
const MOST_LINKS: usize = 40;
/// So many names of one directory are asked for before all of it is read.
const MANY: usize = 8;

/// What has been learnt of names so far: many paths go through the same directories, and within
/// one start each has one answer.
#[derive(Default)]
pub(crate) struct Links {
    listings: RefCell<HashMap<Vec<u8>, Rc<Listing>>>,
    /// Paths without links that something lies beneath.
    plain: RefCell<HashSet<Vec<u8>>>,
    /// What was remembered; `None` where nothing is.
    memory: Option<RefCell<Memory>>,
    /// How many names of a directory were asked for.
    asked: RefCell<HashMap<Vec<u8>, usize>>,
    targets: RefCell<HashMap<Vec<u8>, Option<Vec<u8>>>>,
    roots: RefCell<HashMap<Vec<u8>, bool>>,
}

impl Links {
    /// With what an earlier start remembered.
    pub(crate) fn remembering(bytes: &[u8]) -> Self {
        Self { memory: Some(RefCell::new(Memory::from_bytes(bytes))), ..Self::default() }
    }

    /// What a later start is to remember, if that is not what was remembered.
    pub(crate) fn to_remember(&self) -> Option<Vec<u8>> {
        self.memory.as_ref()?.borrow_mut().renewed()
    }

    /// What a directory holds, whose name has no link in it; `None` where it cannot be read.
    pub(crate) fn listing(&self, directory: &[u8]) -> Option<Rc<Listing>> {
        if let Some(known) = self.known_listing(directory) {
            return Some(known);
        }
        let listing = match &self.memory {
            Some(memory) => memory.borrow_mut().read(directory)?,
            None => Rc::new(Listing::read(directory)?),
        };
        self.listings.borrow_mut().insert(directory.to_vec(), Rc::clone(&listing));
        Some(listing)
    }

    /// The same where it need not be read.
    fn known_listing(&self, directory: &[u8]) -> Option<Rc<Listing>> {
        if let Some(known) = self.listings.borrow().get(directory) {
            return Some(Rc::clone(known));
        }
        let listing = self.memory.as_ref()?.borrow_mut().recall(directory)?;
        self.listings.borrow_mut().insert(directory.to_vec(), Rc::clone(&listing));
        Some(listing)
    }

    /// The listing of a directory of which many names are asked for: to read it at once pays where
    /// that is remembered.
    fn worth_listing(&self, directory: &[u8]) -> Option<Rc<Listing>> {
        if let Some(known) = self.known_listing(directory) {
            return Some(known);
        }
        self.memory.as_ref()?;
        let mut asked = self.asked.borrow_mut();
        let count = asked.entry(directory.to_vec()).or_default();
        *count += 1;
        if *count == MANY { self.listing(directory) } else { None }
    }

    /// The path without links; what does not exist is kept as text below its last existing
    /// ancestor. `None` where a link on the way may not be followed, or there are too many.
    pub(crate) fn resolve(&self, path: &[u8], follow: Follow) -> Option<Vec<u8>> {
        self.chain(path, follow)?.pop()
    }

    /// Every name that the path has on its way: one for each link, with the links before it
    /// resolved and those after it not, and the path without links as the last.
    /// `None` where a link may not be followed, or there are too many.
    pub(crate) fn chain(&self, path: &[u8], follow: Follow) -> Option<Vec<Vec<u8>>> {
        // Before `done` lies no link; it is empty for the root. What is left begins in `rest` at `at`.
        let (mut done, mut rest, mut at) = (Vec::new(), path.to_vec(), 0);
        let mut names = Vec::new();
        loop {
            at += self.skip_known(&mut done, &rest[at..]);
            let Some((name, after)) = first(&rest[at..]) else { break };
            at = rest.len() - after.len();
            match name {
                b"." => continue,
                b".." => done.truncate(parent(&done).len()),
                name => push(&mut done, name),
            }
            let Some(target) = self.target(root_or(&done)) else {
                if !after.is_empty() {
                    self.plain.borrow_mut().insert(done.clone());
                }
                continue;
            };
            names.push(if after.is_empty() { done.clone() } else { beneath(&done, after) });
            let directory = parent(&done);
            let followed =
                follow == Follow::All || (is_roots_link(&done) && self.are_roots(directory));
            if names.len() > MOST_LINKS || !followed {
                return None;
            }
            let kept = if target.first() == Some(&b'/') { 0 } else { directory.len() };
            done.truncate(kept);
            (rest, at) = ([&target, &b"/"[..], after].concat(), 0);
        }
        names.push(root_or(&done).to_vec());
        Some(names)
    }

    /// Goes on at the last component where all before it are known to hold no link; gives how much
    /// of the path that is.
    fn skip_known(&self, done: &mut Vec<u8>, path: &[u8]) -> usize {
        let mut left = path;
        while let Some(above) = left.strip_prefix(b"../") {
            done.truncate(parent(done).len());
            left = above;
        }
        let directory = parent(left.strip_suffix(b"/").unwrap_or(left));
        if !directory.is_empty() {
            // Those that are known have no `.`, `..` and `//`: any other text is not among them.
            let slash = if directory.starts_with(b"/") { &b""[..] } else { b"/" };
            let whole = [done, slash, directory].concat();
            if self.plain.borrow().contains(&whole) {
                left = left.get(directory.len()..).unwrap_or_default();
                *done = whole;
            }
        }
        path.len() - left.len()
    }

    /// What the link of that name says; `None` for anything else. No link may stand before the last
    /// name.
    pub(crate) fn target(&self, here: &[u8]) -> Option<Vec<u8>> {
        let listing = self.worth_listing(root_or(parent(here)));
        if let Some(listing) = listing.filter(|_| !is_in_proc(here)) {
            return listing.links.get(last(here)).cloned();
        }
        if let Some(known) = self.targets.borrow().get(here) {
            return known.clone();
        }
        let target = link_target(here);
        self.targets.borrow_mut().insert(here.to_vec(), target.clone());
        target
    }

    /// Whether only root can change what is in a directory and in all above it.
    fn are_roots(&self, directory: &[u8]) -> bool {
        if let Some(roots) = self.roots.borrow().get(directory) {
            return *roots;
        }
        let above = || directory.is_empty() || self.are_roots(parent(directory));
        let roots = is_roots(root_or(directory)) && above();
        self.roots.borrow_mut().insert(directory.to_vec(), roots);
        roots
    }
}

fn is_in_proc(path: &[u8]) -> bool {
    rest_below(path, b"/proc").is_some_and(|rest| !rest.is_empty())
}

/// What the link at `here` says; `None` for anything else. `/proc/self` leads elsewhere for each
/// who asks, and links inside `/proc/PID` name objects, not places: both are left as they are.
fn link_target(here: &[u8]) -> Option<Vec<u8>> {
    let in_proc = rest_below(here, b"/proc").unwrap_or_default();
    let own = matches!(in_proc, b"/self" | b"/thread-self");
    if own || components(in_proc).count() > 1 {
        return None;
    }
    readlink(OsStr::from_bytes(here), Vec::new()).ok().map(std::ffi::CString::into_bytes)
}

/// Whether only root can change what is in this directory.
fn is_roots(directory: &[u8]) -> bool {
    stat(OsStr::from_bytes(directory)).is_ok_and(|s| s.st_uid == 0 && s.st_mode & 0o022 == 0)
}

/// Whether a name is that of a link, and root's.
fn is_roots_link(link: &[u8]) -> bool {
    lstat(OsStr::from_bytes(link)).is_ok_and(|status| {
        status.st_uid == 0 && FileType::from_raw_mode(status.st_mode) == FileType::Symlink
    })
}

/// The links at the top of the tree that every path crosses, such as `/bin` to `/usr/bin`, and
/// the places that they lead to: root's own, and leading to directories.
pub(crate) fn well_known(links: &Links) -> Vec<(Vec<u8>, Vec<u8>)> {
    let top = std::fs::read_dir("/").into_iter().flatten().flatten();
    let top = top.map(|entry| entry.path().as_os_str().as_bytes().to_vec());
    let mut names: Vec<Vec<u8>> =
        top.chain([b"/var/run".to_vec(), b"/var/lock".to_vec()]).collect();
    names.sort_unstable();
    names.into_iter().filter_map(|name| Some((name.clone(), leads_to(&name, links)?))).collect()
}

fn leads_to(link: &[u8], links: &Links) -> Option<Vec<u8>> {
    let status = lstat(OsStr::from_bytes(link)).ok()?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Symlink {
        return None;
    }
    let target = links.resolve(link, Follow::Roots)?;
    let is_directory = stat(OsStr::from_bytes(&target))
        .is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::Directory);
    (is_directory && target != normalise(link)).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn bytes(path: &Path) -> Vec<u8> {
        path.as_os_str().as_bytes().to_vec()
    }

    /// A directory whose own name has no links in it.
    fn scratch() -> (tempfile::TempDir, std::path::PathBuf) {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let path = scratch.path().canonicalize().expect("it exists");
        (scratch, path)
    }

    #[test]
    fn links_anywhere_on_the_way_are_followed() {
        let (_scratch, at) = scratch();
        std::fs::create_dir_all(at.join("real/dir")).expect("made");
        symlink("real", at.join("link")).expect("made");
        symlink("../link/dir", at.join("real/again")).expect("made");
        let found = Links::default().resolve(&bytes(&at.join("link/again/file")), Follow::All);
        assert_eq!(found, Some(bytes(&at.join("real/dir/file"))));
    }

    #[test]
    fn each_link_on_the_way_is_a_name_of_its_own() {
        let (_scratch, at) = scratch();
        std::fs::create_dir(at.join("real")).expect("made");
        symlink("real", at.join("link")).expect("made");
        symlink("file", at.join("real/last")).expect("made");
        let names =
            Links::default().chain(&bytes(&at.join("link/last")), Follow::All).expect("no loop");
        let expected = ["link/last", "real/last", "real/file"].map(|name| bytes(&at.join(name)));
        assert_eq!(names, expected);
    }

    #[test]
    fn a_dangling_link_leads_to_the_name_that_it_holds() {
        let (_scratch, at) = scratch();
        symlink("/nonexistent/place", at.join("link")).expect("made");
        let found = Links::default().resolve(&bytes(&at.join("link/x")), Follow::All);
        assert_eq!(found, Some(b"/nonexistent/place/x".to_vec()));
    }

    #[test]
    fn a_directory_that_was_listed_gives_the_same_answers() {
        let (_scratch, at) = scratch();
        std::fs::create_dir_all(at.join("real/dir")).expect("made");
        symlink("file", at.join("real/dir/link")).expect("made");
        symlink("real", at.join("way")).expect("made");
        let file = Some(bytes(&at.join("real/dir/file")));
        let links = Links::default();
        for listed in ["real/dir", "way/dir"] {
            links.listing(&bytes(&at.join(listed))).expect("it can be read");
            for path in ["real/dir/link", "way/dir/link", "way/./dir/../dir//link", "real/dir/file"]
            {
                assert_eq!(links.resolve(&bytes(&at.join(path)), Follow::All), file, "{path}");
            }
        }
    }

    /// The answers are the same whether each name is asked for or directories are remembered.
    #[test]
    fn remembered_links_lead_where_links_lead() {
        let usual = ["/usr/bin", "/bin", "/usr/sbin", "/etc/alternatives", "/"].map(Path::new);
        let names = usual.iter().flat_map(|at| at.read_dir().into_iter().flatten().flatten());
        let names: Vec<Vec<u8>> = names.map(|entry| bytes(&entry.path())).collect();
        let (fresh, first) = (Links::default(), Links::remembering(b""));
        let chains = |links: &Links| -> Vec<_> {
            names.iter().map(|name| links.chain(name, Follow::Roots)).collect()
        };
        let expected = chains(&fresh);
        assert_eq!(chains(&first), expected);
        let second = Links::remembering(&first.to_remember().unwrap_or_default());
        assert_eq!(chains(&second), expected);
    }

    #[test]
    fn a_loop_has_no_answer() {
        let (_scratch, at) = scratch();
        symlink("loop", at.join("loop")).expect("made");
        assert_eq!(Links::default().resolve(&bytes(&at.join("loop")), Follow::All), None);
    }

    #[test]
    fn an_exception_follows_no_link_that_others_could_have_made() {
        let (_scratch, at) = scratch();
        symlink("/etc", at.join("link")).expect("made");
        let link = bytes(&at.join("link/passwd"));
        assert_eq!(
            Links::default().resolve(&link, Follow::Roots),
            None,
            "below a directory that all may write"
        );
        assert_eq!(Links::default().resolve(&link, Follow::All), Some(b"/etc/passwd".to_vec()));
        assert_eq!(
            Links::default().resolve(b"/usr/lib", Follow::Roots),
            Some(b"/usr/lib".to_vec())
        );
    }

    #[test]
    fn well_known_links_are_roots_and_lead_to_directories() {
        for (link, target) in well_known(&Links::default()) {
            let link = Path::new(OsStr::from_bytes(&link)).to_path_buf();
            let real = link.canonicalize().expect("it leads somewhere");
            assert_eq!(bytes(&real), target, "{}", link.display());
            assert!(real.is_dir(), "{}", link.display());
        }
    }
}
