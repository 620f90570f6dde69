//! Revoking somebody while a host runs, which has the log.
//!
//! A lost phone does not wait until the host ends. The key is out of `approvers.toml` at once, which the page of a running
//! host reads for each request. What the log says of it waits in a directory of its own until whoever has the log notes it:
//! the host, within a second, or the next one, or `claviger approver`. This one act comes before its record, because it allows nothing.

use std::fs;
use std::sync::{Arc, Weak};
use std::time::Duration;

use claviger_approval::EnrolledKey;
use claviger_audit::{Log, OperatorAction};
use claviger_pipeline::Hallway;

use crate::error::Failure;
use crate::state::{self, State};
use crate::{approver, open};

/// How often a host looks. The page itself looks each time.
const INTERVAL: Duration = Duration::from_secs(1);

/// Characters of an identifier that make the name of a file.
const NAME: usize = 43;

/// What such a file is called.
const SUFFIX: &str = ".toml";

/// Leaves a revocation to be noted.
pub(crate) fn leave(state: &State, key: &EnrolledKey) -> Result<(), Failure> {
    state::private_directory(&state.unnoted())?;
    let name: String = key.credential_id().to_string().chars().take(NAME).collect();
    let text = toml::to_string(key).map_err(Failure::state)?;
    state::write(&state.unnoted().join(format!("{name}{SUFFIX}")), text.as_bytes())
}

/// Notes what was left, and gives it.
pub(crate) async fn note_left(state: &State, log: &Log) -> Result<Vec<EnrolledKey>, Failure> {
    let mut noted = Vec::new();
    for name in state::names(&state.unnoted(), SUFFIX)? {
        let path = state.unnoted().join(format!("{name}{SUFFIX}"));
        let key: EnrolledKey = state::parse(&path, &state::read(&path)?)?;
        let detail = approver::detail(&key);
        open::note_in(log, OperatorAction::ApproverRevoked, key.name(), Some(&detail)).await?;
        // After that: said twice is better than not at all.
        fs::remove_file(&path).map_err(|error| Failure::file(&path, &error))?;
        noted.push(key);
    }
    Ok(noted)
}

/// Notes what was left before this host, and goes on doing so for as long as it runs.
pub(crate) async fn attend(state: &State, hallway: &Arc<Hallway>) -> Result<(), Failure> {
    note_left(state, hallway.log()).await?;
    tokio::spawn(watch(state.clone(), Arc::downgrade(hallway)));
    Ok(())
}

async fn watch(state: State, hallway: Weak<Hallway>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(hallway) = hallway.upgrade() else { return };
        match note_left(&state, hallway.log()).await {
            Ok(noted) => noted.iter().for_each(|key| hallway.void_approver(key.name())),
            // It stays there; the page knows already.
            Err(failure) => crate::output::notice(&format!("a revocation is not in the log yet: {}", failure.message)),
        }
    }
}
