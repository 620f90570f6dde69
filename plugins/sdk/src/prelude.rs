//! What every plugin's file needs, and what a crate with `std` would have without asking.

pub use alloc::borrow::ToOwned;
pub use alloc::collections::BTreeMap;
pub use alloc::string::{String, ToString};
pub use alloc::vec::Vec;
pub use alloc::{format, vec};

pub use serde::{Deserialize, Serialize};
