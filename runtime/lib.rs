//! Claviger: an agent runtime whose plugins and models never see a secret.
//!
//! This crate is a facade: every room of the house under one name. `runtime/README.md` draws the plan and tells the life
//! of a call; each room's page opens with the one question it answers.

pub use claviger_approval as approval;
pub use claviger_audit as audit;
pub use claviger_cli as cli;
pub use claviger_grant as grant;
pub use claviger_host as host;
pub use claviger_manifest as manifest;
pub use claviger_pipeline as pipeline;
pub use claviger_server as server;
pub use claviger_vault as vault;
