//! What is in a directory: the list of its entries, each inspected as the walk's options say.

#![expect(unsafe_code, reason = "libc's directory streams, the caller's order")]

use core::ffi::{CStr, c_int, c_long, c_ushort, c_void};
use core::mem::{MaybeUninit, transmute};

use super::entry::{ABOVE, Compare, Entry, Node, flag, info, option, pointer, short};
use super::{Walk, Way};
use crate::act::scan::{self, Order};
use crate::act::steps;
use crate::sys::{self, Answer, CWD, Errno};

/// What children are wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `fts_children`.
    Show,
    /// The same, their names alone.
    Name,
    /// `fts_read`, which goes into the directory.
    Enter,
}

/// A list that grows at its end.
#[derive(Default)]
struct Children {
    first: Option<Node>,
    last: Option<Node>,
    count: usize,
}

impl Children {
    fn push(&mut self, node: Node) {
        match self.last {
            Some(last) => last.link.set(node.entry()),
            None => self.first = Some(node),
        }
        self.last = Some(node);
        self.count = self.count.saturating_add(1);
    }
}

/// A directory that is being read; closed at the end.
struct Reading<'a, 'b> {
    walk: &'b Walk<'a>,
    stream: *mut libc::DIR,
}

impl Reading<'_, '_> {
    fn descriptor(&self) -> c_int {
        // SAFETY: an open stream.
        unsafe { (self.walk.state.next.dirfd)(self.stream) }
    }

    /// The next name, and whether the directory says that it is no directory. An error ends it,
    /// as in glibc.
    fn next(&self) -> Option<(&CStr, bool)> {
        // SAFETY: an open stream.
        let entry = unsafe { (self.walk.state.next.readdir)(self.stream) };
        if entry.is_null() {
            return None;
        }
        // SAFETY: only an address is taken: an entry may be shorter than its type.
        let kind = unsafe { &raw const (*entry).d_type };
        // SAFETY: the kind lies in the part that every entry has.
        let kind = unsafe { kind.read() };
        // SAFETY: as for the kind.
        let name = unsafe { &raw const (*entry).d_name };
        // SAFETY: a name ends with a NUL, and lives until the next one is read.
        let name = unsafe { CStr::from_ptr(name.cast()) };
        Some((name, kind != libc::DT_DIR && kind != libc::DT_UNKNOWN))
    }
}

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: an open stream, closed once.
        unsafe { (self.walk.state.next.closedir)(self.stream) };
    }
}

/// How many of a directory's entries are inspected.
struct Thrift {
    /// Directories that are still to be found, as the directory's link count tells; 0: nothing more
    /// is inspected, below 0: everything.
    directories: c_long,
    /// What is said to be no directory is not inspected.
    by_kind: bool,
}

impl Thrift {
    fn new(walk: &Walk<'_>, directory: Node, purpose: Purpose) -> Self {
        let stream = walk.stream;
        if purpose == Purpose::Name {
            return Self { directories: 0, by_kind: false };
        }
        if !(stream.has(option::NO_STAT) && stream.has(option::PHYSICAL)) {
            return Self { directories: -1, by_kind: false };
        }
        let own = if stream.has(option::DOTS) { 0 } else { 2 };
        let links = c_long::try_from(directory.links.get()).unwrap_or(c_long::MAX);
        Self { directories: links.saturating_sub(own), by_kind: true }
    }

    const fn leaves(&self, no_directory: bool) -> bool {
        self.directories == 0 || (self.by_kind && no_directory)
    }

    const fn count(&mut self, found: c_ushort) {
        if self.directories > 0 && matches!(found, info::DIRECTORY | info::CYCLE | info::DOT) {
            self.directories = self.directories.saturating_sub(1);
        }
    }
}

