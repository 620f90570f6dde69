//! Vaults that 1Password answers for, through `op`: the whole program against a faithful one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use claviger_lab::{Agent, Canary, Lab, Ran};
use serde_json::{Value, json};

use crate::cli::variant::{answer, configure};
use crate::laboratory::{lab, swept};

const VAULT: &str = "v2gk7mqw4x5p6r7t3d5f6h7jkn";
const ACCOUNT: &str = "acme.1password.eu";

/// The program of tests/fake-op, built once: cargo gives its path only to tests of its own package.
fn op() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let profile = Path::new(env!("CARGO_BIN_EXE_claviger")).parent().unwrap();
        let target = profile.parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "claviger-fake-op", "--target-dir"]).arg(target);
        assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        target.join("debug/op")
    })
}

/// A 1Password account whose vault `MSP` holds what the laboratory's vault held.
pub(crate) struct Account {
    root: PathBuf,
}

impl Account {
    /// Makes it, with the given values in one item each, and has `claviger.toml` name it for the vault `MSP`.
    pub(crate) fn of(lab: &Lab, canaries: &[Canary]) -> Self {
        Self::with(lab, json!([item("ConnectWise", canaries)]))
    }

    fn with(lab: &Lab, items: Value) -> Self {
        let account = Self { root: lab.beside("1password") };
        fs::create_dir_all(account.root.join("op")).unwrap();
        let state =
            json!({ "account": ACCOUNT, "unlocked": true, "vaults": [{ "id": VAULT, "name": "MSP" }], "items": items });
        fs::write(account.root.join("state.json"), state.to_string()).unwrap();
        let place = json!({ "state": account.root.join("state.json"), "record": account.root.join("record") });
        fs::write(account.root.join("op/fake-op.json"), place.to_string()).unwrap();
        let path = op().display();
        let said = format!("\n[vaults.MSP]\nprovider = \"op\"\n\n[op]\npath = \"{path}\"\naccount = \"{ACCOUNT}\"\n");
        configure(&lab.state(), |text| format!("{text}{said}"));
        account
    }

    /// The directory where `op` finds its configuration.
    pub(crate) fn home(&self) -> &Path {
        &self.root
    }

    /// Runs the program where `op` finds this account.
    fn run(&self, lab: &Lab, arguments: &[&str]) -> Ran {
        let mut command = lab.command();
        command.args(arguments).env("XDG_CONFIG_HOME", &self.root).stdin(Stdio::null());
        let output = command.output().unwrap();
        lab.heard(&output.stdout);
        lab.heard(&output.stderr);
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn change(&self, changes: Value) {
        let mut state = self.state();
        state.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        fs::write(self.root.join("state.json"), state.to_string()).unwrap();
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.root.join("state.json")).unwrap()).unwrap()
    }

    /// The arguments of every run.
    fn runs(&self) -> Vec<Vec<String>> {
        let record = fs::read_to_string(self.root.join("record")).unwrap_or_default();
        let runs = record.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        runs.filter_map(|run| serde_json::from_value(run.get("run")?.clone()).ok()).collect()
    }

    /// How many secrets were read.
    pub(crate) fn reads(&self) -> usize {
        self.runs().iter().filter(|run| run.first().is_some_and(|word| word == "read")).count()
    }

    /// What was recorded of every run (arguments, names of the environment) is swept as well.
    fn swept(&self, lab: &Lab) {
        lab.heard(&fs::read(self.root.join("record")).unwrap());
        swept(lab);
    }
}

fn item(title: &str, canaries: &[Canary]) -> Value {
    let fields: Vec<Value> = canaries.iter().map(|canary| field(&canary.name, &canary.value)).collect();
    json!({ "id": "i3hk7mqw4x5p6r7t3d5f6h7jkn", "title": title, "vault": VAULT, "fields": fields })
}

fn field(label: &str, value: &str) -> Value {
    json!({ "id": label, "label": label, "value": value })
}

#[test]
fn a_call_reads_its_secrets_through_op_and_op_sees_no_value() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let account = Account::of(&lab, &psa.canaries);
    let ran = account.run(&lab, &["call", "psa.search_tickets"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.json()["tickets"].is_array());
    assert_eq!(account.reads(), 4, "{:?}", account.runs());
    let pinned = format!("--account={ACCOUNT}");
    assert!(account.runs().iter().all(|run| run[0] == "--version" || run.contains(&pinned)), "{:?}", account.runs());
    account.swept(&lab);
}

