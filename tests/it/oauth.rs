//! Tokens from a server that nobody here wrote: minted, kept, replaced and refused, and never shown.

mod refresh;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_lab::{Agent, Canary, Draft, Lab, Upstream};
use claviger_sim::{Issuer, Minted, Minting, Oidc, OidcClient, OidcConfig};
use serde_json::{Value, json};

use crate::laboratory::{lab, swept};

const HOUR: Duration = Duration::from_secs(3600);

/// A certified OAuth 2 server with one client, and that client's identifier and secret.
fn server(lab: &Lab, lifetime: Duration, secret: Canary) -> (Oidc, Vec<Canary>) {
    let id = lab.canary("client-id").unwrap();
    lab.know(secret.clone());
    let client = OidcClient { id: id.value.clone(), secret: secret.value.clone() };
    let config = OidcConfig { clients: vec![client], lifetime, audience: None, jwt: false, delegated: false };
    (Oidc::start(&lab.ca, config).unwrap(), vec![id, secret])
}

fn client_secret() -> Canary {
    Canary::new("client-secret").unwrap()
}

/// The server as the market's issuer; it keeps every token, can take them back, and can take its time.
struct Ledger {
    issuer: Arc<dyn Issuer>,
    minted: Mutex<Vec<String>>,
    revoked: Mutex<BTreeSet<String>>,
    /// Nothing is good any more, whatever is minted.
    closed: Mutex<bool>,
    pause: Duration,
    /// How long the market takes to look at a token.
    slow: Mutex<Duration>,
}

impl Ledger {
    fn new(oidc: &Oidc, pause: Duration) -> Arc<Self> {
        let (minted, revoked, closed, slow) = (Mutex::default(), Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { issuer: oidc.issuer(), minted, revoked, closed, pause, slow })
    }

    fn minted(&self) -> usize {
        self.minted.lock().unwrap().len()
    }

    fn revoke_all(&self) {
        self.revoked.lock().unwrap().extend(self.minted.lock().unwrap().iter().cloned());
    }

    fn is_good(&self, token: &str) -> bool {
        !*self.closed.lock().unwrap() && !self.revoked.lock().unwrap().contains(token)
    }

    /// From now on every minted token is one of the laboratory's secrets.
    fn confess(&self, lab: &Lab) {
        for token in self.minted.lock().unwrap().iter() {
            lab.know(Canary::given("an access token", token).unwrap());
        }
    }
}

impl Issuer for Ledger {
    fn mint<'a>(&'a self, id: &'a str, secret: &'a str) -> Pin<Box<dyn Future<Output = Option<Minted>> + Send + 'a>> {
        Box::pin(async move {
            tokio::time::sleep(self.pause).await;
            let minted = self.issuer.mint(id, secret).await?;
            self.minted.lock().unwrap().push(minted.token.clone());
            Some(minted)
        })
    }

    fn accepts<'a>(&'a self, token: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        let (good, slow) = (self.is_good(token), *self.slow.lock().unwrap());
        Box::pin(async move {
            tokio::time::sleep(slow).await;
            good && self.issuer.accepts(token).await
        })
    }
}

/// The market with this issuer, connected.
fn market(lab: &Lab, ledger: &Arc<Ledger>, client: Vec<Canary>) -> Upstream {
    let issuer: Arc<dyn Issuer> = Arc::<Ledger>::clone(ledger);
    let pax8 = lab.market(Minting::By(issuer), 0, client).unwrap();
    lab.install("pax8").unwrap();
    lab.connect_pax8("pax8", "pax8", &pax8, &[]).unwrap();
    pax8
}

fn asked_for(pax8: &Upstream, path: &str) -> usize {
    pax8.running.seen().iter().filter(|request| request.path == path).count()
}

/// Whether the answer has companies.
#[track_caller]
fn answered(result: &Value) {
    let companies = result.pointer("/structuredContent/companies").and_then(Value::as_array);
    assert!(companies.is_some_and(|companies| companies.len() == 12), "{result}");
}

