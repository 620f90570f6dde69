//! A plugin that does what its arguments say, step by step, and tells everything that it got: what a guest can see of an
//! attack is then in the tool's result. Each step is an object with one verb, see `step`.

use std::collections::HashMap;

use serde_json::{Value, json};

wit_bindgen::generate!({ path: "../../wit", world: "plugin" });

use claviger::plugin::{credentials, http, log, refusals, secrets};

struct Script;
export!(Script);

/// What the memory search is masked with, so that the search itself leaves no copy.
const MASK: u8 = 0xa5;
/// Below this address nobody keeps anything, and address zero cannot be read.
const FIRST: usize = 1024;
const PAGE: usize = 65_536;
/// How much of a body is told.
const TOLD: usize = 65_536;

#[derive(Default)]
struct Held {
    credentials: HashMap<String, credentials::Credential>,
    secrets: HashMap<String, secrets::Secret>,
}

impl Guest for Script {
    fn call(_: String, arguments: String) -> Result<String, Failure> {
        let arguments: Value = serde_json::from_str(&arguments).map_err(|error| Failure::Other(error.to_string()))?;
        let mut held = Held::default();
        let steps = arguments["steps"].as_array().cloned().unwrap_or_default();
        let told: Vec<Value> = steps.iter().map(|step| held.step(step)).collect();
        Ok(json!({ "told": told }).to_string())
    }
}

impl Held {
    fn step(&mut self, step: &Value) -> Value {
        let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        match text("do").as_str() {
            "open" => match credentials::open(&text("name")) {
                Ok(credential) => {
                    self.credentials.insert(text("as"), credential);
                    json!("opened")
                }
                Err(refusal) => refused(&refusal),
            },
            // A number instead of a handle that the host gave.
            "forge" => {
                let handle = u32::try_from(step["handle"].as_u64().unwrap_or_default()).unwrap_or_default();
                let forged = unsafe { credentials::Credential::from_handle(handle) };
                self.credentials.insert(text("as"), forged);
                json!("forged")
            }
            // The same handle once more.
            "double" => {
                let handle = self.credentials.get(&text("name")).map_or(0, credentials::Credential::handle);
                let again = unsafe { credentials::Credential::from_handle(handle) };
                self.credentials.insert(text("as"), again);
                json!(handle)
            }
            "number" => json!(self.credentials.get(&text("name")).map(credentials::Credential::handle)),
            "drop" => json!(self.credentials.remove(&text("name")).is_some()),
            "generate" => match secrets::generate(&text("slot")) {
                Ok(secret) => {
                    self.secrets.insert(text("as"), secret);
                    json!("generated")
                }
                Err(refusal) => refused(&refusal),
            },
            "store" => {
                let values: Vec<&secrets::Secret> =
                    strings(step, "values").iter().map(|name| &self.secrets[name]).collect();
                match secrets::store(&text("rule"), &values) {
                    Ok(references) => json!({ "stored": references }),
                    Err(refusal) => refused(&refusal),
                }
            }
            "send" => self.send(step),
            "search" => json!(search(step)),
            "log" => {
                log::write(log::Level::Warn, &text("text"));
                json!("logged")
            }
            "wait" => {
                claviger::plugin::clock::wait(
                    u32::try_from(step["ms"].as_u64().unwrap_or_default()).unwrap_or_default(),
                );
                json!("waited")
            }
            other => json!({ "unknown": other }),
        }
    }

    fn send(&mut self, step: &Value) -> Value {
        let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        let pair = |pair: &Value| {
            (pair[0].as_str().unwrap_or_default().to_owned(), pair[1].as_str().unwrap_or_default().to_owned())
        };
        let pairs = |key: &str| step[key].as_array().into_iter().flatten().map(pair).collect::<Vec<_>>();
        let parameters: Vec<http::Parameter> =
            pairs("parameters").into_iter().map(|(name, value)| http::Parameter { name, value }).collect();
        let body = match (&step["body"], &step["bytes"]) {
            (Value::String(text), _) => Some(text.clone().into_bytes()),
            (_, Value::Array(bytes)) => {
                Some(bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect())
            }
            _ => None,
        };
        let credential = step["credential"].as_str().and_then(|name| self.credentials.get(name));
        let sites = pairs("lend");
        let lent: Vec<http::Lent> =
            sites.iter().map(|(site, name)| http::Lent { site: site.clone(), value: &self.secrets[name] }).collect();
        match http::send(&text("operation"), &parameters, body.as_deref(), credential, &lent) {
            Ok(answer) => self.answered(&answer, step),
            Err(refusal) => refused(&refusal),
        }
    }

    fn answered(&mut self, answer: &http::Response, step: &Value) -> Value {
        let mut body = Vec::new();
        loop {
            let piece = answer.read(u32::MAX);
            if piece.is_empty() {
                break;
            }
            body.extend(piece);
        }
        let headers: HashMap<String, Option<String>> =
            strings(step, "headers").into_iter().map(|name| (name.clone(), answer.header(&name))).collect();
        let captured = answer.captured();
        let count = captured.len();
        for (index, secret) in captured.into_iter().enumerate() {
            self.secrets.insert(format!("captured{index}"), secret);
        }
        let length = body.len();
        body.truncate(TOLD);
        json!({ "status": answer.status(), "headers": headers, "length": length, "captured": count,
            "body": String::from_utf8_lossy(&body) })
    }
}

fn strings(step: &Value, key: &str) -> Vec<String> {
    step[key].as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn refused(refusal: &refusals::Refusal) -> Value {
    json!({ "refused": format!("{:?}", refusal.reason), "detail": refusal.detail, "left": refusal.left_host })
}

/// How often each masked needle stands in this instance's own memory.
fn search(step: &Value) -> Vec<usize> {
    let end = core::arch::wasm32::memory_size(0) * PAGE;
    let byte = |value: &Value| u8::try_from(value.as_u64().unwrap_or_default()).unwrap_or_default();
    let needles = step["masked"].as_array().into_iter().flatten();
    needles
        .map(|needle| {
            let masked: Vec<u8> = needle.as_array().into_iter().flatten().map(byte).collect();
            (FIRST..end - masked.len()).filter(|start| stands_at(*start, &masked)).count()
        })
        .collect()
}

fn stands_at(start: usize, masked: &[u8]) -> bool {
    masked.iter().enumerate().all(|(index, byte)| {
        let place = (start + index) as *const u8;
        // All of it is this instance's memory; what is read is only compared.
        (unsafe { place.read_volatile() }) ^ MASK == *byte
    })
}