#[test]
fn a_rotation_is_stored_by_op_as_a_new_item_and_nothing_else_changes() {
    let lab = lab();
    let pve = lab.hypervisor().unwrap();
    let fields = json!([field("token-id", "claviger@pve!agent"), field("token-secret", &pve.canaries[0].value)]);
    let old = json!({ "id": "i3hk7mqw4x5p6r7t3d5f6h7jkn", "title": "Proxmox", "vault": VAULT, "fields": fields });
    let account = Account::with(&lab, json!([old]));
    let arguments = r#"{"userid":"claviger@pve","old_token":"agent","new_token":"agent-2"}"#;
    let ran = account.run(&lab, &["call", "pve.rotate_api_token", "--args", arguments]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let items = account.state()["items"].as_array().unwrap().clone();
    let old: Vec<_> =
        items[0]["fields"].as_array().unwrap().iter().map(|field| field["value"].as_str().unwrap()).collect();
    assert_eq!((items.len(), old), (2, vec!["claviger@pve!agent", &pve.canaries[0].value]), "only a new item was made");
    let minted = items[1]["fields"].as_array().unwrap().iter();
    for value in minted.filter(|field| field["type"] == "CONCEALED").filter_map(|field| field["value"].as_str()) {
        lab.know(Canary::given("the minted token", value).unwrap());
    }
    let commands: Vec<String> = account.runs().iter().map(|run| run[..2.min(run.len())].join(" ")).collect();
    assert!(commands.iter().any(|command| command == "item create"), "{commands:?}");
    assert!(!commands.iter().any(|command| command == "item edit" || command == "item delete"), "{commands:?}");
    assert_eq!(
        lab.must(&["vault", "recover", "--json"]).unwrap().json(),
        json!([]),
        "something is still in the journal"
    );
    account.swept(&lab);
}

#[test]
fn what_op_refuses_is_a_typed_error_and_no_request() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let account = Account::of(&lab, &psa.canaries);
    for (behaviour, says) in [
        ("locked", "1Password"),
        ("dismissed", "dismissed"),
        ("rate-limited", "limit"),
        ("signed-out", "sign"),
        ("unheard", "run its own tool"),
    ] {
        account.change(json!({ "behaviour": behaviour }));
        let ran = account.run(&lab, &["call", "psa.search_tickets"]);
        assert_eq!(ran.code, 1, "{behaviour}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{behaviour}: {}", ran.stderr);
        let last = lab.must(&["audit", "log", "--json", "--last", "1"]).unwrap().json()[0].clone();
        assert_eq!((&last["outcome"]["verdict"], &last["outcome"]["left_host"]), (&"failed".into(), &false.into()));
    }
    assert_eq!(psa.running.connections(), 0);
    account.change(json!({ "behaviour": "normal" }));
    assert_eq!(account.run(&lab, &["call", "psa.search_tickets"]).code, 0);
    account.swept(&lab);
}

#[test]
fn a_lease_ends_when_the_provider_is_locked() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    answer(&lab, "lease");
    let account = Account::of(&lab, &psa.canaries);
    let mut command = lab.command();
    command.env("XDG_CONFIG_HOME", account.home());
    let mut agent = Agent::with(&lab, command).unwrap();
    let mut call = |fails: bool| {
        let answer = agent.call("psa_search_tickets", &json!({})).unwrap();
        assert_eq!(answer["isError"] == true, fails, "{answer}");
    };
    let asked = || {
        let log = lab.must(&["audit", "log", "--json", "--last", "100"]).unwrap().json();
        log.as_array().unwrap().iter().filter(|entry| entry.pointer("/proof/receipts/0").is_some()).count()
    };
    call(false);
    call(false);
    assert_eq!(asked(), 1, "the second was covered");
    account.change(json!({ "behaviour": "locked" }));
    call(true);
    account.change(json!({ "behaviour": "normal" }));
    call(false);
    assert_eq!(asked(), 2, "whoever unlocked it was asked");
    drop(agent);
    account.swept(&lab);
}

#[test]
fn an_account_that_the_environment_would_change_is_refused() {
    let lab = lab();
    let psa = lab.psa(0).unwrap();
    let account = Account::of(&lab, &psa.canaries);
    let mut command = lab.command();
    command
        .args(["call", "psa.search_tickets"])
        .env("XDG_CONFIG_HOME", account.home())
        .env("OP_CONNECT_HOST", "http://x");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("OP_CONNECT_HOST"));
    configure(&lab.state(), |text| text.replace("[op]\n", "[op]\nmode = \"desktop\"\n"));
    assert_eq!(account.run(&lab, &["call", "psa.search_tickets"]).code, 6, "unknown keys are refused");
    assert_eq!((account.runs().len(), psa.running.connections()), (0, 0));
    swept(&lab);
}
