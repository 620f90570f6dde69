//! Where a secret must not go: private networks, metadata services, servers that are not who they should be, redirects.

use claviger_lab::Lab;
use claviger_sim::{Hostile, TestCa};
use serde_json::json;

use super::{Lair, besieged, echo, hostility, lair, probe, refused, tester};
use crate::laboratory::{lab, swept};

/// Adds a connection of the probe with these arguments and every read granted.
fn connect(lab: &Lab, name: &str, more: &[&str]) {
    let mut arguments = vec!["connection", "add", name, "--plugin", "probe", "--secret", "key=op://MSP/Probe/key"];
    arguments.extend(["--allow", "all-reads"]);
    arguments.extend(more);
    lab.must(&arguments).unwrap();
}

/// The probe, installed, with its secret in the vault, and an upstream that nothing leads to yet.
fn prepared(lab: &Lab) -> Lair {
    let lair = lair(&lab.ca);
    lab.adopt(&tester(lab), &probe(lab), "probe").unwrap();
    lab.put("op://MSP/Probe/key", &lab.canary("key").unwrap()).unwrap();
    lair
}

fn authority(lab: &Lab, ca: &TestCa, name: &str) -> String {
    format!("api={}", lab.file(name, ca.pem().as_bytes()).unwrap().display())
}

#[test]
fn a_private_network_needs_a_grant_of_its_own() {
    let lab = lab();
    let lair = prepared(&lab);
    let (ca, address) = (authority(&lab, &lab.ca, "ca.pem"), format!("api={}", lair.running.addr));
    // By the operator's own address, and by a name that resolves to it.
    connect(&lab, "dialled", &["--ca", &ca, "--connect", &address]);
    connect(&lab, "resolved", &["--ca", &ca, "--setting", "host=localhost"]);
    connect(&lab, "literal", &["--ca", &ca, "--setting", "host=127.0.0.1"]);
    connect(&lab, "elsewhere", &["--ca", &ca, "--connect", &address, "--network", "10.0.0.0/8"]);
    for connection in ["dialled", "resolved", "literal", "elsewhere"] {
        let told = refused(&lab, &format!("{connection}.list_nodes"), "{}", 1);
        assert!(told.contains("loopback address that the grant does not name"), "{connection}: {told}");
        assert!(told.contains("the connection's [grant] networks must list the range"), "{told}");
    }
    assert_eq!(lair.running.connections(), 0);
    swept(&lab);
}

#[test]
fn the_environment_names_no_proxy_and_no_file_for_keys() {
    let lab = lab();
    let lair = prepared(&lab);
    let proxy = claviger_sim::Recorder::start().unwrap();
    let (ca, address) = (authority(&lab, &lab.ca, "ca.pem"), format!("api={}", lair.running.addr));
    connect(&lab, "probe", &["--ca", &ca, "--connect", &address, "--network", "127.0.0.0/8"]);
    let keys = lab.beside("session-keys");
    let mut command = lab.command();
    command.args(["call", "probe.list_nodes"]).env("SSLKEYLOGFILE", &keys).env("NO_PROXY", "").env("no_proxy", "");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, format!("http://{}", proxy.running.addr));
    }
    command.output().unwrap();
    assert_eq!((proxy.running.connections(), lair.running.connections()), (0, 1));
    assert!(!keys.exists(), "the keys of TLS sessions were written down");
    swept(&lab);
}

#[test]
fn a_metadata_service_is_never_dialled_whatever_is_granted() {
    let lab = lab();
    prepared(&lab);
    let everything = ["--network", "0.0.0.0/0", "--network", "::/0"];
    for (index, how) in [
        ["--connect", "api=169.254.169.254:80"],
        ["--connect", "api=[fd00:ec2::254]:80"],
        ["--connect", "api=[::ffff:169.254.169.254]:80"],
        ["--setting", "host=169.254.169.254"],
    ]
    .iter()
    .enumerate()
    {
        let name = format!("metadata{index}");
        connect(&lab, &name, &[how.as_slice(), &everything].concat());
        let told = refused(&lab, &format!("{name}.list_nodes"), "{}", 1);
        assert!(told.contains("a cloud metadata address, which is never dialled"), "{how:?}: {told}");
    }
    swept(&lab);
}

