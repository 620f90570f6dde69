//! The audit log of the whole program.
