//! The command `ringfence`.
#![deny(unsafe_code)]

fn main() {}
