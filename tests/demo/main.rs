//! The main job, from secrets in to a verified log, told step by step. Nothing here is asked of anybody, so it runs in CI.
//!
//! `claviger-demo desk DIRECTORY` is a made-up service desk instead, for whoever wants to do it by hand.

mod desk;
mod story;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let told = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => story::tell(),
        ["desk", directory] => desk::keep(Path::new(directory)),
        _ => Err("usage: claviger-demo [desk DIRECTORY]".into()),
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            story::say(&format!("\nthe demo failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
