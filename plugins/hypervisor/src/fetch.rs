//! Answers of Proxmox: everything is under `data`, which may be null.

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request};
use serde::de::DeserializeOwned;

use crate::explain::explain;

/// The credential that a connection is set up with.
pub(crate) const TOKEN: &str = "token";

/// How many records one answer to a model has.
pub(crate) const FOR_A_MODEL: u32 = 200;

/// What an empty list most likely means: Proxmox leaves out what a token may not see, and answers 200.
pub(crate) const EMPTY: &str = "Proxmox lists only what the token may see. If this should not be empty, the token may have \
    privilege separation and no permissions of its own: grant it a role such as PVEAuditor on / with propagation.";

#[derive(Deserialize)]
struct Envelope<T> {
    data: Option<T>,
}

/// Sends a request that reads, and takes what is under `data`.
pub(crate) fn fetch<T: DeserializeOwned>(credential: &Credential, request: Request<'_>) -> Result<Option<T>, Failure> {
    let envelope: Envelope<T> = request.credential(credential).send()?.accepted(explain)?.json()?;
    Ok(envelope.data)
}

/// The same for one record, which has to be there.
pub(crate) fn fetch_one<T: DeserializeOwned>(credential: &Credential, request: Request<'_>) -> Result<T, Failure> {
    fetch(credential, request)?.ok_or_else(|| {
        Failure::NotFound(
            "Proxmox answers with nothing: there is no such record, or the token may not see it".to_owned(),
        )
    })
}
