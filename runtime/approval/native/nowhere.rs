//! A system that has neither.

use std::sync::atomic::AtomicBool;

use crate::{Service, Unconfirmed};

pub(crate) const SERVICE: Option<Service> = None;

pub(crate) fn confirm(_: &str, _: &AtomicBool) -> Result<(), Unconfirmed> {
    Err(Unconfirmed::NotSetUp)
}
