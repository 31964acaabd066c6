//! Link arguments of the shim, and the image of the policy that forbids nothing.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a build script runs on the builder's machine, not in a worker"
)]

fn main() {
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let libc = std::env::var("CARGO_CFG_TARGET_ENV").unwrap_or_default();
    if arch != "x86_64" || libc != "gnu" {
        println!(
            "cargo::error=ringfence runs on x86-64 Linux with glibc 2.34 or newer; \
             another architecture needs its own shim/src/sys/ARCH.rs"
        );
    }
    for argument in [
        // Our own references bind to our own definitions, whatever the executable exports.
        "-Wl,-Bsymbolic",
        // Our constructor runs before those of other libraries.
        "-Wl,-z,initfirst",
        "-Wl,-z,now",
        "-Wl,-z,relro",
        "-Wl,-z,nodlopen",
        "-Wl,-soname,libringfence.so",
    ] {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    let image = ringfence_policy::compile(&ringfence_policy::Policy::default());
    let out = std::env::var_os("OUT_DIR").map(std::path::PathBuf::from);
    match (image, out) {
        (Ok(image), Some(out)) => {
            if let Err(error) = std::fs::write(out.join("empty.img"), image) {
                println!("cargo::error=cannot write the empty image: {error}");
            }
        }
        _ => println!("cargo::error=cannot compile the empty image"),
    }
    println!("cargo::rerun-if-changed=build.rs");
}
