//! Tokens from a server that nobody here wrote.
