//! `fts`: a walk of our own, since libc's opens directories and goes there by itself.
//!
//! The structures, the order of entries and every result are glibc's: on a tree without a
//! forbidden place nobody can tell them apart. A forbidden entry cannot be inspected (`FTS_NS`), or
//! not be read (`FTS_DNR`). Each path that the walk uses is judged as if the program had used it.

#![expect(unsafe_code, reason = "the callers' pointers")]

use core::ffi::{CStr, c_char, c_int, c_ushort};
use core::ptr::{NonNull, null_mut};

use super::{heap, steps};
use crate::arm::State;
use crate::report::Call;
use crate::sys::{self, Answer, Errno};

mod children;
mod entry;

use children::Purpose;
use entry::{ABOVE, Node, START, flag, info, instruction, option, pointer, short};
pub(crate) use entry::{Compare, Entry, Stream};

/// A walk during one call.
struct Walk<'a> {
    state: &'static State,
    call: Call,
    stream: &'a Stream,
}

/// How a directory is gone to.
enum Way {
    Descriptor(c_int),
    Path(*const c_char),
}

/// `fts_open`.
///
/// # Errors
/// EINVAL for unknown options, ENOENT for an empty start, ENAMETOOLONG, ENOMEM.
///
/// # Safety
/// The arguments must be what fts(3) demands.
pub(crate) unsafe fn open(
    state: &'static State,
    call: Call,
    starts: *const *mut c_char,
    options: c_int,
    compare: Compare,
) -> Answer<*mut Stream> {
    if options & !option::ALL != 0 {
        return Err(Errno::EINVAL);
    }
    let memory = heap::zeroed(&state.next, size_of::<Stream>())?.cast::<Stream>();
    // SAFETY: zeros are a walk at no entry; nobody else has it yet.
    let stream = unsafe { memory.as_ref() };
    stream.compare.set(compare);
    stream.options.set(options);
    if stream.has(option::LOGICAL) {
        stream.set(option::STAY);
    }
    let walk = Walk { state, call, stream };
    // SAFETY: as this function's own contract says.
    if let Err(errno) = unsafe { walk.begin(starts) } {
        walk.free();
        return Err(errno);
    }
    walk.remember_home();
    Ok(memory.as_ptr())
}

/// `fts_read`.
///
/// # Errors
/// What stops the walk: it could not go back, or no memory is left.
///
/// # Safety
/// `stream` must be what [`open`] answered.
pub(crate) unsafe fn read(
    state: &'static State,
    call: Call,
    stream: *mut Stream,
) -> Answer<*mut Entry> {
    // SAFETY: as this function's own contract says.
    let walk = unsafe { Walk::of(state, call, stream) }?;
    walk.read().map(pointer)
}

/// `fts_children`.
///
/// # Errors
/// EINVAL for an unknown instruction; what opening the directory answers.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn children(
    state: &'static State,
    call: Call,
    stream: *mut Stream,
    wanted: c_int,
) -> Answer<*mut Entry> {
    // SAFETY: as this function's own contract says.
    let walk = unsafe { Walk::of(state, call, stream) }?;
    let purpose = match wanted {
        0 => Purpose::Show,
        option::NAMES_ONLY => Purpose::Name,
        _ => return Err(Errno::EINVAL),
    };
    // None is an empty directory, unless errno says otherwise.
    sys::set_errno(Errno(0));
    walk.show(purpose).map(pointer)
}

