//! The sending half over real sockets, with the real rooms around it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod allocator;
mod answers;
mod captures;
mod declared;
mod destinations;
mod endings;
mod house;
mod leaks;
mod memory;
mod mutual;
mod needles;
mod pinned;
mod placements;
mod replies;
mod rotation;
mod sessions;
mod signatures;
mod site;
mod tokens;
mod upstream;
mod versions;
