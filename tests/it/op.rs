//! 1Password through `op`.
