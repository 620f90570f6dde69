//! Servers that nobody here wrote, as processes.
//!
//! [`Oidc`] is `oidc-provider`, a certified OAuth 2 and OpenID server; [`Redfish`] is the Redfish server of `sushy-tools`.
//! Their launchers and pinned versions are in `tests/servers/`; `cargo xtask` installs them. They are found in the directory
//! that `CLAVIGER_SERVERS` names, or in `target/servers` of the workspace.

mod installation;
mod oidc;
mod process;
mod redfish;

pub use installation::Installation;
pub use oidc::{Oidc, OidcClient, OidcConfig, OidcIssuer};
pub use redfish::{Redfish, RedfishSystem};
