//! The rooms, joined.

use std::sync::Arc;

use claviger_approval::Desk;
use claviger_audit::Log;
use claviger_grant::{Caller, Policy};
use claviger_vault::Vault;

use crate::{Call, Outside};

/// One of each room, for the life of the host.
pub struct Hallway {
    pub(crate) policy: Policy,
    pub(crate) desk: Desk,
    pub(crate) log: Log,
    pub(crate) vault: Vault,
    pub(crate) outside: Outside,
}

impl Hallway {
    /// Joins the rooms.
    pub fn new(policy: Policy, desk: Desk, log: Log, vault: Vault, outside: Outside) -> Arc<Self> {
        Arc::new(Self { policy, desk, log, vault, outside })
    }

    /// Begins one tool call. What it opens ends with it.
    pub fn begin(self: &Arc<Self>, caller: Caller) -> Call {
        Call::new(Arc::clone(self), caller)
    }

    /// The connections and their plugins.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The audit log, for what is not a call: installs, operators' actions, its own counters.
    pub fn log(&self) -> &Log {
        &self.log
    }
}
