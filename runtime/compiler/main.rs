//! What is in this component, and what does it compile to?
//!
//! Compiling is the one thing here that takes an author's bytes and unbounded time and memory, so it is done at install
//! by this process: standard input and output only, an empty environment, and limits on CPU, memory and files that it
//! sets on itself before it reads a byte. It holds no secret and no Cranelift runs where secrets are.
//!
//! `claviger-compile report` writes one JSON line: imports, exports, and the identity of the compiling engine. It does
//! not compile, so a component with an import that is not offered is refused before any compilation.
//! `claviger-compile compile` writes the compiled component. Errors go to standard error; the exit status is 1.

#[path = "../host/engine.rs"]
mod engine;
mod limits;
mod report;

use std::io::{Read, Write};
use std::process::ExitCode;

use wasmtime::Engine;

/// The largest component, in bytes. The host refuses earlier and says so better; this holds if it ever did not.
const MAX_COMPONENT: u64 = 64 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed too.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    limits::set()?;
    let verb = std::env::args().nth(1).unwrap_or_default();
    let engine = Engine::new(&engine::config()).map_err(|error| format!("no engine: {error:#}"))?;
    let component = read()?;
    let output = match verb.as_str() {
        "report" => report::of(&component, &engine)?,
        "compile" => engine.precompile_component(&component).map_err(|error| format!("{error:#}"))?,
        _ => return Err("usage: claviger-compile report|compile, with a component on standard input".into()),
    };
    std::io::stdout().lock().write_all(&output)?;
    Ok(())
}

fn read() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut component = Vec::new();
    std::io::stdin().lock().take(MAX_COMPONENT + 1).read_to_end(&mut component)?;
    if u64::try_from(component.len())? > MAX_COMPONENT {
        return Err("the component is too large".into());
    }
    Ok(component)
}
