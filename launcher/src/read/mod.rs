//! Text to policy: YAML with places, Kestra's format and our own, every mistake at once.

pub(crate) mod codes;
pub(crate) mod mistakes;
pub(crate) mod render;
pub(crate) mod span;
pub(crate) mod values;
pub(crate) mod yaml;

#[cfg(test)]
mod tests;
