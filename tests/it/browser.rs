//! Approving in a real browser: Chromium, with a virtual authenticator over the DevTools protocol, against the whole program.

mod again;
pub(crate) mod batch;
mod ceremony;
mod chromium;
mod console;
mod crowd;
mod door;
mod enrol;
mod newcomer;
mod office;
mod people;
mod pictures;
mod program;
mod reader;
mod team;
mod team_door;

pub(crate) use batch::second_opinion;
