//! `fts_read`: from one entry to the next, into directories and out of them.

use core::ptr::null_mut;

use super::Walk;
use super::children::Purpose;
use super::entry::{ABOVE, Node, START, flag, info, instruction, option, pointer};
use super::ways::Way;
use crate::sys::{self, Answer, Errno};

impl Walk<'_> {
    /// The entry that is next; `None` at the end.
    ///
    /// # Errors
    /// What stops the walk.
    pub(super) fn read(&self) -> Answer<Option<Node>> {
        let Some(node) = self.stream.current().filter(|_| !self.stream.has(option::STOPPED)) else {
            return Ok(None);
        };
        let wanted = node.instruction.replace(instruction::NONE);
        if wanted == instruction::AGAIN {
            node.info.set(self.inspect(node, false));
            return Ok(Some(node));
        }
        if wanted == instruction::FOLLOW && (node.is(info::LINK) || node.is(info::DANGLING)) {
            self.follow(node);
            return Ok(Some(node));
        }
        if !node.is(info::DIRECTORY) {
            return self.go_on(node);
        }
        let elsewhere = node.device.get() != self.stream.device.get();
        if wanted == instruction::SKIP || (self.stream.has(option::ONE_DEVICE) && elsewhere) {
            if node.has(flag::FOLLOWED) {
                sys::close(node.way_back.get());
            }
            self.forget_children();
            node.info.set(info::DIRECTORY_AFTER);
            return Ok(Some(node));
        }
        self.enter(node)
    }

    pub(super) fn forget_children(&self) {
        if let Some(child) = self.stream.take_child() {
            child.free_list(&self.state.next);
        }
    }

    /// Takes a link for what it leads to; where that is a directory, the way back is kept.
    fn follow(&self, node: Node) {
        node.info.set(self.inspect(node, true));
        if node.level.get() == START {
            self.stream.device.set(node.device.get());
        }
        if !node.is(info::DIRECTORY) || self.stream.has(option::STAY) {
            return;
        }
        match self.here() {
            Ok(fd) => {
                node.way_back.set(fd);
                node.mark(flag::FOLLOWED);
            }
            Err(errno) => {
                node.way_back.set(-1);
                node.errno.set(errno.0);
                node.info.set(info::FAILED);
            }
        }
    }

    /// Goes into a directory, to its first entry; without one, it is the same again, done.
    fn enter(&self, node: Node) -> Answer<Option<Node>> {
        if self.stream.child().is_some() && self.stream.has(option::NAMES_ONLY) {
            self.stream.clear(option::NAMES_ONLY);
            self.forget_children();
        }
        let child = match self.stream.take_child() {
            Some(child) => {
                if let Err(errno) = self.change(node, &Way::Path(node.access.get())) {
                    node.errno.set(errno.0);
                    node.mark(flag::NOT_ENTERED);
                    child.list().for_each(|child| child.access.set(node.access.get()));
                }
                child
            }
            None => match self.children(Purpose::Enter) {
                Ok(Some(child)) => child,
                Err(errno) if self.stream.has(option::STOPPED) => return Err(errno),
                Ok(None) | Err(_) => return Ok(Some(node)),
            },
        };
        self.stream.current.set(child.entry());
        self.put_name(child);
        Ok(Some(child))
    }

    /// Goes to the next entry of the same directory, or back to the directory.
    fn go_on(&self, mut node: Node) -> Answer<Option<Node>> {
        while let Some(following) = node.following() {
            self.stream.current.set(following.entry());
            node.free(&self.state.next);
            node = following;
            if node.level.get() == START {
                self.or_stop(self.go_home())?;
                self.load(node);
                return Ok(Some(node));
            }
            match node.instruction.get() {
                instruction::SKIP => continue,
                instruction::FOLLOW => {
                    self.follow(node);
                    node.instruction.set(instruction::NONE);
                }
                _ => {}
            }
            self.put_name(node);
            return Ok(Some(node));
        }
        let above = node.above();
        self.stream.current.set(pointer(above));
        node.free(&self.state.next);
        match above {
            Some(above) if above.level.get() != ABOVE => self.leave_for(above).map(Some),
            above => {
                self.stream.current.set(null_mut());
                if let Some(above) = above {
                    above.free(&self.state.next);
                }
                // The end, and no error.
                sys::set_errno(Errno(0));
                Ok(None)
            }
        }
    }

    /// Goes back from the last entry of a directory to where that is.
    fn leave_for(&self, node: Node) -> Answer<Node> {
        self.stream.write(usize::from(node.path_length.get()), b"");
        let gone = if node.level.get() == START {
            self.go_home()
        } else if node.has(flag::FOLLOWED) {
            let gone = self.go_to(node.way_back.get());
            sys::close(node.way_back.get());
            gone
        } else if let Some(above) = node.above().filter(|_| !node.has(flag::NOT_ENTERED)) {
            self.change(above, &Way::Path(c"..".as_ptr()))
        } else {
            Ok(())
        };
        self.or_stop(gone)?;
        let failed = node.errno.get() != 0;
        node.info.set(if failed { info::FAILED } else { info::DIRECTORY_AFTER });
        Ok(node)
    }

    /// A walk that cannot go back cannot go on.
    fn or_stop(&self, gone: Answer<()>) -> Answer<()> {
        gone.inspect_err(|_| self.stream.set(option::STOPPED))
    }

    /// Where a directory's path ends, before the slash that its entries are put behind.
    pub(super) fn end_of(&self, directory: Node) -> usize {
        let length = usize::from(directory.path_length.get());
        let slash = self.stream.byte_before(length) == Some(b'/');
        if slash { length.saturating_sub(1) } else { length }
    }

    /// Puts an entry's name into the path, behind its directory.
    fn put_name(&self, node: Node) {
        let Some(above) = node.above() else { return };
        let end = self.end_of(above);
        self.stream.write(end, b"/");
        self.stream.write(end.saturating_add(1), node.name().to_bytes());
    }
}
