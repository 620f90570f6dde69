//! A: where a request may go. Hosts that look like others, addresses inside, names that change, proxies. ASI02; AML.T0086.
//!
//! Every connection of these tests would be dialled at a recorder, whatever its host says: it counts who came.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use claviger_sim::{Door, Recorded, Recorder};
use serde_json::{Value, json};

use super::{Siege, distinct, get, say, script};
use crate::laboratory::swept;

impl Siege {
    /// The text of a connection's file.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.lab.state().join(format!("connections/{name}.toml"))
    }

    /// Puts a connection beside the first one, whose endpoint leads to `addr`, with these settings and networks.
    pub(super) fn leads(&self, name: &str, addr: SocketAddr, settings: &str, networks: &str) {
        let text = fs::read_to_string(self.file("script")).unwrap();
        let kept: Vec<&str> =
            text.lines().filter(|line| !line.starts_with("networks") && !line.starts_with("connect")).collect();
        let text = kept.join("\n").replace("[endpoints.api]\n", &format!("[endpoints.api]\nconnect = \"{addr}\"\n"));
        let text = text.replace("[grant]\n", &format!("[grant]\nnetworks = {networks}\n"));
        fs::write(self.file(name), format!("{text}\n[settings]\n{settings}\n")).unwrap();
    }

    /// Calls a tool on a connection; exit code and standard error.
    pub(super) fn tried(&self, connection: &str) -> (i32, String) {
        let ran = self.lab.call(&format!("{connection}.run"), &json!({ "steps": get("a", "key") })).unwrap();
        (ran.code, ran.stderr.clone() + &ran.json().to_string())
    }
}

/// Hosts that a setting may not be, by what they try.
const HOSTS: [(&str, &str); 37] = [
    ("A2.1", "api.example."),
    ("A2.2", "."),
    ("A4.1", "api.example:8443"),
    ("A4.2", "api.example:0"),
    ("A5.1", "http://api.example"),
    ("A5.2", "https://api.example"),
    ("A6", "user:word@api.example"),
    ("A7", "api.example@evil.example"),
    ("A8.1", "api.example\\\\@evil.example"),
    ("A8.2", "api.example\\\\.evil.example"),
    ("A9.1", "api.example%40evil.example"),
    ("A9.2", "api.example%00.evil.example"),
    ("A9.3", "api%20example"),
    ("A9.4", "api%2eexample"),
    ("A9.5", "api.example/evil"),
    ("A9.6", "api.example?evil"),
    ("A9.7", "api.example#evil"),
    ("A10", "\u{430}pi.example"),
    ("A11.1", "\u{ff41}pi.example"),
    ("A11.2", "a\u{ad}pi.example"),
    ("A11.3", "a\u{200b}pi.example"),
    ("A11.4", "api\u{3002}example"),
    ("A11.5", "api.exa\\tmple"),
    ("A11.6", "api.exa\\nmple"),
    ("A11.7", "a\u{202e}pi.example"),
    ("A14.1", "*.example"),
    ("A14.2", "*"),
    ("A14.3", ".example"),
    ("A14.4", "a..example"),
    ("A14.5", "api_v1.example "),
    ("A15.1", "2130706433"),
    ("A15.2", "017700000001"),
    ("A15.3", "0x7f.1"),
    ("A15.4", "127.1"),
    ("A15.5", "0x7f000001"),
    ("A15.6", "0177.0.0.1"),
    ("A15.7", "\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}"),
];

/// Ports that a setting may not be.
const PORTS: [(&str, &str); 8] = [
    ("A3.1", "0443"),
    ("A3.2", "+443"),
    ("A3.3", "443 "),
    ("A3.4", "0"),
    ("A3.5", "65536"),
    ("A3.6", "-1"),
    ("A3.7", "443@evil.example"),
    ("A3.8", "443/evil"),
];

