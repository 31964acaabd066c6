//! What is in a directory: the list of its entries, each inspected as the walk's options say.

#![expect(unsafe_code, reason = "libc's directory streams")]

use core::ffi::{CStr, c_int, c_ushort};

use super::Walk;
use super::entry::{ABOVE, Node, flag, info, option, short};
use super::inspect::{Thrift, is_dot};
use super::ways::Way;
use crate::act::scan;
use crate::sys::{Answer, CWD, Errno};

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

impl Walk<'_> {
    /// Reads the current entry, a directory.
    ///
    /// # Errors
    /// What opening or entering it answers; with the walk stopped, what it could not recover from.
    pub(super) fn children(&self, purpose: Purpose) -> Answer<Option<Node>> {
        let Some(directory) = self.stream.current() else { return Ok(None) };
        let reading = self.open_directory(directory, purpose)?;
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

    fn open_directory(&self, directory: Node, purpose: Purpose) -> Answer<Reading<'_, '_>> {
        // SAFETY: the current entry's path is a C string, in its own name or in the walk's path.
        let opened = unsafe { scan::stream(self.state, self.call, CWD, directory.access.get()) };
        match opened {
            Ok(stream) => Ok(Reading { walk: self, stream }),
            Err(errno) => {
                if purpose == Purpose::Enter {
                    directory.info.set(info::UNREADABLE);
                    directory.errno.set(errno.0);
                }
                Err(errno)
            }
        }
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
            let node = self.add(directory, name, start, list)?;
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

    /// Makes an entry of a name, which stands in paths from `start` on.
    fn add(&self, directory: Node, name: &[u8], start: usize, list: &mut Children) -> Answer<Node> {
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
        let stays = self.stream.has(option::STAY);
        node.access.set(if stays { node.path.get() } else { node.name_start() });
        Ok(node)
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
}
