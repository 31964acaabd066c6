//! What a ringfence policy means.
//!
//! A policy *as written* ([`Policy`]) is compiled to an *image* ([`compile()`]): bytes that are
//! versioned, position-independent and matched in place ([`Image`]). The launcher writes images,
//! the shim reads them inside somebody else's process, so the reading half neither allocates nor
//! panics, and never reads out of bounds whatever the bytes are.
//!
//! No I/O and no unsafe code here; [`reference`](mod@reference) is the obvious slow matcher that tests compare with.
#![no_std]
#![forbid(unsafe_code)]
// This code runs inside somebody else's process: it has no way to panic.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

extern crate alloc;

mod access;
mod audience;
mod callers;
mod compile;
mod document;
mod format;
mod hash;
mod image;
pub mod names;
mod paths;
mod pattern;
pub mod program;
pub mod reference;
mod screen;
mod verdict;

pub use access::Access;
pub use audience::{Audience, Audiences, audiences};
pub use callers::{
    CallerKind, CallerList, CallerPrefix, CallerRefusal, CallerRule, CallerVerdict, Callers,
    Creation, FileId,
};
pub use compile::{CompileError, compile};
pub use document::{Alias, Audit, Console, Effect, FileRule, Mode, PathPattern, Place, Policy};
pub use format::BUILD;
pub use image::{AuditView, Image, ImageError, PlaceView, RuleView};
pub use verdict::{Decision, RuleIndex};
