//! `claviger audit witness serve` and `submit`: cosignatures over HTTP (C2SP tlog-witness, `add-checkpoint`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_audit::{CheckpointError, CheckpointVerifier, WitnessError, WitnessRequest};
use claviger_grant::EndpointPlan;
use claviger_manifest::OriginTemplate;
use claviger_server::{WitnessSays, WitnessServer};
use claviger_vault::Delivered;
use serde_json::json;

use crate::audit;
use crate::audit_arguments::WitnessDesk;
use crate::ending::Signals;
use crate::error::{Code, Failure};
use crate::output::{self, Output};
use crate::state::{self, State};
use crate::witness::{self, Desk};

/// Where a witness on this machine may be, whatever else is allowed.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

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

/// Has a witness sign the log's present checkpoint. A witness that stands elsewhere says where, and is asked again from
/// there, once.
pub(crate) fn submit(state: &State, post: &Post<'_>) -> Result<Output, Failure> {
    state.config()?;
    let (known, log) = (witness::known(post.witness)?, audit::log_key(state)?);
    let (endpoint, path) = endpoint(post)?;
    let request = |old| WitnessRequest::new(&state.audit(), old, &log).map_err(audit::broken);
    let send = |request: &WitnessRequest| -> Result<Delivered, Failure> {
        let sent = crate::block_on(claviger_vault::post(endpoint.clone(), &path, request.to_text().into_bytes()))?;
        sent.map_err(|error| Failure::new(Code::Failed, format!("the witness at {}: {error}", post.url)))
    };
    let mut asked = request(last_cosigned(state, &log)?)?;
    let mut answer = send(&asked)?;
    if let Some(size) = stands_at(&answer) {
        asked = request(size)?;
        answer = send(&asked)?;
    }
    match answer.status {
        200 => witness::keep(state, asked.checkpoint(), &String::from_utf8_lossy(&answer.body), &known),
        422 => Err(witness::refused(WitnessError::Inconsistent)),
        409 => Err(witness::refused(WitnessError::Conflict { size: stands_at(&answer).unwrap_or_default() })),
        status => Err(Failure::new(Code::Audit, told(status, post.url))),
    }
}

/// What a witness means that does not sign (C2SP tlog-witness), and what to do.
fn told(status: u16, url: &str) -> String {
    let why = match status {
        403 => "does not know the key that signed the checkpoint; give it audit.pub of this state directory",
        404 => {
            "does not know this log, or answers elsewhere; give it audit.pub of this state directory, and check the address"
        }
        _ => "did not sign; ask whoever runs it",
    };
    format!("the witness at {url} {why} (status {status})")
}

/// How many entries were under the checkpoint that came back from a witness last.
fn last_cosigned(state: &State, log: &CheckpointVerifier) -> Result<u64, Failure> {
    if !state.cosigned().exists() {
        return Ok(0);
    }
    let note = state::read(&state.cosigned())?;
    Ok(log.open(note.as_bytes()).map_or(0, |head| head.size()))
}

/// The size at which a witness says that it stands.
fn stands_at(answer: &Delivered) -> Option<u64> {
    let text = std::str::from_utf8(&answer.body).ok().filter(|_| answer.status == 409)?;
    text.trim_end().parse().ok()
}

/// Where a witness is, by its address.
fn endpoint(post: &Post<'_>) -> Result<(EndpointPlan, String), Failure> {
    let wrong = || Failure::usage(format!("{} is no address of a witness, as https://witness.example/log", post.url));
    let (scheme, rest) = post.url.split_once("://").ok_or_else(wrong)?;
    let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
    let origin = OriginTemplate::try_from(format!("{scheme}://{authority}")).map_err(|_| wrong())?;
    let origin = origin.render(&BTreeMap::new()).map_err(|_| wrong())?;
    if !prefix.bytes().all(is_plain) {
        return Err(wrong());
    }
    let networks = LOOPBACK.into_iter().chain(post.network.iter().map(String::as_str));
    let networks = networks.map(|text| text.parse().map_err(|_| Failure::usage(format!("{text} is no CIDR range"))));
    let networks = networks.collect::<Result<_, _>>()?;
    let ca = post.ca.map(state::read).transpose()?;
    let path = format!("/{}", [prefix.trim_end_matches('/'), "add-checkpoint"].join("/").trim_start_matches('/'));
    Ok((EndpointPlan::of_the_host(origin, ca, networks), path))
}
