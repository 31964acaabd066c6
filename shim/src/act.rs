//! What the rows of the hook table do: judge, and do the call themselves at the judged text.

pub(crate) mod look;
pub(crate) mod open;
pub(crate) mod stream;