impl Walk<'_> {
    /// Reads the current entry, a directory.
    ///
    /// # Errors
    /// What opening or entering it answers; with the walk stopped, what it could not recover from.
    pub(super) fn children(&self, purpose: Purpose) -> Answer<Option<Node>> {
        let Some(directory) = self.stream.current() else { return Ok(None) };
        // SAFETY: the current entry's path is a C string, in its own name or in the walk's path.
        let opened = unsafe { scan::stream(self.state, self.call, CWD, directory.access.get()) };
        let reading = match opened {
            Ok(stream) => Reading { walk: self, stream },
            Err(errno) => {
                if purpose == Purpose::Enter {
                    directory.info.set(info::UNREADABLE);
                    directory.errno.set(errno.0);
                }
                return Err(errno);
            }
        };
        let thrift = Thrift::new(self, directory, purpose);
        let inspects = thrift.directories != 0;
        let goes = inspects || purpose == Purpose::Enter;
        if goes && let Err(errno) = self.change(directory, &Way::Descriptor(reading.descriptor())) {
            directory.mark(flag::NOT_ENTERED);
            if purpose == Purpose::Enter {
                if inspects {
                    directory.errno.set(errno.0);
                }
                directory.info.set(info::DIRECTORY_AFTER);
            }
            return Err(errno);
        }
        let mut list = Children::default();
        let read = self.collect(directory, &reading, thrift, &mut list);
        drop(reading);
        let left = read.and_then(|()| {
            if goes && (purpose == Purpose::Show || list.count == 0) {
                return self.leave(directory);
            }
            Ok(())
        });
        if let Err(errno) = left {
            directory.info.set(info::FAILED);
            self.stream.set(option::STOPPED);
            if let Some(first) = list.first {
                first.free_list(&self.state.next);
            }
            return Err(errno);
        }
        if list.count == 0 && purpose == Purpose::Enter {
            directory.info.set(info::DIRECTORY_AFTER);
        }
        Ok(list.first.map(|first| self.sort(first, list.count)))
    }

    /// Goes back to where the directory is.
    fn leave(&self, directory: Node) -> Answer<()> {
        match directory.above() {
            Some(above) if above.level.get() != ABOVE => {
                self.change(above, &Way::Path(c"..".as_ptr()))
            }
            _ => self.go_home(),
        }
    }

    /// Makes an entry of each name.
    fn collect(
        &self,
        directory: Node,
        reading: &Reading<'_, '_>,
        mut thrift: Thrift,
        list: &mut Children,
    ) -> Answer<()> {
        let stays = self.stream.has(option::STAY);
        let end = self.end_of(directory);
        let start = end.saturating_add(1);
        let path = self.stream.path.get();
        if stays {
            self.stream.write(end, b"/");
        }
        while let Some((name, no_directory)) = reading.next() {
            let name = name.to_bytes();
            if !self.stream.has(option::DOTS) && is_dot(name) {
                continue;
            }
            let node = Node::new(&self.state.next, self.stream, name)?;
            // Of the list already: whatever happens, it is freed with it.
            list.push(node);
            if name.len() >= self.stream.room().saturating_sub(start) {
                let more = name.len().saturating_add(start).saturating_add(1);
                self.stream.make_room(&self.state.next, more)?;
                node.path.set(self.stream.path.get());
            }
            let length = start.saturating_add(name.len());
            if length >= usize::from(c_ushort::MAX) {
                return Err(Errno::ENAMETOOLONG);
            }
            node.level.set(directory.level.get().saturating_add(1));
            node.parent.set(directory.entry());
            node.path_length.set(short(length));
            node.access.set(if stays { node.path.get() } else { node.name_start() });
            if thrift.leaves(no_directory) {
                node.info.set(info::NOT_ASKED);
                continue;
            }
            if stays {
                self.stream.write(start, name);
            }
            node.info.set(self.inspect(node, false));
            thrift.count(node.info.get());
        }
        if path != self.stream.path.get() {
            self.path_moved(list.first);
        }
        if stays {
            let bare = list.count == 0 || start == self.stream.room();
            self.stream.write(if bare { end } else { start }, b"");
        }
        Ok(())
    }

    /// The path has other memory now: tells every entry that points into it.
    fn path_moved(&self, children: Option<Node>) {
        let path = self.stream.path.get();
        let adjust = |node: Node| {
            if node.access.get() == node.path.get() {
                node.access.set(path);
            }
            node.path.set(path);
        };
        if let Some(first) = self.stream.child() {
            first.list().for_each(adjust);
        }
        let mut rest = children;
        while let Some(node) = rest.filter(|node| node.level.get() != ABOVE) {
            adjust(node);
            rest = node.following().or_else(|| node.above());
        }
    }

    /// Inspects an entry; what it is.
    pub(super) fn inspect(&self, node: Node, follow: bool) -> c_ushort {
        let path = node.access.get();
        let look = |follow| {
            // SAFETY: an entry's path is a C string, in its own name or in the walk's path.
            unsafe { steps::inspect(self.state, self.call, CWD, path, follow) }
        };
        let follow = follow || self.stream.has(option::LOGICAL);
        let found = match look(follow) {
            Err(errno) if follow => match look(false) {
                Ok(stat) => {
                    node.keep(&stat);
                    sys::set_errno(Errno(0));
                    return info::DANGLING;
                }
                Err(_) => Err(errno),
            },
            answer => answer,
        };
        match found {
            Ok(stat) => {
                node.keep(&stat);
                kind(node, &stat)
            }
            Err(errno) => {
                node.errno.set(errno.0);
                // SAFETY: a structure of integers alone.
                node.keep(&unsafe { MaybeUninit::zeroed().assume_init() });
                info::NOT_INSPECTED
            }
        }
    }

    /// Puts entries into the caller's order, if it has one and there is memory for it.
    pub(super) fn sort(&self, first: Node, count: usize) -> Node {
        let stream = self.stream;
        let Some(compare) = stream.compare.get().filter(|_| count > 1) else { return first };
        if count > usize::try_from(stream.slots.get()).unwrap_or(0) && !self.make_slots(count) {
            return first;
        }
        let array = stream.array.get();
        for (place, node) in first.list().take(count).enumerate() {
            // SAFETY: there is room for `count` pointers.
            unsafe { array.wrapping_add(place).write(node.entry()) };
        }
        // SAFETY: both take two addresses, and what lies there is what this order compares.
        let order = unsafe { transmute::<Compare, Option<Order>>(Some(compare)) };
        let Some(order) = order else { return first };
        // SAFETY: `count` pointers, and the caller's own order of them.
        unsafe {
            (self.state.next.qsort)(array.cast::<c_void>(), count, size_of::<usize>(), order);
        };
        // SAFETY: as above; nobody else looks at the array meanwhile.
        let sorted = unsafe { core::slice::from_raw_parts(array, count) };
        let mut following: *mut Entry = core::ptr::null_mut();
        for entry in sorted.iter().rev() {
            // SAFETY: the entries of the list, in another order.
            if let Some(node) = unsafe { Node::at(*entry) } {
                node.link.set(following);
                following = node.entry();
            }
        }
        // SAFETY: as above.
        unsafe { Node::at(following) }.unwrap_or(first)
    }

    /// Makes the array long enough for as many entries and some.
    fn make_slots(&self, count: usize) -> bool {
        let stream = self.stream;
        let slots = count.saturating_add(40);
        let old = stream.array.replace(core::ptr::null_mut());
        stream.slots.set(0);
        let (Some(size), Ok(number)) =
            (slots.checked_mul(size_of::<usize>()), c_int::try_from(slots))
        else {
            super::heap::free(&self.state.next, old.cast());
            return false;
        };
        // SAFETY: libc's own allocator, which gave the walk its array, or null.
        let array = unsafe { (self.state.next.realloc)(old.cast(), size) };
        if array.is_null() {
            super::heap::free(&self.state.next, old.cast());
            return false;
        }
        stream.array.set(array.cast());
        stream.slots.set(number);
        true
    }
}

fn is_dot(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}

/// What an entry that was inspected is.
fn kind(node: Node, stat: &libc::stat) -> c_ushort {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => directory(node, stat),
        libc::S_IFLNK => info::LINK,
        libc::S_IFREG => info::FILE,
        _ => info::OTHER,
    }
}

fn directory(node: Node, stat: &libc::stat) -> c_ushort {
    node.device.set(stat.st_dev);
    node.inode.set(stat.st_ino);
    node.links.set(stat.st_nlink);
    if is_dot(node.name().to_bytes()) {
        return info::DOT;
    }
    let above = core::iter::successors(node.above(), |above| above.above());
    let same = above
        .take_while(|above| above.level.get() != ABOVE)
        .find(|above| above.inode.get() == stat.st_ino && above.device.get() == stat.st_dev);
    node.cycle.set(pointer(same));
    if same.is_some() { info::CYCLE } else { info::DIRECTORY }
}
