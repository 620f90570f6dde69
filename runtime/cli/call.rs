//! `claviger call`.

use std::convert::Infallible;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use claviger_grant::Caller;
use claviger_host::HumanClock;
use serde_json::Value;

use crate::arguments::Call;
use crate::ending::{self, Signals};
use crate::error::{Code, Failure};
use crate::output::{self, Output};
use crate::state::State;
use crate::{open, plugin};

/// The longest arguments, in bytes. A megabyte is what an upstream request may hold by default.
const MAX_ARGUMENTS: u64 = 1024 * 1024;

/// Calls one tool and prints its result.
pub(crate) fn run(state: &State, identity: Option<&Path>, call: &Call) -> Result<(), Failure> {
    let config = state.config()?;
    let (connection, tool) = plugin::tool_path(&call.tool)?;
    let arguments = arguments(&call.args)?;
    let caller = Caller {
        principal: call.principal.clone().unwrap_or(config.principal),
        session: format!("cli-{}", std::process::id()),
        connection,
        tool,
    };
    crate::block_on(async {
        let (host, web) = open::host(state, identity, Some(&caller.connection)).await?;
        let signals = Signals::catch()?;
        let call = host.begin(caller).map_err(|error| crate::error::of_call(&error))?;
        let human = call.human();
        let called = tokio::select! {
            called = call.run(arguments) => called.map_err(|error| crate::error::of_call(&error)),
            // The page's link comes with the digits.
            never = tell_digits(&human), if web.is_none() => match never {},
            () = signals.asked() => Err(Failure::new(Code::Failed, INTERRUPTED)),
        };
        // Before the log-outs: whoever waits for the result does not wait for an upstream that takes its time to part.
        let told = called.and_then(|result| output::print(&said(&result.value)?));
        ending::close(host.hallway()).await;
        crate::web::close(web).await;
        told
    })?
}

/// How often is looked whether there are digits to show: faster than anybody reads the question.
const LOOK: Duration = Duration::from_millis(50);

/// Shows the digits that whoever approves must type, each time there are others. It never ends by itself.
async fn tell_digits(human: &HumanClock) -> Infallible {
    let mut ticks = tokio::time::interval(LOOK);
    let mut told = None;
    loop {
        ticks.tick().await;
        let digits = human.match_code();
        if digits.is_some() && digits != told {
            output::notice(&format!(
                "whoever approves this call types the digits {}",
                digits.as_deref().unwrap_or_default()
            ));
        }
        told = digits;
    }
}

/// What is said of a call that somebody did not wait for.
const INTERRUPTED: &str =
    "interrupted; what was sent before may have been done, and `claviger audit log` shows what was";

fn said(value: &Value) -> Result<Output, Failure> {
    Output::new(serde_json::to_string_pretty(value).map_err(Failure::usage)?, value)
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
