//! Plugins and upstreams that try everything in groups A to E of the catalogue (`tests/vectors/cases.toml`), through the real
//! program and over real sockets.
//!
//! The plugin is `tests/hostile/examples/script.rs`: it does what its arguments say and tells everything that it got. The
//! upstream says exactly the bytes that a vector gives it. So a vector is one line of a table, and what a guest could see of
//! it is compared as a whole.

mod cases;
mod cookies;
mod declarations;
mod echoes;
mod echoes_later;
mod echoes_packed;
mod echoes_placed;
mod flood;
mod handles;
mod ledger;
mod oracle;
mod places;
mod redirects;
mod sandbox;
mod say;
mod shapes;
mod spell;
mod tls;
mod wire;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use claviger_lab::{Agent, Canary, Draft, Lab, hostile_guest};
use claviger_sim::{Door, Running, Script, Scripted, SeenRequest};
use serde_json::{Value, json};

use crate::laboratory::lab;

/// What a guest is told of an answer that held a secret. The same words whatever it held, and wherever.
const LEAK: &str = "the answer held a secret and was dropped; \
    the secret is quarantined for this connection until an operator lifts it";

/// A laboratory with the scripted plugin, its secrets, and a scripted upstream.
struct Siege {
    lab: Lab,
    upstream: Scripted,
    running: Running,
    key: Canary,
    user: Canary,
    password: Canary,
}

/// The scripted plugin, not packed yet.
pub(crate) fn script() -> Draft {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/script");
    Draft::new(&directory, hostile_guest("script").unwrap()).unwrap()
}

impl Siege {
    fn new() -> Self {
        let (lab, upstream) = (lab(), Scripted::silent());
        let running = upstream.start(&Door::Trusted(&lab.ca, &[])).unwrap();
        let [key, first, second] = Canary::awkward("key").unwrap();
        let [user, password] = ["user", "password"].map(|name| lab.canary(name).unwrap());
        for canary in [&key, &first, &second] {
            lab.know(canary.clone());
        }
        Self { lab, upstream, running, key, user, password }.begun()
    }

    /// One whose secrets are expected to get out, and are not looked for.
    fn lost() -> Self {
        let (lab, upstream) = (lab(), Scripted::silent());
        let running = upstream.start(&Door::Trusted(&lab.ca, &[])).unwrap();
        let [mut key, user, password] = ["key", "user", "password"].map(|name| Canary::expected_to_leak(name).unwrap());
        key.value = format!("{}/+ &=\"<'{}", &key.value[..20], &key.value[20..]);
        Self { lab, upstream, running, key, user, password }.begun()
    }

    fn begun(self) -> Self {
        let siege = self;
        siege.lab.adopt(&siege.lab.publisher("tester", "tester").unwrap(), &script(), "script").unwrap();
        for canary in [&siege.key, &siege.user, &siege.password] {
            siege.lab.put(&format!("op://MSP/Script/{}", canary.name), canary).unwrap();
        }
        siege.connect("script", &[]);
        siege
    }

    /// A further connection of the plugin to the same upstream.
    fn connect(&self, name: &str, more: &[&str]) {
        let secrets = ["key", "user", "password"].map(|secret| format!("{secret}=op://MSP/Script/{secret}"));
        let mut all: Vec<&str> = secrets.iter().flat_map(|secret| ["--secret", secret.as_str()]).collect();
        all.extend(["--allow", "set", "--allow", "mint", "--allow-write-back", "keep", "--write-back", "keep=MSP"]);
        all.extend(more);
        self.lab.connect(name, "script", "api", self.running.addr, &all).unwrap();
    }

    fn agent(&self) -> Agent<'_> {
        Agent::start(&self.lab).unwrap()
    }

    /// How many requests have reached the upstream.
    fn asked(&self) -> usize {
        self.running.seen().len()
    }

    /// From now on every request is answered with this.
    fn says(&self, script: Script) {
        self.upstream.then(move |_: &SeenRequest| script.clone());
    }

    fn entries(&self) -> usize {
        self.lab.entries().unwrap().len()
    }

    /// Verdict and code of every outcome in the log from this entry on.
    fn outcomes(&self, from: usize) -> Vec<(String, String)> {
        let entries = self.lab.entries().unwrap();
        let word = |entry: &Value, pointer: &str| {
            entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let outcomes = entries.iter().skip(from).filter(|entry| entry.pointer("/outcome/verdict").is_some());
        outcomes.map(|entry| (word(entry, "/outcome/verdict"), word(entry, "/outcome/code"))).collect()
    }

    fn quarantined(&self) -> Value {
        self.lab.must(&["quarantine", "list", "--json"]).unwrap().json()
    }

    fn lift(&self, connection: &str, secret: &str) {
        self.lab.must(&["quarantine", "lift", connection, secret]).unwrap();
    }

    /// Masked needles for the guest's search of its own memory: each secret as it is, in base64 and in hexadecimal.
    fn needles(&self) -> Value {
        let secrets = [&self.key, &self.user, &self.password].map(|canary| canary.value.as_bytes());
        let forms = secrets.iter().flat_map(|value| {
            let base64 = spell::base64(value).into_bytes();
            // The last group depends on what comes behind.
            [value.to_vec(), base64[..base64.len() - 4].to_vec(), hex::encode(value).into_bytes()]
        });
        forms.map(|form| form.iter().map(|byte| byte ^ 0xa5).collect::<Vec<u8>>()).collect()
    }
}

/// What the plugin tells of a script, one value for each step; the protocol's own result when it told nothing.
#[track_caller]
fn run(agent: &mut Agent<'_>, connection: &str, steps: &Value) -> Vec<Value> {
    let result = agent.call(&format!("{connection}_run"), &json!({ "steps": steps })).unwrap();
    let told = result.pointer("/structuredContent/told").and_then(Value::as_array).cloned();
    told.unwrap_or_else(|| panic!("the script did not run to its end: {result}"))
}

/// Opens a credential and sends `get` with it; what the guest sees of the answer.
fn get(case: &str, credential: &str) -> Value {
    json!([
        { "do": "open", "name": credential, "as": "k" },
        { "do": "send", "operation": "get", "parameters": [["case", case]], "credential": "k",
          "headers": ["x-shown", "location", "link", "refresh", "alt-svc"] },
    ])
}

/// Whether something becomes true in a moment: a server notices the end of a connection a little after the program does.
fn soon(check: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !check() && started.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    check()
}

/// No identifier of a table stands there twice.
fn distinct<'a>(ids: impl IntoIterator<Item = &'a str>) -> usize {
    let mut seen = BTreeSet::new();
    ids.into_iter().for_each(|id| assert!(seen.insert(id), "{id} stands in the table twice"));
    seen.len()
}
