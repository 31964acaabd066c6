//! What a ringfence policy means.
//!
//! A policy *as written* ([`Policy`]) is compiled to an *image* ([`compile`]): bytes that are
//! versioned, position-independent and matched in place ([`Image`]). The launcher writes images,
//! the shim reads them inside somebody else's process, so the reading half neither allocates nor
//! panics, and never reads out of bounds whatever the bytes are.
//!
//! No I/O and no unsafe code here; [`reference`](mod@reference) is the obvious slow matcher that tests compare with.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod access;
mod document;
pub mod program;

pub use access::Access;
pub use document::{Alias, Audit, Console, Effect, FileRule, Mode, PathPattern, Place, Policy};
