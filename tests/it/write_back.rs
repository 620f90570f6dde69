//! New credentials, stored unseen.
