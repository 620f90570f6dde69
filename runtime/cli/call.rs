//! `claviger call`.

use std::io::Read as _;
use std::path::Path;

use claviger_grant::Caller;
use serde_json::Value;

use crate::arguments::Call;
use crate::error::Failure;
use crate::output::Output;
use crate::state::State;
use crate::{open, plugin};

/// The longest arguments, in bytes. A megabyte is what an upstream request may hold by default.
const MAX_ARGUMENTS: u64 = 1024 * 1024;

/// Calls one tool and prints its result.
pub(crate) fn run(state: &State, identity: Option<&Path>, call: &Call) -> Result<Output, Failure> {
    let config = state.config()?;
    let (connection, tool) = plugin::tool_path(&call.tool)?;
    let arguments = arguments(&call.args)?;
    let caller = Caller {
        principal: call.principal.clone().unwrap_or(config.principal),
        session: format!("cli-{}", std::process::id()),
        connection,
        tool,
    };
    let result = crate::block_on(async {
        let (host, web) = open::host(state, identity, Some(&caller.connection)).await?;
        let result = host.call(caller, arguments).await.map_err(|error| crate::error::of_call(&error));
        crate::end_sessions(host.hallway()).await;
        crate::web::close(web).await;
        result
    })??;
    let text = serde_json::to_string_pretty(&result.value).map_err(Failure::usage)?;
    Output::new(text, &result.value)
}

fn arguments(given: &str) -> Result<Value, Failure> {
    let text = if given == "-" { from_stdin()? } else { given.to_owned() };
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!("the arguments are not JSON (line {}, column {})", error.line(), error.column()))
    })
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_ARGUMENTS + 1).read_to_string(&mut text);
    let read = read.map_err(|error| Failure::usage(format!("the arguments could not be read: {error}")))?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_ARGUMENTS {
        return Err(Failure::usage(format!("the arguments are longer than {MAX_ARGUMENTS} bytes")));
    }
    Ok(text)
}
