//! Captured and generated secrets, as handles.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Failure;
use crate::bindings::claviger::plugin::secrets;

/// An opaque value in a declared slot. It can be lent to a declared site, or stored.
#[derive(Debug)]
pub struct Secret(secrets::Secret);

impl Secret {
    pub(crate) fn new(handle: secrets::Secret) -> Self {
        Self(handle)
    }

    pub(crate) fn handle(&self) -> &secrets::Secret {
        &self.0
    }
}

/// Has the host generate a random value for a slot that the manifest declares as generated.
///
/// # Errors
/// [`Failure::Refused`] with the host's text.
pub fn generate(slot: &str) -> Result<Secret, Failure> {
    secrets::generate(slot).map(Secret).map_err(Failure::from)
}

/// Has the host store the values as one new item, under a write-back rule of the manifest. Returns the secret references
/// of the stored fields in the order of the rule: pointers, not values.
///
/// # Errors
/// [`Failure::Refused`] with the host's text; the host keeps the values sealed until it can store them.
pub fn store(write_back: &str, values: &[Secret]) -> Result<Vec<String>, Failure> {
    let lent: Vec<&secrets::Secret> = values.iter().map(Secret::handle).collect();
    secrets::store(write_back, &lent).map_err(Failure::from)
}
