//! What authenticates a request, as a handle.

use crate::Failure;
use crate::bindings::claviger::plugin::credentials;

/// An opaque credential. It can be lent to a request and nothing else.
#[derive(Debug)]
pub struct Credential(credentials::Credential);

impl Credential {
    /// Opens the credential that the manifest declares under this name.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the host's text.
    pub fn open(name: &str) -> Result<Self, Failure> {
        credentials::open(name).map(Self).map_err(Failure::from)
    }

    pub(crate) fn handle(&self) -> &credentials::Credential {
        &self.0
    }
}
