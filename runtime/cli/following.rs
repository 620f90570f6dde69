//! What a host that runs does when an operator changes a connection.
//!
//! The files of the state directory are what is granted; a host looks at those it goes by every second. What it finds
//! different is in the log before it counts, and a connection that cannot be read, or whose plugin is trusted no more, is
//! none. A new connection and an update of a plugin are for the next start: what a client was told of its tools stays so.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use claviger_audit::OperatorAction;
use claviger_grant::{Connection, Policy};
use claviger_manifest::{Digest, Name, VerifiedPackage};
use claviger_pipeline::Hallway;

use crate::error::Failure;
use crate::following_told::told;
use crate::output::notice;
use crate::state::State;
use crate::{connection, open, plugin};

/// The connections of a host as it found them last.
pub(crate) struct Following {
    state: State,
    known: BTreeMap<Name, Known>,
}

struct Known {
    /// What runs for it, as long as this host does.
    package: Arc<VerifiedPackage>,
    seen: Option<Seen>,
}

/// What tells, without reading everything, whether anything is different.
#[derive(PartialEq, Eq)]
struct Seen {
    file: Option<Digest>,
    plugin: Option<Stamp>,
    trust: Option<Stamp>,
}

/// A directory as `stat` tells of it: an installation puts another in its place, and a key that comes or goes changes its
/// time.
type Stamp = (u64, i64, i64);

impl Following {
    /// Nothing counts as seen yet: whatever changed since the policy was read is found at the first look.
    pub(crate) fn new(state: &State, policy: &Policy) -> Self {
        let package = |name: &Name| Some((name.clone(), Known { package: policy.package(name)?.clone(), seen: None }));
        Self { state: state.clone(), known: policy.names().filter_map(package).collect() }
    }

    /// Looks once, and makes the hallway go by what was found.
    pub(crate) async fn look(&mut self, hallway: &Arc<Hallway>) {
        let mut policy = Policy::clone(&hallway.policy());
        let mut changed = false;
        for (name, known) in &mut self.known {
            let seen = Seen::of(&self.state, name, &known.package.manifest().plugin.name);
            if known.seen.as_ref() == Some(&seen) {
                continue;
            }
            known.seen = Some(seen);
            let found = found(&self.state, name, known);
            let Some(told) = told(policy.connection(name), &found) else { continue };
            notice(&format!("connection {name}: {told}"));
            policy.remove(name);
            changed = true;
            let noted =
                open::note_in(hallway.log(), OperatorAction::ConnectionFollowed, name.as_str(), Some(&told)).await;
            // No record, no act: what cannot be noted allows nothing.
            if let (Ok(connection), Ok(())) = (found, noted) {
                let _fits = policy.add(name.clone(), connection, Arc::clone(&known.package));
            }
        }
        if changed {
            hallway.follow(policy);
        }
    }
}

impl Seen {
    fn of(state: &State, name: &Name, plugin: &Name) -> Self {
        let file = fs::read(state.connection(name)).ok().map(|bytes| Digest::of(&bytes));
        Self { file, plugin: stamp(&state.plugin(plugin)), trust: stamp(&state.trust()) }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.mtime(), found.mtime_nsec()))
}

/// The connection as its file has it, if the plugin that runs for it may still run.
fn found(state: &State, name: &Name, known: &Known) -> Result<Connection, Failure> {
    let connection = connection::read(state, name)?;
    let installed = plugin::installed(state, &known.package.manifest().plugin.name)?;
    if installed.manifest_digest() != known.package.manifest_digest() {
        notice(&format!("plugin {}: another one is installed; it counts from the next start on", connection.plugin));
    }
    let mut alone = Policy::default();
    alone.add(name.clone(), connection.clone(), Arc::clone(&known.package)).map_err(Failure::state)?;
    Ok(connection)
}
