//! The provider against real processes: the faithful `op` of tests/fake-op.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use claviger_manifest::{Name, SecretReference};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{OpConfig, OpConfigError, OpMode, OpProvider};
use crate::embedded::JournalKey;
use crate::journal::Journal;
use crate::key_cell::KeyCell;
use crate::provider::{NewItem, Provider, ProviderError};
use crate::providers::Providers;
use crate::reveal::Secret;
use crate::seal::Key;
use crate::write_back::{RecoverError, recover};

const VAULT: &str = "v2gk7mqw4x5p6r7t3d5f6h7jkn";
const ITEM: &str = "i3hk7mqw4x5p6r7t3d5f6h7jkn";
const ACCOUNT: &str = "acme.1password.eu";
const TOKEN: &str = "ops_eyJzaWduSW5BZGRyZXNzIjoibXkuMXBhc3N3b3JkLmNvbSJ9";

/// The binary of tests/fake-op, built once: cargo gives its path only to tests of its own package.
fn fake_op() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "claviger-fake-op", "--target-dir"])
            .arg(profile.parent().unwrap())
            .current_dir(workspace)
            .status();
        assert!(built.unwrap().success());
        profile.parent().unwrap().join("debug/op")
    })
}

struct Account {
    root: TempDir,
}

impl Account {
    /// An account with one item, and what `changes` say.
    fn new(changes: Value) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut state = json!({
            "account": ACCOUNT, "unlocked": true, "vaults": [{"id": VAULT, "name": "MSP"}],
            "items": [
                {"id": ITEM, "title": "Pax8", "vault": VAULT, "fields": [
                    {"id": "client-id", "label": "client id", "value": "canary-9f86d081884c"},
                    {"id": "blank", "label": "blank edges", "value": "  canary-60303ae22b99 \n"},
                    {"id": "empty", "label": "empty", "value": ""},
                    {"id": "code", "type": "OTP", "label": "code", "value": "otpauth://x", "totp": "928471"}]},
                {"id": "i4hk7mqw4x5p6r7t3d5f6h7jkn", "title": "Twice", "vault": VAULT, "fields": []},
                {"id": "i5hk7mqw4x5p6r7t3d5f6h7jkn", "title": "twice", "vault": VAULT, "fields": []}],
        });
        let (Value::Object(state_fields), Value::Object(changes)) = (&mut state, changes) else { panic!("objects") };
        state_fields.extend(changes);
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("op")).unwrap();
        fs::write(at("op/fake-op.json"), json!({"state": at("state.json"), "record": at("record")}).to_string())
            .unwrap();
        fs::write(at("state.json"), state.to_string()).unwrap();
        Self { root }
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let canaries = [("OP_SESSION_acme", "canary-session"), ("CLAVIGER_CANARY", "canary"), ("LD_PRELOAD", "canary")];
        let mut environment: Vec<(OsString, OsString)> =
            canaries.map(|(name, value)| (name.into(), value.into())).into();
        environment.push(("XDG_CONFIG_HOME".into(), self.root.path().into()));
        environment
    }

    fn desktop(&self) -> OpProvider {
        OpProvider::new(&config(), self.environment()).unwrap()
    }

    /// A provider with a token file that holds `token`.
    fn service_account(&self, token: &str) -> OpProvider {
        let path = self.root.path().join("token");
        fs::write(&path, format!("{token}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let config = OpConfig { mode: OpMode::ServiceAccount, account: None, token_file: Some(path), ..config() };
        OpProvider::new(&config, self.environment()).unwrap()
    }

    /// What the runs were, one a line.
    fn record(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.root.path().join("record")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn prompts(&self) -> usize {
        self.record().iter().filter(|line| line.get("prompt").is_some()).count()
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.root.path().join("state.json")).unwrap()).unwrap()
    }
}

fn config() -> OpConfig {
    let account = Some(ACCOUNT.to_owned());
    OpConfig { path: fake_op().to_owned(), mode: OpMode::Desktop, account, token_file: None }
}

fn reference(text: &str) -> SecretReference {
    text.parse().unwrap()
}

async fn value(provider: &OpProvider, text: &str) -> Result<String, ProviderError> {
    let resolved = provider.resolve(&reference(text)).await?;
    Ok(String::from_utf8(resolved.value.expose().to_vec()).unwrap())
}