#[test]
fn one_token_serves_every_page_and_call_of_a_host() {
    let lab = lab();
    let (oidc, client) = server(&lab, HOUR, client_secret());
    let ledger = Ledger::new(&oidc, Duration::ZERO);
    let pax8 = market(&lab, &ledger, client);
    let mut agent = Agent::start(&lab).unwrap();
    answered(&agent.call("pax8_list_companies", &json!({})).unwrap());
    let company = json!({ "company": "00000001-0000-4c1a-8c1a-000000000000" });
    let summary = agent.call("pax8_license_summary", &company).unwrap();
    assert!(summary["structuredContent"]["total_seats"].as_u64() > Some(0), "{summary}");
    assert_eq!((asked_for(&pax8, "/v1/token"), ledger.minted()), (1, 1));
    assert!(pax8.running.seen().len() > 8, "a list, another, and a name for each of seven products");
    drop(agent);
    ledger.confess(&lab);
    swept(&lab);
}

#[test]
fn calls_at_the_same_time_mint_one_token_between_them() {
    let lab = lab();
    let (oidc, client) = server(&lab, HOUR, client_secret());
    let ledger = Ledger::new(&oidc, Duration::from_millis(500));
    let pax8 = market(&lab, &ledger, client);
    let mut agent = Agent::start(&lab).unwrap();
    let call = json!({ "name": "pax8_list_companies", "arguments": {} });
    let begun: Vec<u64> = (0..4).map(|_| agent.begin("tools/call", &call).unwrap()).collect();
    for id in begun {
        answered(&agent.answer(id).unwrap()["result"]);
    }
    assert_eq!((asked_for(&pax8, "/v1/token"), asked_for(&pax8, "/v1/companies")), (1, 4));
    drop(agent);
    ledger.confess(&lab);
    swept(&lab);
}

#[test]
fn a_token_that_reached_its_end_is_replaced_before_it_is_used() {
    let lab = lab();
    let (oidc, client) = server(&lab, Duration::from_secs(5), client_secret());
    let ledger = Ledger::new(&oidc, Duration::ZERO);
    let pax8 = market(&lab, &ledger, client);
    let mut agent = Agent::start(&lab).unwrap();
    answered(&agent.call("pax8_list_companies", &json!({})).unwrap());
    std::thread::sleep(Duration::from_secs(5));
    answered(&agent.call("pax8_list_companies", &json!({})).unwrap());
    // Nothing was asked with the old one: two tokens, two lists.
    assert_eq!((asked_for(&pax8, "/v1/token"), asked_for(&pax8, "/v1/companies")), (2, 2));
    drop(agent);
    ledger.confess(&lab);
    swept(&lab);
}

#[test]
fn a_token_that_is_refused_is_replaced_once() {
    let lab = lab();
    let (oidc, client) = server(&lab, HOUR, client_secret());
    let ledger = Ledger::new(&oidc, Duration::ZERO);
    let pax8 = market(&lab, &ledger, client);
    let mut agent = Agent::start(&lab).unwrap();
    answered(&agent.call("pax8_list_companies", &json!({})).unwrap());
    ledger.revoke_all();
    answered(&agent.call("pax8_list_companies", &json!({})).unwrap());
    assert_eq!((asked_for(&pax8, "/v1/token"), asked_for(&pax8, "/v1/companies")), (2, 3));
    // Where a new token does no better, there is no third attempt.
    *ledger.closed.lock().unwrap() = true;
    let failed = agent.call("pax8_list_companies", &json!({})).unwrap();
    assert_eq!(failed["isError"], true);
    assert!(failed.to_string().contains("refuses the credential (401)"), "{failed}");
    assert_eq!((asked_for(&pax8, "/v1/token"), asked_for(&pax8, "/v1/companies")), (3, 5));
    drop(agent);
    ledger.confess(&lab);
    swept(&lab);
}

