//! Where a walk starts: the paths that the caller gave.

#![expect(unsafe_code, reason = "the caller's list of starts")]

use core::ffi::{CStr, c_char};

use super::Walk;
use super::entry::{ABOVE, Node, START, info, option, short};
use crate::sys::{Answer, Errno};

impl Walk<'_> {
    /// Makes the entries of the starts.
    ///
    /// # Safety
    /// `starts` must be C strings with a null behind.
    pub(super) unsafe fn begin(&self, starts: *const *mut c_char) -> Answer<()> {
        let start_at = |place: usize| {
            // SAFETY: no place behind the null is asked for.
            let start = unsafe { starts.wrapping_add(place).read() };
            // SAFETY: not null, so a C string.
            (!start.is_null()).then(|| unsafe { CStr::from_ptr(start) }.to_bytes())
        };
        let all = || (0..).map_while(start_at);
        let longest = all().map(<[u8]>::len).max().unwrap_or(0);
        self.stream
            .make_room(&self.state.next, longest.saturating_add(1).max(crate::text::PATH_MAX))?;
        let (first, above) = self.make_frame()?;
        let mut last = first;
        let mut count = 0_usize;
        for name in all() {
            if name.is_empty() {
                return Err(Errno::ENOENT);
            }
            let node = Node::new(&self.state.next, self.stream, name)?;
            node.parent.set(above.entry());
            node.level.set(START);
            node.access.set(node.name_start());
            // Sorted later, they are put before each other, as in glibc: it shows in an order in
            // which some are alike.
            if self.stream.compare.get().is_some() {
                node.link.set(first.link.replace(node.entry()));
            } else {
                last.link.set(node.entry());
                last = node;
            }
            let found = self.inspect(node, self.stream.has(option::FOLLOW_STARTS));
            // Starts that are called `.` or `..` are directories like others.
            node.info.set(if found == info::DOT { info::DIRECTORY } else { found });
            count = count.saturating_add(1);
        }
        if let Some(start) = first.following() {
            first.link.set(self.sort(start, count).entry());
        }
        Ok(())
    }

    /// Makes what stands before the first start, and what above them all: both are of the walk at once,
    /// so that `free` finds whatever there is when the rest fails.
    fn make_frame(&self) -> Answer<(Node, Node)> {
        let next = &self.state.next;
        let first = Node::new(next, self.stream, b"")?;
        first.info.set(info::FIRST);
        self.stream.current.set(first.entry());
        let above = Node::new(next, self.stream, b"")?;
        above.level.set(ABOVE);
        first.parent.set(above.entry());
        Ok((first, above))
    }

    /// Makes a start the current entry: its path is what the caller gave, its name the last of it.
    pub(super) fn load(&self, node: Node) {
        let name = node.name().to_bytes();
        node.path_length.set(short(name.len()));
        self.stream.write(0, name);
        let slash = name.iter().rposition(|byte| *byte == b'/').filter(|_| name != b"/");
        if let Some(last) = slash.and_then(|slash| name.get(slash.saturating_add(1)..)) {
            node.rename(last);
        }
        node.path.set(self.stream.path.get());
        node.access.set(node.path.get());
        self.stream.device.set(node.device.get());
    }
}
