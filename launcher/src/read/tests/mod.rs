//! Tests of the reader: what it accepts, what it says about the rest, and that no input is too
//! much for it.

mod cases;
mod harness;
mod kestra;
mod sources;
mod whole;
mod yaml;
