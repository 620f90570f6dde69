//! Translates `wat/*.wat` into components beside the ones that Rust makes: `target/wat/*.wasm`.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=wat");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let output = Path::new(&root).join("target/wat");
    fs::create_dir_all(&output).expect("the target directory is writable");
    for entry in fs::read_dir(Path::new(&root).join("wat")).expect("wat/ is there") {
        let path = entry.expect("wat/ is readable").path();
        let component = wat::parse_file(&path).unwrap_or_else(|error| panic!("{error}"));
        let name = path.file_stem().expect("a file has a name");
        fs::write(output.join(name).with_extension("wasm"), component).expect("the target directory is writable");
    }
}
