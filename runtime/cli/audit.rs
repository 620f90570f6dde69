//! `claviger audit`.
