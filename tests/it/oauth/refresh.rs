//! Refresh tokens that rotate, against a server that nobody here wrote: it revokes everything when one is used twice.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_lab::{Agent, Canary, Draft, Lab, Upstream};
use claviger_sim::{Issuer, Minting, Oidc, OidcClient, OidcConfig};
use serde_json::json;

use super::{HOUR, Ledger, answered, asked_for, client_secret};
use crate::laboratory::{lab, swept};

/// A market whose tokens come from a server that a person has given a refresh token of.
struct Site {
    lab: Lab,
    oidc: Oidc,
    pax8: Upstream,
    ledger: Arc<Ledger>,
}

/// The pax8 plugin with a token that was delegated to it.
fn delegated(lab: &Lab) -> Draft {
    let draft = Draft::of(&lab.package("pax8")).unwrap();
    let place = format!("token-endpoint = {{ endpoint = \"auth\", path = \"{}\", body = \"form\" }}", Oidc::TOKEN_PATH);
    let draft = draft.with("name = \"pax8\"", "name = \"delegated\"").unwrap();
    let draft = draft.with("publisher = \"claviger\"", "publisher = \"tester\"").unwrap();
    let scheme = "scheme = \"oauth2-refresh-token\"\nrefresh-token = \"refresh-token\"";
    let draft = draft.with("scheme = \"oauth2-client-credentials\"", scheme).unwrap();
    let draft = draft.with("audience = \"https://api.pax8.com\"\n", "").unwrap();
    let declared = "token-endpoint = { endpoint = \"api\", path = \"/v1/token\", body = \"json\" }";
    let draft = draft.with(declared, &place).unwrap();
    draft.and("\n[endpoints.auth]\norigin = \"https://localhost\"\n[secrets.refresh-token]\n")
}

impl Site {
    fn new() -> Self {
        let lab = lab();
        let (id, secret) = (lab.canary("client-id").unwrap(), client_secret());
        lab.know(secret.clone());
        let client = OidcClient { id: id.value.clone(), secret: secret.value.clone() };
        let config = OidcConfig { clients: vec![client], lifetime: HOUR, audience: None, jwt: false, delegated: true };
        let oidc = Oidc::start(&lab.ca, config).unwrap();
        let ledger = Ledger::new(&oidc, Duration::ZERO);
        let issuer: Arc<dyn Issuer> = Arc::<Ledger>::clone(&ledger);
        let pax8 = lab.market(Minting::By(issuer), 0, vec![id, secret]).unwrap();
        lab.adopt(&lab.publisher("tester", "tester").unwrap(), &delegated(&lab), "delegated").unwrap();
        let first = Canary::given("refresh-token", oidc.refresh_token().unwrap()).unwrap();
        lab.put("op://MSP/Pax8/refresh-token", &first).unwrap();
        let ca = lab.file("auth.pem", lab.ca.pem().as_bytes()).unwrap();
        let (ca, address) = (format!("auth={}", ca.display()), format!("auth={}", oidc.addr()));
        let more = ["--ca", &ca, "--connect", &address, "--secret", "refresh-token=op://MSP/Pax8/refresh-token"];
        lab.connect_pax8("delegated", "delegated", &pax8, &more).unwrap();
        Self { lab, oidc, pax8, ledger }
    }

    /// How many tokens came after the first one, and how often the server revoked all of them.
    fn rotated(&self) -> (usize, usize) {
        let (issued, revoked) = self.oidc.issued().unwrap();
        (issued.len() - 1, revoked)
    }

    #[track_caller]
    fn lists(&self) {
        let found = self.lab.result("delegated.list_companies", &json!({})).unwrap();
        assert_eq!(found["companies"].as_array().unwrap().len(), 12);
    }

    /// The access tokens that the market saw.
    fn seen(&self) -> BTreeSet<String> {
        let seen = self.pax8.running.seen();
        seen.iter().map(|request| request.header("authorization").unwrap()["Bearer ".len()..].to_owned()).collect()
    }

    /// What is pending in the journal.
    fn pending(&self) -> usize {
        self.lab.must(&["vault", "recover", "--json"]).unwrap().json().as_array().unwrap().len()
    }

    /// Nothing of any token was printed or kept.
    fn swept(&self) {
        let (issued, _) = self.oidc.issued().unwrap();
        for token in issued.iter().chain(&self.seen()) {
            self.lab.know(Canary::given("a token", token).unwrap());
        }
        swept(&self.lab);
    }
}

#[test]
fn each_run_of_the_program_goes_on_with_the_newest_token() {
    let site = Site::new();
    for round in 1..=5 {
        site.lists();
        assert_eq!((site.rotated(), site.seen().len()), ((round, 0), round));
    }
    assert_eq!(site.pending(), 0, "the vault has it");
    site.swept();
}

#[test]
fn twenty_callers_at_once_are_served_by_one_refresh() {
    let site = Site::new();
    let mut agent = Agent::start(&site.lab).unwrap();
    let call = json!({ "name": "delegated_list_companies", "arguments": {} });
    let begun: Vec<u64> = (0..20).map(|_| agent.begin("tools/call", &call).unwrap()).collect();
    for id in begun {
        answered(&agent.answer(id).unwrap()["result"]);
    }
    drop(agent);
    assert_eq!((site.rotated(), site.seen().len(), asked_for(&site.pax8, "/v1/companies")), ((1, 0), 1, 20));
    site.lists();
    assert_eq!(site.rotated(), (2, 0));
    site.swept();
}

/// An operator puts an older token back, from a backup: it was used, and using it again would revoke everything.
#[test]
fn a_token_from_a_backup_is_not_used_again() {
    let site = Site::new();
    site.lists();
    site.lists();
    let first = site.oidc.refresh_token().unwrap().as_bytes();
    let put = site.lab.run_with(&["secret", "put", "--replace", "op://MSP/Pax8/refresh-token"], first).unwrap();
    assert_eq!(put.code, 0, "{}", put.stderr);
    site.lists();
    site.lists();
    assert_eq!((site.rotated(), site.pending()), ((4, 0), 0));
    site.swept();
}

/// By the time that an access token is seen anywhere, the refresh token that came with it survives the process.
#[test]
fn a_kill_in_the_middle_loses_no_token() {
    let site = Site::new();
    for round in 1..=5 {
        *site.ledger.slow.lock().unwrap() = Duration::from_secs(60);
        let before = asked_for(&site.pax8, "/v1/companies");
        let mut command = site.lab.command();
        command.args(["call", "delegated.list_companies"]).stdout(Stdio::null()).stderr(Stdio::null());
        let (mut child, begun) = (command.spawn().unwrap(), Instant::now());
        while asked_for(&site.pax8, "/v1/companies") == before {
            assert!(begun.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        *site.ledger.slow.lock().unwrap() = Duration::ZERO;
        assert_eq!(site.rotated(), (2 * round - 1, 0), "the newest of {round}");
        site.lists();
        assert_eq!(site.rotated(), (2 * round, 0));
    }
    assert_eq!(site.pending(), 0);
    site.swept();
}