#[test]
fn a_wrong_client_secret_names_the_credential_and_nothing_else() {
    let lab = lab();
    let (oidc, mut client) = server(&lab, HOUR, client_secret());
    client[1] = lab.canary("client-secret").unwrap();
    let ledger = Ledger::new(&oidc, Duration::ZERO);
    let pax8 = market(&lab, &ledger, client);
    let ran = lab.call("pax8.list_companies", &json!({})).unwrap();
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("answered 401; check the client id and secret of credential partner"),
        "{}",
        ran.stderr
    );
    assert_eq!((asked_for(&pax8, "/v1/token"), asked_for(&pax8, "/v1/companies"), ledger.minted()), (1, 0, 0));
    swept(&lab);
}

/// The pax8 plugin under a manifest whose tokens come straight from the OAuth server.
fn direct(lab: &Lab, authentication: &str) -> Draft {
    let declared = "token-endpoint = { endpoint = \"api\", path = \"/v1/token\", body = \"json\" }";
    let wanted = format!(
        "token-endpoint = {{ endpoint = \"auth\", path = \"{}\", body = \"form\" }}\nclient-authentication = \"{authentication}\"",
        Oidc::TOKEN_PATH
    );
    let draft = Draft::of(&lab.package("pax8")).unwrap();
    let draft = draft.with("name = \"pax8\"", &format!("name = \"pax8-{authentication}\"")).unwrap();
    let draft = draft.with("publisher = \"claviger\"", "publisher = \"tester\"").unwrap();
    let draft = draft.with("audience = \"https://api.pax8.com\"", "scope = \"read\"").unwrap();
    draft.with(declared, &wanted).unwrap().and("\n[endpoints.auth]\norigin = \"https://localhost\"\n")
}

#[test]
fn the_host_itself_mints_at_the_server_with_either_client_authentication() {
    let lab = lab();
    // Characters that a form, a URL and Basic each treat in their own way (RFC 6749, section 2.3.1).
    let secret = Canary::given("client-secret", &format!("{}%41+ /:&=", client_secret().value)).unwrap();
    let (oidc, client) = server(&lab, HOUR, secret);
    let ledger = Ledger::new(&oidc, Duration::ZERO);
    let issuer: Arc<dyn Issuer> = Arc::<Ledger>::clone(&ledger);
    let pax8 = lab.market(Minting::By(issuer), 0, client).unwrap();
    let publisher = lab.publisher("tester", "tester").unwrap();
    let ca = lab.file("auth.pem", lab.ca.pem().as_bytes()).unwrap();
    let (ca, address) = (format!("auth={}", ca.display()), format!("auth={}", oidc.addr()));
    for authentication in ["basic", "body"] {
        let plugin = format!("pax8-{authentication}");
        lab.adopt(&publisher, &direct(&lab, authentication), &plugin).unwrap();
        lab.connect_pax8(&plugin, &plugin, &pax8, &["--ca", &ca, "--connect", &address]).unwrap();
        let found = lab.result(&format!("{plugin}.list_companies"), &json!({})).unwrap();
        assert_eq!(found["companies"].as_array().unwrap().len(), 12, "{authentication}");
    }
    assert_eq!((asked_for(&pax8, "/v1/token"), asked_for(&pax8, "/v1/companies"), ledger.minted()), (0, 2, 0));
    for request in pax8.running.seen() {
        let token = request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
        lab.know(Canary::given("an access token", &token).unwrap());
    }

    let wrong = lab.canary("a wrong secret").unwrap();
    let put = lab.run_with(&["secret", "put", "--replace", "op://MSP/Pax8/client-secret"], wrong.value.as_bytes());
    assert_eq!(put.unwrap().code, 0);
    for authentication in ["basic", "body"] {
        let ran = lab.call(&format!("pax8-{authentication}.list_companies"), &json!({})).unwrap();
        let told = "check the client id and secret of credential partner";
        assert!(ran.code == 1 && ran.stderr.contains(told), "{authentication}: {}", ran.stderr);
    }
    assert_eq!(asked_for(&pax8, "/v1/companies"), 2);
    swept(&lab);
}
