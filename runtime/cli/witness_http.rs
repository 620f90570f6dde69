//! `claviger audit witness serve` and `submit`: cosignatures over HTTP (C2SP tlog-witness, `add-checkpoint`).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_audit::{CheckpointError, CheckpointVerifier, WitnessError, WitnessRequest};
use claviger_server::{WitnessSays, WitnessServer};
use serde_json::json;

use crate::audit;
use crate::audit_arguments::WitnessDesk;
use crate::ending::Signals;
use crate::error::Failure;
use crate::output::{self, Output};
use crate::state::State;
use crate::witness::{self, Desk};
use crate::witness_ask::Reached;

/// Answers requests until it is asked to end.
pub(crate) fn serve(desk: &WitnessDesk, listen: SocketAddr) -> Result<Output, Failure> {
    let desk = Desk::open(desk)?;
    crate::block_on(async {
        let signals = Signals::catch()?;
        let server = WitnessServer::start(listen, Arc::new(move |text: &str| answer(&desk, text))).await;
        let server = server.map_err(|error| Failure::state(format!("{listen} cannot be listened on: {error}")))?;
        let address = format!("http://{}", server.address());
        output::notice(&format!("a witness answers at {address}/add-checkpoint"));
        signals.asked().await;
        server.close().await;
        Output::new("the witness has ended", &json!({ "listened": address }))
    })?
}

/// What the witness says to one request.
fn answer(desk: &Desk, text: &str) -> WitnessSays {
    let Ok(request) = WitnessRequest::parse(text) else { return WitnessSays::Malformed };
    let head = match desk.log.open(request.checkpoint().as_bytes()) {
        Ok(head) => head,
        Err(_) if is_of_another_log(&desk.log, &request) => return WitnessSays::UnknownLog,
        Err(CheckpointError::Malformed) => return WitnessSays::Malformed,
        Err(_) => return WitnessSays::Unsigned,
    };
    if request.old() > head.size() {
        return WitnessSays::Malformed;
    }
    match desk.sign(&request) {
        Ok(Ok(line)) => WitnessSays::Signed(line),
        Ok(Err(WitnessError::Conflict { size })) => WitnessSays::Conflict(size),
        Ok(Err(refused)) => {
            output::notice(&refused.to_string());
            WitnessSays::Inconsistent
        }
        Err(failure) => {
            output::notice(&format!("nothing was signed: {}", failure.message));
            WitnessSays::Unable
        }
    }
}

fn is_of_another_log(log: &CheckpointVerifier, request: &WitnessRequest) -> bool {
    request.checkpoint().lines().next() != Some(log.origin())
}

/// Who is asked, and how they are reached.
pub(crate) struct Post<'a> {
    pub(crate) url: &'a str,
    pub(crate) witness: &'a [PathBuf],
    pub(crate) ca: Option<&'a Path>,
    pub(crate) network: &'a [String],
}

/// Has a witness sign the log's present checkpoint.
pub(crate) fn submit(state: &State, post: &Post<'_>) -> Result<Output, Failure> {
    state.config()?;
    let log = audit::log_key(state)?;
    let networks = post.network.iter();
    let networks = networks.map(|text| text.parse().map_err(|_| Failure::usage(format!("{text} is no CIDR range"))));
    let networks = networks.collect::<Result<Vec<_>, _>>()?;
    let known = witness::known(post.witness)?;
    let witness = Reached::new(post.url, known, post.ca, networks)?;
    let note = state.checkpoint()?;
    let signed = crate::block_on(witness.ask(state, &log, &note, witness::last_cosigned(state, &log)))?;
    witness::keep(state, &note, &signed.map_err(|unsigned| unsigned.failure)?, witness.known())
}
