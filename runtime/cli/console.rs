//! What the console shows of a state directory. It reads, and opens neither the vault nor the log for writing.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;

use claviger_server::{Asked, Books, Part, Section};

use crate::error::Failure;
use crate::state::State;
use crate::{console_alerts, console_connections, console_log};

/// The state directory, for the console.
pub(crate) struct Shelf {
    state: State,
}

impl Shelf {
    pub(crate) fn new(state: &State) -> Self {
        Self { state: state.clone() }
    }
}

impl Books for Shelf {
    fn section(&self, section: Section, asked: &Asked) -> Result<Vec<Part>, String> {
        let state = &self.state;
        let parts = match section {
            Section::Connections => console_connections::connections(state),
            Section::Grants => console_connections::grants(state),
            Section::Log => console_log::log(state, asked),
            Section::Alerts => console_alerts::alerts(state),
            Section::Prompts => console_alerts::prompts(state),
        };
        parts.map_err(said)
    }

    fn entry(&self, index: u64) -> Result<Vec<Part>, String> {
        console_log::entry(&self.state, index).map_err(said)
    }

    /// Names, sizes and times of the files that the sections are read from: nothing is opened.
    fn mark(&self) -> String {
        let mut hash = DefaultHasher::new();
        for directory in [self.state.audit(), self.state.connections(), self.state.plugins()] {
            let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
            let mut paths: Vec<_> = files.map(|file| file.path()).collect();
            paths.sort();
            paths.iter().for_each(|path| stamp(path, &mut hash));
        }
        stamp(&self.state.quarantine(), &mut hash);
        stamp(&self.state.witnesses(), &mut hash);
        format!("{:016x}", hash.finish())
    }
}

fn said(failure: Failure) -> String {
    failure.message
}

fn stamp(path: &Path, hash: &mut DefaultHasher) {
    path.hash(hash);
    if let Ok(metadata) = std::fs::metadata(path) {
        metadata.len().hash(hash);
        metadata.modified().ok().hash(hash);
    }
}