fn new_item(title: &str, value: &str) -> NewItem {
    let fields = vec![
        ("token id".to_owned(), Secret::new(b"root@pam!claviger".to_vec())),
        ("secret".to_owned(), Secret::new(value.as_bytes().to_vec())),
    ];
    NewItem { vault: "msp".to_owned(), title: title.to_owned(), fields }
}

#[tokio::test]
async fn values_come_back_byte_for_byte() {
    let account = Account::new(json!({}));
    let provider = account.desktop();
    assert_eq!(value(&provider, "op://MSP/Pax8/client id").await.unwrap(), "canary-9f86d081884c");
    assert_eq!(value(&provider, "op://MSP/Pax8/blank edges").await.unwrap(), "  canary-60303ae22b99 \n");
    assert_eq!(value(&provider, &format!("op://{VAULT}/{ITEM}/client-id")).await.unwrap(), "canary-9f86d081884c");
    assert_eq!(value(&provider, "op://MSP/Pax8/code?attribute=otp").await.unwrap(), "928471");
}

#[tokio::test]
async fn what_does_not_resolve_says_why() {
    let account = Account::new(json!({}));
    let provider = account.desktop();
    for (text, error) in [
        ("op://Nope/Pax8/client id", ProviderError::VaultNotFound),
        ("op://MSP/Nope/client id", ProviderError::ItemNotFound),
        ("op://MSP/Pax8/nope", ProviderError::FieldNotFound),
        ("op://MSP/Twice/client id", ProviderError::Ambiguous),
        ("op://MSP/Pax8/empty", ProviderError::Empty),
    ] {
        assert_eq!(value(&provider, text).await.unwrap_err(), error, "{text}");
    }
}

#[tokio::test]
async fn every_way_to_refuse_is_told_apart() {
    let bad_request = ProviderError::Unsupported("1Password refused the structure of the request");
    for (behaviour, error) in [
        ("signed-out", ProviderError::Locked),
        ("dismissed", ProviderError::Dismissed),
        ("rate-limited", ProviderError::RateLimited { retry_after: Some(3480) }),
        ("bad-request", bad_request),
        ("unheard", ProviderError::Unknown),
    ] {
        let account = Account::new(json!({"behaviour": behaviour}));
        assert_eq!(value(&account.desktop(), "op://MSP/Pax8/client id").await.unwrap_err(), error, "{behaviour}");
    }
    for (behaviour, misconfigured) in [("locked", false), ("revoked", true), ("talks", false)] {
        let account = Account::new(json!({"behaviour": behaviour}));
        let error = value(&account.desktop(), "op://MSP/Pax8/client id").await.unwrap_err();
        let expected = if misconfigured {
            matches!(error, ProviderError::Misconfigured(_))
        } else {
            matches!(error, ProviderError::Unavailable(_))
        };
        assert!(expected, "{behaviour}: {error:?}");
    }
    // A warning beside a value is no failure.
    let account = Account::new(json!({"behaviour": "warns"}));
    assert!(value(&account.desktop(), "op://MSP/Pax8/client id").await.is_ok());
}

#[tokio::test]
async fn an_item_is_created_through_a_pipe_and_read_back() {
    let account = Account::new(json!({}));
    let provider = account.desktop();
    let created = provider.create(&new_item("pve token 2031-04-05 060708", "canary-b1946ac92492")).await.unwrap();
    let texts: Vec<String> = created.references.iter().map(ToString::to_string).collect();
    let base = "op://MSP/pve token 2031-04-05 060708";
    assert_eq!(texts, [format!("{base}/token id"), format!("{base}/secret")]);
    assert_eq!(value(&provider, &texts[1]).await.unwrap(), "canary-b1946ac92492");
    let record = account.record();
    let creation = record.iter().find(|line| line["run"][1] == "create").unwrap();
    assert_eq!(creation["stdin"], "pipe");
    assert_eq!(creation["run"][3], format!("--vault={VAULT}"));
    assert!(record.iter().filter(|line| line["run"][1] != "create").all(|line| line["stdin"] == "device"));
}

