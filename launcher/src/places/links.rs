//! Where a name leads to through links, for a path that need not exist yet.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{FileType, lstat, readlink, stat};

use super::text::{components, join, normalise, rest_below};

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

/// What has been learnt of names so far: many paths go through the same directories, and within
/// one start each has one answer.
#[derive(Default)]
pub(crate) struct Links {
    targets: RefCell<HashMap<Vec<u8>, Option<Vec<u8>>>>,
    roots: RefCell<HashMap<Vec<u8>, bool>>,
}

impl Links {
    /// The path without links; what does not exist is kept as text below its last existing
    /// ancestor. `None` where a link on the way may not be followed, or there are too many.
    pub(crate) fn resolve(&self, path: &[u8], follow: Follow) -> Option<Vec<u8>> {
        self.chain(path, follow)?.pop()
    }

    /// Every name that the path has on its way: one for each link, with the links before it
    /// resolved and those after it not, and the path without links as the last.
    /// `None` where a link may not be followed, or there are too many.
    pub(crate) fn chain(&self, path: &[u8], follow: Follow) -> Option<Vec<Vec<u8>>> {
        let mut rest: VecDeque<Vec<u8>> = components(path).map(<[u8]>::to_vec).collect();
        let mut done: Vec<Vec<u8>> = Vec::new();
        let mut names = Vec::new();
        while let Some(name) = rest.pop_front() {
            match name.as_slice() {
                b"." => continue,
                b".." => drop(done.pop()),
                _ => done.push(name),
            }
            let here = join(done.iter().map(Vec::as_slice));
            let Some(target) = self.target(&here) else { continue };
            names.push(join(done.iter().chain(&rest).map(Vec::as_slice)));
            done.pop();
            let followed = follow == Follow::All || (is_root_owned(&here) && self.are_roots(&done));
            if names.len() > MOST_LINKS || !followed {
                return None;
            }
            if target.first() == Some(&b'/') {
                done.clear();
            }
            for component in components(&target).collect::<Vec<_>>().into_iter().rev() {
                rest.push_front(component.to_vec());
            }
        }
        names.push(join(done.iter().map(Vec::as_slice)));
        Some(names)
    }

    /// What the link of that name says; `None` for anything else. No link may stand before the last
    /// name.
    pub(crate) fn target(&self, here: &[u8]) -> Option<Vec<u8>> {
        if let Some(known) = self.targets.borrow().get(here) {
            return known.clone();
        }
        let target = link_target(here);
        self.targets.borrow_mut().insert(here.to_vec(), target.clone());
        target
    }

    /// Whether only root can change what is in a directory and in all above it.
    fn are_roots(&self, names: &[Vec<u8>]) -> bool {
        let above = (0..=names.len()).map(|count| join(names[..count].iter().map(Vec::as_slice)));
        let mut known = self.roots.borrow_mut();
        above.into_iter().all(|directory| match known.get(&directory) {
            Some(roots) => *roots,
            None => {
                let roots = is_roots(&directory);
                known.insert(directory, roots);
                roots
            }
        })
    }
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

fn is_root_owned(link: &[u8]) -> bool {
    lstat(OsStr::from_bytes(link)).is_ok_and(|status| status.st_uid == 0)
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
