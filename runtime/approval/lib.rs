//! The approval room.