#[tokio::test]
async fn no_argument_and_no_variable_holds_a_secret() {
    let account = Account::new(json!({"mode": "service-account", "token": TOKEN}));
    let provider = account.service_account(TOKEN);
    provider.create(&new_item("token", "canary-b1946ac92492")).await.unwrap();
    value(&provider, "op://MSP/token/secret").await.unwrap();
    let record = account.record();
    assert!(record.len() >= 4);
    for line in record {
        let arguments = line["run"].to_string();
        assert!(!arguments.contains("canary") && !arguments.contains("ops_") && !arguments.contains("root@pam"));
        let allowed = ["XDG_CONFIG_HOME", "OP_SERVICE_ACCOUNT_TOKEN", "OP_BIOMETRIC_UNLOCK_ENABLED"];
        let told = ["OP_INTEGRATION_NAME", "OP_INTEGRATION_ID", "OP_INTEGRATION_BUILDNUMBER"];
        for name in line["environment"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            assert!(allowed.contains(&name) || told.contains(&name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_desktop_user_gives_no_token_away() {
    let account = Account::new(json!({}));
    value(&account.desktop(), "op://MSP/Pax8/client id").await.unwrap();
    let names = account.record()[0]["environment"].to_string();
    assert!(!names.contains("OP_SERVICE_ACCOUNT_TOKEN") && !names.contains("OP_SESSION") && !names.contains("CANARY"));
}

#[tokio::test]
async fn an_existing_title_is_never_overwritten_nor_doubled() {
    let account = Account::new(json!({}));
    let before = account.state();
    let error = account.desktop().create(&new_item("pax8", "canary-b1946ac92492")).await.unwrap_err();
    assert_eq!(error, ProviderError::Exists);
    assert_eq!(account.state(), before);
}

#[tokio::test]
async fn two_creations_of_one_title_make_one_item() {
    let account = Account::new(json!({"delay_ms": 30}));
    let provider = account.desktop();
    let (one, two) = (new_item("token", "canary-aaaa5d41402a"), new_item("TOKEN", "canary-bbbb7d793037"));
    let (first, second) = tokio::join!(provider.create(&one), provider.create(&two));
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err(), ProviderError::Exists);
    assert_eq!(account.state()["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn an_old_op_writes_nothing() {
    let account = Account::new(json!({"version": "2.22.1"}));
    let error = account.desktop().create(&new_item("token", "canary-b1946ac92492")).await.unwrap_err();
    assert!(matches!(error, ProviderError::Misconfigured(_)));
    assert!(account.record().is_empty());
}

#[tokio::test]
async fn parallel_calls_ask_the_human_once() {
    let account = Account::new(json!({"unlocked": false, "prompt_ms": 150}));
    let provider = Arc::new(account.desktop());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let provider = provider.clone();
        calls.spawn(async move { value(&provider, "op://MSP/Pax8/client id").await });
    }
    assert!(calls.join_all().await.iter().all(Result::is_ok));
    assert_eq!(account.prompts(), 1);
}

#[tokio::test]
async fn a_no_is_not_asked_again() {
    let account = Account::new(json!({"behaviour": "dismissed", "prompt_ms": 100}));
    let provider = Arc::new(account.desktop());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let provider = provider.clone();
        calls.spawn(async move { value(&provider, "op://MSP/Pax8/client id").await });
    }
    assert!(calls.join_all().await.iter().all(|result| *result == Err(ProviderError::Dismissed)));
    assert_eq!(account.prompts(), 1);
}

#[tokio::test]
async fn a_hanging_op_is_killed() {
    let account = Account::new(json!({"behaviour": "slow"}));
    let provider = account.desktop().with_timeout(Duration::from_millis(400));
    let begun = Instant::now();
    assert_eq!(value(&provider, "op://MSP/Pax8/client id").await.unwrap_err(), ProviderError::Dismissed);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let number = account.record()[0]["process"].as_i64().and_then(|number| i32::try_from(number).ok());
    let process = rustix::process::Pid::from_raw(number.unwrap()).unwrap();
    assert_eq!(rustix::process::test_kill_process(process), Err(rustix::io::Errno::SRCH));
}

#[tokio::test]
async fn service_accounts_work_and_bad_tokens_are_told_apart() {
    let account = Account::new(json!({"mode": "service-account", "token": TOKEN}));
    assert!(value(&account.service_account(TOKEN), "op://MSP/Pax8/client id").await.is_ok());
    let revoked = value(&account.service_account("ops_another"), "op://MSP/Pax8/client id").await.unwrap_err();
    assert!(matches!(revoked, ProviderError::Misconfigured(text) if text.contains("revoked")));
    assert_eq!(value(&account.desktop(), "op://MSP/Pax8/client id").await.unwrap_err(), ProviderError::Locked);
}

#[tokio::test]
async fn versions_tell_values_apart_and_nothing_else() {
    let account = Account::new(json!({}));
    let provider = account.desktop();
    let version = async |provider: &OpProvider, text| provider.resolve(&reference(text)).await.unwrap().version;
    let first = version(&provider, "op://MSP/Pax8/client id").await;
    assert_eq!(version(&provider, "op://MSP/Pax8/client id").await, first);
    assert_ne!(version(&provider, "op://MSP/Pax8/code").await, first);
    assert_ne!(version(&account.desktop(), "op://MSP/Pax8/client id").await, first);
}

#[tokio::test]
async fn an_account_that_op_does_not_know_is_no_other_account() {
    let account = Account::new(json!({}));
    let config = OpConfig { account: Some("other.1password.com".to_owned()), ..config() };
    let provider = OpProvider::new(&config, account.environment()).unwrap();
    let error = value(&provider, "op://MSP/Pax8/client id").await.unwrap_err();
    assert!(matches!(error, ProviderError::Misconfigured(text) if text.contains("account")));
}

#[test]
fn configurations_that_mean_two_things_are_refused() {
    let refused = |config: OpConfig, environment: &[(&str, &str)]| {
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        OpProvider::new(&config, environment).unwrap_err()
    };
    let op = config;
    let at = |path: &str| OpConfig { path: PathBuf::from(path), ..op() };
    assert_eq!(refused(at("op"), &[]), OpConfigError::Path("is not absolute"));
    assert_eq!(refused(at("/nowhere/op"), &[]), OpConfigError::Path("leads nowhere"));
    assert_eq!(refused(at("/etc/passwd"), &[]), OpConfigError::Path("leads to no program"));
    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("op");
    fs::write(&open, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o757)).unwrap();
    let replaceable = OpConfigError::Path("leads to a program that anybody can replace");
    assert_eq!(refused(at(open.to_str().unwrap()), &[]), replaceable);
    assert_eq!(refused(OpConfig { account: None, ..op() }, &[]), OpConfigError::NoAccount);
    let token_file = Some(PathBuf::from("/etc/passwd"));
    assert_eq!(refused(OpConfig { token_file, ..op() }, &[]), OpConfigError::Superfluous("token-file"));
    let service = || OpConfig { mode: OpMode::ServiceAccount, ..op() };
    assert_eq!(refused(service(), &[]), OpConfigError::Superfluous("account"));
    assert_eq!(refused(OpConfig { account: None, ..service() }, &[]), OpConfigError::Token("is not set"));
    for name in ["OP_CONNECT_HOST", "OP_CONNECT_TOKEN", "OP_SERVICE_ACCOUNT_TOKEN"] {
        assert_eq!(refused(op(), &[(name, "canary")]), OpConfigError::Conflict(name));
    }
}

#[test]
fn a_token_file_that_others_can_read_is_refused() {
    let account = Account::new(json!({}));
    let path = account.root.path().join("token");
    let config =
        || OpConfig { mode: OpMode::ServiceAccount, account: None, token_file: Some(path.clone()), ..config() };
    let refused = || OpProvider::new(&config(), []).unwrap_err();
    fs::write(&path, TOKEN).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(refused(), OpConfigError::Token(_)));
    fs::write(&path, "no token").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(refused(), OpConfigError::Token(_)));
}

#[test]
fn the_configuration_is_toml_like_and_knows_its_keys() {
    let good = json!({"path": "/usr/bin/op", "mode": "service-account", "token-file": "/etc/claviger/token"});
    let config: OpConfig = serde_json::from_value(good).unwrap();
    assert_eq!((config.mode, config.account), (OpMode::ServiceAccount, None));
    assert!(
        serde_json::from_value::<OpConfig>(json!({"path": "/usr/bin/op", "mode": "desktop", "acount": "x"})).is_err()
    );
}

/// Write-back into a provider that stores something else: the value stays in the journal.
#[tokio::test]
async fn an_item_that_reads_back_differently_is_not_taken_for_stored() {
    let account = Account::new(json!({"behaviour": "mangles"}));
    let providers = Providers::new(Arc::new(account.desktop()));
    let journal =
        Journal::open(&account.root.path().join("journal"), JournalKey(KeyCell::new(Key::random().unwrap()))).unwrap();
    let (connection, slot): (Name, Name) = ("pve".parse().unwrap(), "token".parse().unwrap());
    let number = journal.append(&connection, &slot, &Secret::new(b"canary-b1946ac92492".to_vec())).unwrap();
    let refused = recover(number, &reference("op://MSP/token/secret"), &providers, &journal).await.unwrap_err();
    assert_eq!(refused, RecoverError::ReadBack);
    assert_eq!(journal.pending().unwrap().len(), 1);
}
