//! `claviger-sweep REGISTER SINKS RULES SOURCES…`: looks for every secret of the tests in everything that they left behind.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use claviger_lab::Sweep;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let [register, sinks, rules] = [(); 3].map(|()| arguments.next().unwrap_or_default());
    let (code, text) = match (Sweep { register, sinks, rules, sources: arguments.collect() }).run() {
        Ok(swept) => {
            let text = format!("swept {} files, {} bytes, for {} secrets", swept.files, swept.bytes, swept.secrets);
            (ExitCode::SUCCESS, text)
        }
        Err(error) => (ExitCode::FAILURE, error.to_string()),
    };
    // When nobody reads, the exit code still says it.
    let _unread = writeln!(std::io::stderr(), "sweep: {text}");
    code
}
