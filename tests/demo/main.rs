//! The main job, from secrets in to a verified log, told step by step. Nothing here is asked of anybody, so it runs in CI.

mod story;

use std::process::ExitCode;

fn main() -> ExitCode {
    match story::tell() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            story::say(&format!("\nthe demo failed: {error}"));
            ExitCode::FAILURE
        }
    }
}
