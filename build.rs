//! Compiles the C and Java fixtures that the tests run.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
