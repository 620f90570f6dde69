//! ConnectWise PSA: what is open for a client, and how is its project doing?
//!
//! The vendor's REST API 3.0 as its developer guide and OpenAPI document describe it. Everything is read-only.
#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod conditions;
mod explain;
mod lists;
mod people;
mod project_status;
mod projects;
mod ticket;
mod tickets;

claviger_plugin_sdk::plugin! {
    "search_tickets" => tickets::search,
    "get_ticket" => ticket::get,
    "list_projects" => projects::list,
    "get_project_status" => project_status::get,
}
