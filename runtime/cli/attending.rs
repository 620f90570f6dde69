//! What a host does besides calls: it opens its door, and goes by what its operator changes.

use std::sync::{Arc, Weak};
use std::time::Duration;

use claviger_audit::OperatorAction;
use claviger_pipeline::Hallway;
use claviger_server::Web;
use claviger_vault::Embedded;
use tokio::sync::mpsc;

use crate::door::{Door, Errand, Host};
use crate::following::Following;
use crate::open;
use crate::output::notice;
use crate::state::State;

/// How often a host looks at its files. A command that came through the door makes it look at once.
const INTERVAL: Duration = Duration::from_secs(1);

/// Begins, for as long as there is this hallway.
pub(crate) fn attend(state: &State, hallway: &Arc<Hallway>, vault: Arc<Embedded>, web: Option<&Web>) {
    let (tell, told) = mpsc::channel(1);
    match Door::open(state) {
        Ok(door) => {
            let (state, hallway, page) = (state.clone(), Arc::downgrade(hallway), web.map(Web::inviter));
            drop(tokio::spawn(door.attend(Host { state, hallway, vault, page }, tell)));
        }
        Err(error) => notice(&format!(
            "{} cannot be listened on ({error}): commands that write to the log have to wait until this host ends",
            state.door().display()
        )),
    }
    let following = Following::new(state, &hallway.policy());
    tokio::spawn(watch(state.clone(), Arc::downgrade(hallway), following, told));
}

async fn watch(state: State, hallway: Weak<Hallway>, mut following: Following, mut errands: mpsc::Receiver<Errand>) {
    let (mut ticks, mut is_locked) = (tokio::time::interval(INTERVAL), false);
    loop {
        let errand = tokio::select! {
            _ = ticks.tick() => None,
            Some(errand) = errands.recv() => Some(errand),
        };
        let Some(hallway) = hallway.upgrade() else { return };
        // A command that was ended meanwhile waits no more: then nobody hears these answers.
        match errand {
            Some(Errand::Lock(done)) => {
                let trouble = if is_locked { Vec::new() } else { lock(&hallway).await };
                is_locked = true;
                let _nobody = done.send(trouble);
            }
            looked => {
                // Locked, it goes by nothing that is in the files.
                if !is_locked {
                    recognise(&state, &hallway);
                    following.look(&hallway).await;
                }
                if let Some(Errand::Look(looked)) = looked {
                    let _nobody = looked.send(());
                }
            }
        }
    }
}

/// This act comes before its record, because it allows nothing: it is done also where the log cannot be written.
async fn lock(hallway: &Arc<Hallway>) -> Vec<String> {
    notice("locked by the operator; nothing is done any more until this program is started again");
    let mut trouble = hallway.lock().await;
    let noted = open::note_in(hallway.log(), OperatorAction::HostLocked, "host", None).await;
    trouble.extend(noted.err().map(|failure| failure.message));
    trouble
}

/// Whose yes counts: the keys in the file. One that cannot be read lets nobody's count.
fn recognise(state: &State, hallway: &Hallway) {
    let enrolled = open::enrolled(state).unwrap_or_default();
    if *hallway.desk().enrolled() != enrolled {
        hallway.desk().recognise(enrolled);
    }
}
