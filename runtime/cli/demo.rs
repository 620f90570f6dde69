//! `claviger demo`.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::beside::beside;
use crate::error::{Code, Failure};
use crate::output::Output;

/// The program that tells the story. It brings simulated upstreams along, so it comes with the source tree alone.
const PROGRAM: &str = "claviger-demo";

/// Runs the demo. People see each line as it is told; with `--json` all of it is one document.
pub(crate) fn run(as_json: bool) -> Result<Output, Failure> {
    let program = beside(PROGRAM)?.ok_or_else(|| {
        Failure::state(format!(
            "{PROGRAM} is not beside this program; the demo comes with the source tree, where `cargo xtask demo` builds and runs it"
        ))
    })?;
    let unstartable = |error| Failure::file(&program, &error);
    let mut command = Command::new(&program);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let told = if as_json { Stdio::piped() } else { Stdio::inherit() };
    let output = command.stdout(told).spawn().map_err(unstartable)?.wait_with_output().map_err(unstartable)?;
    if !output.status.success() {
        return Err(Failure::new(Code::Failed, "the demo failed; its last line says at what"));
    }
    let story = String::from_utf8_lossy(&output.stdout).into_owned();
    Output::new("", &json!({ "story": story.lines().collect::<Vec<_>>() }))
}
