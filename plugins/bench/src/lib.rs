//! What does a call cost? The least that a plugin can do: nothing, and one request.
#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

use claviger_plugin_sdk::prelude::*;
use claviger_plugin_sdk::{Credential, Failure, Request};

/// No arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// What the upstream answers, and the result.
#[derive(Deserialize, Serialize)]
struct Answer {
    ok: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "every tool returns a result")]
fn noop(_: Nothing) -> Result<Answer, Failure> {
    Ok(Answer { ok: true })
}

fn get(_: Nothing) -> Result<Answer, Failure> {
    let key = Credential::open("key")?;
    Request::operation("get").credential(&key).send()?.json()
}

claviger_plugin_sdk::plugin! {
    "noop" => noop,
    "get" => get,
}
