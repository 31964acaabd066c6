//! What the rows of the hook table do: judge, and do the call themselves at the judged text.

pub(crate) mod attribute;
pub(crate) mod change;
pub(crate) mod configured;
pub(crate) mod environment;
pub(crate) mod exec;
pub(crate) mod glob;
pub(crate) mod heap;
pub(crate) mod loader;
pub(crate) mod look;
pub(crate) mod movement;
pub(crate) mod named;
pub(crate) mod number;
pub(crate) mod open;
pub(crate) mod parent;
pub(crate) mod program;
pub(crate) mod scan;
pub(crate) mod shell;
pub(crate) mod socket;
pub(crate) mod spawn;
pub(crate) mod start;
pub(crate) mod stream;
pub(crate) mod thread;
pub(crate) mod tree;
pub(crate) mod vector;
pub(crate) mod watch;
pub(crate) mod words;
