//! What a host does besides calls: it opens its door, and goes by what its operator changes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use claviger_pipeline::Hallway;
use claviger_vault::Embedded;
use tokio::sync::mpsc;

use crate::door::{Door, Gone};
use crate::following::Following;
use crate::open;
use crate::output::notice;
use crate::state::State;

/// How often a host looks at its files. A command that came through the door makes it look at once.
const INTERVAL: Duration = Duration::from_secs(1);

/// Begins, for as long as there is this hallway.
pub(crate) fn attend(state: &State, hallway: &Arc<Hallway>, vault: Arc<Embedded>) {
    let (tell, told) = mpsc::channel(1);
    match Door::open(state) {
        Ok(door) => drop(tokio::spawn(door.attend(Arc::downgrade(hallway), vault, tell))),
        Err(error) => notice(&format!(
            "{} cannot be listened on ({error}): commands that write to the log have to wait until this host ends",
            state.door().display()
        )),
    }
    let following = Following::new(state, &hallway.policy());
    tokio::spawn(watch(state.clone(), Arc::downgrade(hallway), following, told));
}

async fn watch(state: State, hallway: Weak<Hallway>, mut following: Following, mut told: mpsc::Receiver<Gone>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        let waits = tokio::select! {
            _ = ticks.tick() => None,
            Some(gone) = told.recv() => Some(gone),
        };
        let Some(hallway) = hallway.upgrade() else { return };
        recognise(&state, &hallway);
        following.look(&hallway).await;
        if let Some(waits) = waits {
            // A command that was ended meanwhile waits no more.
            let _nobody = waits.send(());
        }
    }
}

/// Whose yes counts: the keys in the file. One that cannot be read lets nobody's count.
fn recognise(state: &State, hallway: &Hallway) {
    let enrolled = open::enrolled(state).unwrap_or_default();
    if *hallway.desk().enrolled() != enrolled {
        hallway.desk().recognise(enrolled);
    }
}