#[test]
fn a_setting_is_a_host_or_a_port_and_leads_nowhere_else() {
    let siege = Siege::new();
    let recorder = Recorder::start().unwrap();
    let mut wrong = Vec::new();
    let hosts = HOSTS.map(|(id, host)| (id, format!("host = \"{host}\"")));
    let ports = PORTS.map(|(id, port)| (id, format!("port = \"{port}\"")));
    for (id, line) in hosts.into_iter().chain(ports) {
        siege.leads("astray", recorder.running.addr, &line, "[\"127.0.0.0/8\"]");
        let (_, told) = siege.tried("astray");
        if !told.contains("endpoint api needs settings that are missing or malformed") {
            wrong.push(format!("{id} {line}: {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(recorder.running.connections(), 0);
    // A1: letters in another case are the same host, and it is the small letters that are sent.
    siege.says(say::body("{}"));
    siege.leads("astray", siege.running.addr, "host = \"LOCALHOST\"", "[\"127.0.0.0/8\"]");
    let (_, told) = siege.tried("astray");
    let seen = siege.running.seen();
    let lowered = seen.first().is_some_and(|request| request.header("host") == Some("localhost"));
    assert!(lowered || told.contains("missing or malformed"), "A1: {told}");
    assert_eq!(distinct(HOSTS.iter().chain(&PORTS).map(|(id, _)| *id)), HOSTS.len() + PORTS.len());
    swept(&siege.lab);
}

/// Origins that a manifest may not have.
const ORIGINS: [(&str, &str); 14] = [
    ("A2.3", "https://api.example./"),
    ("A3.9", "https://api.example:0443"),
    ("A5.3", "HTTP://api.example"),
    ("A6.2", "https://user:word@api.example"),
    ("A7.2", "https://api.example@evil.example"),
    ("A8.3", "https://api.example\\\\@evil.example"),
    ("A9.8", "https://api%2eexample"),
    ("A11.8", "https://\u{ff41}pi.example"),
    ("A14.6", "https://*.co.uk"),
    ("A15.8", "https://0x7f.1"),
    ("A23.1", "file:///etc/passwd"),
    ("A23.2", "gopher://api.example"),
    ("A28.1", "socks5://127.0.0.1"),
    ("A29.3", "wss://api.example"),
];

#[test]
fn an_origin_is_a_scheme_a_host_and_a_port_in_one_spelling() {
    let siege = Siege::new();
    let publisher = siege.lab.publisher("tester", "another").unwrap();
    let mut wrong = Vec::new();
    for (id, origin) in ORIGINS {
        let draft = script().with("origin = \"https://localhost\"", &format!("origin = \"{origin}\"")).unwrap();
        let (ran, _) = siege.lab.try_pack(&publisher, &draft, "origin").unwrap();
        if ran.code != 6 || !ran.stderr.contains("origin") {
            wrong.push(format!("{id} {origin}: {} {}", ran.code, ran.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Addresses that need the grant's word, and addresses that no grant helps.
const INSIDE: [&str; 26] = [
    "127.0.0.1:443",
    "127.8.8.8:443",
    "0.0.0.0:443",
    "10.0.0.1:443",
    "100.64.0.1:443",
    "169.254.0.1:443",
    "172.16.0.1:443",
    "172.31.255.255:443",
    "192.0.0.8:443",
    "192.0.2.1:443",
    "192.88.99.1:443",
    "192.168.0.1:443",
    "198.18.0.1:443",
    "198.51.100.1:443",
    "203.0.113.1:443",
    "224.0.0.1:443",
    "255.255.255.255:443",
    "[::]:443",
    "[::1]:443",
    "[::ffff:127.0.0.1]:443",
    "[::127.0.0.1]:443",
    "[64:ff9b::7f00:1]:443",
    "[2002:7f00:1::]:443",
    "[fc00::1]:443",
    "[fe80::1]:443",
    "[ff02::1]:443",
];
const NEVER: [&str; 6] = [
    "169.254.169.254:80",
    "[::ffff:169.254.169.254]:80",
    "[64:ff9b::a9fe:a9fe]:80",
    "[2002:a9fe:a9fe::]:80",
    "[fd00:ec2::254]:80",
    "100.100.100.200:80",
];

#[test]
fn an_address_inside_needs_the_grants_word_and_some_have_none() {
    let siege = Siege::new();
    let mut wrong = Vec::new();
    // A16, A17, A18.
    for (address, networks, expected) in
        INSIDE.map(|address| (address, "[]", "address that the grant does not name")).into_iter().chain(
            NEVER.map(|address| {
                (address, "[\"0.0.0.0/0\", \"::/0\"]", "a cloud metadata address, which is never dialled")
            }),
        )
    {
        siege.leads("inside", address.parse().unwrap(), "", networks);
        let (_, told) = siege.tried("inside");
        if !told.contains(expected) || !told.contains("\"left\":false") {
            wrong.push(format!("{address}: {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(siege.running.connections(), 0);
    swept(&siege.lab);
}

/// The resolver of `resolver.c`, compiled.
fn resolver(siege: &Siege) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/hostile/resolver.c");
    let library = siege.lab.beside("resolver.so");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compile.status().unwrap().success(), "the C compiler failed");
    library
}

/// What a program printed, as the laboratory's own runs give it.
fn said(siege: &Siege, output: &std::process::Output) -> String {
    siege.lab.heard(&output.stdout);
    siege.lab.heard(&output.stderr);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    format!("{told}{}", String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_name_is_resolved_once_and_one_bad_address_spoils_the_answer() {
    let siege = Siege::new();
    let library = resolver(&siege);
    siege.says(say::answer("200 OK", "Connection: close\r\n", b"{}"));
    let port = siege.running.addr.port();
    // The same port at other addresses of this machine, where nobody may come.
    let elsewhere: Vec<Recorded> = ["127.0.0.2", "127.0.0.3"]
        .map(|host| Recorder::saying(format!("{host}:{port}").parse().unwrap(), b"").unwrap())
        .into();
    siege.leads("named", siege.running.addr, &format!("host = \"localhost\"\nport = \"{port}\""), "[\"127.0.0.1/32\"]");
    let text = fs::read_to_string(siege.file("named")).unwrap();
    fs::write(
        siege.file("named"),
        text.lines().filter(|line| !line.starts_with("connect")).collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    for (id, first, then, good) in [
        ("A19.1", "127.0.0.1", "127.0.0.2", true),
        ("A19.2", "127.0.0.1,127.0.0.2", "127.0.0.1", false),
        ("A19.3", "127.0.0.2,127.0.0.1", "127.0.0.1", false),
        ("A19.4", "127.0.0.3", "127.0.0.1", false),
        ("A36", "127.0.0.1,::ffff:127.0.0.2", "127.0.0.1", false),
    ] {
        let count = siege.lab.beside(&format!("{id}.count"));
        let mut command = siege.lab.command();
        command.args(["call", "named.run", "--args", &json!({ "steps": get("n", "key") }).to_string()]);
        command.env("LD_PRELOAD", &library).env("RESOLVER_COUNT", &count);
        let output = command.env("RESOLVER_FIRST", first).env("RESOLVER_THEN", then).output().unwrap();
        let told = said(&siege, &output);
        let refused = told.contains("a loopback address that the grant does not name");
        assert!(told.contains("\"status\":200") == good && refused != good, "{id}: {told}");
        assert_eq!(fs::read(&count).unwrap().len(), 1, "{id}: it was resolved again");
    }
    assert_eq!(siege.asked(), 1);
    assert!(elsewhere.iter().all(|recorder| recorder.running.connections() == 0), "somebody went elsewhere");
    swept(&siege.lab);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    // A27, A28
    let siege = Siege::new();
    siege.says(say::body("{}"));
    let proxy = Recorder::start().unwrap();
    let addr = proxy.running.addr;
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let mut command = siege.lab.command();
        command.args(["call", "script.run", "--args", &json!({ "steps": get("p", "key") }).to_string()]);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "FTP_PROXY"] {
            command.env(name, format!("{scheme}://{addr}"));
        }
        // Nor does what would excuse a host from its proxy change anything.
        let output = command.env("NO_PROXY", "").env("no_proxy", "").output().unwrap();
        let told = said(&siege, &output);
        assert!(told.contains("\"status\":200"), "{scheme}: {told}");
    }
    assert_eq!((proxy.running.connections(), siege.asked()), (0, 4));
    swept(&siege.lab);
}

#[test]
fn the_upstream_of_one_connection_is_not_the_others() {
    let siege = Siege::new();
    siege.says(say::body("{}"));
    let other = siege.upstream.start(&Door::Trusted(&siege.lab.ca, &["other.example".to_owned()])).unwrap();
    siege.leads("other", other.addr, "host = \"other.example\"", "[\"127.0.0.0/8\"]");
    for (connection, host) in [("script", "localhost"), ("other", "other.example")] {
        let (code, told) = siege.tried(connection);
        assert!(code == 0 && told.contains("\"status\":200"), "{told}");
        let seen = if connection == "script" { siege.running.seen() } else { other.seen() };
        assert_eq!((seen.len(), seen[0].header("host")), (1, Some(host)));
    }
    swept(&siege.lab);
}
