//! The caller's order of entries.

#![expect(unsafe_code, reason = "the caller's function, libc's sort")]

use core::ffi::{c_int, c_void};
use core::mem::transmute;

use super::Walk;
use super::entry::{Compare, Entry, Node};
use crate::act::heap;
use crate::act::scan::Order;

impl Walk<'_> {
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
            heap::free(&self.state.next, old.cast());
            return false;
        };
        // SAFETY: libc's own allocator, which gave the walk its array, or null.
        let array = unsafe { (self.state.next.realloc)(old.cast(), size) };
        if array.is_null() {
            heap::free(&self.state.next, old.cast());
            return false;
        }
        stream.array.set(array.cast());
        stream.slots.set(number);
        true
    }
}
