//! What a test wants to know of every run.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileTypeExt;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::state::World;

/// Records the arguments, the names of the environment and the kind of the standard input.
pub(crate) fn run(world: &World, given: &[String]) -> Result<(), Failure> {
    let names: Vec<String> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    append(world, &json!({"run": given, "environment": names, "stdin": stdin(), "process": std::process::id()}))
}

/// Records that a human was asked.
pub(crate) fn prompt(world: &World) -> Result<(), Failure> {
    append(world, &json!({"prompt": true}))
}

/// The kind of the standard input. `op` reads a template from a pipe and from nothing else.
pub(crate) fn stdin() -> &'static str {
    match fs::metadata("/dev/fd/0") {
        Ok(metadata) if metadata.file_type().is_fifo() => "pipe",
        Ok(metadata) if metadata.file_type().is_socket() => "socket",
        Ok(metadata) if metadata.file_type().is_char_device() => "device",
        Ok(_) => "file",
        Err(_) => "closed",
    }
}

fn append(world: &World, line: &Value) -> Result<(), Failure> {
    let Some(path) = &world.record else { return Ok(()) };
    let file = OpenOptions::new().create(true).append(true).open(path);
    // One write, so that lines of parallel runs do not mix.
    let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    written.map_err(|error| Failure::plain(9, &format!("fake-op: the record cannot be written: {error}\n")))
}