/// `fts_set`.
///
/// # Errors
/// EINVAL for an unknown instruction.
///
/// # Safety
/// `entry` must be one that a walk gave and has not freed.
pub(crate) unsafe fn set(
    _: &State,
    _: Call,
    _: *mut Stream,
    entry: *mut Entry,
    wanted: c_int,
) -> Answer<c_int> {
    let wanted = c_ushort::try_from(wanted).map_err(|_| Errno::EINVAL)?;
    if wanted > instruction::SKIP {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as this function's own contract says.
    let node = unsafe { Node::at(entry) }.ok_or(Errno::EFAULT)?;
    node.instruction.set(wanted);
    Ok(0)
}

/// `fts_close`.
///
/// # Errors
/// What going back to the first directory answers.
///
/// # Safety
/// As [`read`]; it is none afterwards.
pub(crate) unsafe fn close(
    state: &'static State,
    call: Call,
    stream: *mut Stream,
) -> Answer<c_int> {
    // SAFETY: as this function's own contract says.
    let walk = unsafe { Walk::of(state, call, stream) }?;
    let gone = walk.go_home();
    if !walk.stream.has(option::STAY) {
        sys::close(walk.stream.home.get());
    }
    walk.free();
    gone.map(|()| 0)
}

impl<'a> Walk<'a> {
    /// # Safety
    /// `stream` must be null or what [`open`] answered.
    unsafe fn of(state: &'static State, call: Call, stream: *mut Stream) -> Answer<Self> {
        let stream = NonNull::new(stream).ok_or(Errno::EFAULT)?;
        // SAFETY: a walk, as this function's own contract says; its fields are cells.
        Ok(Self { state, call, stream: unsafe { stream.as_ref() } })
    }

    /// Makes the entries of the starts.
    ///
    /// # Safety
    /// `starts` must be C strings with a null behind.
    unsafe fn begin(&self, starts: *const *mut c_char) -> Answer<()> {
        let start_at = |place: usize| {
            // SAFETY: no place behind the null is asked for.
            let start = unsafe { starts.wrapping_add(place).read() };
            // SAFETY: not null, so a C string.
            (!start.is_null()).then(|| unsafe { CStr::from_ptr(start) }.to_bytes())
        };
        let all = || (0..).map_while(start_at);
        let longest = all().map(<[u8]>::len).max().unwrap_or(0);
        let next = &self.state.next;
        self.stream.make_room(next, longest.saturating_add(1).max(crate::text::PATH_MAX))?;
        // What stands before the first start, and what above them all: both are of the walk at once,
        // so that `free` finds whatever there is when this fails.
        let first = Node::new(next, self.stream, b"")?;
        first.info.set(info::FIRST);
        self.stream.current.set(first.entry());
        let above = Node::new(next, self.stream, b"")?;
        above.level.set(ABOVE);
        first.parent.set(above.entry());
        let mut last = first;
        let mut count = 0_usize;
        for name in all() {
            if name.is_empty() {
                return Err(Errno::ENOENT);
            }
            let node = Node::new(next, self.stream, name)?;
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

    /// Holds the working directory, to come back to it; without that, the walk stays there.
    fn remember_home(&self) {
        if self.stream.has(option::STAY) {
            return;
        }
        match self.here() {
            Ok(fd) => self.stream.home.set(fd),
            Err(_) => self.stream.set(option::STAY),
        }
    }

    fn here(&self) -> Answer<c_int> {
        // SAFETY: a C string of ours.
        unsafe { steps::open(self.state, self.call, c".".as_ptr(), 0) }
    }

    /// Goes to where the walk began.
    fn go_home(&self) -> Answer<()> {
        self.go_to(self.stream.home.get())
    }

    fn go_to(&self, fd: c_int) -> Answer<()> {
        if self.stream.has(option::STAY) {
            return Ok(());
        }
        steps::go_to(self.state, self.call, fd)
    }

    /// Goes to a directory, if it is still the one that was inspected.
    fn change(&self, expected: Node, way: &Way) -> Answer<()> {
        if self.stream.has(option::STAY) {
            return Ok(());
        }
        let fd = match way {
            Way::Descriptor(fd) => *fd,
            // SAFETY: an entry's path, or a C string of ours.
            Way::Path(path) => match unsafe { steps::open(self.state, self.call, *path, 0) } {
                Err(Errno::ENOTDIR) => return Err(Errno::ENOENT),
                answer => answer?,
            },
        };
        let gone = sys::fstat(fd).and_then(|stat| {
            let same = (stat.st_dev, stat.st_ino) == (expected.device.get(), expected.inode.get());
            if same { self.go_to(fd) } else { Err(Errno::ENOENT) }
        });
        if let Way::Path(_) = way {
            sys::close(fd);
        }
        gone
    }

    /// Frees all that the walk has.
    fn free(&self) {
        let next = &self.state.next;
        let mut rest = self.stream.current();
        while let Some(node) = rest {
            rest = match node.level.get() {
                ABOVE => None,
                _ => node.following().or_else(|| node.above()),
            };
            node.free(next);
        }
        if let Some(child) = self.stream.take_child() {
            child.free_list(next);
        }
        heap::free(next, self.stream.array.get().cast());
        heap::free(next, self.stream.path.get().cast());
        heap::free(next, core::ptr::from_ref(self.stream).cast_mut().cast());
    }

    fn read(&self) -> Answer<Option<Node>> {
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

    fn forget_children(&self) {
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

    /// Makes a start the current entry: its path is what the caller gave, its name the last of it.
    fn load(&self, node: Node) {
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

    /// Where a directory's path ends, before the slash that its entries are put behind.
    fn end_of(&self, directory: Node) -> usize {
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

    /// `fts_children`: the starts, before the first was read; else what is in a directory that was
    /// not entered yet.
    fn show(&self, purpose: Purpose) -> Answer<Option<Node>> {
        let Some(node) = self.stream.current().filter(|_| !self.stream.has(option::STOPPED)) else {
            return Ok(None);
        };
        if node.is(info::FIRST) {
            return Ok(node.following());
        }
        if !node.is(info::DIRECTORY) {
            return Ok(None);
        }
        self.forget_children();
        if purpose == Purpose::Name {
            self.stream.set(option::NAMES_ONLY);
        }
        // SAFETY: an entry's path is a C string.
        let absolute = unsafe { node.access.get().read() }.cast_unsigned() == b'/';
        if node.level.get() != START || absolute || self.stream.has(option::STAY) {
            return self.keep(self.children(purpose)?);
        }
        // At a start the way back may be none of the walk's.
        let here = self.here()?;
        let children = self.children(purpose).and_then(|children| self.keep(children));
        let gone = self.go_to(here);
        if gone.is_ok() {
            sys::close(here);
        }
        gone.and(children)
    }

    fn keep(&self, children: Option<Node>) -> Answer<Option<Node>> {
        self.stream.child.set(pointer(children));
        Ok(children)
    }
}
