//! The real program against an upstream that asks for a client's certificate and is pinned.

use claviger_lab::{Canary, Lab};
use claviger_sim::{Connectwise, ConnectwiseConfig, Identity, Running};
use serde_json::json;

use super::refused;
use crate::cli::variant::{install, packed};
use crate::laboratory::{lab, swept};

const NAME: &str = "api-na.myconnectwise.net";

/// The psa plugin with a credential that also presents a certificate, whose answers are what they were.
fn mutual(manifest: &str) -> String {
    let certificate = "client-certificate = { certificate = \"certificate\", key = \"client-key\" }\n";
    let secrets = "[secrets.certificate]\n[secrets.client-key]\n\n";
    manifest.replacen("username = \"{{company}}", &format!("{certificate}username = \"{{{{company}}}}"), 1).replacen(
        "[endpoints.api]",
        &format!("{secrets}[endpoints.api]"),
        1,
    )
}

fn upstream(lab: &Lab, identity: &Identity) -> Running {
    let fields = ["company", "public-key", "private-key", "client-id"];
    let canaries = fields.map(|name| lab.canary(name).unwrap());
    for canary in &canaries {
        lab.put(&format!("op://MSP/ConnectWise/{}", canary.name), canary).unwrap();
    }
    let [company, public_key, private_key, client_id] = canaries.map(|canary| canary.value);
    let names = vec![NAME.to_owned()];
    let config = ConnectwiseConfig { company, public_key, private_key, client_id, throttle: 0, names };
    Connectwise::start_for_clients(&lab.ca, identity, config).unwrap()
}

/// Puts a client's certificate and key under an item. The key's lines are swept for like any other secret.
fn put(lab: &Lab, item: &str, client: &Identity) {
    for (field, value) in [("certificate", &client.certificate), ("client-key", &client.key)] {
        let ran = lab.run_with(&["secret", "put", &format!("op://MSP/{item}/{field}")], value.as_bytes()).unwrap();
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let lines = client.key.lines().filter(|line| !line.starts_with('-') && line.len() == 64);
    lines.for_each(|line| lab.know(Canary::given("a line of the client's key", line)));
}

fn connect(lab: &Lab, name: &str, running: &Running, item: &str, pin: &str) {
    let bound = ["public-key", "private-key", "client-id"].map(|name| format!("{name}=op://MSP/ConnectWise/{name}"));
    let pair = ["certificate", "client-key"].map(|name| format!("{name}=op://MSP/{item}/{name}"));
    let pin = format!("api={pin}");
    let mut more = vec!["--identifier", "company=op://MSP/ConnectWise/company", "--pin", &pin];
    more.extend(bound.iter().chain(&pair).flat_map(|secret| ["--secret", secret.as_str()]));
    lab.connect(name, "psa", "api", running.addr, &more).unwrap();
}

#[test]
fn a_client_says_who_it_is_and_a_server_which_one_it_is() {
    let lab = lab();
    install(&lab, &packed(&lab, "psa", mutual));
    let server = lab.ca.issue(&[NAME.to_owned()]).unwrap();
    let running = upstream(&lab, &server);
    put(&lab, "Client", &lab.ca.issue_client("claviger").unwrap());
    put(&lab, "Stranger", &claviger_sim::TestCa::new().unwrap().issue_client("claviger").unwrap());
    connect(&lab, "psa", &running, "Client", &server.spki_pin());
    connect(&lab, "stranger", &running, "Stranger", &server.spki_pin());
    connect(&lab, "elsewhere", &running, "Client", &lab.ca.issue(&[]).unwrap().spki_pin());

    let found = lab.must(&["call", "psa.search_tickets"]).unwrap().json();
    assert!(!found["tickets"].as_array().unwrap().is_empty());
    let served = running.seen().len();
    let told = refused(&lab, "stranger.search_tickets", &json!({}), 1);
    assert!(told.contains("refused the client's certificate"), "{told}");
    let told = refused(&lab, "elsewhere.search_tickets", &json!({}), 1);
    assert!(told.contains("none that the connection pins"), "{told}");
    assert_eq!(running.seen().len(), served, "neither got through");

    let shown = lab.must(&["grant", "show", "psa"]).unwrap().stdout;
    for text in ["its own CA only and a pinned key", &server.spki_pin(), "identifier op://MSP/ConnectWise/company"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    swept(&lab);
}

#[test]
fn only_what_the_manifest_calls_a_name_is_bound_as_one() {
    let lab = lab();
    lab.install("psa").unwrap();
    let add = |option: &str, value: &str| {
        let ran = lab.run(&["connection", "add", "psa", "--plugin", "psa", option, value]).unwrap();
        assert_eq!(ran.code, 2, "{}", ran.stdout);
        ran.stderr
    };
    let told = add("--identifier", "private-key=op://MSP/ConnectWise/private-key");
    assert!(told.contains("the identifier private-key, which the plugin's manifest does not declare"), "{told}");
    for pin in ["api", "api=sha256:00", "api=spki-sha256:AAAA"] {
        assert!(add("--pin", pin).contains("--pin"), "{pin}");
    }
    assert!(add("--pin", &format!("nothing=certificate-sha256:{}", "0".repeat(64))).contains("the endpoint nothing"));
    let shown = lab.must(&["plugin", "inspect", "psa"]).unwrap().stdout;
    assert!(shown.contains("names      company, which") && shown.contains("ANSWER"), "{shown}");
}
