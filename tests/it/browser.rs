//! Approving in a real browser: Chromium, with a virtual authenticator over the DevTools protocol, against the whole program.

mod ceremony;
mod chromium;
mod door;
mod enrol;
mod office;
mod people;
mod pictures;
mod program;
mod team;
mod team_door;
