//! The sending half over real sockets, with the real rooms around it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod answers;
mod captures;
mod destinations;
mod house;
mod leaks;
mod mutual;
mod pinned;
mod placements;
mod signatures;
mod site;
mod tokens;
mod upstream;
