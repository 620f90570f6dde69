//! Lines for the operator.

use crate::bindings::claviger::plugin::log;

/// Tells the operator about something that did not stop the call. The host bounds and escapes the line.
pub fn warn(message: &str) {
    log::write(log::Level::Warn, message);
}
