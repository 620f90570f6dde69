//! The whole house in this process, around one plugin.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use claviger::approval::{Desk, Enrolled, SimulatedAnswer, SoftwarePasskey, Throwaway};
use claviger::audit::{CheckpointKey, Counts, Durability, Log, Options};
use claviger::grant::{Caller, Connection, Policy};
use claviger::host::{Compiler, Host, HostKey, Sandbox};
use claviger::manifest::{Digest, Name, Package, PublisherKey, SecretReference, TrustStore};
use claviger::pipeline::{Hallway, Outside};
use claviger::vault::{Embedded, IdentityFile, Journal, Providers, Quarantine, Secret, Vault};
use serde_json::json;

const MANIFEST: &str = include_str!("manifest.toml");
const COMPONENT: &str = "target/plugins/wasm32-wasip2/release/claviger_plugin_bench.wasm";
const COMPILER: &str = "target/compiler/release/claviger-compile";
/// On the same disk as a state directory would be: a temporary directory may be memory.
const STATES: &str = "target/bench-states";

/// A throw-away state directory, deleted when it is dropped.
pub(crate) struct State {
    root: PathBuf,
    _directory: tempfile::TempDir,
}

impl State {
    pub(crate) fn new() -> Self {
        std::fs::create_dir_all(STATES).unwrap();
        let directory = tempfile::tempdir_in(STATES).unwrap();
        let root = directory.path().join("state");
        let _marked = Throwaway::create(&root).unwrap();
        Self { root, _directory: directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn proof(&self) -> Throwaway {
        Throwaway::of(&self.root).unwrap()
    }
}

/// A host with the bench plugin on one connection.
pub(crate) struct House {
    host: Host,
    _state: State,
}

impl House {
    /// One whose approvals are simulated.
    pub(crate) async fn build(upstream: SocketAddr, durability: Durability) -> Self {
        Self::asking(upstream, durability, desk).await
    }

    /// One that asks at a desk of the caller's.
    pub(crate) async fn asking(
        upstream: SocketAddr,
        durability: Durability,
        desk: impl FnOnce(Throwaway) -> Desk,
    ) -> Self {
        let state = State::new();
        let name: Name = "bench".parse().unwrap();
        let (package, policy) = policy(&name, upstream);
        let sandbox = Sandbox::new(
            Compiler::new(std::path::absolute(COMPILER).unwrap()),
            state.path("compiled"),
            HostKey::new([7; 32]),
        )
        .unwrap();
        std::fs::create_dir_all(state.path("compiled")).unwrap();
        let loaded = Arc::new(sandbox.load(&package).await.unwrap());
        let options = Options { durability, ..Options::default() };
        let (log, _) = Log::open_with(&state.path("audit"), CheckpointKey::from_seed([9; 32]), options).unwrap();
        let hallway = Hallway::new(policy, desk(state.proof()), log, vault(&state), Outside::system());
        let host = Host::new(hallway, BTreeMap::from([(name, loaded)]), Arc::new(|_| {}));
        Self { host, _state: state }
    }

    /// One tool call.
    pub(crate) async fn call(&self, tool: &str) {
        let caller = Caller {
            principal: "alex".to_owned(),
            session: "bench".to_owned(),
            connection: "bench".parse().unwrap(),
            tool: tool.parse().unwrap(),
        };
        let result = self.host.call(caller, json!({})).await.unwrap();
        assert_eq!(result.value, json!({ "ok": true }));
    }

    /// What the log has done.
    pub(crate) fn counters(&self) -> Counts {
        self.host.hallway().log().counters()
    }
}

pub(crate) fn policy(name: &Name, upstream: SocketAddr) -> (Arc<claviger::manifest::VerifiedPackage>, Policy) {
    let component = std::fs::read(COMPONENT).expect("the plugins are not built: run `cargo xtask bench`");
    let manifest = MANIFEST.replace(&format!("sha256:{}", "0".repeat(64)), &Digest::of(&component).to_string());
    let schemas: BTreeMap<String, Vec<u8>> = [
        ("schemas/nothing.json", json!({ "type": "object", "additionalProperties": false })),
        (
            "schemas/ok.json",
            json!({ "type": "object", "properties": { "ok": { "type": "boolean" } }, "required": ["ok"] }),
        ),
    ]
    .map(|(path, schema)| (path.to_owned(), schema.to_string().into_bytes()))
    .into();
    let key = PublisherKey::generate("bench", [5; 32]).unwrap();
    let signature = key.sign(&manifest, &component, &schemas).unwrap();
    let mut trust = TrustStore::default();
    trust.add_key(&key.vkey()).unwrap();
    let package = Arc::new(Package { manifest, component, schemas, signature }.verify(&trust).unwrap());
    let connection = format!(
        "plugin = \"bench\"\n[settings]\nport = \"{}\"\n[secrets]\nkey = \"op://Bench/Upstream/key\"\n[grant]\nprincipals = [\"alex\"]\noperations = [\"get\"]\nnetworks = [\"127.0.0.0/8\"]\n",
        upstream.port()
    );
    let mut policy = Policy::default();
    policy.add(name.clone(), Connection::parse(&connection).unwrap(), Arc::clone(&package)).unwrap();
    (package, policy)
}

pub(crate) fn desk(proof: Throwaway) -> Desk {
    let passkey = SoftwarePasskey::new(&[3; 32], SimulatedAnswer::ApproveWithLease, &proof).unwrap();
    let enrolled = Enrolled::new([passkey.enrolment("alex").unwrap()]).unwrap();
    Desk::throwaway(Box::new(passkey), enrolled, proof)
}

pub(crate) fn vault(state: &State) -> Vault {
    let root = &state.root;
    let slot = IdentityFile::create(&root.join("identity")).unwrap();
    let embedded = Embedded::create(&root.join("vault"), &[slot]).unwrap();
    let place: SecretReference = "op://Bench/Upstream/key".parse().unwrap();
    embedded.put(&place, &Secret::new(b"5c9e1f60b7d24a83".to_vec()), false).unwrap();
    let journal = Journal::open(&root.join("journal"), embedded.journal_key().unwrap()).unwrap();
    let quarantine = Quarantine::open(&root.join("quarantine.json")).unwrap();
    Vault::new(Providers::new(Arc::new(embedded)), journal, quarantine)
}
