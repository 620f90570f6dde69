//! Pax8: which companies are there, and which licences do they hold?
//!
//! The partner API v1 as the vendor's OpenAPI document describes it. Everything is read-only.
#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod companies;
mod explain;
mod licences;
mod lists;
mod products;
mod subscriptions;

claviger_plugin_sdk::plugin! {
    "list_companies" => companies::list,
    "list_subscriptions" => subscriptions::list,
    "license_summary" => licences::summary,
}
