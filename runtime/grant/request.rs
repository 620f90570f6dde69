//! What a guest asks for, before anyone has looked at it.

use claviger_manifest::{Name, ToolName};

/// Who asks. Set by the host from the caller's session, never by the guest.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The technician, agent or service in whose name the tool runs.
    pub principal: String,
    /// The session that the tool call belongs to; leases do not outlive it.
    pub session: String,
    /// The connection the tool was called on.
    pub connection: Name,
    /// The tool that runs.
    pub tool: ToolName,
}

/// One thing that a guest wants done. Nothing in `action` is trusted.
#[derive(Debug)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub action: Action,
}

/// The two things that a guest can ask for. Write-back takes the same way as a request to an upstream.
#[derive(Debug)]
pub enum Action {
    /// Send one operation to an upstream.
    Send(SendRequest),
    /// Store captured or generated values as one new item.
    Store(StoreRequest),
}

/// An operation by name, with its parameters.
#[derive(Clone, Debug)]
pub struct SendRequest {
    /// The operation's name in the manifest.
    pub operation: String,
    /// Path and query parameters.
    pub parameters: Vec<(String, String)>,
    /// The body, JSON text. The host encodes it as the operation says.
    pub body: Option<Vec<u8>>,
    /// The credential lent to the request, by its name in the manifest.
    pub credential: Option<String>,
    /// Slot values lent to declared sites.
    pub lent: Vec<Lent>,
}

/// A slot value lent to a site of an operation.
#[derive(Clone, Debug)]
pub struct Lent {
    /// The site's name in the operation's `lend` table.
    pub site: String,
    /// The value, as a handle.
    pub value: SlotHandle,
}

/// A value that the host captured or generated during one tool call. It names a place in the vault room's memory and says
/// nothing about what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotHandle {
    /// The manifest's slot.
    pub slot: Name,
    /// Which value of this call, counted from 0.
    pub id: u32,
}

/// A write-back rule by name, with the values to store.
#[derive(Debug)]
pub struct StoreRequest {
    /// The rule's name in the manifest.
    pub write_back: String,
    /// One handle for each field of the rule, in any order.
    pub values: Vec<SlotHandle>,
    /// When, as it goes into the item's title: `2026-11-23 213000`. Given by the host, so that this room has no clock.
    pub stamp: String,
}