#[test]
fn a_host_setting_is_a_host_and_nothing_else() {
    let lab = lab();
    prepared(&lab);
    for (index, host) in
        ["api.example@evil.example", "evil.example/", "evil.example#", "a b", "evil.example:443", "127.1", "0x7f.1"]
            .iter()
            .enumerate()
    {
        let name = format!("host{index}");
        connect(&lab, &name, &["--setting", &format!("host={host}"), "--network", "127.0.0.0/8"]);
        let told = refused(&lab, &format!("{name}.list_nodes"), "{}", 3);
        assert!(told.contains("endpoint api needs settings that are missing or malformed"), "{host}: {told}");
    }
    swept(&lab);
}

#[test]
fn a_server_of_another_authority_is_not_spoken_to() {
    let lab = lab();
    let lair = prepared(&lab);
    let stranger = TestCa::new().unwrap();
    let (ca, address) = (authority(&lab, &stranger, "stranger.pem"), format!("api={}", lair.running.addr));
    connect(&lab, "stranger", &["--ca", &ca, "--connect", &address, "--network", "127.0.0.0/8"]);
    // Public authorities only.
    connect(&lab, "public", &["--connect", &address, "--network", "127.0.0.0/8"]);
    for connection in ["stranger", "public"] {
        let told = refused(&lab, &format!("{connection}.list_nodes"), "{}", 1);
        assert!(told.contains("TLS to the upstream failed") && told.contains("[endpoints] ca"), "{told}");
    }
    assert_eq!((lair.running.refused_handshakes(), lair.running.seen().len()), (2, 0));
    swept(&lab);
}

#[test]
fn a_certificate_for_another_name_is_not_accepted() {
    let lab = lab();
    let lair = prepared(&lab);
    let another = ["other.example".to_owned()];
    let server = Hostile::start_as_another(&lab.ca, hostility(&lair.elsewhere), &another).unwrap();
    let (ca, address) = (authority(&lab, &lab.ca, "ca.pem"), format!("api={}", server.addr));
    let dialled = ["--ca", &ca, "--connect", &address, "--network", "127.0.0.0/8"];
    connect(&lab, "misnamed", &dialled);
    let told = refused(&lab, "misnamed.list_nodes", "{}", 1);
    assert!(told.contains("TLS to the upstream failed"), "{told}");
    assert_eq!((server.refused_handshakes(), server.seen().len()), (1, 0));
    // The name that the certificate has is the one that is checked, not the address that is dialled.
    connect(&lab, "named", &[dialled.as_slice(), &["--setting", "host=other.example"]].concat());
    let told = refused(&lab, "named.rotate_api_token", &echo("target", "raw"), 1);
    assert!(told.contains("has another shape than its vendor documents"), "{told}");
    assert_eq!(server.seen().len(), 1);
    swept(&lab);
}

#[test]
fn a_redirect_is_told_and_never_followed() {
    let lab = lab();
    let lair = besieged(&lab);
    for status in [301, 302, 303, 307, 308] {
        for kind in ["relative", "absolute", "protocol-relative", "port", "plain", "credentials", "none"] {
            if status != 302 && kind != "port" {
                continue;
            }
            let arguments = json!({ "node": kind, "vmid": status }).to_string();
            let told = refused(&lab, "probe.get_vm", &arguments, 1);
            let expected = format!("the upstream answered {status}, a redirect; redirects are never followed");
            assert!(told.contains(&expected), "{told}");
        }
    }
    let paths: Vec<String> = lair.running.seen().into_iter().map(|request| request.path).collect();
    assert!(paths.len() == 11 && paths.iter().all(|path| path.starts_with("/redirect/")), "{paths:?}");
    assert_eq!(lair.elsewhere.running.connections(), 0);
    swept(&lab);
}
