//! Upstream simulators.
