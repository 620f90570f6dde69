//! What is granted, and that what is shown is what is sent.

use std::collections::BTreeMap;

use claviger_manifest::{Effect, OriginTemplate};
use sha2::{Digest as _, Sha256};

use crate::testkit::{
    CONNECTION, check_send, check_store, get_vm, lent, make_token, package, policy, send, set_password, store, value,
};
use crate::{
    ActionFacts, Connection, Facts, Granted, Outbound, Plan, Policy, PolicyError, ProbeUpstream, SendFacts,
    SendRequest, Source,
};

fn granted(request: SendRequest) -> Granted {
    check_send(&policy(&[]), request).unwrap()
}

fn parts(granted: Granted) -> (Facts, SendFacts, Outbound) {
    let facts = granted.facts().clone();
    match (facts.action.clone(), granted.into_plan()) {
        (ActionFacts::Send(send), Plan::Send(outbound)) => (facts, send, *outbound),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn the_facts_say_who_what_and_where() {
    let (facts, send, outbound) = parts(granted(get_vm("pve 1", "100")));
    assert_eq!(
        (facts.principal.as_str(), facts.session.as_str(), facts.client.as_deref()),
        ("ada", "s-1", Some("Acme"))
    );
    assert_eq!(
        (facts.connection.as_str(), facts.tool.as_str(), facts.effect),
        ("pve-acme", "everything", Effect::Read)
    );
    assert_eq!((facts.plugin.name.as_str(), facts.plugin.version.as_str()), ("hypervisor", "1.2.0"));
    let package = package();
    assert_eq!(
        (&facts.plugin.component, &facts.plugin.manifest),
        (package.component_digest(), package.manifest_digest())
    );
    assert_eq!(facts.action_name().as_str(), "get-vm");
    assert_eq!((send.method.as_str(), send.origin.as_str()), ("GET", "https://pve.example.org:8006"));
    assert_eq!(send.path, "/api2/json/nodes/pve%201/qemu/100");
    assert_eq!((outbound.response_limit, outbound.response_headers), (2048, vec!["retry-after".to_owned()]));
}

/// Every fact of a request is read off what is sent.
fn assert_mirrors(send: &SendFacts, outbound: &Outbound) {
    assert_eq!((send.method.as_str(), &send.path), (outbound.method, &outbound.path));
    assert_eq!(send.origin, outbound.endpoint.origin.to_string());
    assert_eq!(send.headers.clone().into_iter().collect::<Vec<_>>(), outbound.headers);
    assert_eq!(crate::parameters::encode_pairs(&send.query), outbound.query);
    assert_eq!(send.connect, outbound.endpoint.connect.map(|address| address.to_string()));
    let digest = |text: &String| hex::encode(Sha256::digest(text));
    assert_eq!(send.trust, outbound.endpoint.ca.as_ref().map(digest));
    let lent: BTreeMap<_, _> = outbound.lent.iter().map(|(place, value)| (place.clone(), value.slot.clone())).collect();
    assert_eq!(send.lent, lent);
    assert_eq!(
        send.captures.keys().collect::<Vec<_>>(),
        outbound.captures.iter().map(|(slot, _)| slot).collect::<Vec<_>>()
    );
    assert_eq!(send.body.is_some(), outbound.body.is_some());
    assert_eq!(send.credential.is_some(), outbound.credential.is_some());
    if let (Some(shown), Some(plan)) = (&send.credential, &outbound.credential) {
        assert_eq!((&shown.name, shown.scheme), (&plan.name, plan.declaration.scheme.as_str()));
        let sources = plan.sources.iter().map(|(name, source)| match source {
            Source::Reference(reference) => (name.clone(), reference.to_string()),
            Source::Identifier(reference) => (name.clone(), format!("identifier {reference}")),
            Source::Slot(slot) => (name.clone(), format!("slot {slot}")),
            Source::Setting(text) => (name.clone(), format!("setting {text}")),
            Source::Canary => (name.clone(), "canary".to_owned()),
        });
        assert_eq!(shown.secrets, sources.collect());
        let token = plan.token_endpoint.as_ref();
        assert_eq!(shown.token_endpoint, token.map(|token| format!("{}{}", token.endpoint.origin, token.path)));
    }
}

#[test]
fn what_is_shown_is_what_is_sent() {
    let mut filtered = get_vm("n", "1");
    filtered.parameters.push(("filter".to_owned(), "a=1&b=\u{e9}".to_owned()));
    let requests = [
        filtered,
        send("whoami", Some("fresh")),
        send("list-orders", Some("partner")),
        send("ping", None),
        SendRequest { lent: vec![lent("password", "password")], ..set_password("{\"userid\":\"root@pam\"}") },
        make_token(Some("{\"comment\":\"by hand\"}")),
        SendRequest { parameters: vec![("token".to_owned(), "ci".to_owned())], ..send("drop-token", Some("token")) },
    ];
    for request in requests {
        let (_, send, outbound) = parts(granted(request));
        assert_mirrors(&send, &outbound);
    }
}

#[test]
fn secrets_come_from_the_connection_then_the_manifest_then_this_call() {
    let (_, send, _) = parts(granted(get_vm("n", "1")));
    let shown = send.credential.unwrap();
    let secrets: Vec<(&str, &str)> = shown.secrets.iter().map(|(name, from)| (name.as_str(), from.as_str())).collect();
    assert_eq!(
        secrets,
        [("token-id", "op://MSP/Cluster/token id"), ("token-secret", "op://Acme/Cluster/token secret")]
    );
    let rebound = policy(&[("[secrets]", "[secrets]\ntoken-id = \"op://Acme/Cluster/other id\"")]);
    let (_, send, _) = parts(check_send(&rebound, get_vm("n", "1")).unwrap());
    let shown = send.credential.unwrap();
    assert_eq!(shown.secrets.into_values().next().as_deref(), Some("op://Acme/Cluster/other id"));
    let (_, send, _) = parts(granted(crate::testkit::send("whoami", Some("fresh"))));
    let shown = send.credential.unwrap();
    assert_eq!(shown.secrets.into_values().collect::<Vec<_>>(), ["slot new-token"]);
    let (_, send, outbound) = parts(granted(crate::testkit::send("list-orders", Some("partner"))));
    assert_eq!(send.credential.unwrap().token_endpoint.as_deref(), Some("https://api.example.com/v1/token"));
    assert_eq!((send.connect, send.trust), (None, None), "the other endpoint's tunnel is not this one's");
    assert_eq!(outbound.endpoint.networks.len(), 1);
}

#[test]
fn an_identifier_is_declared_and_granted() {
    let source = |policy: &Policy| {
        let (_, send, outbound) = parts(check_send(policy, get_vm("n", "1")).unwrap());
        let shown = send.credential.unwrap().secrets.into_values().next().unwrap();
        (shown, outbound.credential.unwrap().sources.into_values().next().unwrap())
    };
    let (shown, declared) = source(&policy(&[]));
    assert!(matches!(declared, Source::Reference(_)), "an author's word alone switches nothing off");
    assert_eq!(shown, "op://MSP/Cluster/token id");
    let (shown, granted) = source(&policy(&[("[grant]", "[grant]\nidentifiers = [\"token-id\"]")]));
    assert!(matches!(granted, Source::Identifier(_)));
    assert_eq!(shown, "identifier op://MSP/Cluster/token id");
    let undeclared = CONNECTION.replace("[grant]", "[grant]\nidentifiers = [\"token-secret\"]");
    let connection = Connection::parse(&undeclared).unwrap();
    let error = Policy::default().add("pve-acme".parse().unwrap(), connection, package()).unwrap_err();
    assert!(matches!(error, PolicyError::Undeclared { what: "the identifier", .. }), "{error}");
}

#[test]
fn a_session_shows_what_it_logs_in_with_and_where() {
    let (_, send, outbound) = parts(granted(crate::testkit::send("list-pools", Some("ticket"))));
    let shown = send.credential.unwrap();
    let origin = "https://pve.example.org:8006/api2/json/access/ticket";
    assert_eq!(shown.login, Some(format!("POST {origin}")));
    assert_eq!(shown.logout, Some(format!("DELETE {origin}/{{id}}")));
    let secrets: Vec<&str> = shown.secrets.values().map(String::as_str).collect();
    assert_eq!(secrets, ["setting pam", "op://MSP/Cluster/token id", "op://Acme/Cluster/token secret"]);
    let plan = outbound.credential.unwrap();
    assert!(plan.sources.is_empty(), "what the log-in brings is nobody's reference");
    let login = plan.login.unwrap();
    assert_eq!((login.method, login.path.as_str()), ("POST", "/api2/json/access/ticket"));
    assert_eq!(login.credential.unwrap().name.as_str(), "password");
    let logout = plan.logout.unwrap();
    let path = |id: &str| logout.path(&[("id".to_owned(), id.to_owned())]);
    assert_eq!(path("a b").unwrap(), "/api2/json/access/ticket/a%20b");
    for escape in ["", "..", "a/b", "a%2fb"] {
        assert!(path(escape).is_err(), "{escape:?}");
    }
    assert_eq!(outbound.reply, claviger_manifest::Reply::Status);
}

#[test]
fn versions_are_shown_and_planned_for_the_references_that_have_one() {
    let (id, secret) = ("op://MSP/Cluster/token id", "op://Acme/Cluster/token secret");
    let granted = granted(crate::testkit::send("list-pools", Some("ticket")));
    assert_eq!(granted.references().iter().map(ToString::to_string).collect::<Vec<_>>(), [secret, id]);
    let known = [(secret.parse().unwrap(), "17".to_owned()), ("op://a/b/c".parse().unwrap(), "1".to_owned())];
    let (_, send, outbound) = parts(granted.with_versions(&known.into()));
    let expected = [("token-secret".parse().unwrap(), "17".to_owned())].into();
    assert_eq!(send.credential.unwrap().versions, expected);
    let credential = outbound.credential.unwrap();
    assert!(credential.versions.is_empty(), "a session's own values have no reference");
    assert_eq!(credential.login.unwrap().credential.unwrap().versions, expected);
}

#[test]
fn a_guest_runs_neither_log_in_nor_log_out() {
    for operation in ["log-in", "log-out"] {
        let denied = check_send(&policy(&[]), crate::testkit::send(operation, Some("password"))).unwrap_err();
        assert!(matches!(denied, crate::Denied::UndeclaredOperation { .. }), "{denied}");
    }
}

#[test]
fn a_probe_has_nothing_of_the_connection_in_it() {
    let origin =
        OriginTemplate::try_from("http://127.0.0.1:8080".to_owned()).unwrap().render(&BTreeMap::new()).unwrap();
    let upstream = ProbeUpstream { origin, ca: None };
    let probe = |request: SendRequest| {
        policy(&[]).probe("ada", "s-1", &"pve-acme".parse().unwrap(), request, &upstream).map(parts)
    };
    let (facts, send, outbound) = probe(get_vm("n", "1")).unwrap();
    assert_eq!(send.origin, "http://127.0.0.1:8080");
    assert_eq!((send.connect, send.trust, outbound.endpoint.connect), (None, None, None));
    assert!(outbound.probe && outbound.endpoint.ca.is_none() && outbound.captures.is_empty());
    assert!(send.credential.unwrap().secrets.values().all(|from| from == "canary"));
    assert!(outbound.credential.unwrap().sources.values().all(|source| matches!(source, Source::Canary)));
    assert_eq!((facts.effect, facts.tool.as_str()), (Effect::Read, "everything"));
    let (_, send, outbound) = probe(crate::testkit::send("list-pools", Some("ticket"))).unwrap();
    assert_eq!((send.credential.unwrap().login, outbound.credential.unwrap().login.is_some()), (None, false));
    for operation in ["log-in", "nothing"] {
        assert!(probe(crate::testkit::send(operation, Some("password"))).is_err(), "{operation}");
    }
}

#[test]
fn pins_are_shown_and_planned() {
    let pin = format!("certificate-sha256:{}", hex::encode([0xab; 32]));
    let pinned = policy(&[("[endpoints.api]", &format!("[endpoints.api]\npins = [\"{pin}\"]"))]);
    let (_, send, outbound) = parts(check_send(&pinned, get_vm("n", "1")).unwrap());
    assert_eq!(send.pins, std::slice::from_ref(&pin));
    assert_eq!(outbound.endpoint.pins, [crate::Pin::Certificate([0xab; 32])]);
    let malformed = CONNECTION.replace("[endpoints.api]", "[endpoints.api]\npins = [\"sha256:abcd\"]");
    assert!(Connection::parse(&malformed).unwrap_err().to_string().contains("a pin is `spki-sha256:`"));
}

#[test]
fn a_setting_of_the_connection_replaces_the_default() {
    let other = policy(&[("host = \"pve.example.org\"", "host = \"pve.example.org\"\nport = \"443\"")]);
    let (_, send, _) = parts(check_send(&other, get_vm("n", "1")).unwrap());
    assert_eq!(send.origin, "https://pve.example.org");
}

#[test]
fn a_body_is_shown_leaf_by_leaf_with_its_digest() {
    let text = "{\"userid\" : \"root@pam\", \"groups\":[{\"name\":\"a\"},{\"name\":null}]}";
    let (_, send, outbound) = parts(granted(set_password(text)));
    let body = send.body.unwrap();
    let fields: Vec<(&str, &str)> = body.fields.iter().map(|(at, leaf)| (at.as_str(), leaf.as_str())).collect();
    assert_eq!(fields, [("/groups/0/name", "\"a\""), ("/groups/1/name", "null"), ("/userid", "\"root@pam\"")]);
    assert_eq!((body.encoding, body.sha256), ("json", hex::encode(Sha256::digest(outbound.body.unwrap().to_string()))));
    let (facts, send, outbound) = parts(granted(make_token(Some("{\"comment\":\"a b&c=d\",\"expire\":\"0\"}"))));
    let body = send.body.unwrap();
    assert_eq!((body.encoding, body.sha256), ("form", hex::encode(Sha256::digest("comment=a%20b%26c%3Dd&expire=0"))));
    assert_eq!((facts.effect, outbound.strip), (Effect::Mint, vec!["/data/info".parse().unwrap()]));
    assert_eq!(send.captures.into_values().collect::<Vec<_>>(), ["/data/value"]);
}

#[test]
fn a_write_back_is_shown_as_it_is_stored() {
    // In any order of the values.
    let values = vec![value("password", 3), value("new-token", 1)];
    let granted = check_store(&policy(&[]), store("token", values)).unwrap();
    let facts = granted.facts().clone();
    assert_eq!((facts.effect, facts.action_name().as_str()), (Effect::Write, "token"));
    assert_eq!(facts.description.as_deref(), Some("The rotated token"));
    let (ActionFacts::Store(shown), Plan::Store(plan)) = (facts.action, granted.into_plan()) else {
        unreachable!("a write-back")
    };
    assert_eq!((shown.vault.as_str(), shown.title.as_str()), ("Acme", "pve-acme api token 2031-05-06 070809"));
    assert_eq!((plan.vault, plan.title), (shown.vault, shown.title));
    assert_eq!(
        plan.fields,
        [("token".to_owned(), value("new-token", 1)), ("password".to_owned(), value("password", 3))]
    );
    let slots: BTreeMap<_, _> = plan.fields.into_iter().map(|(label, value)| (label, value.slot)).collect();
    assert_eq!(shown.fields, slots);
}

#[test]
fn the_facts_hold_references_and_no_pem() {
    let (facts, _, _) = parts(granted(get_vm("n", "1")));
    let json = serde_json::to_string(&facts).unwrap();
    assert!(json.contains("op://Acme/Cluster/token secret") && !json.contains("BEGIN CERTIFICATE"));
    assert!(json.contains("\"kind\":\"send\""), "{json}");
}

#[test]
fn a_connection_names_only_what_the_plugin_declares() {
    let add = |from: &str, to: &str| {
        assert!(CONNECTION.contains(from), "{from}");
        let connection = Connection::parse(&CONNECTION.replace(from, to)).unwrap();
        Policy::default().add("pve-acme".parse().unwrap(), connection, package()).unwrap_err()
    };
    let error = |what| {
        format!(
            "connection pve-acme names {what} stray, which the plugin's manifest does not declare; `claviger plugin inspect` lists what it does"
        )
    };
    assert_eq!(add("host = \"", "stray = \"").to_string(), error("the setting"));
    assert_eq!(add("token-secret = ", "stray = ").to_string(), error("the secret"));
    assert_eq!(add("endpoints.api", "endpoints.stray").to_string(), error("the endpoint"));
    assert_eq!(add("token = \"Acme\"", "stray = \"Acme\"").to_string(), error("the write-back"));
    assert_eq!(add("\"ping\"", "\"stray\"").to_string(), error("the operation"));
    assert_eq!(add("write-back = [\"token\"]", "write-back = [\"stray\"]").to_string(), error("the write-back"));
    assert_eq!(add("networks =", "each-use = [\"stray\"]\nnetworks =").to_string(), error("the operation"));
    let people = add("networks =", "people = { stray = 2 }\nnetworks =").to_string();
    assert_eq!(people, error("the operation or write-back"));
    assert!(matches!(add("plugin = \"hypervisor\"", "plugin = \"psa\""), PolicyError::OtherPlugin(_)));
}

#[test]
fn a_tool_is_offered_when_each_part_of_it_is_granted_and_not_before() {
    let offered = |replaced: &[(&str, &str)]| {
        policy(replaced).grants_tool("ada", &"pve-acme".parse().unwrap(), &"everything".parse().unwrap())
    };
    assert!(offered(&[]));
    assert!(!offered(&[("\"ping\", ", "")]), "one operation is missing");
    assert!(!offered(&[("write-back = [\"token\"]", "write-back = []")]), "the write-back is missing");
}

#[test]
fn connections_are_found_by_name() {
    let policy = policy(&[]);
    let name = "pve-acme".parse().unwrap();
    assert_eq!(policy.connection(&name).unwrap().client.as_deref(), Some("Acme"));
    assert_eq!(policy.package(&name).unwrap().manifest().plugin.name.as_str(), "hypervisor");
    assert!(policy.connection(&"other".parse().unwrap()).is_none());
}
