//! The build script of every plugin: asks the linker for a small stack.

/// The guest's stack, in bytes. The default of a mebibyte is memory that every fresh instance would set up and nobody
/// uses: the deepest thing here is reading JSON into types of known depth.
const STACK: u32 = 128 * 1024;

fn main() {
    println!("cargo::rerun-if-changed=../build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-cdylib-link-arg=-zstack-size={STACK}");
    }
}
